"""Halted symbols and restricted accounts through the port, at the simulator: the same of every broker."""

from datetime import datetime, timezone

import pytest
from any_broker import AAPL, SPY, Desk
from simulator_server import SimulatorServer


@pytest.fixture(autouse=True)
def as_it_was(sim: SimulatorServer, desk: Desk) -> None:
    sim.control("halts", {"symbol": "SPY", "halted": False})
    sim.control("accounts", {"account": desk.account, "standing": "active"})


def test_a_halt_is_told_of_the_symbol_and_its_options_and_of_no_other(sim: SimulatorServer, desk: Desk) -> None:
    (first,) = desk.broker.with_strikes(SPY, desk.broker.get_chain(SPY).expirations[:1])
    call = first.strikes[len(first.strikes) // 2].call
    assert call is not None
    assert {one.halted for one in desk.broker.get_quotes([SPY, AAPL, call]).values()} == {False}
    sim.control("halts", {"symbol": "SPY", "reason": "T1"})
    quotes = desk.broker.get_quotes([SPY, AAPL, call])
    assert [quotes[one].halted for one in (SPY, call, AAPL)] == [True, True, False]
    since = quotes[SPY].halted_since
    assert since is None or since <= datetime.now(timezone.utc)
    sim.control("halts", {"symbol": "SPY", "halted": False})


@pytest.mark.parametrize(
    ("standing", "is_frozen", "closing_only"),
    [
        ("active", False, False),
        ("closing_only", False, True),
        ("margin_call", False, True),
        ("ninety_days", False, True),
        ("liquidating", False, True),
        ("restricted", True, False),
        ("inactive", True, False),
        ("closed", True, False),
    ],
)
def test_what_an_account_is_kept_from_is_told(
    sim: SimulatorServer, desk: Desk, standing: str, is_frozen: bool, closing_only: bool
) -> None:
    sim.control("accounts", {"account": desk.account, "standing": standing})
    try:
        told = desk.broker.get_restrictions(desk.account)
    finally:
        sim.control("accounts", {"account": desk.account, "standing": "active"})
    assert (told.account_number, told.is_frozen, told.closing_only) == (desk.account, is_frozen, closing_only)
    assert bool(told.words) is (standing != "active")
    assert told.futures_closing_only is False
