"""Futures and the options on them: what is listed now, books on demand."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from brokers.domain.instruments import MONTH_CODES, Future, FutureOption, Right, describe
from brokers.simulator.market.contracts import (
    Contract,
    FutureExpiration,
    FutureStrike,
    OptionProduct,
    Product,
    option_contract,
)
from brokers.simulator.market.futures.curve import fair
from brokers.simulator.market.futures.months import contracts_of, delivers, future_ends, option_ends, single_contract
from brokers.simulator.market.futures.quotes import FutureQuotes
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options.boards import Board
from brokers.simulator.market.options.chains import Ladder, strikes
from brokers.simulator.market.options.expiries import month_after
from brokers.simulator.market.options.levels import Levels
from brokers.simulator.market.options.terms import Terms, terms
from brokers.simulator.market.products import PRODUCTS
from brokers.simulator.market.sessions import local_date
from brokers.simulator.market.source import Source

SOON, WEEKS = timedelta(days=14), timedelta(days=35)  # how long before their ends short series are listed
LIFE = 400
BUSY = 2.0  # open interest at the money, by the root of the product's daily volume


class FuturesDesk:
    """Contracts and chains are listed when first asked for on a day."""

    def __init__(self, source: Source, levels: Levels) -> None:
        self.source, self.levels = source, levels
        self._contracts: dict[str, tuple[date, datetime, list[Contract]]] = {}
        self._chains: dict[str, tuple[date, datetime, list[FutureExpiration]]] = {}
        self._listed: dict[tuple[str, date], tuple[frozenset[Decimal], FutureExpiration]] = {}
        self._terms: dict[FutureOption, Terms] = {}
        self._boards: dict[Future, Board] = {}
        self.quotes = FutureQuotes(source)

    # Futures

    def contracts(self, code: str) -> list[Contract]:
        """The months listed now, ascending; none for an unknown product."""
        product, now = PRODUCTS.get(code), self.source.now
        if product is None:
            return []
        kept, day = self._contracts.get(code), self.source.calendar(Future(code, 0, 0)).trading(now).date
        if kept is None or kept[0] != day or now >= kept[1]:
            found = contracts_of(product, now, day)
            kept = self._contracts[code] = (day, found[0].expires_at, found)
        return kept[2]

    def contract(self, future: Future) -> Contract | None:
        return next((one for one in self.contracts(future.product) if one.future == future), None)

    def past_or_present(self, future: Future) -> Contract | None:
        """The contract of any month of a product, listed or not: for prices of the past and settlements."""
        product = PRODUCTS.get(future.product)
        if product is None or MONTH_CODES[future.month - 1] not in product.months:
            return None
        return self.contract(future) or single_contract(product, future.year, future.month)

    def listing(self, future: Future) -> Listing | None:
        found = self.contract(future)
        if found is None:
            return None
        product = found.product
        return Listing(
            instrument=future,
            description=found.description,
            exchange=product.exchange,
            increments=product.tick,
            option_increments=product.option_increments,
            multiplier=product.multiplier,
            underlying=product.follows,
            expires_at=found.expires_at,
        )

    # Options on futures

    def chain(self, code: str) -> list[FutureExpiration]:
        """The options listed on a product's months, by their end ascending."""
        product, now = PRODUCTS.get(code), self.source.now
        if product is None or not product.options:
            return []
        kept = self._chains.get(code)
        if kept is None or kept[0] != local_date(now) or now >= kept[1]:
            found = sorted(self._expirations(product, now), key=lambda each: (each.expires_at, each.contract))
            kept = self._chains[code] = (local_date(now), found[0].expires_at, found)
            self._drop_ended(now)
            for each in found:
                prices = frozenset(strike.price for strike in each.strikes)
                self._listed[each.contract, each.expiry] = (prices, each)
        return kept[2]

    def _drop_ended(self, now: datetime) -> None:
        """What is over is made anew in the rare case that somebody asks."""
        for option in [option for option, found in self._terms.items() if found.expires_at <= now]:
            del self._terms[option]
        for name in [name for name, (_, each) in self._listed.items() if each.expires_at <= now]:
            del self._listed[name]

    def forget(self, code: str) -> None:
        self._chains.pop(code, None)

    def find(self, option: FutureOption) -> Terms | None:
        """The terms of a listed option that has not ended."""
        found = self._terms.get(option)
        if found is None:
            self.chain(option.future.product)
            strikes_, each = self._listed.get((option.contract, option.expiry), (frozenset(), None))
            if each is None or option.strike not in strikes_ or each.future != option.future:
                return None
            found = self._terms[option] = self._build(option, each)
        return found if self.source.now < found.expires_at else None

    def any(self, option: FutureOption) -> Terms | None:
        """The terms of an option that is or was listed, were it to end long ago."""
        return self._terms.get(option) or self._past(option)

    def expiration(self, option: FutureOption) -> FutureExpiration | None:
        """The series and day under which an option is or was listed."""
        self.chain(option.future.product)
        found = self._listed.get((option.contract, option.expiry))
        return found[1] if found and found[1].future == option.future else None

    def listing_of_option(self, option: FutureOption) -> Listing | None:
        found, each = self.find(option), self.expiration(option)
        if found is None or each is None:
            return None
        return Listing(
            instrument=option,
            description=describe(option),
            exchange=each.product.exchange,
            increments=each.increments,
            multiplier=each.product.multiplier,
            underlying=option.future,
            expires_at=found.expires_at,
        )

    def board(self, future: Future) -> Board | None:
        found, contract = self._boards.get(future), self.past_or_present(future)
        if found is None and contract is not None:
            calendar = self.source.calendar(future)
            found = self._boards[future] = Board(self.source, contract.product.path, calendar, None, contract)
        return found

    def _past(self, option: FutureOption) -> Terms | None:
        product = PRODUCTS.get(option.future.product)
        series = next((one for one in product.options if one.code == option.contract[:-3]), None) if product else None
        board = self.board(option.future)
        if product is None or series is None or board is None:
            return None
        letter, digits = option.contract[-3], option.contract[-2:]
        if letter not in MONTH_CODES or not digits.isdecimal() or option.strike <= 0:
            return None
        ends = option_ends(series, product, 2000 + int(digits), MONTH_CODES.index(letter) + 1)
        if ends is None:
            return None
        ends = min(ends, future_ends(product.rule, option.future.year, option.future.month))
        return terms(option, board, series.increments, ends, ends, product.daily_volume**0.5 * BUSY)

    def _build(self, option: FutureOption, each: FutureExpiration) -> Terms:
        board = self.board(option.future)
        if board is None:
            raise LookupError(f"{option.future} is not a future of {each.product.code}.")
        busy = each.product.daily_volume**0.5 * BUSY
        return terms(option, board, each.increments, each.expires_at, each.expires_at, busy)

    def _expirations(self, product: Product, now: datetime) -> Iterator[FutureExpiration]:
        today = local_date(now)
        usual = self.source.usual_vol(product.path)
        listed = {one.future for one in self.contracts(product.code)}
        for series in product.options:
            for year, month, ends in _endings(series, product, now):
                same = series.rule in ("with_future", "before_future")
                delivery = delivers(product, ends, year, month, same)
                future = Future(product.code, *delivery)
                if future not in listed:
                    continue
                ends = min(ends, future_ends(product.rule, *delivery))
                expiry = local_date(ends)
                low, high = self.levels.span(product.path, expiry, LIFE, today)
                far = future_ends(product.rule, *delivery)
                bottom, top = (fair(product, future.month, far, ends, level) for level in (low, high))
                near = (expiry - today).days
                prices = strikes(Ladder(*series.strike_steps), bottom, top, usual, near, self.source.home(product.path))
                yield _expiration(future, product, series, year, month, expiry, ends, prices)


def _endings(series: OptionProduct, product: Product, now: datetime) -> Iterator[tuple[int, int, datetime]]:
    """The option months of a series that are listed now and when each ends."""
    today, count = local_date(now), 0
    for ahead in range(20):
        year, month = month_after(today, ahead)
        if series.rule == "with_future" and option_contract("", year, month)[0] not in product.months:
            continue
        ends = option_ends(series, product, year, month)
        if ends is None or ends <= now:
            continue
        count += 1
        horizon = WEEKS if series.rule.startswith("friday") else SOON
        if count > series.listed if series.listed else ends > now + horizon:
            return
        yield year, month, ends


def _expiration(
    future: Future,
    product: Product,
    series: OptionProduct,
    year: int,
    month: int,
    expiry: date,
    ends: datetime,
    prices: tuple[Decimal, ...],
) -> FutureExpiration:
    code = option_contract(series.code, year, month)
    listed = tuple(
        FutureStrike(
            price,
            FutureOption(future, code, expiry, Right.CALL, price),
            FutureOption(future, code, expiry, Right.PUT, price),
        )
        for price in prices
    )
    return FutureExpiration(future, product, series, code, expiry, ends, series.kind, series.increments, listed)
