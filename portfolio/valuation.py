"""What holdings are worth and what they have gained: position × quote → figures, and their sums. Pure.

Dollars are signed from the account's side: value and cost of a short position are negative, a gain is
positive. None is unknown and never counts as 0: a sum says how many of its parts are missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from brokers.domain.accounts import Position
from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option
from brokers.domain.market import Quote

EXCHANGE_TIME = ZoneInfo("America/New_York")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Valued:
    """One holding at its mark.

    ``mark`` is the middle of a two-sided market, else the broker's mark, else the last price; ``marked_at``
    is None when only the broker's own listing gave it. ``cost`` is what opening paid (negative: received).
    ``gain_open`` counts what is still open since it was opened, ``gain_day`` since the previous close (or
    since the fill, for what was opened today) and includes what was closed today. ``change`` is the
    instrument's own move since the previous close. A share is a fraction (0.015 is 1.5 %): of the cost without its
    sign, of the previous close. ``delta`` is that of the whole holding, in units of what it is on: shares, or contracts
    of a future.
    """

    position: Position
    quote: Quote | None
    mark: Decimal | None
    marked_at: datetime | None
    day_open_price: Decimal | None
    value: Decimal | None
    cost: Decimal | None
    gain_open: Decimal | None
    gain_open_share: Decimal | None
    gain_day: Decimal | None
    change: Decimal | None
    change_share: Decimal | None
    days_to_expiry: int | None
    delta: Decimal | None = None


def value(position: Position, quote: Quote | None, now: datetime) -> Valued:
    """The holding at this quote; without one at the mark the broker listed, where it did."""
    mark, marked_at = _mark(position, quote)
    size = position.quantity * position.multiplier
    day_open = day_opening_price(position, now)
    cost = _cost(position)
    gain_open = times(size, minus(mark, position.average_open_price))
    moved_today = times(size, minus(mark, day_open))
    previous = quote.prev_close if quote is not None and quote.prev_close is not None else position.close_price
    change = minus(mark, previous)
    return Valued(
        position=position,
        quote=quote,
        mark=mark,
        marked_at=marked_at,
        day_open_price=day_open,
        value=_value(position, times(size, mark), moved_today, gain_open),
        cost=cost,
        gain_open=gain_open,
        gain_open_share=share(gain_open, cost),
        gain_day=plus(moved_today, position.realized_day),
        change=change,
        change_share=share(change, previous),
        days_to_expiry=days_to_expiry(position.instrument, now),
        delta=times_known(delta_size(position), delta_each(position, quote)),
    )


def value_all(positions: Iterable[Position], quotes: Mapping[Instrument, Quote], now: datetime) -> list[Valued]:
    return [value(position, quotes.get(position.instrument), now) for position in positions]


def _mark(position: Position, quote: Quote | None) -> tuple[Decimal | None, datetime | None]:
    if quote is not None and quote.fair_price is not None:
        return quote.fair_price, quote.as_of
    return position.mark, None


def _value(
    position: Position, worth: Decimal | None, moved_today: Decimal | None, gain_open: Decimal | None
) -> Decimal | None:
    """What it adds to the account: of a future only the gain that is not yet in the account's cash."""
    if isinstance(position.instrument, Future):
        return moved_today if position.settles_daily else gain_open
    return worth


def _cost(position: Position) -> Decimal | None:
    """Nothing is paid for a future: what it gained is settled in cash, each day or when it is closed."""
    if isinstance(position.instrument, Future):
        return ZERO
    return times(position.quantity * position.multiplier, position.average_open_price)


def day_opening_price(position: Position, now: datetime) -> Decimal | None:
    """What day P/L counts from: the broker's figure, else the opening price of what was opened today.

    Without either it stays unknown: the previous close would be wrong for what was added today.
    """
    if position.day_open_price is not None:
        return position.day_open_price
    today = now.astimezone(EXCHANGE_TIME).date()
    if position.opened_at is not None and position.opened_at.astimezone(EXCHANGE_TIME).date() == today:
        return position.average_open_price
    return None


def days_to_expiry(instrument: Instrument, now: datetime) -> int | None:
    """Calendar days in exchange time, 0 on the last day; None for what does not expire on a known day."""
    if not isinstance(instrument, Option | FutureOption):
        return None
    return (instrument.expiry - now.astimezone(EXCHANGE_TIME).date()).days


def delta_size(position: Position) -> Decimal | None:
    """How many units of its underlying one unit of delta stands for; None for what has no delta here."""
    match position.instrument:
        case Equity() | Crypto() | Future() | FutureOption():
            return position.quantity
        case Option():
            return position.quantity * position.multiplier
        case _:
            return None


def delta_each(position: Position, quote: Quote | None) -> Decimal | None:
    """Of one unit: that of an option as the broker last told it."""
    if isinstance(position.instrument, Option | FutureOption):
        return quote.delta if quote is not None else None
    return Decimal(1)


def times_known(size: Decimal | None, each: Decimal | None) -> Decimal | None:
    return None if size is None else times(size, each)


def minus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one - other


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def times(size: Decimal, price: Decimal | None) -> Decimal | None:
    """Nothing of something is worth 0 at any price, known or not."""
    if size == 0:
        return ZERO
    return None if price is None else size * price


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """``part`` as a fraction of the size of ``whole``; unknown when there is no whole."""
    return None if part is None or whole is None or whole == 0 else part / abs(whole)


@dataclass(frozen=True, slots=True)
class Sum:
    """``amount`` over the known parts, None when none of them is known; ``missing`` is how many are not."""

    amount: Decimal | None
    missing: int = 0

    @property
    def is_partial(self) -> bool:
        return self.missing > 0 and self.amount is not None

    @property
    def whole(self) -> Decimal | None:
        """The amount when nothing is missing."""
        return None if self.missing else self.amount


def add_up(parts: Iterable[Decimal | None]) -> Sum:
    """The sum of no parts is 0; the sum of unknown parts alone is unknown."""
    listed = list(parts)
    known = [part for part in listed if part is not None]
    missing = len(listed) - len(known)
    return Sum(sum(known, ZERO) if known or not missing else None, missing)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over holdings; that of ``delta`` says something only of one underlying. ``gain_open_share`` is of the money
    in play: all costs without their signs. ``marked_at`` is the time of the oldest mark among them.
    """

    value: Sum
    cost: Sum
    gain_open: Sum
    gain_open_share: Decimal | None
    gain_day: Sum
    delta: Sum
    marked_at: datetime | None


def total(holdings: Sequence[Valued]) -> Totals:
    gain_open = add_up(each.gain_open for each in holdings)
    in_play = add_up(None if each.cost is None else abs(each.cost) for each in holdings)
    return Totals(
        value=add_up(each.value for each in holdings),
        cost=add_up(each.cost for each in holdings),
        gain_open=gain_open,
        gain_open_share=share(gain_open.whole, in_play.whole),
        gain_day=add_up(each.gain_day for each in holdings),
        delta=add_up(each.delta for each in holdings),
        marked_at=min((each.marked_at for each in holdings if each.marked_at is not None), default=None),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """What is held on one underlying: all of it, or what makes the strategy that ``title`` names."""

    underlying: str
    holdings: tuple[Valued, ...]
    totals: Totals
    title: str = ""


def in_order(holdings: Iterable[Valued]) -> list[Valued]:
    """By underlying; of each the underlying itself first, then by expiry, strike and right."""
    return sorted(holdings, key=lambda each: (_underlying(each), *_place(each.position.instrument)))


def group_by_underlying(holdings: Iterable[Valued]) -> list[Group]:
    """Groups by name, in order within."""
    groups = []
    for underlying, members in groupby(in_order(holdings), key=_underlying):
        listed = tuple(members)
        groups.append(Group(underlying, listed, total(listed)))
    return groups


def _underlying(holding: Valued) -> str:
    return holding.position.underlying or str(holding.position.instrument)


def _place(instrument: Instrument) -> tuple[str, Decimal, str]:
    if isinstance(instrument, Option | FutureOption):
        return instrument.expiry.isoformat(), instrument.strike, f"{instrument.right}{instrument}"
    return "", ZERO, str(instrument)
