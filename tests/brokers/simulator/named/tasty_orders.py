"""tastytrade's order statuses, preflight codes and warnings, each with the order or the event that brings it out."""

from collections.abc import Callable

from simulator_server import equity_order
from tasty_client import Body, Tasty, option_leg, order

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_stage import Stage, at

STATUSES: Table[Stage] = Table(
    "order statuses",
    "5.4",
    "Received|Routed|In Flight|Contingent|Live|Cancel Requested|Replace Requested|Filled|Cancelled|Expired|Rejected"
    "|Removed|Partially Removed|Dead|Remove Pending",
)
PREFLIGHT: Table[Stage] = Table(
    "preflight codes",
    "3.5",
    "margin_check_failed|cant_buy_for_credit|cant_sell_for_debit|gtc_market_orders_not_supported"
    "|tif_no_after_hours_opening_market_orders|order_must_omit_price|illegal_buy_and_sell_on_same_symbol"
    "|cannot_close_against_more_than_existing_position|too_close_to_expiration|instrument_validation_failed"
    "|closing_only|invalid_option_level|invalid_strike|invalid_expiration",
)
WARNINGS: Table[Stage] = Table(
    "warnings and notes", "3.5", "tif.next_valid_session|tif_next_valid_sesssion|closing_with_no_position|a note"
)
ORDERS = [STATUSES, PREFLIGHT, WARNINGS]
RESTING = equity_order("F", price="1.00")
NEW_PRICE = {"order-type": "Limit", "time-in-force": "Day", "price": "1.10", "price-effect": "Debit"}


def streamed(stage: Stage, status: str, act: Callable[[Tasty], int]) -> str:
    """The status as the account streamer tells it of the order that ``act`` names."""
    with stage.streamer() as socket:
        number = act(stage.tasty)
        heard = socket.hear(
            lambda m: m.get("type") == "Order" and (m["data"]["id"], m["data"]["status"]) == (number, status)
        )
    return str(heard["data"]["status"])


def placed(tasty: Tasty, body: Body = RESTING) -> int:
    return int(tasty.place(body)["id"])


def live(tasty: Tasty) -> int:
    return int(tasty.until(placed(tasty), "Live")["id"])


@STATUSES.way("Received|Routed|In Flight|Live")
def on_its_way(stage: Stage, name: str) -> str:
    return streamed(stage, name, placed)


@STATUSES.way("Filled")
def filled(stage: Stage, name: str) -> str:
    return streamed(stage, name, lambda tasty: placed(tasty, equity_order("F")))


@STATUSES.way("Cancel Requested|Cancelled")
def cancelled(stage: Stage, name: str) -> str:
    def act(tasty: Tasty) -> int:
        number = live(tasty)
        tasty.call("DELETE", f"/accounts/{tasty.number}/orders/{number}")
        return number

    return streamed(stage, name, act)


@STATUSES.way("Replace Requested|Contingent")
def replaced(stage: Stage, name: str) -> str:
    def act(tasty: Tasty) -> int:
        number = live(tasty)
        new = tasty.send("PUT", f"/orders/{number}", NEW_PRICE, 200)["data"]["id"]
        return number if name == "Replace Requested" else int(new)

    return streamed(stage, name, act)


@STATUSES.way("Expired")
def expired(stage: Stage, name: str) -> str:
    with at("2026-11-20T20:54") as evening:
        number = live(evening.tasty)
        evening.sim.clock(jump=400)
        return str(evening.tasty.until(number, name)["status"])


@STATUSES.way("Rejected")
def rejected(stage: Stage, name: str) -> str:
    stage.sim.control("orders", {"action": "reject_next", "account": stage.tasty.number})
    return streamed(stage, name, placed)


@STATUSES.way("Removed|Partially Removed")
def removed(stage: Stage, name: str) -> str:
    def act(tasty: Tasty) -> int:
        body = RESTING
        if name == "Partially Removed":
            stage.sim.fills("partial", account=tasty.number, fraction=0.5, interval=600)
            body = equity_order("F", 10, price="99.00")
        number = int(tasty.until(placed(tasty, body), "Live")["id"])
        if name == "Partially Removed":
            with stage.streamer() as socket:
                if not tasty.order(number)["legs"][0]["fills"]:
                    socket.hear(lambda m: m.get("type") == "Order" and m["data"]["legs"][0]["fills"])
        stage.sim.control("orders", {"action": "remove", "account": tasty.number, "order_id": number})
        return number

    return streamed(stage, name, act)


@STATUSES.way("Dead|Remove Pending")
def dressed(stage: Stage, name: str) -> str:
    stage.fault("order_status", kind=name, account=stage.tasty.number)
    number = placed(stage.tasty)
    assert streamed(stage, name, lambda tasty: placed(tasty)) == name
    return str(stage.tasty.order(number)["status"])


# Preflight


def share(symbol: str = "AAPL", action: str = "Buy to Open") -> Body:
    return {"instrument-type": "Equity", "symbol": symbol, "quantity": 1, "action": action}


def refused(tasty: Tasty, body: Body) -> str:
    """The first check that failed."""
    error = tasty.send("POST", "/orders", body, 422)["error"]
    assert error["code"] == "preflight_check_failure"
    return str(error["errors"][0]["code"])


COINS = {"instrument-type": "Cryptocurrency", "symbol": "BTC/USD", "quantity": "0.01", "action": "Buy to Open"}
PLAIN_REFUSALS: dict[str, Body] = {
    "margin_check_failed": equity_order(quantity=1_000_000, price="100.00"),
    "cant_buy_for_credit": order(share(), price="1.00"),
    "cant_sell_for_debit": order(share(action="Sell to Close"), price="-1.00"),
    "gtc_market_orders_not_supported": order(share(), kind="Market", tif="GTC"),
    "order_must_omit_price": order(share(), kind="Market", price="-1.00"),
    "instrument_validation_failed": order(share("NOSUCH"), price="-1.00"),
    "closing_only": order(COINS, kind="Market"),
}


@PREFLIGHT.way("|".join(PLAIN_REFUSALS))
def refused_as_it_is(stage: Stage, name: str) -> str:
    return refused(stage.tasty, PLAIN_REFUSALS[name])


@PREFLIGHT.way("illegal_buy_and_sell_on_same_symbol|cannot_close_against_more_than_existing_position")
def refused_beside_another(stage: Stage, name: str) -> str:
    if name.startswith("illegal"):
        stage.tasty.place(equity_order("KO", price="1.00"))
        return refused(stage.tasty, equity_order("KO", price="999.00", action="Sell to Open"))
    closing = equity_order("AAPL", 25, price="9999.00", action="Sell to Close")
    stage.tasty.place(closing)
    return refused(stage.tasty, closing)


@PREFLIGHT.way("tif_no_after_hours_opening_market_orders")
def refused_at_night(stage: Stage, name: str) -> str:
    with at("2026-11-21T15:00") as weekend:
        return refused(weekend.tasty, equity_order("F"))


@PREFLIGHT.way("too_close_to_expiration")
def refused_in_the_last_half_hour(stage: Stage, name: str) -> str:
    with at("2026-11-20T20:40") as friday:
        put = next(row["put"] for row in friday.tasty.strikes(expiration=0) if row["put"][6:12] == "261120")
        return refused(friday.tasty, order(option_leg(put, "Sell to Open"), price="0.01"))


@PREFLIGHT.way("invalid_option_level|invalid_strike|invalid_expiration")
def refused_for_its_option(stage: Stage, name: str) -> str:
    call = stage.tasty.strikes()[8]["call"]
    if name == "invalid_option_level":
        return refused(Tasty(stage.sim, account=1), order(option_leg(call, "Sell to Open"), price="0.01"))
    other = f"{call[:13]}00000001" if name == "invalid_strike" else f"{call[:6]}300101{call[12:]}"
    return refused(stage.tasty, order(option_leg(other, "Buy to Open"), price="-0.05"))


# Warnings


def warned(tasty: Tasty, body: Body, where: str = "warnings") -> str:
    [remark] = tasty.send("POST", "/orders", body, 201)["data"][where]
    assert remark["message"]
    return str(remark["code"])


@WARNINGS.way("tif.next_valid_session")
def warned_of_the_weekend(stage: Stage, name: str) -> str:
    with at("2026-11-21T15:00") as weekend:
        return warned(weekend.tasty, RESTING)


@WARNINGS.way("closing_with_no_position")
def warned_of_nothing_to_close(stage: Stage, name: str) -> str:
    return warned(stage.tasty, equity_order("XLF", price="1.00", action="Buy to Close"))


@WARNINGS.way("tif_next_valid_sesssion|a note")
def remarked(stage: Stage, name: str) -> str:
    effect, where = ("order_note", "notes") if name == "a note" else ("order_warning", "warnings")
    stage.fault(effect, kind=name, account=stage.tasty.number)
    dry = stage.tasty.send("POST", "/orders/dry-run", RESTING, 201)["data"][where]
    assert [each["code"] for each in dry] == [name]
    assert ("url" in dry[0]) == (where == "notes")
    return warned(stage.tasty, RESTING, where)
