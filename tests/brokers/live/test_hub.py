"""The hub: who gets what, from which connection, and what a slow tab costs the others."""

import random
import threading
from uuid import uuid4

import pytest
from hand_fed import Socket, instruments, open_tab, tick, until

from brokers.domain.instruments import parse_instrument
from brokers.live.hub import LimitReached
from brokers.live.mailbox import Mailbox

HERE, THERE = uuid4(), uuid4()
SPY = parse_instrument("SPY")
CALL, PUT = "SPY   261218C00600000", "SPY   261218P00600000"


async def test_the_same_symbol_on_two_connections_has_values_of_its_own(hub, upstreams):
    async with open_tab(hub, "ann") as (ann, at_ann), open_tab(hub, "bob") as (bob, at_bob):
        hub.subscribe(ann, HERE, [SPY])
        hub.subscribe(bob, THERE, [SPY])
        (await upstreams.of(HERE)).say(tick("SPY", bid="1"))
        (await upstreams.of(THERE)).say(tick("SPY", bid="2"))
        await until(lambda: at_ann.of_type("quotes") and at_bob.of_type("quotes"))
        assert at_ann.merged(HERE)["SPY"]["bid"] == "1"
        assert at_bob.merged(THERE)["SPY"]["bid"] == "2"
        assert {frame["connection"] for frame in at_ann.frames} == {str(HERE)}
        assert {frame["connection"] for frame in at_bob.frames} == {str(THERE)}


async def test_a_tab_gets_what_it_watches_and_nothing_else(hub, upstreams):
    async with open_tab(hub) as (one, at_one), open_tab(hub) as (two, at_two):
        hub.subscribe(one, HERE, instruments(CALL))
        hub.subscribe(two, HERE, instruments(PUT, "SPY"))
        stream = await upstreams.of(HERE)
        stream.say(tick(CALL, bid="1"), tick(PUT, bid="2"), tick("SPY", bid="3"))
        await until(lambda: at_one.of_type("quotes") and at_two.of_type("quotes"))
        assert {symbol: q["bid"] for symbol, q in at_one.merged(HERE).items()} == {CALL: "1"}
        assert {symbol: q["bid"] for symbol, q in at_two.merged(HERE).items()} == {PUT: "2", "SPY": "3"}


async def test_one_tab_may_watch_two_connections_each_with_its_own_count(hub, upstreams):
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        hub.subscribe(tab, THERE, [SPY])
        for number in range(3):
            (await upstreams.of(HERE)).say(tick("SPY", number, bid=str(number)))
            await until(lambda: socket.merged(HERE).get("SPY", {}).get("bid") == str(number))  # noqa: B023
        (await upstreams.of(THERE)).say(tick("SPY", bid="9"))
        await until(lambda: socket.merged(THERE).get("SPY"))
        assert socket.merged(HERE)["SPY"]["bid"] == "2"


async def test_the_snapshot_comes_first_and_no_change_falls_between(hub, upstreams):
    """Tabs join, widen and narrow at random moments of a busy feed; each always shows just what the board has."""
    rng = random.Random(7)  # noqa: S311
    symbols = ["SPY", "QQQ", "AAPL", CALL, PUT]
    await hub.keep(HERE, instruments(*symbols))
    feed = hub.feed(HERE)
    await upstreams.of(HERE)
    sockets = []
    for number in range(400):
        feed.apply([tick(rng.choice(symbols), number, bid=str(number), last=str(rng.randrange(3)))])
        if rng.random() < 0.3:
            feed.flush()
        if rng.random() < 0.1:
            socket = Socket()
            tab = Mailbox(socket.send)
            hub.join(number, tab)
            hub.subscribe(tab, HERE, instruments(*rng.sample(symbols, rng.randrange(1, 5))))
            sockets.append((tab, socket))
        if sockets and rng.random() < 0.1:
            change = rng.choice((hub.subscribe, hub.unsubscribe))
            change(rng.choice(sockets)[0], HERE, instruments(rng.choice(symbols)))
    feed.flush()
    latest = hub.latest(HERE, instruments(*symbols))
    assert len(sockets) > 20
    for tab, socket in sockets:
        shown = socket.merged(HERE)
        for figures in tab.views[HERE].figures:
            if figures.instrument in latest:
                assert shown[str(figures.instrument)]["bid"] == f"{latest[figures.instrument].bid:f}"
                assert shown[str(figures.instrument)]["last"] == f"{latest[figures.instrument].last:f}"


async def test_one_tab_that_stops_reading_holds_up_nobody_and_is_closed_in_the_end(make_hub, upstreams):
    hub = make_hub(behind=1, flush_every=0.01)
    async with open_tab(hub) as (slow, full), open_tab(hub) as (quick, socket):
        hub.subscribe(slow, HERE, [SPY])
        hub.subscribe(quick, HERE, [SPY])
        stream = await upstreams.of(HERE)
        full.room.clear()
        for number in range(20):
            stream.say(tick("SPY", number, bid=str(number)))
            await until(lambda: socket.merged(HERE).get("SPY", {}).get("bid") == str(number), within=1)  # noqa: B023
        await until(lambda: slow.gone, within=5)
        full.room.set()
        await until(lambda: full.messages[-1]["type"] == "websocket.close")
        assert full.messages[-1]["code"] == 4408
        assert full.messages[-1]["reason"].startswith("Too slow")
        assert slow not in hub.tabs[1]
        assert not quick.gone
        stream.say(tick("SPY", 99, bid="99"))
        await until(lambda: socket.merged(HERE)["SPY"]["bid"] == "99")


async def test_a_tab_that_catches_up_in_time_stays(make_hub, upstreams):
    hub = make_hub(behind=5)
    async with open_tab(hub) as (tab, socket):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        socket.room.clear()
        for number in range(5):
            stream.say(tick("SPY", number, bid=str(number)))
        await until(lambda: tab.behind_since is not None)
        socket.room.set()
        await until(lambda: socket.merged(HERE).get("SPY", {}).get("bid") == "4")
        assert not tab.gone


async def test_a_tab_watches_so_many_symbols_and_no_more(make_hub):
    hub = make_hub(symbols=3)
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, instruments("SPY", "QQQ"))
        with pytest.raises(LimitReached):
            hub.subscribe(tab, THERE, instruments("AAPL", "MSFT"))
        hub.subscribe(tab, HERE, instruments("SPY", "TLT"))
        assert tab.symbols == 3


async def test_a_person_watches_so_many_symbols_over_all_tabs_and_another_person_theirs(make_hub):
    hub = make_hub(symbols=3, symbols_of_person=4)
    async with (
        open_tab(hub, "ann") as (first, _),
        open_tab(hub, "ann") as (second, _),
        open_tab(hub, "bob") as (his, _),
    ):
        hub.subscribe(first, HERE, instruments("SPY", "QQQ", "TLT"))
        hub.subscribe(second, THERE, instruments("SPY"))
        with pytest.raises(LimitReached, match="All your tabs together can watch at most 4"):
            hub.subscribe(second, HERE, instruments("AAPL"))
        assert (first.symbols, second.symbols) == (3, 1)
        hub.subscribe(first, HERE, instruments("SPY"))  # what is watched already may be asked for again
        hub.subscribe(his, HERE, instruments("AAPL", "MSFT"))
        hub.unsubscribe(first, HERE, instruments("TLT"))
        hub.subscribe(second, HERE, instruments("AAPL"))
        assert (first.symbols, second.symbols) == (2, 2)


async def test_a_tab_that_leaves_makes_room_for_the_others(make_hub):
    hub = make_hub(symbols_of_person=2)
    async with open_tab(hub, "ann") as (stays, _):
        async with open_tab(hub, "ann") as (leaves, _):
            hub.subscribe(leaves, HERE, instruments("SPY", "QQQ"))
            with pytest.raises(LimitReached):
                hub.subscribe(stays, HERE, instruments("TLT"))
        hub.subscribe(stays, HERE, instruments("TLT", "IWM"))
        assert stays.symbols == 2


async def test_a_person_has_so_many_tabs_and_another_person_theirs(make_hub):
    hub = make_hub(tabs=2)
    async with open_tab(hub, "ann"), open_tab(hub, "ann"), open_tab(hub, "bob"):
        with pytest.raises(LimitReached):
            hub.join("ann", Mailbox(Socket().send))


async def test_tabs_hear_a_heartbeat(make_hub):
    hub = make_hub(heartbeat=0.03)
    async with open_tab(hub) as (_, socket):
        await until(lambda: len(socket.of_type("heartbeat")) >= 2)


async def test_latest_may_be_asked_from_any_thread_while_prices_move(hub, upstreams):
    await hub.keep(HERE, [SPY])
    feed = hub.feed(HERE)
    await upstreams.of(HERE)
    torn, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            for quote in hub.latest(HERE, [SPY]).values():
                if quote.bid != quote.ask or quote.as_of.microsecond != int(quote.bid):
                    torn.append(quote)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(3000):
        feed.apply([tick("SPY", number / 1e6, bid=str(number), ask=str(number))])
    done.set()
    reader.join()
    assert torn == []
    assert hub.latest(THERE, [SPY]) == {}


async def test_a_dropped_connection_ends_its_feed_at_once(hub, upstreams):
    async with open_tab(hub) as (tab, _):
        hub.subscribe(tab, HERE, [SPY])
        stream = await upstreams.of(HERE)
        hub.drop_soon(HERE)
        await until(lambda: stream.closed)
        assert hub.latest(HERE, [SPY]) == {}
        assert tab.views == {}


async def test_a_closed_hub_can_be_used_again(hub, upstreams):
    await hub.keep(HERE, [SPY])
    first = await upstreams.of(HERE)
    await hub.close()
    assert first.closed
    await hub.keep(THERE, [SPY])
    await upstreams.of(THERE)
