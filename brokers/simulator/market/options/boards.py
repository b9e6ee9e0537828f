"""What the options on one price see of it: spot, growth and surface at any moment, and as of its last quote."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import exp, log

from brokers.domain.instruments import Equity, Index
from brokers.simulator.market.company import earnings_days, earnings_move
from brokers.simulator.market.contracts import Contract, Product
from brokers.simulator.market.futures.curve import INDEX_YIELD, fair
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options import surface
from brokers.simulator.market.options.chains import Deliverable
from brokers.simulator.market.options.surface import Slice, Smile, Term, cut
from brokers.simulator.market.pricing import RATE, YEAR
from brokers.simulator.market.sessions import Calendar, local_date, session_on
from brokers.simulator.market.source import Key, Source

FEAR_FADE = 3.0
METALS = {"GLD", "SLV"}


@dataclass(slots=True)
class View:
    """What an option that ends then is priced from: the underlying's price, its forward's yearly growth, the smile."""

    spot: float
    growth: float
    slice: Slice

    def volatility(self, strike: float) -> float:
        return self.slice.volatility(log(strike / self.spot) - self.growth * self.slice.years)


@dataclass(slots=True)
class Moment:
    """The underlying at one time: its level and its volatility."""

    at: datetime
    level: float
    volatility: float


class Board:
    """The options of one root over one path. ``contract`` is the future they are on, if they are on one."""

    def __init__(
        self,
        source: Source,
        key: Key,
        calendar: Calendar,
        listing: Listing | None = None,
        contract: Contract | None = None,
        delivers: Deliverable | None = None,
    ) -> None:
        self.source, self.key, self.calendar, self.listing, self.contract = source, key, calendar, listing, contract
        self.shares = float(delivers.shares) / 100 if delivers and not delivers.standard else 1.0
        self.cash = float(delivers.cash) / 100 if delivers else 0.0
        self.smile = _smile(key, contract.product if contract else None)
        self.american = contract is not None or isinstance(key, Equity)
        self.yield_ = _yield(listing, source)
        self.is_fear = key == Index("VIX")
        self.is_share = isinstance(key, Equity) and listing is not None and not listing.is_etf
        self.usual = source.usual_vol(key)
        self.version, self.day = -1, date.min
        self.views: dict[datetime, View] = {}

    def refresh(self) -> None:
        """Take over the last quote of the underlying: outside the options' hours, their last close stands."""
        state = self.source.state(self.key)
        if state.version == self.version:
            return
        self.version = state.version
        session = self.calendar.latest(state.at)
        self.is_open = session.holds(state.at)
        if self.is_open:
            self.now = Moment(state.at, state.fair, self.source.at_the_money_vol(self.key, state.at))
        else:
            self.now = self.moment(session.close_at)
        if session.date != self.day:
            self.day = session.date
            self.opening = self.moment(session.open_at)
            before = self.calendar.on(self.calendar.previous(session.date))
            self.before = self.moment(before.close_at if before else session.open_at)
        length = (session.close_at - session.open_at).total_seconds()
        self.done = min(1.0, (self.now.at - session.open_at).total_seconds() / length)
        self.high, self.low = max(state.high, self.now.level), min(state.low, self.now.level)
        self.views.clear()

    def view(self, ends: datetime) -> View:
        """The view as of the last quote; kept until the next."""
        found = self.views.get(ends)
        if found is None:
            found = self.views[ends] = self.seen(self.now, ends)
        return found

    def moment(self, at: datetime) -> Moment:
        """The underlying at any time."""
        return Moment(at, self.source.level(self.key, at), self.source.at_the_money_vol(self.key, at))

    def seen(self, moment: Moment, ends: datetime, level: float | None = None) -> View:
        """The view at a moment, or with the underlying at another level then."""
        base = moment.level if level is None else level
        years = max((ends - moment.at).total_seconds() / YEAR, surface.SHORTEST)
        spot, growth, volatility, usual = base, RATE - self.yield_, moment.volatility, self.usual
        events: tuple[tuple[float, float], ...] = ()
        fade, delivery = 0.0, None
        if self.contract is not None:
            product, future = self.contract.product, self.contract.future
            spot, growth = fair(product, future.month, self.contract.expires_at, moment.at, base), 0.0
            fade, delivery = product.fade, (self.contract.expires_at - moment.at).total_seconds() / YEAR
        elif self.is_fear:
            growth, fade = log(self.source.home(self.key) / base) * (1 - exp(-FEAR_FADE * years)) / years, FEAR_FADE
        elif self.is_share:
            events = self._reports(moment.at, ends)
        if self.cash or self.shares != 1.0:
            spot = self.shares * base + self.cash
            part = self.shares * base / spot
            volatility, usual, events = volatility * part, usual * part, tuple((a, v * part * part) for a, v in events)
        return View(spot, growth, cut(Term(volatility, usual, events, fade, delivery), self.smile, years))

    def _reports(self, at: datetime, ends: datetime) -> tuple[tuple[float, float], ...]:
        symbol, seed = str(self.key), self.source.seed
        last = local_date(ends)
        reports = (day for year in range(at.year, ends.year + 1) for day in earnings_days(symbol, seed, year))
        opens = (session_on(day.first_session).open_at for day in reports if day.date <= last)
        years = ((open_at - at).total_seconds() / YEAR for open_at in opens if at < open_at <= ends)
        return surface.events(years, earnings_move(symbol, seed))


def _smile(key: Key, product: Product | None) -> Smile:
    if isinstance(key, Index):
        return surface.UPWARD if key.symbol == "VIX" else surface.INDEX
    if product is not None:
        return surface.INDEX if product.follows is not None else surface.FLAT
    return surface.FLAT if str(key) in METALS else surface.EQUITY


def _yield(listing: Listing | None, source: Source) -> float:
    """The yearly dividend yield by the usual level, so that it does not change with the price."""
    if listing is None or not isinstance(listing.instrument, Equity):
        return INDEX_YIELD
    return float(listing.dividend * 4) / source.home(listing.instrument) if listing.dividend > Decimal(0) else 0.0
