"""The stream against a websocket server that speaks the transcripts, and breaks off where it is told to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from market_times import Hours, busy
from ticks_apart import apart
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from brokers import transport
from brokers.domain.bustle import Bustle
from brokers.domain.instruments import Equity, parse_instrument
from brokers.domain.market import Tick
from brokers.domain.orders import OrderUpdate
from brokers.errors import NotAuthorized, Unavailable
from brokers.port import AccountChanged, Hosts, StatusChange, StreamEvent, StreamState
from brokers.tastytrade.codec.market import QuotePass
from brokers.tastytrade.quote_feed import QuoteFeed
from brokers.tastytrade.sockets import Timings
from brokers.tastytrade.stream import TastytradeStream
from brokers.upstream import keeping
from brokers.upstream.keeping import Lost
from brokers.upstream.outbox import Outbox

AAPL, SPY = Equity("AAPL"), Equity("SPY")
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
QUICK = Timings(
    first_delay=0.02, longest_delay=0.2, settled=0.3, quiet=0.4, heartbeat=0.4, answer=10, look=0.02, bustle=busy
)
LIVE, RECONNECTING, STALE, SIGN_IN = (
    StreamState.LIVE,
    StreamState.RECONNECTING,
    StreamState.STALE,
    StreamState.SIGN_IN,
)


@dataclass
class Upstream:
    """tastytrade in small: passes over HTTP, DXLink, account streamer. The fields are what tests turn and read."""

    port: int = 0
    level: str = "api"
    good_passes: Callable[[str], bool] = lambda token: True
    good_tokens: Callable[[str], bool] = lambda token: True
    acknowledges: bool = True
    beats: bool = True
    quotes: bool = True
    closes_at_once: int = 0
    passes: int = 0
    dxlink_opened: list[float] = field(default_factory=list)
    subscribed: list[set[str]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    sockets: dict[str, ServerConnection] = field(default_factory=dict)

    @property
    def hosts(self) -> Hosts:
        http, ws = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        return Hosts(api=http, authorize="", token="", streamer=f"{ws}/streamer")

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/api-quote-tokens":
            return None
        self.passes += 1
        url = f"ws://127.0.0.1:{self.port}/dxlink"
        body = {"data": {"token": f"pass-{self.passes}", "dxlink-url": url, "level": self.level}}
        return connection.respond(HTTPStatus.OK, json.dumps(body))

    async def handle(self, socket: ServerConnection) -> None:
        path = socket.request.path.strip("/") if socket.request else ""
        self.sockets[path] = socket
        if path == "dxlink":
            await self.dxlink(socket)
        else:
            await self.streamer(socket)

    async def dxlink(self, socket: ServerConnection) -> None:
        self.dxlink_opened.append(time.monotonic())
        self.subscribed.append(set())
        if self.closes_at_once:
            self.closes_at_once -= 1
            return
        async for frame in socket:
            for reply in self.react(json.loads(frame)):
                await socket.send(json.dumps(reply))

    def react(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        match message["type"]:
            case "SETUP":
                setup = {"type": "SETUP", "channel": 0, "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}
                return [setup, {"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"}]
            case "AUTH":
                state = "AUTHORIZED" if self.good_passes(message["token"]) else "UNAUTHORIZED"
                return [{"type": "AUTH_STATE", "channel": 0, "state": state}]
            case "CHANNEL_REQUEST":
                return [{"type": "CHANNEL_OPENED", "channel": 1, "service": "FEED", "parameters": {}}]
            case "FEED_SETUP":
                return [{"type": "FEED_CONFIG", "channel": 1, "dataFormat": "COMPACT", "aggregationPeriod": 0.1}]
            case "FEED_SUBSCRIPTION":
                self.subscribed[-1] |= {entry["symbol"] for entry in message.get("add", [])}
                self.subscribed[-1] -= {entry["symbol"] for entry in message.get("remove", [])}
                return [trade(entry["symbol"], 1) for entry in message.get("add", []) if self.quotes]
        return []

    async def streamer(self, socket: ServerConnection) -> None:
        async for frame in socket:
            message = json.loads(frame)
            self.said.append(message)
            reply = {"status": "ok", "action": message["action"], "request-id": message["request-id"]}
            if not self.good_tokens(message["auth-token"]):
                reply |= {"status": "error", "message": "failed"}
            if self.acknowledges if message["action"] == "connect" else self.beats:
                await socket.send(json.dumps(reply))


def trade(symbol: str, price: float) -> dict[str, Any]:
    return {"type": "FEED_DATA", "channel": 1, "data": ["Trade", [symbol, price, 100]]}


@asynccontextmanager
async def upstream(**fields: Any) -> AsyncIterator[Upstream]:
    made = Upstream(**fields)
    async with serve(made.handle, "127.0.0.1", 0, process_request=made.answer, compression=None) as server:
        made.port = next(iter(server.sockets)).getsockname()[1]
        try:
            yield made
        finally:
            transport.forget_sessions()


class Tokens:
    def __init__(self) -> None:
        self.number, self.refused = 1, []

    def __call__(self, *, refused: str | None = None) -> str:
        if refused is not None:
            self.refused.append(refused)
            self.number += 1
        return f"token-{self.number}"


class Reader:
    def __init__(self, stream: TastytradeStream) -> None:
        self.stream, self.batches, self.ended = stream, [], False
        self.task = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for batch in self.stream.events():
            self.batches.append(apart(batch))
        self.ended = True

    @property
    def events(self) -> list[StreamEvent]:
        return [event for batch in self.batches for event in batch]

    def states(self, source: str) -> list[StreamState]:
        return [event.state for event in self.events if isinstance(event, StatusChange) and event.source == source]

    def last(self, instrument: Equity) -> Decimal | None:
        ticks = [event for event in self.events if isinstance(event, Tick) and event.instrument == instrument]
        return ticks[-1].values.get("last") if ticks else None


async def until(ready: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not ready():  # noqa: ASYNC110 (a test looks, nobody tells it)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reading(
    server: Upstream, token: Any = None, accounts: tuple[str, ...] = ("5WT00042",), **timings: Any
) -> AsyncIterator[Reader]:
    stream = TastytradeStream(server.hosts, token or Tokens(), accounts, timings=replace(QUICK, **timings))
    stream.watch([SPY])
    reader = Reader(stream)
    try:
        yield reader
    finally:
        await stream.close()
        await asyncio.wait_for(reader.task, 30)


# --- quotes -------------------------------------------------------------------------------------------------------


async def test_prices_arrive_and_the_watched_set_can_change() -> None:
    async with upstream() as server, reading(server) as reader:
        await until(lambda: reader.last(SPY) == 1)
        assert reader.states("quotes") == [LIVE]
        reader.stream.watch([AAPL])
        await until(lambda: reader.last(AAPL) == 1)
        assert server.subscribed == [{"AAPL"}]


async def test_after_a_break_everything_is_subscribed_again_on_one_pass() -> None:
    async with upstream() as server, reading(server) as reader:
        reader.stream.watch([SPY, AAPL])
        await until(lambda: reader.last(AAPL))
        await server.sockets["dxlink"].close()
        await until(lambda: reader.states("quotes") == [LIVE, RECONNECTING, LIVE])
        await until(lambda: server.subscribed[-1] == {"SPY", "AAPL"})
        assert server.passes == 1


async def test_pauses_grow_while_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, after = [], keeping._Pauses.after

    def noted(self: keeping._Pauses, failure: Exception, lasted: float) -> float:
        pauses.append(after(self, failure, lasted))
        return pauses[-1]

    monkeypatch.setattr(keeping._Pauses, "after", noted)
    async with upstream(closes_at_once=5) as server, reading(server, settled=60) as reader:
        await until(lambda: reader.last(SPY))
        assert len(pauses) == 5
        assert pauses[-1] >= 0.1 > 0.02 >= pauses[0]
        assert reader.states("quotes") == [RECONNECTING, LIVE]


async def test_a_refused_pass_is_replaced_by_a_new_one() -> None:
    async with upstream(good_passes=lambda token: token != "pass-1") as server, reading(server) as reader:
        await until(lambda: reader.last(SPY))
        assert server.passes == 2
        assert reader.states("quotes") == [RECONNECTING, LIVE]


async def test_a_pass_that_runs_out_is_renewed_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokers.tastytrade.quote_feed.PASS_LIFE", timedelta(minutes=10, seconds=2))
    monkeypatch.setattr("brokers.tastytrade.quote_feed.SHORTEST_LIFE", timedelta(0))
    async with upstream() as server, reading(server, bustle=Hours(Bustle.CLOSED)) as reader:
        await until(lambda: server.passes >= 2 and len(server.dxlink_opened) >= 2)
        await until(lambda: reader.states("quotes")[-1] is LIVE)


async def test_delayed_prices_are_called_delayed() -> None:
    async with upstream(level="demo") as server, reading(server) as reader:
        await until(lambda: reader.states("quotes") == [StreamState.DELAYED])


async def test_a_feed_without_news_is_live_once_it_is_confirmed() -> None:
    async with upstream(quotes=False) as server, reading(server) as reader:
        await until(lambda: reader.states("quotes") == [LIVE])


async def test_silence_is_stale_and_patience_grows_for_a_closed_market() -> None:
    async with upstream() as server, reading(server) as reader:
        await until(lambda: len(server.dxlink_opened) >= 3)
        first, second = (b - a for a, b in zip(server.dxlink_opened, server.dxlink_opened[1:], strict=False))
        assert reader.states("quotes")[:2] == [LIVE, STALE]
        assert first > QUICK.quiet
        assert second > 2 * QUICK.quiet


async def test_silence_of_a_closed_market_is_nothing_strange_and_its_feed_is_live() -> None:
    hours = Hours(Bustle.CLOSED)
    async with upstream() as server, reading(server, bustle=hours) as reader:
        await until(lambda: reader.states("quotes") == [LIVE])
        await asyncio.sleep(1.5)
        assert len(server.dxlink_opened) == 1
        assert reader.states("quotes") == [LIVE]
        hours.now = Bustle.BUSY
        await until(lambda: reader.states("quotes")[:2] == [LIVE, STALE])


async def test_what_flowed_though_the_market_is_closed_and_stopped_is_stale_once() -> None:
    async with upstream() as server, reading(server, bustle=Hours(Bustle.CLOSED), longest_quiet=4.0) as reader:
        await until(lambda: reader.last(SPY))
        began = time.monotonic()
        while time.monotonic() - began < 5.5 * QUICK.quiet:
            await server.sockets["dxlink"].send(json.dumps(trade("SPY", time.monotonic())))
            await asyncio.sleep(0.05)
        await until(lambda: len(server.dxlink_opened) == 2)
        await until(lambda: reader.states("quotes") == [LIVE, STALE, LIVE])
        assert len(server.dxlink_opened) == 2


async def test_a_feed_that_went_stale_is_not_live_by_being_told_the_old_once_more() -> None:
    async with upstream() as server, reading(server) as reader:
        await until(lambda: len(server.dxlink_opened) >= 3 and reader.states("quotes")[-1] is STALE)
        assert reader.states("quotes") == [LIVE, STALE]
        began = time.monotonic()
        while reader.states("quotes")[-1] is STALE and time.monotonic() - began < 20:
            await server.sockets["dxlink"].send(json.dumps(trade("SPY", time.monotonic())))
            await asyncio.sleep(0.05)
        assert reader.states("quotes") == [LIVE, STALE, LIVE]


async def test_silence_of_options_alone_is_nothing_strange() -> None:
    async with upstream() as server, reading(server) as reader:
        reader.stream.watch([parse_instrument("SPY   261218C00600000")])
        await asyncio.sleep(1.0)
        assert len(server.dxlink_opened) == 1


async def test_an_open_address_is_not_spoken_to_from_a_secure_one() -> None:
    class Broker:
        def get_quote_pass(self) -> QuotePass:
            return QuotePass("secret", "ws://127.0.0.1:9/", False, None)

    feed = QuoteFeed(Broker(), Outbox(), QUICK, plain=False)  # type: ignore[arg-type]
    with pytest.raises(Lost):
        await feed.session()


# --- account ------------------------------------------------------------------------------------------------------


async def test_account_news_arrive_and_heartbeats_carry_a_token(payload_text: Callable[[str], str]) -> None:
    async with upstream() as server, reading(server) as reader:
        await until(lambda: reader.states("account") == [LIVE])
        await server.sockets["streamer"].send(payload_text("E-STREAM-ORDER"))
        await until(lambda: any(isinstance(event, OrderUpdate) for event in reader.events))
        await until(lambda: sum(message["action"] == "heartbeat" for message in server.said) >= 3)
        assert {message["auth-token"] for message in server.said} == {"Bearer token-1"}
        assert reader.states("account") == [LIVE]


async def test_a_refused_token_is_told_and_the_newer_one_used() -> None:
    tokens = Tokens()
    async with (
        upstream(good_tokens="Bearer token-2".__eq__) as server,
        reading(server, tokens) as reader,
    ):
        await until(lambda: reader.states("account") == [RECONNECTING, LIVE])
        assert tokens.refused == ["token-1"]


@pytest.mark.parametrize("fault", [{"acknowledges": False}, {"beats": False}])
async def test_a_streamer_that_does_not_answer_is_left(fault: dict[str, bool]) -> None:
    async with upstream(**fault) as server, reading(server) as reader:
        await until(lambda: RECONNECTING in reader.states("account"))
        await until(lambda: sum(message["action"] == "connect" for message in server.said) >= 2)


async def test_without_accounts_there_is_no_account_socket() -> None:
    async with upstream() as server, reading(server, accounts=()) as reader:
        await until(lambda: reader.last(SPY))
        assert reader.states("account") == []
        assert server.said == []


# --- the end of it ------------------------------------------------------------------------------------------------


async def test_a_dead_grant_says_so_on_both_and_ends() -> None:
    def token(*, refused: str | None = None) -> str:
        raise NotAuthorized("Connect again.", grant_is_dead=True)

    async with upstream() as server, reading(server, token) as reader:
        await until(lambda: reader.ended)
        assert reader.states("account") == reader.states("quotes") == [SIGN_IN]
        assert server.dxlink_opened == server.said == []


async def test_a_sign_in_that_is_down_is_waited_for() -> None:
    calls: list[float] = []

    def token(*, refused: str | None = None) -> str:
        calls.append(time.monotonic())
        if len(calls) < 4:
            raise Unavailable("The sign-in is not answering.")
        return "token-1"

    async with upstream() as server, reading(server, token) as reader:
        await until(lambda: reader.states("account")[-1:] == reader.states("quotes")[-1:] == [LIVE])
        assert RECONNECTING in reader.states("account") + reader.states("quotes")


async def test_to_stop_reading_closes_the_sockets() -> None:
    async with upstream() as server:
        stream = TastytradeStream(server.hosts, Tokens(), ["5WT00042"], timings=QUICK)
        stream.watch([SPY])
        reader = Reader(stream)
        await until(lambda: reader.last(SPY) and reader.states("account"))
        reader.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader.task
        for socket in server.sockets.values():
            await asyncio.wait_for(socket.wait_closed(), 30)
        assert not [task for task in asyncio.all_tasks() if "TastytradeStream" in repr(task)]


async def test_a_slow_reader_gets_the_newest_price_and_every_order(payload_text: Callable[[str], str]) -> None:
    async with upstream() as server:
        stream = TastytradeStream(server.hosts, Tokens(), ["5WT00042"], timings=replace(QUICK, quiet=60))
        stream.watch([SPY])
        events = stream.events()
        await until_batch(events, lambda event: isinstance(event, StatusChange) and event.source == "account")
        await until(lambda: server.subscribed and "SPY" in server.subscribed[-1])
        for number in range(300):
            await server.sockets["dxlink"].send(json.dumps(trade("SPY", number)))
        order = json.loads(payload_text("E-STREAM-ORDER"))
        for number in range(50):
            order["data"]["updated-at"] = number + 1
            await server.sockets["streamer"].send(json.dumps(order))
        waiting = stream._outbox._waiting
        await until(lambda: last_price(waiting) == 299 and [each.version for each in orders(waiting)][-1:] == [50])
        batch = await anext(events)
        ticks = [event for event in apart(batch) if isinstance(event, Tick)]
        assert len(ticks) <= 60
        assert ticks[-1].values["last"] == 299
        assert [each.version for each in orders(batch)] == list(range(1, 51))
        await events.aclose()


def orders(batch: Sequence[StreamEvent]) -> list[OrderUpdate]:
    return [event for event in batch if isinstance(event, OrderUpdate)]


def last_price(batch: Sequence[StreamEvent]) -> Decimal | None:
    ticks = [event for event in apart(batch) if isinstance(event, Tick)]
    return ticks[-1].values.get("last") if ticks else None


async def until_batch(events: AsyncIterator[list[StreamEvent]], wanted: Callable[[StreamEvent], bool]) -> None:
    async with asyncio.timeout(30):
        while not any(wanted(event) for event in await anext(events)):
            pass


async def test_closing_before_reading_is_harmless() -> None:
    stream = TastytradeStream(Hosts("http://127.0.0.1:9", "", "", ""), Tokens(), [])
    await stream.close()
    assert [batch async for batch in stream.events()] == []


# --- the outbox ---------------------------------------------------------------------------------------------------


async def test_waiting_prices_run_together_field_by_field() -> None:
    outbox = Outbox()
    outbox.put(Tick(SPY, {"bid": Decimal(1), "ask": Decimal(2)}, NOW))
    outbox.put(Tick(AAPL, {"bid": Decimal(9)}, NOW))
    outbox.put(Tick(SPY, {"bid": Decimal(3), "last": None}, NOW + timedelta(seconds=1)))
    spy, aapl = await outbox.take()
    assert spy == Tick(SPY, {"bid": Decimal(3), "ask": Decimal(2), "last": None}, NOW + timedelta(seconds=1))
    assert isinstance(aapl, Tick)
    outbox.put(Tick(SPY, {"bid": Decimal(4)}, NOW))
    assert await outbox.take() == [Tick(SPY, {"bid": Decimal(4)}, NOW)]


async def test_a_price_does_not_overtake_other_news() -> None:
    outbox = Outbox()
    change = AccountChanged("5WT00042", "orders")
    outbox.put(Tick(SPY, {"bid": Decimal(1)}, NOW))
    outbox.put(change)
    outbox.put(Tick(SPY, {"bid": Decimal(2)}, NOW))
    first, middle, second = await outbox.take()
    assert middle is change
    assert isinstance(first, Tick)
    assert isinstance(second, Tick)
    assert (first.values["bid"], second.values["bid"]) == (1, 2)


async def test_what_waits_can_be_taken_after_closing() -> None:
    outbox = Outbox()
    outbox.say("quotes", LIVE)
    outbox.say("quotes", LIVE)
    outbox.close()
    assert await outbox.take() == [StatusChange("quotes", LIVE)]
    assert await outbox.take() == []


# --- tokens that run out ------------------------------------------------------------------------------------------


async def outlive(tokens: "Aging", times: int) -> list[str]:
    """The account socket is cut so often, each time with the token dead and a new one there: what each ``connect``
    carried."""
    async with (
        upstream(good_tokens=lambda given: given == f"Bearer token-{tokens.number}") as server,
        reading(server, tokens, bustle=Hours(Bustle.CLOSED), heartbeat=600.0) as reader,
    ):
        for number in range(times):
            await until(lambda number=number: reader.states("account").count(LIVE) > number)  # type: ignore[misc]
            tokens.number += 1
            await server.sockets["streamer"].close()
        await until(lambda: reader.states("account").count(LIVE) > times)
        return [message["auth-token"] for message in server.said if message["action"] == "connect"]


class Aging(Tokens):
    """Whoever asks gets the newest; none is refused."""


class Hoarded(Aging):
    """The token of the beginning, till it is refused."""

    def __call__(self, *, refused: str | None = None) -> str:
        if refused is not None:
            self.refused.append(refused)
            return f"token-{self.number}"
        return "token-1"


async def test_a_stream_comes_back_with_the_token_of_the_day() -> None:
    tokens = Aging()
    assert await outlive(tokens, 20) == [f"Bearer token-{number}" for number in range(1, 22)]
    assert tokens.refused == []


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_a_stream_comes_back_five_hundred_times_with_the_token_of_the_day() -> None:
    assert await outlive(Aging(), 500) == [f"Bearer token-{number}" for number in range(1, 502)]


async def test_a_stream_that_keeps_its_first_token_is_noticed() -> None:
    tokens = Hoarded()
    assert await outlive(tokens, 3) != [f"Bearer token-{number}" for number in range(1, 5)]
    assert tokens.refused
