"""Everything that hangs on another price: options, futures and options on futures, as the market asks for them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Index, Instrument, Option
from brokers.domain.market import Chain
from brokers.simulator.market.bars import Bar
from brokers.simulator.market.book import Book, GreekValues
from brokers.simulator.market.contracts import Contract, FutureExpiration, Product
from brokers.simulator.market.derived_bars import future_bars, option_bars
from brokers.simulator.market.futures.curve import fair
from brokers.simulator.market.futures.desk import FuturesDesk
from brokers.simulator.market.grids import grid_of
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options.chains import Deliverable
from brokers.simulator.market.options.desk import OptionDesk, expires_at
from brokers.simulator.market.options.levels import Levels
from brokers.simulator.market.options.strips import greeks_of_many
from brokers.simulator.market.options.terms import Terms
from brokers.simulator.market.products import PRODUCTS
from brokers.simulator.market.source import Key, Source

Derivative = Option | Future | FutureOption


class Derivatives:
    """What is listed, what it costs, when it ends. Made on demand; only the listings of the day are kept."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.reset()

    # What is listed

    def listing(self, instrument: Instrument) -> Listing | None:
        """None for what is not listed now, and for what is no derivative."""
        match instrument:
            case Option():
                return self.options.listing(instrument)
            case Future():
                return self.futures.listing(instrument)
            case FutureOption():
                return self.futures.listing_of_option(instrument)
        return None

    def chain(self, underlying: Instrument) -> Chain | None:
        return self.options.chain(underlying)

    def deliverable(self, root: str) -> Deliverable | None:
        return self.options.deliverable(root)

    def products(self) -> list[Product]:
        return list(PRODUCTS.values())

    def product(self, code: str) -> Product | None:
        return PRODUCTS.get(code)

    def contracts(self, code: str) -> list[Contract]:
        return self.futures.contracts(code)

    def contract(self, future: Future) -> Contract | None:
        return self.futures.contract(future)

    def future_chain(self, code: str) -> list[FutureExpiration]:
        return self.futures.chain(code)

    def underlying(self, instrument: Derivative) -> Instrument:
        """What it settles into or against: a future that follows no index is its own. ``KeyError`` when unknown."""
        match instrument:
            case FutureOption(future):
                return self._contract(future).future
            case Future():
                return self._contract(instrument).product.follows or instrument
        found = self.options.listing_of(instrument.root)
        if found is None:
            raise KeyError(instrument)
        return found.instrument

    def moves_with(self, instrument: Derivative) -> Key:
        """The key of the path its price moves with."""
        match instrument:
            case FutureOption(future):
                return self._contract(future).product.path
            case Future():
                return self._contract(instrument).product.path
        return self.underlying(instrument)

    def forget(self, key: Key) -> None:
        """The path was put elsewhere: strikes around its new price are listed when next asked for."""
        for product in PRODUCTS.values():
            if key in (product.path, product.follows):
                self.futures.forget(product.code)
        if not isinstance(key, str):
            self.options.forget(key)

    def reset(self) -> None:
        """Forget all that was looked up: the past is another since prices that were put have been restored."""
        levels = Levels(self.source)
        self.options = OptionDesk(self.source, levels)
        self.futures = FuturesDesk(self.source, levels)

    # What it costs

    def book(self, instrument: Derivative) -> Book | None:
        """None for what is not listed or has ended."""
        if isinstance(instrument, Future):
            contract = self.futures.contract(instrument)
            return self.futures.quotes.book(contract) if contract else None
        found = self._terms(instrument)
        return found.book() if found else None

    def books(self, instruments: Sequence[Derivative]) -> list[Book | None]:
        """The books of many: the prices of all options are worked out at once."""
        terms = [None if isinstance(one, Future) else self._terms(one) for one in instruments]
        rows = zip(instruments, terms, greeks_of_many(terms), strict=True)
        return [found.book(greeks) if found else self.book(one) for one, found, greeks in rows]

    def spot(self, future: Future, at: datetime) -> float:
        """The fair price of a delivery month at any time; ``KeyError`` when there is no such product."""
        return self.futures.quotes.spot(self._contract(future), at)

    def worth(self, future: Future, price: float, at: datetime) -> float:
        """What a delivery month is worth at a price of its path."""
        contract = self._contract(future)
        return fair(contract.product, future.month, contract.expires_at, at, price)

    def price_at(self, instrument: Derivative, at: datetime) -> Decimal | None:
        """The fair price on the grid at any moment; at its end and after, what it settles to. None when unknown."""
        if isinstance(instrument, Future):
            contract = self.futures.past_or_present(instrument)
            return grid_of(contract.product.tick).at(self.futures.quotes.spot(contract, at)) if contract else None
        found = self._any(instrument)
        if found is None:
            return None
        return found.price_at(at) if at < found.expires_at else self._worth_at_end(instrument, found)

    def greeks_of_many(self, options: Sequence[Option | FutureOption]) -> list[GreekValues | None]:
        """Price and Greeks as of the last quote, all at once; None for what is not listed."""
        return greeks_of_many([self._terms(option) for option in options])

    def settlement(self, instrument: Derivative) -> Decimal | None:
        """The price of what it settles against (of a future: its own last), at its fixing; None before."""
        ends = self.expires_at(instrument)
        if self.source.now < ends:
            return None
        return self._fixing(instrument, ends)

    # When it ends

    def expires_at(self, instrument: Derivative) -> datetime:
        """The moment it settles, listed or long over; ``KeyError`` for what is unknown."""
        match instrument:
            case Option(root, expiry):
                return expires_at(root, expiry)
            case Future():
                return self._contract(instrument).expires_at
        found = self._any(instrument)
        if found is None:
            raise KeyError(instrument)
        return found.expires_at

    def last_trade_at(self, instrument: Derivative) -> datetime:
        """The last moment it trades: earlier than its end where it settles by opening prices."""
        if isinstance(instrument, Future):
            return self._contract(instrument).last_trade_at
        found = self._any(instrument)
        if found is None:
            raise KeyError(instrument)
        return found.last_trade_at

    def settles_in_cash(self, instrument: Instrument) -> bool:
        """Index options and cash-settled futures do; options on futures become the future."""
        match instrument:
            case Option():
                return isinstance(self.underlying(instrument), Index)
            case Future():
                return self._contract(instrument).product.cash_settled
        return False

    def derivative_bars(self, instrument: Derivative, bars: list[Bar]) -> list[Bar]:
        """The bars of a derivative from those of the path it moves with; none for the unknown."""
        if isinstance(instrument, Future):
            contract = self.futures.past_or_present(instrument)
            calendar = self.source.calendar(instrument)
            return future_bars(contract, bars, calendar, self.source.now) if contract else []
        found = self._any(instrument)
        return option_bars(found, bars, self.source.now) if found else []

    def _terms(self, option: Option | FutureOption) -> Terms | None:
        return self.options.find(option) if isinstance(option, Option) else self.futures.find(option)

    def _any(self, option: Option | FutureOption) -> Terms | None:
        return self.options.any(option) if isinstance(option, Option) else self.futures.any(option)

    def _contract(self, future: Future) -> Contract:
        found = self.futures.past_or_present(future)
        if found is None:
            raise KeyError(future)
        return found

    def _fixing(self, instrument: Derivative, ends: datetime) -> Decimal:
        if isinstance(instrument, Option):
            listing = self.options.listing_of(instrument.root)
            if listing is None:
                raise KeyError(instrument)
            return grid_of(listing.increments).at(self.source.level(listing.instrument, ends))
        contract = self._contract(instrument.future if isinstance(instrument, FutureOption) else instrument)
        return grid_of(contract.product.tick).at(self.futures.quotes.spot(contract, ends))

    def _worth_at_end(self, option: Option | FutureOption, found: Terms) -> Decimal:
        """What exercise brings per unit of premium, an adjusted contract's shares and cash counted."""
        level = self._fixing(option, found.expires_at)
        delivers = self.options.deliverable(option.root) if isinstance(option, Option) else None
        if delivers is not None and not delivers.standard:
            level = (delivers.shares * level + delivers.cash) / 100
        inside = level - option.strike if found.is_call else option.strike - level
        return max(inside, Decimal(0))
