"""Controls of money: buying power with what is reserved, and the day's loss."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.accounts import Position
from brokers.domain.instruments import Equity, Option
from brokers.domain.orders import OrderTicket
from trading.risk.bounds import HARD_POSITION, Limits
from trading.risk.exposure import grows, is_covered
from trading.risk.facts import Snapshot, closes
from trading.risk.findings import Finding, dollars, percent, texts
from trading.risk.worth import may_lose, multiplier, notional, price_of

FIGURES_SECONDS = 15
"""Balance and positions older than this are not what an order is checked against."""
ZERO = Decimal(0)


def check_money(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """BUYING_POWER, DAILY_LOSS."""
    yield from _buying_power(ticket, snapshot, limits)
    if grows(ticket, snapshot):
        yield from _daily_loss(snapshot, limits)


def takes(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """The buying power that an order takes, in dollars: the broker's dry run, else an estimate on the safe side.

    0: it frees some, or closes. None: it can't be told.
    """
    if all(closes(leg) for leg in ticket.legs) or not grows(ticket, snapshot):
        return ZERO
    if snapshot.effect is not None:
        return max(ZERO, -snapshot.effect.change)
    lost = may_lose(ticket, snapshot)
    first = ticket.legs[0]
    sells_option = len(ticket.legs) == 1 and isinstance(first.instrument, Option) and not first.action.is_buy
    if sells_option and is_covered(ticket, snapshot):
        return ZERO
    if lost is not None:
        return lost
    shorts = all(isinstance(leg.instrument, Equity | Option) for leg in ticket.legs)
    return _short_margin(ticket, snapshot) if shorts else None


def _short_margin(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """Shares sold short at their price; uncovered calls at all of their underlying, which is more than is asked."""
    total = ZERO
    for leg in ticket.legs:
        if leg.action.is_buy:
            continue
        if not isinstance(leg.instrument, Option):
            worth = notional(ticket, snapshot)
        else:
            points = multiplier(leg.instrument, snapshot)
            worth = None if points is None else leg.instrument.strike * points * leg.quantity
        if worth is None:
            return None
        total += worth
    return total


def available(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """The broker's figure of the buying power that such an order is paid from."""
    if snapshot.effect is not None and snapshot.effect.before is not None:
        return snapshot.effect.before
    if snapshot.balance is None:
        return None
    if all(isinstance(leg.instrument, Equity) for leg in ticket.legs):
        return snapshot.balance.stock_buying_power
    return snapshot.balance.option_buying_power


def _buying_power(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    need = takes(ticket, snapshot)
    if need == 0:
        return
    if need is None:
        promised = snapshot.capabilities is not None and snapshot.capabilities.has_dry_run
        words = f"How much buying power this takes could not be worked out{snapshot.why('effect')}"
        words += "." if promised else ", and this broker does not tell beforehand: it checks by itself."
        yield Finding("quantity", "BUYING_POWER", words, hard=promised)
        return
    figure = available(ticket, snapshot)
    age = None if snapshot.figures_at is None else (snapshot.now - snapshot.figures_at).total_seconds()
    if figure is None or snapshot.reserved is None or age is None or age > FIGURES_SECONDS:
        what = "too old" if figure is not None and age is not None else f"not known{snapshot.why('balance')}"
        yield Finding("quantity", "BUYING_POWER", f"The account's buying power is {what}: try again.")
        return
    limit = figure * limits.buying_power_share
    if need + snapshot.reserved > limit:
        held_back = f", {dollars(snapshot.reserved)} of it is taken by orders on their way" if snapshot.reserved else ""
        words = f"The order takes {dollars(need)} of buying power; {dollars(limit)} may be used{held_back}."
        numbers = texts(order=need, reserved=snapshot.reserved, limit=limit)
        yield Finding("quantity", "BUYING_POWER", words, True, numbers)


# --- the day's loss ---


def day_gain(snapshot: Snapshot) -> Decimal | None:
    """What the day has brought so far, in dollars: by net liq since the session's start, else by positions."""
    if snapshot.opening_value is not None and snapshot.balance is not None:
        value = snapshot.balance.net_liquidating_value
        if value is not None:
            return value - snapshot.opening_value
    if snapshot.positions is None:
        return None
    total = ZERO
    for position in snapshot.positions:
        gain = _gain(position, snapshot)
        if gain is None:
            return None
        total += gain
    return total


def _gain(position: Position, snapshot: Snapshot) -> Decimal | None:
    realized = position.realized_day or ZERO
    if not position.quantity:
        return realized
    price = price_of(position.instrument, snapshot)
    if price is None or position.day_open_price is None:
        return None
    return (price - position.day_open_price) * position.quantity * position.multiplier + realized


def _daily_loss(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    gain = day_gain(snapshot)
    equity = snapshot.balance.net_liquidating_value if snapshot.balance is not None else None
    if gain is None or equity is None:
        words = f"What the day has brought could not be worked out{snapshot.why('balance')}: a figure is missing."
        yield Finding("", "DAILY_LOSS", words, hard=False)
        return
    start = snapshot.opening_value if snapshot.opening_value is not None else equity - gain
    limit = max(ZERO, start * limits.daily_loss_share)
    if -gain < limit or gain >= 0:
        return
    hard = -gain >= limit * HARD_POSITION
    share = percent(-gain / start) if start > 0 else "all"
    words = f"The account has lost {dollars(-gain)} today ({share})"
    words += ": only orders that make nothing bigger go out now." if hard else "."
    yield Finding("", "DAILY_LOSS", words, hard, texts(loss=-gain, limit=limit))
