"""AdvancedOptions as returned orders carry them: a compact text, and the rules beside it (section 5.5)."""

from typing import Any

from brokers.domain.instruments import plain
from brokers.simulator.exchange import SimOrder
from brokers.simulator.exchange.orders.tickets import Condition, Ticket
from brokers.simulator.tradestation.answers import decimal
from brokers.simulator.tradestation.memory import Words
from brokers.simulator.tradestation.order_words import trigger_key
from brokers.simulator.tradestation.symbols import to_wire

SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
DEFAULT_KEYS = {"last": "STT", "ask": "SBA", "bid": "SAB", "mid": "SBA"}


def advanced_text(order: SimOrder, words: Words, group: tuple[str, int] | None) -> str:
    """``STPTRG=STT;OSO=950905109;BRK=3117388917;``; ``group`` is the kind (OCA, BRK) and number of its group."""
    ticket = order.ticket
    parts = [f"CND={rule_text(each, key)}" for each, key in rules(ticket, words)]
    if ticket.start_at is not None:
        parts.append(f"TIM={ticket.start_at:%H:%M:%S}")
    if ticket.order_type.has_stop:
        parts.append(f"STPTRG={trigger_key(ticket)}")
    if ticket.trail is not None:
        amount, percent = ticket.trail.amount, ticket.trail.percent
        parts.append(f"TRL={plain(amount)}" if amount is not None else f"TRL={plain(percent)}%" if percent else "")
    if ticket.all_or_none:
        parts.append("AON")
    if ticket.post_only:
        parts.append("BKO")
    if ticket.display_quantity is not None:
        parts.append(f"SHWQTY={plain(ticket.display_quantity)}")
    parts += words.options
    if order.parent_id is not None:
        parts.append(f"OSO={order.parent_id}")
    if group is not None:
        parts.append(f"{group[0]}={group[1]}")
    return "".join(f"{part};" for part in parts if part)


def rules(ticket: Ticket, words: Words) -> list[tuple[Condition, str]]:
    """The market rules with their trigger keys."""
    routing = [each for each in ticket.conditions if each.effect == "route"]
    keys = words.keys if len(words.keys) == len(routing) else [DEFAULT_KEYS[each.indicator] for each in routing]
    return list(zip(routing, keys, strict=True))


def rule_text(rule: Condition, key: str) -> str:
    return f"{to_wire(rule.instrument)}{SIGNS[rule.comparator]}{plain(rule.threshold)}({key})"


def rules_json(ticket: Ticket, words: Words) -> dict[str, Any]:
    """The rules and the trail as the order's own fields; empty when there are none."""
    body: dict[str, Any] = {}
    found = rules(ticket, words)
    if found:
        body["MarketActivationRules"] = [
            {
                "RuleType": "Price",
                "Symbol": to_wire(rule.instrument),
                "Predicate": rule.comparator,
                "TriggerKey": key,
                "Price": decimal(rule.threshold),
            }
            | ({"LogicOperator": rule.joined.capitalize()} if number else {})
            for number, (rule, key) in enumerate(found)
        ]
    if ticket.start_at is not None:
        body["TimeActivationRules"] = [{"TimeUtc": f"{ticket.start_at:0001-01-01T%H:%M:%SZ}"}]
    if ticket.trail is not None:
        amount, percent = ticket.trail.amount, ticket.trail.percent
        if amount is not None:
            body["TrailingStop"] = {"Amount": decimal(amount)}
        elif percent is not None:
            body["TrailingStop"] = {"Percent": decimal(percent)}
    return body
