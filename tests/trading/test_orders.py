"""Placing, cancelling and recording: the protocol, against a broker with a ledger."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase
from ledger_broker import LedgerBroker, a_ticket, open_account, raiser

from brokers import connections
from brokers.domain.orders import (
    BrokerStatus,
    InvalidTicket,
    Notice,
    OrderTicket,
    OrderUpdate,
)
from brokers.errors import (
    NotAuthorized,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedReply,
)
from brokers.models import Account, Connection
from brokers.signals import order_reported
from trading import orders
from trading.lifecycle import Status
from trading.models import Fill, IllegalMove, Order, OrderEvent, Stale, new_client_ref

pytestmark = pytest.mark.django_db


def place(account: Account, key: str = "key-1", ticket: OrderTicket | None = None) -> Order:
    order, _ = orders.place(account=account, ticket=ticket or a_ticket(), idempotency_key=key, source=Order.Source.WEB)
    return order


def test_an_order_is_written_down_before_it_is_sent(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    seen = []
    ledger_broker.before = lambda: seen.append(Order.objects.get().status)
    order = place(trading_account)
    assert seen == [Status.SENDING]
    assert order.status == Status.ACCEPTED
    assert order.sent_at is not None
    assert order.broker_order_id in ledger_broker.ledger
    assert ledger_broker.ledger[order.broker_order_id].client_ref == order.client_ref
    assert [event.kind for event in order.events.all()] == ["sending", "news"]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_broker_is_asked(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    inside = []
    ledger_broker.before = lambda: inside.append(database.in_atomic_block)
    order = place(trading_account)
    orders.cancel(order)
    assert inside == [False]


OUTCOMES: list[tuple[Exception, Status]] = [
    (OrderRejected("No", broker="tastytrade", notices=(Notice("margin_check_failed", "Not enough"),)), Status.REJECTED),
    (Refused("No", status=403), Status.REJECTED),
    (NotAuthorized("Sign in", grant_is_dead=True), Status.REJECTED),
    (RateLimited("Slow down", retry_after=3), Status.REJECTED),
    (Unavailable("Not reached"), Status.NOT_SENT),
    (OutcomeUnknown("No answer"), Status.UNKNOWN),
    (UnexpectedReply("Unreadable", path="data"), Status.UNKNOWN),
    (RuntimeError("a fault of ours"), Status.UNKNOWN),
    (TimeoutError(), Status.UNKNOWN),
]


@pytest.mark.parametrize(("error", "status"), OUTCOMES, ids=lambda value: type(value).__name__)
def test_the_outcome_table(
    error: Exception, status: Status, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.before = raiser(error)
    order = place(trading_account)
    assert order.status == status
    assert ledger_broker.calls.count("place") == 1
    assert order.last_error
    assert "a fault of ours" not in order.last_error
    if status is Status.UNKNOWN:
        assert order.next_check_at is not None
        assert order.next_check_at < timezone.now() + timedelta(seconds=2)


def test_the_rejection_shows_the_brokers_words_and_code(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    ledger_broker.before = raiser(OUTCOMES[0][0])
    order = place(trading_account)
    assert order.last_error == "Not enough"
    assert order.events.last().payload["notices"] == [{"code": "margin_check_failed", "message": "Not enough"}]


def test_a_rate_limited_order_is_watched_and_found_if_it_was_taken_after_all(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.after = raiser(RateLimited("Slow down"))
    order = place(trading_account)
    assert order.status == Status.REJECTED
    orders.look_up(trading_account, timezone.now() + timedelta(seconds=2))
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED
    assert order.events.last().kind == "late"


def test_an_answer_for_another_account_is_no_answer(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    number = trading_account.number
    trading_account.number = "5WT00077"
    trading_account.save()
    place_order = ledger_broker.place_order
    ledger_broker.place_order = lambda _, ticket, ref: place_order(number, ticket, ref)  # type: ignore[method-assign]
    assert place(trading_account).status == Status.UNKNOWN


def test_the_same_key_and_ticket_answer_the_same_order(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    first = place(trading_account)
    again, replayed = orders.place(
        account=trading_account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB
    )
    assert (again.pk, replayed) == (first.pk, True)
    assert len(ledger_broker.ledger) == 1


def test_the_same_key_for_another_ticket_is_refused(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    place(trading_account)
    with pytest.raises(orders.KeyReused):
        place(trading_account, ticket=a_ticket("11"))
    assert len(ledger_broker.ledger) == 1


def test_an_uncertain_outcome_never_frees_the_key(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    first = place(trading_account)
    assert place(trading_account).pk == first.pk
    assert ledger_broker.calls.count("place") == 1


def test_another_account_has_keys_of_its_own(
    ledger_broker: LedgerBroker, trading_account: Account, foreign_account: Account
) -> None:
    assert place(trading_account).pk != place(foreign_account).pk


@pytest.mark.django_db(transaction=True)
def test_ten_parallel_posts_with_one_key_make_one_order(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    def one(_: int) -> Any:
        try:
            return place(trading_account).pk
        finally:
            databases.close_all()

    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(one, range(10)))
    assert len(ids) == len(ledger_broker.ledger) == Order.objects.count() == 1


def test_of_two_that_race_for_a_key_the_loser_answers_the_winners_order(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The winner is written down after the loser has looked for the key and before it writes."""

    def overtaken(connection_id: Any, refused: str | None = None) -> str:
        monkeypatch.setattr(connections, "access_token", lambda connection_id, refused=None: "made-up")
        place(trading_account)
        return "made-up"

    monkeypatch.setattr(connections, "access_token", overtaken)
    order, replayed = orders.place(
        account=trading_account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.API
    )
    assert (replayed, order.source) == (True, Order.Source.WEB)
    assert ledger_broker.calls.count("place") == Order.objects.count() == 1


def test_nothing_is_sent_inside_of_a_callers_transaction(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    """What is rolled back later would have been sent all the same."""
    with transaction.atomic(), pytest.raises(RuntimeError):
        place(trading_account)
    assert "place" not in ledger_broker.calls


def test_our_references_are_22_base62_characters_and_never_the_same() -> None:
    refs = {new_client_ref() for _ in range(5000)}
    assert len(refs) == 5000
    assert all(len(ref) == 22 and ref.isalnum() and ref.isascii() for ref in refs)


def test_a_connection_that_needs_sign_in_sends_nothing(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    trading_account.connection.state = Connection.State.NEEDS_SIGN_IN
    with pytest.raises(InvalidTicket):
        place(trading_account)


def test_a_token_that_cannot_be_had_leaves_no_order(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection_id: Any, refused: str | None = None) -> str:
        raise Unavailable("The token server is away")

    monkeypatch.setattr(connections, "access_token", refuse)
    with pytest.raises(Unavailable):
        place(trading_account)
    assert not Order.objects.exists()


def test_a_preview_tells_cost_and_warns_of_a_twin(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    assert orders.preview(trading_account, a_ticket()).cost == Decimal("-1900.00")
    place(trading_account)
    assert [notice.code for notice in orders.preview(trading_account, a_ticket()).warnings] == ["duplicate_like"]
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    place(trading_account, "key-2")
    assert [notice.code for notice in orders.preview(trading_account, a_ticket()).warnings] == ["duplicate_unknown"]


# --- news ---


def test_a_fill_is_counted_once_however_often_it_is_told(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    first = ledger_broker.fill(str(order.broker_order_id), "4", "189.99")
    second = ledger_broker.fill(str(order.broker_order_id), "6", "190.00")
    for update in (second, first, first, second, second):
        orders.record(trading_account.connection_id, [update], "stream")
    order.refresh_from_db()
    assert order.status == Status.FILLED
    assert order.filled_quantity == 10
    assert order.average_fill_price == Decimal("189.996")
    assert Fill.objects.count() == 2


def test_partial_fills_show_as_partly_filled(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    orders.record(trading_account.connection_id, [ledger_broker.fill(str(order.broker_order_id), "4")], "stream")
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == (Status.PARTIAL, 4)


def test_what_remains_of_a_cancelled_order_is_not_taken_for_filled(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    ledger_broker.fill(str(order.broker_order_id), "4")
    update = ledger_broker.ledger[str(order.broker_order_id)]
    gone = ledger_broker.move(
        update.broker_order_id,
        BrokerStatus.CANCELLED,
        "Cancelled",
        legs=(type(update.legs[0])(update.legs[0].leg, Decimal(0), update.legs[0].fills),),
    )
    orders.record(trading_account.connection_id, [gone], "stream")
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == (Status.CANCELLED, 4)


def test_news_that_overtake_the_answer_find_their_order(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    def overtake() -> None:
        update = next(iter(ledger_broker.ledger.values()))
        orders.record(trading_account.connection_id, [ledger_broker.fill(update.broker_order_id, "10")], "stream")

    ledger_broker.after = overtake
    order = place(trading_account)
    assert order.status == Status.FILLED
    assert Order.objects.count() == 1


def test_an_answer_that_says_no_does_not_undo_what_the_stream_has_shown(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    def overtake() -> None:
        orders.record(trading_account.connection_id, list(ledger_broker.ledger.values()), "stream")
        raise OrderRejected("No")

    ledger_broker.after = overtake
    assert place(trading_account).status == Status.ACCEPTED


def test_news_without_our_reference_make_a_twin_that_gives_way(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    def overtake() -> None:
        key, update = next(iter(ledger_broker.ledger.items()))
        nameless = ledger_broker.move(key, BrokerStatus.WORKING, "Live", client_ref=None)
        orders.record(trading_account.connection_id, [nameless], "stream")
        ledger_broker.move(key, BrokerStatus.WORKING, "Live", client_ref=update.client_ref)

    ledger_broker.after = overtake
    order = place(trading_account)
    shown = Order.objects.of(trading_account.connection.user)
    assert [found.pk for found in shown] == [order.pk]
    assert order.broker_order_id in ledger_broker.ledger


def test_orders_placed_elsewhere_are_taken_in_once(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    ledger_broker.place_order("5WT00042", a_ticket("3"), "made-by-another-program")
    for _ in range(3):
        orders.refresh(trading_account)
    order = Order.objects.get()
    assert order.is_external
    assert order.source == Order.Source.BROKER
    assert order.description == "Buy 3 AAPL at 190.00 or better"
    assert order.client_ref is None
    before = order.events.count()
    orders.refresh(trading_account)
    assert order.events.count() == before


def test_a_replacement_with_the_same_reference_is_an_order_of_its_own(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    ledger_broker.place_order("5WT00042", a_ticket("10", "189.00"), str(order.client_ref))
    orders.refresh(trading_account)
    order.refresh_from_db()
    assert order.limit_price == -190
    assert Order.objects.filter(is_external=True, limit_price=-189).count() == 1


def test_news_of_an_account_that_is_not_shown_are_left_alone(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.place_order("5WT99999", a_ticket(), "x")
    assert orders.record(trading_account.connection_id, ledger_broker.ledger.values(), "stream") == []


def test_the_brokers_signal_is_recorded(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    update = ledger_broker.move(str(order.broker_order_id), BrokerStatus.WORKING, "Live")
    order_reported.send(sender=None, connection_id=trading_account.connection_id, updates=[update])
    order.refresh_from_db()
    assert order.status == Status.WORKING
    assert order.events.last().source == OrderEvent.Source.STREAM


def test_each_committed_change_is_told_to_the_persons_tabs(
    ledger_broker: LedgerBroker,
    trading_account: Account,
    frames: list[tuple[int, dict[str, Any]]],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        order = place(trading_account)
    assert {user for user, _ in frames} == {trading_account.connection.user_id}
    assert [frame["type"] for _, frame in frames] == ["orders", "orders"]
    assert frames[-1][1]["orders"][0]["id"] == str(order.pk)


# --- rows ---


def test_a_row_moves_by_compare_and_set_alone(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    old = Order.objects.get()
    order.change(kind="news", source="listing", words="…", to=Status.WORKING)
    with pytest.raises(Stale):
        old.change(kind="news", source="listing", words="…", to=Status.FILLED)
    with pytest.raises(IllegalMove):
        order.change(kind="news", source="listing", words="…", to=Status.SENDING)
    with pytest.raises(IllegalMove):
        order.save()
    with pytest.raises(IllegalMove):
        order.events.first().delete()
    with pytest.raises(IllegalMove):
        order.events.first().save()
    assert [event.seq for event in order.events.all()] == [1, 2, 3]


class ConvergingNews(HypothesisTestCase):  # type: ignore[misc]
    """The rows themselves, told a broker's history in any order."""

    @settings(max_examples=40, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def test_rows_end_as_the_broker_has_it(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        account = open_account(f"trader-{seed}", "5WT00042")
        broker = LedgerBroker()
        key = broker.place_order("5WT00042", a_ticket(), "").order.broker_order_id
        history = a_history(broker, key, chance)
        told = [*chance.choices(history, k=chance.randint(0, 12)), history[-1]]
        chance.shuffle(told)
        orders.record(account.connection_id, [], "stream")
        for update in told:
            orders.record(account.connection_id, [update], chance.choice(["stream", "listing"]))
        order = Order.objects.get(account=account)
        last = history[-1]
        assert order.filled_quantity == sum(fill.quantity for fill in last.fills)
        assert order.broker_version == last.version
        assert order.broker_status == last.broker_status
        assert order.fills.count() == len(last.fills)


def a_history(broker: LedgerBroker, key: str, chance: random.Random) -> list[OrderUpdate]:
    history = [broker.ledger[key], broker.move(key, BrokerStatus.WORKING, "Live")]
    for _ in range(chance.randint(0, 3)):
        if chance.random() < 0.5:
            history.append(broker.fill(key, str(chance.randint(1, 3))))
        else:
            history.append(broker.move(key, BrokerStatus.CANCEL_REQUESTED, "Cancel Requested"))
            history.append(broker.move(key, BrokerStatus.WORKING, "Live"))
    if chance.random() < 0.7:
        history.append(broker.move(key, *chance.choice([(BrokerStatus.CANCELLED, "Cancelled"),
                                                         (BrokerStatus.EXPIRED, "Expired")])))  # fmt: skip
    return history
