"""Prices on the stream, against the simulator."""

import asyncio
from decimal import Decimal

import pytest
from simulator_server import SimulatorServer
from tradestation_desk import (
    AAPL,
    LIVE,
    QUOTE_PATHS,
    SPY,
    STALE,
    listening,
    open_streams,
    until,
)
from tradestation_wire import TradeStation

from brokers.domain.instruments import Equity, parse_instrument
from brokers.domain.market import Tick
from brokers.port import StreamState


async def test_prices_flow_whole_at_first_and_then_as_changes(ts: TradeStation) -> None:
    index = parse_instrument("$SPX")
    async with listening(ts, [SPY, index]) as heard:
        await until(lambda: {"bid", "ask", "last", "volume", "prev_close", "bid_size"} <= set(heard.values(SPY)))
        await until(lambda: "last" in heard.values(index))
        await until(lambda: len(heard.ticks(SPY)) > 5)
        assert heard.states("quotes") == [LIVE]
        values = heard.values(SPY)
        assert values["bid"] is not None
        assert values["ask"] is not None
        assert Decimal(0) < values["bid"] < values["ask"]
        whole, *changes = heard.ticks(SPY)
        assert "prev_close" in whole.values
        assert not any("prev_close" in tick.values for tick in changes)
        before = dict(whole.values)
        for tick in changes:
            assert all(before[name] != value for name, value in tick.values.items())
            before |= tick.values


async def test_options_and_futures_are_quoted_under_their_own_names(ts: TradeStation) -> None:
    dates = ts.get("/marketdata/options/expirations/SPY")["Expirations"]
    strikes = ts.get("/marketdata/options/strikes/SPY", expiration=dates[1]["Date"][:10])["Strikes"]
    day = dates[1]["Date"][2:10].replace("-", "")
    strike = int(Decimal(strikes[len(strikes) // 2][0]) * 1000)
    option = parse_instrument(f"SPY   {day}C{strike:08d}")
    async with listening(ts, [option]) as heard:
        await until(lambda: {"ask", "open_interest"} <= set(heard.values(option)))


async def test_what_is_watched_can_change(ts: TradeStation) -> None:
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.ticks(SPY))
        heard.stream.watch([AAPL])
        await until(lambda: "prev_close" in heard.values(AAPL))
        heard.stream.watch([AAPL, SPY])
        seen = len(heard.events)
        await until(lambda: any("prev_close" in tick.values for tick in heard.ticks(SPY, seen)))
        heard.stream.watch([])
        await asyncio.sleep(0.5)
        seen = len(heard.events)
        await asyncio.sleep(0.5)
        assert not [each for each in heard.events[seen:] if isinstance(each, Tick)]
        assert heard.states("quotes") == [LIVE]


async def test_what_a_stream_still_carries_is_told_and_said_to_be(ts: TradeStation) -> None:
    async with listening(ts, [SPY, AAPL], accounts=()) as heard:
        await until(lambda: heard.ticks(SPY) and heard.ticks(AAPL))
        assert heard.stream.carried() == frozenset()
        heard.stream.watch([AAPL])
        assert heard.stream.carried() == {SPY}
        await until(lambda: len(heard.ticks(SPY)) > 5)
        heard.stream.watch([AAPL, SPY])
        assert heard.stream.carried() == frozenset()
        heard.stream.watch([])
        assert heard.stream.carried() == {SPY, AAPL}
        await until(lambda: heard.stream.carried() == frozenset())


async def test_more_than_a_hundred_symbols_travel_on_several_streams(sim: SimulatorServer, ts: TradeStation) -> None:
    day = ts.get("/marketdata/options/expirations/SPY")["Expirations"][2]["Date"]
    listed = ts.get("/marketdata/options/strikes/SPY", expiration=day[:10])["Strikes"]
    strikes = [int(Decimal(each[0]) * 1000) for each in listed]
    root = f"SPY   {day[2:10].replace('-', '')}"
    options = [parse_instrument(f"{root}{right}{strike:08d}") for strike in strikes for right in "CP"][:150]
    assert len(options) > 100
    async with listening(ts, options, accounts=()) as heard:
        missing = set(options)

        def all_came() -> bool:  # one look at the events, not one for each option: it holds up those to come
            missing.difference_update({each.instrument for each in heard.events if isinstance(each, Tick)})
            return not missing

        await until(all_came)
        await until(lambda: open_streams(sim) == 3)  # two of quotes, one of Greeks
        await until(lambda: heard.states("quotes") == [LIVE])
        heard.stream.watch([SPY])
        await until(lambda: heard.ticks(SPY) and open_streams(sim) == 1)
        assert heard.states("quotes") == [LIVE]


async def test_an_unknown_symbol_harms_nobody(ts: TradeStation) -> None:
    async with listening(ts, [SPY, Equity("ZZZZQ")], quiet=1.2) as heard:
        await until(lambda: len(heard.ticks(SPY)) > 3)
        assert heard.states("quotes") == [LIVE]
        heard.stream.watch([Equity("ZZZZQ")])
        await asyncio.sleep(1.8)
        assert heard.states("quotes") == [LIVE]


async def test_symbols_in_small_letters_are_the_same_symbols(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "lower_case_symbol"})
    async with listening(ts, [SPY]) as heard:
        await until(lambda: len(heard.ticks(SPY)) > 3)


async def test_prices_that_are_late_by_agreement_are_called_delayed(
    ts: TradeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"IsDelayed": True, "IsHardToBorrow": False, "IsBats": False, "IsHalted": False}
    monkeypatch.setattr("brokers.simulator.tradestation.quotes.flags", lambda *_: flags)
    async with listening(ts, [SPY]) as heard:
        await until(lambda: heard.states("quotes") == [StreamState.DELAYED])


async def test_a_feed_that_only_beats_is_stale_until_prices_flow_again(sim: SimulatorServer, ts: TradeStation) -> None:
    async with listening(ts, [SPY], quiet=0.8) as heard:
        await until(lambda: len(heard.ticks(SPY)) > 1)
        sim.faults({"effect": "stream_heartbeats_only", "path": QUOTE_PATHS})
        await until(lambda: heard.state("quotes") is STALE)
        await asyncio.sleep(1)
        assert heard.state("quotes") is STALE
        sim.clear_faults()
        await until(lambda: heard.state("quotes") is LIVE)
        assert heard.states("account") == [LIVE]
