"""The stream behind the port, at the simulator: the same of every broker."""

import asyncio
from uuid import uuid4

import pytest
from any_broker import AAPL, LIVE, RECONNECTING, SIGN_IN, SPY, STALE, Desk, buy, expiration_at, listening

from brokers.domain.market import QUOTE_FIELDS, Tick
from brokers.domain.orders import BrokerStatus
from brokers.port import StatusChange

BASE = {"bid", "ask", "last", "volume", "prev_close"}
GREEKS = {"delta", "theta", "vega"}


async def place(desk: Desk, *what: object) -> str:
    return await asyncio.to_thread(desk.place, *what)  # type: ignore[arg-type]


async def test_prices_come_whole_at_first_and_then_flow(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: set(heard.values(SPY)) >= BASE)
        seen = len(heard.events)
        await heard.until(lambda: len(heard.ticks(SPY, seen)) > 3)
        bid, ask = heard.values(SPY)["bid"], heard.values(SPY)["ask"]
        assert bid is not None
        assert ask is not None
        assert 0 < bid < ask
        assert set(heard.values(SPY)) <= set(QUOTE_FIELDS)
        assert all(tick.at.tzinfo is not None for tick in heard.ticks(SPY))
        assert heard.states("quotes") == [LIVE]


async def test_an_option_is_quoted_with_greeks_where_the_broker_has_them(desk: Desk) -> None:
    strikes = (await asyncio.to_thread(expiration_at, desk.broker, SPY, 1)).strikes
    call = strikes[len(strikes) // 2].call
    assert call is not None
    async with listening(desk, [call]) as heard:
        await heard.until(lambda: {"bid", "ask"} <= set(heard.values(call)))
        if desk.can.has_greeks:
            await heard.until(lambda: set(heard.values(call)) >= GREEKS)
            delta = heard.values(call)["delta"]
            assert delta is not None
            assert 0 < delta < 1
        else:
            assert not GREEKS & set(heard.values(call))


async def test_what_is_watched_can_change(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: heard.ticks(SPY))
        heard.stream.watch([AAPL])
        await heard.until(lambda: set(heard.values(AAPL)) >= BASE)
        heard.stream.watch([AAPL, SPY])
        seen = len(heard.events)
        await heard.until(lambda: any("prev_close" in tick.values for tick in heard.ticks(SPY, seen)))
        heard.stream.watch([])
        await asyncio.sleep(0.6)
        seen = len(heard.events)
        await asyncio.sleep(0.6)
        assert not [each for each in heard.events[seen:] if isinstance(each, Tick)]


async def test_an_order_is_told_until_it_is_filled_and_so_are_its_consequences(desk: Desk) -> None:
    async with listening(desk) as heard:
        await heard.until(lambda: heard.is_live("account"))
        ref = uuid4().hex
        placed = await asyncio.to_thread(desk.broker.place_order, desk.account, buy(None, 2), ref)
        order_id = placed.order.broker_order_id
        await heard.until(lambda: heard.is_filled(order_id))
        told = heard.orders(order_id)
        assert {each.account_number for each in told} == {desk.account}
        assert {each.client_ref for each in told} == {ref if desk.can.echoes_client_ref else None}
        assert [each.version for each in told] == sorted(each.version for each in told)
        await heard.until(lambda: heard.changes(desk.account) >= {"balance", "positions"})


async def test_a_cancel_is_told(desk: Desk) -> None:
    price = await asyncio.to_thread(desk.low_bid)
    async with listening(desk) as heard:
        await heard.until(lambda: heard.is_live("account"))
        order_id = await place(desk, buy(price))
        await heard.until(lambda: [each.status for each in heard.orders(order_id)][-1:] == [BrokerStatus.WORKING])
        await asyncio.to_thread(desk.broker.cancel_order, desk.account, order_id)
        await heard.until(lambda: heard.orders(order_id)[-1].status is BrokerStatus.CANCELLED)


@pytest.mark.parametrize("source", ["quotes", "account"])
async def test_a_broken_connection_is_remade_and_said_to_be(desk: Desk, source: str) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: heard.is_live("quotes", "account"))
        await asyncio.to_thread(desk.sim.faults, {**desk.entry.breaks[source], "times": 1})
        await heard.until(lambda: heard.states(source)[-2:] == [RECONNECTING, LIVE])
        words = [each.detail for each in heard.events if isinstance(each, StatusChange) and each.state is RECONNECTING]
        assert all(words)
        seen = len(heard.events)
        await heard.until(lambda: heard.ticks(SPY, seen))
        order_id = await place(desk, buy(None))
        await heard.until(lambda: heard.is_filled(order_id))


async def test_prices_that_stop_are_called_stale_and_come_back(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: heard.ticks(SPY))
        await asyncio.to_thread(desk.sim.faults, desk.entry.silence)
        await heard.until(lambda: STALE in heard.states("quotes"))
        await asyncio.to_thread(desk.sim.clear_faults)
        await heard.until(lambda: heard.is_live("quotes"))
        seen = len(heard.events)
        await heard.until(lambda: heard.ticks(SPY, seen))


async def test_without_accounts_nothing_is_told_of_any(desk: Desk) -> None:
    async with listening(desk, [SPY], accounts=()) as heard:
        await heard.until(lambda: heard.ticks(SPY))
        assert heard.states("account") == []


async def test_a_dead_grant_ends_the_stream_and_says_so_of_each_source(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: heard.is_live("quotes", "account"))
        await asyncio.to_thread(desk.revoke)
        desk.token.value = ""
        for source in ("quotes", "account"):
            await asyncio.to_thread(desk.sim.faults, {**desk.entry.breaks[source], "name": source, "times": 1})
        await heard.until(lambda: heard.ended)
        assert heard.states("account")[-1] is heard.states("quotes")[-1] is SIGN_IN


async def test_a_closed_stream_ends_and_takes_nothing_more_in(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.until(lambda: heard.ticks(SPY))
        await heard.stream.close()
        await heard.until(lambda: heard.ended)
        seen = len(heard.events)
        heard.stream.watch([AAPL])
        await asyncio.sleep(0.3)
        assert len(heard.events) == seen
        assert [batch async for batch in heard.stream.events()] == []
