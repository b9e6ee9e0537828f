"""Quotes to many sockets: the desk's hub beside a bare `websockets` broadcast of the same frames in the same run.

Server and readers are processes of their own, pinned apart. The hub stands behind the real sign-in, consumer and
uvicorn, and is driven by ``Feed.apply`` with one tick for each flush, so that both send frame for frame the same.
Each round starts fresh processes; figures are medians over the rounds. The goal: at most 1.3 times the bare cost.
"""

import asyncio
import base64
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from bench.machine import pin
from brokers.domain.instruments import parse_instrument
from brokers.domain.market import Tick

SOCKETS = int(os.environ.get("BENCH_SOCKETS", "100"))
TICKS = int(os.environ.get("BENCH_TICKS", "2000"))
ROUNDS = max(3, int(os.environ.get("BENCH_FANOUT_ROUNDS", "3")))
GOAL = 1.3
SYMBOLS = ("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "TLT", "GLD")
LAST_BID = "9999.99"
Result: TypeAlias = dict[str, Any]


def main() -> None:
    rounds: dict[str, list[Result]] = {"hub": [], "bare": []}
    for number in range(ROUNDS):
        for kind in ("hub", "bare") if number % 2 else ("bare", "hub"):
            rounds[kind].append(run(kind))
    found = {kind: summary(kind, results) for kind, results in rounds.items()}
    for of_kind in found.values():
        print(json.dumps(of_kind), flush=True)
    line: Result = {"bench": "fanout", "what": "hub / bare"}
    for name, key in (("cpu_ratio", "cpu_us_per_frame"), ("speed_ratio", "frames_per_second")):
        line[name] = round(statistics.median(pairwise(rounds, key)), 3)
    print(json.dumps(line | {"goal": GOAL, "ok": line["cpu_ratio"] <= GOAL}), flush=True)


def pairwise(rounds: dict[str, list[Result]], key: str) -> list[float]:
    """Hub against bare of the same round: what else the machine did then weighed on both."""
    return [hub[key] / bare[key] for hub, bare in zip(rounds["hub"], rounds["bare"], strict=True)]


def summary(kind: str, results: list[Result]) -> Result:
    def median(key: str) -> Any:
        return round(statistics.median(result[key] for result in results), 2)

    return {
        "bench": "fanout",
        "what": kind,
        "sockets": SOCKETS,
        "rounds": len(results),
        "ticks_per_second": median("ticks_per_second"),
        "frames_per_second": median("frames_per_second"),
        "cpu_us_per_frame": median("cpu_us_per_frame"),
        "delivered": median("delivered"),
    }


def run(kind: str) -> Result:
    """One server and its readers, from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bench.fanout", kind, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None  # noqa: S101
            where = server.stdout.readline()
            readers = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "bench.fanout", "read", where], capture_output=True, text=True, timeout=120
            )
            if readers.returncode:
                raise SystemExit(f"the readers failed: {readers.stderr}")
            read, served = json.loads(readers.stdout), json.loads(server.stdout.readline())
        finally:
            server.terminate()
            server.wait(20)
    return {
        "ticks_per_second": TICKS / read["seconds"],
        "frames_per_second": read["frames"] / read["seconds"],
        "cpu_us_per_frame": served["cpu"] / read["frames"] * 1e6,
        "delivered": read["frames"] / (TICKS * SOCKETS),
    }


def ticks() -> list[Tick]:
    """The same market in every round; the last tick is one that readers know."""
    rng = random.Random(1)  # noqa: S311
    start = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
    instruments = [parse_instrument(symbol) for symbol in SYMBOLS]
    made = [
        Tick(rng.choice(instruments), {"open": Decimal(number) / 100}, start + timedelta(milliseconds=number))
        for number in range(10_000, 10_000 + TICKS - 1)
    ]
    return [*made, Tick(instruments[0], {"open": Decimal(LAST_BID)}, start + timedelta(hours=1))]


async def drive(send: Callable[[int], None]) -> float:
    """Send one tick after the other; gives the CPU seconds that it took this process."""
    await asyncio.sleep(0.5)
    before = time.process_time()
    for number in range(TICKS):
        send(number)
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    return time.process_time() - before


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 (a benchmark's start, not its measure)
        await asyncio.sleep(0.02)


def bound_socket() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def say(line: Result) -> None:
    print(json.dumps(line), flush=True)


# The bare broadcast


async def serve_bare() -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    connections: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    texts = bare_frames()
    sock = bound_socket()
    async with serve(handle, sock=sock, compression=None):
        say({"port": sock.getsockname()[1], "cookie": "", "connection": None})
        await until(lambda: len(connections) == SOCKETS)
        say({"cpu": await drive(lambda number: broadcast(connections, texts[number]))})
        await asyncio.Event().wait()


def bare_frames() -> list[str]:
    """What the hub would send, made beforehand: the bare server has nothing to do but to send."""
    from brokers.live import frames
    from brokers.live.board import Board

    board, texts = Board(), []
    for seq, tick in enumerate(ticks(), start=1):
        board.figures(tick.instrument)
        board.merge([tick])
        texts.append(frames.quotes("quotes", seq, UUID(int=seq), board.take_changes().values()))
    return texts


# The desk's hub


def prepare(folder: str) -> tuple[UUID, str]:
    """A desk in a folder of its own with one person: gives their connection and session."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["TEST_DATABASE_URL"] = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from brokers.models import Connection

    user = get_user_model().objects.create_user("bench")
    browser = Client()
    browser.force_login(user)
    connection = Connection.objects.create(user=user, broker="tastytrade", environment="sim")
    return connection.pk, f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


class SilentStream:
    """An upstream that says nothing: the ticks come through ``Feed.apply``."""

    async def events(self) -> Any:
        await asyncio.Event().wait()
        yield []

    def watch(self, instruments: Any) -> None: ...

    async def close(self) -> None: ...


async def serve_hub(connection_id: UUID, cookie: str) -> None:
    import uvicorn
    from channels.routing import URLRouter
    from django.urls import path

    from brokers.live.consumers import LiveConsumer
    from brokers.live.hub import Hub
    from brokers.live.limits import Limits
    from brokers.live.signin import SignIn

    async def open_stream(_: UUID) -> Any:
        return SilentStream()

    hub = Hub(open_stream, limits=Limits(flush_every=0, tabs=SOCKETS))
    application = SignIn(URLRouter([path("ws/v1/", LiveConsumer.as_asgi(hub=hub))]))
    config = uvicorn.Config(
        application, ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off", log_config=None
    )
    sock = bound_socket()
    serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[sock]))
    say({"port": sock.getsockname()[1], "cookie": cookie, "connection": str(connection_id)})
    made = ticks()
    await until(lambda: connection_id in hub.feeds and len(hub.feeds[connection_id].tabs) == SOCKETS)
    feed = hub.feeds[connection_id]
    say({"cpu": await drive(lambda number: feed.apply([made[number]]))})
    await serving


# The readers: as little as can be, so that they keep up


class Reader(asyncio.Protocol):
    """Counts the frames of quotes; small text frames of a server are all that it understands."""

    def __init__(self, where: Result, done: Callable[[], None]) -> None:
        self.where = where
        self.done = done
        self.buffer = b""
        self.is_open = False
        self.frames = 0
        self.first = self.last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws/v1/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {self.where['cookie']}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        if not self.is_open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            self.is_open = True
            if self.where["connection"]:
                self.subscribe()
        self.buffer = self.count(buffer)

    def subscribe(self) -> None:
        asked = {"action": "subscribe", "id": 1, "connection": self.where["connection"], "symbols": SYMBOLS}
        payload = json.dumps(asked).encode()
        self.transport.write(b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload)

    def count(self, buffer: bytes) -> bytes:
        at = 0
        while len(buffer) >= at + 4:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if len(buffer) < start + length:
                break
            if buffer.startswith(b'{"type":"quotes"', start):
                self.frames += 1
                self.first = self.first or time.perf_counter()
            if buffer.find(LAST_BID.encode(), start, start + length) >= 0:
                self.last = time.perf_counter()
                self.done()
            at = start + length
        return buffer[at:]


async def read(where: Result) -> None:
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()
    left = SOCKETS

    def done() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            finished.set()

    readers = []
    for _ in range(SOCKETS):
        _, reader = await loop.create_connection(lambda: Reader(where, done), "127.0.0.1", where["port"])
        readers.append(reader)
    await finished.wait()
    seconds = max(reader.last for reader in readers) - min(reader.first for reader in readers)
    say({"frames": sum(reader.frames for reader in readers), "seconds": seconds})


def part(kind: str, argument: str) -> Awaitable[None]:
    pin(1 if kind == "read" else 0)
    if kind == "read":
        return read(json.loads(argument))
    return serve_bare() if kind == "bare" else serve_hub(*prepare(argument))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        asyncio.run(part(*sys.argv[1:]))  # type: ignore[arg-type]
