"""An order's rules: when it may go and when it must end (``rules`` in a request, ``order-rule`` in an answer, 5.2)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Condition, SimOrder, Ticket
from brokers.simulator.exchange.orders.tickets import Component, Indicator
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.bodies import Body, instant, number, word
from brokers.simulator.tastytrade.envelope import amount, moment, preflight, quantity, wrong
from brokers.simulator.tastytrade.symbols import api_symbol, listed, type_name

ACTIONS: Mapping[str, Literal["route", "cancel"]] = {"route": "route", "cancel": "cancel"}
INDICATORS: Mapping[str, Literal["last", "nat"]] = {"last": "last", "nat": "nat"}
COMPARATORS: Mapping[str, Literal["gte", "lte"]] = {"gte": "gte", "lte": "lte"}
SIDES: Mapping[str, int] = {"Long": 1, "Short": -1}
MOST_COMPONENTS = 10
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
    components = read_components(given.get("price-components"), market)
    if len(components) > 1:
        first = components[0].instrument
        indicator: Indicator = "ask" if named == "nat" else "last"
        return Condition(effect, first, indicator, comparator, threshold, components=components)
    if components:
        [only] = components
        side: Indicator = "last" if named == "last" else "ask" if only.units > 0 else "bid"
        return Condition(effect, only.instrument, side, comparator, threshold / abs(only.units))
    indicator = "ask" if named == "nat" else "last"
    return Condition(effect, watched(given.get("symbol"), market), indicator, comparator, threshold)


def read_components(given: Any, market: Market) -> tuple[Component, ...]:
    """What a price is made of: long parts are bought, short ones sold."""
    if given is None or given == []:
        return ()
    if not isinstance(given, list) or len(given) > MOST_COMPONENTS or not all(isinstance(each, dict) for each in given):
        raise wrong("rules.conditions.price-components", "is invalid")
    return tuple(read_component(each, market) for each in given)


def read_component(given: Body, market: Market) -> Component:
    where = "rules.conditions.price-components"
    sign = word(given, "quantity-direction", SIDES, f"{where}.quantity-direction")
    units = number(given, "quantity", f"{where}.quantity") or Decimal(1)
    return Component(watched(given.get("symbol"), market), sign * units)


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
    natural = condition.indicator != "last"
    alone = Component(condition.instrument, Decimal(-1 if condition.indicator == "bid" else 1))
    components = condition.components or ((alone,) if natural else ())
    return {
        "id": place,
        "action": condition.effect,
        "symbol": api_symbol(condition.instrument),
        "instrument-type": type_name(condition.instrument),
        "indicator": "nat" if natural else "last",
        "comparator": WRITTEN_COMPARATORS[condition.comparator],
        "threshold": amount(condition.threshold),
        "is-threshold-based-on-notional": False,
        "price-components": [component_json(each) for each in components],
    }


def component_json(component: Component) -> dict[str, Any]:
    return {
        "symbol": api_symbol(component.instrument),
        "instrument-type": type_name(component.instrument),
        "quantity": quantity(abs(component.units)),
        "quantity-direction": "Long" if component.units > 0 else "Short",
    }
