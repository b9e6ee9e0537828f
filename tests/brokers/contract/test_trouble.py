"""What a broker's trouble means through the port, at the simulator: the same of every broker."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from any_broker import CENT, Desk, buy

from brokers.domain.orders import BrokerStatus
from brokers.errors import (
    Ambiguous,
    BrokerError,
    NotAuthorized,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from brokers.wire import Request

Fault = dict[str, Any]
AFTER: list[Fault] = [
    {"effect": "drop_answer", "when": "after"},
    {"effect": "cut_body", "when": "after"},
    {"effect": "garbage_json", "when": "after"},
    {"effect": "html_for_json", "when": "after"},
    {"effect": "status", "status": 502, "body": "html", "when": "after"},
    {"effect": "status", "status": 503, "body": "json", "when": "after"},
    {"effect": "status", "status": 500, "body": "empty", "when": "after"},
]
PLACING = {"method": "POST", "path": "*/orders", "times": 1}


def named(fault: Fault) -> str:
    return f"{fault['effect']}-{fault.get('status', '')}{fault.get('body', '')}"


# --- answers that never came --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", AFTER, ids=named)
def test_a_lost_answer_leaves_the_outcome_unknown_and_the_order_to_be_found(desk: Desk, fault: Fault) -> None:
    price, ref, started = desk.low_bid(), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({**fault, **PLACING})
    with pytest.raises(OutcomeUnknown) as caught:
        desk.broker.place_order(desk.account, buy(price), ref)
    assert caught.value.broker.lower() == desk.name
    found = desk.broker.find_order(desk.account, ref, buy(price), started)
    assert found is not None
    assert set(desk.listed()) == {found.broker_order_id}
    assert (found.limit_price, found.client_ref) == (-price, ref if desk.can.echoes_client_ref else None)


@pytest.mark.parametrize("fault", AFTER[:2], ids=named)
def test_a_lost_answer_to_a_cancel_leaves_the_outcome_unknown(desk: Desk, fault: Fault) -> None:
    order_id = desk.resting(desk.low_bid()).broker_order_id
    desk.sim.faults({**fault, "method": "DELETE", "path": "*/orders/*", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.cancel_order(desk.account, order_id)
    desk.until(order_id, BrokerStatus.CANCELLED)


@pytest.mark.parametrize("fault", AFTER[:2], ids=named)
def test_a_lost_answer_to_a_replacement_leaves_the_outcome_unknown(desk: Desk, fault: Fault) -> None:
    price = desk.low_bid()
    order_id = desk.resting(price).broker_order_id
    desk.sim.faults({**fault, "method": "PUT", "path": "*/orders/*", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.replace_order(desk.account, order_id, buy(price - CENT))
    alive = [each for each in desk.listed().values() if each.status is BrokerStatus.WORKING]
    assert [each.limit_price for each in alive] in ([CENT - price], [])


def test_an_order_whose_post_never_arrived_is_not_found(desk: Desk) -> None:
    price, ref, started = desk.low_bid(), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({"effect": "status", "status": 502, "body": "html", "when": "before", **PLACING})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_order(desk.account, buy(price), ref)
    assert desk.broker.find_order(desk.account, ref, buy(price), started) is None
    assert desk.listed() == {}


def test_only_our_order_is_found(desk: Desk) -> None:
    """By its reference; where none is echoed by all its figures, and of two alike neither."""
    price, started = desk.low_bid(), datetime.now(timezone.utc)
    ref, other = uuid4().hex, uuid4().hex
    first = desk.broker.place_order(desk.account, buy(price), ref).order.broker_order_id

    def found(of: str, ticket: Any, when: datetime = started, claimed: tuple[str, ...] = ()) -> str | None:
        order = desk.broker.find_order(desk.account, of, ticket, when, claimed)
        return order.broker_order_id if order is not None else None

    assert found(ref, buy(price)) == first
    if desk.can.echoes_client_ref:
        second = desk.broker.place_order(desk.account, buy(price), other).order.broker_order_id
        assert (found(ref, buy(price)), found(other, buy(price))) == (first, second)
        assert found(uuid4().hex, buy(price)) is None
        return
    assert found(ref, buy(price, 2)) is None
    assert found(ref, buy(price - CENT)) is None
    assert found(ref, buy(price), started + timedelta(minutes=1)) is None
    assert found(ref, buy(price), claimed=(first,)) is None
    second = desk.broker.place_order(desk.account, buy(price), other).order.broker_order_id
    with pytest.raises(Ambiguous):
        found(ref, buy(price))
    assert found(other, buy(price), claimed=(first,)) == second


# --- refusals that prove that nothing happened --------------------------------------------------------------------


def test_a_throttled_order_was_not_taken_and_a_throttled_read_is_told(desk: Desk) -> None:
    price, ref, started = desk.low_bid(), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({"effect": "throttle", "retry_after": 3, **PLACING})
    with pytest.raises(RateLimited) as caught:
        desk.broker.place_order(desk.account, buy(price), ref)
    assert caught.value.retry_after == 3
    assert desk.broker.find_order(desk.account, ref, buy(price), started) is None
    desk.sim.faults({"effect": "throttle", "path": "*/positions"})
    with pytest.raises(RateLimited):
        desk.broker.get_positions(desk.account)


def test_an_acting_request_goes_out_once_and_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Request] = []
    monkeypatch.setattr("brokers.transport.acting_watchers", [lambda request, attempt: seen.append(request)])
    order_id = desk.resting(desk.low_bid()).broker_order_id
    desk.broker.cancel_order(desk.account, order_id)
    desk.broker.preview_order(desk.account, buy(desk.low_bid()))
    assert [each.method for each in seen] == ["POST", "DELETE"]
    desk.sim.faults({"effect": "drop_answer", "when": "after", **PLACING, "times": 9})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_order(desk.account, buy(desk.low_bid()), uuid4().hex)
    assert [each.method for each in seen] == ["POST", "DELETE", "POST"]


# --- reads --------------------------------------------------------------------------------------------------------

READS: dict[str, Callable[[Desk], object]] = {
    "*/positions": lambda desk: desk.broker.get_positions(desk.account),
    "*/balances": lambda desk: desk.broker.get_balance(desk.account),
    "*/orders": lambda desk: desk.listed(),
}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 503, "body": "html"},
        {"effect": "status", "status": 500, "body": "json"},
        {"effect": "html_for_json"},
        {"effect": "drop_answer"},
        {"effect": "cut_body"},
    ],
    ids=named,
)
def test_a_broker_in_trouble_is_an_error_and_never_an_empty_account(desk: Desk, path: str, fault: Fault) -> None:
    desk.sim.faults({**fault, "method": "GET", "path": path})
    with pytest.raises(BrokerError) as caught:
        READS[path](desk)
    assert not isinstance(caught.value, Refused | OutcomeUnknown)
    assert isinstance(caught.value, Unavailable) or fault["effect"] == "html_for_json"
    assert "<" not in caught.value.message


def test_one_hiccup_of_a_read_is_not_noticed(desk: Desk) -> None:
    desk.sim.faults({"effect": "status", "status": 503, "body": "html", "path": "*/balances", "times": 1})
    assert desk.broker.get_balance(desk.account).cash == 200_000


# --- grants -------------------------------------------------------------------------------------------------------


def test_an_expired_token_is_renewed_on_the_way(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.token.value = "worn-out"
    assert desk.broker.get_accounts()
    assert desk.token.fetched == 2


def test_an_order_under_an_expired_token_is_placed_once(desk: Desk) -> None:
    price = desk.low_bid()
    desk.token.value = "worn-out"
    order_id = desk.place(buy(price))
    assert set(desk.listed()) == {order_id}


def test_a_revoked_grant_is_told_as_dead(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.revoke()
    with pytest.raises(NotAuthorized) as caught:
        desk.broker.get_accounts()
    assert caught.value.grant_is_dead


def test_a_grant_that_may_only_look_cannot_trade(desk: Desk) -> None:
    looker = Desk(desk.sim, desk.name, looking=True)
    assert looker.broker.get_positions(looker.account) == []
    with pytest.raises(Refused) as caught:
        looker.place(buy(desk.low_bid()))
    assert not isinstance(caught.value, Ambiguous)
    assert looker.listed() == {}
    assert isinstance(caught.value, NotAuthorized | OrderRejected)
