"""Pages joined to a whole, or an error: what the simulator cannot be made to say."""

import json
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from brokers.domain.instruments import Equity, parse_instrument
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import OutcomeUnknown, Unavailable, UnexpectedReply
from brokers.port import Hosts
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.codec.envelope import ACCEPT_VERSION

API = "https://api.example.invalid"
ACCOUNT = "5WT00042"
SINCE = datetime(2026, 11, 20, 14, 0, tzinfo=timezone.utc)
TICKET = OrderTicket((Leg(Equity("AAPL"), Action.BUY_TO_OPEN, Decimal(1)),), OrderType.MARKET, TimeInForce.DAY)
Order = Callable[..., dict[str, Any]]


@pytest.fixture
def broker() -> TastytradeBroker:
    return TastytradeBroker(Hosts(API, "", "", ""), lambda *, refused=None: "example-token")


@pytest.fixture
def order(payload_text: Callable[[str], str]) -> Order:
    template = json.loads(payload_text("E-ORDER-FILLED"))["data"]
    return lambda number, **rest: {**template, "id": number, **{k.replace("_", "-"): v for k, v in rest.items()}}


def pages(path: str, *contents: list[dict[str, Any]], lies: dict[str, Any] | None = None) -> None:
    """Serve pages by their number, as the broker does."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        asked = int(parse_qs(urlsplit(request.url).query)["page-offset"][0])
        pagination = {"page-offset": asked, "total-pages": len(contents), **(lies or {})}
        return (
            200,
            {},
            json.dumps({"data": {"items": contents[min(asked, len(contents) - 1)]}, "pagination": pagination}),
        )

    responses.add_callback(responses.GET, f"{API}/accounts/{ACCOUNT}/{path}", callback=answer)


@responses.activate
def test_pages_of_day_and_live_are_joined_and_the_newest_state_wins(broker: TastytradeBroker, order: Order) -> None:
    pages("orders", [order(1, updated_at=5), order(2, updated_at=5)], [order(2, updated_at=5), order(3, updated_at=5)])
    pages(
        "orders/live", [order(3, updated_at=9, status="Cancelled"), order(4)], [order(1, updated_at=2, status="Live")]
    )
    found = {each.broker_order_id: each.broker_status for each in broker.get_orders(ACCOUNT, date(2026, 11, 20))}
    assert found == {"1": "Filled", "2": "Filled", "3": "Cancelled", "4": "Filled"}
    first = responses.calls[0].request
    assert "start-date=2026-11-20" in first.url
    assert first.headers["Accept-Version"] == ACCEPT_VERSION
    assert first.headers["Authorization"] == "Bearer example-token"


@responses.activate
def test_a_missing_page_is_an_error_and_not_a_shorter_list(broker: TastytradeBroker, order: Order) -> None:
    pages("orders/live", [])
    pages("orders", [order(1)], lies={"total-pages": 2, "page-offset": 0})
    with pytest.raises(UnexpectedReply) as caught:
        broker.find_order(ACCOUNT, "nowhere", TICKET, SINCE)
    assert caught.value.broker == "tastytrade"


@responses.activate
def test_a_failed_page_is_an_error_and_not_an_empty_list(broker: TastytradeBroker) -> None:
    pages("orders/live", [])
    responses.get(f"{API}/accounts/{ACCOUNT}/orders", status=502, body="<html>")
    with pytest.raises(Unavailable):
        broker.find_order(ACCOUNT, "nowhere", TICKET, SINCE)


@responses.activate
def test_a_list_of_another_account_is_not_taken_for_an_answer(broker: TastytradeBroker, order: Order) -> None:
    pages("orders/live", [order(1, account_number="5WT00043")])
    with pytest.raises(UnexpectedReply):
        broker.find_order(ACCOUNT, "ref", TICKET, SINCE)


@responses.activate
def test_of_an_order_and_its_replacement_the_first_is_the_one_that_was_placed(
    broker: TastytradeBroker, order: Order
) -> None:
    mine = {"external_identifier": "ref-1"}
    pages("orders/live", [order(100, replaces_order_id=99, **mine), order(99, **mine), order(98)])
    found = broker.find_order(ACCOUNT, "ref-1", TICKET, SINCE)
    assert found is not None
    assert found.broker_order_id == "99"


@responses.activate
def test_an_order_of_yesterday_evening_is_looked_for_from_the_day_before(broker: TastytradeBroker) -> None:
    pages("orders/live", [])
    pages("orders", [])
    assert broker.find_order(ACCOUNT, "ref", TICKET, datetime(2026, 11, 20, 1, tzinfo=timezone.utc)) is None
    assert "start-date=2026-11-18" in responses.calls[1].request.url


@responses.activate
@pytest.mark.parametrize("body", [{"data": {"order": {}}}, {"data": {}}, {"ok": True}])
def test_an_acceptance_without_an_id_leaves_the_outcome_unknown(broker: TastytradeBroker, body: object) -> None:
    responses.post(f"{API}/accounts/{ACCOUNT}/orders", status=201, json=body)
    with pytest.raises(OutcomeUnknown):
        broker.place_order(ACCOUNT, TICKET, "ref")
    assert len(responses.calls) == 1


@responses.activate
def test_a_cancel_whose_answer_cannot_be_read_is_unknown(broker: TastytradeBroker) -> None:
    responses.delete(f"{API}/accounts/{ACCOUNT}/orders/7", json={"data": {"id": 7}})
    with pytest.raises(OutcomeUnknown):
        broker.cancel_order(ACCOUNT, "7")


@responses.activate
def test_options_take_their_grid_from_the_underlying(
    broker: TastytradeBroker, payload_text: Callable[[str], str]
) -> None:
    symbol = "SPY%20%20%20261218P00600000"
    responses.get(f"{API}/instruments/equity-options/{symbol}", body=payload_text("E-EQUITY-OPTION"))
    share = json.loads(payload_text("E-EQUITY"))
    share["data"]["symbol"] = "SPY"
    responses.get(f"{API}/instruments/equities/SPY", json=share)
    details = broker.get_details(parse_instrument("SPY   261218P00600000"))
    assert details.increments.at(Decimal(1)) == Decimal("0.01")
    assert details.increments.at(Decimal(4)) == Decimal("0.05")
