"""What programs confirm: only what a preview of the very same thing showed them a moment ago."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import orders
from trading.api import confirming
from trading.drafting import previews
from trading.models import Order

pytestmark = pytest.mark.django_db
TWIN = ["DUPLICATE_LIKE"]


def body(account: Account, **more: Any) -> dict[str, Any]:
    leg = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}
    terms = {"order_type": "limit", "time_in_force": "day", "limit_price": "190.00"}
    return {"account": str(account.pk), "legs": [leg], **terms} | more


def call(client: Client, path: str, content: Mapping[str, Any], key: str = "", method: str = "post") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    address = f"/api/v1/{path}"
    return getattr(client, method)(address, dict(content), content_type="application/json", headers=headers)


def preview(client: Client, account: Account, **more: Any) -> str:
    answer = call(client, "orders/preview", body(account, **more))
    assert answer.status_code == 200, answer.content
    return str(answer.json()["preview_id"])


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=seconds))


@pytest.fixture
def sent_before(trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker) -> LedgerBroker:
    """The same order went out a moment ago: another one has to be confirmed."""
    assert call(trader_client, "orders", body(trading_account), "first").status_code == 201
    return controlled_broker


def test_findings_are_told_and_confirmed_by_the_preview_that_showed_them(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker
) -> None:
    denied = call(trader_client, "orders", body(trading_account), "key-2")
    assert (denied.status_code, denied.json()["code"]) == (422, "order_denied")
    assert [finding["code"] for finding in denied.json()["findings"]] == TWIN
    assert denied.json()["order"]["status"] == "denied"
    assert call(trader_client, "orders", body(trading_account), "key-2").json()["code"] == "order_denied"
    seen = preview(trader_client, trading_account)
    confirmed = body(trading_account, confirm=TWIN, preview_id=seen)
    sent = call(trader_client, "orders", confirmed, "key-3")
    assert sent.status_code == 201, sent.content
    assert Order.objects.get(pk=sent.json()["id"]).confirmed == TWIN
    tick = call(trader_client, "orders", body(trading_account, limit_price="190.005"), "key-4")
    assert "limit_price" in tick.json()["errors"]
    assert call(trader_client, "orders", body(trading_account, confirm="ALL"), "key-5").json()["code"] == "invalid"
    assert sent_before.calls.count("place") == 2


def attempts(client: Client, account: Account, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Confirmations that are none, with what is answered."""
    of_another = preview(client, account, limit_price="190.01")
    of_this = preview(client, account)
    found = [
        ("no preview", call(client, "orders", body(account, confirm=TWIN), "no-1")),
        ("made up", call(client, "orders", body(account, confirm=TWIN, preview_id="x"), "no-2")),
        ("another order's", call(client, "orders", body(account, confirm=TWIN, preview_id=of_another), "no-3")),
        ("not shown", call(client, "orders", body(account, confirm=[*TWIN, "PDT"], preview_id=of_this), "no-4")),
    ]
    later(monkeypatch, 61)
    return [*found, ("old", call(client, "orders", body(account, confirm=TWIN, preview_id=of_this), "no-5"))]


def test_without_its_own_fresh_preview_nothing_is_confirmed_and_nothing_is_written_down(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, answer in attempts(trader_client, trading_account, monkeypatch):
        assert (answer.status_code, answer.json()["code"]) == (422, "preview_invalid"), what
    assert Order.objects.count() == 1
    assert sent_before.calls.count("place") == 1


def test_where_codes_are_taken_as_they_come_the_same_attempts_get_out(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""
    monkeypatch.setattr(
        confirming, "order_seen", lambda _request, given: confirming.Seen(codes=frozenset(given["confirm"]))
    )
    attempts(trader_client, trading_account, monkeypatch)
    assert sent_before.calls.count("place") > 1


def test_a_preview_of_somebody_else_confirms_nothing(
    trader_client: Client,
    stranger_client: Client,
    trading_account: Account,
    foreign_account: Account,
    sent_before: LedgerBroker,
) -> None:
    mine = preview(trader_client, trading_account)
    theirs = body(foreign_account, confirm=TWIN, preview_id=mine)
    assert call(stranger_client, "orders", theirs, "k").json()["code"] == "preview_invalid"


def test_a_hard_finding_is_not_confirmed_by_a_preview_that_showed_it(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    seen = preview(trader_client, trading_account, limit_price="250.00")
    worse = body(trading_account, limit_price="250.00", confirm=["PRICE_COLLAR"], preview_id=seen)
    assert call(trader_client, "orders", worse, "k").json()["code"] == "preview_invalid"
    assert not controlled_broker.ledger


def test_a_request_that_is_repeated_is_answered_however_old_its_preview_is(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = body(trading_account, confirm=TWIN, preview_id=preview(trader_client, trading_account))
    first = call(trader_client, "orders", confirmed, "key-2")
    later(monkeypatch, 3600)
    again = call(trader_client, "orders", confirmed, "key-2")
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    assert call(trader_client, "orders", confirmed, "key-3").json()["code"] == "preview_invalid"


def test_a_change_is_confirmed_by_the_preview_of_just_that_change(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order.objects.get()
    path, far = f"orders/{order.pk}", {"limit_price": "205.00"}  # beyond the soft collar
    denied = call(trader_client, path, far, "change-1", "put")
    assert [finding["code"] for finding in denied.json()["findings"]] == ["PRICE_COLLAR"]
    shown = call(trader_client, f"{path}/preview", far).json()
    assert [finding["code"] for finding in shown["findings"]] == ["PRICE_COLLAR"]
    assert "205.00" in shown["description"]
    confirmed = {"confirm": ["PRICE_COLLAR"], "preview_id": shown["preview_id"]}
    other = call(trader_client, path, {"limit_price": "204.00"} | confirmed, "change-2", "put")
    bare = call(trader_client, path, far | {"confirm": ["PRICE_COLLAR"]}, "change-3", "put")
    assert {other.json()["code"], bare.json()["code"]} == {"preview_invalid"}
    done = call(trader_client, path, far | confirmed, "change-4", "put")
    assert done.status_code == 200, done.content
    later(monkeypatch, 120)
    again = call(trader_client, path, far | confirmed, "change-4", "put")
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert sent_before.calls.count("replace") == 1


def test_a_change_of_a_strangers_order_is_not_previewed(
    stranger_client: Client, trader_client: Client, trading_account: Account, sent_before: LedgerBroker
) -> None:
    path = f"orders/{Order.objects.get().pk}/preview"
    assert call(stranger_client, path, {"limit_price": "191.00"}).status_code == 404
    assert call(trader_client, path, {"limit_price": "190.00"}).json()["code"] == "conflict"


def test_a_group_is_confirmed_by_its_own_preview(
    trader_client: Client, trading_account: Account, sent_before: LedgerBroker
) -> None:
    trigger = {name: value for name, value in body(trading_account).items() if name != "account"}
    closing = {"symbol": "AAPL", "action": "sell_to_close", "quantity": "1"}
    exits = [
        trigger | {"legs": [closing], "limit_price": "199.00"},
        {"legs": [closing], "order_type": "stop", "time_in_force": "day", "stop_price": "180.00"},
    ]
    group = {"account": str(trading_account.pk), "kind": "bracket", "trigger": trigger, "orders": exits}
    denied = call(trader_client, "order-groups", group, "group-1")
    assert [finding["code"] for finding in denied.json()["findings"]] == TWIN
    shown = call(trader_client, "order-groups/preview", group).json()
    cheaper = group | {"trigger": trigger | {"limit_price": "189.00"}}
    confirmed = {"confirm": TWIN, "preview_id": shown["preview_id"]}
    assert call(trader_client, "order-groups", cheaper | confirmed, "group-2").json()["code"] == "preview_invalid"
    assert call(trader_client, "order-groups", group | {"confirm": TWIN}, "g-3").json()["code"] == "preview_invalid"
    sent = call(trader_client, "order-groups", group | confirmed, "group-4")
    assert sent.status_code == 201, sent.content


def test_a_page_confirms_nothing_that_its_review_did_not_show(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    result = orders.preview(trading_account, a_ticket("1"))
    token = previews.sign(result, trading_account.connection.user_id, "web-1")
    call(trader_client, "orders", body(trading_account), "first")
    page = trader_client.post("/trade/place", {"preview": token, "confirmed": TWIN})
    assert b"Something is to be confirmed since you looked" in page.content
    assert controlled_broker.calls.count("place") == 1


def test_a_preview_holds_the_desks_own_figures_beside_the_brokers(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    shown = call(trader_client, "orders/preview", body(trading_account)).json()
    own = shown["estimate"]
    assert (shown["buying_power_change"], shown["total_fees"]) == ("-1900.01", "-0.01"), "the broker's"
    assert (own["source"], own["underlying"], own["underlying_price"]) == ("desk_estimate", "AAPL", "190")
    assert (own["net_price"], own["cash"]) == ("-190", "-190.00")
    assert (own["max_profit"], own["max_loss"], own["break_evens"]) == ("unlimited", "-190.00", ["190"])
    assert own["exact"] is True
    assert len(own["curve"]) > 10
    assert all(point["at_expiry"] is not None for point in own["curve"])
