"""A feed: its upstream, what becomes of it, and the news that it hands on."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import hand_fed
import pytest
from hand_fed import T0, HandFedStream, instruments, open_tab, tick, until

from brokers import signals
from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import NotAuthorized, Unavailable
from brokers.live.feed import open_stream
from brokers.live.reports import send_signals
from brokers.models import Connection
from brokers.port import AccountChanged, StatusChange, StreamState

HERE = uuid4()
SPY = parse_instrument("SPY")
LIVE = StatusChange("quotes", StreamState.LIVE)


def an_order(number: str) -> OrderUpdate:
    return OrderUpdate(
        account_number="5WX00001",
        broker_order_id=number,
        client_ref=None,
        status=BrokerStatus.WORKING,
        broker_status="Live",
        order_type="limit",
        time_in_force="day",
        limit_price=Decimal("-1"),
        stop_price=None,
        legs=(),
        received_at=T0,
        updated_at=T0,
    )


async def test_ticks_reach_the_tab_at_once_after_a_quiet_spell(make_hub, upstreams):
    hub = make_hub(flush_every=5)
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        stream.say(LIVE, tick("SPY", bid="1.02"))
        await until(lambda: socket.of_type("quotes"), within=1)
        assert socket.merged(HERE)["SPY"]["bid"] == "1.02"


async def test_a_storm_of_ticks_is_told_at_the_pace_of_flushes_and_ends_with_the_newest(make_hub, upstreams):
    hub = make_hub(flush_every=0.1)
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        begun = asyncio.get_running_loop().time()
        for number in range(300):
            stream.say(tick("SPY", number, last=str(number)))
            await asyncio.sleep(0.001)
        await until(lambda: socket.merged(HERE)["SPY"]["last"] == "299")
        most = (asyncio.get_running_loop().time() - begun) / 0.1 + 2
        assert 3 <= len(socket.of_type("quotes")) <= most


async def test_upstream_watches_the_union_of_tabs_and_what_is_kept(hub, upstreams):
    async with open_tab(hub) as (first, _), open_tab(hub) as (second, _):
        hub.subscribe(first, HERE, instruments("SPY", "QQQ"))
        hub.subscribe(second, HERE, instruments("QQQ", "AAPL"))
        await hub.keep(HERE, instruments("MSFT"))
        stream = await upstreams.of(HERE)
        await until(lambda: stream.watched == set(instruments("SPY", "QQQ", "AAPL", "MSFT")))
        hub.subscribe(first, HERE, instruments("TLT"))
        assert stream.watched == set(instruments("SPY", "QQQ", "AAPL", "MSFT", "TLT"))


async def test_what_a_tab_left_lingers_then_goes_and_the_feed_last(make_hub, upstreams):
    hub = make_hub(linger=0.15)
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, instruments("SPY", "QQQ"))
        stream = await upstreams.of(HERE)
        stream.say(tick("SPY", bid="1"), tick("QQQ", bid="2"))
        hub.unsubscribe(tab, HERE, instruments("QQQ"))
        assert stream.watched == set(instruments("SPY", "QQQ"))
        await until(lambda: stream.watched == set(instruments("SPY")))
        assert set(hub.latest(HERE, instruments("SPY", "QQQ"))) == {SPY}
    assert not stream.closed
    await until(lambda: stream.closed)
    assert hub.feeds == {}


async def test_a_tab_that_comes_back_within_the_linger_finds_the_prices_there(hub, upstreams):
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, [SPY])
        (await upstreams.of(HERE)).say(tick("SPY", bid="1.02"))
        await until(lambda: hub.latest(HERE, [SPY]))
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        assert socket.of_type("snapshot")[0]["quotes"]["SPY"]["bid"] == "1.02"
    assert upstreams.opened == [HERE]


class Silent(HandFedStream):
    """Tells what is not watched any more, and does not say so."""

    def carried(self) -> frozenset[Instrument]:
        return frozenset()


async def come_back(hub, upstreams) -> tuple[HandFedStream, dict]:
    """To an instrument that was left long ago but is still told. The snapshot that the tab gets of it."""
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, instruments("SPY", "QQQ"))
        stream = await upstreams.of(HERE)
        stream.still_told = frozenset([SPY])
        stream.say(tick("SPY", bid="1.02", ask="1.04", delta="0.5"))
        await until(lambda: hub.latest(HERE, [SPY]))
        hub.unsubscribe(tab, HERE, [SPY])
        await until(lambda: stream.watched == set(instruments("QQQ")))
        stream.say(tick("SPY", 60, bid="1.03"), tick("QQQ", bid="2"))
        await until(lambda: hub.latest(HERE, instruments("QQQ")))
        hub.subscribe(tab, HERE, [SPY])
        return stream, socket.of_type("snapshot")[-1]["quotes"]


async def test_what_is_still_told_is_kept_for_who_comes_back_but_old_greeks_are_not(make_hub, upstreams):
    stream, told = await come_back(make_hub(linger=0.05), upstreams)
    assert (told["SPY"]["bid"], told["SPY"]["ask"], told["SPY"]["as_of"]) == (
        "1.03",
        "1.04",
        "2026-11-20T15:01:00.000Z",
    )
    assert "delta" not in told["SPY"]
    assert SPY in stream.watched


async def test_a_stream_that_does_not_say_what_it_still_tells_leaves_who_comes_back_without(
    make_hub, upstreams, monkeypatch
):
    """The sabotaged twin."""
    monkeypatch.setattr(hand_fed, "HandFedStream", Silent)
    assert (await come_back(make_hub(linger=0.05), upstreams))[1] == {}


async def test_what_is_not_told_any_more_is_forgotten(make_hub, upstreams):
    hub = make_hub(linger=0.05)
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, instruments("SPY", "QQQ"))
        stream = await upstreams.of(HERE)
        stream.still_told = frozenset([SPY])
        stream.say(tick("SPY", bid="1.02"))
        hub.unsubscribe(tab, HERE, [SPY])
        await until(lambda: stream.watched == set(instruments("QQQ")))
        assert hub.latest(HERE, [SPY])
        stream.still_told = frozenset()
        await until(lambda: not hub.latest(HERE, [SPY]))


async def test_who_keeps_what_is_still_told_has_it_watched(make_hub, upstreams):
    hub = make_hub(linger=0.05)
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, instruments("SPY", "QQQ"))
        stream = await upstreams.of(HERE)
        stream.still_told = frozenset([SPY])
        hub.unsubscribe(tab, HERE, [SPY])
        await until(lambda: stream.watched == set(instruments("QQQ")))
        await hub.keep(HERE, [SPY], seconds=60)
        assert SPY in stream.watched


async def test_status_changes_are_told_once_each_and_to_late_comers(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        stream.say(LIVE)
        stream.say(LIVE)
        stream.say(StatusChange("quotes", StreamState.STALE, "No data for 20 s."))
        stream.say(LIVE)
        await until(lambda: len(socket.of_type("status")) == 4)
        states = [frame["state"] for frame in socket.of_type("status")]
        assert states == ["reconnecting", "live", "stale", "live"]
        async with open_tab(hub) as (late, its_socket):
            hub.subscribe(late, HERE, [SPY])
            assert [frame["state"] for frame in its_socket.of_type("status")] == ["live"]


async def test_a_stream_that_fails_is_told_and_opened_again(hub, upstreams, caplog):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        first = await upstreams.of(HERE)
        first.say(LIVE)
        first.line.put_nowait(RuntimeError("a bug"))
        await until(lambda: len(upstreams.opened) == 2)
        assert first.closed
        second = upstreams.newest[HERE]
        assert second.watched == {SPY}
        second.say(LIVE, tick("SPY", bid="3"))
        await until(lambda: socket.merged(HERE).get("SPY"))
        assert [frame["state"] for frame in socket.of_type("status")] == [
            "reconnecting",
            "live",
            "reconnecting",
            "live",
        ]
    assert "a bug" in caplog.text


async def test_a_stream_that_ends_without_a_word_is_opened_again(hub, upstreams):
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, [SPY])
        (await upstreams.of(HERE)).line.put_nowait(None)
        await until(lambda: len(upstreams.opened) == 2)


async def test_a_broker_that_is_away_is_tried_again_until_it_is_back(hub, upstreams):
    upstreams.refusals = [Unavailable("down"), Unavailable("still down")]
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, [SPY])
        await upstreams.of(HERE)
        assert len(upstreams.opened) == 3


async def test_a_dead_grant_stops_the_feed_until_it_is_asked_again(hub, upstreams):
    upstreams.refusals = [NotAuthorized("revoked", grant_is_dead=True)]
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        await until(lambda: [frame["state"] for frame in socket.of_type("status")][-1:] == ["sign_in_needed"])
        await asyncio.sleep(0.15)
        await hub.keep(HERE)
        await asyncio.sleep(0.02)
        assert len(upstreams.opened) == 1
        hub.subscribe(tab, HERE, [SPY])
        await upstreams.of(HERE)
        assert len(upstreams.opened) == 2


async def test_a_grant_that_dies_in_mid_stream_stops_the_feed_too(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        stream.say(StatusChange("account", StreamState.SIGN_IN, "Revoked."))
        stream.line.put_nowait(None)
        await until(lambda: stream.closed)
        await until(lambda: [frame["state"] for frame in socket.of_type("status")][-1:] == ["sign_in_needed"])
        await asyncio.sleep(0.1)
        assert len(upstreams.opened) == 1


async def test_news_of_orders_is_handed_on_whole_and_in_order(hub, upstreams, reported):
    await hub.keep(HERE)
    stream = await upstreams.of(HERE)
    sent = [an_order(str(number)) for number in range(50)]
    sent.insert(20, AccountChanged("5WX00001", "balance"))
    for number, event in enumerate(sent):
        stream.say(event, tick("SPY", number, bid="1"))
    await until(lambda: len(reported.news) == 51)
    assert [news for _, news in reported.news] == sent
    assert {connection for connection, _ in reported.news} == {HERE}


async def test_an_account_stream_that_is_live_again_is_handed_on_in_its_place(hub, upstreams, reported):
    """Each time, though tabs are told a state only once; of other states and of quotes there is nothing to hand on."""
    back = StatusChange("account", StreamState.LIVE)
    away = StatusChange("account", StreamState.RECONNECTING)
    await hub.keep(HERE)
    stream = await upstreams.of(HERE)
    stream.say(LIVE, an_order("1"), back, an_order("2"), away)
    stream.say(back, back)
    await until(lambda: len(reported.news) == 5)
    assert [news for _, news in reported.news] == [an_order("1"), back, an_order("2"), back, back]


async def test_slow_writing_of_news_does_not_hold_up_ticks(hub, upstreams, reported):
    reported.may_go_on.clear()
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        stream.say(an_order("1"))
        stream.say(an_order("2"), tick("SPY", bid="1"))
        await until(lambda: socket.of_type("quotes"))
        assert reported.news == []
        reported.may_go_on.set()
        await until(lambda: len(reported.news) == 2)


async def test_news_that_could_not_be_written_is_written_later(hub, upstreams, reported, caplog):
    reported.failures = 1
    await hub.keep(HERE)
    (await upstreams.of(HERE)).say(an_order("1"))
    await until(lambda: [news.broker_order_id for _, news in reported.news] == ["1"])
    assert "could not be written down" in caplog.text


async def test_closing_writes_down_what_was_still_on_its_way(hub, upstreams, reported):
    reported.may_go_on.clear()
    await hub.keep(HERE)
    (await upstreams.of(HERE)).say(an_order("1"))
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(hub.close())
    await asyncio.sleep(0.02)
    reported.may_go_on.set()
    await closing
    assert len(reported.news) == 1
    assert upstreams.newest[HERE].closed


async def test_the_feed_says_the_time_of_the_figures_not_of_their_telling(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        (await upstreams.of(HERE)).say(tick("SPY", 61, bid="1"))
        await until(lambda: socket.of_type("quotes"))
        assert socket.merged(HERE)["SPY"]["as_of"] == "2026-11-20T15:01:01.000Z"
        assert hub.latest(HERE, [SPY])[SPY].as_of == T0 + timedelta(seconds=61)


@pytest.mark.django_db(transaction=True)
async def test_the_signals_carry_the_news_in_order_to_receivers_that_use_the_database():
    heard: list = []

    def hear_orders(*, connection_id, updates, **_):
        heard.append((connection_id, [order.broker_order_id for order in updates], Connection.objects.count()))

    def hear_account(*, connection_id, change, **_):
        heard.append((connection_id, change.what, Connection.objects.count()))

    def hear_resumed(*, connection_id, **_):
        heard.append((connection_id, "resumed", Connection.objects.count()))

    signals.order_reported.connect(hear_orders)
    signals.account_changed.connect(hear_account)
    signals.account_stream_resumed.connect(hear_resumed)
    try:
        balance, back = AccountChanged("5WX00001", "balance"), StatusChange("account", StreamState.LIVE)
        await send_signals(HERE, [back, an_order("1"), an_order("2"), balance, an_order("3")])
    finally:
        signals.account_stream_resumed.disconnect(hear_resumed)
        signals.order_reported.disconnect(hear_orders)
        signals.account_changed.disconnect(hear_account)
    assert heard == [(HERE, "resumed", 0), (HERE, ["1", "2"], 0), (HERE, "balance", 0), (HERE, ["3"], 0)]


@pytest.mark.django_db(transaction=True)
async def test_a_connection_that_was_removed_is_not_opened():
    with pytest.raises(NotAuthorized) as refused:
        await open_stream(uuid4())
    assert refused.value.grant_is_dead
