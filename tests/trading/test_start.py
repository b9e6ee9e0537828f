"""Before anything is sent: the first comparison, the epoch, the durable database, the counter of orders out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections as databases
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.errors import OutcomeUnknown, Unavailable
from brokers.models import Account
from brokers.wire import Purpose, Request
from trading import orders
from trading.lifecycle import Status
from trading.models import Halt, Installation, Order
from trading.protocol import counters, durability, epoch, readiness, sending, watch
from trading.risk import TradingState
from trading.safety import halts

pytestmark = pytest.mark.django_db


def place(account: Account, key: str = "key-1") -> Order:
    return orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.WEB)[0]


# --- the first comparison ---


def test_the_first_order_of_a_process_comes_after_a_complete_listing(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_compared", set())
    ledger_broker.place_order("5WT00042", a_ticket(), "not-known-here")
    place(trading_account)
    assert Order.objects.filter(is_external=True).count() == 1, "what was there before is not known"
    place(trading_account, "key-2")
    assert ledger_broker.calls.count("list") == 1
    assert ledger_broker.calls.index("list") < len(ledger_broker.calls) - ledger_broker.calls[::-1].index("place") - 1


def test_nothing_is_sent_while_that_listing_fails_and_the_key_stays_free(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_compared", set())
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away."))
    with pytest.raises(epoch.NotReady, match=r"could not be compared.*Nothing was sent") as refusal:
        place(trading_account)
    assert refusal.value.code == "connection_not_ready"
    assert not Order.objects.exists()
    ledger_broker.listing_fault = lambda: None
    assert place(trading_account).status == Status.ACCEPTED


# --- the epoch ---


@pytest.fixture
def var(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(epoch.VARIABLE, raising=False)
    settings.VAR_DIR = tmp_path
    return tmp_path


def test_a_new_installation_names_itself_and_keeps_the_name_on_both_sides(
    var: Path, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    row = Installation.objects.get()
    assert (var / epoch.FILE).read_text().split() == [row.name, "1"]
    assert (var / epoch.FILE).stat().st_mode & 0o077 == 0
    assert order.epoch == 1


@pytest.mark.parametrize("half", ["another", "none"])
def test_a_copied_database_sends_nothing_until_the_epoch_is_bumped(
    half: str, var: Path, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account)
    (var / epoch.FILE).unlink() if half == "none" else (var / epoch.FILE).write_text("elsewhere 1\n")
    with pytest.raises(epoch.NotReady, match="bump_epoch"):
        place(trading_account, "key-2")
    assert ledger_broker.calls.count("place") == 1
    call_command("bump_epoch", reason="restored")
    assert place(trading_account, "key-2").epoch == 2


def test_the_check_is_what_stops_a_copied_database(
    var: Path, ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: without it the copy sends."""
    place(trading_account)
    (var / epoch.FILE).write_text("elsewhere 1\n")
    monkeypatch.setattr(epoch, "check", lambda: 1)
    place(trading_account, "key-2")
    assert ledger_broker.calls.count("place") == 2


def test_a_database_that_was_set_back_in_time_is_noticed_by_the_newer_epoch_kept_here(
    var: Path, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account)
    name = Installation.objects.get().name
    (var / epoch.FILE).write_text(f"{name} 4\n")
    with pytest.raises(epoch.NotReady):
        place(trading_account, "key-2")
    row, _ = epoch.bump("restored")
    assert row.epoch == 5, "an epoch was used again"


def test_what_was_on_its_way_becomes_unknown_first_and_is_never_sent_by_a_later_process(
    var: Path, ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch is bumped between the commit and the first byte."""
    real = sending.write_down

    def write_then_restore(*given: Any, **more: Any) -> Order:
        order = real(*given, **more)
        epoch.bump("restored")
        return order

    monkeypatch.setattr(sending, "write_down", write_then_restore)
    order = place(trading_account)
    assert order.status in (Status.UNKNOWN, Status.NOT_SENT)
    assert "place" not in ledger_broker.calls
    assert "doubt" in [event.kind for event in order.events.all()]


# --- the database ---


def test_nothing_is_sent_from_a_database_that_may_forget(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    if databases["default"].vendor == "sqlite":
        pytest.skip("about PostgreSQL; SQLite's own comes next")
    with databases["default"].cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    durability.forget()
    with pytest.raises(epoch.NotReady, match="synchronous_commit"):
        place(trading_account)
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_sqlite_that_does_not_wait_for_the_disk_sends_nothing(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    database = databases["default"]
    if database.vendor != "sqlite":
        pytest.skip("about SQLite")
    with database.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    durability.forget()
    try:
        with pytest.raises(epoch.NotReady, match="synchronous"):
            place(trading_account)
        assert not Order.objects.exists()
        assert [problem.id for problem in durability.check_database(None, ["default"])] == ["trading.E001"]
    finally:
        with database.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
    assert durability.check_database(None, ["default"]) == []
    assert place(trading_account).status == Status.ACCEPTED


# --- the counter ---


def a_request(purpose: Purpose) -> Request:
    return Request("POST", "/orders", acts=True, purpose=purpose)


def test_every_order_that_leaves_was_counted_as_an_intent_before(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    counter = counters.counters
    start = counter.excess
    seen = []

    def leave() -> None:
        counter.request(a_request(Purpose.PLACE), 1)
        counter.request(a_request(Purpose.PLACE), 2)  # after a refused token: the same order
        counter.request(a_request(Purpose.CANCEL), 1)
        seen.append(counter.excess - start)

    ledger_broker.before = leave
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    place(trading_account)
    assert seen == [0]


def test_an_intent_that_was_never_sent_makes_up_for_no_order_that_sends_itself(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    counter = counters.counters
    start = counter.excess
    ledger_broker.before = raiser(Unavailable("Nothing was sent."))
    for number in range(3):
        place(trading_account, f"k{number}")
    counter.request(a_request(Purpose.PLACE), 1)
    assert counter.excess - start == 1


def test_one_intent_is_leave_for_one_request(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    counter = counters.counters
    start = counter.excess

    def twice() -> None:
        counter.request(a_request(Purpose.PLACE), 1)
        counter.request(a_request(Purpose.PLACE), 1)

    ledger_broker.before = twice
    place(trading_account)
    assert counter.excess - start == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sends_by_itself", [False, True])
def test_an_order_that_leaves_without_an_intent_halts_the_desk(
    sends_by_itself: bool, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    async def rounds() -> None:
        looking = watch.Watch()
        await looking.round()
        if sends_by_itself:
            counters.counters.request(a_request(Purpose.PLACE), 1)
        await looking.round()
        await looking.round()
        await looking.idle()
        looking.close()

    asyncio.run(rounds())
    halted = list(Halt.objects.values_list("scope_kind", "state", "cause"))
    assert halted == ([("installation", "halted", "counter")] if sends_by_itself else [])
    assert (halts.effective(trading_account).state is TradingState.HALTED) is sends_by_itself
