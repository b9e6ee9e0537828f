"""The broker's recorded answers, read; and what is made of answers that are not as they were."""

import contextlib
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from brokers.domain.accounts import AccountKind
from brokers.domain.instruments import Equity, Future, Option, Right
from brokers.domain.market import PriceIncrements
from brokers.domain.orders import Action, BrokerStatus, Fee, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import (
    BrokerError,
    NotAuthorized,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedReply,
)
from brokers.tradestation.codec import accounts, envelope, likeness, market, orders, placing
from brokers.tradestation.codec.words import STATUSES
from brokers.wire import Node, Purpose, Request, decode

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
ACCOUNT = "11827365"
READ = Request("GET", "/anything")
PLACE = Request("POST", "/orderexecution/orders", acts=True, purpose=Purpose.PLACE)
NVDA, TLT = Equity("NVDA"), Equity("TLT")
TICKET = OrderTicket((Leg(Equity("PLTR"), Action.BUY_TO_OPEN, Decimal(100)),), OrderType.MARKET, TimeInForce.DAY)
FUTURE_ROW = {
    "AccountID": "1",
    "AssetType": "FUTURE",
    "Symbol": "TYM26",
    "LongShort": "Short",
    "Quantity": "-2",
    "AveragePrice": "110.5",
    "TotalCost": "-221000",
}
Payload = Callable[[str], Node]
TLT_PUT = Option("TLT", date(2026, 4, 9), Right.PUT, Decimal(90))


# --- accounts -----------------------------------------------------------------------------------------------------


def test_accounts_are_read_and_one_that_may_only_close_can_still_trade(payload: Payload) -> None:
    cash, margin, futures = accounts.read_accounts(payload("B1-accounts"))
    assert (cash.number, cash.kind, cash.type_name) == ("11827364", AccountKind.CASH, "Cash")
    assert (margin.kind, margin.type_name) == (AccountKind.MARGIN, "Margin (Closing Transactions Only)")
    assert (futures.kind, futures.is_closed) == (AccountKind.FUTURES, False)
    assert all(each.can_trade for each in (cash, margin, futures))


@pytest.mark.parametrize(("status", "closed", "trades"), [("Closed", True, False), ("Inactive", False, False)])
def test_an_account_that_is_over_cannot_trade(status: str, closed: bool, trades: bool) -> None:
    row = {"AccountID": "1", "AccountType": "DVP", "Status": status, "Alias": None}
    (account,) = accounts.read_accounts(Node({"Accounts": [row]}, ""))
    assert (account.is_closed, account.can_trade, account.kind) == (closed, trades, AccountKind.OTHER)


def test_balances_are_read_for_shares_and_for_futures(payload: Payload) -> None:
    margin = accounts.read_balance(payload("B2-balances"), ACCOUNT, NOW)
    assert (margin.cash, margin.net_liquidating_value) == (Decimal("39735.66"), Decimal("55508.42"))
    assert (margin.stock_buying_power, margin.option_buying_power) == (Decimal("79471.32"), Decimal("39735.66"))
    assert (margin.maintenance_requirement, margin.pending_cash, margin.as_of) == (None, 0, NOW)
    futures = accounts.read_balance(payload("B2-balances"), "210vrt18", NOW)
    assert (futures.maintenance_requirement, futures.option_buying_power) == (12000, None)
    with pytest.raises(UnexpectedReply):
        accounts.read_balance(payload("B2-balances"), "11827364", NOW)


def test_positions_are_signed_by_their_side(payload: Payload) -> None:
    rows = accounts.position_rows(payload("B4-positions"), ACCOUNT)
    shares, calls = (accounts.read_position(row, NOW) for row in rows)
    assert (shares.instrument, shares.quantity, shares.multiplier) == (Equity("NEE"), 125, 1)
    assert (shares.average_open_price, shares.day_open_price) == (Decimal("70.268"), Decimal("68.59"))
    assert (shares.mark, shares.close_price) == (Decimal("69.77"), None)
    assert (calls.quantity, calls.multiplier, calls.underlying) == (-5, 100, "GM")
    for row in rows:
        row.value["Quantity"] = row.value["Quantity"].lstrip("-")
    assert accounts.read_position(rows[1], NOW).quantity == -5
    with pytest.raises(UnexpectedReply):
        accounts.position_rows(payload("B4-positions"), "11827364")


def test_the_days_profit_is_what_the_broker_says(payload: Payload) -> None:
    for row in accounts.position_rows(payload("B4-positions"), ACCOUNT):
        held = accounts.read_position(row, NOW)
        assert held.mark is not None
        assert held.day_open_price is not None
        told = Decimal(row.value["TodaysProfitLoss"])
        assert (held.mark - held.day_open_price) * held.quantity * held.multiplier == told


def test_a_future_is_sized_by_details_and_else_by_its_cost() -> None:
    node = Node(FUTURE_ROW, "")
    future = Future("ZN", 2026, 6)
    assert accounts.of_unknown_size([node]) == {future}
    assert accounts.read_position(node, NOW, {future: Decimal(999)}).multiplier == 999
    held = accounts.read_position(node, NOW)
    assert (held.multiplier, held.quantity, held.day_open_price) == (1000, -2, None)
    for missing in ("TotalCost", "AveragePrice"):
        with pytest.raises(UnexpectedReply):
            accounts.read_position(Node({**FUTURE_ROW, missing: "0"}, ""), NOW)
    bond = Node({**FUTURE_ROW, "AssetType": "BOND", "TotalCost": "0"}, "")
    assert accounts.read_position(bond, NOW).multiplier == 1


# --- orders -------------------------------------------------------------------------------------------------------


def test_a_filled_order_tells_how_much_was_done_and_at_what_price_on_average(payload: Payload) -> None:
    order = orders.read_order(payload("B5-order-filled"))
    assert (order.status, order.broker_status, order.client_ref) == (BrokerStatus.FILLED, "FLL", None)
    assert (order.limit_price, order.order_type, order.time_in_force) == (Decimal("-2.59"), "limit", "day")
    ((state),) = order.legs
    assert state.leg == Leg(Equity("NAT"), Action.BUY_TO_OPEN, Decimal(1000))
    assert (state.executed, state.average_price, state.remaining, order.fills) == (1000, Decimal("2.59"), 0, ())
    assert order.updated_at == datetime(2026, 3, 20, 19, 49, 58, tzinfo=timezone.utc)


def test_a_spread_is_one_order_with_its_legs(payload: Payload) -> None:
    order = orders.read_order(payload("B5-order-spread"))
    assert [state.leg.action for state in order.legs] == [Action.BUY_TO_OPEN, Action.SELL_TO_OPEN]
    assert [state.average_price for state in order.legs] == [Decimal("4.7"), Decimal("2.99")]


def test_a_futures_order_neither_opens_nor_closes(payload: Payload) -> None:
    order = orders.read_order(payload("B5-order-future"))
    assert order.legs[0].leg == Leg(Future("ZN", 2026, 3), Action.BUY, Decimal(1))


def test_a_rejected_order_has_its_reason_and_done_nothing(payload: Payload) -> None:
    order = orders.read_order(payload("B5-order-rejected"))
    assert order.status is BrokerStatus.REJECTED
    assert order.reject_reason.startswith("No market or stop orders")
    assert (order.fills, order.time_in_force) == ((), "gtc_ext")


def test_an_order_put_aside_for_the_night_is_alive_whatever_it_says_is_left(payload: Payload) -> None:
    order = orders.read_order(payload("B5-order-queued"))
    assert (order.status, order.updated_at) == (BrokerStatus.WORKING, None)
    assert (order.legs[0].remaining, order.fills, order.stop_price) == (2000, (), Decimal("0.78"))


def test_every_code_of_the_broker_has_a_meaning_and_a_new_one_leaves_the_order_alive(payload: Payload) -> None:
    ended = {"FLL", "FLP", "CAN", "OUT", "TSC", "EXP", "SCN", "REJ", "BRO", "DOA", "BRC", "BRF", "ASS", "EXE"}
    raw = payload("B5-order-filled").value
    for code in [*STATUSES, "XYZ"]:
        order = orders.read_order(Node({**raw, "Status": code}, ""))
        assert (order.cancellable is False) == (code in ended), code
        assert order.broker_status == code
    assert orders.read_order(Node({**raw, "Status": "XYZ"}, "")).status is BrokerStatus.WORKING


def test_what_is_done_so_far_is_told_with_its_average_price(payload: Payload) -> None:
    raw = payload("B5-order-filled").value

    def seen(status: str, done: str, average: str | None, **more: Any) -> tuple[Any, ...]:
        leg = {**raw["Legs"][0], "ExecQuantity": done, "ExecutionPrice": average, "QuantityRemaining": "0"}
        order = orders.read_order(Node({**raw, "Status": status, "Legs": [leg], **more}, ""))
        assert order.fills == ()
        return order.legs[0].remaining, order.legs[0].executed, order.legs[0].average_price

    price = Decimal("2.59")
    assert seen("FPR", "400", "2.59") == (600, 400, price)
    assert seen("ACK", "400", "2.59") == (600, 400, price)
    assert seen("FLP", "400", "2.59") == (600, 400, price)
    assert seen("OUT", "400", "2.59", ClosedDateTime=None) == (600, 400, price)
    assert seen("FLL", "1000", "2.59") == (0, 1000, price)
    assert seen("FLL", "1000", None) == (0, 1000, None)
    assert seen("ACK", "0", "2.59") == (1000, 0, None)
    assert seen("EXP", "1000", None) == (1000, 0, None)  # executed at no price: it was not
    assert seen("BRO", "0", None) == (1000, 0, None)  # what a bust takes back is no longer told


@pytest.mark.parametrize(
    ("wire", "legs", "ours"),
    [("1.16", 2, "-1.16"), ("-1.16", 2, "1.16"), ("0", 2, "0"), ("2.59", 1, "-2.59"), ("0", 1, None)],
)
def test_a_net_price_is_a_debit_on_the_wire_and_negative_here(
    payload: Payload, wire: str, legs: int, ours: str | None
) -> None:
    raw = payload("B5-order-spread").value
    order = orders.read_order(Node({**raw, "OrderType": "Limit", "LimitPrice": wire, "Legs": raw["Legs"][:legs]}, ""))
    assert order.limit_price == (None if ours is None else Decimal(ours))


@pytest.mark.parametrize(
    ("side", "effect", "action"),
    [
        ("Buy", "Open", Action.BUY_TO_OPEN),
        ("SELL", "Close", Action.SELL_TO_CLOSE),
        ("SellShort", "Open", Action.SELL_TO_OPEN),
        ("BuyToCover", "Close", Action.BUY_TO_CLOSE),
        ("sellshort", None, Action.SELL_TO_OPEN),
        ("BuyToCover", None, Action.BUY_TO_CLOSE),
        ("Sell", None, Action.SELL_TO_CLOSE),
    ],
)
def test_a_side_and_its_effect_make_an_action(payload: Payload, side: str, effect: str | None, action: Action) -> None:
    raw = payload("B5-order-filled").value
    leg = {**raw["Legs"][0], "BuyOrSell": side, "OpenOrClose": effect}
    assert orders.read_order(Node({**raw, "Legs": [leg]}, "")).legs[0].leg.action is action


def test_an_unknown_side_is_an_error_that_names_its_place(payload: Payload) -> None:
    raw = payload("B5-order-filled").value
    with pytest.raises(UnexpectedReply) as caught:
        orders.read_orders(Node({"Orders": [{**raw, "Legs": [{**raw["Legs"][0], "BuyOrSell": "Swap"}]}]}, ""), ACCOUNT)
    assert caught.value.path == "Orders[0].Legs[0].BuyOrSell"
    assert "Swap" not in caught.value.message


def test_a_listing_of_another_account_is_unreadable(payload: Payload) -> None:
    with pytest.raises(UnexpectedReply):
        orders.read_orders(Node({"Orders": [payload("B5-order-filled").value]}, ""), "11827364")


def test_an_order_that_is_not_there_is_none_and_an_account_that_is_not_is_an_error(payload: Payload) -> None:
    assert orders.read_one(payload("B6-order-error"), READ, ACCOUNT, "1") is None
    with pytest.raises(Refused, match="Invalid Account ID"):
        orders.read_one(Node({"Orders": [], "Errors": [payload("C2-account-error").value]}, ""), READ, "210VRT18", "1")
    with pytest.raises(UnexpectedReply):
        orders.read_one(Node({"Orders": [], "Errors": []}, ""), READ, ACCOUNT, "1")


# --- placing ------------------------------------------------------------------------------------------------------


def test_an_order_was_taken_when_there_is_a_number_and_no_error(payload: Payload) -> None:
    order = placing.read_placed(payload("X3-orders"), PLACE, ACCOUNT, TICKET).order
    assert (order.broker_order_id, order.status, order.version) == ("1124957022", BrokerStatus.RECEIVED, 0)
    assert [state.leg for state in order.legs] == list(TICKET.legs)


def test_a_failed_order_is_a_rejection_wherever_it_is_told(payload: Payload) -> None:
    failed = payload("X3-failed").value
    for body in (failed, {"Orders": failed["Errors"]}, {"Error": "FAILED", "Message": failed["Errors"][0]["Message"]}):
        with pytest.raises(OrderRejected, match="absolute maximum"):
            placing.read_placed(Node(body, ""), PLACE, ACCOUNT, TICKET)


@pytest.mark.parametrize("body", [{}, {"Orders": []}, {"Orders": [{"Message": "Sent"}]}, {"Orders": None}, []])
def test_an_answer_without_a_number_and_without_a_no_is_unreadable(body: Any) -> None:
    with pytest.raises(UnexpectedReply):
        placing.read_placed(Node(body, ""), PLACE, ACCOUNT, TICKET)


def test_the_answers_to_replacements_and_cancels_are_of_the_order_that_was_named(payload: Payload) -> None:
    for name in ("X5-replace", "X6-cancel"):
        placing.read_sent(payload(name), PLACE, "1124957022")
        with pytest.raises(UnexpectedReply):
            placing.read_sent(payload(name), PLACE, "1")
    with pytest.raises(OrderRejected, match="Not an open order"):
        placing.read_sent(Node({"Error": "Failed", "Message": "Not an open order."}, ""), PLACE, "1")


def test_confirmations_tell_the_commission_alone(payload: Payload) -> None:
    spread = placing.read_preview(payload("X1-confirm-spread"), READ)
    assert (spread.total_fees, spread.fees) == (-12, (Fee("commission", Decimal(-12)),))
    assert (spread.buying_power_before, spread.buying_power_change, spread.margin_change) == (None, None, None)
    for name in ("X1-confirm-equity", "X1-confirm-future"):
        preview = placing.read_preview(payload(name), READ)
        assert (preview.total_fees, preview.fees) == (0, ())


def test_our_reference_becomes_an_id_of_at_most_22_characters_of_its_own() -> None:
    ids = {placing.confirm_id(f"a-reference-that-is-too-long-{number}") for number in range(1000)}
    assert len(ids) == 1000
    assert {len(each) for each in ids} == {22}
    assert placing.confirm_id("one" * 9) == placing.confirm_id("one" * 9)
    assert placing.confirm_id("2MtLp0aZkD8vFqWxC1yRbe") == "2MtLp0aZkD8vFqWxC1yRbe"


# --- looks --------------------------------------------------------------------------------------------------------


def test_an_order_is_found_by_all_its_figures_and_by_none_but_its_figures(payload: Payload) -> None:
    raw = payload("B5-order-filled").value
    opened = orders.read_order(Node(raw, "")).received_at
    assert opened is not None
    leg = Leg(Equity("NAT"), Action.BUY_TO_OPEN, Decimal(1000))
    ticket = OrderTicket((leg,), OrderType.LIMIT, TimeInForce.DAY, limit_price=Decimal("-2.59"))

    def found(**changes: Any) -> int:
        order = orders.read_order(Node({**raw, **changes}, ""))
        return len(likeness.alike([order], ticket, opened, opened + timedelta(minutes=1)))

    changed = raw["Legs"][0]
    assert found() == 1
    assert found(OpenedDateTime="2026-03-20T19:48:48Z") == 1
    assert found(OpenedDateTime="2026-03-20T19:48:47Z") == 0
    assert found(OpenedDateTime="2026-03-20T19:49:51Z") == 0
    assert found(OpenedDateTime=None) == 0
    assert found(LimitPrice="2.590") == 1
    assert found(LimitPrice="2.60") == 0
    assert found(OrderType="StopLimit", StopPrice="2.5") == 0
    assert found(Duration="DAY+") == 0
    assert found(Legs=[{**changed, "QuantityOrdered": "999"}]) == 0
    assert found(Legs=[{**changed, "Symbol": "NATX"}]) == 0
    assert found(Legs=[{**changed, "BuyOrSell": "BuyToCover", "OpenOrClose": "Close"}]) == 0
    assert found(Legs=[changed, {**changed, "Symbol": "MSFT"}]) == 0
    assert found(Status="REJ", Legs=[{**changed, "OpenOrClose": None, "ExecQuantity": "0"}]) == 1


# --- market -------------------------------------------------------------------------------------------------------


def test_quotes_are_joined_by_symbol_and_the_unknown_left_out(payload: Payload) -> None:
    asked = {"tlt": TLT, "ZZZZQ": Equity("ZZZZQ")}
    for name in ("M1-quotes", "M1-quotes-partial"):
        quotes = market.read_quotes(payload(name), asked, NOW)
        assert set(quotes) == {TLT}
    quote = quotes[TLT]
    assert (quote.bid, quote.ask, quote.last) == (Decimal("92.67"), Decimal("92.73"), Decimal("92.7001"))
    assert (quote.bid_size, quote.prev_close, quote.open_interest) == (500, Decimal("91.49"), None)
    assert market.read_quotes(Node({"Errors": [{"Symbol": "ZZZZQ", "Error": "FAILED"}]}, ""), asked, NOW) == {}


def test_a_price_of_nothing_is_none_but_a_bid_of_nothing_beside_an_offer_is_a_bid(payload: Payload) -> None:
    raw = payload("M1-quotes").value["Quotes"][0]
    index = market.read_figures(Node({**raw, "Bid": "0", "Ask": "0", "Last": ""}, ""), TLT)
    assert (index["bid"], index["ask"], index["ask_size"], index["last"]) == (None, None, None, None)
    worthless = market.read_figures(Node({**raw, "Bid": "0", "Ask": "0.05"}, ""), TLT_PUT)
    assert (worthless["bid"], worthless["ask"], worthless["open_interest"]) == (0, Decimal("0.05"), 0)


def test_details_give_steps_and_sizes(payload: Payload) -> None:
    found = market.read_details(payload("M3-symbols"), [Equity("MSFT"), TLT_PUT])
    assert found[Equity("MSFT")].increments == PriceIncrements(((None, Decimal("0.01")),))
    put = found[TLT_PUT]
    assert (put.multiplier, put.underlying, put.exchange) == (100, TLT, "OPRA")
    assert put.increments == PriceIncrements(((Decimal(3), Decimal("0.01")), (None, Decimal("0.05"))))
    assert (put.increments.at(Decimal("2.99")), put.increments.at(Decimal(3))) == (Decimal("0.01"), Decimal("0.05"))


def test_a_chain_is_put_together_from_days_and_strikes(payload: Payload) -> None:
    days = market.read_expirations(payload("M5-expirations"), Equity("AAPL"))
    assert [(each.expiry.isoformat(), each.kind, each.strikes) for each in days] == [
        ("2026-12-18", "regular", ()),
        ("2026-12-24", "weekly", ()),
    ]
    strikes = market.read_strikes(payload("M6-strikes"))
    assert strikes == [Decimal(145), Decimal("147.5"), Decimal(150)]
    first = market.with_strikes(days[0], strikes)
    assert str(first.strikes[1].call) == "AAPL  261218C00147500"
    assert (first.multiplier, first.settlement, first.increments.steps) == (100, "PM", ())
    assert market.samples([first, days[1]]) == {"AAPL": first.strikes[1].call}
    assert market.samples([days[1]]) == {}
    assert market.with_terms(first, None) == first


def test_matches_are_those_that_the_desk_knows(payload: Payload) -> None:
    (match,) = market.read_matches(payload("V1-suggest"))
    assert (match.instrument, match.description) == (Equity("MSFT"), "Microsoft Corp")
    row = payload("V1-suggest").value[0]
    rows = [{**row, "Name": "EURUSD", "Category": "Forex"}, {**row, "Country": "DE"}]
    assert market.read_matches(Node(rows, "")) == []


# --- errors -------------------------------------------------------------------------------------------------------


def test_the_brokers_words_are_taken_from_each_of_its_envelopes(payload: Payload) -> None:
    document = envelope.read_error(404, payload("C1-unknown-route"))
    assert document is not None
    assert (document.code, document.message) == ("NotFound", "not found /accounts/sim3113503m/balances")
    old = envelope.read_error(400, Node({"TraceId": "x", "StatusCode": 400, "Message": "No."}, ""))
    assert old is not None
    assert (old.code, old.message) == ("400", "No.")
    assert envelope.read_error(500, Node({"message": "gateway"}, "")) is None


def test_a_200_that_holds_an_error_is_a_failure(payload: Payload) -> None:
    with pytest.raises(Refused, match="Not entitled"):
        envelope.check(payload("M2-not-entitled"), READ)
    whole = Node({"Positions": [], "Errors": [payload("C2-account-error").value]}, "")
    with pytest.raises(Refused, match="Invalid Account ID"):
        envelope.check_account(whole, READ)
    assert envelope.check_account(Node({"Positions": [], "Errors": []}, ""), READ)


@pytest.mark.parametrize(
    ("word", "asking", "acting"),
    [
        ("InternalServerError", Unavailable, OutcomeUnknown),
        ("GatewayTimeout", Unavailable, OutcomeUnknown),
        ("TooManyRequests", RateLimited, RateLimited),
        ("Unauthorized", NotAuthorized, NotAuthorized),
        ("Forbidden", Refused, OrderRejected),
        ("FAILED", Refused, OrderRejected),
    ],
)
def test_an_error_object_means_what_its_status_would(word: str, asking: type, acting: type) -> None:
    part = Node({"Error": word, "Message": "words"}, "")
    assert type(envelope.failure(part, READ)) is asking
    assert type(envelope.failure(part, PLACE)) is acting


# --- whatever comes -----------------------------------------------------------------------------------------------

READERS: dict[str, Callable[[Node], Any]] = {
    "B1-accounts": accounts.read_accounts,
    "B2-balances": lambda node: accounts.read_balance(node, ACCOUNT, NOW),
    "B4-positions": lambda node: [
        accounts.read_position(row, NOW) for row in accounts.position_rows(envelope.check_account(node, READ), ACCOUNT)
    ],
    "B5-order-filled": orders.read_order,
    "B5-order-future": orders.read_order,
    "B5-order-queued": orders.read_order,
    "B5-order-rejected": orders.read_order,
    "B5-order-spread": orders.read_order,
    "B6-order-error": lambda node: orders.read_one(node, READ, ACCOUNT, "1"),
    "M1-quotes-partial": lambda node: market.read_quotes(node, {"TLT": TLT}, NOW),
    "M3-symbols": lambda node: market.read_details(node, [TLT_PUT]),
    "M5-expirations": lambda node: market.read_expirations(node, TLT),
    "M6-strikes": market.read_strikes,
    "V1-suggest": market.read_matches,
    "X1-confirm-equity": lambda node: placing.read_preview(node, READ),
    "X1-confirm-future": lambda node: placing.read_preview(node, READ),
    "X1-confirm-spread": lambda node: placing.read_preview(node, READ),
    "X3-orders": lambda node: placing.read_placed(node, PLACE, ACCOUNT, TICKET),
    "X3-failed": lambda node: placing.read_placed(node, PLACE, ACCOUNT, TICKET),
    "X5-replace": lambda node: placing.read_sent(node, PLACE, "1124957022"),
    "X6-cancel": lambda node: placing.read_sent(node, PLACE, "1124957022"),
    "C1-unknown-route": lambda node: envelope.read_error(404, node),
}
ODD = (None, "", "x", "\0", "\ud800", -1, 10**30, "1e999", "NaN", True, [], {}, [None], "2026-99-99T00:00:00Z")


def spoiled(value: Any) -> Iterator[Any]:
    """The value with each of its parts put out of shape, one at a time, or left out."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(children):
        for odd in ODD:
            copy = deepcopy(value)
            copy[key] = odd
            yield copy
        copy = deepcopy(value)
        del copy[key]
        yield copy
        for inner in spoiled(child):
            copy = deepcopy(value)
            copy[key] = inner
            yield copy


@pytest.mark.parametrize("name", sorted(READERS))
def test_whatever_is_out_of_shape_is_read_or_named_and_nothing_else_is_raised(payload: Payload, name: str) -> None:
    read, told, silent = READERS[name], 0, 0
    for body in spoiled(payload(name).value):
        try:
            read(Node(body, ""))
            silent += 1
        except BrokerError:
            told += 1
    assert told + silent > 10


def test_a_futures_row_out_of_shape_is_read_or_named() -> None:
    for body in spoiled(FUTURE_ROW):
        with contextlib.suppress(UnexpectedReply):
            assert accounts.read_position(Node(body, ""), NOW).multiplier > 0


def test_steps_of_nothing_are_an_error(payload: Payload) -> None:
    body = payload("M3-symbols").value
    body["Symbols"][0]["PriceFormat"]["Increment"] = "0"
    with pytest.raises(UnexpectedReply, match="above 0"):
        market.read_details(Node(body, ""), [Equity("MSFT")])


@pytest.mark.parametrize("name", sorted(READERS))
def test_an_answer_cut_off_anywhere_is_not_read(payload_text: Callable[[str], str], name: str) -> None:
    text = json.dumps(json.loads(payload_text(name)))
    for end in range(len(text)):
        with pytest.raises(UnexpectedReply):
            decode(text[:end])
