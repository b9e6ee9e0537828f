"""What pages and ticket spend of a broker's few calls for chains: what is looked at, once, whoever looks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from simulator_server import SimulatorServer

from brokers.errors import BrokerError
from brokers.models import Account
from trading.drafting import chains, listed

STRIKES, EXPIRATIONS = "/marketdata/options/strikes/", "/marketdata/options/expirations/"
NAMES = ("SPY", "AAPL", "MSFT", "QQQ")
station = pytest.mark.parametrize("account", ["tradestation"], indirect=True)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(listed, "_at_hand", listed._AtHand(8))


def asked(sim: SimulatorServer, act: Callable[[], Any]) -> list[str]:
    """The paths of what the broker was asked about options meanwhile."""

    def told() -> list[str]:
        return [each["path"] for each in sim.control("ledger?requests=all")["requests"]]

    before = len(told())
    act()
    return [path for path in told()[before:] if STRIKES in path or EXPIRATIONS in path or "option-chains" in path]


def look(trader: Client, names: tuple[str, ...] = NAMES) -> None:
    for name in names:
        assert trader.get(f"/chains/{name}").status_code == 200


@station
def test_four_chains_in_a_row_cost_two_calls_each(account: Account, trader: Client, sim: SimulatorServer) -> None:
    paths = asked(sim, lambda: look(trader))
    assert sorted(paths.count(path) for path in set(paths)) == [1] * 8
    assert asked(sim, lambda: look(trader)) == []


@station
def test_a_page_that_reads_whole_chains_is_noticed(
    account: Account, trader: Client, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: one such chain takes a quarter of what a minute allows."""
    monkeypatch.setattr(chains, "told_on", lambda *on: chains.chain_on(*on).expirations)
    assert len(asked(sim, lambda: look(trader, ("SPY",)))) > 20


@station
def test_another_expiration_costs_one_call_and_a_step_on_the_ticket_none(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    look(trader, ("SPY",))
    tabs = trader.get("/chains/SPY").context["tabs"]
    _, address, _ = tabs[-1]
    assert len(asked(sim, lambda: trader.get(address))) == 1
    option = next(each.call for each in trader.get(address).context["reading"].strikes if each.call is not None)
    assert asked(sim, lambda: chains.next_strike(account, option, 1)) == []
    assert len(asked(sim, lambda: chains.next_expiry(account, option, -1))) == 1


def test_the_tabs_volatilities_cost_no_strikes_and_are_those_of_the_whole_chain(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    """Near enough: the strike that another expiration has too may be a step off the money."""
    guessed = {tab.name: tab.term for tab, _, _ in trader.get("/chains/SPY").context["tabs"]}
    assert sum(term is not None for term in guessed.values()) >= len(guessed) - 2
    chains.chain_on(account, "SPY")
    cache.delete(f"terms:{account.connection_id}:SPY")
    exact = {tab.name: tab.term for tab, _, _ in trader.get("/chains/SPY").context["tabs"]}
    for name, term in exact.items():
        if term is not None and (told := guessed[name]) is not None:
            assert abs(told.volatility - term.volatility) < max(term.volatility, told.volatility) / 10


def test_a_whole_chain_goes_on_from_where_calls_ran_out(
    account: Account, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was told before a refusal is kept."""
    monkeypatch.setattr(chains, "AT_ONCE", 4)
    titles = chains.expirations_on(account, "AAPL")
    if titles[0].strikes:
        pytest.skip("here a chain comes whole")
    sim.faults({"effect": "status", "status": 404, "path": f"*{STRIKES}*", "after": 6})
    with pytest.raises(BrokerError):
        chains.chain_on(account, "AAPL")
    sim.clear_faults()
    kept = sum(bool(each.strikes) for each in chains.told_on(account, "AAPL"))
    assert kept == 4
    paths = asked(sim, lambda: chains.chain_on(account, "AAPL"))
    assert len(paths) == len({each.expiry for each in titles}) - kept
    assert all(each.strikes for each in chains.chain_on(account, "AAPL").expirations)
