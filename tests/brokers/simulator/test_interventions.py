"""What the control port does to orders and accounts, seen through a broker's wire."""

from decimal import Decimal
from typing import Any

import pytest
import requests
from simulator_server import SimGrant, SimulatorServer, equity_order, wait_until

BROKER = "/accounts/5WT00001"


@pytest.fixture
def grant(sim: SimulatorServer) -> SimGrant:
    return sim.grant()


@pytest.fixture
def session(sim: SimulatorServer, grant: SimGrant) -> requests.Session:
    return sim.session(grant)


def order(sim: SimulatorServer, session: requests.Session, number: int) -> dict[str, Any]:
    data: dict[str, Any] = session.get(f"{sim.api}{BROKER}/orders/{number}").json()["data"]
    return data


def place(sim: SimulatorServer, session: requests.Session, **more: Any) -> int:
    answer = session.post(f"{sim.api}{BROKER}/orders", json=equity_order(**more))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["order"]["id"])


def cash(sim: SimulatorServer, session: requests.Session) -> Decimal:
    return Decimal(session.get(f"{sim.api}{BROKER}/balances/USD").json()["data"]["cash-balance"])


def filled(sim: SimulatorServer, session: requests.Session, number: int) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        found = order(sim, session, number)
        return found if found["status"] == "Filled" else None

    found = wait_until(done)
    assert found is not None
    return found


def test_the_next_order_is_rejected_a_moment_later_with_a_reason(
    sim: SimulatorServer, session: requests.Session
) -> None:
    sim.control("orders", {"action": "reject_next", "account": "5WT00001", "reason": "Session offline"})
    number = place(sim, session, symbol="F")
    wait_until(lambda: order(sim, session, number)["status"] == "Rejected")
    assert order(sim, session, number)["reject-reason"] == "Session offline"
    assert filled(sim, session, place(sim, session, symbol="F"))


def test_a_busted_fill_leaves_the_books_as_if_it_had_never_been(
    sim: SimulatorServer, session: requests.Session
) -> None:
    before = cash(sim, session)
    number = place(sim, session, symbol="KO", quantity=3)
    [fill] = filled(sim, session, number)["legs"][0]["fills"]
    assert cash(sim, session) < before
    answer = sim.control(
        "orders", {"action": "bust", "account": "5WT00001", "order_id": number, "fill_id": fill["fill-id"]}
    )
    assert answer == {"order_id": number, "fills": []}
    assert cash(sim, session) == before


def test_a_corrected_fill_moves_the_cash_by_the_difference(sim: SimulatorServer, session: requests.Session) -> None:
    number = place(sim, session, symbol="KO", quantity=3)
    [fill] = filled(sim, session, number)["legs"][0]["fills"]
    before, price = cash(sim, session), Decimal(fill["fill-price"])
    body = {"action": "correct", "account": "SIM5000001M", "order_id": number, "fill_id": fill["fill-id"]}
    sim.control("orders", body | {"price": str(price - 1)})
    assert cash(sim, session) == before + 3
    assert order(sim, session, number)["legs"][0]["fills"][0]["fill-price"] == str(price - 1)


def test_money_comes_and_goes(sim: SimulatorServer, session: requests.Session) -> None:
    before = cash(sim, session)
    sim.control("orders", {"action": "deposit", "account": "5WT00001", "amount": "1500.25"})
    sim.control("orders", {"action": "deposit", "account": "5WT00001", "amount": -500})
    assert cash(sim, session) == before + Decimal("1000.25")
    rows = session.get(f"{sim.api}{BROKER}/transactions", params={"type": "Money Movement"}).json()["data"]["items"]
    assert [row["transaction-sub-type"] for row in rows[:2]] == ["Withdrawal", "Deposit"]


def test_an_order_fills_by_a_schedule(sim: SimulatorServer, session: requests.Session) -> None:
    sim.fills("schedule", account="5WT00001", schedule=[[0, 0.5], [1.5, 0.5]])
    number = place(sim, session, symbol="F", quantity=10)
    wait_until(lambda: order(sim, session, number)["legs"][0]["remaining-quantity"] == 5)
    assert order(sim, session, number)["status"] == "Live"
    assert filled(sim, session, number)["legs"][0]["remaining-quantity"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "action must be one of"),
        ({"action": "bust", "account": "5WT00001", "order_id": "x"}, "order_id must be"),
        ({"action": "bust", "account": "5WT00001", "order_id": 1}, "no order 1"),
        ({"action": "deposit", "account": "NOSUCH", "amount": 1}, "no account NOSUCH"),
        ({"action": "deposit", "account": "5WT00001", "amount": "much"}, "amount must be a number"),
        ({"action": "exercise", "account": "5WT00001", "symbol": "??", "quantity": 1}, "is not a symbol"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(sim: SimulatorServer, body: dict[str, Any], words: str) -> None:
    answer = requests.post(f"{sim.url}/control/orders", json=body, timeout=30)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_every_request_is_in_the_ledger_in_short(sim: SimulatorServer, session: requests.Session) -> None:
    sim.faults({"effect": "status", "path": "*/positions", "status": 503, "times": 1})
    session.get(f"{sim.api}{BROKER}/positions")
    session.get(f"{sim.api}{BROKER}/positions")
    found = sim.http.get(f"{sim.url}/control/ledger", params={"requests": "all"}, timeout=30).json()["requests"]
    heard = [(one["method"], one["status"], one["fault"]) for one in found if one["path"].endswith("/positions")]
    assert heard == [("GET", 503, "status"), ("GET", 200, None)]
    assert all("?" not in one["path"] for one in found)


def test_streams_say_goodbye_when_the_program_ends() -> None:
    with SimulatorServer() as own:
        client = own.add_client(broker="tradestation")
        given = own.control("grants", {"client_id": client.client_id, "user": "demo"})
        asked = {
            "grant_type": "refresh_token",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "refresh_token": given["refresh_token"],
        }
        signin = f"{own.url}/tradestation/signin/oauth/token"
        token = requests.post(signin, data=asked, timeout=30).json()["access_token"]
        stream = requests.get(
            f"{own.url}/tradestation/v3/marketdata/stream/quotes/SPY",
            headers={"Authorization": f"Bearer {token}"},
            stream=True,
            timeout=30,
        )
        lines = stream.iter_lines()
        assert b"SPY" in next(lines)
        own.server.config.timeout_graceful_shutdown = 600
        own.server.should_exit = True
        assert any(b"GoAway" in line for line in lines)
        own.thread.join(60)
        assert not own.thread.is_alive(), "nobody waits for the patience with open streams to end"
