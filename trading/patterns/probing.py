"""What only the broker can tell: positions against the desk's fills, and whether a silent stream hides a move."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Max

from brokers import connections
from brokers.domain.instruments import Instrument, Option, parse_instrument
from brokers.domain.market import Quote
from brokers.models import Account
from trading.models import Fill
from trading.patterns.facts import Drift, StillQuote
from trading.patterns.rules import NEW_YORK
from trading.patterns.trouble import SILENT_FOR
from trading.protocol import reconcile

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Mark:
    """Positions as the broker showed them when they fitted, and the last fill that they hold."""

    day: date
    positions: dict[str, Decimal]
    fill_id: int


class Positions:
    """Remembers what fitted, account by account. Anew each day: what expiry, assignment, splits, or an order that
    filled unseen made of it overnight is told, and is no drift of the new day.

    The first mark of a day needs two looks that agree, for a fill may be at the broker and not here yet.
    """

    def __init__(self) -> None:
        self._marks: dict[UUID, Mark] = {}
        self._first_looks: dict[UUID, Mark] = {}
        self._since: dict[tuple[UUID, str], datetime] = {}

    def check(self, account: Account, now: datetime) -> list[Drift]:
        """Ask the broker; → what does not fit, since when. Raises ``BrokerError``.

        Before anything is said not to fit, the broker's orders are read: the person may trade elsewhere too.
        """
        look, fills = self._ask(account, now)
        mark = self._marks.get(account.pk)
        if mark is not None and _odd(_with_fills(mark, fills), look.positions):
            reconcile.refresh(account)
            look, fills = self._ask(account, now)
        return self.compare(account.pk, look, fills, now)

    def _ask(self, account: Account, now: datetime) -> tuple[Mark, list[tuple[str, Decimal]]]:
        """The positions at the broker, and the fills since the mark that were known before they were asked for."""
        newest = Fill.objects.filter(order__account=account).aggregate(newest=Max("pk"))["newest"] or 0
        mark = self._marks.get(account.pk)
        fills = _fills_between(account, mark.fill_id, newest) if mark is not None else []
        broker = connections.broker_for(account.connection)
        theirs = {str(one.instrument): one.quantity for one in broker.get_positions(account.number)}
        return Mark(now.astimezone(NEW_YORK).date(), theirs, newest), fills

    def compare(self, account_id: UUID, look: Mark, fills: list[tuple[str, Decimal]], now: datetime) -> list[Drift]:
        """``look``: positions, with the newest fill known before they were asked for; ``fills``: (symbol, signed
        quantity) between the mark's newest fill and that one."""
        mark = self._marks.get(account_id)
        if mark is None or mark.day != look.day:
            return self._begin(account_id, look, fills, now)
        ours = _with_fills(mark, fills)
        odd = _odd(ours, look.positions)
        for key in [key for key in self._since if key[0] == account_id and key[1] not in odd]:
            del self._since[key]
        if not odd:
            self._marks[account_id] = look
        return [
            Drift(
                str(account_id),
                symbol,
                ours.get(symbol, ZERO),
                look.positions.get(symbol, ZERO),
                self._since.setdefault((account_id, symbol), now),
            )
            for symbol in odd
        ]

    def _begin(self, account_id: UUID, look: Mark, fills: list[tuple[str, Decimal]], now: datetime) -> list[Drift]:
        """The first mark of a day; → what changed since the last one of the day before, told once."""
        for key in [key for key in self._since if key[0] == account_id]:
            del self._since[key]
        if self._first_looks.get(account_id) != look:
            self._first_looks[account_id] = look
            return []
        del self._first_looks[account_id]
        before = self._marks.get(account_id)
        self._marks[account_id] = look
        if before is None:
            return []
        ours, theirs = _with_fills(before, fills), look.positions
        return [
            Drift(str(account_id), symbol, ours.get(symbol, ZERO), theirs.get(symbol, ZERO), now, overnight=True)
            for symbol in _odd(ours, theirs)
            if theirs.get(symbol, ZERO) or not _is_over(symbol, before.day)
        ]


def _with_fills(mark: Mark, fills: list[tuple[str, Decimal]]) -> dict[str, Decimal]:
    ours = dict(mark.positions)
    for symbol, quantity in fills:
        ours[symbol] = ours.get(symbol, ZERO) + quantity
    return ours


def _odd(ours: dict[str, Decimal], theirs: dict[str, Decimal]) -> list[str]:
    return sorted(one for one in ours.keys() | theirs.keys() if ours.get(one, ZERO) != theirs.get(one, ZERO))


def _is_over(symbol: str, day: date) -> bool:
    """Whether it had expired by the end of a day: then it is gone the next."""
    try:
        expiry = getattr(parse_instrument(symbol), "expiry", None)
    except ValueError:
        return False
    return isinstance(expiry, date) and expiry <= day


def _fills_between(account: Account, after: int, until: int) -> list[tuple[str, Decimal]]:
    """Symbols and signed quantities."""
    found = []
    for fill in Fill.objects.filter(order__account=account, pk__gt=after, pk__lte=until).select_related("order"):
        for leg in fill.order.ticket["legs"]:
            if leg["symbol"] == fill.symbol:
                sign = 1 if str(leg["action"]).startswith("buy") else -1
                found.append((fill.symbol, sign * fill.quantity))
                break
    return found


class Quotes:
    """Remembers since when a connection's stream has stood still while the broker's answers moved."""

    def __init__(self) -> None:
        self._since: dict[UUID, tuple[datetime, datetime]] = {}

    def is_quiet(self, quote: Quote, now: datetime) -> bool:
        """Whether it is worth asking."""
        return now - quote.as_of >= SILENT_FOR

    def compare(self, connection_id: UUID, streamed: Quote, probed: Quote, now: datetime) -> StillQuote | None:
        here, there = _middle(streamed), _middle(probed)
        if here is None or there is None or here == there or not self.is_quiet(streamed, now):
            self._since.pop(connection_id, None)
            return None
        told_at, since = self._since.get(connection_id, (streamed.as_of, now))
        if told_at != streamed.as_of:  # it has spoken meanwhile
            since = now
        self._since[connection_id] = (streamed.as_of, since)
        return StillQuote(str(connection_id), str(streamed.instrument), streamed.as_of, here, there, since)


def _middle(quote: Quote) -> Decimal | None:
    return (quote.bid + quote.ask) / 2 if quote.bid is not None and quote.ask is not None else None


def worth_a_probe(instruments: set[Instrument]) -> Instrument | None:
    """One instrument to ask for: rather the underlying than an option, which may stand still by nature."""
    return min(instruments, key=lambda one: (isinstance(one, Option), str(one)), default=None)
