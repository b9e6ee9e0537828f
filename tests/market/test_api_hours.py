"""The API's metrics and market hours against the simulator, for either broker: whose they are, and what stands in."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from market_answers import AWAY, has_source, is_recent, told
from simulator_server import SimulatorServer

from brokers.models import Account
from brokers.registry import spec
from market import hours, metrics

UTC = timezone.utc


@pytest.fixture(autouse=True)
def _hours_are_asked_for(sim: SimulatorServer) -> None:
    cache.clear()


def test_metrics_are_the_brokers_or_estimates_that_say_so(account: Account, trader: Client) -> None:
    document = told(trader, "metrics?symbols=AAPL,NOSUCH,/ESZ26")
    assert has_source(document, account)
    assert document["unknown"] == ["NOSUCH", "/ESZ26"]
    (found,) = document["metrics"]
    is_told = spec(account.connection.broker).capabilities.has_metrics
    assert found["estimate"] is not is_told
    assert (found["iv_rank"] is not None) is is_told
    assert (found["earnings_date"] is not None) is is_told
    for name in ("iv_index", "hv30"):
        assert Decimal("0.02") < Decimal(found[name]) < 3
    assert len(found["expiration_ivs"]) >= 4


def test_the_desk_works_out_few_at_a_time_and_the_rest_when_asked_again(account: Account, trader: Client) -> None:
    names = ["AAPL", "MSFT", "SPY"]
    document = told(trader, f"metrics?symbols={','.join(names)}")
    if spec(account.connection.broker).capabilities.has_metrics:
        assert document["unknown"] == []
        return
    assert document["unknown"] == names[metrics.MOST_ESTIMATED :]
    assert told(trader, f"metrics?symbols={','.join(names)}")["unknown"] == []


def test_market_hours_are_the_brokers_or_the_desks_own_and_say_which(account: Account, trader: Client) -> None:
    document = told(trader, "market-status")
    assert has_source(document, account)
    is_told = spec(account.connection.broker).capabilities.has_market_status
    assert document["source"]["calendar"] == ("broker" if is_told else "desk's own calendar")
    assert document["reason"] is None
    by_name = {each["exchange"]: each for each in document["markets"]}
    assert set(by_name) == ({"Equity", "CME", "CFE"} if is_told else {"Equity"})
    for each in by_name.values():
        assert is_recent(each["as_of"])
        assert each["state"] in ("pre", "open", "post", "closed")
        assert each["next_change_at"] > each["as_of"]


def test_when_the_broker_tells_no_hours_the_desks_own_stand_in_with_the_reason(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    if not spec(account.connection.broker).capabilities.has_market_status:
        pytest.skip("it never tells any")
    sim.faults({**AWAY, "path": "*market-time*"})
    document = told(trader, "market-status")
    assert document["source"]["calendar"] == "desk's own calendar"
    assert document["reason"]["code"] == "broker_unavailable"
    assert [each["exchange"] for each in document["markets"]] == ["Equity"]


def test_hours_are_asked_for_again_once_a_market_changes(
    account: Account, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hours.hours_of(account.connection)
    assert hours.hours_of(account.connection) == first
    change = min(each.next_change_at for each in first.markets if each.next_change_at is not None)
    monkeypatch.setattr(hours.timezone, "now", lambda: change)
    later = hours.hours_of(account.connection)
    assert later.markets[0].at != first.markets[0].at


def test_a_closure_named_by_the_installation_is_told(account: Account, trader: Client, settings: Any) -> None:
    now = datetime.now(UTC)
    today = now.astimezone(hours.hours.NEW_YORK).date()
    settings.MARKET_CLOSURES = {today: "Storm"}
    assert hours.own_calendar(now).holiday == "Storm"
    assert not hours.is_trading(hours.own_calendar(now))
    if not spec(account.connection.broker).capabilities.has_market_status:
        assert told(trader, "market-status")["markets"][0]["holiday"] == "Storm"
