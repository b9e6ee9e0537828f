"""What today's executions mean for what is held: the day's gain that the broker's rows of positions leave out.

A row tells what the held units moved today (``MarkToMarketPrice``), of futures not even that, and nothing of what
was closed. The day's orders tell the rest: with q units held now, s traded today (bought positive) at prices p, and
c the close before, the day's gain is ``q × mark − (q − Σs) × c − Σ(s × p)``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from brokers.domain.accounts import Position
from brokers.domain.instruments import Future, Instrument
from brokers.domain.orders import LegState, OrderUpdate
from brokers.tradestation.codec.words import ENDED
from brokers.tradestation.symbols import underlying_of

NEW_YORK = ZoneInfo("America/New_York")
FUTURES_OPEN = time(18)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Traded:
    """One instrument's executions of today. ``quantity`` bought less sold, ``paid`` price × quantity, signed so.
    ``is_certain`` False: some of them cannot be told from those of days before."""

    quantity: Decimal = ZERO
    paid: Decimal = ZERO
    bought: bool = False
    sold: bool = False
    is_certain: bool = True


def day_began(instrument: Instrument, now: datetime) -> datetime:
    """When the trading day began: futures' in the evening before, all else's at midnight."""
    local = now.astimezone(NEW_YORK)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if not isinstance(instrument, Future):
        return midnight
    day = midnight if local.time() >= FUTURES_OPEN else midnight - timedelta(days=1)
    return day.replace(hour=FUTURES_OPEN.hour)


def traded_today(orders: Iterable[OrderUpdate], now: datetime) -> dict[Instrument, Traded]:
    """Out of the listing of today's and open orders."""
    found: dict[Instrument, Traded] = {}
    for order in orders:
        for state in order.legs:
            instrument = state.leg.instrument
            began = day_began(instrument, now)
            ended_before = order.status in ENDED and order.updated_at is not None and order.updated_at < began
            if state.executed and not ended_before:
                certain = order.received_at is not None and order.received_at >= began
                found[instrument] = _added(found.get(instrument, Traded()), state, certain=certain)
    return found


def _added(before: Traded, state: LegState, *, certain: bool) -> Traded:
    sign, done, average = state.leg.action.sign, state.executed or ZERO, state.average_price
    return Traded(
        quantity=before.quantity + sign * done,
        paid=before.paid + sign * done * (average or ZERO),
        bought=before.bought or sign > 0,
        sold=before.sold or sign < 0,
        is_certain=before.is_certain and certain and average is not None,
    )


def needs_close(position: Position, traded: Traded | None) -> bool:
    """Whether the close before must be known to tell the day's gain."""
    return position.day_open_price is None or (traded is not None and _closed_some(position, traded))


def with_day(position: Position, traded: Traded | None, close: Decimal | None) -> Position:
    """The position with what its day's gain counts from and what was gained by closing, as far as they are certain."""
    traded = traded or Traded()
    if not traded.is_certain:
        return position
    kept_over = position.quantity - traded.quantity
    if kept_over and close is None and needs_close(position, traded):
        return position
    basis = kept_over * (close or ZERO) + traded.paid
    if position.day_open_price is None:
        return replace(position, day_open_price=basis / position.quantity, realized_day=ZERO, close_price=close)
    if not _closed_some(position, traded):
        return replace(position, realized_day=ZERO)
    gained = position.quantity * position.day_open_price - basis
    return replace(position, realized_day=gained * position.multiplier)


def _closed_some(position: Position, traded: Traded) -> bool:
    return traded.sold if position.quantity > 0 else traded.bought


def closed_today(
    account_number: str,
    held: Iterable[Instrument],
    traded: Mapping[Instrument, Traded],
    closes: Mapping[Instrument, Decimal | None],
    sizes: Mapping[Instrument, Decimal | None],
    now: datetime,
) -> list[Position]:
    """Rows of what was traded today and is held no more, where the gain is certain: flat, with what was gained."""
    gone = {instrument: one for instrument, one in traded.items() if instrument not in set(held) and one.is_certain}
    found = []
    for instrument, one in gone.items():
        close, size = closes.get(instrument), sizes.get(instrument)
        if size is None or (one.quantity and close is None):
            continue
        gained = one.quantity * (close or ZERO) - one.paid
        found.append(_flat(account_number, instrument, size, gained * size, now))
    return found


def _flat(account_number: str, instrument: Instrument, size: Decimal, gained: Decimal, now: datetime) -> Position:
    return Position(
        account_number=account_number,
        instrument=instrument,
        underlying=str(underlying_of(instrument)),
        quantity=ZERO,
        multiplier=size,
        average_open_price=None,
        day_open_price=None,
        close_price=None,
        mark=None,
        realized_day=gained,
        opened_at=None,
        as_of=now,
        settles_daily=False,
    )
