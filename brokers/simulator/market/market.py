"""The market: every underlying's path moved to a given time, and the books, chains and listings one can ask for."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp, sqrt
from random import Random

from brokers.domain.instruments import Instrument, Option, describe
from brokers.domain.market import Chain
from brokers.simulator.market.book import Book
from brokers.simulator.market.chains import HUNDRED, list_options
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options import Terms, terms
from brokers.simulator.market.paths import HOMEWARD, OVERNIGHT, TRADING_YEAR, Path
from brokers.simulator.market.sessions import Hours, Session, local_date, session_on
from brokers.simulator.market.universe import MARKET_VOLATILITY, Character, characters


class Market:
    """Deterministic: the same seed and the same sequence of times give the same prices.

    ``always_open`` makes days of the market last from midnight to midnight in New York, every day.
    """

    def __init__(self, seed: int, now: datetime, always_open: bool = False) -> None:
        self.hours = Hours(always_open)
        self.now = now
        self._rng = Random(seed)
        self._factor = 0.0  # where the whole market is, as a log return from home
        self._session = self.hours.session(now)
        self._has_opened = self._session.holds(now)
        market, today = self._rng.gauss(0, 0.01), self._rng.gauss(0, 0.006)
        self._paths = [self._first(character, now, market, today) for character in characters()]
        self._by_instrument = {path.character.listing.instrument: path for path in self._paths}
        self.listings: dict[Instrument, Listing] = {i: p.character.listing for i, p in self._by_instrument.items()}
        self._by_root = {str(i).replace(".", ""): i for i, found in self.listings.items() if found.has_options}
        self._chains: dict[Instrument, tuple[date, Chain | None]] = {}
        self._terms: dict[Option, Terms] = {}

    # What is listed

    def listing(self, instrument: Instrument) -> Listing | None:
        """What is listed under a name, options that have not expired included."""
        if not isinstance(instrument, Option):
            return self.listings.get(instrument)
        found = self._find(instrument)
        if found is None:
            return None
        under = found.path.character.listing
        return Listing(
            instrument=instrument,
            description=describe(instrument),
            exchange="XCBO",
            increments=under.option_increments or under.increments,
            multiplier=HUNDRED,
            underlying=under.instrument,
            beta=under.beta,
        )

    def chain(self, underlying: Instrument) -> Chain | None:
        """The options listed on an underlying today; None when it has none."""
        path = self._by_instrument.get(underlying)
        if path is None:
            return None
        today = self._option_day()
        kept = self._chains.get(underlying)
        if kept is None or kept[0] != today:
            kept = self._chains[underlying] = (today, list_options(path.character, today))
            self._list(path, kept[1])
        return kept[1]

    def search(self, text: str) -> list[Listing]:
        """Symbols that begin with the text first, then descriptions with a word that does."""
        wanted = text.strip().upper().removeprefix("$")
        if not wanted:
            return []
        listed = sorted(self.listings.values(), key=lambda listing: listing.symbol)
        by_symbol = [listing for listing in listed if listing.symbol.startswith(wanted)]
        by_name = [
            listing
            for listing in listed
            if listing not in by_symbol and f" {listing.description.upper()}".find(f" {wanted}") >= 0
        ]
        return by_symbol + by_name

    # What it costs

    def book(self, instrument: Instrument) -> Book | None:
        """The book as of the last quote; None for what is not listed."""
        if isinstance(instrument, Option):
            found = self._find(instrument)
            return found.book() if found else None
        path = self._by_instrument.get(instrument)
        return path.book() if path else None

    # When it trades

    def is_open(self, now: datetime) -> bool:
        return self.hours.is_open(now)

    def session(self, now: datetime) -> Session:
        """The session in progress, else the next one."""
        return self.hours.session(now)

    def trading_date(self, now: datetime) -> date:
        """The day whose figures are shown: that of the session in progress, else of the last one."""
        return self.hours.latest(now).date

    def expires_at(self, option: Option) -> datetime:
        """The close of an option's last day."""
        return session_on(option.expiry).close_at

    # How it moves

    def advance(self, now: datetime) -> set[Instrument]:
        """Move to a time; the answer names the underlyings whose quotes changed, and with them their options'."""
        changed: set[Instrument] = set()
        while now >= self._session.close_at:
            self._move(self._session.close_at)
            for path in self._paths:
                path.close(self._session.close_at)
            changed = set(self.listings)
            self._session = self.hours.session(self._session.close_at)
            self._has_opened = False
        return changed | self._move(now)

    def put(self, underlying: Instrument, price: Decimal) -> None:
        """Quote an underlying at this price now and let it go on from there; ``KeyError`` when it is not listed."""
        self._by_instrument[underlying].put(price, self.now, self._rng, self._stress())

    def _move(self, until: datetime) -> set[Instrument]:
        start = max(self.now, self._session.open_at)
        self.now = max(self.now, until)
        if until < start:
            return set()
        if not self._has_opened:
            self._open(start)
            changed = set(self._by_instrument)
        else:
            changed = set()
        seconds = (until - start).total_seconds()
        return changed | self._walk(until, seconds) if seconds > 0 else changed

    def _walk(self, until: datetime, seconds: float) -> set[Instrument]:
        years, rng = seconds / TRADING_YEAR, self._rng
        before = self._factor
        self._factor = before * exp(-HOMEWARD * years) + MARKET_VOLATILITY * sqrt(years) * rng.gauss(0, 1)
        move, stress = self._factor - before * exp(-HOMEWARD * years), self._stress()
        changed: set[Instrument] = set()
        for path in self._paths:
            path.drift(years, move, rng)
            if rng.random() < 1 - exp(-path.character.rate * seconds):
                path.quote(until, rng, stress)
                changed.add(path.character.listing.instrument)
        return changed

    def _open(self, at: datetime) -> None:
        self._has_opened = True
        gap = self._rng.gauss(0, 1) * MARKET_VOLATILITY / sqrt(252) * OVERNIGHT
        self._factor += gap
        for path in self._paths:
            path.start_day(at, self._rng, gap, self._stress())

    def _stress(self) -> float:
        """Volatility rises as the market falls, and sinks less as it climbs."""
        return max(0.75, min(2.5, exp(-3.5 * self._factor)))

    def _first(self, character: Character, now: datetime, market: float, today: float) -> Path:
        """A path at its beginning, given how far the whole market is from home and how far it went today."""
        session = self._session
        length = (session.close_at - session.open_at).total_seconds()
        done = (now - session.open_at).total_seconds() / length if self._has_opened else 1.0
        level = character.beta * market + 0.05 * character.own_volatility * self._rng.gauss(0, 1)
        path = Path(character, character.start * exp(level), now)
        path.begin(self._rng, done, today)
        return path

    # The options' side

    def _option_day(self) -> date:
        """The first date on which options still trade."""
        today = local_date(self.now)
        return today if self.now < session_on(today).close_at else today + timedelta(days=1)

    def _find(self, option: Option) -> Terms | None:
        found = self._terms.get(option)
        if found is None:
            underlying = self._by_root.get(option.root)
            if underlying is None or self.chain(underlying) is None:
                return None
            found = self._terms.get(option)
        return found if found is not None and self.now < found.expires_at else None

    def _list(self, path: Path, chain: Chain | None) -> None:
        increments = path.character.listing.option_increments
        if chain is None or increments is None:
            return
        for expiration in chain.expirations:
            for strike in expiration.strikes:
                for option in (strike.call, strike.put):
                    if option is not None and option not in self._terms:
                        self._terms[option] = terms(option, path, increments)
