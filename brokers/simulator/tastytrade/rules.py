"""An order's rules: when it may go and when it must end (``rules`` in a request, ``order-rule`` in an answer, 5.2)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Condition, SimOrder, Ticket
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.bodies import Body, instant, number, word
from brokers.simulator.tastytrade.envelope import amount, moment, preflight, wrong
from brokers.simulator.tastytrade.symbols import api_symbol, listed, type_name

ACTIONS: Mapping[str, Literal["route", "cancel"]] = {"route": "route", "cancel": "cancel"}
INDICATORS: Mapping[str, Literal["last", "nat"]] = {"last": "last", "nat": "nat"}
COMPARATORS: Mapping[str, Literal["gte", "lte"]] = {"gte": "gte", "lte": "lte"}
SIDES: Mapping[str, Literal["ask", "bid"]] = {"Long": "ask", "Short": "bid"}
WRITTEN_COMPARATORS = {"gte": "gte", "gt": "gte", "lte": "lte", "lt": "lte"}


class Terms(TypedDict):
    """The parts of a ticket that rules speak of."""

    start_at: datetime | None
    cancel_at: datetime | None
    conditions: tuple[Condition, ...]


def read_rules(body: Body, market: Market) -> Terms:
    """The rules in a body; raises ``Refusal``. All conditions of one action must hold."""
    rules = body.get("rules")
    if rules is None:
        return Terms(start_at=None, cancel_at=None, conditions=())
    conditions = rules.get("conditions") if isinstance(rules, dict) else None
    if not isinstance(rules, dict) or not isinstance(conditions, list | None):
        raise wrong("rules", "is invalid")
    return Terms(
        start_at=instant(rules, "route-after", "rules.route-after"),
        cancel_at=instant(rules, "cancel-at", "rules.cancel-at"),
        conditions=tuple(read_condition(each, market) for each in conditions or ()),
    )


def read_condition(given: Any, market: Market) -> Condition:
    if not isinstance(given, dict):
        raise wrong("rules.conditions", "is invalid")
    effect = word(given, "action", ACTIONS, "rules.conditions.action")
    named = word(given, "indicator", INDICATORS, "rules.conditions.indicator")
    comparator = word(given, "comparator", COMPARATORS, "rules.conditions.comparator")
    threshold = number(given, "threshold", "rules.conditions.threshold")
    symbol, indicator, units = given.get("symbol"), "last", Decimal(1)
    if components := given.get("price-components"):
        symbol, side, units = read_component(components)
        indicator = side if named == "nat" else "last"
    elif named == "nat":
        indicator = "ask"
    instrument = watched(symbol, market)
    return Condition(effect, instrument, indicator, comparator, threshold / units)  # type: ignore[arg-type]


def read_component(components: Any) -> tuple[object, str, Decimal]:
    """The one instrument whose price is looked at: a sum of several is not offered here."""
    if not isinstance(components, list) or not isinstance(components[0], dict):
        raise wrong("rules.conditions.price-components", "is invalid")
    if len(components) > 1:
        raise preflight("order_condition_not_supported", "A condition looks at the price of one instrument here.")
    side = word(components[0], "quantity-direction", SIDES, "rules.conditions.price-components.quantity-direction")
    units = number(components[0], "quantity", "rules.conditions.price-components.quantity")
    return components[0].get("symbol"), side, units or Decimal(1)


def watched(symbol: object, market: Market) -> Instrument:
    found = listed(market, symbol) if isinstance(symbol, str) else None
    if found is None:
        raise preflight("instrument_validation_failed", f"{str(symbol)[:40]} is not a known instrument.")
    return found.instrument


def order_rule_json(ticket: Ticket, order: SimOrder | None = None) -> dict[str, Any] | None:
    """The rules of an order as answers write them; None when it has none."""
    if not (ticket.start_at or ticket.cancel_at or ticket.conditions):
        return None
    times = {"route-after": ticket.start_at, "cancel-at": ticket.cancel_at}
    if order is not None and ticket.start_at:
        times["routed-at"] = order.in_flight_at
    if order is not None and ticket.cancel_at:
        times["cancelled-at"] = order.cancelled_at
    body: dict[str, Any] = {name: moment(at) for name, at in times.items() if at is not None}
    conditions = [condition_json(place, each) for place, each in enumerate(ticket.conditions, 1)]
    return body | {"order-conditions": conditions}


def condition_json(place: int, condition: Condition) -> dict[str, Any]:
    symbol, kind = api_symbol(condition.instrument), type_name(condition.instrument)
    direction = "Short" if condition.indicator == "bid" else "Long"
    natural = condition.indicator != "last"
    component = {"symbol": symbol, "instrument-type": kind, "quantity": 1, "quantity-direction": direction}
    return {
        "id": place,
        "action": condition.effect,
        "symbol": symbol,
        "instrument-type": kind,
        "indicator": "nat" if natural else "last",
        "comparator": WRITTEN_COMPARATORS[condition.comparator],
        "threshold": amount(condition.threshold),
        "is-threshold-based-on-notional": False,
        "price-components": [component] if natural else [],
    }
