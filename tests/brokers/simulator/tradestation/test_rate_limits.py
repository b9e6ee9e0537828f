"""TradeStation's rolling quotas: headers on every answer, 429 when they are spent, slots for streams."""

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import MARGIN, TradeStation, example

from brokers.simulator.tradestation.limits import BadQuota, Limits, Slot, check_quotas

BALANCES = f"/brokerage/accounts/{MARGIN}/balances"


def told(ts: TradeStation, path: str = BALANCES) -> dict[str, str]:
    headers = ts.raw("GET", path).headers
    return {name.removeprefix("x-ratelimit-"): value for name, value in headers.items() if "ratelimit" in name}


def test_every_answer_says_what_is_left(ts: TradeStation) -> None:
    assert told(ts) == {"limit": "320", "period": "300", "remaining": "319", "reset": "1", "resource": "balances"}
    assert told(ts)["remaining"] == "318"
    assert told(ts, "/brokerage/accounts")["resource"] == "accounts"
    assert told(ts, f"/brokerage/accounts/{MARGIN}/bodbalances")["remaining"] == "317"


def test_failures_count_and_carry_the_headers_too(ts: TradeStation) -> None:
    assert told(ts, f"/brokerage/accounts/{MARGIN}/orders?pageSize=0")["remaining"] == "319"


def test_a_spent_quota_is_429_and_comes_back_bit_by_bit(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults(tradestation_quotas={"balances": [3, 300]})
    for left in ("2", "1", "0"):
        assert told(ts)["remaining"] == left
    answer = ts.raw("GET", BALANCES)
    assert (answer.status_code, answer.json()) == (429, example("C3-rate"))
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.headers["x-ratelimit-reset"] == "300"
    assert "retry-after" not in answer.headers
    ts.get(f"/brokerage/accounts/{MARGIN}/positions")
    sim.clock(jump=101)
    assert told(ts)["remaining"] == "0"
    assert ts.raw("GET", BALANCES).status_code == 429


def test_quotas_are_kept_for_each_user_and_key(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults(tradestation_quotas={"accounts": [1, 300]})
    for one in (ts, TradeStation(sim, "other")):
        one.get("/brokerage/accounts")
        one.get("/brokerage/accounts", 429)


def test_order_execution_has_no_quota_unless_one_is_set(sim: SimulatorServer, ts: TradeStation) -> None:
    assert told(ts, "/orderexecution/routes") == {}
    sim.faults(tradestation_quotas={"order-execution": [1, 60]})
    assert told(ts, "/orderexecution/routes")["resource"] == "order-execution"
    ts.get("/orderexecution/routes", 429)


@pytest.mark.parametrize("quotas", [{"nonsense": [1, 1]}, {"accounts": 5}, {"accounts": [1, 0]}, {"accounts": [-1, 5]}])
def test_a_quota_that_cannot_be_is_refused(quotas: dict[str, object]) -> None:
    with pytest.raises(BadQuota):
        check_quotas(quotas)


def test_the_slots_of_streams_are_free_again_once_closed() -> None:
    limits = Limits(lambda: {"streaming-positions": 2}, lambda: 0.0)
    slots = [limits.occupy("key", "demo", "streaming-positions") for _ in range(2)]
    assert all(isinstance(slot, Slot) for slot in slots)
    refused = limits.occupy("key", "demo", "streaming-positions")
    assert refused == {
        "x-concurrency-limit": "2",
        "x-concurrency-remaining": "0",
        "x-concurrency-resource": "streaming-positions",
    }
    assert isinstance(limits.occupy("key", "other", "streaming-positions"), Slot)
    first = slots[0]
    assert isinstance(first, Slot)
    first.close()
    first.close()
    again = limits.occupy("key", "demo", "streaming-positions")
    assert isinstance(again, Slot)
    assert again.headers["x-concurrency-remaining"] == "0"
    assert not isinstance(limits.occupy("key", "demo", "streaming-positions"), Slot)
