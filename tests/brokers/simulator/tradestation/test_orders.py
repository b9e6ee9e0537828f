"""Placing, changing and cancelling single orders at TradeStation's wire, and what their objects look like."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from simulator_server import SimulatorServer, wait_until
from tradestation_wire import CASH, FRESH, FUTURES, MARGIN, TradeStation, check, differences, example, order

from brokers.domain.instruments import Equity
from brokers.simulator.exchange import OrderStatus
from brokers.simulator.market.universe import HARD_TO_BORROW
from brokers.simulator.tradestation.symbols import to_wire
from brokers.simulator.world import World

CONFIRM = "/orderexecution/orderconfirm"


def last(sim: SimulatorServer, symbol: str = "KO") -> Decimal:
    def look(world: World) -> Decimal:
        book = world.market.book(Equity(symbol))
        assert book is not None
        assert book.last is not None
        return book.last

    return sim.inside(look)


def options(sim: SimulatorServer, symbol: str = "SPY", count: int = 4, right: str = "call") -> list[str]:
    """Options of one expiration a month away, around the money, strikes ascending."""

    def find(world: World) -> list[str]:
        chain = world.market.chain(Equity(symbol))
        assert chain is not None
        soon = world.today() + timedelta(days=25)
        strikes = next(one for one in chain.expirations if one.expiry >= soon and one.kind == "regular").strikes
        spot = world.market.spot(Equity(symbol), world.clock.now())
        middle = min(range(len(strikes)), key=lambda at: abs(float(strikes[at].price) - spot))
        chosen = strikes[middle - count // 2 : middle - count // 2 + count]
        return [to_wire(getattr(each, right)) for each in chosen]

    return sim.inside(find)


def front(sim: SimulatorServer, product: str) -> str:
    def find(world: World) -> str:
        return to_wire(next(one.future for one in world.market.contracts(product) if one.active_month))

    return sim.inside(find)


def vertical(sim: SimulatorServer, quantity: int = 1, **extra: Any) -> dict[str, Any]:
    low, high = options(sim, count=2)
    legs = [
        {"Symbol": low, "Quantity": str(quantity), "TradeAction": "BUYTOOPEN"},
        {"Symbol": high, "Quantity": str(quantity), "TradeAction": "SELLTOOPEN"},
    ]
    body = {"AccountID": FRESH, "OrderType": "Market", "TimeInForce": {"Duration": "GTC"}, "Legs": legs}
    return body | extra


# Objects


def test_a_filled_share_order_looks_as_documented(ts: TradeStation, sim: SimulatorServer) -> None:
    price = str(last(sim) + 1)
    found = ts.order(ts.filled(order("KO", 100, limit=price)))
    check("B5-order-filled", found)
    assert (found["Status"], found["StatusDescription"]) == ("FLL", "Filled")
    leg = found["Legs"][0]
    assert (leg["BuyOrSell"], leg["OpenOrClose"], leg["ExecQuantity"]) == ("Buy", "Open", "100")
    assert leg["ExecutionPrice"] == found["FilledPrice"]
    assert found["LimitPrice"] == found["PriceUsedForBuyingPower"] == price.rstrip("0").rstrip(".")


def test_a_filled_vertical_has_one_number_two_legs_and_a_net_price(ts: TradeStation, sim: SimulatorServer) -> None:
    found = ts.order(ts.filled(vertical(sim)))
    check("B5-order-spread", found)
    assert (found["Spread"], found["Duration"], found["OrderType"]) == ("Vertical", "GTC", "Market")
    bought, sold = (Decimal(leg["ExecutionPrice"]) for leg in found["Legs"])
    assert Decimal(found["FilledPrice"]) == bought - sold > 0
    assert found["GoodTillDate"] == found["Legs"][0]["ExpirationDate"]
    assert Decimal(found["CommissionFee"]) > 0


def test_a_future_order_has_no_route_and_its_leg_no_open_or_close(ts: TradeStation, sim: SimulatorServer) -> None:
    body = order(front(sim, "ZN"), 1, AccountID=FUTURES)
    assert body["Symbol"].startswith("TY")
    found = ts.order(ts.filled(body), FUTURES)
    wanted = example("B5-order-future")
    del wanted["LimitPrice"]
    assert differences(wanted, found) == []
    assert found["Legs"][0]["Underlying"] == "TY"


def test_a_rejected_order_is_listed_with_its_reason(ts: TradeStation) -> None:
    body = order("KO", 10, TimeInForce={"Duration": "GCP"})
    reason = "No market or stop orders with TIF of 'Day+','GTC+','GTD+', or 'Fill-or-Kill'"
    answer = ts.place(body)
    check("X3-failed", answer)
    assert answer["Errors"][0]["Message"] == f"Order failed. Reason: {reason}"
    found = ts.order(answer["Errors"][0]["OrderID"])
    check("B5-order-rejected", found)
    assert (found["Status"], found["RejectReason"], found["Duration"]) == ("REJ", reason, "GTC+")
    assert found["OpenedDateTime"] == found["ClosedDateTime"]


def test_the_answer_to_a_placement_is_a_message_and_a_number_only(ts: TradeStation) -> None:
    answer = ts.place(order("KO", 100, limit="5.5"))
    check("X3-orders", answer)
    assert answer["Orders"][0]["Message"] == "Sent order: Buy 100 KO @ 5.50 Limit"
    assert re.fullmatch(r"\d{9}", answer["Orders"][0]["OrderID"])


def test_numbers_of_orders_grow(ts: TradeStation) -> None:
    numbers = [int(ts.sent(order("KO", 1, limit="1.00"))[0]) for _ in range(3)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("sent", "returned"),
    [("DAY", "DAY"), ("DYP", "DAY+"), ("GTC", "GTC"), ("gcp", "GTC+"), ("1", "1 min"), ("3", "3 min"), ("5", "5 min")],
)
def test_durations_come_back_as_the_broker_spells_them(ts: TradeStation, sent: str, returned: str) -> None:
    found = ts.order(ts.sent(order("KO", 1, limit="1.00", duration=sent))[0])
    assert found["Duration"] == returned
    assert ("GoodTillDate" in found) == sent.upper().startswith("G")


def test_good_till_date_orders_need_a_full_time_and_end_within_90_days(ts: TradeStation, sim: SimulatorServer) -> None:
    today = sim.inside(lambda world: world.today())
    soon = f"{today + timedelta(days=30)}T00:00:00Z"
    for duration, returned in (("GTD", "GTD"), ("GDP", "GTD+")):
        force = {"Duration": duration, "Expiration": soon}
        found = ts.order(ts.sent(order("KO", 1, limit="1.00", TimeInForce=force))[0])
        assert (found["Duration"], found["GoodTillDate"]) == (returned, soon)
    for wrong in ({}, {"Expiration": soon[:10]}, {"Expiration": "soon"}):
        ts.place(order("KO", 1, limit="1.00", TimeInForce={"Duration": "GTD", **wrong}), 400)
    late = f"{today + timedelta(days=92)}T00:00:00Z"
    text = ts.failure(order("KO", 1, limit="1.00", TimeInForce={"Duration": "GTD", "Expiration": late}))
    assert "90 days" in text


def test_lasting_orders_are_good_for_90_days(ts: TradeStation) -> None:
    found = ts.order(ts.sent(order("KO", 1, limit="1.00", duration="GTC"))[0])
    opened, until = (date.fromisoformat(found[name][:10]) for name in ("OpenedDateTime", "GoodTillDate"))
    assert timedelta(days=89) <= until - opened <= timedelta(days=90)


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"AccountID": "nobody"},
        {"Symbol": "ZZZZQ"},
        {"Symbol": "@ES"},
        {"Symbol": ""},
        {"Quantity": "0"},
        {"Quantity": "-5"},
        {"Quantity": "many"},
        {"Quantity": None},
        {"TradeAction": "BUYTOOPEN"},
        {"TradeAction": "HOLD"},
        {"TradeAction": None},
        {"OrderType": "MarketOnClose"},
        {"OrderType": "Limit"},
        {"OrderType": "StopMarket"},
        {"TimeInForce": None},
        {"TimeInForce": {"Duration": "FOREVER"}},
        {"OrderConfirmID": "x" * 23},
        {"Legs": "none"},
        {"OSOs": [{"Type": "BRK", "Orders": []}]},
        {"OSOs": [{"Type": "THREE", "Orders": [order()]}]},
        {"AdvancedOptions": {"TrailingStop": {}}},
        {"AdvancedOptions": {"PegValue": "WORST"}},
        {"AdvancedOptions": {"MarketActivationRules": [{"Symbol": "ZZZZQ", "Predicate": "Gt", "Price": "1"}]}},
        {"BuyingPowerWarning": "Perhaps"},
    ],
)
def test_what_is_malformed_is_a_bad_request_and_makes_no_order(ts: TradeStation, wrong: dict[str, Any]) -> None:
    answer = ts.place(order("KO", 1) | wrong, 400)
    assert answer.keys() == {"Error", "Message"}
    assert answer["Error"] == "BadRequest"
    assert ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"] == []


def test_closing_what_is_not_there_is_refused_in_the_brokers_words(ts: TradeStation) -> None:
    assert ts.failure(order("KO", 5, "SELL")) == "Order failed. Reason: You are long 0 shares!"
    assert ts.failure(order("KO", 5, "BUYTOCOVER")) == "Order failed. Reason: EC602: You are short 0.00 shares!"
    ts.filled(order("KO", 100))
    assert ts.failure(order("KO", 101, "SELL")) == "Order failed. Reason: You are long 100 shares!"
    boxed = ts.failure(order("KO", 5, "SELLSHORT"))
    assert boxed.endswith('EC804: Boxed positions are not permitted. To close long position, try a "Sell" order')
    ts.sent(order("KO", 60, "SELL", limit="900.00"))
    text = ts.failure(order("KO", 50, "SELL"))
    assert text == "Order failed. Reason: You are long 100 shares with 60 remaining on sell orders!"


def test_a_short_sale_is_covered_and_not_turned_over(ts: TradeStation) -> None:
    sold = ts.order(ts.filled(order("KO", 20, "SELLSHORT")))
    assert (sold["Legs"][0]["BuyOrSell"], sold["Legs"][0]["OpenOrClose"]) == ("SellShort", "Open")
    assert 'try a "Buy to Cover" order' in ts.failure(order("KO", 5))
    assert ts.failure(order("KO", 30, "BUYTOCOVER")) == "Order failed. Reason: You are short 20 shares!"
    covered = ts.order(ts.filled(order("KO", 20, "BUYTOCOVER")))
    assert (covered["Legs"][0]["BuyOrSell"], covered["Legs"][0]["OpenOrClose"]) == ("BuyToCover", "Close")


def test_shares_that_nobody_lends_are_not_sold_short(ts: TradeStation) -> None:
    symbol = sorted(HARD_TO_BORROW)[0]
    assert ts.failure(order(symbol, 1, "SELLSHORT")).startswith("Order failed. Reason: SL0350")


def test_a_cash_account_sells_nothing_short(ts: TradeStation) -> None:
    assert ts.failure(order("F", 1, "SELLSHORT", AccountID=CASH)).endswith(
        "Short sales are not allowed in this account."
    )


def test_stops_on_the_wrong_side_of_the_market_are_refused(ts: TradeStation, sim: SimulatorServer) -> None:
    price = last(sim)
    above, below = str(price + 5), str(price - 5)
    assert ts.failure(order("KO", 1, stop=below)).endswith("Stop Price must be above current market.")
    ts.filled(order("KO", 1))
    assert ts.failure(order("KO", 1, "SELL", stop=above)).endswith("Stop Price must be below current market.")
    text = ts.failure(order("KO", 1, stop=above, limit=str(price + 4)))
    assert text.endswith("Limit price must be at or above StopMarketPrice")


def test_prices_accounts_and_money_are_checked(ts: TradeStation, sim: SimulatorServer) -> None:
    assert ts.failure(order("KO", 1, limit="10.005")).endswith("Invalid price increment.")
    assert ts.failure(order("KO", 1, limit="1000000")).endswith("invalid Price greater than absolute maximum")
    assert ts.failure(order(front(sim, "ES"), 1)).endswith("Invalid account for the asset type")
    assert ts.failure(order("KO", 1, AccountID=FUTURES)).endswith("Invalid account for the asset type")
    assert "buying power" in ts.failure(order("KO", 1_000_000))


def test_failures_can_stand_among_the_orders_or_be_bad_requests(ts: TradeStation, sim: SimulatorServer) -> None:
    sim.faults(tradestation_failures="orders")
    answer = ts.place(order("KO", 5, "SELL"))
    assert answer.keys() == {"Orders"}
    assert answer["Orders"][0]["Error"] == "FAILED"
    sim.faults(tradestation_failures="bad_request")
    answer = ts.place(order("KO", 5, "SELL"), 400)
    assert answer == {"Error": "BadRequest", "Message": "Order failed. Reason: You are long 0 shares!"}
    assert len(ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]) == 1
    assert sim.control("faults")["switches"]["tradestation_failures"] == "bad_request"


def test_an_exchange_that_rejects_late_shows_it_in_the_order(ts: TradeStation, sim: SimulatorServer) -> None:
    sim.inside(lambda world: world.exchange.reject_next("Session offline"))
    number = ts.sent(order("KO", 1))[0]
    wait_until(lambda: ts.status(number) == "REJ")
    assert ts.order(number)["RejectReason"] == "Session offline"


# The same OrderConfirmID twice


def test_an_order_confirm_id_makes_one_order(ts: TradeStation, sim: SimulatorServer) -> None:
    body = order("KO", 1, limit="1.00", OrderConfirmID="k+wE/m+IrUX886i9/51TbQ")
    first = ts.place(body)
    again = ts.place(body)
    assert [row["Error"] for row in again["Errors"]] == ["FAILED"]
    sim.faults(tradestation_duplicates="bad_request")
    assert ts.place(body, 400)["Error"] == "BadRequest"
    sim.faults(tradestation_duplicates="repeat")
    assert ts.place(body) == first
    assert len(ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]) == 1
    assert [entry["made_order"] for entry in sim.ledger()] == [True, False, False, False]
    sim.faults(tradestation_duplicates="accept")
    assert ts.place(body) != first
    assert len(ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]) == 2


def test_an_order_confirm_id_belongs_to_a_key_and_a_user(ts: TradeStation, sim: SimulatorServer) -> None:
    body = order("AMZN", 1, limit="1.00", OrderConfirmID="mine")
    ts.sent(body)
    other = TradeStation(sim, "other")
    other.sent(body | {"AccountID": other.accounts[0]})


def test_a_refused_order_does_not_use_its_confirm_id_up(ts: TradeStation) -> None:
    ts.failure(order("KO", 1, "SELL", OrderConfirmID="mine"))
    ts.sent(order("KO", 1, OrderConfirmID="mine"))


# Confirming


def test_confirmations_are_shaped_by_what_is_traded(ts: TradeStation, sim: SimulatorServer) -> None:
    shares = ts.call("POST", CONFIRM, json=order("NVDA", 100, "SELLSHORT"))
    check("X1-confirm-equity", shares)
    found = shares["Confirmations"][0]
    assert found["SummaryMessage"] == "Sell Short 100 NVDA @ Market"
    assert len(found["OrderConfirmID"]) == 22
    assert Decimal(found["DebitCreditEstimatedCost"]) == -Decimal(found["EstimatedCost"]) < 0
    assert Decimal(found["EstimatedCost"]) == 100 * Decimal(found["EstimatedPrice"])
    spread = ts.call("POST", CONFIRM, json=condor(sim))
    check("X1-confirm-spread", spread)
    found = spread["Confirmations"][0]
    assert (found["Spread"], found["LimitPrice"], found["EstimatedCost"]) == ("IronCondor", "-1.16", "-580")
    assert found["DebitCreditEstimatedCost"] == "-580"
    lines = found["SummaryMessage"].split("\r\n")
    assert lines[0] == "5 SPY - Iron Condor @ -1.16 Limit"
    assert len(lines) == 5
    assert re.fullmatch(r"Buy to Open 5 SPY [A-Z][a-z]{2} \d{1,2}, \d\d [\d.]+ Put", lines[1])
    future = ts.call("POST", CONFIRM, json=order(front(sim, "ZN"), 5, AccountID=FUTURES))
    check("X1-confirm-future", future)
    found = future["Confirmations"][0]
    assert found["InitialMarginDisplay"] == f"{Decimal(found['EstimatedCost']):,.2f} USD"
    assert Decimal(found["EstimatedCost"]) > 0
    assert ts.get(f"/brokerage/accounts/{FRESH},{FUTURES}/orders")["Orders"] == []


def condor(sim: SimulatorServer) -> dict[str, Any]:
    puts, calls = options(sim, count=8, right="put"), options(sim, count=8)
    symbols = (puts[0], puts[1], calls[6], calls[7])
    actions = ("BUYTOOPEN", "SELLTOOPEN", "SELLTOOPEN", "BUYTOOPEN")
    legs = [{"Symbol": s, "Quantity": "5", "TradeAction": a} for s, a in zip(symbols, actions, strict=True)]
    body: dict[str, Any] = {"AccountID": FRESH, "OrderType": "Limit", "LimitPrice": "-1.16", "Legs": legs}
    return body | {"TimeInForce": {"Duration": "GTC"}}


def test_a_confirmation_refuses_what_a_placement_would(ts: TradeStation) -> None:
    answer = ts.call("POST", CONFIRM, 400, json=order("KO", 5, "SELL"))
    assert answer == {"Error": "BadRequest", "Message": "You are long 0 shares!"}


def test_the_confirm_id_of_a_confirmation_can_be_used_to_place(ts: TradeStation) -> None:
    found = ts.call("POST", CONFIRM, json=order("KO", 5))["Confirmations"][0]
    ts.sent(order("KO", 5, OrderConfirmID=found["OrderConfirmID"]))


# Spreads


def test_a_credit_spread_has_a_negative_limit(ts: TradeStation, sim: SimulatorServer) -> None:
    sim.fills("never")
    number = ts.sent(condor(sim))[0]
    found = ts.order(number)
    assert (found["LimitPrice"], found["Spread"], len(found["Legs"])) == ("-1.16", "IronCondor", 4)
    limit = sim.inside(lambda world: world.exchange.order("5WT00071", int(number)).ticket.limit_price)
    assert limit == Decimal("1.16")


def test_shares_and_an_option_go_together_at_a_net_price(ts: TradeStation, sim: SimulatorServer) -> None:
    call = options(sim, "KO", 1)[0]
    legs = [
        {"Symbol": "KO", "Quantity": "100", "TradeAction": "BUYTOOPEN"},
        {"Symbol": call, "Quantity": "1", "TradeAction": "SELLTOOPEN"},
    ]
    body = {"AccountID": FRESH, "OrderType": "Limit", "LimitPrice": "500", "Legs": legs}
    found = ts.order(ts.filled(body | {"TimeInForce": {"Duration": "DAY"}}))
    shares, option = (Decimal(leg["ExecutionPrice"]) for leg in found["Legs"])
    assert found["Spread"] == "Covered"
    assert Decimal(found["FilledPrice"]) == shares - option


# Changing and cancelling


def test_a_replacement_keeps_the_number(ts: TradeStation) -> None:
    number = ts.sent(order("KO", 10, limit="1.00"))[0]
    body = {"Quantity": "12", "LimitPrice": "1.50", "OrderType": "Limit", "AccountID": FRESH, "OrderID": number}
    answer = ts.call("PUT", f"/orderexecution/orders/{number}", json=body)
    assert answer == example("X5-replace") | {"OrderID": number}
    wait_until(lambda: ts.order(number)["LimitPrice"] == "1.5")
    assert ts.order(number)["Legs"][0]["QuantityOrdered"] == "12"
    wait_until(lambda: ts.status(number) == "ACK")
    ts.call("PUT", f"/orderexecution/orders/{number}", json={"OrderType": "Market"})
    wait_until(lambda: ts.status(number) == "FLL")
    assert ts.order(number)["OrderType"] == "Market"


def test_a_replacement_can_only_make_it_a_market_order(ts: TradeStation) -> None:
    number = ts.sent(order("KO", 10, limit="1.00"))[0]
    answer = ts.call("PUT", f"/orderexecution/orders/{number}", 400, json={"OrderType": "StopMarket"})
    assert "Market" in answer["Message"]
    ts.call("PUT", f"/orderexecution/orders/{number}", 400, json={"LimitPrice": "x"})


def test_a_cancel_is_asked_for_and_then_done(ts: TradeStation) -> None:
    number = ts.sent(order("KO", 10, limit="1.00"))[0]
    answer = ts.call("DELETE", f"/orderexecution/orders/{number}")
    assert answer == example("X6-cancel") | {"OrderID": number}
    wait_until(lambda: ts.status(number) == "OUT")
    found = ts.order(number)
    assert (found["StatusDescription"], found["Legs"][0]["QuantityRemaining"]) == ("UROut", "0")
    assert "ClosedDateTime" in found


def test_what_is_done_cannot_be_cancelled_or_replaced(ts: TradeStation) -> None:
    number = ts.filled(order("KO", 1))
    path = f"/orderexecution/orders/{number}"
    assert ts.call("DELETE", path, 400) == {"Error": "BadRequest", "Message": "Not an open order."}
    answer = ts.call("PUT", path, 400, json={"LimitPrice": "1.00"})
    assert answer["Message"] == "Failed to Cancel/Replace order: Not an open order."
    for text in ("1", "1-2345-6789", "abc"):
        assert ts.call("DELETE", f"/orderexecution/orders/{text}", 400)["Message"] == "Invalid order ID."


def test_another_persons_order_is_no_order(ts: TradeStation, sim: SimulatorServer) -> None:
    number = ts.sent(order("KO", 1, limit="1.00"))[0]
    other = TradeStation(sim, "other")
    assert other.call("DELETE", f"/orderexecution/orders/{number}", 400)["Message"] == "Invalid order ID."
    assert other.call("PUT", f"/orderexecution/orders/{number}", 400, json={})["Message"] == "Invalid order ID."
    assert ts.status(number) in ("OPN", "ACK")


def test_nothing_can_be_replaced_once_a_cancel_was_sent(ts: TradeStation, sim: SimulatorServer) -> None:
    number = ts.sent(order("KO", 1, limit="1.00"))[0]

    def pretend(world: World) -> None:
        world.exchange.order("5WT00071", int(number)).status = OrderStatus.CANCEL_REQUESTED

    sim.inside(pretend)
    answer = ts.call("PUT", f"/orderexecution/orders/{number}", 400, json={"LimitPrice": "1.10"})
    assert answer["Message"] == "Cancel/Replace not allowed after cancel has been attempted"


def test_part_filled_and_cancelled_is_its_own_status(ts: TradeStation, sim: SimulatorServer) -> None:
    sim.fills("partial", fraction=0.5, interval=600)
    number = ts.sent(order("KO", 10, limit=str(last(sim) + 1)))[0]
    wait_until(lambda: ts.status(number) == "FPR")
    found = ts.order(number)
    assert (found["Legs"][0]["ExecQuantity"], found["Legs"][0]["QuantityRemaining"]) == ("5", "5")
    assert found["StatusDescription"] == "Partial Fill (Alive)"
    ts.call("DELETE", f"/orderexecution/orders/{number}")
    wait_until(lambda: ts.status(number) == "FLP")
    found = ts.order(number)
    assert (found["Legs"][0]["ExecQuantity"], found["Legs"][0]["QuantityRemaining"]) == ("5", "0")


# Advanced options


def test_trailing_stops_show_where_they_stand(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    for trail, text in (({"Amount": "2.11"}, "TRL=2.11;"), ({"Percent": "5.0"}, "TRL=5%;")):
        body = order("KO", 5, "SELL", OrderType="StopMarket", StopPrice="1", AdvancedOptions={"TrailingStop": trail})
        number = ts.sent(body)[0]
        found = wait_until(lambda number=number: "StopPrice" in (row := ts.order(number)) and row)
        assert 0 < Decimal(found["StopPrice"]) < last(sim)
        assert found["AdvancedOptions"] == f"STPTRG=STT;{text}"
        assert found["TrailingStop"].keys() == trail.keys()


def test_activation_rules_are_echoed_as_text_and_whole(ts: TradeStation) -> None:
    rules = [
        {"RuleType": "Price", "Symbol": "SPY", "Predicate": "Gt", "TriggerKey": "STTN", "Price": "9999.01"},
        {"Symbol": "$VIX.X", "Predicate": "lte", "TriggerKey": "STT", "Price": "5", "LogicOperator": "Or"},
    ]
    options = {"MarketActivationRules": rules, "TimeActivationRules": [{"TimeUtc": "0001-01-01T23:59:59Z"}]}
    number = ts.sent(order("KO", 1, AdvancedOptions=options))[0]
    wait_until(lambda: ts.status(number) == "ACK")
    found = ts.order(number)
    assert found["AdvancedOptions"] == "CND=SPY>9999.01(STTN);CND=$VIX.X<=5(STT);TIM=23:59:59;"
    first, second = found["MarketActivationRules"]
    assert first == rules[0] | {"Predicate": "gt"}
    assert (second["Predicate"], second["LogicOperator"]) == ("lte", "Or")
    assert found["TimeActivationRules"] == [{"TimeUtc": "0001-01-01T23:59:59Z"}]


def test_an_activation_rule_that_is_met_lets_the_order_go(ts: TradeStation, sim: SimulatorServer) -> None:
    rules = [{"Symbol": "SPY", "Predicate": "Gt", "TriggerKey": "STT", "Price": "1.00"}]
    number = ts.sent(order("KO", 1, AdvancedOptions={"MarketActivationRules": rules}))[0]
    wait_until(lambda: ts.status(number) == "FLL")


def test_rules_can_be_cleared_by_a_replacement(ts: TradeStation) -> None:
    rules = [{"Symbol": "SPY", "Predicate": "Gt", "TriggerKey": "STT", "Price": "9999.00"}]
    number = ts.sent(order("KO", 1, AdvancedOptions={"MarketActivationRules": rules}))[0]
    change = {"AdvancedOptions": {"MarketActivationRules": {"ClearAll": True, "Rules": []}}}
    ts.call("PUT", f"/orderexecution/orders/{number}", json=change)
    wait_until(lambda: ts.status(number) == "FLL")


def test_a_time_rule_can_be_cleared_by_a_replacement(ts: TradeStation) -> None:
    rules = [{"TimeUtc": "0001-01-01T23:59:59Z"}]
    number = ts.sent(order("KO", 1, AdvancedOptions={"TimeActivationRules": rules}))[0]
    assert "TIM=23:59:59;" in ts.order(number)["AdvancedOptions"]
    change = {"AdvancedOptions": {"TimeActivationRules": {"ClearAll": True, "Rules": []}}}
    ts.call("PUT", f"/orderexecution/orders/{number}", json=change)
    wait_until(lambda: ts.status(number) == "FLL")


def test_a_lasting_order_can_be_replaced_by_a_market_order(ts: TradeStation) -> None:
    number = ts.sent(order("KO", 10, limit="1.00", TimeInForce={"Duration": "GTC"}))[0]
    wait_until(lambda: ts.status(number) == "ACK")
    ts.call("PUT", f"/orderexecution/orders/{number}", json={"OrderType": "Market"})
    wait_until(lambda: ts.status(number) == "FLL")


def test_other_options_are_echoed_in_short(ts: TradeStation) -> None:
    options = {"AllOrNone": True, "ShowOnlyQuantity": "5", "NonDisplay": True, "DiscretionaryPrice": "1.5"}
    number = ts.sent(order("KO", 10, limit="1.00", AdvancedOptions=options | {"PegValue": "best"}))[0]
    assert ts.order(number)["AdvancedOptions"] == "AON;SHWQTY=5;NON;DSCPR=1.5;PEGVAL=BEST;"
    post_only = {"AddLiquidity": True, "BookOnly": True}
    number = ts.sent(order("KO", 10, limit="1.00", AdvancedOptions=post_only))[0]
    assert ts.order(number)["AdvancedOptions"] == "BKO;"


def test_a_stop_waits_is_hit_and_fills(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    number = ts.sent(order("KO", 10, "SELL", stop=str(round(last(sim) * Decimal("0.9"), 2))))[0]
    wait_until(lambda: ts.status(number) == "ACK")
    assert ts.order(number)["AdvancedOptions"] == "STPTRG=STT;"
    sim.price("KO", str(round(last(sim) * Decimal("0.85"), 2)))
    wait_until(lambda: ts.status(number) == "FLL")


# Lists


def test_activation_triggers_and_routes_are_lists(ts: TradeStation) -> None:
    triggers = ts.get("/orderexecution/activationtriggers")
    check("X7-triggers", triggers)
    keys = {row["Key"] for row in triggers["ActivationTriggers"]}
    assert keys == {each + tail for each in ("S", "D", "T") for tail in ("TT", "TTN", "BA", "AB")}
    routes = ts.get("/orderexecution/routes")
    check("X8-routes", routes)
    assert routes["Routes"][0] == example("X8-routes")["Routes"][0]


def test_a_margin_accounts_holdings_are_its_own(ts: TradeStation) -> None:
    held = {row["Symbol"]: row for row in ts.get(f"/brokerage/accounts/{MARGIN}/positions")["Positions"]}
    assert ts.failure(order("SPY", held["SPY"]["Quantity"], "SELL")).endswith("You are long 0 shares!")
