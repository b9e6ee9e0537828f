"""Codecs with one mistake each, of the kinds that have cost people money: wrong side, sign, type, quantity."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from brokers.domain.orders import Action, OrderType, TimeInForce

Body = dict[str, Any]
Mistake = Callable[[pytest.MonkeyPatch], None]
OTHER_EFFECT = {"Credit": "Debit", "Debit": "Credit"}


def mixed_up(table: str, one: object, other: object) -> Mistake:
    """Two words of a codec's table changed places. ``table``: its dotted name."""

    def make(patch: pytest.MonkeyPatch) -> None:
        module, _, name = table.rpartition(".")
        words = getattr(importlib.import_module(module), name)
        patch.setattr(table, {**words, one: words[other], other: words[one]})

    return make


def bent(builder: str, change: Callable[[Body], Body]) -> Mistake:
    """What a codec's builder makes, changed."""

    def make(patch: pytest.MonkeyPatch) -> None:
        module, _, name = builder.rpartition(".")
        straight = getattr(importlib.import_module(module), name)
        patch.setattr(builder, lambda *given, **named: change(straight(*given, **named)))

    return make


def a_lot(key: str) -> Callable[[Body], Body]:
    """A hundred times as many, in the same spelling."""
    return lambda body: {**body, key: type(body[key])(int(float(body[key])) * 100)}


TASTYTRADE, TRADESTATION = "brokers.tastytrade.codec.orders", "brokers.tradestation.codec.placing"
MISTAKES: Mapping[str, Mapping[str, Mistake]] = {
    "tastytrade": {
        "sign": bent(
            f"{TASTYTRADE}.order_body",
            lambda body: {**body, "price-effect": OTHER_EFFECT[body["price-effect"]]} if "price" in body else body,
        ),
        "side of a short's close": mixed_up(f"{TASTYTRADE}.ACTION_WORDS", Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE),
        "opens for closes": mixed_up(f"{TASTYTRADE}.ACTION_WORDS", Action.BUY_TO_OPEN, Action.BUY_TO_CLOSE),
        "type": mixed_up(f"{TASTYTRADE}.ORDER_TYPE_WORDS", OrderType.STOP, OrderType.STOP_LIMIT),
        "duration": mixed_up(f"{TASTYTRADE}.TIME_IN_FORCE_WORDS", TimeInForce.DAY, TimeInForce.GTC),
        "quantity": bent(f"{TASTYTRADE}._leg_body", a_lot("quantity")),
        "order of legs": bent(f"{TASTYTRADE}.order_body", lambda body: {**body, "legs": body["legs"][::-1]}),
        "price as a number": bent(
            f"{TASTYTRADE}.order_body",
            lambda body: {**body, "price": float(body["price"])} if "price" in body else body,
        ),
    },
    "tradestation": {
        "sign": bent(
            f"{TRADESTATION}._prices",
            lambda prices: {key: f"-{text}".replace("--", "") for key, text in prices.items()},
        ),
        "side of a short's close": mixed_up(f"{TRADESTATION}.SHARE_WORDS", Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE),
        "opens for closes": mixed_up(f"{TRADESTATION}.OPTION_WORDS", Action.BUY_TO_OPEN, Action.BUY_TO_CLOSE),
        "type": mixed_up(f"{TRADESTATION}.ORDER_TYPE_WORDS", OrderType.STOP, OrderType.STOP_LIMIT),
        "duration": mixed_up(f"{TRADESTATION}.DURATION_WORDS", TimeInForce.DAY, TimeInForce.GTC),
        "quantity": bent(f"{TRADESTATION}._leg_body", a_lot("Quantity")),
        "order of legs": bent(
            f"{TRADESTATION}.order_body",
            lambda body: {**body, "Legs": body["Legs"][::-1]} if "Legs" in body else body,
        ),
        "price as a number": bent(
            f"{TRADESTATION}._prices", lambda prices: {key: float(text) for key, text in prices.items()}
        ),
    },
}
