"""Accounts, balances, positions and listings of orders at TradeStation's wire."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from simulator_server import SimulatorServer, equity_order, wait_until
from tradestation_wire import CASH, FRESH, FUTURES, MARGIN, TradeStation, check, differences, example, order

from brokers.domain.instruments import Equity, Instrument
from brokers.domain.orders import Action
from brokers.simulator.world import World

ORDERS = f"/brokerage/accounts/{FRESH}/orders"
NEW_YORK = ZoneInfo("America/New_York")
HISTORY = f"/brokerage/accounts/{FRESH}/historicalorders"


def number(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(row[name])


def future_symbol(sim: SimulatorServer, product: str = "ES") -> str:
    def find(world: World) -> str:
        return str(next(one.future for one in world.market.contracts(product) if one.active_month)).lstrip("/")

    return sim.inside(find)


def test_accounts_look_as_documented_with_detail_for_equities_only(ts: TradeStation) -> None:
    answer = ts.get("/brokerage/accounts")
    assert answer.keys() == {"Accounts"}
    rows = {row["AccountID"]: row for row in answer["Accounts"]}
    cash, margin, futures = example("B1-accounts")["Accounts"]
    for wanted, name in ((cash, CASH), (margin, MARGIN), (futures, FUTURES)):
        assert differences(wanted, rows[name]) == []
        assert rows[name]["AccountType"] == wanted["AccountType"]
    assert answer["Accounts"][0]["AccountType"] == "Futures"
    assert ts.accounts == [row["AccountID"] for row in answer["Accounts"]]


def test_balances_of_equities_and_futures_are_shaped_as_documented(sim: SimulatorServer, ts: TradeStation) -> None:
    ts.filled(order(future_symbol(sim), 1, AccountID=FUTURES))
    answer = ts.get(f"/brokerage/accounts/{MARGIN},{FUTURES}/balances")
    equities, futures = example("B2-balances")["Balances"]
    rows = {row["AccountID"]: row for row in answer["Balances"]}
    assert differences(equities, rows[MARGIN]) == []
    assert differences(futures, rows[FUTURES]) == []
    for row in rows.values():
        detail = row["BalanceDetail"]
        other = (
            number(detail, "UnrealizedProfitLoss") if row["AccountType"] == "Futures" else number(row, "MarketValue")
        )
        assert number(row, "Equity") == number(row, "CashBalance") + other
    assert number(rows[FUTURES]["BalanceDetail"], "InitialMargin") > 0


def test_balances_at_the_beginning_of_the_day_have_their_own_shape(ts: TradeStation) -> None:
    answer = ts.get(f"/brokerage/accounts/{MARGIN},{FUTURES}/bodbalances")
    equities, futures = example("B3-bodbalances")["BODBalances"]
    rows = {row["AccountID"]: row for row in answer["BODBalances"]}
    assert differences(equities, rows[MARGIN]) == []
    assert differences(futures, rows[FUTURES]) == []
    assert number(rows[MARGIN]["BalanceDetail"], "Equity") > 0


def test_positions_follow_the_formulas(sim: SimulatorServer, ts: TradeStation) -> None:
    ts.filled(order(future_symbol(sim), 2, "SELL", AccountID=FUTURES))
    rows = ts.get(f"/brokerage/accounts/{MARGIN},{FUTURES}/positions")["Positions"]
    stock, option = example("B4-positions")["Positions"]
    by_type = {row["AssetType"]: row for row in rows}
    assert differences(stock, by_type["STOCK"]) == []
    assert differences(option, by_type["STOCKOPTION"]) == []
    future = stock.keys() - {"TodaysProfitLoss", "MarkToMarketPrice"} | {"ExpirationDate"}
    assert by_type["FUTURE"].keys() == future
    points = {"STOCK": 1, "STOCKOPTION": 100, "FUTURE": 50}
    for row in rows:
        quantity = number(row, "Quantity")
        point = 5 if row["Symbol"].startswith("MES") else points[row["AssetType"]]
        assert row["LongShort"] == ("Long" if quantity > 0 else "Short")
        assert number(row, "MarketValue") == round(number(row, "Last") * quantity * point, 2)
        assert number(row, "TotalCost") == round(number(row, "AveragePrice") * quantity * point, 2)
        gain = number(row, "MarketValue") - number(row, "TotalCost")
        assert abs(number(row, "UnrealizedProfitLoss") - gain) <= Decimal("0.01")
        percent = 100 * gain / abs(number(row, "TotalCost"))
        assert abs(number(row, "UnrealizedProfitLossPercent") - percent) <= Decimal("0.002")
        assert abs(number(row, "UnrealizedProfitLossQty") - gain / abs(quantity)) <= Decimal("0.01")
        if "MarkToMarketPrice" in row:
            today = (number(row, "Last") - number(row, "MarkToMarketPrice")) * quantity * point
            assert abs(number(row, "TodaysProfitLoss") - today) <= Decimal("0.01") * abs(quantity) * point
    assert number(by_type["FUTURE"], "InitialRequirement") > number(by_type["FUTURE"], "MaintenanceMargin") > 0
    assert number(by_type["FUTURE"], "Quantity") == -2


def test_a_position_keeps_its_number_until_it_is_closed(ts: TradeStation) -> None:
    def identity() -> str:
        return str(ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"][0]["PositionID"])

    ts.filled(order("KO", 10))
    first = identity()
    assert len(first) == 9
    ts.filled(order("KO", 5))
    assert identity() == first
    ts.filled(order("KO", 15, "SELL"))
    assert ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"] == []
    ts.filled(order("KO", 1))
    assert identity() != first


def test_positions_are_filtered_with_wildcards(sim: SimulatorServer, ts: TradeStation) -> None:
    everything = [row["Symbol"] for row in ts.get(f"/brokerage/accounts/{MARGIN}/positions")["Positions"]]
    option = next(symbol for symbol in everything if symbol.startswith("SPY "))
    cases = {
        "SPY": ["SPY"],
        "spy": ["SPY"],
        "SPY *": [symbol for symbol in everything if symbol.startswith("SPY ")],
        "SPY,SPY *": [symbol for symbol in everything if symbol.split()[0] == "SPY"],
        f"{option[:8]}*": [symbol for symbol in everything if symbol.startswith(option[:8])],
        f"* {option[4:8]}*{option[10]}*": [
            symbol
            for symbol in everything
            if " " in symbol and symbol.split()[1][:4] == option[4:8] and option[10] in symbol.split()[1]
        ],
        "*": everything,
        "**": [],
        "NOPE": [],
    }
    for text, wanted in cases.items():
        found = [row["Symbol"] for row in ts.get(f"/brokerage/accounts/{MARGIN}/positions", symbol=text)["Positions"]]
        assert sorted(found) == sorted(set(wanted)), text


def test_an_order_of_the_other_wire_is_listed_here_and_the_other_way_round(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    session = sim.session()
    sim.fills("never")
    placed = session.post(f"{sim.api}/accounts/5WT00071/orders", json=equity_order("KO", 7, "20.00"), timeout=30)
    there = str(placed.json()["data"]["order"]["id"])
    seen = ts.order(there)
    assert (seen["OrderType"], seen["LimitPrice"], seen["Legs"][0]["QuantityOrdered"]) == ("Limit", "20", "7")
    here = ts.sent(order("F", 3, limit="1.00", duration="GTC"))[0]
    other = session.get(f"{sim.api}/accounts/5WT00071/orders/{here}", timeout=30).json()["data"]
    assert (other["legs"][0]["symbol"], other["price"], other["time-in-force"]) == ("F", "1.0", "GTC")
    ts.call("DELETE", f"/orderexecution/orders/{there}")
    wait_until(lambda: ts.status(there) == "OUT")


def test_orders_are_found_by_number_and_the_rest_are_errors(ts: TradeStation) -> None:
    mine = ts.sent(order("KO", 1, limit="1.00"))[0]
    answer = ts.get(f"{ORDERS}/{mine},1")
    assert [row["OrderID"] for row in answer["Orders"]] == [mine]
    check("B6-order-error", answer, free={"Orders"})
    assert answer["Errors"][0]["OrderID"] == "1"
    assert ts.get(f"{HISTORY}/{mine}", since="2026-01-01")["Errors"][0]["Error"] == "NotFound"


def test_todays_orders_come_newest_first_and_can_be_filtered(sim: SimulatorServer, ts: TradeStation) -> None:
    bought = ts.filled(order("KO", 1))
    resting = ts.sent(order("F", 1, limit="1.00"))[0]
    gone = ts.sent(order("F", 1, limit="1.00"))[0]
    ts.call("DELETE", f"/orderexecution/orders/{gone}")
    wait_until(lambda: ts.status(gone) == "OUT")
    refused = ts.place(order("KO", 1, "SELLSHORT"))["Errors"][0]["OrderID"]
    listed = [row["OrderID"] for row in ts.get(ORDERS)["Orders"]]
    assert set(listed) == {bought, resting, gone, refused}
    for status, wanted in {
        "Open": [resting],
        "filled": [bought],
        "Canceled": [gone],
        "Cancelled": [gone],
        "Rejected": [refused],
    }.items():
        assert [row["OrderID"] for row in ts.get(ORDERS, status=status)["Orders"]] == wanted
    assert {row["OrderID"] for row in ts.get(ORDERS, symbol="f,TLT")["Orders"]} == {resting, gone}
    assert ts.get(ORDERS, 400, status="Sleeping")["Error"] == "BadRequest"


def test_pages_have_tokens_that_work_once_for_an_hour_and_for_the_same_question(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    numbers = [ts.sent(order("F", 1, limit="1.00"))[0] for _ in range(5)]
    assert "NextToken" not in ts.get(ORDERS)
    first = ts.get(ORDERS, pageSize=2)
    second = ts.get(ORDERS, pageSize=2, nextToken=first["NextToken"])
    third = ts.get(ORDERS, pageSize=2, nextToken=second["NextToken"])
    rows = [row["OrderID"] for page in (first, second, third) for row in page["Orders"]]
    assert rows == list(reversed(numbers))
    assert "NextToken" not in third
    assert ts.get(ORDERS, 400, pageSize=2, nextToken=first["NextToken"])["Error"] == "BadRequest"
    token = ts.get(ORDERS, pageSize=2)["NextToken"]
    ts.get(ORDERS, 400, pageSize=2, nextToken=token, status="Open")
    ts.get(f"/brokerage/accounts/{MARGIN}/orders", 400, nextToken=token)
    ts.get(ORDERS, 400, nextToken="made-up")
    sim.clock(jump=3601)
    ts = renewed(sim, ts)
    ts.get(ORDERS, 400, pageSize=2, nextToken=token)
    for size in ("0", "601", "-1", "x"):
        ts.get(ORDERS, 400, pageSize=size)


def renewed(sim: SimulatorServer, ts: TradeStation) -> TradeStation:
    """The same client with a fresh access token, after the clock has jumped."""
    ts.session.headers["Authorization"] = f"Bearer {ts.refresh()['access_token']}"
    return ts


def test_what_was_done_yesterday_is_history_and_no_longer_in_the_list(sim: SimulatorServer, ts: TradeStation) -> None:
    bought = ts.filled(order("KO", 1))
    resting = ts.sent(order("F", 1, limit="1.00", duration="GTC"))[0]
    since = datetime.fromisoformat(ts.order(bought)["ClosedDateTime"]).astimezone(NEW_YORK).date().isoformat()
    assert [row["OrderID"] for row in ts.get(HISTORY, since=since)["Orders"]] == [bought]
    sim.clock(jump=26 * 3600)
    ts = renewed(sim, ts)
    wait_until(lambda: [row["OrderID"] for row in ts.get(ORDERS)["Orders"]] == [resting])
    year, month, day = since.split("-")
    for text in (since, f"{month}-{day}-{year}", f"{month}/{day}/{year}", f"{since}T00:00:00Z"):
        assert [row["OrderID"] for row in ts.get(HISTORY, since=text)["Orders"]] == [bought]
    assert [row["OrderID"] for row in ts.get(f"{HISTORY}/{bought}", since=since)["Orders"]] == [bought]
    assert ts.get(HISTORY, since=since, status="Open")["Orders"] == []


@pytest.mark.parametrize("query", [{}, {"since": "yesterday"}, {"since": "2026-13-01"}, {"since": "2020-01-01"}])
def test_history_wants_a_day_that_is_not_too_long_ago(ts: TradeStation, query: dict[str, str]) -> None:
    assert ts.get(HISTORY, 400, **query)["Error"] == "BadRequest"


def test_shorts_have_negative_quantities_values_and_costs(sim: SimulatorServer, ts: TradeStation) -> None:
    def sell(world: World) -> None:
        instrument: Instrument = Equity("KO")
        price = world.market.book(instrument)
        assert price is not None
        assert price.last is not None
        world.exchange.book(
            "5WT00071", instrument, Action.SELL_TO_OPEN, Decimal(100), price.last + 1, world.clock.now()
        )

    sim.inside(sell)
    row = ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"][0]
    assert (row["LongShort"], row["Quantity"]) == ("Short", "-100")
    assert number(row, "TotalCost") < number(row, "MarketValue") < 0 < number(row, "UnrealizedProfitLoss")
