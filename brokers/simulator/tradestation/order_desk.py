"""Order execution (X1 to X4): confirm and place single orders, orders with others behind them, and groups."""

from dataclasses import dataclass
from typing import Any

from brokers.simulator.exchange import OrderRefused, Preview, SimOrder
from brokers.simulator.exchange.orders.groups import Bond, Bundle, Node
from brokers.simulator.tradestation.answers import bad_request
from brokers.simulator.tradestation.confirm import confirmation
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.house import declined, look_over
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.tradestation.names import accounts_of, ts_account
from brokers.simulator.tradestation.summaries import headline
from brokers.simulator.tradestation.tickets import Declined, Group, Reader, Request

SOURCE = "TradeStation"
WAIVED = ("gtc_market_order", "multi_leg_market_order", "gtc_opening_stop_order", "market_closed_opening_market_order")
USED = "OrderConfirmID has already been used."


@dataclass(frozen=True)
class Result:
    """What became of a request's orders: the elements of the answer, good and bad."""

    orders: list[dict[str, str]]
    errors: list[dict[str, str]]


def confirm(ask: Ask) -> Any:
    request = read(ask)
    try:
        previews = foresee(ask, request)
    except (Declined, OrderRefused) as error:
        raise bad_request(reason(error)) from None
    return {"Confirmations": previews}


def confirm_group(ask: Ask) -> Any:
    group = read_group(ask)
    try:
        bare = group.bond is Bond.INDEPENDENT or len(group.requests) == 1
        found = [foresee(ask, each) for each in group.requests] if bare else [foresee_group(ask, group)]
    except (Declined, OrderRefused) as error:
        raise bad_request(reason(error)) from None
    return {"Confirmations": [each for part in found for each in part]}


def place(ask: Ask) -> Any:
    request = read(ask)
    return answer(ask, [request], lambda: place_one(ask, request))


def place_group(ask: Ask) -> Any:
    group = read_group(ask)
    if group.bond is Bond.INDEPENDENT:
        return answer(ask, list(group.requests), lambda: merged([place_one(ask, each) for each in group.requests]))
    return answer(ask, list(group.requests), lambda: place_bound(ask, group))


# Reading


def reader(ask: Ask) -> Reader:
    mine = accounts_of(ask.world, ask.caller.user)
    return Reader(ask.world, {ts_account(account).casefold(): account for account in mine})


def read(ask: Ask) -> Request:
    """The order of the body; one that no ticket can be made of is a bad request."""
    try:
        return reader(ask).request(ask.json())
    except Declined as error:
        raise bad_request(str(error)) from None


def read_group(ask: Ask) -> Group:
    try:
        group = reader(ask).group(ask.json())
    except Declined as error:
        raise bad_request(str(error)) from None
    if group.bond is not Bond.INDEPENDENT and len(group.requests) < 2:
        raise bad_request("A group of this Type needs two orders at least.")
    return group


def reason(error: Declined | OrderRefused) -> str:
    return str(declined(error) if isinstance(error, OrderRefused) else error)


def node(request: Request) -> Node:
    return Node(request.ticket, tuple(bundle(each) for each in request.bundles))


def bundle(group: Group) -> Bundle:
    return Bundle(group.bond, tuple(node(each) for each in group.requests))


def in_order(request: Request) -> list[Request]:
    """The order and all behind it, as the exchange previews and makes them: each before what waits for it."""
    return [request, *(each for group in request.bundles for inner in group.requests for each in in_order(inner))]


# Foreseeing


def foresee(ask: Ask, request: Request) -> list[dict[str, Any]]:
    look_over(request, ask.world)
    number = request.account.number
    if not request.bundles:
        previews = [ask.world.exchange.preview(number, request.ticket, strict=True, waive=WAIVED)]
    else:
        previews = ask.world.exchange.preview_tree(number, node(request), strict=True, waive=WAIVED)
    return confirmations(ask, in_order(request), previews)


def foresee_group(ask: Ask, group: Group) -> list[dict[str, Any]]:
    for each in group.requests:
        look_over(each, ask.world)
    number = group.requests[0].account.number
    previews = ask.world.exchange.preview_group(number, bundle(group), strict=True, waive=WAIVED)
    return confirmations(ask, [one for each in group.requests for one in in_order(each)], previews)


def confirmations(ask: Ask, requests: list[Request], previews: list[Preview]) -> list[dict[str, Any]]:
    pairs = zip(requests, previews, strict=True)
    return [confirmation(request, preview, ask.world) for request, preview in pairs]


# Placing


def place_one(ask: Ask, request: Request) -> Result:
    """An order, and what hangs on it: children are numbered before their parent, and told before it."""
    exchange, number = ask.world.exchange, request.account.number
    mark, user = request.confirm_id or None, ask.caller.user
    try:
        look_over(request, ask.world)
        if request.bundles:
            made = exchange.place_tree(number, node(request), mark, SOURCE, user, True, strict=True, waive=WAIVED)
        else:
            made = [exchange.place(number, request.ticket, mark, SOURCE, user, strict=True, waive=WAIVED)]
    except (Declined, OrderRefused) as error:
        return failed(ask, request, reason(error))
    return sent(ask, in_order(request), made)


def place_bound(ask: Ask, group: Group) -> Result:
    """A bracket or an OCO: all of it or nothing."""
    exchange, number = ask.world.exchange, group.requests[0].account.number
    mark, user = group.requests[0].confirm_id or None, ask.caller.user
    try:
        for each in group.requests:
            look_over(each, ask.world)
        made = exchange.place_group(number, bundle(group), mark, SOURCE, user, strict=True, waive=WAIVED)
    except (Declined, OrderRefused) as error:
        return merged([failed(ask, each, reason(error)) for each in group.requests])
    return sent(ask, [one for each in group.requests for one in in_order(each)], made)


def sent(ask: Ask, requests: list[Request], made: list[SimOrder]) -> Result:
    """The elements for orders that were taken, by number: ``made`` comes in the order of the requests."""
    pairs = sorted(zip(made, requests, strict=True), key=lambda pair: pair[0].order_id)
    for order, request in pairs:
        Memory.of(ask.world).note(order.order_id, request.words)
    rows = [{"Message": f"Sent order: {headline(asked)}", "OrderID": str(order.order_id)} for order, asked in pairs]
    return Result(rows, [])


def failed(ask: Ask, request: Request, why: str) -> Result:
    """A refused order: by a switch a 400, else an element of its own, and an order that is in the list as rejected."""
    if ask.world.switches.tradestation_failures == "bad_request":
        raise bad_request(f"Order failed. Reason: {why}")
    number, mark = request.account.number, request.confirm_id or None
    order = ask.world.exchange.place_rejected(number, request.ticket, why, mark, ask.caller.user, source=SOURCE)
    row = {"Error": "FAILED", "Message": f"Order failed. Reason: {why}", "OrderID": str(order.order_id)}
    return Result([], [row])


def merged(results: list[Result]) -> Result:
    return Result(
        [row for result in results for row in result.orders], [row for result in results for row in result.errors]
    )


def answer(ask: Ask, requests: list[Request], act: Any) -> Any:
    """Place once for each OrderConfirmID of a key and a user; the ledger hears what was made."""
    memory, keys = Memory.of(ask.world), confirm_keys(ask, requests)
    how = ask.world.switches.tradestation_duplicates
    before = next((memory.confirmed[key] for key in keys if key in memory.confirmed), None)
    if before is not None and how != "accept":
        return again(ask, before, how)
    result = act()
    note(ask, [row["OrderID"] for row in (*result.orders, *result.errors)], made=True)
    body = told(ask, result)
    if result.orders:
        for key in keys:
            memory.confirm(key, body)
    return body


def again(ask: Ask, before: dict[str, Any], how: str) -> Any:
    """The answer to a placement whose OrderConfirmID was used before: nothing is placed."""
    if how == "repeat":
        note(ask, [row["OrderID"] for row in before["Orders"]], made=False)
        return before
    if how == "bad_request":
        raise bad_request(USED)
    return told(ask, Result([], [{"Error": "FAILED", "Message": f"Order failed. Reason: {USED}", "OrderID": ""}]))


def told(ask: Ask, result: Result) -> dict[str, Any]:
    """``Errors`` is absent when all went well; by a switch failures stand among the orders."""
    if ask.world.switches.tradestation_failures == "orders":
        return {"Orders": [*result.orders, *result.errors]}
    body: dict[str, Any] = {"Orders": result.orders} if result.orders else {}
    return body | ({"Errors": result.errors} if result.errors else {})


def confirm_keys(ask: Ask, requests: list[Request]) -> list[str]:
    caller = ask.caller
    return [f"{caller.client_id}|{caller.user}|{each.confirm_id}" for each in requests if each.confirm_id]


def note(ask: Ask, numbers: list[str], *, made: bool) -> None:
    """Write into the ledger which orders the request made or touched, joined by commas."""
    if ask.entry is not None:
        ask.entry.order_id = ",".join(numbers)
        ask.entry.made_order = made
