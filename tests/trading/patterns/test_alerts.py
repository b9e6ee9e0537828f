"""Alerts: told once, counted up, closed for good; with the desk's remedy; only to whom they concern."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, ago, raiser

from brokers.errors import Refused
from brokers.models import Account
from trading import audit, orders
from trading.audit.models import AuditRecord
from trading.models import Alert, Order
from trading.patterns import looking, watching
from trading.patterns.facts import Remedy, Sighting
from trading.patterns.raising import close, raise_alerts
from trading.safety import halts


def a_sighting(minutes: float = 0, remedy: Remedy = Remedy.NONE, account: Account | None = None) -> Sighting:
    return Sighting(
        "P3", "the-matter", ago(minutes=-minutes), "urgent", "Something odd.", {"orders": "6"},
        str(account.pk) if account else None, "api", remedy,
    )  # fmt: skip


def test_the_same_matter_is_one_alert_that_counts_up_and_stays_closed_once_closed(trading_account: Account) -> None:
    user = trading_account.connection.user
    first, later, after = a_sighting(), a_sighting(1), a_sighting(2)
    assert len(raise_alerts(user.pk, [first])) == 1
    assert raise_alerts(user.pk, [first]) == []
    assert raise_alerts(user.pk, [later])[0].times == 2
    alert = Alert.objects.get()
    close(alert, user)
    assert raise_alerts(user.pk, [later]) == [], "what was closed came back by itself"
    assert raise_alerts(user.pk, [after])[0].pk != alert.pk
    actions = list(AuditRecord.objects.filter(chain=user.pk).values_list("action", flat=True))
    assert actions == ["alert.raised", "alert.closed", "alert.raised"]
    assert audit.verify(user.pk).intact


def test_a_remedy_halts_just_what_comes_the_same_way_and_only_once(trading_account: Account) -> None:
    user_id = trading_account.connection.user_id
    raise_alerts(user_id, [a_sighting(0, Remedy.HALT_SOURCE, trading_account)])
    raise_alerts(user_id, [a_sighting(1, Remedy.HALT_SOURCE, trading_account)])
    halt = halts.Halt.objects.get()
    assert (halt.account_id, halt.source, halt.state) == (trading_account.pk, "api", "halted")
    assert halt.cause == halts.Cause.PATTERN
    assert "halted" in Alert.objects.get().done
    assert halts.effective(trading_account, "web").state is halts.TradingState.ACTIVE


def test_a_program_that_sends_the_same_order_again_and_again_is_stopped(
    trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    made = []
    for number in range(6):
        order = Order.begin(
            words="Made.", kind="sending", event_source="us", payload={}, account=trading_account,
            user=trading_account.connection.user, source="api", ticket={"legs": []}, description="Buy 10 AAPL",
            idempotency_key=f"key-{number}", client_ref=f"{number:022d}", status="working", symbol="AAPL",
            underlying="AAPL", action="buy_to_open", order_type="limit", time_in_force="day", quantity=10,
            limit_price=-190,
        )  # fmt: skip
        made.append(looking.look_for_runaway(order))
    assert [len(alerts) for alerts in made] == [0, 0, 0, 0, 0, 1]
    assert halts.effective(trading_account, "api").state is halts.TradingState.HALTED


def test_a_request_that_is_turned_away_again_and_again_is_recorded_and_noticed(
    trading_account: Account, trader_client: Client, ledger_broker: LedgerBroker
) -> None:
    document = {
        "account": str(trading_account.pk),
        "legs": [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}],
        "order_type": "limit",
        "time_in_force": "day",
        "limit_price": "190.00",
        "price_effect": "debit",
        "preview_id": "made-up",
    }
    user_id = trading_account.connection.user_id
    for number in range(4):
        headers = {"Idempotency-Key": f"key-{number}"}
        answer = trader_client.post("/api/v1/orders", document, content_type="application/json", headers=headers)
        assert answer.status_code == 422
        looking.look_at(user_id, timezone.now())
        assert Alert.objects.exists() == (number == 3)
    rows = AuditRecord.objects.filter(action="order.refused")
    assert [row.facts["code"] for row in rows] == ["preview_invalid"] * 4
    assert [alert.pattern for alert in Alert.objects.all()] == ["P12"]
    assert ledger_broker.calls.count("place") == 0


def test_an_order_in_doubt_for_more_than_ten_minutes_is_told(
    trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.after = raiser(RuntimeError("the line went dead"))
    order, _ = orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)
    lookout = watching.Lookout()
    lookout.round(timezone.now())
    assert not Alert.objects.exists()
    later = timezone.now() + timedelta(minutes=11)
    assert [alert.pattern for alert in looking.look_at(order.user_id, later)] == ["P16"]


def test_the_lookout_goes_on_when_a_broker_can_not_be_asked(
    trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)
    refuse = raiser(Refused("No.", broker="x"))
    asked = []
    ledger_broker.get_positions = lambda number: asked.append(number) or refuse()  # type: ignore
    watching.Lookout().round(timezone.now())
    assert asked == [trading_account.number]


def test_alerts_are_counted_in_the_top_bar_listed_and_closed(trading_account: Account, trader_client: Client) -> None:
    user = trading_account.connection.user
    raise_alerts(user.pk, [a_sighting()])
    assert "Alerts: 1 new" in trader_client.get("/orders/").content.decode()
    page = trader_client.get("/alerts/").content.decode()
    assert "Something odd." in page
    assert "Alerts: 1 new" not in trader_client.get("/orders/").content.decode(), "seen, and still counted as new"
    alert = Alert.objects.get()
    assert trader_client.post(f"/alerts/{alert.pk}/closing").status_code == 302
    assert "It is settled: close" not in trader_client.get("/alerts/").content.decode()


def test_the_api_lists_and_closes_them(trading_account: Account, trader_client: Client) -> None:
    raise_alerts(trading_account.connection.user_id, [a_sighting(0, Remedy.NONE, trading_account)])
    (told,) = trader_client.get("/api/v1/alerts").json()["results"]
    assert (told["pattern"], told["state"], told["numbers"]) == ("P3", "open", {"orders": "6"})
    assert trader_client.post(f"/api/v1/alerts/{told['id']}/closing").json()["state"] == "closed"
    assert trader_client.get("/api/v1/alerts").json()["results"] == []
    assert len(trader_client.get("/api/v1/alerts?state=closed").json()["results"]) == 1
    assert trader_client.get("/api/v1/alerts?state=odd").status_code == 422


def test_a_stranger_sees_and_closes_nothing(trading_account: Account, stranger_client: Client) -> None:
    raise_alerts(trading_account.connection.user_id, [a_sighting()])
    alert = Alert.objects.get()
    assert stranger_client.get("/api/v1/alerts").json()["results"] == []
    assert "Something odd." not in stranger_client.get("/alerts/").content.decode()
    assert stranger_client.post(f"/alerts/{alert.pk}/closing").status_code == 404
    assert stranger_client.post(f"/api/v1/alerts/{alert.pk}/closing").status_code == 404
    alert.refresh_from_db()
    assert alert.state == Alert.State.OPEN


def test_staff_read_records_and_alerts_and_can_change_neither(trading_account: Account, client: Client) -> None:
    raise_alerts(trading_account.connection.user_id, [a_sighting()])
    boss = get_user_model().objects.create_superuser("boss", "boss@example.org", "long-enough-9")
    client.force_login(boss, backend="allauth.account.auth_backends.AuthenticationBackend")
    row, alert = AuditRecord.objects.get(action="alert.raised"), Alert.objects.get()
    assert "An unusual pattern was noticed" in client.get("/admin/trading/auditrecord/").content.decode()
    assert "Something odd." in client.get("/admin/trading/alert/").content.decode()
    for path in (f"/admin/trading/auditrecord/{row.pk}/", f"/admin/trading/alert/{alert.pk}/"):
        assert client.get(path + "change/").status_code == 200
        assert client.post(path + "change/", {"words": "nothing"}).status_code == 403
        assert client.post(path + "delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/trading/auditrecord/add/").status_code == 403
