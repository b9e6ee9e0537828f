"""Orders as rows: the market now, how far away it is, groups together."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from ledger_broker import AAPL, CALL

from brokers.domain.market import Quote
from brokers.domain.orders import Action
from trading.models import Order
from trading.pages import rows


def quoted(bid: str, ask: str) -> Quote:
    values: dict[str, Any] = dict.fromkeys(Quote.__dataclass_fields__)
    return Quote(**values | {"bid": Decimal(bid), "ask": Decimal(ask)})


def an_order(
    *legs: tuple[Any, Action, str],
    limit: str | None = None,
    stop: str | None = None,
    kind: str = "limit",
    status: str = "working",
) -> Order:
    ticket = {"legs": [{"symbol": str(one), "action": action, "quantity": size} for one, action, size in legs]}
    order = Order(
        ticket=ticket,
        order_type=kind,
        time_in_force="day",
        status=status,
        limit_price=None if limit is None else Decimal(limit),
        stop_price=None if stop is None else Decimal(stop),
    )
    connection = SimpleNamespace(broker="tastytrade", is_connected=True)
    order._state.fields_cache["account"] = SimpleNamespace(connection=connection)
    return order


@pytest.mark.parametrize(
    ("order", "mark", "distance"),
    [
        (an_order((AAPL, Action.BUY_TO_OPEN, "10"), limit="-190.00"), "191.30", "1.30"),
        (an_order((AAPL, Action.BUY_TO_OPEN, "10"), limit="-192.00"), "191.30", "-0.70"),
        (an_order((AAPL, Action.SELL_TO_CLOSE, "10"), limit="199.00"), "191.30", "7.70"),
        (an_order((AAPL, Action.SELL_TO_CLOSE, "10"), stop="180.00", kind="stop"), "191.30", "11.30"),
        (an_order((AAPL, Action.BUY_TO_CLOSE, "10"), stop="200.00", kind="stop"), "191.30", "8.70"),
        (an_order((AAPL, Action.BUY_TO_OPEN, "10"), kind="market"), "191.30", None),
        (
            an_order((AAPL, Action.BUY_TO_OPEN, "100"), (CALL, Action.SELL_TO_OPEN, "1"), limit="-185.00"),
            "-186.30",
            "1.30",
        ),
        (an_order((AAPL, Action.BUY_TO_OPEN, "10"), limit="-190.00", status="filled"), None, None),
    ],
)
def test_mark_and_distance(order: Order, mark: str | None, distance: str | None) -> None:
    quotes = {AAPL: quoted("191.29", "191.31"), CALL: quoted("4.90", "5.10")}
    row = rows.row_of(order, quotes)
    assert row.mark == (None if mark is None else Decimal(mark))
    assert row.distance == (None if distance is None else Decimal(distance))


def test_without_a_market_nothing_is_said() -> None:
    row = rows.row_of(an_order((AAPL, Action.BUY_TO_OPEN, "10"), limit="-190.00"), {})
    assert (row.mark, row.distance) == (None, None)


def test_what_the_desk_has_no_words_for_is_shown_and_not_changed() -> None:
    order = an_order(limit="-1.00")
    order.ticket = {"legs": [{"symbol": "BOND 123 ???", "action": "hold", "quantity": "1"}]}
    order.description = "A bond"
    order.broker_order_id = "7"
    row = rows.row_of(order, {})
    assert row.legs == ("A bond",)
    assert not row.can_change


def test_a_group_stands_together_where_its_first_member_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "quotes_of", lambda *_: {})
    group = uuid4()
    found = [an_order((AAPL, Action.BUY_TO_OPEN, str(size)), limit="-190.00", status="filled") for size in range(1, 6)]
    for index, order in ((2, found[1]), (0, found[4])):
        order.group, order.group_index, order.group_kind = group, index, "bracket"
    blocks = rows.blocks(found)
    assert [[str(row.order.ticket["legs"][0]["quantity"]) for row in block.rows] for block in blocks] == [
        ["1"],
        ["5", "2"],
        ["3"],
        ["4"],
    ]
    assert [block.title for block in blocks] == ["", "Bracket", "", ""]
