"""What the benchmarks of live quotes share: a desk of many people behind uvicorn, and readers that count.

Server and readers are processes of their own, pinned to different cores where there are two.
"""

import asyncio
import base64
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

Result: TypeAlias = dict[str, Any]
Parts: TypeAlias = dict[str, Callable[..., Coroutine[Any, Any, None]]]
LAST = re.compile(rb'"last":"([0-9.]+)"')
READERS_TAKE = 300
NO_LIMIT = 10**9


# Processes


def run_pair(module: str, serve: Sequence[str], read: Callable[[Result], Result]) -> Result:
    """Start a server part of ``module`` and a reader part that knows where it is; their two answers as one.

    The server says where it is as a line of JSON, and when the reader is done, what it saw of itself as another.
    """
    command = [sys.executable, "-m", module]
    server = subprocess.Popen([*command, *serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert server.stdin is not None  # noqa: S101
        assert server.stdout is not None  # noqa: S101
        where = read(json.loads(server.stdout.readline()))
        readers = subprocess.run(  # noqa: S603
            [*command, "read", json.dumps(where)], capture_output=True, text=True, timeout=READERS_TAKE
        )
        if readers.returncode:
            raise SystemExit(f"the readers failed: {readers.stderr}")
        server.stdin.write("done\n")
        server.stdin.flush()
        return {**json.loads(readers.stdout), **json.loads(server.stdout.readline())}
    finally:
        server.terminate()
        server.wait(20)


def say(line: Result) -> None:
    print(json.dumps(line), flush=True)


async def told_done() -> None:
    await asyncio.to_thread(sys.stdin.readline)


def resident_kib() -> int:
    """What this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def median(results: Sequence[Result], key: str) -> float:
    return round(statistics.median(float(result[key]) for result in results), 2)


# The desk


def prepare(folder: str, people: int) -> list[tuple[str, str]]:
    """A desk in a folder: of each person the connection and the cookie. The second call in a folder finds them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["TEST_DATABASE_URL"] = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django

    known = Path(folder) / "people.json"
    django.setup()
    from django.conf import settings

    if known.exists():
        kept = json.loads(known.read_text())
        settings.SECRET_KEY = kept["key"]
        return [(connection, cookie) for connection, cookie in kept["people"]]
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)
    made = [_person(number) for number in range(people)]
    known.write_text(json.dumps({"key": settings.SECRET_KEY, "people": made}))
    return made


def _person(number: int) -> tuple[str, str]:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from brokers.models import Connection

    user = get_user_model().objects.create_user(f"bench{number}")
    browser = Client()
    browser.force_login(user)
    connection = Connection.objects.create(user=user, broker="tastytrade", environment="sim", label=str(number))
    return str(connection.pk), f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


class SilentStream:
    """An upstream that says nothing: the ticks come through ``Feed.apply``."""

    async def events(self) -> Any:
        await asyncio.Event().wait()
        yield []

    def watch(self, instruments: Any) -> None: ...

    def carried(self) -> frozenset[Any]:
        return frozenset()

    async def close(self) -> None: ...


def make_hub(**limits: Any) -> Any:
    from brokers.live.hub import Hub
    from brokers.live.limits import Limits

    async def open_stream(_: UUID) -> Any:
        return SilentStream()

    return Hub(open_stream, limits=Limits(**{"symbols_of_person": NO_LIMIT} | limits))


def serve(application: Any) -> tuple[int, asyncio.Task[None]]:
    """As `make run` serves it; gives the port."""
    import uvicorn

    from brokers.live.server import LiveProtocol

    config = uvicorn.Config(
        application,
        ws=LiveProtocol,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        backlog=4096,
    )
    sock = bound_socket()
    serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[sock]))
    return sock.getsockname()[1], serving


def live_application(hub: Any) -> Any:
    from channels.routing import URLRouter
    from django.urls import path

    from brokers.live.consumers import LiveConsumer
    from brokers.live.signin import SignIn

    return SignIn(URLRouter([path("ws/v1/", LiveConsumer.as_asgi(hub=hub))]))


def bound_socket() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 (a benchmark's start, not its measure)
        await asyncio.sleep(0.02)


# The readers: as little as can be, so that they keep up


class Reader(asyncio.Protocol):
    """Counts frames and quotes; text frames of a server are all that it understands. One that is ``timed`` also keeps
    how old each ``last`` is, which the server writes as its monotonic clock."""

    def __init__(self, cookie: str, asked: str, *, timed: bool = False) -> None:
        self.cookie = cookie
        self.asked = asked
        self.timed = timed
        self.buffer = b""
        self.is_open = False
        self.frames = self.quotes = 0
        self.first = self.last = 0.0
        self.ages: list[float] = []
        self.closed_with: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws/v1/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {self.cookie}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        if not self.is_open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            self.is_open = True
            if self.asked:
                self.send(self.asked.encode())
        self.buffer = self._count(buffer)

    def send(self, payload: bytes) -> None:
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.transport.write(b"\x81" + length + bytes(4) + payload)

    def _count(self, buffer: bytes) -> bytes:
        at, now = 0, time.monotonic()
        while len(buffer) >= at + 4:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < start + length:
                break
            if buffer[at] == 0x88:
                self.closed_with = int.from_bytes(buffer[start : start + 2], "big")
            elif buffer.startswith(b'{"type":"quotes"', start):
                self._take(buffer[start : start + length], now)
            at = start + length
        return buffer[at:]

    def _take(self, frame: bytes, now: float) -> None:
        self.frames += 1
        self.quotes += frame.count(b'"as_of"')
        self.first = self.first or now
        self.last = now
        if self.timed:
            self.ages += [now - float(each) for each in LAST.findall(frame)]


async def connect(port: int, make: Callable[[], Reader], *, receive_buffer: int = 0) -> Reader:
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    _, reader = await asyncio.get_running_loop().create_connection(make, sock=sock)
    return reader


def subscription(connection: str | None, symbols: Sequence[str]) -> str:
    if connection is None:
        return ""
    return json.dumps({"action": "subscribe", "id": 1, "connection": connection, "symbols": symbols})


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def main_part(parts: Parts, arguments: Sequence[str]) -> None:
    """Run one part of a benchmark: servers on the first core, readers on the second."""
    from bench.machine import pin

    name, *rest = arguments
    pin(1 if name == "read" else 0)
    asyncio.run(parts[name](*rest))
