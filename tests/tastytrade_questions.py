"""Questions at tastytrade's wire that several tests ask, and orders that are filled first."""

from typing import Any

from simulator_server import wait_until
from tastytrade_wire import Desk


def rows(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["data"]["items"]
    return found


def front(desk: Desk, product: str = "ES") -> dict[str, Any]:
    """The contract of a product that most trade."""
    asked = {"product-code[]": product}
    return next(row for row in rows(desk.get("/instruments/futures", **asked)) if row["active-month"])


def a_future_option(desk: Desk, product: str = "ES") -> dict[str, Any]:
    chain = desk.get(f"/futures-option-chains/{product}/nested")["data"]["option-chains"][0]
    strikes = chain["expirations"][0]["strikes"]
    found: dict[str, Any] = strikes[len(strikes) // 2]
    return found


def fill(desk: Desk, body: dict[str, Any], account: str = "") -> dict[str, Any]:
    orders = f"/accounts/{account or desk.number}/orders"
    number = desk.call("POST", orders, 201, json=body)["data"]["order"]["id"]
    found = wait_until(lambda: (now := desk.get(f"{orders}/{number}")["data"])["status"] == "Filled" and now)
    assert found
    return dict(found)


def order(kind: str, symbol: str, action: str, quantity: int = 1) -> dict[str, Any]:
    leg = {"instrument-type": kind, "symbol": symbol, "quantity": quantity, "action": action}
    return {"time-in-force": "Day", "order-type": "Market", "legs": [leg]}
