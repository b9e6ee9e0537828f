"""The figures that sum up a name: implied and historical volatility, their ranks, liquidity, size, beta."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import log, sqrt
from statistics import correlation, stdev

from brokers.domain.instruments import Equity, Instrument, Option
from brokers.domain.market import Chain
from brokers.simulator.market.company import Dividend, Earnings, dividends, earnings, facts
from brokers.simulator.market.derivatives import Derivatives
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options.boards import Board, Moment
from brokers.simulator.market.sessions import is_session, local_date, previous_session, session_on
from brokers.simulator.market.source import Source

MARKET = Equity("SPY")
MONTH = timedelta(days=30)
YEAR_OF_DAYS, QUARTER_OF_DAYS = 252, 63


@dataclass(frozen=True, slots=True)
class ExpirationVol:
    """The volatility at the money of one expiration; ``standard`` is False for adjusted contracts."""

    expiry: date
    settlement: str
    standard: bool
    iv: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Volatilities are fractions (0.25 is 25 %), ranks and percentiles 0 to 1. ``None`` where it makes no sense.

    ``iv_index`` is the thirty-day volatility at the money, ``iv_rank`` its place between the year's lowest and highest,
    ``iv_percentile`` the share of the year's days on which it was lower. ``borrow_rate`` is a yearly fraction.
    """

    instrument: Instrument
    at: datetime
    iv_index: float | None
    iv_index_15_day: float | None
    iv_index_5_day_change: float | None
    iv_rank: float | None
    iv_percentile: float | None
    hv_30: float
    hv_60: float
    hv_90: float
    expirations: tuple[ExpirationVol, ...]
    liquidity_rating: int
    liquidity_rank: float
    liquidity_value: float
    beta: float
    correlation_spy: float
    market_cap: int | None
    shares_outstanding: int | None
    price_earnings: float | None
    eps: float | None
    sector: str
    industry: str
    dividend: Decimal
    dividend_yield: float
    next_dividend: Dividend | None
    last_dividend: Dividend | None
    next_earnings: Earnings | None
    last_earnings: Earnings | None
    lendability: str
    borrow_rate: float


class Companies:
    """Reports, dividends and metrics. What is made of a year's closes is made once a trading day and name."""

    def __init__(self, source: Source, derivatives: Derivatives) -> None:
        self.source, self.derivatives = source, derivatives
        self._boards: dict[Instrument, Board] = {}
        self._past: dict[Instrument, tuple[date, list[float], list[float]]] = {}
        self._ranks: list[float] = []

    def dividends(self, instrument: Instrument) -> list[Dividend]:
        """Past and the next, the latest ex date first."""
        listing = self.source.listings.get(instrument)
        known = listing is not None and isinstance(instrument, Equity)
        return dividends(listing, self.source.seed, self._today()) if listing and known else []

    def earnings(self, instrument: Instrument) -> list[Earnings]:
        """Past reports and the next expected, the latest first; none for funds and indexes."""
        listing = self.source.listings.get(instrument)
        if listing is None or not isinstance(instrument, Equity) or listing.is_etf:
            return []
        known = facts(listing, self.source.home(instrument))
        return earnings(listing.symbol, self.source.seed, self._today(), known.eps) if known else []

    def metrics(self, instrument: Instrument) -> Metrics | None:
        """None for what is neither a share nor a fund nor an index."""
        listing = self.source.listings.get(instrument)
        if listing is None or not (isinstance(instrument, Equity) or listing.is_index):
            return None
        at = self.source.now
        level = self.source.level(instrument, at)
        closes, volatilities = self._year(instrument)
        short = self.source.at_the_money_vol(instrument, at)
        now = self._thirty_days(instrument, at, short) if listing.has_options else None
        lowest, highest = min([*volatilities, now or 9.0]), max([*volatilities, now or 0.0])
        known, paid, told = (
            facts(listing, self.source.home(instrument)),
            self.dividends(instrument),
            self.earnings(instrument),
        )
        daily = [log(b / a) for a, b in pairwise([*closes, level])]
        return Metrics(
            instrument=instrument,
            at=at,
            iv_index=now,
            iv_index_15_day=volatilities[-11] if now else None,
            iv_index_5_day_change=now - volatilities[-5] if now else None,
            iv_rank=(now - lowest) / (highest - lowest) if now and highest > lowest else None,
            iv_percentile=sum(one < now for one in volatilities) / len(volatilities) if now else None,
            hv_30=_yearly(daily[-21:]),
            hv_60=_yearly(daily[-42:]),
            hv_90=_yearly(daily[-63:]),
            expirations=self._by_expiration(instrument) if now else (),
            liquidity_rating=self._rating(listing),
            liquidity_rank=self._rank(listing),
            liquidity_value=self._liquidity(listing),
            beta=float(listing.beta),
            correlation_spy=self._with_market(instrument, closes),
            market_cap=int(known.shares * level) if known else None,
            shares_outstanding=known.shares if known else None,
            price_earnings=level / known.eps if known and known.eps > 0 else None,
            eps=known.eps if known else None,
            sector=known.sector if known else "",
            industry=known.industry if known else "",
            dividend=listing.dividend,
            dividend_yield=float(listing.dividend) * 4 / level,
            next_dividend=paid[0] if paid else None,
            last_dividend=paid[1] if paid else None,
            next_earnings=told[0] if told else None,
            last_earnings=told[1] if told else None,
            lendability="Easy To Borrow" if listing.borrow == "easy" else "Locate Required",
            borrow_rate=0.0 if listing.borrow == "easy" else 0.02 + 0.1 * self._liquidity(listing) % 0.08,
        )

    def _today(self) -> date:
        return local_date(self.source.now)

    def _year(self, instrument: Instrument) -> tuple[list[float], list[float]]:
        """The closes and the thirty-day volatilities of the past year's sessions, ascending."""
        last = previous_session(self._today())
        kept = self._past.get(instrument)
        if kept is None or kept[0] != last:
            days = _sessions(last, YEAR_OF_DAYS)
            closes = self.source.closes(instrument, last, QUARTER_OF_DAYS + 1)
            short = zip(days, self.source.closing_vols(instrument, days), strict=True)
            kept = self._past[instrument] = (
                last,
                closes,
                [self._thirty_days(instrument, session_on(day).close_at, volatility) for day, volatility in short],
            )
        return kept[1], kept[2]

    def _thirty_days(self, instrument: Instrument, at: datetime, volatility: float) -> float:
        """The volatility over thirty days at a time, given that of the shortest options then."""
        moment = Moment(at, self.source.home(instrument), volatility)
        view = self._board(instrument).seen(moment, at + MONTH)
        return sqrt(view.slice.theta / view.slice.years)

    def _board(self, instrument: Instrument) -> Board:
        found = self._boards.get(instrument)
        if found is None:
            calendar, listing = self.source.calendar(instrument), self.source.listings[instrument]
            found = self._boards[instrument] = Board(self.source, instrument, calendar, listing)
        return found

    def _by_expiration(self, instrument: Instrument) -> tuple[ExpirationVol, ...]:
        chain = self.derivatives.chain(instrument)
        return tuple(self._expirations(chain)) if chain else ()

    def _expirations(self, chain: Chain) -> list[ExpirationVol]:
        found = []
        for each in chain.expirations:
            option = each.strikes[0].call
            board = self.derivatives.options.board(option) if isinstance(option, Option) else None
            if option is None or board is None:
                continue
            board.refresh()
            view = board.view(self.derivatives.expires_at(option))
            volatility = sqrt(view.slice.theta / view.slice.years)
            found.append(ExpirationVol(each.expiry, each.settlement, board.shares == 1.0, volatility))
        return found

    def _with_market(self, instrument: Instrument, closes: Sequence[float]) -> float:
        if instrument == MARKET or MARKET not in self.source.listings:
            return 1.0
        other, _ = self._year(MARKET)
        pairs = [[log(b / a) for a, b in pairwise(one)] for one in (closes, other)]
        return correlation(*pairs)

    def _liquidity(self, listing: Listing) -> float:
        """Dollars that change hands on a usual day, in thousands."""
        if listing.is_index:
            return 2.0e7 if listing.symbol == "SPX" else 1.0e6
        return self.source.state(listing.instrument).daily_volume * self.source.home(listing.instrument) / 1000

    def _rank(self, listing: Listing) -> float:
        """The share of all names that are less liquid."""
        if not self._ranks:
            names = (one for one in self.source.listings.values() if one.is_index or isinstance(one.instrument, Equity))
            self._ranks = sorted(self._liquidity(one) for one in names)
        value = self._liquidity(listing)
        return sum(one < value for one in self._ranks) / len(self._ranks)

    def _rating(self, listing: Listing) -> int:
        """One to five."""
        return min(5, 1 + int(self._rank(listing) * 5))


def _sessions(last: date, count: int) -> list[date]:
    found = [last if is_session(last) else previous_session(last)]
    while len(found) < count:
        found.append(previous_session(found[-1]))
    return found[::-1]


def _yearly(daily: Sequence[float]) -> float:
    return stdev(daily) * sqrt(252)
