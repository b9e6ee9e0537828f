"""Complex orders read from bodies and written in answers: OTOCO, OTO, OCO, PAIRS (section 5.6)."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange import Exchange, Preview, SimOrder, Ticket
from brokers.simulator.exchange.orders.groups import Bond, Bundle, Node, SimGroup
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.bodies import Body, must_be_absent, number, text, word
from brokers.simulator.tastytrade.envelope import amount, moment, wrong
from brokers.simulator.tastytrade.families import PENDING, everyone, kind_of, place_of, slots
from brokers.simulator.tastytrade.orders import STATUSES, dry_order_json, order_json
from brokers.simulator.tastytrade.previews import buying_power_json, fees_json, total_of
from brokers.simulator.tastytrade.refusals import misfit, warning_json
from brokers.simulator.tastytrade.tickets import read_ticket
from brokers.simulator.world import World

BONDS = {"OTOCO": Bond.OCO, "OTO": Bond.INDEPENDENT, "OCO": Bond.OCO, "PAIRS": Bond.PAIRS}
TRIGGERED = ("OTOCO", "OTO")
SIZES = {"OTOCO": (2, 2), "OTO": (1, 3), "OCO": (2, 20), "PAIRS": (2, 2)}
COMPARATORS = {"gte": "gte", "lte": "lte"}
RATIO = ("ratio-price-threshold", "ratio-price-comparator", "ratio-price-is-threshold-based-on-notional")
NO_ID = 0  # what stands for the number of a complex order that is only tried out


# Read


def read_complex(body: Body, market: Market) -> Node | Bundle:
    """A trigger and what hangs on it, or a bare group; raises ``Refusal``."""
    kind = word(body, "type", {name: name for name in BONDS})
    bundle = read_bundle(kind, body, market)
    if kind not in TRIGGERED:
        must_be_absent(body, "trigger-order")
        return bundle
    if not isinstance(body.get("trigger-order"), dict):
        raise wrong("trigger-order", "is missing")
    return replace(read_node(body["trigger-order"], market), bundles=(bundle,))


def read_node(body: Body, market: Market) -> Node:
    return Node(read_ticket(body, market), reference=text(body, "external-identifier"))


def read_bundle(kind: str, body: Body, market: Market) -> Bundle:
    given = body.get("orders")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise wrong("orders", "is missing")
    least, most = SIZES[kind]
    if not least <= len(given) <= most:
        raise wrong("orders", f"must hold {least} to {most} orders" if least < most else f"must hold {least} orders")
    nodes = tuple(read_node(each, market) for each in given)
    if kind != "PAIRS":
        must_be_absent(body, *RATIO)
    try:
        return Bundle(BONDS[kind], nodes, **read_ratio(body)) if kind == "PAIRS" else Bundle(BONDS[kind], nodes)
    except InvalidTicket as error:
        raise misfit(error) from None


def read_ratio(body: Body) -> dict[str, Any]:
    """The level of a pair's price ratio, with which side of it is waited for."""
    notional = body.get("ratio-price-is-threshold-based-on-notional", False)
    if not isinstance(notional, bool):
        raise wrong("ratio-price-is-threshold-based-on-notional", "does not have a valid value")
    return {
        "threshold": read_threshold(body),
        "comparator": word(body, "ratio-price-comparator", COMPARATORS),
        "notional": notional,
    }


def read_threshold(body: Body) -> Decimal:
    threshold = number(body, "ratio-price-threshold")
    if threshold == 0:
        raise wrong("ratio-price-threshold", "must be above 0")
    return threshold


# Written


def complex_json(group: SimGroup, world: World) -> dict[str, Any]:
    """A complex order whole, as it is now."""
    exchange = world.exchange
    account = exchange.accounts[group.account_number]
    body: dict[str, Any] = {"id": group.group_id, "account-number": group.account_number, "type": kind_of(group)}
    if group.terminal_at is not None:
        body["terminal-at"] = moment(group.terminal_at)
    body |= ratio_json(group.threshold, group.comparator, notional=group.notional)
    if group.parent_id is not None:
        body["trigger-order"] = order_json(account.orders[group.parent_id], world)
    body["orders"] = [order_json(order, world) for order in slots(account, group)]
    over = [related_json(order, exchange) for order in everyone(account, group) if order.is_terminal]
    return body | ({"related-orders": over} if over else {})


def ratio_json(threshold: Decimal | None, comparator: str, *, notional: bool) -> dict[str, Any]:
    if threshold is None:
        return {}
    return dict(zip(RATIO, (amount(threshold), comparator, notional), strict=True))


def related_json(order: SimOrder, exchange: Exchange) -> dict[str, str]:
    """An order that works no more: replaced, filled, cancelled, …. Here the broker writes numbers as text."""
    place = place_of(exchange.accounts[order.account_number], order)
    optional = {
        "complex-order-id": place.group.group_id if place else None,
        "complex-order-tag": place.tag if place else None,
        "replaces-order-id": order.replaces_order_id,
        "replacing-order-id": order.replaced_by_order_id,
    }
    known = {name: str(value) for name, value in optional.items() if value is not None}
    return {"id": str(order.order_id)} | known | {"status": STATUSES[order.status]}


def dry_complex_json(number: str, given: Node | Bundle, market: Market) -> dict[str, Any]:
    """The complex order of a dry run: without an id; its orders carry a placeholder for it."""
    bundle = given.bundles[0] if isinstance(given, Node) else given
    kind = next(name for name, bond in BONDS.items() if (name in TRIGGERED, bond) == (bundle is not given, bundle.bond))
    body: dict[str, Any] = {"account-number": number, "type": kind}
    body |= ratio_json(bundle.threshold, bundle.comparator, notional=bundle.notional)
    first = 0
    if isinstance(given, Node):
        body["trigger-order"] = dry_member_json(number, given.ticket, market, f"{kind}::trigger-order", 0)
        first = 1
    tag = f"{kind}::{'oco-1-order' if kind == 'OTOCO' else 'order'}"
    body["orders"] = [
        dry_member_json(number, node.ticket, market, tag, slot) for slot, node in enumerate(bundle.nodes, first)
    ]
    return body


def dry_member_json(number: str, ticket: Ticket, market: Market, tag: str, slot: int) -> dict[str, Any]:
    body = dry_order_json(number, ticket, market)
    body |= {"status": "Contingent", "contingent-status": PENDING}
    return body | {"complex-order-id": NO_ID, "complex-order-tag": tag, "preflight-id": slot}


def placed_complex_json(body: dict[str, Any], previews: Sequence[Preview]) -> dict[str, Any]:
    """The answer to placing and to a dry run. What is foreseen is what the orders that act first do:
    the trigger, both of a pair, the costlier one of those of which only one can fill."""
    match body["type"]:
        case "OTOCO" | "OTO":
            foreseen, shown = previews[0], body["trigger-order"]
        case "PAIRS":
            foreseen, shown = total_of(previews), body["orders"][0]
        case _:
            foreseen, shown = min(previews, key=lambda each: each.buying_power_change), body["orders"][0]
    return {
        "complex-order": body,
        "warnings": [
            warning_json(code, message) | {"preflight-id": str(slot)}
            for slot, preview in enumerate(previews)
            for code, message in preview.warnings
        ],
        "buying-power-effect": buying_power_json(foreseen, is_spread=len(shown["legs"]) > 1),
        "fee-calculation": fees_json(foreseen),
    }
