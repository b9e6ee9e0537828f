"""Frames through the server's door over real sockets: what arrives, tabs that do not read, tabs that vanish."""

import asyncio
import json
import logging
import socket
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from hand_fed import tick, until
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from brokers.domain.instruments import parse_instrument
from brokers.live import mailbox
from brokers.live.frames import Frame
from brokers.live.hub import Hub
from brokers.live.mailbox import Mailbox
from brokers.live.server import SEND_BUFFER, LiveProtocol, door_of

HERE = uuid4()
PATIENT = 20
SYMBOLS = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJ"]
MOST_HELD = 4 * 64 * 1024
"""What asyncio may hold for a socket at the most: a high-water mark of 64 KiB, and a frame on top."""


def consumer_of(hub: Hub) -> type[AsyncWebsocketConsumer]:
    """A tab that watches all symbols as soon as it is there; the rest is what the desk's own consumer does."""

    class Consumer(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept()
            self.door = door_of(self.scope)
            self.tab = Mailbox(self.base_send, self.door)
            hub.join(1, self.tab)
            opened.append(self)
            hub.subscribe(self.tab, HERE, [parse_instrument(symbol) for symbol in SYMBOLS])

        async def disconnect(self, code: int) -> None:
            hub.leave(1, self.tab)

    opened: list[Consumer] = []
    Consumer.opened = opened
    return Consumer


@asynccontextmanager
async def served(hub: Hub, protocol: type[LiveProtocol] = LiveProtocol):
    consumer = consumer_of(hub)
    config = uvicorn.Config(
        consumer.as_asgi(), ws=protocol, ws_per_message_deflate=False, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    await until(lambda: server.started, PATIENT)
    try:
        yield f"ws://127.0.0.1:{sock.getsockname()[1]}/", consumer.opened
    finally:
        server.should_exit = True
        await serving


def open_client(url: str):
    return connect(url, compression=None, proxy=None, max_size=None, max_queue=None)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
async def test_a_ready_frame_arrives_as_it_is_whatever_its_size_mixed_with_plain_messages(hub, size):
    text = json.dumps("é" * (size // 2) + "x" * (size % 2), ensure_ascii=False)
    async with served(hub) as (url, opened), open_client(url) as client:
        assert json.loads(await client.recv())["type"] == "snapshot"
        tab = opened[0].tab
        assert opened[0].door is not None
        tab.post(Frame(text))
        await opened[0].send(text_data="plain")
        tab.post(Frame("last"))
        while (first := await client.recv()).startswith('{"type":"status"'):
            pass
        assert [first, await client.recv(), await client.recv()] == [text, "plain", "last"]


class Overfull(LiveProtocol):
    """Writes on, full or not."""

    def put(self, frame: bytes) -> bool:
        if self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frame)
        return True


async def stop_reading(
    hub: Hub, upstreams, protocol: type[LiveProtocol], monkeypatch
) -> tuple[int, list, dict, list[int]]:
    """One tab stops reading while another reads on: the most that was held for it, what the other showed in the end,
    and with which codes the two were closed."""
    held = 0
    monkeypatch.setattr(mailbox, "CLOSING_TAKES", 60)
    async with served(hub, protocol) as (url, opened), open_client(url) as reading:
        shown: dict[str, str] = {}
        listening = asyncio.create_task(listen(reading, shown))
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))))
        async with connect(url, sock=sock, compression=None, proxy=None, max_queue=1, max_size=None) as silent:
            await until(lambda: len(opened) == 2, PATIENT)
            stream = await upstreams.of(HERE)
            for number in range(400):
                stream.say(*(tick(symbol, number, last=f"{number}.0123456789") for symbol in SYMBOLS))
                await asyncio.sleep(0.005)
                held = max(held, *(each.door.transport.get_write_buffer_size() for each in opened if each.door))
            await until(lambda: len(shown) == len(SYMBOLS), PATIENT)
            await until(lambda: set(shown.values()) == {"399.0123456789"}, PATIENT)
            await asyncio.sleep(1.2)
            code = await code_of(silent)
            listening.cancel()
        return held, code


async def listen(client, shown: dict[str, str]) -> None:
    async for text in client:
        for symbol, figures in json.loads(text).get("quotes", {}).items():
            shown[symbol] = figures.get("last", shown.get(symbol))


async def code_of(client) -> int | None:
    """The code that it was closed with, once all that came before is read."""
    try:
        async with asyncio.timeout(20):
            async for _ in client:
                pass
    except TimeoutError:
        return None
    except ConnectionClosed:
        pass
    return client.close_code


async def test_a_tab_that_stops_reading_costs_little_and_is_closed_and_the_other_has_the_newest(
    make_hub, upstreams, monkeypatch
):
    hub = make_hub(behind=1, flush_every=0.01)
    held, code = await stop_reading(hub, upstreams, LiveProtocol, monkeypatch)
    assert held <= MOST_HELD
    assert code == 4408


@pytest.mark.nightly
async def test_a_server_that_writes_to_full_sockets_is_seen_to_hold_more_and_more(make_hub, upstreams, monkeypatch):
    """What the measure must catch."""
    held, code = await stop_reading(make_hub(behind=1, flush_every=0.01), upstreams, Overfull, monkeypatch)
    assert held > MOST_HELD
    assert code != 4408


async def test_a_tab_that_does_not_even_take_the_close_is_cut_off(make_hub, upstreams, monkeypatch):
    monkeypatch.setattr(mailbox, "CLOSING_TAKES", 0.5)
    hub = make_hub(behind=0.5, flush_every=0.01)
    async with served(hub) as (url, opened):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))))
        async with connect(url, sock=sock, compression=None, proxy=None, max_queue=1, max_size=None):
            await until(lambda: opened, PATIENT)
            stream = await upstreams.of(HERE)
            for number in range(400):
                stream.say(*(tick(symbol, number, last=f"{number}.0123456789") for symbol in SYMBOLS))
                await asyncio.sleep(0.005)
            await until(lambda: opened[0].door.transport.is_closing(), PATIENT)
            assert hub.tabs == {}


class Heedless(LiveProtocol):
    """Writes to sockets that are gone."""

    def put(self, frame: bytes) -> bool:
        self.transport.write(frame)
        return True

    async def send(self, message) -> None:
        await WebSocketsSansIOProtocol.send(self, message)


async def vanish(hub: Hub, upstreams, protocol: type[LiveProtocol], caplog) -> list[str]:
    """A tab is cut off without a word while prices go on in one go: what asyncio complains of."""
    caplog.set_level(logging.WARNING, "asyncio")
    async with served(hub, protocol) as (url, opened), open_client(url) as client:
        stream = await upstreams.of(HERE)
        stream.say(tick("AA", 0, last="0"))
        await client.recv()
        opened[0].door.transport.abort()
        feed = hub.feeds[HERE]
        for number in range(20):
            feed.apply([tick("AA", number + 1, last=str(number + 1))])
            feed.flush()
            with suppress(ClientDisconnected):
                await opened[0].send(text_data="plain")
        await asyncio.sleep(0.1)
    return [record.message for record in caplog.records if "raised exception" in record.message]


async def test_a_tab_that_vanished_is_dropped_without_a_word(hub, upstreams, caplog):
    assert await vanish(hub, upstreams, LiveProtocol, caplog) == []


@pytest.mark.parametrize("way", ["put", "send"])
async def test_writing_to_a_tab_that_vanished_is_seen_to_be_complained_of(hub, upstreams, caplog, way):
    """Sabotaged twins, one for each way to write."""
    heedless = type("Heedless", (LiveProtocol,), {way: getattr(Heedless, way)})
    assert await vanish(hub, upstreams, heedless, caplog)


async def test_a_tab_has_a_small_send_buffer(hub):
    async with served(hub) as (url, opened), open_client(url) as client:
        await client.recv()
        sock = opened[0].door.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER
