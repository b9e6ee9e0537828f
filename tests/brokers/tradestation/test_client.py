"""What the simulator cannot be made to say, and every order's bytes against a second opinion."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import responses

from brokers.domain.instruments import Equity, Future, Index, Instrument, Option, Right
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import OrderRejected, OutcomeUnknown, Refused, Unavailable, UnexpectedReply
from brokers.port import Hosts
from brokers.tradestation.client import TradestationBroker

API = "https://api.example.invalid/v3"
ACCOUNT = "11827365"
ORDERS = f"{API}/brokerage/accounts/{ACCOUNT}/orders"
HISTORY = f"{API}/brokerage/accounts/{ACCOUNT}/historicalorders"
EXECUTION = f"{API}/orderexecution/orders"
SINCE = date(2026, 11, 20)
TICKET = OrderTicket((Leg(Equity("AAPL"), Action.BUY_TO_OPEN, Decimal(1)),), OrderType.MARKET, TimeInForce.DAY)
SENT = {"Orders": [{"Message": "Sent order", "OrderID": "7"}]}
Order = Callable[..., dict[str, Any]]


@pytest.fixture
def broker() -> TradestationBroker:
    return TradestationBroker(Hosts(API, "", ""), lambda *, refused=None: "example-token")


@pytest.fixture
def order(payload_text: Callable[[str], str]) -> Order:
    template = json.loads(payload_text("B5-order-filled"))
    return lambda number, **rest: {**template, "OrderID": str(number), **rest}


def listing(url: str, *pages: list[dict[str, Any]], endless: bool = False) -> None:
    """Serve pages by their token, as the broker does: each page names the next."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        number = int(parse_qs(urlsplit(request.url).query).get("nextToken", ["0"])[0])
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) or endless else {}
        return 200, {}, json.dumps({"Orders": pages[min(number, len(pages) - 1)], "Errors": [], **more})

    responses.add_callback(responses.GET, url, callback=answer)


@responses.activate
def test_both_listings_are_joined_with_all_their_pages_and_an_end_wins(
    broker: TradestationBroker, order: Order
) -> None:
    listing(ORDERS, [order(1, Status="ACK"), order(2)], [order(3, Status="ACK")])
    listing(HISTORY, [order(1, Status="OUT"), order(2, Status="CHG")], [order(4)])
    found = {each.broker_order_id: each.broker_status for each in broker.get_orders(ACCOUNT, SINCE)}
    assert found == {"1": "OUT", "2": "FLL", "3": "ACK", "4": "FLL"}
    queries = [parse_qs(urlsplit(call.request.url).query) for call in responses.calls]
    assert [query.get("since") for query in queries] == [None, None, ["2026-11-20"], ["2026-11-20"]]
    assert [query.get("nextToken") for query in queries] == [None, ["1"], None, ["1"]]
    assert {query["pageSize"][0] for query in queries} == {"600"}
    assert responses.calls[0].request.headers["Authorization"] == "Bearer example-token"


@responses.activate
def test_history_is_asked_for_as_far_back_as_the_broker_has_it(broker: TradestationBroker) -> None:
    listing(ORDERS, [])
    listing(HISTORY, [])
    broker.get_orders(ACCOUNT, date(2010, 1, 1))
    asked = date.fromisoformat(parse_qs(urlsplit(responses.calls[1].request.url).query)["since"][0])
    assert timedelta(days=720) < datetime.now(timezone.utc).date() - asked < timedelta(days=731)


@responses.activate
def test_a_list_without_end_is_an_error(broker: TradestationBroker) -> None:
    listing(ORDERS, [], endless=True)
    with pytest.raises(UnexpectedReply) as caught:
        broker.get_orders(ACCOUNT, SINCE)
    assert (caught.value.path, caught.value.broker) == ("NextToken", "TradeStation")


@responses.activate
def test_a_failed_listing_is_an_error_and_not_an_absence(broker: TradestationBroker) -> None:
    listing(ORDERS, [])
    responses.get(HISTORY, status=502, body="<html>")
    with pytest.raises(Unavailable):
        broker.find_order(ACCOUNT, "ref", TICKET, datetime.now(timezone.utc))
    responses.replace(responses.GET, HISTORY, json={"Errors": []})
    with pytest.raises(UnexpectedReply):
        broker.find_order(ACCOUNT, "ref", TICKET, datetime.now(timezone.utc))
    partial = {"Orders": [], "Errors": [{"AccountID": ACCOUNT, "Error": "ServiceUnavailable", "Message": "Later."}]}
    responses.replace(responses.GET, HISTORY, json=partial)
    with pytest.raises(Unavailable, match="Later"):
        broker.find_order(ACCOUNT, "ref", TICKET, datetime.now(timezone.utc))


@responses.activate
def test_an_order_of_days_before_is_looked_up_in_history(broker: TradestationBroker, order: Order) -> None:
    gone = {"Orders": [], "Errors": [{"AccountID": ACCOUNT, "OrderID": "7", "Error": "NotFound", "Message": "No."}]}
    responses.get(f"{ORDERS}/7", json=gone)
    responses.get(f"{HISTORY}/7", json={"Orders": [order(7, Status="EXP")], "Errors": []})
    assert broker.get_order(ACCOUNT, "7").status is BrokerStatus.EXPIRED
    assert "since" in parse_qs(urlsplit(responses.calls[1].request.url).query)
    responses.replace(responses.GET, f"{HISTORY}/7", json=gone)
    with pytest.raises(Refused, match="does not know order 7"):
        broker.get_order(ACCOUNT, "7")


@responses.activate
def test_an_account_that_failed_is_not_an_empty_one(broker: TradestationBroker) -> None:
    failed = {"Positions": [], "Errors": [{"AccountID": ACCOUNT, "Error": "InternalServerError", "Message": "Oh."}]}
    responses.get(f"{API}/brokerage/accounts/{ACCOUNT}/positions", json=failed)
    with pytest.raises(Unavailable, match="Oh"):
        broker.get_positions(ACCOUNT)


@responses.activate
def test_what_is_held_is_shown_to_who_may_not_see_market_data(broker: TradestationBroker) -> None:
    row = {"AccountID": ACCOUNT, "AssetType": "FUTURE", "Symbol": "TYM26", "LongShort": "Short", "Quantity": "-2"}
    row |= {"AveragePrice": "110.5", "TotalCost": "-221000"}
    responses.get(f"{API}/brokerage/accounts/{ACCOUNT}/positions", json={"Positions": [row], "Errors": []})
    responses.get(f"{API}/marketdata/symbols/TYM26", status=403, json={"Error": "Forbidden", "Message": "No."})
    (held,) = broker.get_positions(ACCOUNT)
    assert (held.instrument, held.quantity, held.multiplier) == (Future("ZN", 2026, 6), -2, 1000)


@responses.activate
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"Orders": [{"Error": "FAILED", "Message": "Order failed. Reason: No.", "OrderID": "7"}]}, OrderRejected),
        ({"Errors": [{"Error": "FAILED", "Message": "Order failed. Reason: No.", "OrderID": "7"}]}, OrderRejected),
        ({"Error": "BadRequest", "Message": "No."}, OrderRejected),
        ({"Error": "GatewayTimeout", "Message": "Slow."}, OutcomeUnknown),
        ({"Orders": []}, OutcomeUnknown),
        ({"Orders": [{"Message": "Sent order"}]}, OutcomeUnknown),
        ({"Orders": [{"OrderID": "7"}, {"OrderID": "8"}]}, OutcomeUnknown),
        ([], OutcomeUnknown),
        ({}, OutcomeUnknown),
    ],
)
def test_a_200_that_is_no_yes_is_a_no_only_when_it_says_so(
    broker: TradestationBroker, body: Any, error: type[Exception]
) -> None:
    responses.post(EXECUTION, json=body)
    with pytest.raises(error):
        broker.place_order(ACCOUNT, TICKET, "ref")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("status", [500, 502, 504, 408, 301])
def test_a_gateways_answer_leaves_the_outcome_unknown(broker: TradestationBroker, status: int) -> None:
    responses.post(EXECUTION, status=status, json={"Error": "InternalServerError", "Message": "Oh."})
    with pytest.raises(OutcomeUnknown):
        broker.place_order(ACCOUNT, TICKET, "ref")


@responses.activate
def test_an_accepted_order_is_told_as_it_was_sent_when_the_look_after_it_is_about_another(
    broker: TradestationBroker, order: Order
) -> None:
    responses.post(EXECUTION, json=SENT)
    responses.get(f"{ORDERS}/7", json={"Orders": [order(8)], "Errors": []})
    placed = broker.place_order(ACCOUNT, TICKET, "ref").order
    assert (placed.broker_order_id, placed.status) == ("7", BrokerStatus.RECEIVED)


@responses.activate
@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ({"Status": "ACK"}, BrokerStatus.CANCEL_REQUESTED),
        ({"Status": "UCN"}, BrokerStatus.CANCEL_REQUESTED),
        ({"Status": "LAT"}, BrokerStatus.WORKING),
        ({"Status": "FLL"}, BrokerStatus.FILLED),
        ({"Status": "OUT"}, BrokerStatus.CANCELLED),
    ],
)
def test_a_cancel_that_was_sent_is_asked_for_until_the_order_ends(
    broker: TradestationBroker, order: Order, seen: dict[str, str], status: BrokerStatus
) -> None:
    responses.delete(f"{EXECUTION}/7", json={"Message": "Cancel request sent", "OrderID": "7"})
    responses.get(f"{ORDERS}/7", json={"Orders": [order(7, **seen)], "Errors": []})
    assert broker.cancel_order(ACCOUNT, "7").status is status


@responses.activate
@pytest.mark.parametrize("status", [200, 400])
def test_a_refused_cancel_comes_in_the_brokers_words(broker: TradestationBroker, status: int) -> None:
    responses.delete(f"{EXECUTION}/7", status=status, json={"Error": "BadRequest", "Message": "Not an open order."})
    with pytest.raises(OrderRejected, match="Not an open order"):
        broker.cancel_order(ACCOUNT, "7")


@responses.activate
def test_a_replacement_that_does_not_show_yet_is_asked_for(broker: TradestationBroker, order: Order) -> None:
    resting = order(7, Status="ACK", Legs=[{**order(7)["Legs"][0], "ExecQuantity": "0", "ExecutionPrice": None}])
    responses.get(f"{ORDERS}/7", json={"Orders": [resting], "Errors": []})
    responses.put(f"{EXECUTION}/7", json={"Message": "Cancel/Replace order sent.", "OrderID": "7"})
    leg = Leg(Equity("NAT"), Action.BUY_TO_OPEN, Decimal(900))
    ticket = OrderTicket((leg,), OrderType.LIMIT, TimeInForce.DAY, limit_price=Decimal("-2.50"))
    assert broker.replace_order(ACCOUNT, "7", ticket).status is BrokerStatus.REPLACE_REQUESTED
    (sent,) = (call.request for call in responses.calls if call.request.method == "PUT")
    assert json.loads(sent.body) == {"Quantity": "900", "LimitPrice": "2.5"}
    responses.replace(responses.GET, f"{ORDERS}/7", json={"Orders": [resting], "Errors": []})
    to_market = OrderTicket((leg,), OrderType.MARKET, TimeInForce.DAY)
    broker.replace_order(ACCOUNT, "7", to_market)
    assert json.loads(responses.calls[-2].request.body) == {"Quantity": "900", "OrderType": "Market"}


@responses.activate
def test_at_most_a_hundred_symbols_are_asked_for_at_once_and_spelled_for_a_path(broker: TradestationBroker) -> None:
    responses.get(re.compile(f"{API}/marketdata/quotes/.*"), json={"Quotes": []})
    day = date(2026, 12, 18)
    options: list[Instrument] = [Option("SPY", day, Right.CALL, Decimal(n)) for n in range(100, 350)]
    broker.get_quotes([*options, Index("SPX")])
    paths = [urlsplit(call.request.url).path.rpartition("/")[2] for call in responses.calls]
    assert [path.count(",") + 1 for path in paths] == [100, 100, 51]
    assert not any(" " in path or "$" in path for path in paths)
    symbols = [unquote(symbol) for path in paths for symbol in path.split(",")]
    assert len(set(symbols)) == 251
    assert {"SPY 261218C100", "$SPX.X"} <= set(symbols)


@responses.activate
def test_a_partial_answer_to_quotes_is_what_it_is(broker: TradestationBroker) -> None:
    row = {"Symbol": "aapl", "Bid": "1", "Ask": "2"}
    body = {"Quotes": [row], "Errors": [{"Symbol": "ZZZZQ", "Error": "FAILED, INVALID SYMBOL"}]}
    responses.get(re.compile(f"{API}/marketdata/quotes/.*"), json=body)
    assert set(broker.get_quotes([Equity("AAPL"), Equity("ZZZZQ")])) == {Equity("AAPL")}
