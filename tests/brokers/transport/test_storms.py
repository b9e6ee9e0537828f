"""Both brokers' clients at the simulator: storms of 429 and outages, and how much of them the broker gets to feel."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from any_broker import Desk, all_brokers, buy, calm
from gated import Hands, gated
from simulator_server import SimulatorServer

from brokers import transport
from brokers.errors import BrokerError, OutcomeUnknown, RateLimited, Unavailable
from brokers.port import Broker
from brokers.transport import Transport, breaker, buckets
from brokers.transport.ledger import OwnLedger
from brokers.wire import Node, Request

BROKEN = {"effect": "status", "status": 503, "path": "*/accounts*", "name": "broken"}
BARE = {"effect": "throttle", "name": "storm"}
OUTAGE = 60


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as server:
        yield server
    transport.forget_sessions()


@pytest.fixture
def sim(running: SimulatorServer) -> SimulatorServer:
    calm(running)
    return running


@pytest.fixture(params=all_brokers())
def desk(sim: SimulatorServer, request: pytest.FixtureRequest) -> Desk:
    return Desk(sim, request.param)


@pytest.fixture
def tradestation(sim: SimulatorServer) -> Desk:
    return Desk(sim, "tradestation")


def struck(sim: SimulatorServer, name: str) -> int:
    """How many requests a fault met."""
    return sum(fault["struck"] for fault in sim.control("faults")["faults"] if fault["name"] == name)


def asked(broker: Broker, desk: Desk, times: int) -> int:
    """How many of so many balances were to be had."""
    went = 0
    for _ in range(times):
        with suppress(RateLimited):
            broker.get_balance(desk.account)
            went += 1
    return went


def impatient(clock: Hands) -> Hands:
    """Time that stands still for those who wait: what would be waited for is refused."""
    clock.sleep = lambda seconds: None  # type: ignore[method-assign]
    return clock


# --- what the headers tell ------------------------------------------------------------------------------------------


def test_a_quota_is_learned_from_the_headers_and_never_overrun(tradestation: Desk, sim: SimulatorServer) -> None:
    """Ours are configured far higher; the broker allows twenty."""
    sim.faults(tradestation_quotas={"balances": [20, 9000]})
    ledger, clock = OwnLedger(), Hands()
    mine = gated(tradestation, clock, ledger=ledger)
    refused = []
    for _ in range(40):
        try:
            mine.get_balance(tradestation.account)
        except RateLimited as error:
            refused.append(error)
    assert len(refused) == 24
    assert all("Try again in" in error.message for error in refused), "held back by us: the broker refused nothing"
    urgent = gated(tradestation, clock, ledger=ledger, urgent=True)
    assert asked(urgent, tradestation, 10) == 4
    assert mine.get_positions(tradestation.account) == [], "another category is not concerned"


def test_without_the_gate_the_broker_itself_has_to_refuse(tradestation: Desk, sim: SimulatorServer) -> None:
    sim.faults(tradestation_quotas={"balances": [20, 9001]})  # another quota than before: one that nobody has used
    words = set()
    for _ in range(22):
        try:
            tradestation.broker.get_balance(tradestation.account)
        except RateLimited as error:
            words.add(error.message)
    assert words == {"TradeStation asks for fewer requests. Nothing was done; try again in a moment."}


@pytest.mark.parametrize(("kept", "cancels"), [(0.2, True), (0.0, False)], ids=["kept share", "none kept"])
def test_cancels_keep_their_share_of_the_orders_budget(
    tradestation: Desk, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch, kept: float, cancels: bool
) -> None:
    monkeypatch.setattr(buckets, "KEPT", kept)
    sim.faults(tradestation_quotas={"order-execution": [10, 9000 + cancels]})  # one that nobody has used
    mine, price = gated(tradestation, Hands(), ledger=OwnLedger()), tradestation.low_bid()
    placed = []
    while len(placed) < (8 if cancels else 10):
        placed.append(mine.place_order(tradestation.account, buy(price), uuid4().hex).order.broker_order_id)
    with pytest.raises(RateLimited, match="Nothing was sent"):
        mine.place_order(tradestation.account, buy(price), uuid4().hex)
    assert len(tradestation.listed()) == len(placed), "the refused one never left"
    if cancels:
        mine.cancel_order(tradestation.account, placed[0])
    else:
        with pytest.raises(RateLimited):
            mine.cancel_order(tradestation.account, placed[0])


# --- 429 without a word -----------------------------------------------------------------------------------------------


def test_a_storm_of_429_slows_down_one_connection_and_leaves_the_other_alone(desk: Desk, sim: SimulatorServer) -> None:
    ledger, clock = OwnLedger(), impatient(Hands())
    mine = gated(desk, clock, ledger=ledger, connection="mine")
    yours = gated(desk, clock, ledger=ledger, connection="yours")
    sim.faults({**BARE, "path": "*/balances"})
    assert asked(mine, desk, 100) == 0
    assert struck(sim, "storm") <= 3, "two tries at the first call, then none while it rests"
    sim.clear_faults()
    assert asked(mine, desk, 1) == 0, "still at rest"
    assert yours.get_balance(desk.account)
    clock.move(30)
    assert mine.get_balance(desk.account)


class Careless(Transport):
    """A door that sends again whatever was refused for its number: what must never be."""

    def send(self, request: Request) -> Node:
        for _ in range(2):
            try:
                return super().send(request)
            except (RateLimited, OutcomeUnknown):
                continue
        return super().send(request)


@pytest.mark.parametrize("retry_after", [None, 0, 30])
@pytest.mark.parametrize("careless", [False, True], ids=["as it is", "with a careless door"])
def test_an_order_that_meets_a_429_goes_out_once(
    desk: Desk, sim: SimulatorServer, retry_after: int | None, careless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if careless:
        modules = ("brokers.tastytrade.calls", "brokers.tradestation.calls")
        for module in modules:
            monkeypatch.setattr(f"{module}.Transport", Careless)
    price = desk.low_bid()
    mine = desk.spec.make_broker(desk.hosts, desk.token) if careless else gated(desk, Hands(), ledger=OwnLedger())
    storm: dict[str, Any] = {**BARE, "method": "POST", "path": "*/orders", "retry_after": retry_after}
    sim.faults(storm)
    with pytest.raises((RateLimited, OutcomeUnknown)):
        mine.place_order(desk.account, buy(price), uuid4().hex)
    out = struck(sim, "storm")
    assert out == (3 if careless else 1)


# --- outages ----------------------------------------------------------------------------------------------------------


def calls_in_an_outage(desk: Desk, sim: SimulatorServer, clock: Hands) -> tuple[int, int]:
    """Calls that the broker feels before it is spared, and in the minute after that; somebody asks twice a second."""
    mine = gated(desk, clock, ledger=OwnLedger())
    mine.get_balance(desk.account)
    sim.faults(BROKEN)
    for _ in range(10):
        with pytest.raises(Unavailable):
            mine.get_balance(desk.account)
    opening = struck(sim, "broken")
    for _ in range(OUTAGE * 2):
        clock.move(0.5)
        with pytest.raises(Unavailable):
            mine.get_balance(desk.account)
    during = struck(sim, "broken") - opening
    sim.clear_faults()
    for _ in range(20):
        clock.move(0.5)
        with suppress(Unavailable):
            mine.get_balance(desk.account)
            return opening, during
    raise AssertionError("it does not recover within ten seconds")


def test_in_an_outage_the_broker_is_asked_once_in_five_seconds(desk: Desk, sim: SimulatorServer) -> None:
    opening, during = calls_in_an_outage(desk, sim, Hands())
    assert opening <= 7
    assert during <= OUTAGE / 5


def test_without_a_breaker_the_broker_would_feel_every_call(
    desk: Desk, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker.Breaker.failed, "__kwdefaults__", {"weight": 1, "in_a_row": 10**9, "voices": 10**9})
    opening, during = calls_in_an_outage(desk, sim, Hands())
    assert opening >= 10
    assert during >= OUTAGE


def test_orders_are_refused_as_unsent_and_cancels_go_out_during_an_outage(desk: Desk, sim: SimulatorServer) -> None:
    mine, price = gated(desk, Hands(), ledger=OwnLedger()), desk.low_bid()
    resting = mine.place_order(desk.account, buy(price), uuid4().hex).order.broker_order_id
    sim.faults(BROKEN | {"method": "GET"})
    for _ in range(8):
        with pytest.raises(Unavailable):
            mine.get_balance(desk.account)
    with pytest.raises(Unavailable, match="Nothing was sent"):
        mine.place_order(desk.account, buy(price), uuid4().hex)
    mine.cancel_order(desk.account, resting)
    sim.clear_faults()
    assert set(desk.listed()) == {resting}
    mine.get_balance(desk.account)


def test_one_broker_down_leaves_the_other_alone(sim: SimulatorServer) -> None:
    down, up = (Desk(sim, name) for name in sorted(all_brokers()))
    ledger, clock = OwnLedger(), Hands()
    brokers = {desk.name: gated(desk, clock, ledger=ledger, connection=desk.name) for desk in (down, up)}
    sim.faults({"effect": "status", "status": 503, "path": f"/{down.name}/*accounts*", "name": "broken"})
    balances: list[Decimal | None] = []
    for _ in range(30):
        with suppress(BrokerError):
            brokers[down.name].get_balance(down.account)
        balances.append(brokers[up.name].get_balance(up.account).cash)
    assert len(balances) == 30
    assert clock.slept == [], "nobody waited for anything"
    assert struck(sim, "broken") <= 7
