"""Tabs that ask for some groups of figures only, and the bar of the minute under way."""

import json
from uuid import uuid4

import pytest
from hand_fed import instruments, open_tab, tick, until

from brokers.domain.instruments import parse_instrument
from brokers.domain.market import QUOTE_FIELDS
from brokers.live.fields import CANDLE, GROUPS, names_of

HERE = uuid4()
CALL = "SPY   261218C00600000"
SPY = parse_instrument("SPY")


def test_the_groups_hold_every_figure_of_a_quote_once():
    named = [name for group in GROUPS.values() for name in group]
    assert sorted(named) == sorted({*QUOTE_FIELDS, CANDLE})
    with pytest.raises(KeyError):
        names_of(["colours"])


async def test_a_tab_is_told_the_groups_it_asked_for_and_another_all(hub, upstreams):
    async with open_tab(hub) as (narrow, at_narrow), open_tab(hub) as (wide, at_wide):
        hub.subscribe(narrow, HERE, instruments(CALL), names_of(["greeks"]))
        hub.subscribe(wide, HERE, instruments(CALL))
        stream = await upstreams.of(HERE)
        stream.say(tick(CALL, 1, bid="1", ask="2", delta="0.5", open="3"))
        await until(lambda: at_narrow.of_type("quotes") and at_wide.of_type("quotes"))
        told = at_narrow.merged(HERE)[CALL]
        assert {name: told[name] for name in told if name != "as_of"} == {"delta": "0.5"}
        assert at_wide.merged(HERE)[CALL].keys() == {"bid", "ask", "delta", "open", "mark", "as_of"}
        stream.say(tick(CALL, 2, bid="1.1"))
        await until(lambda: at_wide.merged(HERE)[CALL]["bid"] == "1.1")
        assert len(at_narrow.of_type("quotes")) == 1, "nothing of what it asked for has changed"
        hub.subscribe(narrow, HERE, [SPY])
        stream.say(tick("SPY", 3, bid="600"), tick(CALL, 3, delta="0.6"))
        await until(lambda: at_narrow.merged(HERE)[CALL]["delta"] == "0.6")
        assert "bid" not in at_narrow.merged(HERE).get("SPY", {}), "the groups stay as they were asked for"


async def test_a_snapshot_is_as_narrow_as_what_follows(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        (await upstreams.of(HERE)).say(tick("SPY", 1, bid="1", last="2", volume="3"))
        await until(lambda: socket.of_type("quotes"))
        hub.subscribe(tab, HERE, [SPY], names_of(["trades"]))
        assert socket.of_type("snapshot")[-1]["quotes"]["SPY"].keys() == {"last", "volume", "as_of"}


async def test_the_bar_of_the_minute_is_made_of_the_trades_that_were_told(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY], names_of(["candles"]))
        stream = await upstreams.of(HERE)
        for second, last, volume in ((0, "10", "100"), (1, "12", "150"), (2, "9", "151"), (59, "11", "160")):
            stream.say(tick("SPY", second, last=last, volume=volume))
        wanted = {"open": "10", "high": "12", "low": "9", "close": "11", "volume": "60"}
        await until(lambda: candle(socket) == {"at": "2026-11-20T15:00:00.000Z", **wanted})
        stream.say(tick("SPY", 61, last="13"))
        flat = dict.fromkeys(("open", "high", "low", "close"), "13")
        await until(lambda: candle(socket) == {"at": "2026-11-20T15:01:00.000Z", **flat, "volume": "0"})
        before = len(socket.of_type("quotes"))
        stream.say(tick("SPY", 62, bid="1"))
        stream.say(tick("SPY", 63, last="14"))
        await until(lambda: candle(socket)["close"] == "14")
        assert len(socket.of_type("quotes")) <= before + 2
        json.dumps(socket.frames)


def candle(socket) -> dict | None:
    return socket.merged(HERE).get("SPY", {}).get("candle")
