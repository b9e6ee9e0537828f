"""Several processes of one desk: one owns a connection's upstream, the others hear it through a real Redis."""

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hand_fed import FAST, Reported, Upstreams, instruments, open_tab, tick, until
from servers import redis
from told_prices import PATIENT, bid, states

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import OrderUpdate
from brokers.live import sharing
from brokers.live.hub import Hub
from brokers.live.lease import Lease
from brokers.live.limits import Limits
from brokers.live.sharing import SharedSource
from brokers.live.switchboard import Switchboard
from brokers.port import AccountChanged, StatusChange, StreamState

SPY = parse_instrument("SPY")
LIVE = StatusChange("quotes", StreamState.LIVE)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def desk(redis_url: str):
    """Makes hubs as if each were a process of the same desk; their upstreams are counted together."""
    hubs: list[Hub] = []
    upstreams, reported = Upstreams(), Reported()

    def make() -> Hub:
        hubs.append(Hub(upstreams.open, reported, Limits(**FAST), redis_url))
        return hubs[-1]

    make.upstreams, make.reported = upstreams, reported
    yield make
    for hub in hubs:
        await hub.close()


def dies(hub: Hub) -> None:
    """As by SIGKILL: it says nothing, releases nothing and never runs again."""
    for feed in hub.feeds.values():
        feed._shared._lease.release = _nothing
        feed._shared._board.say = lambda *_: None
        feed._task.cancel()
    hub.feeds.clear()


async def _nothing() -> None: ...


def shared(hub: Hub, connection_id) -> SharedSource:
    return hub.feeds[connection_id]._shared


@contextlib.asynccontextmanager
async def two_processes(desk, connection_id, *symbols: str):
    """A tab in each; the first has the upstream and is live."""
    first, second = desk(), desk()
    async with open_tab(first, "ann") as (tab, at_first), open_tab(second, "ann") as (other, at_second):
        first.subscribe(tab, connection_id, instruments(*symbols))
        stream = await desk.upstreams.of(connection_id)
        second.subscribe(other, connection_id, instruments(*symbols))
        await until(lambda: shared(first, connection_id)._wishes, PATIENT)
        stream.say(LIVE)
        await until(lambda: states(at_second)[-1:] == ["live"], PATIENT)
        yield first, second, at_first, at_second, stream


async def test_two_processes_have_one_upstream_and_both_tell_its_prices(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (first, second, at_first, at_second, stream):
        stream.say(tick("SPY", 1, bid="1.02", ask="1.04", mark="1.035", delta="0.5"))
        await until(lambda: bid(at_first, here) == bid(at_second, here) == "1.02", PATIENT)
        assert second.latest(here, [SPY]) == first.latest(here, [SPY])
        assert second.latest_greeks(here, [SPY]) == first.latest_greeks(here, [SPY])
        assert at_second.merged(here)["SPY"] == at_first.merged(here)["SPY"]
        await asyncio.sleep(1.2)
        assert desk.upstreams.opened == [here]


async def test_what_only_the_other_process_wants_is_watched_and_what_is_known_told_at_once(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (_, second, _, at_second, stream):
        stream.say(tick("SPY", bid="1"))
        async with open_tab(second, "ann") as (late, at_late):
            second.subscribe(late, here, instruments("QQQ", "SPY"))
            await until(lambda: parse_instrument("QQQ") in stream.watched, PATIENT)
            await until(lambda: bid(at_late, here) == "1", PATIENT)
            stream.say(tick("QQQ", bid="5"))
            await until(lambda: bid(at_late, here, "QQQ") == "5", PATIENT)
        assert bid(at_second, here, "QQQ") is None


async def test_news_of_orders_is_written_down_once(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (_, _, _, _, stream):
        stream.say(AccountChanged("5WX1", "balance"))
        await until(lambda: desk.reported.news, PATIENT)
        await asyncio.sleep(0.3)
        assert desk.reported.news == [(here, AccountChanged("5WX1", "balance"))]
        assert not [news for news in desk.reported.news if isinstance(news[1], OrderUpdate)]


async def test_an_owner_that_ends_hands_over_at_once(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (first, second, _, at_second, stream):
        begun = asyncio.get_running_loop().time()
        await first.close()
        await until(lambda: len(desk.upstreams.opened) == 2, PATIENT)
        print(f"handed over in {asyncio.get_running_loop().time() - begun:.2f} s")
        assert stream.closed
        desk.upstreams.newest[here].say(LIVE, tick("SPY", 9, bid="9"))
        await until(lambda: bid(at_second, here) == "9", PATIENT)
        assert shared(second, here)._is_owner


async def test_an_owner_that_dies_is_told_of_and_replaced(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (first, _, _, at_second, _):
        dies(first)
        begun = asyncio.get_running_loop().time()
        await until(lambda: states(at_second)[-1] == "reconnecting", PATIENT)
        told = asyncio.get_running_loop().time() - begun
        await until(lambda: len(desk.upstreams.opened) == 2, PATIENT)
        taken = asyncio.get_running_loop().time() - begun
        print(f"told after {told:.2f} s, taken over after {taken:.2f} s")
        desk.upstreams.newest[here].say(LIVE, tick("SPY", 9, bid="9"))
        await until(lambda: bid(at_second, here) == "9" and states(at_second)[-1] == "live", PATIENT)


async def two_upstreams(desk) -> int:
    here = uuid4()
    first, second = desk(), desk()
    async with open_tab(first) as (tab, _), open_tab(second) as (other, _):
        first.subscribe(tab, here, [SPY])
        second.subscribe(other, here, [SPY])
        await asyncio.sleep(1.5)
        return len(desk.upstreams.opened)


async def test_processes_that_start_together_open_one_upstream(desk):
    assert await two_upstreams(desk) == 1


async def test_without_the_lease_there_would_be_two(desk, monkeypatch):
    async def take_anyway(self: Lease) -> bool:
        self.fence, self._sure_until = self.fence + 1, float("inf")
        return True

    async def keeps(self: Lease) -> bool:
        return True

    monkeypatch.setattr(Lease, "take", take_anyway)
    monkeypatch.setattr(Lease, "renew", keeps)
    assert await two_upstreams(desk) == 2


async def is_former_owner_heard(desk) -> bool:
    """An owner slept, lost its lease, and speaks on before it knows: whether a tab of another showed that price."""
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (first, second, _, _, stream):
        stream.say(tick("SPY", 1, bid="1"))
        old = shared(first, here)
        fence = old._fence
        third = desk()
        async with open_tab(third, "ann") as (tab, at_third):
            await first.close()
            await until(lambda: len(desk.upstreams.opened) == 2, PATIENT)
            third.subscribe(tab, here, [SPY])
            await until(lambda: shared(second, here)._wishes, PATIENT)
            desk.upstreams.newest[here].say(LIVE, tick("SPY", 9, bid="9"))
            await until(lambda: bid(at_third, here) == "9", PATIENT)
            stale = tick("SPY", 5, bid="5")
            text = sharing.write(fence, 7, "quotes", [f'"SPY":{{"bid":"5","as_of":"{stale.at.isoformat()}"}}'])
            second._switchboard.say(old._told_by, text)
            await asyncio.sleep(0.4)
            figures = [quote for frame in at_third.frames for quote in frame.get("quotes", {}).values()]
            return any(quote.get("bid") == "5" for quote in figures)


async def test_a_former_owner_is_not_heard(desk):
    assert not await is_former_owner_heard(desk)


async def test_without_the_fence_it_would_be(desk, monkeypatch):
    monkeypatch.setattr(sharing, "CLOCK_WENT_BACK", -1)
    assert await is_former_owner_heard(desk)


async def test_an_owner_without_a_sure_lease_says_nothing(desk, monkeypatch):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (_, _, at_first, at_second, stream):
        stream.say(tick("SPY", 1, bid="1"))
        await until(lambda: bid(at_second, here) == "1", PATIENT)
        monkeypatch.setattr(Lease, "is_sure", property(lambda self: False))
        stream.say(tick("SPY", 2, bid="2"))
        await until(lambda: bid(at_first, here) == "2", PATIENT)
        await asyncio.sleep(0.2)
        assert bid(at_second, here) == "1"


async def lose_one(desk, monkeypatch) -> tuple[str | None, int]:
    """One message between the processes is lost: what the tab shows in the end, and how many holes were seen."""
    here = uuid4()
    async with two_processes(desk, here, "SPY", "QQQ") as (_, second, at_first, at_second, stream):
        stream.say(tick("SPY", 1, bid="1"), tick("QQQ", 1, bid="1"))
        await until(lambda: bid(at_second, here, "QQQ") == "1", PATIENT)
        say = Switchboard.say
        lost = []

        def loses_one(self: Switchboard, channel: str, text: str) -> None:
            if '"kind":"quotes"' in text and not lost:
                lost.append(text)
            else:
                say(self, channel, text)

        monkeypatch.setattr(Switchboard, "say", loses_one)
        stream.say(tick("SPY", 2, bid="2"))
        await until(lambda: lost and bid(at_first, here) == "2", PATIENT)
        stream.say(tick("QQQ", 3, bid="3"))
        await until(lambda: bid(at_second, here, "QQQ") == "3", PATIENT)
        await asyncio.sleep(0.7)
        return bid(at_second, here), shared(second, here).gaps


async def test_a_message_that_is_lost_between_processes_is_noticed_and_made_good(desk, monkeypatch):
    assert await lose_one(desk, monkeypatch) == ("2", 1)


async def test_without_the_count_it_would_be_lost_for_good(desk, monkeypatch):
    monkeypatch.setattr(SharedSource, "_mind_the_gap", lambda self, told, was_silent: setattr(self, "_seq", told.seq))
    assert await lose_one(desk, monkeypatch) == ("1", 0)


async def test_a_removed_connection_ends_in_every_process(desk):
    here = uuid4()
    async with two_processes(desk, here, "SPY") as (first, second, _, _, stream):
        second.drop(here)
        await until(lambda: stream.closed and here not in first.feeds, PATIENT)


async def test_what_no_process_wants_any_more_ends_the_upstream(redis_url):
    upstreams = Upstreams()
    hubs = [Hub(upstreams.open, Reported(), Limits(**{**FAST, "linger": 0.2}), redis_url) for _ in range(2)]
    here = uuid4()
    try:
        for hub in hubs:
            async with open_tab(hub) as (tab, _):
                hub.subscribe(tab, here, [SPY])
                await upstreams.of(here)
                await asyncio.sleep(0.3)
        await until(lambda: upstreams.newest[here].closed, PATIENT)
    finally:
        for hub in hubs:
            await hub.close()
