"""Recorded answers become values; values become the bodies that the broker documents."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.accounts import AccountKind
from brokers.domain.instruments import Equity, Index, Option, Other, parse_instrument
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    Leg,
    Notice,
    OrderTicket,
    OrderType,
    TimeInForce,
)
from brokers.errors import BrokerError, OrderRejected, Refused, UnexpectedReply
from brokers.tastytrade.codec import accounts, envelope, market, orders
from brokers.tastytrade.codec.words import STATUSES
from brokers.tastytrade.symbols import api_symbol
from brokers.wire import Node, Purpose, decode

Payload = Callable[[str], Node]
TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 14, 31, 5, tzinfo=timezone.utc)
AAPL, SPY, VIX = Equity("AAPL"), Equity("SPY"), Index("VIX")
PUT_600 = parse_instrument("SPY   261218P00600000")
PUT_595 = parse_instrument("SPY   261218P00595000")


def changed(node: Node, **values: Any) -> Node:
    """The node's object with keys (underscores for dashes) set, or taken away by None."""
    new = {**node.value, **{key.replace("_", "-"): value for key, value in values.items()}}
    return Node({key: value for key, value in new.items() if value is not None}, "")


def share_ticket(action: Action, price: str | None, **rest: Any) -> OrderTicket:
    given_ = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.DAY, **rest}
    return OrderTicket((Leg(AAPL, action, Decimal(10)),), limit_price=Decimal(price) if price else None, **given_)


def spread_ticket() -> OrderTicket:
    legs = (Leg(PUT_600, Action.SELL_TO_OPEN, Decimal(1)), Leg(PUT_595, Action.BUY_TO_OPEN, Decimal(1)))
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, limit_price=Decimal("0.85"))


# --- accounts -----------------------------------------------------------------------------------------------------


def test_accounts_are_read(payload: Payload) -> None:
    (account,) = accounts.read_accounts(payload("E-ACCOUNTS"))
    assert (account.number, account.nickname, account.kind) == ("5WT00042", "Individual", AccountKind.MARGIN)
    assert account.can_trade
    assert not account.is_closed


def test_a_login_that_may_only_look_cannot_trade(payload: Payload) -> None:
    node = payload("E-ACCOUNTS")
    node.value["data"]["items"][0]["authority-level"] = "read-only"
    assert not accounts.read_accounts(node)[0].can_trade


@pytest.mark.parametrize("as_list", [True, False])
def test_a_balance_is_read_from_a_list_and_from_an_object(payload: Payload, as_list: bool) -> None:
    node = payload("E-BALANCE")
    if as_list:
        node.value["data"] = {"items": [node.value["data"]]}
    balance = accounts.read_balance(node, "5WT00042")
    assert balance.cash == Decimal("95217.34")
    assert balance.stock_buying_power == Decimal("190434.68")
    assert balance.option_buying_power == Decimal("95217.34")
    assert balance.pending_cash == 0
    assert balance.as_of == datetime(2026, 11, 20, 14, 31, 2, 714000, tzinfo=timezone.utc)


def test_pending_cash_takes_its_sign_from_the_effect(payload: Payload) -> None:
    node = payload("E-BALANCE")
    node.value["data"] |= {"pending-cash": "12.5", "pending-cash-effect": "Debit"}
    assert accounts.read_balance(node, "5WT00042").pending_cash == Decimal("-12.5")
    node.value["data"] |= {"pending-cash-effect": "None"}
    with pytest.raises(UnexpectedReply):
        accounts.read_balance(node, "5WT00042")


def test_a_balance_of_another_account_is_not_taken(payload: Payload) -> None:
    with pytest.raises(UnexpectedReply):
        accounts.read_balance(payload("E-BALANCE"), "5WT00043")


def test_positions_are_signed_and_priced(payload: Payload) -> None:
    shares, put = accounts.read_positions(payload("E-POSITIONS"), "5WT00042", TODAY)
    assert (shares.instrument, shares.quantity, shares.multiplier) == (AAPL, 25, 1)
    assert (shares.average_open_price, shares.mark) == (Decimal("188.4"), Decimal("191.3"))
    assert (put.instrument, put.quantity, put.multiplier, put.underlying) == (PUT_600, -1, 100, "SPY")
    assert (put.day_open_price, put.mark, put.realized_day) == (Decimal("0.88"), None, 0)


def test_a_holding_that_the_desk_cannot_name_hides_nothing(payload: Payload) -> None:
    node = payload("E-POSITIONS")
    node.value["data"]["items"][0] |= {"symbol": "912797KX4", "instrument-type": "Bond"}
    bond, put = accounts.read_positions(node, "5WT00042", TODAY)
    assert bond.instrument == Other("bond", "912797KX4")
    assert bond.quantity == 25
    assert put.instrument == PUT_600


def test_a_flat_row_stays_only_for_what_it_gained_today(payload: Payload) -> None:
    node = payload("E-POSITIONS")
    flat = {"quantity": "0", "quantity-direction": "Zero", "realized-today": "40.0", "realized-today-effect": "Credit"}
    node.value["data"]["items"][0] |= {**flat, "realized-today-date": "2026-11-20"}
    closed, _put = accounts.read_positions(node, "5WT00042", TODAY)
    assert (closed.quantity, closed.realized_day) == (0, 40)
    node.value["data"]["items"][0]["realized-today-date"] = "2026-11-19"
    assert [position.instrument for position in accounts.read_positions(node, "5WT00042", TODAY)] == [PUT_600]


def test_a_flat_row_is_no_holding_and_an_old_gain_is_not_todays(payload: Payload) -> None:
    node = payload("E-POSITIONS")
    node.value["data"]["items"][0] |= {"quantity": "0", "quantity-direction": "Zero"}
    gain = {"realized-today": "40.0", "realized-today-effect": "Debit"}
    node.value["data"]["items"][1] |= {**gain, "realized-today-date": "2026-11-19"}
    (put,) = accounts.read_positions(node, "5WT00042", TODAY)
    assert put.realized_day == 0
    node.value["data"]["items"][1]["realized-today-date"] = "2026-11-20"
    assert accounts.read_positions(node, "5WT00042", TODAY)[0].realized_day == -40


def test_positions_of_another_account_are_not_taken(payload: Payload) -> None:
    with pytest.raises(UnexpectedReply):
        accounts.read_positions(payload("E-POSITIONS"), "5WT00043", TODAY)


def test_transactions_are_signed_and_their_fees_summed(payload: Payload) -> None:
    trade, dividend, deposit = accounts.read_transactions(payload("E-TRANSACTIONS"))
    assert (trade.instrument, trade.action, trade.broker_order_id) == (PUT_600, Action.SELL_TO_OPEN, "1075264")
    assert (trade.value, trade.net_value, trade.fees) == (Decimal(91), Decimal("89.86"), Decimal("-1.14"))
    assert dividend.quantity == Decimal("0.55928")
    assert (deposit.instrument, deposit.action, deposit.value, deposit.fees) == (None, None, 100000, 0)


# --- pages and errors ---------------------------------------------------------------------------------------------


def test_the_last_page_is_told_by_the_pagination(payload: Payload) -> None:
    node = Node({"data": {"items": []}, "pagination": payload("E-PAGINATION").value}, "")
    assert not envelope.page(node, 0, 250).is_last
    node.value["pagination"]["page-offset"] = 6
    assert envelope.page(node, 6, 250).is_last


def test_a_page_that_was_not_asked_for_is_refused(payload: Payload) -> None:
    node = Node({"data": {"items": []}, "pagination": payload("E-PAGINATION").value}, "")
    with pytest.raises(UnexpectedReply):
        envelope.page(node, 1, 250)


def test_a_full_page_without_numbers_may_hide_others() -> None:
    with pytest.raises(UnexpectedReply):
        envelope.page(Node({"data": {"items": [1, 2]}}, ""), 0, 2)
    assert envelope.page(Node({"data": {"items": [1]}}, ""), 0, 2).is_last


def test_the_brokers_errors_are_read_in_both_shapes(payload: Payload) -> None:
    preflight = envelope.read_error(422, payload("E-ERR-PREFLIGHT"))
    assert preflight is not None
    assert preflight.code == "preflight_check_failure"
    assert preflight.notices[0].code == "margin_check_failed"
    assert "sufficient buying power" in preflight.message
    validation = envelope.read_error(400, payload("E-ERR-VALIDATION"))
    assert validation is not None
    assert validation.notices == (Notice("order-type", "order-type does not have a valid value"),)
    version = envelope.read_error(406, payload("E-ERR-VERSION"))
    assert version is not None
    assert version.code == "406"


@pytest.mark.parametrize("body", [{}, {"error": "x"}, {"error": {}}, {"message": "m"}, {"error": {"message": "m"}}, []])
def test_other_documents_are_not_the_brokers_own(body: object) -> None:
    assert isinstance(body, list) or envelope.read_error(422, Node(body, "")) is None


# --- orders out ---------------------------------------------------------------------------------------------------


def test_a_spread_goes_out_as_documented(payload: Payload) -> None:
    request = orders.place_request("5WT00042", spread_ticket(), "adapter-7f3c9a")
    body = dict(request.body or {})
    assert body.pop("source") == "blotter"
    assert json.loads(json.dumps(body)) == payload("E-ORDER-REQ").value
    assert (request.method, request.path) == ("POST", "/accounts/5WT00042/orders")
    assert (request.acts, request.purpose) == (True, Purpose.PLACE)


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        (share_ticket(Action.BUY_TO_OPEN, "-190.10"), {"price": "190.1", "price-effect": "Debit"}),
        (share_ticket(Action.SELL_TO_CLOSE, "190.10"), {"price": "190.1", "price-effect": "Credit"}),
        (share_ticket(Action.BUY_TO_OPEN, None, order_type=OrderType.MARKET), {"order-type": "Market", "price": None}),
        (
            share_ticket(Action.SELL_TO_CLOSE, None, order_type=OrderType.STOP, stop_price=Decimal("182.00")),
            {"order-type": "Stop", "stop-trigger": "182", "price": None, "price-effect": None},
        ),
        (
            share_ticket(Action.SELL_TO_CLOSE, "181", order_type=OrderType.STOP_LIMIT, stop_price=Decimal(182)),
            {"order-type": "Stop Limit", "stop-trigger": "182", "price": "181", "price-effect": "Credit"},
        ),
        (
            share_ticket(Action.BUY_TO_OPEN, "-1", time_in_force=TimeInForce.GTD, gtd_date=date(2026, 12, 1)),
            {"time-in-force": "GTD", "gtc-date": "2026-12-01"},
        ),
        (
            share_ticket(Action.BUY_TO_OPEN, "-1", time_in_force=TimeInForce.OVERNIGHT),
            {"time-in-force": "Ext Overnight"},
        ),
    ],
)
def test_prices_lose_their_sign_and_gain_an_effect(ticket: OrderTicket, expected: dict[str, Any]) -> None:
    body = orders.order_body(ticket)
    assert {key: body.get(key) for key in expected} == expected


def test_a_closing_order_may_never_be_turned_into_an_opening_one() -> None:
    strict = {"strict-position-effect-validation": True}
    assert orders.order_body(share_ticket(Action.SELL_TO_CLOSE, "1"))["advanced-instructions"] == strict
    assert "advanced-instructions" not in orders.order_body(share_ticket(Action.BUY_TO_OPEN, "-1"))


def test_a_fraction_goes_out_as_text_and_a_whole_as_a_number() -> None:
    ticket = share_ticket(Action.BUY_TO_OPEN, None, order_type=OrderType.MARKET)
    for quantity, expected in ((Decimal("10.0"), 10), (Decimal("0.55928"), "0.55928")):
        body = orders.order_body(replace(ticket, legs=(Leg(AAPL, Action.BUY_TO_OPEN, quantity),)))
        assert body["legs"][0]["quantity"] == expected
        json.dumps(body)


def test_what_the_broker_has_no_word_for_is_not_sent() -> None:
    with pytest.raises(OrderRejected):
        orders.order_body(share_ticket(Action.BUY_TO_OPEN, "-1", time_in_force=TimeInForce.FOK))
    bond = Leg(Other("bond", "912797KX4"), Action.BUY_TO_OPEN, Decimal(1))
    with pytest.raises(OrderRejected):
        orders.order_body(OrderTicket((bond,), OrderType.MARKET, TimeInForce.DAY))


def test_only_what_changes_something_acts() -> None:
    ticket = spread_ticket()
    acting = [orders.place_request("1", ticket, "r"), orders.replace_request("1", "2", ticket)]
    acting.append(orders.cancel_request("1", "2/../3"))
    assert all(request.acts for request in acting)
    assert acting[2].path == "/accounts/1/orders/2%2F..%2F3"
    assert not orders.preview_request("1", ticket).acts


# --- orders in ----------------------------------------------------------------------------------------------------


def test_an_accepted_order_is_read_from_the_nested_answer(payload: Payload) -> None:
    placed = orders.read_placed(payload("E-ORDER-RESP"), "5WT00042", spread_ticket(), "adapter-7f3c9a")
    order = placed.order
    assert (order.broker_order_id, order.client_ref) == ("1075264", "adapter-7f3c9a")
    assert (order.status, order.broker_status) == (BrokerStatus.ROUTED, "Routed")
    assert (order.limit_price, order.order_type, order.time_in_force) == (Decimal("0.85"), "limit", "day")
    assert order.version == 1795185612405
    assert [state.leg for state in order.legs] == list(spread_ticket().legs)
    assert placed.warnings == ()


def test_an_id_is_acceptance_though_the_rest_be_unreadable(payload: Payload) -> None:
    node = payload("E-ORDER-RESP")
    node.value["data"]["order"]["status"] = "Levitating"
    order = orders.read_placed(node, "5WT00042", spread_ticket(), "ref-1").order
    assert (order.broker_order_id, order.client_ref, order.version) == ("1075264", "ref-1", 0)
    assert order.status is BrokerStatus.RECEIVED
    assert [state.remaining for state in order.legs] == [1, 1]


def test_an_answer_without_id_cannot_be_read(payload: Payload) -> None:
    node = payload("E-ORDER-RESP")
    del node.value["data"]["order"]["id"]
    with pytest.raises(UnexpectedReply) as caught:
        orders.read_placed(node, "5WT00042", spread_ticket(), "ref-1")
    assert caught.value.path == "data.order.id"


def test_fills_are_read_with_their_ids(payload: Payload) -> None:
    order = orders.read_order(payload("E-ORDER-FILLED")["data"])
    assert order.status is BrokerStatus.FILLED
    first, second = order.fills
    assert (first.fill_id, first.price, first.quantity) == (
        "24_TW::TEST_A47504::20261120.1179-TEST_FILL",
        Decimal("2.11"),
        1,
    )
    assert (first.instrument, second.instrument) == (PUT_600, PUT_595)
    assert [state.remaining for state in order.legs] == [0, 0]


def test_a_replacement_names_what_it_replaces(payload: Payload) -> None:
    order = orders.read_order(payload("E-REPLACE-RESP")["data"])
    assert (order.broker_order_id, order.replaces_order_id) == ("1075270", "1075264")
    assert order.status is BrokerStatus.CONTINGENT


def test_every_status_of_the_broker_has_a_place_and_an_unknown_one_is_named(payload: Payload) -> None:
    order = payload("E-ORDER-FILLED")["data"]
    for word, status in STATUSES.items():
        assert orders.read_order(changed(order, status=word)).status is status
    with pytest.raises(UnexpectedReply) as caught:
        orders.read_order(changed(order, status="Levitating"))
    assert caught.value.path == "status"


def test_a_debit_is_negative_and_a_price_without_direction_is_refused(payload: Payload) -> None:
    order = payload("E-ORDER-FILLED")["data"]
    assert orders.read_order(changed(order, price_effect="Debit")).limit_price == Decimal("-0.85")
    for effect in ("None", "Sideways", None):
        with pytest.raises(UnexpectedReply):
            orders.read_order(changed(order, price_effect=effect))
    assert orders.read_order(changed(order, price="0.0", price_effect="None")).limit_price == 0


def test_foreign_kinds_of_order_are_told_of_with_the_legs_that_can_be_named(payload: Payload) -> None:
    order = payload("E-ORDER-FILLED")["data"]
    legs = [
        {"action": "Buy to Open", "instrument-type": "Equity", "symbol": "AAPL"},
        {"action": "Allocate", "instrument-type": "Equity", "symbol": "AAPL", "quantity": 1},
        {"action": "Buy to Open", "instrument-type": "Bond", "symbol": "912797KX4", "quantity": "2"},
    ]
    read = orders.read_order(changed(order, order_type="Notional Market", legs=legs, price=None))
    assert read.order_type == "Notional Market"
    assert [str(state.leg.instrument) for state in read.legs] == ["~bond:912797KX4"]


def test_a_list_of_another_accounts_orders_is_no_information(payload: Payload) -> None:
    node = Node({"data": {"items": [payload("E-ORDER-FILLED").value["data"]]}}, "")
    assert len(orders.read_orders(node, "5WT00042")) == 1
    with pytest.raises(UnexpectedReply):
        orders.read_orders(node, "5WT00043")


def test_a_preview_is_in_dollars_from_the_accounts_side(payload: Payload) -> None:
    preview = orders.read_preview(payload("E-ORDER-RESP"))
    assert preview.buying_power_before == Decimal("95217.34")
    assert preview.buying_power_after == Decimal("94800.056")
    assert preview.buying_power_change == Decimal("-417.284")
    assert preview.margin_change == -500
    assert preview.total_fees == Decimal("-2.284")
    assert sum(fee.amount for fee in preview.fees) == preview.total_fees
    assert {fee.name for fee in preview.fees} == {"commission", "clearing", "regulatory"}


def test_a_previews_warnings_are_kept_and_its_errors_are_a_no(payload: Payload) -> None:
    node = payload("E-ORDER-RESP")
    node.value["data"]["warnings"] = [{"code": "tif.next_valid_session", "message": "Next session."}]
    assert orders.read_preview(node).warnings == (Notice("tif.next_valid_session", "Next session."),)
    node.value["data"]["errors"] = [{"code": "margin_check_failed", "message": "Too little."}]
    with pytest.raises(OrderRejected) as caught:
        orders.read_preview(node)
    assert caught.value.broker_code == "margin_check_failed"


# --- market -------------------------------------------------------------------------------------------------------


def test_quotes_are_asked_by_class_a_hundred_at_a_time() -> None:
    many = [Equity(f"A{number}") for number in range(150)]
    made = list(market.quotes_requests([*many, VIX, PUT_600, Other("bond", "X")]))
    assert [len(asked) for _, asked in made] == [100, 52]
    params = made[1][0].params
    assert (params[0], params[-2], params[-1]) == (
        ("equity", "A100"),
        ("index", "VIX"),
        ("equity-option", "SPY   261218P00600000"),
    )


def test_quotes_are_read_and_what_is_missing_stays_unknown(payload: Payload) -> None:
    quotes = market.read_quotes(payload("E-MARKET-DATA"), [AAPL, VIX, SPY], NOW)
    assert set(quotes) == {AAPL, VIX}
    apple, vix = quotes[AAPL], quotes[VIX]
    assert (apple.bid, apple.ask, apple.last, apple.mark) == tuple(
        map(Decimal, ("191.29", "191.31", "191.305", "191.3"))
    )
    assert (apple.high, apple.low, apple.prev_close) == tuple(map(Decimal, ("192.02", "189.97", "190.1")))
    assert apple.volume == 16006738
    assert (vix.bid, vix.ask, vix.last) == (None, None, Decimal("15.8"))
    assert apple.as_of == datetime(2026, 11, 20, 14, 31, 5, 35000, tzinfo=timezone.utc)


def test_a_share_is_described_with_its_grid(payload: Payload) -> None:
    details = market.read_details(payload("E-EQUITY"), AAPL, TODAY)
    assert (details.description, details.multiplier, details.exchange) == ("APPLE INC", 1, "XNAS")
    assert details.increments.at(Decimal("0.5")) == Decimal("0.0001")
    assert details.increments.at(Decimal(190)) == Decimal("0.01")
    assert (details.tradeable, details.has_options) == (True, True)
    assert market.read_option_increments(payload("E-EQUITY")).at(Decimal(5)) == Decimal("0.05")


@pytest.mark.parametrize(
    ("name", "symbol", "multiplier", "underlying", "tradeable"),
    [
        ("E-EQUITY-OPTION", "SPY   261218P00600000", 100, "SPY", True),
        ("E-FUTURE-OPTION", "./ESZ26 EW3Z26 261218P6300", 50, "/ESZ26", True),
        ("E-CRYPTO", "BTC/USD", 1, "None", False),
    ],
)
def test_other_classes_have_their_own_multiplier(
    payload: Payload, name: str, symbol: str, multiplier: int, underlying: str, tradeable: bool
) -> None:
    details = market.read_details(payload(name), parse_instrument(symbol), TODAY)
    assert (details.multiplier, str(details.underlying), details.tradeable) == (multiplier, underlying, tradeable)


def test_a_future_has_the_points_value_of_its_contract(payload: Payload) -> None:
    (item,) = payload("E-FUTURE").value["data"]["items"]
    details = market.read_details(Node({"data": item}, ""), parse_instrument("/ESZ26"), TODAY)
    assert (details.multiplier, details.increments.at(Decimal(6000))) == (50, Decimal("0.25"))


def test_details_of_another_symbol_are_not_taken(payload: Payload) -> None:
    with pytest.raises(UnexpectedReply):
        market.read_details(payload("E-EQUITY"), SPY, TODAY)


def test_a_chain_is_read_by_expiry_and_strike(payload: Payload) -> None:
    chain = market.read_chain(payload("E-CHAIN-NESTED"), SPY)
    (expiration,) = chain.expirations
    assert (expiration.expiry, expiration.kind, expiration.settlement) == (date(2026, 12, 18), "regular", "PM")
    assert (expiration.root, expiration.multiplier) == ("SPY", 100)
    assert [strike.price for strike in expiration.strikes] == [595, 600]
    assert expiration.strikes[1].put == PUT_600


def test_a_chain_with_a_symbol_that_is_none_is_not_half_shown(payload: Payload) -> None:
    node = payload("E-CHAIN-NESTED")
    node.value["data"]["items"][0]["expirations"][0]["strikes"][0]["call"] = "SPY"
    with pytest.raises(UnexpectedReply):
        market.read_chain(node, SPY)


def test_chains_are_for_shares_and_indexes() -> None:
    assert market.chain_request(Equity("BRK.B")).path == "/option-chains/BRK%2FB/nested"
    with pytest.raises(Refused):
        market.chain_request(parse_instrument("/ESZ26"))


def test_a_search_shows_what_the_desk_knows(payload: Payload) -> None:
    matches = market.read_matches(payload("E-SYMBOL-SEARCH"), TODAY)
    assert [(str(match.instrument), match.has_options) for match in matches] == [("AAPL", True), ("AAPB", True)]


def test_a_quote_pass_says_whether_prices_are_late_and_hides_its_token(payload: Payload) -> None:
    leave = market.read_quote_pass(payload("E-QUOTE-TOKEN"))
    assert leave.url == "wss://tasty-openapi-ws.dxfeed.com/realtime"
    assert not leave.is_delayed
    assert leave.token not in repr(leave)
    node = payload("E-QUOTE-TOKEN")
    node.value["data"]["level"] = "demo"
    assert market.read_quote_pass(node).is_delayed


# --- everything that can be broken --------------------------------------------------------------------------------

READERS: dict[str, Callable[[Node], object]] = {
    "E-ACCOUNTS": accounts.read_accounts,
    "E-BALANCE": lambda node: accounts.read_balance(node, "5WT00042"),
    "E-POSITIONS": lambda node: accounts.read_positions(node, "5WT00042", TODAY),
    "E-TRANSACTIONS": accounts.read_transactions,
    "E-ORDER-RESP": lambda node: (
        orders.read_placed(node, "5WT00042", spread_ticket(), "r"),
        orders.read_preview(node),
    ),
    "E-ORDER-FILLED": lambda node: orders.read_order(node["data"]),
    "E-MARKET-DATA": lambda node: market.read_quotes(node, [AAPL, VIX], NOW),
    "E-EQUITY": lambda node: market.read_details(node, AAPL, TODAY),
    "E-CHAIN-NESTED": lambda node: market.read_chain(node, SPY),
    "E-SYMBOL-SEARCH": lambda node: market.read_matches(node, TODAY),
    "E-QUOTE-TOKEN": market.read_quote_pass,
    "E-ERR-PREFLIGHT": lambda node: envelope.read_error(422, node),
}
JUNK = st.sampled_from([None, True, "", "x", "NaN", "1e9999", -1, 10**50, [], {}, [[]], {"a": 1}, "\ud800"])


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a decoded answer."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, child in pairs for place in places(child)]


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(READERS)))
def test_a_broken_answer_is_a_broker_error_and_never_a_crash(data: st.DataObject, name: str) -> None:
    text = (Path(__file__).parents[2] / "payloads" / "tastytrade" / f"{name}.json").read_text()
    node = decode(text)
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(node.value)
        if not found:
            break
        holder, key = data.draw(st.sampled_from(found))
        holder[key] = deepcopy(data.draw(JUNK))
    with suppress(BrokerError):
        READERS[name](node)


def test_option_symbols_of_a_chain_are_the_ones_that_orders_name(payload: Payload) -> None:
    strike = market.read_chain(payload("E-CHAIN-NESTED"), SPY).expirations[0].strikes[0]
    assert isinstance(strike.call, Option)
    assert api_symbol(strike.call) == "SPY   261218C00595000"
