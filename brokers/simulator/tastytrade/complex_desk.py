"""The complex-order endpoints (section 4.14)."""

from typing import Any

from brokers.simulator.exchange import OrderRefused, Preview, SimOrder
from brokers.simulator.exchange.orders.groups import Bond, Bundle, Node, SimGroup
from brokers.simulator.tastytrade.bodies import Body, text
from brokers.simulator.tastytrade.complex_orders import (
    RATIO,
    complex_json,
    dry_complex_json,
    placed_complex_json,
    ratio_json,
    read_complex,
    read_threshold,
)
from brokers.simulator.tastytrade.envelope import Reply, not_found, paged, preflight
from brokers.simulator.tastytrade.families import everyone, kind_of, slots
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.order_desk import note, number_in, remarked, strict_in
from brokers.simulator.tastytrade.refusals import cannot_update, refused
from brokers.simulator.world import market_day

PER_PAGE = 10
MOST_PER_PAGE = 200


def dry_run(ask: Ask) -> Reply:
    body = ask.json()
    given, strict = read_complex(body, ask.world.market), strict_in(body)
    exchange = ask.world.exchange
    try:
        if isinstance(given, Node):
            previews = exchange.preview_tree(ask.account, given, strict=strict)
        else:
            previews = exchange.preview_group(ask.account, given, strict=strict)
    except OrderRefused as error:
        raise refused(error) from None
    return remarked(ask, placed_complex_json(dry_complex_json(ask.account, given, ask.world.market), previews))


def place(ask: Ask) -> Reply:
    body = ask.json()
    try:
        orders = take(ask, read_complex(body, ask.world.market), body)
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, orders[0], made=True)
    group = ask.world.exchange.group(ask.account, group_of(orders))
    return remarked(ask, placed_complex_json(complex_json(group, ask.world), foreseen(orders)))


def take(ask: Ask, given: Node | Bundle, body: Body) -> list[SimOrder]:
    """Hand it to the exchange; the orders it made, the trigger first."""
    words: dict[str, Any] = {
        "reference": text(body, "external-identifier"),
        "source": text(body, "source") or "",
        "username": ask.caller.user,
        "strict": strict_in(body),
    }
    if isinstance(given, Node):
        return ask.world.exchange.place_tree(ask.account, given, **words)
    return ask.world.exchange.place_group(ask.account, given, **words)


def group_of(orders: list[SimOrder]) -> int:
    return next(order.group_id for order in orders if order.group_id is not None)


def foreseen(orders: list[SimOrder]) -> list[Preview]:
    found = [order.preview for order in orders if order.preview is not None]
    if len(found) != len(orders):
        raise RuntimeError("the exchange placed orders without looking at what they do")
    return found


def cancel(ask: Ask) -> Reply:
    """Cancel every order of it that is not done."""
    group, exchange = find_group(ask), ask.world.exchange
    orders = everyone(exchange.accounts[ask.account], group)
    if all(order.is_terminal for order in orders):
        raise cannot_update()
    exchange.cancel_group(ask.account, group.group_id)
    note(ask, orders[0], made=False)
    return Reply(complex_json(group, ask.world))


# The ratio of a pair


def dry_run_change(ask: Ask) -> Reply:
    group, threshold = read_change(ask)
    body = complex_json(group, ask.world)
    body |= ratio_json(threshold, group.comparator, notional=group.notional)
    return Reply(changed_json(ask, group, body), 201)


def change(ask: Ask) -> Reply:
    group, threshold = read_change(ask)
    try:
        ask.world.exchange.amend_group(ask.account, group.group_id, threshold=threshold)
    except OrderRefused as error:
        raise refused(error) from None
    return Reply(changed_json(ask, group, complex_json(group, ask.world)))


def read_change(ask: Ask) -> tuple[SimGroup, Any]:
    """The pair of which the threshold is to change, and the new one: nothing else of a complex order can."""
    group, body = find_group(ask), ask.json()
    if group.bond is not Bond.PAIRS:
        raise preflight("complex_order_not_editable", "Only the ratio of a pairs order can be changed.")
    if group.is_terminal or group.released_at is not None:
        raise cannot_update()
    return group, read_threshold({RATIO[0]: body.get(RATIO[0])})


def changed_json(ask: Ask, group: SimGroup, body: dict[str, Any]) -> dict[str, Any]:
    """As the answer to placing; ``order`` too, since the documents promise the shape of a single order's answer."""
    orders = slots(ask.world.exchange.accounts[ask.account], group)
    return placed_complex_json(body, foreseen(orders)) | {"order": body["orders"][0], "notes": []}


# Looking


def get_group(ask: Ask) -> Reply:
    return Reply(complex_json(find_group(ask), ask.world))


def list_groups(ask: Ask) -> Reply:
    return page(ask, complexes(ask))


def list_live_groups(ask: Ask) -> Reply:
    """Those of which an order works or was touched today."""
    account, today = ask.world.exchange.accounts[ask.account], ask.world.today()
    found = [
        group
        for group in complexes(ask)
        if any(not each.is_terminal or market_day(each.updated_at) >= today for each in everyone(account, group))
    ]
    return page(ask, found)


def complexes(ask: Ask) -> list[SimGroup]:
    """The account's complex orders, newest first."""
    groups = ask.world.exchange.groups(ask.account)
    return sorted((each for each in groups if kind_of(each)), key=lambda each: each.group_id, reverse=True)


def page(ask: Ask, groups: list[SimGroup]) -> Reply:
    reply = paged(groups, ask.query, PER_PAGE, MOST_PER_PAGE)
    rows = [complex_json(group, ask.world) for group in reply.data["items"]]
    return Reply({"items": rows}, pagination=reply.pagination)


def find_group(ask: Ask) -> SimGroup:
    number = number_in(ask, "complex")
    if number is None:
        raise not_found("complex order")
    try:
        group = ask.world.exchange.group(ask.account, number)
    except OrderRefused as error:
        raise refused(error) from None
    if kind_of(group) is None:
        raise not_found("complex order")
    return group
