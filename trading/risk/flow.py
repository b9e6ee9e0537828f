"""Controls of how many and how alike: twins, rates, refusals, open orders, one's own other side."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.instruments import describe
from brokers.domain.orders import Leg, OrderTicket
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot, Working
from trading.risk.findings import Finding, dollars, texts
from trading.risk.reducing import shrinks
from trading.risk.worth import notional

TWIN_SECONDS = 10
REFUSALS = 5
"""So many denials and rejections within a minute stop their source."""


def check_flow(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """DUPLICATE_LIKE, RATE_SHORT, PLATFORM_CAP, RATE_REJECTS, OPEN_ORDERS, SELF_CROSS."""
    yield from _twins(snapshot)
    yield from _rates(snapshot, limits)
    yield from _of_all(ticket, snapshot, limits)
    yield from _refusals(snapshot)
    if snapshot.working is None:
        yield Finding("", "OPEN_ORDERS", "The working orders could not be read, so nothing is sent.")
        return
    yield from _open_orders(ticket, snapshot.working, _members(snapshot), limits)
    for leg in ticket.legs:
        yield from _crosses(ticket, leg, snapshot)


def _members(snapshot: Snapshot) -> int:
    """How many orders go out at once."""
    return max(1, len(snapshot.fingerprints))


def _twins(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.twins is None:
        yield Finding("", "DUPLICATE_LIKE", "Whether this order was sent already could not be read.")
        return
    for twin in snapshot.twins:
        age = Decimal(str((snapshot.now - twin.at).total_seconds()))
        if twin.uncertain:
            words = "The very same order is being looked up at the broker: sending this one may make two. Wait for it."
            yield Finding("", "DUPLICATE_LIKE", words, True, texts(age=age))
            return
    ages = [Decimal(str((snapshot.now - twin.at).total_seconds())) for twin in snapshot.twins]
    if ages and min(ages) <= TWIN_SECONDS:
        words = f"The very same order was sent {min(ages):.0f} seconds ago: sending this makes two."
        yield Finding("", "DUPLICATE_LIKE", words, False, texts(age=min(ages), limit=TWIN_SECONDS))


def _rates(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.sent is None:
        yield Finding("", "RATE_SHORT", "How many orders were sent lately could not be read, so nothing is sent.")
        return
    more = _members(snapshot)
    minute = limits.web_orders_a_minute if snapshot.source == "web" else limits.api_orders_a_minute
    for count, limit, span in (
        (snapshot.sent.second, limits.orders_a_second, "second"),
        (snapshot.sent.minute, minute, "minute"),
        (snapshot.sent.day, limits.orders_a_day, "day"),
    ):
        if count + more > limit:
            words = f"This account was sent {count} orders within a {span}; {limit} are allowed. Wait a while."
            yield Finding("", "RATE_SHORT", words, True, texts(sent=count, limit=limit))


def _of_all(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """PLATFORM_CAP: an order without a known worth counts nothing here, for ORDER_NOTIONAL does not let it out; nor do
    the dollars of a change to no more of the same."""
    sent = snapshot.sent_by_all
    if sent is None:
        words = "How much the whole installation sent lately could not be read, so nothing is sent."
        yield Finding("", "PLATFORM_CAP", words)
        return
    most = limits.installation_orders_a_second
    if sent.second + _members(snapshot) > most:
        words = f"The whole installation sent {sent.second} orders within a second; {most:f} are allowed. Wait a while."
        yield Finding("", "PLATFORM_CAP", words, True, texts(sent=sent.second, limit=most))
    adds = Decimal(0) if shrinks(ticket, snapshot) else notional(ticket, snapshot)
    worth, cap = adds or Decimal(0), limits.installation_dollars_a_minute
    if sent.dollars + worth > cap:
        words = f"With this order the whole installation would send {dollars(sent.dollars + worth)} within a minute; "
        words += f"{dollars(cap)} are allowed. Wait a while."
        yield Finding("", "PLATFORM_CAP", words, True, texts(sent=sent.dollars, order=worth, limit=cap))


def _refusals(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.refusals is None:
        yield Finding("", "RATE_REJECTS", "How many orders were refused lately could not be read, so nothing is sent.")
    elif snapshot.refusals >= REFUSALS:
        words = f"{snapshot.refusals} orders were refused within a minute: find out why before you send more."
        yield Finding("", "RATE_REJECTS", words, True, texts(refused=snapshot.refusals, limit=REFUSALS))


def _open_orders(ticket: OrderTicket, working: tuple[Working, ...], more: int, limits: Limits) -> Iterator[Finding]:
    mine = [order for order in working if order.same_account]
    if len(mine) + more > limits.open_orders:
        words = f"{len(mine)} orders are open in this account: cancel some first."
        yield Finding("", "OPEN_ORDERS", words, True, texts(open=len(mine), limit=limits.open_orders))
    for leg in ticket.legs:
        symbol = str(leg.instrument)
        count = sum(1 for order in mine if symbol in _symbols(order))
        if count + more > limits.open_orders_a_symbol:
            words = f"{count} orders in {symbol} are open: cancel some first."
            yield Finding("symbol", "OPEN_ORDERS", words, True, texts(open=count, limit=limits.open_orders_a_symbol))


def _symbols(order: Working) -> set[str]:
    return {str(leg.instrument) for leg in order.legs} | set(order.symbols)


def _crosses(ticket: OrderTicket, leg: Leg, snapshot: Snapshot) -> Iterator[Finding]:
    """Only single orders meet in the market; a spread's legs have no price of their own."""
    for order in snapshot.working or ():
        other = order.legs[0] if len(order.legs) == 1 else None
        if len(ticket.legs) > 1 or other is None or other.instrument != leg.instrument:
            continue
        if other.action.is_buy is leg.action.is_buy or not _meet(ticket, leg, order):
            continue
        whose = "" if order.same_account else " of another account of yours"
        words = f"It would trade against a working order{whose} in {describe(leg.instrument)}: cancel that one first."
        yield Finding("limit_price", "SELF_CROSS", words, False, _cross_numbers(ticket, order))
        return


def _meet(ticket: OrderTicket, leg: Leg, order: Working) -> bool:
    if ticket.order_type.waits or order.stop_price is not None:
        return False  # one of them is not in the market yet
    if ticket.limit_price is None or order.limit_price is None:
        return True
    mine, theirs = abs(ticket.limit_price), abs(order.limit_price)
    return mine >= theirs if leg.action.is_buy else mine <= theirs


def _cross_numbers(ticket: OrderTicket, order: Working) -> dict[str, str]:
    price = abs(ticket.limit_price) if ticket.limit_price is not None else None
    other = abs(order.limit_price) if order.limit_price is not None else None
    return texts(order=price, working=other)
