"""Controls of money: buying power with what is reserved, and the day's loss."""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from brokers.domain.accounts import Position
from brokers.domain.instruments import Equity, Option
from brokers.domain.orders import Leg, OrderTicket
from trading.risk.bounds import HARD_POSITION, Limits
from trading.risk.exposure import after, held, requirement
from trading.risk.facts import Snapshot, closes
from trading.risk.findings import Finding, dollars, percent, texts
from trading.risk.reducing import enlarges, grows
from trading.risk.terms import family
from trading.risk.worth import may_lose, multiplier, net_cash, notional, price_of

FIGURES_SECONDS = 15
"""Balance and positions older than this are not what an order is checked against."""
DAY_TRADES = 3
DAY_TRADER_EQUITY = Decimal(25_000)
"""FINRA rule 4210(f)(8)(B): four day trades within five business days make a pattern day trader, who needs so much."""
NEW_YORK = ZoneInfo("America/New_York")
ZERO = Decimal(0)


def check_money(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """BUYING_POWER, DAILY_LOSS, PDT."""
    yield from _buying_power(ticket, snapshot, limits)
    if enlarges(ticket, snapshot):
        yield from _daily_loss(snapshot, limits)
    yield from _day_trade(ticket, snapshot)


def takes(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """The buying power that an order takes, in dollars: the broker's dry run, else an estimate on the safe side.

    0: it frees some, or closes. None: it can't be told.
    """
    if all(closes(leg) for leg in ticket.legs) or not grows(ticket, snapshot):
        return ZERO
    if snapshot.effect is not None:
        return max(ZERO, -snapshot.effect.change)
    told = [cost for cost in (may_lose(ticket, snapshot), _with_holdings(ticket, snapshot)) if cost is not None]
    if told:
        return min(told)
    shorts = all(isinstance(leg.instrument, Equity | Option) for leg in ticket.legs)
    return _short_margin(ticket, snapshot) if shorts else None


def _with_holdings(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """What an order of options alone makes of what is held: what the short ones may cost, beyond what they may cost
    already, less what it brings. A roll costs little by it, a short one under a far long one the width between."""
    net = net_cash(ticket, snapshot)
    if net is None or snapshot.positions is None or any(not isinstance(leg.instrument, Option) for leg in ticket.legs):
        return None
    names, book = {family(leg.instrument) for leg in ticket.legs}, held(snapshot)
    before, end = requirement(book, names), requirement(after(book, ticket.legs), names)
    return None if before is None or end is None else max(ZERO, end - before - net)


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
    limit = (figure + snapshot.released) * limits.buying_power_share
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


# --- day trades ---


def _day_trade(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    """PDT: one more day trade than a small margin account may make, where the broker counts them."""
    balance = snapshot.balance
    if balance is None or balance.day_trades is None or balance.day_trades < DAY_TRADES:
        return
    equity = balance.net_liquidating_value
    if equity is not None and equity >= DAY_TRADER_EQUITY:
        return
    for leg in ticket.legs:
        if isinstance(leg.instrument, Equity | Option) and _closes_todays(leg, snapshot):
            words = f"This would be one more day trade; the broker counts {balance.day_trades} within five days, "
            words += f"and below {dollars(DAY_TRADER_EQUITY)} a fourth one may restrict the account."
            numbers = texts(day_trades=balance.day_trades, limit=DAY_TRADES, equity=equity)
            yield Finding("", "PDT", words, False, numbers)
            return


def _closes_todays(leg: Leg, snapshot: Snapshot) -> bool:
    """Whether it closes what was opened today; also when nobody tells when that was."""
    today = snapshot.now.astimezone(NEW_YORK).date()
    for position in snapshot.positions or ():
        if position.instrument == leg.instrument and position.quantity * leg.action.sign < 0:
            return position.opened_at is None or position.opened_at.astimezone(NEW_YORK).date() >= today
    return False
