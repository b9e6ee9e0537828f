"""Orders and holdings on the stream, against the simulator; also those whose frames never come."""

import asyncio
import random
import time
from decimal import Decimal

import pytest
from simulator_server import SimulatorServer
from tradestation_desk import (
    LIVE,
    MSFT,
    RARELY,
    SPY,
    listening,
    open_streams,
    until,
)
from tradestation_wire import CASH, FRESH, FUTURES, TradeStation, order

from brokers.domain.orders import BrokerStatus
from brokers.port import AccountChanged


async def test_an_order_is_told_until_it_is_filled_and_so_are_its_consequences(ts: TradeStation) -> None:
    async with listening(ts, **RARELY) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        number = ts.sent(order("MSFT", 3))[0]
        await until(lambda: heard.is_filled(number))
        await until(lambda: heard.changes() >= {"positions", "balance"})
        assert heard.changes(FUTURES) == set()
        (leg,) = heard.orders(number)[-1].legs
        assert (leg.leg.instrument, leg.executed) == (MSFT, 3)


async def test_a_cancel_is_told(ts: TradeStation) -> None:
    async with listening(ts, **RARELY) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        number = ts.sent(order("F", 2, limit="5"))[0]
        await until(lambda: heard.orders(number) and heard.orders(number)[-1].status is BrokerStatus.WORKING)
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        await until(lambda: heard.orders(number)[-1].status is BrokerStatus.CANCELLED)


async def test_a_price_that_moves_is_no_change_of_a_holding(ts: TradeStation) -> None:
    ts.filled(order("SPY", 5))
    async with listening(ts, [SPY], **RARELY) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        await asyncio.sleep(0.5)
        seen = len(heard.events)
        await until(lambda: len(heard.ticks(SPY, seen)) > 5)
        assert not [each for each in heard.events[seen:] if isinstance(each, AccountChanged)]


async def test_a_closed_position_is_told(ts: TradeStation) -> None:
    ts.filled(order("F", 1))
    async with listening(ts, **RARELY) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        held = [each for each in ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"] if each["Symbol"] == "F"]
        ts.filled(order("F", held[0]["Quantity"], "SELL"))
        await until(lambda: heard.changes() >= {"positions", "balance"})


async def test_legs_in_another_order_are_no_news(sim: SimulatorServer, ts: TradeStation) -> None:
    dates = ts.get("/marketdata/options/expirations/SPY")["Expirations"]
    day = dates[2]["Date"]
    middle = Decimal(ts.get("/marketdata/quotes/SPY")["Quotes"][0]["Last"])
    strikes = [Decimal(each[0]) for each in ts.get("/marketdata/options/strikes/SPY", expiration=day[:10])["Strikes"]]
    low, high = [each for each in sorted(strikes) if each > middle][:2]
    legs = [
        {"Symbol": f"SPY {day[2:10].replace('-', '')}C{strike.normalize():f}", "Quantity": "1", "TradeAction": action}
        for strike, action in ((low, "BUYTOOPEN"), (high, "SELLTOOPEN"))
    ]
    body = order(limit="0.01") | {"Legs": legs}
    for name in ("Symbol", "Quantity", "TradeAction"):
        del body[name]
    sim.faults({"effect": "shuffle_legs", "probability": 0.5}, {"effect": "duplicate_order_frames"})
    async with listening(ts, sweeps=(0.1,), sweep_open=0.1, sweep_gap=0.1) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        number = ts.sent(body)[0]
        await until(lambda: heard.orders(number))
        await asyncio.sleep(1)
        told = [(each.status, each.broker_status) for each in heard.orders(number)]
        assert len(told) == len(set(told))
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        await until(lambda: heard.orders(number)[-1].status is BrokerStatus.CANCELLED)


async def test_without_accounts_there_is_no_account_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY], accounts=()) as heard:
        await until(lambda: heard.ticks(SPY))
        assert heard.states("account") == []
        assert open_streams(sim) == 1


# --- frames that never come -----------------------------------------------------------------------------------------


async def every_fill_is_told(sim: SimulatorServer, ts: TradeStation, orders: int, within: float = 45) -> None:
    """Four of five order frames are lost; orders fill at once, late, or in slices."""
    dice = random.Random(3)  # noqa: S311 (which orders, not a secret)
    sim.faults({"effect": "drop_order_frames", "probability": 0.8})
    async with listening(ts) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        done: dict[str, float] = {}
        for _ in range(orders):
            how = dice.choice(("immediate", "delayed", "partial"))
            sim.fills(how, **{"delayed": {"delay": 0.5}, "partial": {"fraction": 0.5, "interval": 0.2}}.get(how, {}))
            number = (await asyncio.to_thread(ts.sent, order(dice.choice(("F", "MSFT", "SPY")), dice.randint(2, 9))))[0]
            done[number] = time.monotonic()
            await asyncio.sleep(dice.random() * 0.1)
        await until(lambda: all(heard.is_filled(number) for number in done), within + 4)
        for number in done:
            filled = [at for each, at in zip(heard.events, heard.at, strict=True) if each in heard.orders(number)][-1]
            assert filled - done[number] < within
            (leg,) = heard.orders(number)[-1].legs
            assert leg.executed == leg.leg.quantity
        assert heard.states("account") == [LIVE]


async def test_every_fill_is_told_though_four_of_five_order_frames_are_lost(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    await every_fill_is_told(sim, ts, 40)


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_every_fill_of_many_is_told_though_four_of_five_order_frames_are_lost(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    await every_fill_is_told(sim, ts, 200, within=10)


async def test_an_order_that_no_frame_ever_told_of_is_found(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "drop_order_frames"})
    async with listening(ts, sweeps=(0.2, 600.0)) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        await asyncio.sleep(0.5)
        number = ts.sent(order("F", 2))[0]
        await until(lambda: heard.is_filled(number))


async def test_a_stream_that_kept_something_back_is_opened_anew(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "drop_order_frames"})
    async with listening(ts, sweeps=(0.2, 0.2, 600.0), sweep_gap=0.1, renew=0.2) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        await asyncio.sleep(0.3)
        (opened,) = order_streams(sim)
        number = ts.sent(order("F", 2))[0]
        await until(lambda: heard.is_filled(number))
        await until(lambda: order_streams(sim) and opened not in order_streams(sim))
        sim.clear_faults()
        number = ts.sent(order("F", 2, limit="5"))[0]
        await until(lambda: heard.orders(number))
        assert heard.states("account") == [LIVE]


def order_streams(sim: SimulatorServer) -> list[object]:
    """The order streams that are open at the simulator."""
    listeners = sim.inside(lambda world: [getattr(each, "__self__", None) for each in world.event_listeners])
    return [each for each in listeners if type(getattr(each, "stream", None)).__name__ == "OrderStream"]


async def test_the_listing_is_asked_again_when_it_was_refused(sim: SimulatorServer, ts: TradeStation) -> None:
    listing = "*/brokerage/accounts/*/orders"
    sim.faults(
        {"effect": "drop_order_frames"},
        {"effect": "throttle", "path": listing, "times": 1},
        {"effect": "status", "path": listing, "times": 3},
        {"effect": "html_for_json", "path": listing, "times": 1},
    )
    async with listening(ts, sweeps=(0.1, 0.1), sweep_idle=0.1, sweep_gap=0.1) as heard:
        await until(lambda: heard.states("account") == [LIVE])  # else its snapshot tells of the order
        number = ts.sent(order("F", 2))[0]
        await until(lambda: heard.is_filled(number))
        assert not heard.ended
        faults = sim.control("faults")["faults"]
        assert {each["effect"] for each in faults if each["path"] == listing and each["struck"] == each["times"]} == {
            "throttle",
            "status",
            "html_for_json",
        }


async def test_a_listing_of_several_pages_is_read_to_its_end(
    sim: SimulatorServer, ts: TradeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.tradestation.sweep.ORDERS_A_PAGE", 2)
    first = ts.sent(order("F", 2, limit="5"))[0]
    for _ in range(5):
        ts.sent(order("F", 2, limit="5"))
    sim.faults({"effect": "stream_silent"})
    async with listening(ts, sweeps=(0.1, 600.0)) as heard:
        await until(lambda: heard.orders(first))
        assert not [each for each in heard.events if isinstance(each, AccountChanged) and each.what == "orders"]


async def test_an_account_that_the_broker_does_not_know_leaves_the_others(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    async with listening(ts, accounts=(FRESH, "SIM9999999M"), sweeps=(0.1, 600.0)) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        number = ts.sent(order("F", 2))[0]
        await until(lambda: heard.is_filled(number))
        assert heard.states("account") == [LIVE]


async def test_more_accounts_than_a_path_holds_are_followed_in_groups(
    sim: SimulatorServer, ts: TradeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.tradestation.account_feed.MOST_ACCOUNTS", 1)
    async with listening(ts, accounts=(CASH, FRESH), **RARELY) as heard:
        await until(lambda: heard.states("account") == [LIVE])
        assert len(order_streams(sim)) == 2
        number = ts.sent(order("F", 2))[0]
        await until(lambda: heard.is_filled(number))
