"""The control port's halts and standings, and accounts in faults by either wire's name."""

from pathlib import Path
from typing import Any

import pytest
import requests
from simulator_server import SimulatorServer, equity_order
from tasty_client import Tasty, with_new_account
from tradestation_wire import TradeStation


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("halts", {}),
        ("halts", {"symbol": "ZZZZQ"}),
        ("halts", {"symbol": "SPY", "seconds": -1}),
        ("halts", {"symbol": "SPY", "seconds": True}),
        ("halts", {"symbol": "SPY", "seconds": 10**12}),
        ("halts", {"symbol": "SPY", "reason": 7}),
        ("accounts", {}),
        ("accounts", {"account": "5WT99999"}),
        ("accounts", {"account": "5WT00001", "standing": "rich"}),
        ("accounts", {"account": "5WT00001", "standing": {}}),
        ("accounts", {"account": "5WT00001", "option_level": 6}),
        ("accounts", {"account": "5WT00001", "option_level": "2"}),
        ("faults", {"faults": [{"effect": "account_field", "kind": "no field"}]}),
        ("faults", {"faults": [{"effect": "market_field", "kind": ""}]}),
    ],
)
def test_what_makes_no_sense_is_said_in_words(running: SimulatorServer, door: str, body: dict[str, Any]) -> None:
    answer = requests.post(f"{running.url}/control/{door}", json=body, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_halt_is_answered_with_its_times(sim: SimulatorServer) -> None:
    told = sim.control("halts", {"symbol": "$VIX", "seconds": 60})
    assert told["halted"] is True
    assert told["since"] < told["until"]
    assert sim.control("halts", {"symbol": "KO", "halted": False}) == {"symbol": "KO", "halted": False}
    sim.reset()
    assert sim.inside(lambda world: world.market.snapshot()["halts"]) == {}


@pytest.mark.parametrize("name", ["5WT00002", "SIM5000002M"])
def test_a_fault_of_an_account_strikes_on_both_wires_whichever_name_it_was_given(
    sim: SimulatorServer, name: str
) -> None:
    tasty, ts = Tasty(sim), TradeStation(sim)
    sim.faults({"effect": "status", "account": name})
    for number, status in (("5WT00001", 200), ("5WT00002", 503)):
        assert tasty.session.get(f"{sim.api}/accounts/{number}/positions", timeout=20).status_code == status
    for number, status in (("SIM5000001M", 200), ("SIM5000002M", 503)):
        assert ts.raw("GET", f"/brokerage/accounts/{number}/positions").status_code == status


@pytest.mark.parametrize("name", ["5WT00002", "SIM5000002M"])
def test_faults_in_listings_do_so_too(sim: SimulatorServer, name: str) -> None:
    tasty, ts = Tasty(sim), TradeStation(sim)
    sim.faults({"effect": "account_field", "kind": "account-type-name=Roth IRA", "account": name})
    rows = tasty.get("/customers/me/accounts")["data"]["items"]
    kinds = {row["account"]["account-number"]: row["account"]["account-type-name"] for row in rows}
    assert [number for number, kind in kinds.items() if kind == "Roth IRA"] == ["5WT00002"]
    sim.faults({"effect": "account_field", "kind": "Status=Other", "account": name})
    rows = ts.raw("GET", "/brokerage/accounts").json()["Accounts"]
    assert [row["AccountID"] for row in rows if row["Status"] == "Other"] == ["SIM5000002M"]


def test_an_account_that_only_closes_may_not_turn_a_position_round_nor_add_to_it(sim: SimulatorServer) -> None:
    tasty = with_new_account(sim, AAPL=10)
    sim.control("accounts", {"account": tasty.number, "standing": "closing_only"})
    more = equity_order("AAPL", 1, price="1.00")
    part, rest = (equity_order("AAPL", size, price="9999.00", action="Sell to Close") for size in (4, 6))
    flipped = equity_order("KO", 5, price="1.00", action="Buy to Close")
    assert [tasty.refusal(body) for body in (more, flipped)] == ["closing_only", "closing_only"]
    assert [tasty.place(body)["status"] for body in (part, rest)] == ["Routed", "Routed"]
    sim.control("accounts", {"account": tasty.number, "standing": "active"})
    assert tasty.place(flipped)


def test_working_orders_of_an_account_that_is_restricted_can_be_cancelled(sim: SimulatorServer) -> None:
    tasty = with_new_account(sim)
    number = int(tasty.until(int(tasty.place(equity_order("F", price="1.00"))["id"]), "Live")["id"])
    sim.control("accounts", {"account": tasty.number, "standing": "restricted"})
    assert tasty.refusal(equity_order("F", price="1.00")) == "account_not_active"
    tasty.call("DELETE", f"/accounts/{tasty.number}/orders/{number}")
    tasty.until(number, "Cancelled")


def test_halts_and_standings_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with SimulatorServer(state_file=file) as first:
        first.control("halts", {"symbol": "KO", "reason": "T1"})
        first.control("accounts", {"account": "5WT00002", "standing": "margin_call", "option_level": 2})
    with SimulatorServer(state_file=file) as second:
        assert second.control("accounts", {"account": "5WT00002"}) == {
            "account": "5WT00002",
            "standing": "margin_call",
            "option_level": 2,
        }
        halt = second.inside(lambda world: world.market.snapshot()["halts"])
        assert [found[2] for name, found in halt.items() if name == "KO"] == ["T1"]
