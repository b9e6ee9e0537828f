"""What the control port does to orders and accounts: rejects, busts and corrections, exercise, deposits."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from brokers.domain.instruments import parse_instrument
from brokers.simulator.exchange import FillRule, OrderRefused
from brokers.simulator.tradestation.names import exchange_number
from brokers.simulator.world import World

Body = Mapping[str, Any]


class BadIntervention(ValueError):
    """What was asked for can't be done; the text says why."""


def intervene(world: World, body: Body) -> Any:
    """{"action": reject_next|remove|bust|correct|exercise|deposit, "account", …} → what came of it

    reject_next: "reason", "account"?, "symbol"?; remove: "order_id"; bust: it and "fill_id"; correct: and "price";
    exercise: "symbol" (an option), "quantity"; deposit: "amount" (below 0 it is a withdrawal)."""
    action = ACTIONS.get(str(body.get("action")))
    if action is None:
        raise BadIntervention(f"action must be one of: {', '.join(ACTIONS)}")
    try:
        return action(world, body)
    except OrderRefused as error:
        raise BadIntervention(error.message) from None


def set_fills(world: World, body: Body) -> Any:
    """{"mode": immediate|delayed|never|partial|legs|schedule, "account"?, "symbol"?, "delay"?, "fraction"?,
    "interval"?, "schedule"? [[seconds, fraction], …], "clear"?} → how many rules are in force"""
    if body.get("clear") is True:
        world.exchange.fills.clear()
    if "mode" in body:
        given = body.get("account")
        account = None if given is None else exchange_number(world, str(given))
        world.exchange.fills.set(_rule(body), account, body.get("symbol"))
    return {"rules": len(world.exchange.fills.rules)}


def _rule(body: Body) -> FillRule:
    schedule = body.get("schedule", [])
    if not isinstance(schedule, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in schedule):
        raise BadIntervention("schedule must be a list of pairs: seconds and a fraction")
    return FillRule(
        mode=str(body["mode"]),  # type: ignore[arg-type]
        delay=float(_number(body, "delay", "0")),
        fraction=_number(body, "fraction", "0.5"),
        interval=float(_number(body, "interval", "1")),
        schedule=tuple((float(_decimal(seconds)), _decimal(part)) for seconds, part in schedule),
    )


def _reject_next(world: World, body: Body) -> Any:
    account = body.get("account")
    number = None if account is None else exchange_number(world, str(account))
    reason = str(body.get("reason", "Session offline"))
    world.exchange.reject_next(reason, number, body.get("symbol"))
    return {"reason": reason}


def _remove(world: World, body: Body) -> Any:
    order = world.exchange.remove(_account(world, body), _order(body))
    return {"order_id": order.order_id, "filled": str(order.filled)}


def _bust(world: World, body: Body) -> Any:
    order = world.exchange.bust(_account(world, body), _order(body), str(body.get("fill_id", "")))
    return {"order_id": order.order_id, "fills": [asdict(fill) | {"at": fill.at.isoformat()} for fill in order.fills]}


def _correct(world: World, body: Body) -> Any:
    price = _number(body, "price")
    order = world.exchange.correct(_account(world, body), _order(body), str(body.get("fill_id", "")), price)
    return {"order_id": order.order_id, "price": str(price)}


def _exercise(world: World, body: Body) -> Any:
    option = parse_instrument(str(body.get("symbol", "")))
    changed = world.exchange.exercise(_account(world, body), option, _number(body, "quantity"))
    return {"changed": {str(one.instrument): str(one.quantity) for one in changed}}


def _deposit(world: World, body: Body) -> Any:
    amount = _number(body, "amount")
    kind = "deposit" if amount >= 0 else "withdrawal"
    entry = world.exchange.deposit(_account(world, body), amount, sub_kind=kind, description=f"Cash {kind}")
    return {"transaction_id": entry.transaction_id, "amount": str(amount)}


ACTIONS: dict[str, Callable[[World, Body], Any]] = {
    "reject_next": _reject_next,
    "remove": _remove,
    "bust": _bust,
    "correct": _correct,
    "exercise": _exercise,
    "deposit": _deposit,
}


def _account(world: World, body: Body) -> str:
    return exchange_number(world, str(body.get("account", "")))


def _order(body: Body) -> int:
    given = str(body.get("order_id", ""))
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise BadIntervention("order_id must be an order's number")
    return int(given)


def _number(body: Body, name: str, default: str | None = None) -> Decimal:
    try:
        return _decimal(body.get(name, default))
    except BadIntervention:
        raise BadIntervention(f"{name} must be a number") from None


def _decimal(given: Any) -> Decimal:
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(given, bool) or not value.is_finite() or abs(value) > Decimal(10) ** 12:
        raise BadIntervention("not a number")
    return value
