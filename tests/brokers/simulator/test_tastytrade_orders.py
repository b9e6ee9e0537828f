"""Single orders over tastytrade's wire: what a body may say, what is refused, what comes back."""

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from simulator_server import SimulatorServer, equity_order, wait_until
from tasty_client import Body, Tasty, new_york_today, option_leg, order, with_new_account

from brokers.simulator.clock import Clock

LIVE_VERSION = {"Accept-Version": "20261012"}


@pytest.fixture
def tasty(running: SimulatorServer) -> Tasty:
    """On an account of its own; the market goes on from test to test."""
    return with_new_account(running, AAPL=25, SPY=20)


def share(symbol: str = "AAPL", action: str = "Buy to Open", quantity: int | str = 1) -> Body:
    return {"instrument-type": "Equity", "symbol": symbol, "quantity": quantity, "action": action}


def future_leg(tasty: Tasty, code: str = "ES", action: str = "Buy") -> Body:
    symbols = [row["symbol"] for row in tasty.get("/instruments/futures", **{"product-code[]": code})["data"]["items"]]
    return {"instrument-type": "Future", "symbol": symbols[0], "quantity": 1, "action": action}


# What a body may say


@pytest.mark.parametrize("tif", ["Day", "GTC", "IOC", "Ext", "GTC Ext", "Ext Overnight", "GTC Ext Overnight"])
def test_every_time_in_force_comes_back_as_it_was_sent(tasty: Tasty, tif: str) -> None:
    made = tasty.place(order(share(), tif=tif, price="-1.00"))
    assert made["time-in-force"] == tif
    assert tasty.order(made["id"])["time-in-force"] == tif


def test_an_order_good_till_a_date_keeps_its_date(tasty: Tasty) -> None:
    day = (new_york_today(tasty.sim) + timedelta(days=10)).isoformat()
    made = tasty.place(order(share(), tif="GTD", price="-1.00", **{"gtc-date": day}))
    assert (made["time-in-force"], made["gtc-date"]) == ("GTD", day)


def test_prices_and_quantities_may_be_numbers_or_text_and_unknown_keys_are_passed_over(tasty: Tasty) -> None:
    text = order(share(quantity="2"), price="-1.5", behavior="x", schedule=None, delay=3)
    number = order(share(quantity=2)) | {"price": 1.5, "price-effect": "Debit", "underlying-symbol": "AAPL"}
    made = [tasty.place(body) for body in (text, number)]
    assert [(each["price"], each["legs"][0]["quantity"]) for each in made] == [("1.5", 2), ("1.5", 2)]


def test_a_marketable_limit_is_priced_by_the_broker(tasty: Tasty) -> None:
    made = tasty.place(order(share(), kind="Marketable Limit"))
    filled = tasty.until(made["id"], "Filled")
    assert filled["order-type"] == "Marketable Limit"
    assert float(filled["legs"][0]["fills"][0]["fill-price"]) > 0


def test_stops_rest_until_their_level_is_reached(tasty: Tasty) -> None:
    stop = tasty.place(order(share(action="Sell to Close"), kind="Stop", tif="GTC", **{"stop-trigger": "1.00"}))
    assert (stop["order-type"], stop["stop-trigger"]) == ("Stop", "1.0")
    assert "price" not in tasty.until(stop["id"], "Live")
    body = order(share("SPY", "Sell to Close"), kind="Stop Limit", price="0.90", **{"stop-trigger": "1.00"})
    limit = tasty.place(body)
    assert (limit["order-type"], limit["stop-trigger"], limit["price"]) == ("Stop Limit", "1.0", "0.9")


def test_an_amount_of_dollars_buys_a_fraction_of_a_share(tasty: Tasty) -> None:
    leg = {"instrument-type": "Equity", "symbol": "SPY", "action": "Buy to Open"}
    body = order(leg, kind="Notional Market", value="50.00", **{"value-effect": "Debit"})
    filled = tasty.until(tasty.place(body)["id"], "Filled")
    assert (filled["order-type"], filled["value"], filled["value-effect"]) == ("Notional Market", "50.0", "Debit")
    [fill] = filled["legs"][0]["fills"]
    assert fill["quantity"] < 1
    assert 45 < fill["quantity"] * float(fill["fill-price"]) <= 50.01


def test_futures_are_bought_and_sold(tasty: Tasty) -> None:
    leg = future_leg(tasty)
    filled = tasty.until(tasty.place(order(leg, kind="Market"))["id"], "Filled")
    assert (filled["underlying-instrument-type"], filled["underlying-symbol"]) == ("Future", leg["symbol"])
    assert (filled["legs"][0]["action"], filled["legs"][0]["instrument-type"]) == ("Buy", "Future")
    assert filled["destination-venue"] == "MARKET_SIMULATOR_CME"
    assert tasty.refusal(order(leg | {"action": "Buy to Open"}, kind="Market"), 400) == "legs.action"


def test_an_option_on_a_future_is_opened_under_its_future(tasty: Tasty) -> None:
    chain = tasty.get("/futures-option-chains/ES/nested")["data"]["option-chains"][0]
    strikes = chain["expirations"][1]["strikes"]
    put = strikes[len(strikes) // 2]["put"]
    leg = {"instrument-type": "Future Option", "symbol": put, "quantity": 1, "action": "Buy to Open"}
    made = tasty.place(order(leg, price="-0.05"))
    assert made["underlying-instrument-type"] == "Future"
    assert made["underlying-symbol"] == f"/{put.split()[0].removeprefix('./')}"
    assert made["legs"][0]["symbol"] == put
    assert tasty.refusal(order(leg | {"action": "Buy"}, price="-0.05"), 400) == "legs.action"


def test_the_senders_words_are_echoed(tasty: Tasty) -> None:
    words = {"external-identifier": "adapter-1", "source": "my-app", "automated-source": True, "partition-key": "x"}
    made = tasty.place(equity_order(price="1.00", **words))
    seen = tasty.order(made["id"])
    assert (seen["external-identifier"], seen["source"], seen["username"]) == ("adapter-1", "my-app", "demo")
    assert isinstance(seen["user-id"], str)
    assert tasty.place(equity_order(price="1.00", **words))["id"] != made["id"]


def test_a_spread_carries_its_net_price_and_no_average(tasty: Tasty) -> None:
    low, high = tasty.strikes()[:2]
    legs = (option_leg(high["put"], "Sell to Open"), option_leg(low["put"], "Buy to Open"))
    answer = tasty.send("POST", "/orders", order(*legs, price="0.01"), 201)["data"]
    assert answer["buying-power-effect"]["is-spread"] is True
    assert (answer["order"]["price"], answer["order"]["price-effect"]) == ("0.01", "Credit")
    assert (answer["order"]["leg-count"], answer["order"]["size"]) == (2, 1)
    filled = tasty.until(answer["order"]["id"], "Filled")
    fills = [fill for leg in filled["legs"] for fill in leg["fills"]]
    assert len({fill["fill-id"] for fill in fills}) == len(fills) == 2
    assert not {"average-fill-price", "filled-quantity"} & filled.keys()


# Rules


def test_rules_come_back_as_the_orders_rule(tasty: Tasty) -> None:
    later = tasty.sim.inside(lambda world: world.clock.now() + timedelta(hours=1))
    condition = {
        "action": "route",
        "symbol": "SPY",
        "instrument-type": "Equity",
        "indicator": "last",
        "comparator": "gte",
        "threshold": "9999.00",
    }
    component = {"symbol": "QQQ", "instrument-type": "Equity", "quantity": 1, "quantity-direction": "Short"}
    natural = condition | {"action": "cancel", "indicator": "nat", "comparator": "lte", "threshold": "1"}
    conditions = [condition, natural | {"symbol": "QQQ", "price-components": [component]}]
    rules = {"route-after": later.isoformat(), "cancel-at": (later + timedelta(hours=1)).isoformat()}
    made = tasty.place(equity_order(price="1.00", rules=rules | {"conditions": conditions}))
    rule = made["order-rule"]
    assert rule.keys() == {"route-after", "cancel-at", "order-conditions"}
    first, second = rule["order-conditions"]
    assert {name: first[name] for name in condition} == condition | {"threshold": "9999.0"}
    assert (first["price-components"], second["price-components"]) == ([], [component])
    assert (second["action"], second["indicator"], second["symbol"]) == ("cancel", "nat", "QQQ")


def test_a_condition_lets_an_order_go_when_its_level_is_reached(tasty: Tasty) -> None:
    condition = {"action": "route", "symbol": "XLE", "indicator": "last", "comparator": "gte", "threshold": "900.00"}
    made = tasty.place(equity_order("F", rules={"conditions": [condition]}))
    wait_until(lambda: tasty.order(made["id"])["status"] in ("Received", "Contingent"))
    assert "in-flight-at" not in tasty.order(made["id"])
    tasty.sim.price("XLE", "950.00")
    tasty.until(made["id"], "Filled")


def test_a_condition_may_look_at_the_natural_price_of_several_instruments(tasty: Tasty) -> None:
    tasty.sim.price("GM", "55.00")
    tasty.sim.price("F", "11.00")
    components = [
        {"symbol": "GM", "instrument-type": "Equity", "quantity": 1, "quantity-direction": "Long"},
        {"symbol": "F", "instrument-type": "Equity", "quantity": 2, "quantity-direction": "Short"},
    ]
    condition = {"action": "route", "indicator": "nat", "comparator": "lte", "threshold": "20.00"}
    made = tasty.place(equity_order("KO", rules={"conditions": [condition | {"price-components": components}]}))
    [written] = made["order-rule"]["order-conditions"]
    assert (written["price-components"], written["threshold"], written["indicator"]) == (components, "20.0", "nat")
    time.sleep(0.5)  # GM less two F stands at 33
    assert "in-flight-at" not in tasty.order(made["id"])
    tasty.sim.price("F", "19.00")
    tasty.until(made["id"], "Filled")


def test_an_order_is_cancelled_at_the_time_its_rules_say(tasty: Tasty) -> None:
    at = tasty.sim.inside(lambda world: world.clock.now() + timedelta(seconds=60))
    made = tasty.place(equity_order(price="1.00", rules={"cancel-at": at.isoformat()}))
    tasty.until(made["id"], "Live")
    tasty.sim.clock(jump=61)
    cancelled = tasty.until(made["id"], "Cancelled")
    assert "cancelled-at" in cancelled["order-rule"]


@pytest.mark.parametrize(
    ("rules", "domain"),
    [
        ("soon", "rules"),
        ({"route-after": "soon"}, "rules.route-after"),
        ({"conditions": [{"action": "wait"}]}, "rules.conditions.action"),
        ({"conditions": [{"action": "route", "indicator": "mark"}]}, "rules.conditions.indicator"),
        ({"conditions": [{"action": "route", "indicator": "last", "comparator": "gt"}]}, "rules.conditions.comparator"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(tasty: Tasty, rules: Any, domain: str) -> None:
    assert tasty.refusal(equity_order(price="1.00", rules=rules), 400) == domain


# What is refused before it is looked at


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"order-type": None}, "order-type"),
        ({"order-type": "Limits"}, "order-type"),
        ({"time-in-force": "FOK"}, "time-in-force"),
        ({"price": "-1"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": True}, "price"),
        ({"price-effect": None}, "price-effect"),
        ({"price-effect": "debit"}, "price-effect"),
        ({"stop-trigger": "1.00"}, "stop-trigger"),
        ({"value": "10"}, "value"),
        ({"gtc-date": "2090-01-01"}, "gtc-date"),
        ({"time-in-force": "GTD"}, "gtc-date"),
        ({"time-in-force": "GTD", "gtc-date": "soon"}, "gtc-date"),
        ({"order-type": "Stop Limit"}, "stop-trigger"),
        ({"legs": None}, "legs"),
        ({"legs": "AAPL"}, "legs"),
        ({"legs": [share(), share()]}, "legs"),
        ({"legs": [share(quantity="many")]}, "legs.quantity"),
        ({"legs": [share() | {"instrument-type": "Stock"}]}, "legs.instrument-type"),
        ({"legs": [share() | {"action": "buy-to-open"}]}, "legs.action"),
    ],
)
def test_a_body_that_makes_no_sense_is_told_which_part_of_it(tasty: Tasty, change: Body, domain: str) -> None:
    assert tasty.refusal(order(share(), price="-1.00") | change, 400) == domain


@pytest.mark.parametrize("kind", ["Market", "Stop", "Marketable Limit", "Notional Market"])
def test_types_without_a_limit_must_omit_the_price(tasty: Tasty, kind: str) -> None:
    error = tasty.send("POST", "/orders", order(share(), kind=kind, price="-1.00"), 422)["error"]
    assert error["errors"] == [
        {"code": "order_must_omit_price", "message": "This order can not be submitted with an associated price."}
    ]


def test_an_amount_of_dollars_goes_with_no_quantity_and_a_direction(tasty: Tasty) -> None:
    dollars = {"value": "50", "value-effect": "Debit"}
    assert tasty.refusal(order(share(), kind="Notional Market", **dollars), 400) == "legs.quantity"
    leg = {"instrument-type": "Equity", "symbol": "SPY", "action": "Buy to Open"}
    assert tasty.refusal(order(leg, kind="Notional Market"), 400) == "value"
    credit = {"value": "50", "value-effect": "Credit"}
    assert tasty.refusal(order(leg, kind="Notional Market", **credit)) == "cant_buy_for_credit"
    assert tasty.refusal(order(leg, kind="Notional Market", **dollars | {"value": "4.99"})) == "notional_too_small"


# Preflight codes


def test_a_single_leg_can_only_go_one_way(tasty: Tasty) -> None:
    assert tasty.refusal(order(share(), price="1.00")) == "cant_buy_for_credit"
    assert tasty.refusal(order(share(action="Sell to Close"), price="-1.00")) == "cant_sell_for_debit"


def test_what_cannot_be_paid_fails_the_margin_check(tasty: Tasty) -> None:
    assert tasty.refusal(equity_order(quantity=1_000_000, price="100.00")) == "margin_check_failed"


@pytest.mark.parametrize("tif", ["GTC", "GTD"])
def test_market_orders_are_for_the_day(tasty: Tasty, tif: str) -> None:
    dated = {"gtc-date": (new_york_today(tasty.sim) + timedelta(days=3)).isoformat()} if tif == "GTD" else {}
    assert tasty.refusal(order(share(), kind="Market", tif=tif, **dated)) == "gtc_market_orders_not_supported"


def test_buying_and_selling_the_same_symbol_is_illegal(tasty: Tasty) -> None:
    tasty.place(equity_order("KO", price="1.00"))
    body = equity_order("KO", price="999.00", action="Sell to Open")
    assert tasty.refusal(body) == "illegal_buy_and_sell_on_same_symbol"
    held = equity_order("AAPL", price="999.00", action="Sell to Open")
    assert tasty.refusal(held) == "illegal_buy_and_sell_on_same_symbol"


def test_two_orders_cannot_close_one_position_twice(tasty: Tasty) -> None:
    closing = equity_order("AAPL", 25, price="9999.00", action="Sell to Close")
    made = tasty.place(closing)
    assert tasty.refusal(closing) == "cannot_close_against_more_than_existing_position"
    change = {"order-type": "Limit", "time-in-force": "Day", "price": "9998.00", "price-effect": "Credit"}
    tasty.until(made["id"], "Live")
    tasty.send("POST", f"/orders/{made['id']}/dry-run", change, 201)


def test_options_of_the_day_are_not_sold_to_open_at_the_end_of_it() -> None:
    friday = Clock(datetime(2026, 11, 20, 20, 40, tzinfo=timezone.utc))
    with SimulatorServer(always_open=False, clock=friday) as sim:
        tasty = Tasty(sim)
        put = next(row["put"] for row in tasty.strikes(expiration=0) if row["put"][6:12] == "261120")
        assert tasty.refusal(order(option_leg(put, "Sell to Open"), price="0.01")) == "too_close_to_expiration"
        assert tasty.send("POST", "/orders", order(option_leg(put, "Buy to Open"), price="-0.01"), 201)


def test_a_cash_account_sells_nothing_uncovered(running: SimulatorServer) -> None:
    saver = Tasty(running, account=1)
    call = saver.strikes()[8]["call"]
    assert saver.refusal(order(option_leg(call, "Sell to Open"), price="0.01")) == "invalid_option_level"


def test_what_is_not_listed_is_told_as_exactly_as_can_be(tasty: Tasty) -> None:
    put = tasty.strikes()[0]["put"]
    cases = {
        "NOSUCH": "instrument_validation_failed",
        f"{put[:13]}00000001": "invalid_strike",
        f"{put[:6]}300101{put[12:]}": "invalid_expiration",
        f"ZZZZ  {put[6:]}": "instrument_validation_failed",
    }
    for symbol, code in cases.items():
        leg = option_leg(symbol, "Buy to Open") if len(symbol) > 6 else share(symbol)
        assert tasty.refusal(order(leg, price="-0.05")) == code


def test_a_price_off_the_grid_is_refused(tasty: Tasty) -> None:
    assert tasty.refusal(equity_order(price="1.005")) == "instrument_validation_failed"


def test_coins_cannot_be_traded_through_the_api(tasty: Tasty) -> None:
    leg = {"instrument-type": "Cryptocurrency", "symbol": "BTC/USD", "quantity": "0.01", "action": "Buy to Open"}
    assert tasty.refusal(order(leg, kind="Market")) == "closing_only"
    assert tasty.refusal(order(leg | {"action": "Sell to Close"}, kind="Market")) == "instrument_validation_failed"


def test_closing_nothing_opens_with_a_warning_unless_it_is_to_be_strict(tasty: Tasty) -> None:
    body = equity_order("XLF", price="1.00", action="Buy to Close")
    answer = tasty.send("POST", "/orders", body, 201)["data"]
    assert [warning["code"] for warning in answer["warnings"]] == ["closing_with_no_position"]
    assert answer["order"]["legs"][0]["action"] == "Buy to Open"
    strict = body | {"advanced-instructions": {"strict-position-effect-validation": True}}
    assert tasty.refusal(strict) == "closing_with_no_position"


# Dry runs


def test_a_dry_run_is_the_answer_without_the_order(tasty: Tasty) -> None:
    body = equity_order(price="1.00", **{"external-identifier": "try"})
    tried = tasty.send("POST", "/orders/dry-run", body, 201)["data"]
    placed = tasty.send("POST", "/orders", body, 201)["data"]
    assert tried.keys() == placed.keys()
    assert tried["buying-power-effect"] == placed["buying-power-effect"]
    assert tried["fee-calculation"] == placed["fee-calculation"]
    gone = placed["order"].keys() - tried["order"].keys()
    assert {"id", "received-at"} <= gone <= {"id", "received-at", "global-request-id", "username", "user-id"}
    assert (tried["order"]["status"], tried["order"]["updated-at"]) == ("Received", 0)
    assert tried["order"]["cancellable"] is tried["order"]["editable"] is True


def test_every_kind_of_fee_is_shown_with_its_parts(tasty: Tasty) -> None:
    put = tasty.strikes()[0]["put"]
    body = order(option_leg(put, "Buy to Open", 2), price="-0.05")
    fees = tasty.send("POST", "/orders/dry-run", body, 201)["data"]["fee-calculation"]
    names = {name: [part["name"] for part in fees[name]] for name in fees if name.endswith("breakdown")}
    assert names == {
        "regulatory-fees-breakdown": ["exchange", "nfa", "orf", "sec", "taf"],
        "clearing-fees-breakdown": ["clearing"],
        "commission-breakdown": ["brokerage"],
        "proprietary-fees-breakdown": ["proprietary"],
        "rebates-breakdown": ["rebate"],
    }
    kinds = ("regulatory-fees", "clearing-fees", "commission", "proprietary-index-option-fees")
    assert sum(float(fees[kind]) for kind in kinds) == pytest.approx(float(fees["total-fees"]))
    assert fees["commission"] == "2.0"


# Changes


def test_an_edit_may_name_one_thing_alone_and_keeps_the_rest(tasty: Tasty) -> None:
    day = (new_york_today(tasty.sim) + timedelta(days=10)).isoformat()
    made = tasty.place(order(share(quantity=3), tif="GTD", price="-1.00", **{"gtc-date": day}))
    tasty.until(made["id"], "Live")
    fresh = tasty.send("PATCH", f"/orders/{made['id']}", {"price": "1.25"}, 200)["data"]
    assert (fresh["price"], fresh["price-effect"], fresh["gtc-date"], fresh["size"]) == ("1.25", "Debit", day, 3)
    tasty.until(fresh["id"], "Live")
    again = tasty.send("PATCH", f"/orders/{fresh['id']}", {"time-in-force": "GTC"}, 200)["data"]
    assert (again["time-in-force"], again["price"]) == ("GTC", "1.25")
    assert "gtc-date" not in again


def test_a_replacement_may_change_the_type_and_ignores_legs(tasty: Tasty) -> None:
    made = tasty.place(equity_order("AAPL", 5, price="9999.00", action="Sell to Close"))
    tasty.until(made["id"], "Live")
    stop = {"order-type": "Stop", "time-in-force": "GTC", "stop-trigger": "1.00", "legs": [share("KO", quantity=99)]}
    fresh = tasty.send("PUT", f"/orders/{made['id']}", stop, 200)["data"]
    assert (fresh["order-type"], fresh["stop-trigger"], fresh["replaces-order-id"]) == ("Stop", "1.0", made["id"])
    assert (fresh["legs"][0]["symbol"], fresh["legs"][0]["quantity"]) == ("AAPL", 5)
    assert (fresh["status"], fresh["contingent-status"]) == ("Contingent", "Pending Order")
    assert tasty.until(made["id"], "Cancelled")["edited"] is True
    tasty.until(fresh["id"], "Live")


def test_what_is_done_can_be_neither_changed_nor_cancelled(tasty: Tasty) -> None:
    made = tasty.place(equity_order("F"))
    tasty.until(made["id"], "Filled")
    path = f"/orders/{made['id']}"
    limit = {"order-type": "Limit", "time-in-force": "Day", "price": "1.00", "price-effect": "Debit"}
    for method, end, body in (("PUT", "", limit), ("PATCH", "", {}), ("POST", "/reconfirm", {}), ("DELETE", "", None)):
        assert tasty.send(method, f"{path}{end}", body, 422)["error"]["code"] == "cannot_update_order"


def test_a_working_order_reconfirmed_stays_as_it_is(tasty: Tasty) -> None:
    made = tasty.place(equity_order(price="1.00"))
    tasty.until(made["id"], "Live")
    assert tasty.send("POST", f"/orders/{made['id']}/reconfirm", {}, 200)["data"]["status"] == "Live"


def test_an_order_refused_by_the_venue_says_why(tasty: Tasty) -> None:
    tasty.sim.inside(lambda world: world.exchange.reject_next("Session offline"))
    made = tasty.place(equity_order(price="1.00"))
    assert tasty.until(made["id"], "Rejected")["reject-reason"] == "Session offline"


# Lists


def test_orders_of_several_accounts_come_in_one_list(tasty: Tasty) -> None:
    saver = with_new_account(tasty.sim)
    made = {tasty.place(equity_order(price="1.00"))["id"], saver.place(equity_order("KO", price="1.00"))["id"]}
    both = {"account-numbers[]": [tasty.number, saver.number]}
    assert made <= {row["id"] for row in tasty.get("/customers/me/orders", **both)["data"]["items"]}
    assert made <= {row["id"] for row in tasty.get("/customers/me/orders/live", **both)["data"]["items"]}
    one = tasty.get("/customers/me/orders/live", **{"account-numbers[]": saver.number})
    assert {row["account-number"] for row in one["data"]["items"]} == {saver.number}
    assert tasty.get("/customers/me/orders", 400)["error"]["errors"][0]["domain"] == "account-numbers"
    foreign = tasty.sim.grant("other").accounts
    tasty.get("/customers/me/orders", 403, **{"account-numbers[]": foreign})
    tasty.get("/customers/other/orders", 404, **both)


def test_the_newest_version_pages_live_orders_and_wants_a_start(tasty: Tasty) -> None:
    mine = {"account-numbers[]": tasty.number}
    assert "pagination" not in tasty.get("/customers/me/orders/live", **mine)
    live = tasty.call("GET", "/customers/me/orders/live", params=mine, headers=LIVE_VERSION)
    assert (live["pagination"]["per-page"], live["pagination"]["page-offset"]) == (100, 0)
    most = tasty.call("GET", "/customers/me/orders/live", params=mine | {"per-page": 999}, headers=LIVE_VERSION)
    assert most["pagination"]["per-page"] == 200
    tasty.call("GET", "/customers/me/orders", 400, params=mine, headers=LIVE_VERSION)
    tasty.call("GET", "/customers/me/orders", params=mine | {"start-date": "2026-01-01"}, headers=LIVE_VERSION)


def test_orders_are_chosen_by_status_underlying_type_and_future(tasty: Tasty) -> None:
    shares = tasty.place(equity_order(price="1.00"))["id"]
    put = tasty.place(order(option_leg(tasty.strikes()[0]["put"], "Buy to Open"), price="-0.01"))["id"]
    leg = future_leg(tasty)
    future = tasty.place(order(leg, price="-1.00"))["id"]
    tasty.until(future, "Live")

    def found(**chosen: Any) -> set[int]:
        query = {name.replace("_", "-"): value for name, value in chosen.items()}
        return {row["id"] for row in tasty.mine("/orders/live", **query)["data"]["items"]}

    assert found(underlying_instrument_type="Equity") == {shares, put}
    assert found(underlying_instrument_type="Future") == {future}
    assert found(underlying_instrument_type="Cryptocurrency") == set()
    assert found(underlying_symbol="SPY") == {put}
    assert found(futures_symbol=leg["symbol"]) == {future}
    assert found(**{"status[]": ["Cancelled", "Filled"]}) == set()
    rows = tasty.mine("/orders/live", sort="Asc")["data"]["items"]
    assert [row["id"] for row in rows] == sorted([shares, put, future])
    tasty.mine("/orders/live", 400, **{"status[]": "Sleeping"})


def test_an_order_number_that_is_none_is_not_found(tasty: Tasty) -> None:
    for number in ("1", "abc", "9" * 30, "-5"):
        tasty.mine(f"/orders/{number}", 404)


def test_bodies_that_are_not_json_are_refused_and_disturb_nobody(tasty: Tasty) -> None:
    path = f"/accounts/{tasty.number}/orders"
    for raw in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"order-type": ["Limit"], "legs": {"a": 1}}'):
        assert tasty.call("POST", path, 400, data=raw)["error"]["code"] == "validation_error"
    nested: Any = {"order-type": "Limit", "time-in-force": "Day", "price": {"a": 1}, "legs": [{"symbol": ["AAPL"]}]}
    assert tasty.call("POST", path, 400, json=nested)["error"]["code"] == "validation_error"
    tasty.place(equity_order(price="1.00"))
