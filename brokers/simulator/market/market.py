"""The market: what is listed, what it costs at any time, when it trades; moved to a given time by its owner."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

from brokers.domain.instruments import Future, FutureOption, Index, Instrument, Option, parse_instrument
from brokers.domain.market import Chain
from brokers.simulator.market import history
from brokers.simulator.market.bars import SECONDS, TOUCH, Bar, BarMaker, HoursOf, Interval, Subject, runs
from brokers.simulator.market.book import Book, Print
from brokers.simulator.market.company import Dividend, Earnings
from brokers.simulator.market.contracts import Contract, FutureExpiration, Product
from brokers.simulator.market.derivatives import Derivatives
from brokers.simulator.market.grids import PathGrid
from brokers.simulator.market.halts import Halt
from brokers.simulator.market.history import Extremes, YearExtremes
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.metrics import Companies, Metrics
from brokers.simulator.market.options.chains import Deliverable
from brokers.simulator.market.paths.fair import Fair, Key
from brokers.simulator.market.paths.quotes import Path
from brokers.simulator.market.paths.tape import Tape, collection
from brokers.simulator.market.paths.turnover import Habit, Turnover
from brokers.simulator.market.recent import Recent
from brokers.simulator.market.sessions import DAY, Calendar, Collection, Phase, Session, local_date
from brokers.simulator.market.universe import cast, characters, fair_key, fronts

DAILY = Interval(1, "day")
YEARS_KEPT = 200
LIMIT = Decimal(1_000_000_000)
COLLECTIONS: tuple[Collection, ...] = ("equity", "cfe", "cme", "crypto")
HABITS: Mapping[Collection, Habit] = {"equity": "shares", "cfe": "shares", "cme": "futures", "crypto": "coins"}


@lru_cache(maxsize=3)
def untouched(seed: int, always_open: bool) -> Recent[tuple[Instrument, date], Extremes]:
    """The extremes of paths that nobody has put elsewhere: the same in all markets of a seed."""
    return Recent(YEARS_KEPT)


class Market:
    """Fair prices are functions of the seed and the time alone; quotes around them of the sequence of times as well.

    ``always_open`` makes days of the market last from midnight to midnight in New York, every day. Derivatives are
    made on demand from the paths they move with.
    """

    def __init__(self, seed: int, now: datetime, always_open: bool = False) -> None:
        self.seed, self.now, self.always_open = seed, now, always_open
        self.prints: list[Print] = []
        self.listings: dict[Instrument, Listing] = {one.listing.instrument: one.listing for one in characters()}
        self.prices = Fair(seed, always_open)
        self.turnover = Turnover(seed, self.prices, {key: HABITS[collection(key)] for key in cast()})
        self._calendars = {name: Calendar(name, always_open) for name in COLLECTIONS}
        self.hours = self._calendars["equity"]
        self._tape = Tape(seed, now, self._calendars, self.prices, self.turnover, cast())
        self._bars = BarMaker(self.prices, self.turnover)
        self._extremes: Recent[tuple[Instrument, date], Extremes] = Recent(YEARS_KEPT)
        self.derivatives = Derivatives(self)
        self._companies = Companies(self, self.derivatives)
        self._months: dict[str, list[Future]] = {}
        self._listed_on: date | None = None
        self._listed_until = now
        self._list_months()

    # What is listed

    def listing(self, instrument: Instrument) -> Listing | None:
        """What is listed under a name, derivatives that have not expired included."""
        found = self.listings.get(instrument)
        return found if found is not None else self.derivatives.listing(instrument)

    def underlying(self, instrument: Instrument) -> Instrument:
        """What a derivative hangs on; anything else is its own. ``KeyError`` when it is not listed."""
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.underlying(instrument)
        return self.listings[instrument].instrument

    def chain(self, underlying: Instrument) -> Chain | None:
        """The options listed on an underlying today; None when it has none."""
        return self.derivatives.chain(underlying)

    def deliverable(self, root: str) -> Deliverable | None:
        return self.derivatives.deliverable(root)

    def products(self) -> list[Product]:
        return self.derivatives.products()

    def product(self, code: str) -> Product | None:
        return self.derivatives.product(code)

    def contracts(self, code: str) -> list[Contract]:
        """The delivery months of a product that are listed now, ascending."""
        return self.derivatives.contracts(code)

    def contract(self, future: Future) -> Contract | None:
        return self.derivatives.contract(future)

    def future_chain(self, code: str) -> list[FutureExpiration]:
        return self.derivatives.future_chain(code)

    def search(self, text: str) -> list[Listing]:
        """Symbols that begin with the text first, then descriptions with a word that does."""
        wanted = text.strip().upper().lstrip("$/")
        if not wanted:
            return []
        listed = sorted(self.listings.values(), key=lambda listing: listing.symbol)
        by_symbol = [listing for listing in listed if listing.symbol.lstrip("/").startswith(wanted)]
        by_name = [
            listing
            for listing in listed
            if listing not in by_symbol and f" {listing.description.upper()}".find(f" {wanted}") >= 0
        ]
        return by_symbol + by_name

    # What it costs

    def book(self, instrument: Instrument) -> Book | None:
        """The book as of the last quote; None for what is not listed."""
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.book(instrument)
        path = self._tape.paths.get(instrument)
        return path.book() if path else None

    def books(self, instruments: Sequence[Instrument]) -> list[Book | None]:
        """``book`` of many, quicker than one by one where options are among them."""
        derived = [one for one in instruments if isinstance(one, Option | Future | FutureOption)]
        found = dict(zip(derived, self.derivatives.books(derived), strict=True))
        return [found[one] if one in found else self.book(one) for one in instruments]

    def spot(self, instrument: Instrument, at: datetime) -> float:
        """The fair value of an underlying at any time; ``KeyError`` when it is unknown."""
        if isinstance(instrument, Future):
            return self.derivatives.spot(instrument, at)
        return self.prices.price(instrument, at.timestamp())

    def price_at(self, instrument: Instrument, at: datetime) -> Decimal | None:
        """The fair price of anything at any moment up to now, on its grid; None for the unknown."""
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.price_at(instrument, at)
        path = self._tape.paths.get(instrument)
        return path.grid.decimal(path.grid.near(self.spot(instrument, at))) if path else None

    def bars(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime, hours: HoursOf = "regular"
    ) -> list[Bar]:
        """The bars that begin from ``start`` on and before ``end``, ascending, the one in progress included."""
        subject = self._subject(instrument)
        if subject is None:
            return []
        if isinstance(subject.source, Index) and not isinstance(subject.key, str):
            hours = "regular"
        found = self._bars.bars(subject, interval, start, end, hours, self.now)
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.derivative_bars(instrument, found)
        return found

    def closes(self, key: Key, last: date, count: int) -> list[float]:
        """The official closes of an underlying's sessions up to and with a date, ascending; quick."""
        subject = self._subject_of(key, self._tape.paths[key].calendar)
        return history.closes(self.prices, subject, last, count)

    def bar_runs(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime, hours: HoursOf = "regular"
    ) -> Iterator[list[Bar]]:
        """``bars`` in short runs, some of them empty: none keeps its caller waiting, however long the chart."""
        end = min(end, self.now + TOUCH)
        if interval.unit not in ("day", *SECONDS):
            for first, last in runs(DAILY, start, end):
                self.bars(instrument, DAILY, first, last, hours)
                yield []
            yield self.bars(instrument, interval, start, end, hours)
            return
        for first, last in runs(interval, start, end):
            yield self.bars(instrument, interval, first, last, hours)

    def year_range(self, instrument: Instrument) -> tuple[Decimal, Decimal] | None:
        """The lowest and highest price of a year's regular hours, today so far included; None for options."""
        found = self.year_extremes(instrument)
        return (found.low, found.high) if found else None

    def year_extremes(self, instrument: Instrument) -> YearExtremes | None:
        """As ``year_range``, with the days on which the extremes were."""
        subject, book = self._subject(instrument), self.book(instrument)
        if subject is None or book is None or book.low is None or book.high is None:
            return None
        if isinstance(instrument, Option | FutureOption):
            return None
        today = self._tape.paths[subject.key].session.date
        found = self._extremes.get((instrument, today), lambda: self._past_year(instrument, subject, today))
        found = found.joined(float(book.low), float(book.high), today)
        decimal = PathGrid(self._tape.paths[subject.key].character.listing.increments).decimal
        return YearExtremes(decimal(found.low), found.low_on, decimal(found.high), found.high_on)

    def _past_year(self, instrument: Instrument, subject: Subject, today: date) -> Extremes:
        if not self.prices.puts(subject.source):
            shared = untouched(self.seed, self.always_open)
            return shared.get((instrument, today), lambda: self._look_back(instrument, subject, today))
        return self._look_back(instrument, subject, today)

    def _look_back(self, instrument: Instrument, subject: Subject, today: date) -> Extremes:
        moved = {local_date(at) + n * DAY for at in self.moved_at(subject.key) for n in (0, 1)}
        sessions = history.sessions_of_year(subject.calendar, today)

        def look(session: Session) -> tuple[float, float]:
            if not isinstance(instrument, Future):
                return self._bars.extent(subject, session.open_at, session.close_at)
            [bar] = self.bars(instrument, DAILY, session.open_at, session.open_at + TOUCH)
            return bar.low, bar.high

        def worth(price: float, at: datetime) -> float:
            return self.derivatives.worth(instrument, price, at) if isinstance(instrument, Future) else price

        return history.extremes(self.prices, subject, sessions, worth, look, moved)

    def settlement(self, instrument: Option | Future | FutureOption) -> Decimal | None:
        """The price of what it settles against, at its fixing; None before."""
        return self.derivatives.settlement(instrument)

    def settles_in_cash(self, instrument: Instrument) -> bool:
        return self.derivatives.settles_in_cash(instrument)

    # What is known of companies

    def metrics(self, instrument: Instrument) -> Metrics | None:
        """Volatility, rank, beta, size and the like of a share, fund or index; None for the rest."""
        return self._companies.metrics(instrument)

    def dividends(self, instrument: Instrument) -> list[Dividend]:
        """Those of past years and the next declared, by ex date descending."""
        return self._companies.dividends(instrument)

    def earnings(self, instrument: Instrument) -> list[Earnings]:
        """Past reports and the next expected, descending."""
        return self._companies.earnings(instrument)

    # The paths behind it, by instrument or by the code of a futures product

    def state(self, key: Key) -> Path:
        """A path as of its last quote."""
        return self._tape.paths[key]

    def level(self, key: Key, at: datetime) -> float:
        """The fair value of a path at any time."""
        return self.prices.price(fair_key(key), at.timestamp())

    def home(self, key: Key) -> float:
        """The level that a path tends to."""
        return self.prices.cast[fair_key(key)].start

    def stress(self, at: datetime) -> float:
        """How afraid the market is: 1 on a usual day."""
        return self.prices.stress(at.timestamp())

    def at_the_money_vol(self, key: Key, at: datetime) -> float:
        """The volatility at the money of a short option then, fear included; 0.25 is 25 %."""
        return self.prices.volatility(fair_key(key), at.timestamp())

    def closing_vols(self, key: Key, days: Sequence[date]) -> list[float]:
        """The same at the close of trading days of shares; quick."""
        return self.prices.closing_volatilities(fair_key(key), days)

    def usual_vol(self, key: Key) -> float:
        return self.prices.cast[fair_key(key)].volatility

    def moved_at(self, key: Key) -> list[datetime]:
        """When somebody put its price elsewhere, ascending."""
        return [datetime.fromtimestamp(at, timezone.utc) for at, _ in self.prices.puts(fair_key(key))]

    # When it trades

    def calendar(self, instrument: Instrument | None = None) -> Calendar:
        """The trading days of an instrument; without one, of US shares."""
        match instrument:
            case None:
                return self.hours
            case Future() | FutureOption():
                return self._calendars["cme"]
            case Option():
                return self._calendars["cfe" if self._on_index(instrument) else "equity"]
            case _:
                return self._calendars[collection(instrument)]

    def _on_index(self, option: Option) -> bool:
        try:
            return isinstance(self.derivatives.underlying(option), Index)
        except KeyError:
            return False

    def is_open(self, now: datetime, instrument: Instrument | None = None) -> bool:
        return self.calendar(instrument).is_open(now)

    def phase(self, now: datetime, instrument: Instrument | None = None) -> Phase:
        return self.calendar(instrument).phase(now)

    def session(self, now: datetime, instrument: Instrument | None = None) -> Session:
        """The session in progress, else the next one."""
        return self.calendar(instrument).session(now)

    def trading_date(self, now: datetime, instrument: Instrument | None = None) -> date:
        """The day whose figures are shown: the last whose trading has begun, be it before the open."""
        return self.calendar(instrument).trading(now).date

    def expires_at(self, instrument: Instrument) -> datetime:
        """The last moment an option or future trades or settles; ``KeyError`` for what has no end."""
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.expires_at(instrument)
        raise KeyError(instrument)

    def last_trade_at(self, instrument: Instrument) -> datetime:
        """The last moment an option or future trades: before its end where it settles by opening prices."""
        if isinstance(instrument, Option | Future | FutureOption):
            return self.derivatives.last_trade_at(instrument)
        raise KeyError(instrument)

    # What stands still

    def halt(self, instrument: Instrument, until: datetime | None = None, reason: str = "") -> Halt:
        """Stop quotes and trades of an instrument and of all that moves with it; a halt in force is replaced.

        ``KeyError`` when it is not listed. Beneath, the fair price goes on: trading begins again where that is then.
        """
        found = Halt(self.now, until, reason)
        self._tape.halts.begin(self._path_of(instrument), found)
        return found

    def resume(self, instrument: Instrument) -> None:
        """Let it trade again from the next look on; nothing where it is not halted."""
        self._tape.halts.end(self._path_of(instrument), self.now)

    def halted(self, instrument: Instrument) -> Halt | None:
        if not self._tape.halts.found:
            return None
        try:
            return self._tape.halts.found.get(self._path_of(instrument))
        except KeyError:
            return None

    def _path_of(self, instrument: Instrument) -> Key:
        """The path an instrument's price moves with; ``KeyError`` when there is none."""
        key: Key = instrument
        if isinstance(instrument, Option | Future | FutureOption):
            key = self.derivatives.moves_with(instrument)
        if key not in self._tape.paths:
            raise KeyError(instrument)
        return key

    # How it moves

    def advance(self, now: datetime) -> set[Instrument]:
        """Move to a time; the answer names the underlyings whose quotes changed, and with them their derivatives'."""
        self.now = max(self.now, now)
        changed = self._tape.advance(self.now)
        self._list_months()
        self.prints = [told for one in self._tape.prints if (told := self._tell(one)) is not None]
        found: set[Instrument] = set()
        for key in changed:
            if isinstance(key, str):
                found.update(self._months[key])
            else:
                found.add(key)
        return found

    def put(self, underlying: Instrument, price: Decimal) -> None:
        """Quote an underlying at this price now and let it go on from there.

        ``KeyError`` when it is not listed, ``ValueError`` for what cannot be a price. A fear index has bounds of its
        own: put beyond, it stays at the bound.
        """
        if not Decimal(0) < price < LIMIT:
            raise ValueError(f"A price is above 0 and below {LIMIT:,}.")
        key, level = fair_key(underlying), float(price)
        if isinstance(underlying, Future):
            key = fair_key(self.derivatives.moves_with(underlying))
            level *= self.level(key, self.now) / self.spot(underlying, self.now)
        self.prices.put(key, level, self.now.timestamp())
        self._tape.put(key)
        self.derivatives.forget(key)

    def snapshot(self) -> dict[str, Any]:
        """What the seed does not know: the prices that were put, and what is halted."""
        named = {str(key): self.prices.puts(key) for key in self.prices.cast}
        puts = {name: [list(one) for one in puts] for name, puts in named.items() if puts}
        return {"puts": puts, "halts": self._tape.halts.snapshot()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        for name, puts in saved["puts"].items():
            key = name if name in self._months else parse_instrument(name)
            for at, factor in puts:
                self.prices.restore(key, float(at), float(factor))
        for name, halt in saved.get("halts", {}).items():
            self._tape.halts.restore(name if name in self._months else parse_instrument(name), halt)
        self._tape.again(self.now)
        self._bars.forget()
        self._extremes = Recent(YEARS_KEPT)
        self.derivatives.reset()
        self._companies = Companies(self, self.derivatives)

    def _tell(self, found: Print) -> Print | None:
        """A trade as it is told: that of a product's base path is one in its active month."""
        if not isinstance(found.instrument, Future):
            return found
        active = next((one for one in self.contracts(found.instrument.product) if one.active_month), None)
        book = self.derivatives.book(active.future) if active else None
        if active is None or book is None or book.last is None or book.bid is None or book.ask is None:
            return None
        side = (book.last >= book.ask) - (book.last <= book.bid)
        return replace(found, instrument=active.future, price=book.last, bid=book.bid, ask=book.ask, side=side)

    def _list_months(self) -> None:
        """List the futures months of the day in place of yesterday's."""
        today = self._calendars["cme"].trading(self.now).date
        if today == self._listed_on and self.now < self._listed_until:
            return
        self._listed_on, self._months = today, {code: [] for code in fronts()}
        for future in [one for one in self.listings if isinstance(one, Future)]:
            del self.listings[future]
        for product in self.derivatives.products():
            for contract in self.derivatives.contracts(product.code):
                found = self.derivatives.listing(contract.future)
                if found is not None:
                    self.listings[contract.future] = found
                    self._months[product.path].append(contract.future)
        self._listed_until = min(one.expires_at for one in self.listings.values() if one.expires_at)

    def _subject(self, instrument: Instrument) -> Subject | None:
        """What the bars of an instrument are made of, in its own hours."""
        key: Key = instrument
        if isinstance(instrument, Option | Future | FutureOption):
            try:
                key = self.derivatives.moves_with(instrument)
            except KeyError:
                return None
        return self._subject_of(key, self.calendar(instrument)) if key in self._tape.paths else None

    def _subject_of(self, key: Key, calendar: Calendar) -> Subject:
        path = self._tape.paths[key]
        return Subject(key, path.source, calendar, path.grid, path.character.listing.has_options)
