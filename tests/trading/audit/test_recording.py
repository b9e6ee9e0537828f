"""Records stand or fall with what they tell of; they name who did it and hold no secrets."""

import json
import os
import re
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import servers
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from ledger_broker import LedgerBroker, a_ticket

from brokers import connections, redaction
from brokers.models import Account, Connection
from brokers.signals import connection_changed
from trading import audit, orders, plain_sql
from trading.audit import events, recording
from trading.audit.actions import ACTIONS
from trading.audit.models import AuditRecord
from trading.lifecycle import Status
from trading.models import Order, OrderEvent
from trading.protocol import news

SECRET = "s3cr3t-refresh-t0ken-of-somebody"
WRITERS = Path(__file__).resolve().parents[2] / "audit_writers.py"


def place(account: Account, key: str = "key-1") -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.API)
    return order


def records_of(order: Order) -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(about=f"order:{order.pk}"))


def without_record() -> list[int]:
    """Order events that no audit record tells of: what must never be."""
    told = set(AuditRecord.objects.filter(about__startswith="order:").values_list("detail", flat=True))
    hashes = {json.loads(detail)["event_sha256"] for detail in told}
    return [event.pk for event in OrderEvent.objects.all() if events.event_sha256(event) not in hashes]


def test_each_event_of_an_order_has_its_record_and_the_chain_is_whole(
    trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    ledger_broker.fill(str(order.broker_order_id), "4")
    orders.refresh(trading_account)
    orders.cancel(Order.objects.get(pk=order.pk))
    recorded = records_of(order)
    assert [row.action for row in recorded][:3] == ["order.sending", "order.news", "order.fill"]
    assert len(recorded) == OrderEvent.objects.filter(order=order).count()
    assert without_record() == []
    assert audit.verify(trading_account.connection.user_id).intact
    assert {row.action for row in recorded} <= set(ACTIONS)
    first = recorded[0].facts
    assert first["how"] == "api"
    assert first["ticket_sha256"] == order.ticket_sha256
    assert recorded[2].facts["filled_quantity"] == "4.00000000"
    assert recorded[2].actor_kind == "system"


def test_an_order_changed_without_its_record_is_seen_by_this_check(
    trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "order_event", lambda order, event: event.save())
    place(trading_account)
    assert without_record() != []


def test_what_can_not_be_recorded_does_not_happen(
    trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on the device")

    monkeypatch.setattr(recording, "digest", full)
    with pytest.raises(OSError, match="no space"):
        place(trading_account)
    assert not Order.objects.exists()
    assert ledger_broker.calls.count("place") == 0, "an order without a record reached the broker"


def test_an_answer_that_can_not_be_recorded_leaves_the_order_in_doubt_never_settled(
    trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = recording.digest

    def only_the_first(row: AuditRecord) -> str:
        if row.action != "order.sending":
            raise OSError("no space left on the device")
        return real(row)

    monkeypatch.setattr(recording, "digest", only_the_first)
    with pytest.raises(OSError, match="no space"):
        place(trading_account)
    assert Order.objects.get().status == Status.SENDING  # the watch takes it from here as unknown
    assert without_record() == []


@pytest.mark.parametrize("point", ["before the record", "after the record", "at the head"])
def test_a_crash_around_the_record_leaves_neither_change_nor_record(
    trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    order = place(trading_account)
    before = (order.seq, AuditRecord.objects.count(), audit.verify(order.user_id).hash)
    real, write = audit.order_event, plain_sql.write

    class Killed(BaseException):
        pass

    def write_all_but_the_head(*statements: plain_sql.Statement) -> None:
        write(*statements[:-1])
        raise Killed

    def dying(order: Order, event: OrderEvent) -> None:
        if point == "before the record":
            raise Killed
        if point == "at the head":
            monkeypatch.setattr(plain_sql, "write", write_all_but_the_head)
        real(order, event)
        raise Killed

    monkeypatch.setattr(audit, "order_event", dying)
    with pytest.raises(Killed):
        news.note(order, "us", kind="news", words="half done")
    monkeypatch.undo()
    after = Order.objects.get(pk=order.pk)
    assert (after.seq, AuditRecord.objects.count(), audit.verify(order.user_id).hash) == before
    assert audit.verify(order.user_id).intact
    assert without_record() == []


def test_a_record_outside_of_a_transaction_is_refused(transactional_db: None) -> None:
    with pytest.raises(audit.NotInTransaction):
        audit.record(1, "person.signed_in")
    assert not AuditRecord.objects.exists()


def test_the_detail_is_text_without_secrets_on_one_line(db: None) -> None:
    redaction.remember(SECRET)
    nasty = "one\ntwo\x1b[31m\u2028\x00 three\u202e"
    with transaction.atomic():
        row = audit.record(
            None,
            "halt.pressed",
            about="halt:1\n2",
            detail={
                "reason": nasty,
                "seen": f"Bearer {SECRET}",
                "refresh_token": "anything-at-all",
                "deep": [{"client_secret": "x" * 20, "code": "ORDER_QTY"}],
                "limit": Decimal("25000.00"),
                nasty: 1,
            },
        )
    row = AuditRecord.objects.get(chain=row.chain, seq=row.seq)
    assert audit.verify(None).intact
    assert SECRET not in row.detail
    assert "anything-at-all" not in row.detail
    assert "x" * 20 not in row.detail
    assert row.facts["limit"] == "25000.00"
    assert row.facts["deep"][0]["code"] == "ORDER_QTY"
    assert "\n" not in row.detail + row.about
    assert all(32 <= ord(character) < 127 for character in row.detail)
    assert "\n" not in row.facts["reason"]


def test_who_did_it_is_named_with_address_session_and_request(
    trading_account: Account, trader_client: Client, ledger_broker: LedgerBroker
) -> None:
    with audit.acting(audit.Actor("api", trading_account.connection.user_id, "192.0.2.9", "key:ab12", "request-12345")):
        order = place(trading_account)
    row = records_of(order)[0]
    assert (row.actor_kind, row.actor_id, row.address) == ("api", order.user_id, "192.0.2.9")
    assert (row.session, row.request_id) == ("key:ab12", "request-12345")
    assert not row.on_behalf
    response = trader_client.post(
        f"/orders/{order.pk}/cancellation", headers={"X-Request-ID": "from-the-page-1"}, REMOTE_ADDR="192.0.2.44"
    )
    assert response.status_code == 302
    asked = AuditRecord.objects.get(action="order.cancel", about=f"order:{order.pk}")
    assert (asked.actor_kind, asked.actor_id) == ("user", order.user_id)
    assert (asked.address, asked.request_id) == ("192.0.2.44", "from-the-page-1")
    session_key = trader_client.session.session_key
    assert asked.session
    assert session_key
    assert session_key not in asked.session


def test_an_address_that_a_client_writes_itself_is_not_believed(
    trader_client: Client, trading_account: Account
) -> None:
    trader_client.post("/accounts/logout/", headers={"X-Forwarded-For": "203.0.113.66"}, REMOTE_ADDR="192.0.2.44")
    assert AuditRecord.objects.get(action="person.signed_out").address == "192.0.2.44"


def test_sign_ins_sign_outs_and_failures_are_recorded_without_the_name_that_was_typed(client: Client, db: None) -> None:
    user = get_user_model().objects.create_user("anna", "anna@example.org", "long-enough-9")
    for login, password in (("anna", "wrong-one"), ("nobody-at-all", "wrong-one"), ("anna", "long-enough-9")):
        client.post("/accounts/login/", {"login": login, "password": password})
    client.post("/accounts/logout/")
    mine = list(AuditRecord.objects.filter(chain=user.pk).values_list("action", flat=True))
    assert mine == ["person.sign_in_failed", "person.signed_in", "person.signed_out"]
    assert list(AuditRecord.objects.filter(chain=0).values_list("action", flat=True)) == ["person.sign_in_failed"]
    everything = "".join(f"{vars(row)}" for row in AuditRecord.objects.all())
    assert "anna" not in everything
    assert "nobody-at-all" not in everything


def test_the_life_of_a_connection_is_recorded_with_it(trading_account: Account) -> None:
    user = trading_account.connection.user
    assert connections.disconnect(trading_account.connection, by=user)
    row = AuditRecord.objects.get(action="connection.removed")
    assert (row.chain, row.about) == (user.pk, f"connection:{trading_account.connection_id}")


def test_a_connection_whose_end_can_not_be_recorded_stays(
    trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> None:
        raise OSError("no space left on the device")

    connection_changed.connect(full)
    try:
        with pytest.raises(OSError, match="no space"), transaction.atomic():
            connections.disconnect(trading_account.connection, by=trading_account.connection.user)
    finally:
        connection_changed.disconnect(full)
    assert Connection.objects.get().state == Connection.State.CONNECTED
    assert not AuditRecord.objects.exists()


def test_every_action_recorded_anywhere_has_its_words() -> None:
    root = Path(__file__).resolve().parents[3] / "trading"
    used: set[str] = set()
    for file in root.rglob("*.py"):
        used |= set(re.findall(r'\brecord\([^"]*?"([a-z_]+\.[a-z_]+)"', file.read_text()))
    for file in root.rglob("*.py"):
        used |= {f"order.{kind}" for kind in re.findall(r'[( ]kind="([a-z_]+)"', file.read_text())}
    assert {"order.doubt", "order.cancel", "person.sign_in_failed"} <= used
    assert used <= set(ACTIONS), f"say it in words in trading/audit/actions.py: {used - set(ACTIONS)}"


def test_eight_threads_on_one_chain_take_places_in_turn(transactional_db: None) -> None:
    def write() -> None:
        from django.db import connection

        try:
            for _ in range(5):
                with transaction.atomic():
                    audit.record(5, "person.signed_in")
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    report = audit.verify(5)
    assert (report.rows, report.faults) == (40, [])


@pytest.mark.servers
def test_eight_processes_on_postgresql_leave_one_whole_chain_and_lockless_ones_do_not(tmp_path: Path) -> None:
    with servers.postgres(tmp_path) as url:
        environment = os.environ | {"TEST_DATABASE_URL": url}
        done = subprocess.run(
            [sys.executable, str(WRITERS), "8", "60"], env=environment, capture_output=True, text=True, timeout=100
        )
    assert done.returncode == 0, done.stderr[-2000:]
    setup, desk, lockless, guarded = (json.loads(line) for line in done.stdout.splitlines())
    assert setup == {"missing": [], "vendor": "postgresql"}
    assert desk["failed"] == 0
    assert desk["faults"] == []
    assert (desk["written"], desk["walked"]) == (480, 480)
    assert lockless["failed"] or lockless["faults"], "without its lock the chain should have been broken"
    assert guarded == {"refused": 6}
