"""The options on shares and indexes: what is listed today, and each one's terms."""

from datetime import date, datetime
from decimal import Decimal

from brokers.domain.instruments import Equity, Index, Instrument, Option, describe
from brokers.domain.market import Chain, PriceIncrements
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options.boards import Board
from brokers.simulator.market.options.chains import HUNDRED, Deliverable, deliverable, list_options, plan_of, roots_of
from brokers.simulator.market.options.expiries import Ending
from brokers.simulator.market.options.levels import Levels
from brokers.simulator.market.options.terms import Terms, terms
from brokers.simulator.market.sessions import local_date, previous_session, session_on
from brokers.simulator.market.source import Source

MORNING_ROOTS = {"SPX", "NDX", "RUT", "VIX", "VIXW"}
INDEX_BUSY, SPX_BUSY = 2500.0, 15000.0


class OptionDesk:
    """Chains are listed when first asked for on a day; terms and boards as options are asked for."""

    def __init__(self, source: Source, levels: Levels) -> None:
        self.source, self.levels = source, levels
        self._chains: dict[Instrument, tuple[date, datetime, Chain]] = {}
        self._listed: dict[tuple[str, date], tuple[frozenset[Decimal], PriceIncrements]] = {}
        self._terms: dict[Option, Terms] = {}
        self._boards: dict[str, Board] = {}
        self._roots: dict[str, Listing] = {}

    def chain(self, underlying: Instrument) -> Chain | None:
        """The options listed on an underlying today, those that have ended left out; None when it has none."""
        listing, now = self.source.listings.get(underlying), self.source.now
        today = local_date(now)
        kept = self._chains.get(underlying)
        if kept is not None and kept[0] == today and now < kept[1]:
            return kept[2]
        if listing is None or not listing.has_options or not isinstance(underlying, Equity | Index):
            return None
        plan = plan_of(listing, self.source.home(underlying))
        if plan is None:
            return None
        chain = list_options(
            listing,
            plan,
            today,
            lambda expiry, life: self.levels.span(underlying, expiry, life, today),
            self.source.usual_vol(underlying),
            self.source.home(underlying),
            lambda ending: now >= self._ends(ending),
        )
        next_end = min(expires_at(each.root, each.expiry) for each in chain.expirations)
        self._chains[underlying] = (today, next_end, chain)
        self._drop_ended(underlying, now)
        self._index(chain)
        return chain

    def forget(self, underlying: Instrument) -> None:
        """List it anew when next asked: its price has been put elsewhere."""
        self._chains.pop(underlying, None)

    def listing_of(self, root: str) -> Listing | None:
        """The listing of the underlying that options of a root are on."""
        if not self._roots:
            self._roots = {root: one for one in self.source.listings.values() for root in roots_of(one)}
        return self._roots.get(root)

    def deliverable(self, root: str) -> Deliverable | None:
        found = self.listing_of(root)
        return deliverable(root, found) if found else None

    def listing(self, option: Option) -> Listing | None:
        found, under = self.find(option), self.listing_of(option.root)
        if found is None or under is None:
            return None
        return Listing(
            instrument=option,
            description=describe(option),
            exchange="XCBO",
            increments=self._listed[option.root, option.expiry][1],
            multiplier=HUNDRED,
            underlying=under.instrument,
            beta=under.beta,
            expires_at=found.expires_at,
        )

    def find(self, option: Option) -> Terms | None:
        """The terms of a listed option that has not ended."""
        found = self._terms.get(option)
        if found is None:
            found = self._make(option)
        return found if found is not None and self.source.now < found.expires_at else None

    def any(self, option: Option) -> Terms | None:
        """The terms of an option on something listed, were it to end long ago: for prices of the past."""
        return self._terms.get(option) or (self._build(option, None) if option.strike > 0 else None)

    def _make(self, option: Option) -> Terms | None:
        under = self.listing_of(option.root)
        if under is None or self.chain(under.instrument) is None:
            return None
        strikes, increments = self._listed.get((option.root, option.expiry), (frozenset(), None))
        if option.strike not in strikes or increments is None:
            return None
        found = self._build(option, increments)
        if found is not None:
            self._terms[option] = found
        return found

    def _build(self, option: Option, increments: PriceIncrements | None) -> Terms | None:
        under = self.listing_of(option.root)
        board = self.board(option)
        if under is None or board is None:
            return None
        plan, ends = plan_of(under, self.source.home(under.instrument)), expires_at(option.root, option.expiry)
        grid = increments or (plan.increments if plan else under.increments)
        return terms(option, board, grid, ends, last_trade_at(option.root, option.expiry), _busy(under, self.source))

    def board(self, option: Option) -> Board | None:
        """What the options of a root are priced from."""
        found, under = self._boards.get(option.root), self.listing_of(option.root)
        if found is None and under is not None:
            delivers = deliverable(option.root, under)
            calendar = self.source.calendar(option)
            found = self._boards[option.root] = Board(self.source, under.instrument, calendar, under, None, delivers)
        return found

    def _drop_ended(self, underlying: Instrument, now: datetime) -> None:
        """What is over is made anew in the rare case that somebody asks."""
        over = [option for option, one in self._terms.items() if one.board.key == underlying and one.expires_at <= now]
        for option in over:
            del self._terms[option]
        for root, expiry in [name for name in self._listed if expires_at(*name) <= now]:
            del self._listed[root, expiry]

    def _index(self, chain: Chain) -> None:
        for each in chain.expirations:
            self._listed[each.root, each.expiry] = (frozenset(s.price for s in each.strikes), each.increments)

    def _ends(self, ending: Ending) -> datetime:
        return expires_at(ending.root, ending.expiry)


def expires_at(root: str, expiry: date) -> datetime:
    """When an option ends: at the open of its day where it settles by the opening prices, else at the close."""
    session = session_on(expiry)
    return session.open_at if root in MORNING_ROOTS else session.close_at


def last_trade_at(root: str, expiry: date) -> datetime:
    """The last moment it trades: the day before for those that settle at the open."""
    return session_on(previous_session(expiry) if root in MORNING_ROOTS else expiry).close_at


def _busy(listing: Listing, source: Source) -> float:
    if isinstance(listing.instrument, Index):
        return SPX_BUSY if listing.symbol == "SPX" else INDEX_BUSY
    return float(source.state(listing.instrument).daily_volume ** 0.5 * 1.5)
