"""Everything that can go wrong on the streams, at the simulator, and their end."""

import asyncio

import pytest
from simulator_server import SimulatorServer
from tradestation_desk import (
    ACCOUNT_PATHS,
    LIVE,
    QQQ,
    QUOTE_PATHS,
    RARELY,
    RECONNECTING,
    SIGN_IN,
    SPY,
    Token,
    listening,
    open_streams,
    until,
)
from tradestation_wire import TradeStation, order

from brokers.port import StatusChange, StreamState

BREAKS = [
    {"effect": "goaway", "form": "v2"},
    {"effect": "goaway", "form": "v3"},
    {"effect": "stream_close"},
    {"effect": "stream_error", "kind": "InternalServerError"},
    {"effect": "dual_logon"},
]


@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: "-".join(fault.values()))
async def test_a_broken_stream_is_opened_again(sim: SimulatorServer, ts: TradeStation, fault: dict[str, str]) -> None:
    async with listening(ts, [SPY], **RARELY) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        sim.faults(fault | {"path": QUOTE_PATHS, "times": 1}, {**fault, "name": "b", "path": ACCOUNT_PATHS, "times": 1})
        for source in ("account", "quotes"):
            await until(lambda source=source: heard.states(source) == [LIVE, RECONNECTING, LIVE])
        seen = len(heard.events)
        await until(lambda: heard.ticks(SPY, seen))
        number = ts.sent(order("F", 1))[0]
        await until(lambda: heard.is_filled(number))


async def test_a_stream_without_any_sign_of_life_is_left(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY], **RARELY) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        sim.faults({"effect": "stream_silent"})
        await until(lambda: RECONNECTING in heard.states("account") and len(heard.states("quotes")) > 1)
        sim.clear_faults()
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)


async def test_objects_cut_anywhere_are_read_whole(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "cut_frames"})
    async with listening(ts, [SPY, QQQ], **RARELY) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        number = ts.sent(order("F", 1))[0]
        await until(lambda: heard.is_filled(number) and len(heard.ticks(SPY)) > 3)
        assert heard.states("account") == heard.states("quotes") == [LIVE]


async def test_what_happened_while_the_stream_was_away_is_told_by_the_next(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    async with listening(ts, **RARELY) as heard:
        await until(lambda: heard.state("account") is LIVE)
        sim.faults({"effect": "status", "path": ACCOUNT_PATHS}, {"effect": "stream_close", "path": ACCOUNT_PATHS})
        await until(lambda: heard.state("account") is RECONNECTING)
        number = ts.sent(order("F", 1))[0]
        sim.clear_faults()
        await until(lambda: heard.is_filled(number))
        await until(lambda: heard.state("account") is LIVE)


async def test_a_stream_killed_fifty_times_is_there_again_each_time(sim: SimulatorServer, ts: TradeStation) -> None:
    kinds = [{"effect": "stream_close"}, {"effect": "goaway"}, {"effect": "stream_error", "kind": "Failed"}]
    sources = {"quotes": QUOTE_PATHS, "account": ACCOUNT_PATHS}
    async with listening(ts, [SPY, QQQ], **RARELY) as heard:
        for kill in range(25):
            await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
            before = {source: len(heard.states(source)) for source in sources}
            fault = kinds[kill % 3] | {"times": 1}
            sim.faults(*({**fault, "name": source, "path": path} for source, path in sources.items()))
            for source in sources:
                await until(lambda source=source, before=before: len(heard.states(source)) > before[source])
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        assert open_streams(sim) == 3
        seen = len(heard.events)
        await until(lambda: heard.ticks(SPY, seen) and heard.ticks(QQQ, seen))


async def test_a_refused_token_is_told_and_the_newer_one_used(sim: SimulatorServer, ts: TradeStation) -> None:
    token = Token(ts)
    token.value = "stale"
    async with listening(ts, [SPY], token=token) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        assert token.refused >= 1


async def test_a_right_that_is_missing_is_said_and_not_asked_for_again_and_again(sim: SimulatorServer) -> None:
    ts = TradeStation(sim, scope="openid offline_access ReadAccount")
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is LIVE)
        await until(lambda: heard.state("quotes") is StreamState.NOT_ALLOWED)
        asked = sim.ledger()
        await asyncio.sleep(1)
        assert sim.ledger() == asked
        told = [each for each in heard.events if isinstance(each, StatusChange) and each.source == "quotes"]
        assert "does not allow" in told[0].detail


async def test_too_many_streams_are_waited_for(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults(tradestation_quotas={"streaming-orders": 0})
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is RECONNECTING)
        sim.faults(tradestation_quotas={})
        await until(lambda: heard.state("account") is LIVE)
        assert heard.states("quotes") == [LIVE]


async def test_a_sign_in_that_is_down_is_waited_for(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "token_transient", "times": 3})
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)


# --- the end of it --------------------------------------------------------------------------------------------------


async def test_a_dead_grant_says_so_on_both_and_ends(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        sim.control("grants/revoke", {"refresh_token": ts.refresh_token, "access_tokens": True})
        sim.faults({"effect": "stream_close", "path": ACCOUNT_PATHS, "times": 1})
        await until(lambda: heard.ended)
        assert heard.state("account") is heard.state("quotes") is SIGN_IN
        await until(lambda: open_streams(sim) == 0)


async def test_closing_leaves_no_task_and_no_connection(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        assert open_streams(sim) == 3
    await until(lambda: open_streams(sim) == 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [batch async for batch in heard.stream.events()] == []


async def test_to_stop_reading_is_to_close(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
        heard.task.cancel()
        await asyncio.gather(heard.task, return_exceptions=True)
        await until(lambda: open_streams(sim) == 0)
        heard.task = asyncio.create_task(asyncio.sleep(0))
