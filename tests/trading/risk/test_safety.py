"""Halts and limits through their front doors: rights, re-arming, the banner, the API, the command line, the record."""

import contextlib
import time
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from ledger_broker import LedgerBroker, a_ticket, open_account, raiser

from brokers.errors import OrderRejected
from brokers.models import Account
from trading import audit, orders
from trading.audit.models import AuditRecord
from trading.models import Halt, Order, RiskLimits
from trading.risk import flow
from trading.safety import halts, limits, snapshots
from trading.safety.halts import Scope, TradingState

pytestmark = pytest.mark.django_db
HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING


def press(scope: Scope, state: TradingState = HALTED, **more: Any) -> Halt:
    return halts.press(scope, state, reason="a test", **more)


def place(account: Account, key: str, price: str = "190.00", **more: Any) -> Order:
    order, _ = orders.place(
        account=account, ticket=a_ticket(price=price), idempotency_key=key, source=Order.Source.API, **more
    )
    return order


def signed_in_again(client: Client) -> None:
    session = client.session
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()


@pytest.mark.parametrize("level", ["installation", "broker", "user", "account"])
def test_the_worst_level_holds_and_others_go_on(level: str, trading_account: Account, foreign_account: Account) -> None:
    scope = {
        "installation": Scope.installation(),
        "broker": Scope.of_broker("tastytrade"),
        "user": Scope.of_user(trading_account.connection.user_id),
        "account": Scope.of_account(trading_account),
    }[level]
    press(Scope.of_account(trading_account), REDUCING)
    press(scope)
    assert halts.effective(trading_account).state is HALTED
    touched = level in ("installation", "broker")
    assert (halts.effective(foreign_account).state is HALTED) is touched


def test_an_order_under_a_halt_is_denied_unsent(trading_account: Account, controlled_broker: LedgerBroker) -> None:
    press(Scope.of_account(trading_account))
    with pytest.raises(orders.Denied) as denied:
        place(trading_account, "k")
    assert [finding.code for finding in denied.value.findings] == ["KILL_SWITCH"]
    assert Order.objects.get().status == "denied"
    assert not controlled_broker.ledger


def a_storm_of_rejections(account: Account, broker: LedgerBroker, committed: Any) -> int:
    """A strategy that answers each rejection with another order, eight times. → how many the broker saw."""
    broker.before = raiser(OrderRejected("no", broker="tastytrade"))
    limits.change({"orders_a_second": Decimal(50)}, by=None, reason="the rate is not what stops it here")
    for number in range(8):
        with committed(execute=True), contextlib.suppress(orders.Denied):
            place(account, f"k{number}", f"19{number % 3}.0{number}", confirmed={"PRICE_COLLAR"})
    return broker.calls.count("place")


@pytest.mark.parametrize(("without", "seen"), [("the control", 5), ("the guards", 5), ("both", 8)])
def test_either_of_control_and_guard_stops_a_runaway_and_without_both_it_is_caught(
    without: str, seen: int, trading_account: Account, controlled_broker: LedgerBroker,
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if without != "the guards":
        monkeypatch.setattr(flow, "REFUSALS", 10**6)
    if without != "the control":
        monkeypatch.setattr(halts, "press_by_itself", lambda *_, **__: None)
    assert a_storm_of_rejections(trading_account, controlled_broker, django_capture_on_commit_callbacks) == seen


def test_a_source_that_is_refused_again_and_again_is_halted(
    trading_account: Account, controlled_broker: LedgerBroker, django_capture_on_commit_callbacks: Any
) -> None:
    assert a_storm_of_rejections(trading_account, controlled_broker, django_capture_on_commit_callbacks) == 5
    halt = Halt.objects.get()  # one matter, though two guards notice it
    assert (halt.source, halt.account_id) == ("api", trading_account.pk)
    assert "refused and sent again" in halt.reason
    assert "were refused within a minute" in halt.reason
    assert AuditRecord.objects.filter(action="halt.again", about=f"halt:{halt.pk}").count() == 1
    assert halts.effective(trading_account, "api").state is HALTED
    assert halts.effective(trading_account, "web").state is TradingState.ACTIVE
    assert AuditRecord.objects.filter(action="halt.pressed", about=f"halt:{halt.pk}").count() == 1


def test_people_halt_what_is_their_own(trading_account: Account, foreign_account: Account) -> None:
    user = trading_account.connection.user
    for scope in (Scope.installation(), Scope.of_broker("tastytrade"), Scope.of_account(foreign_account)):
        with pytest.raises(halts.NotAllowed):
            press(scope, user=user)
    press(Scope.of_account(trading_account), user=user)
    press(Scope.of_user(user.pk), user=user)
    assert Halt.objects.count() == 2


def test_what_staff_halted_only_staff_arm(trading_account: Account) -> None:
    user, staff = trading_account.connection.user, User.objects.create(username="staff", is_staff=True)
    halt = press(Scope.of_user(user.pk), user=staff)
    with pytest.raises(halts.NotAllowed):
        halts.rearm(halt, reason="please", user=user)
    with pytest.raises(halts.NotRearmable):
        halts.rearm(halt, reason=" ", user=staff)
    halts.rearm(halt, reason="looked at it", user=staff)
    with pytest.raises(halts.NotRearmable):
        halts.rearm(halt, reason="again", user=staff)
    assert halts.effective(trading_account).state is TradingState.ACTIVE


def test_after_a_halt_by_itself_every_order_must_be_known(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    order = place(trading_account, "k")
    Order.objects.filter(pk=order.pk).update(status="unknown")
    halt = press(Scope.of_account(trading_account), cause=halts.Cause.COUNTER)
    with pytest.raises(halts.NotRearmable, match="1 orders"):
        halts.rearm(halt, reason="fine", user=None)
    Order.objects.filter(pk=order.pk).update(status="working")
    halts.rearm(halt, reason="fine", user=None)


def test_a_press_lists_what_is_on_its_way(trading_account: Account, controlled_broker: LedgerBroker) -> None:
    order = place(trading_account, "k")
    Order.objects.filter(pk=order.pk).update(status="sending")
    assert [entry["order"] for entry in press(Scope.of_account(trading_account)).on_their_way] == [str(order.pk)]


# --- pages ---


def test_a_person_halts_on_the_page_and_sees_it_everywhere(trader_client: Client, trading_account: Account) -> None:
    assert 'href="/halt"' in trader_client.get("/orders/").content.decode()
    answer = trader_client.post("/halt", {"account": "all", "state": "halted"}, follow=True)
    assert "Trading is halted" in answer.content.decode()
    assert Halt.objects.get().user == trading_account.connection.user
    assert 'role="alert"' in trader_client.get("/orders/").content.decode()


def test_a_halt_can_cancel_all_that_works(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    order = place(trading_account, "k")
    data = {"account": str(trading_account.pk), "state": "halted", "cancel_orders": "on"}
    page = trader_client.post("/halt", data, follow=True).content.decode()
    assert "Cancels: 1 asked for" in page
    order.refresh_from_db()
    assert order.status == "cancel_requested"


def test_arming_again_takes_the_password_and_a_reason(trader_client: Client, trading_account: Account) -> None:
    halt = press(Scope.of_account(trading_account), user=trading_account.connection.user)
    trading_account.connection.user.set_password("a-long-password")
    trading_account.connection.user.save()
    trader_client.force_login(trading_account.connection.user, "allauth.account.auth_backends.AuthenticationBackend")
    url = f"/halt/{halt.pk}/rearming"
    for answer in (trader_client.get(url), trader_client.post(url, {"reason": "fine"})):
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]
    assert Halt.objects.get().is_open
    signed_in_again(trader_client)
    assert trader_client.post(url, {"reason": ""}).status_code == 422
    assert Halt.objects.get().is_open
    assert trader_client.post(url, {"reason": "looked at it"}).status_code == 302
    assert not Halt.objects.get().is_open


def test_a_stranger_finds_no_such_halt(
    stranger_client: Client, foreign_account: Account, trading_account: Account
) -> None:
    halt = press(Scope.of_account(trading_account))
    signed_in_again(stranger_client)
    assert stranger_client.post(f"/halt/{halt.pk}/rearming", {"reason": "x"}).status_code == 404
    assert "Trading is halted" not in stranger_client.get("/orders/").content.decode()


# --- the API ---


def test_a_program_halts_and_reads_what_is_halted(trader_client: Client, trading_account: Account) -> None:
    body = {"account": str(trading_account.pk), "reason": "odd fills", "state": "reducing"}
    answer = trader_client.post("/api/v1/halt", body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["account"] == str(trading_account.pk)
    told = trader_client.get("/api/v1/halt").json()
    assert told["state"] == "reducing"
    assert [halt["reason"] for halt in told["halts"]] == ["odd fills"]


def test_a_program_can_not_halt_a_strangers_account(trader_client: Client, foreign_account: Account) -> None:
    answer = trader_client.post("/api/v1/halt", {"account": str(foreign_account.pk)}, content_type="application/json")
    assert answer.status_code == 422
    assert not Halt.objects.exists()


def test_limits_are_read_and_narrowed_by_programs(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    assert trader_client.get("/api/v1/limits/trading").json()["effective"]["shares"] == "1000"
    body = {"limits": {"shares": "9", "denied_symbols": ["XYZ"], "allow_flip": None}}
    answer = trader_client.put("/api/v1/limits/trading", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["effective"]["shares"] == "9"
    with pytest.raises(orders.Denied) as denied:
        place(trading_account, "k")
    assert [finding.code for finding in denied.value.findings] == ["ORDER_QTY"]
    wider = trader_client.put("/api/v1/limits/trading", {"limits": {"shares": "10"}}, content_type="application/json")
    assert wider.status_code == 422
    assert "tighter" in wider.json()["errors"]["shares"][0]


BAD = [
    {"shares": 9},
    {"shares": "NaN"},
    {"shares": "-1"},
    {"unheard": "1"},
    {"allow_flip": "yes"},
    {"gross_share": "99999"},
]


@pytest.mark.parametrize("bad", BAD)
def test_bad_figures_are_refused_at_their_name(
    trader_client: Client, trading_account: Account, bad: dict[str, Any]
) -> None:
    answer = trader_client.put("/api/v1/limits/trading", {"limits": bad}, content_type="application/json")
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == list(bad)
    assert not RiskLimits.objects.exists()


# --- limits ---


def test_the_tightest_level_holds(trading_account: Account) -> None:
    user = trading_account.connection.user
    limits.change({"shares": Decimal(5000)}, by=None, reason="a big desk")
    assert limits.for_account(trading_account).shares == 5000
    limits.change({"shares": Decimal(300)}, by=user, user=user)
    limits.change({"shares": Decimal(200)}, by=user, account=trading_account)
    assert limits.for_account(trading_account).shares == 200
    limits.change({"shares": Decimal(100)}, by=user, user=user)
    assert limits.for_account(trading_account).shares == 100
    assert limits.for_account(open_account("other", "5WT00077")).shares == 5000


def with_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A program comes with a key of this name."""
    take = snapshots.take
    monkeypatch.setattr(snapshots, "take", lambda *given, **more: replace(take(*given, **more), key_id=name))


def test_a_keys_limits_narrow_what_comes_with_it_alone(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = trading_account.connection.user
    limits.change({"shares": Decimal(1), "denied_symbols": ["AAPL"]}, by=user, user=user, key_id="bot-1")
    assert place(trading_account, "no key").status == "accepted"
    for name, status in (("bot-2", "accepted"), ("bot-1", "denied")):
        with monkeypatch.context() as patch:
            with_key(patch, name)
            if status == "accepted":
                assert place(trading_account, name, price="189.00").key_id == name
            else:
                with pytest.raises(orders.Denied) as denied:
                    place(trading_account, name, price="188.00")
                assert {"NOT_ALLOWED", "ORDER_QTY"} <= {finding.code for finding in denied.value.findings}
                assert Order.objects.get(idempotency_key=name).status == status


def test_where_the_key_is_left_out_of_the_look_its_limits_do_not_hold(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""
    user = trading_account.connection.user
    limits.change({"denied_symbols": ["AAPL"]}, by=user, user=user, key_id="bot-1")
    with_key(monkeypatch, "bot-1")
    real = limits.for_account
    monkeypatch.setattr(limits, "for_account", lambda account, source="", _key="": real(account, source))
    assert place(trading_account, "k").status == "accepted"


def test_a_keys_limits_are_a_level_of_their_own_in_api_and_admin(
    trader_client: Client, admin_client: Client, trading_account: Account, foreign_account: Account
) -> None:
    address, user = "/api/v1/limits/trading", trading_account.connection.user
    body = {"key": "bot-1", "limits": {"shares": "5"}}
    told = trader_client.put(address, body, content_type="application/json").json()
    assert (told["key"], told["own"]["shares"], told["effective"]["shares"]) == ("bot-1", "5", "5")
    assert trader_client.get(address).json()["effective"]["shares"] == "1000"
    assert trader_client.get(address, {"key": "bot-1"}).json()["own"]["shares"] == "5"
    wider = {"key": "bot-1", "limits": {"shares": "6"}}
    assert trader_client.put(address, wider, content_type="application/json").status_code == 422
    for bad in ({"key": "x" * 33}, {"key": "bot-1", "account": str(trading_account.pk)}):
        assert trader_client.put(address, bad | {"limits": {}}, content_type="application/json").status_code == 422
    stranger = foreign_account.connection.user
    assert limits.for_user(stranger, "bot-1").shares == 1000, "another person's key of the same name"
    record = AuditRecord.objects.filter(action="limits.changed").latest("pk")
    assert record.facts["key_id"] == "bot-1"
    form = {"scope": "key", "user": str(user.pk), "account": "", "denied_symbols": "", "shares": "3", "reason": "odd"}
    form |= {"allow_naked_options": "unknown", "allow_flip": "unknown"}
    page = "/admin/trading/risklimits/add/"
    assert admin_client.post(page, form).status_code == 200, "a key without its name"
    assert admin_client.post(page, form | {"key_id": "bot-7"}).status_code == 302
    assert limits.for_account(trading_account, "api", "bot-7").shares == 3


def test_people_only_narrow_and_staff_give_a_reason(trading_account: Account, foreign_account: Account) -> None:
    user, staff = trading_account.connection.user, User.objects.create(username="staff", is_staff=True)
    limits.change({"shares": Decimal(10)}, by=user, user=user)
    for attempt in ({"shares": Decimal(11)}, {"shares": None}, {"allow_naked_options": True}):
        with pytest.raises(limits.BadLimit):
            limits.change(attempt, by=user, user=user)
    with pytest.raises(limits.BadLimit):
        limits.change({"shares": Decimal(1)}, by=user, user=foreign_account.connection.user)
    with pytest.raises(limits.BadLimit, match="why"):
        limits.change({"shares": Decimal(20)}, by=staff, user=user)
    limits.change({"shares": Decimal(20)}, by=staff, user=user, reason="asked for by phone")
    assert limits.for_user(user).shares == 20
    assert limits.for_user(user).allow_naked_options is False


def test_every_change_is_in_the_record_with_before_and_after(trading_account: Account) -> None:
    user = trading_account.connection.user
    limits.change({"shares": Decimal(10)}, by=user, user=user)
    record = AuditRecord.objects.get(action="limits.changed")
    assert record.chain == user.pk
    assert '"shares"' in record.detail
    assert audit.verify(user.pk).faults == []


def test_the_limits_page_keeps_what_is_tighter(trader_client: Client, trading_account: Account) -> None:
    page = trader_client.get("/settings/limits").content.decode()
    assert "At most 1,000." in page
    assert trader_client.post("/settings/limits", {"shares": "50"}).status_code == 302
    assert limits.for_account(trading_account).shares == 50
    refused = trader_client.post("/settings/limits", {"shares": "51"})
    assert refused.status_code == 422
    assert "tighter" in refused.content.decode()
    typo = trader_client.post(f"/settings/limits?account={trading_account.pk}", {"shares": "1e3"})
    assert typo.status_code == 422


def test_a_strangers_account_has_no_limits_page(trader_client: Client, foreign_account: Account) -> None:
    assert trader_client.get(f"/settings/limits?account={foreign_account.pk}").status_code == 404


# --- staff and the command line ---


def test_staff_set_limits_in_the_admin_with_a_reason(admin_client: Client, trading_account: Account) -> None:
    user = trading_account.connection.user
    form = {"scope": "user", "user": str(user.pk), "account": "", "shares": "77", "denied_symbols": ""}
    form |= {"allow_naked_options": "unknown", "allow_flip": "unknown"}
    assert admin_client.post("/admin/trading/risklimits/add/", form).status_code == 200
    assert not RiskLimits.objects.exists()
    answer = admin_client.post("/admin/trading/risklimits/add/", form | {"reason": "asked for"})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert limits.for_user(user).shares == 77
    assert AuditRecord.objects.filter(action="limits.changed").count() == 1


def test_symbols_that_are_not_traded_are_typed_as_plain_text(admin_client: Client, trading_account: Account) -> None:
    address, option = "/admin/trading/risklimits/add/", "SPY   261218P00600000"
    form = {"scope": "installation", "user": "", "account": "", "reason": "a test"}
    form |= {"allow_naked_options": "unknown", "allow_flip": "unknown"}
    for wrong in ("<b>", "XYZ, no!such", '["XYZ"]', ", ".join(f"A{number}" for number in range(600))):
        page = admin_client.post(address, form | {"denied_symbols": wrong})
        assert page.status_code == 200, wrong
        assert not RiskLimits.objects.exists()
    typed = f"xyz brk.b, GME\nAMC,{option}"
    assert admin_client.post(address, form | {"denied_symbols": typed}).status_code == 302
    row = RiskLimits.objects.get()
    assert row.denied_symbols == sorted(["XYZ", "BRK.B", "GME", "AMC", option])
    assert limits.for_account(trading_account).denied_symbols == set(row.denied_symbols)
    page = admin_client.get(f"/admin/trading/risklimits/{row.pk}/change/").content.decode()
    assert "AMC, BRK.B, GME, SPY   261218P00600000, XYZ</textarea>" in page


def test_halting_and_arming_from_the_command_line(trading_account: Account) -> None:
    out = StringIO()
    call_command("halt", scope=f"account:{trading_account.number}", reason="odd fills", stdout=out)
    assert halts.effective(trading_account).state is HALTED
    call_command("rearm", stdout=out)
    halt = Halt.objects.get()
    assert str(halt.pk) in out.getvalue()
    with pytest.raises(CommandError):
        call_command("rearm", str(halt.pk))
    call_command("rearm", str(halt.pk), reason="fine", stdout=out)
    assert halts.effective(trading_account).state is TradingState.ACTIVE
    with pytest.raises(CommandError, match="There is no"):
        call_command("halt", scope="user:nobody", reason="x")
    call_command("halt", scope="installation", reducing=True, reason="x", stdout=out)
    assert halts.effective(trading_account).state is REDUCING
