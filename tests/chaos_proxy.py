"""A proxy on loopback that does to connections what networks do: ends, freezes, loses and crumbles.

``with ChaosProxy(port) as proxy:`` listens in a thread of its own. It knows websockets and chunked answers well enough
to lose whole messages and nothing else; ``lost`` are those that it kept back.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from fnmatch import fnmatchcase
from typing import Any, TypeVar

T = TypeVar("T")
PIECE = 64 * 1024
KILLS = ("reset", "end", "torn", "farewell", "code 1001", "code 1011", "code 1012", "code 4000")
GOODBYE = b'{"StreamStatus":"GoAway"}\r\n'
DOWN = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 16\r\nConnection: close\r\n\r\n"
    b"<html>503</html>"
)
TORN = {"websocket": b'\x81\x50{"type":', "chunked": b'50\r\n{"Symbol":'}


class Line:
    """One connection through the proxy. ``kind``: "websocket", "chunked", or "" for an answer that just ends."""

    def __init__(self, proxy: "ChaosProxy", client: "Stream", server: "Stream") -> None:
        self.proxy = proxy
        self.client, self.server = client, server
        self.path = self.kind = ""
        self.is_swallowed = False

    async def run(self) -> None:
        ways = [asyncio.create_task(self._upwards()), asyncio.create_task(self._downwards())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (self.client, self.server):
                end.close()

    async def _upwards(self) -> None:
        head = await self.client.head()
        self.path = head.split(b" ", 2)[1].decode("latin-1")
        await self._pass_on(self.server, head)
        while piece := await self.client.reader.read(PIECE):
            await self._pass_on(self.server, piece)
        await self._until_spoken_for()

    async def _downwards(self) -> None:
        head = await self.server.head()
        self.kind = kind_of(head)
        await self._pass_on(self.client, head)
        read = {"websocket": self._websocket_frame, "chunked": self._chunk}.get(self.kind, self._anything)
        while frame := await read():
            await self._pass_on(self.client, frame)
        await self._until_spoken_for()

    async def _until_spoken_for(self) -> None:
        """An end is not told to the other side of a line that is swallowed."""
        while self.is_swallowed:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _pass_on(self, to: "Stream", what: bytes) -> None:
        if self.is_swallowed:
            return
        size = self.proxy.crumbs
        if not size:
            to.write(what)
            await to.writer.drain()
            return
        at = 0
        while at < len(what):
            step = self.proxy.dice.randint(1, size)
            to.write(what[at : at + step])
            await asyncio.sleep(0)
            at += step

    async def _anything(self) -> bytes:
        return await self.server.reader.read(PIECE)

    async def _websocket_frame(self) -> bytes:
        """The next frame that is not to be lost; only texts ever are."""
        while True:
            head = await self.server.reader.readexactly(2)
            length = head[1] & 0x7F
            longer = {126: 2, 127: 8}.get(length, 0)
            more = await self.server.reader.readexactly(longer)
            size = int.from_bytes(more, "big") if longer else length
            body = await self.server.reader.readexactly(size)
            if head[0] != 0x81 or not self.proxy.loses(self, body):
                return head + more + body

    async def _chunk(self) -> bytes:
        """The next chunk without those of its lines that are to be lost."""
        while True:
            size = int(await self.server.reader.readline(), 16)
            body = await self.server.reader.readexactly(size + 2)
            if size == 0:
                return b"0\r\n\r\n"
            lines = body[:-2].splitlines(keepends=True)
            kept = b"".join(
                line for line in lines if not (line.endswith(b"\n") and self.proxy.loses(self, line.strip()))
            )
            if kept:
                return as_chunk(kept)

    def kill(self, how: str) -> None:
        """As a network or a server does it."""
        match how.split():
            case ["reset"]:
                self.client.reset()
            case ["torn"]:
                self.client.write(TORN[self.kind])
            case ["farewell"] if self.kind == "chunked":
                self.client.write(as_chunk(GOODBYE) + b"0\r\n\r\n")
            case ["farewell"]:
                self.client.write(close_frame(1001))
            case ["code", number] if self.kind == "websocket":
                self.client.write(close_frame(int(number)))
        self.client.close()
        self.server.close()


class Stream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    def write(self, what: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(what)

    def close(self) -> None:
        self.writer.close()

    async def gone(self) -> None:
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        own: socket.socket = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def kind_of(head: bytes) -> str:
    if b" 101 " in head.split(b"\r\n", 1)[0]:
        return "websocket"
    return "chunked" if b"transfer-encoding: chunked" in head.lower() else ""


def as_chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def close_frame(code: int) -> bytes:
    return b"\x88\x02" + code.to_bytes(2, "big")


class ChaosProxy:
    """Stands before a port of loopback. Everything but the properties may be called from any thread."""

    def __init__(self, port: int, *, seed: int = 5) -> None:
        self.target = port
        self.port = 0
        self.dice = random.Random(seed)  # noqa: S311 (sizes of pieces, not a secret)
        self.crumbs = 0
        """Pieces of at most so many bytes, 0 for as it comes."""
        self.swallows_new = False
        self.is_down = False
        """Whether every new line is answered 503, whatever it wants."""
        self.loses: Callable[[Line, bytes], bool] = lambda line, message: False
        self.lines: set[Line] = set()
        self.opened = 0
        self.lost: list[bytes] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._ends: dict[asyncio.Task[None], Stream] = {}
        """What is not yet closed for good, and who waits for that."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "ChaosProxy":
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._let_in, "127.0.0.1", 0, backlog=1024))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        """Nothing is left to the garbage collector: it would speak of it in the midst of another test."""
        for door in self._server.sockets:
            self._loop.remove_reader(door.fileno())  # a server that is closed drops whom it is just letting in
        while others := asyncio.all_tasks() - {asyncio.current_task(), *self._ends}:  # type: ignore[arg-type]
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)
        self._server.close()
        for end in self._ends.values():
            end.writer.transport.abort()
        await asyncio.gather(*self._ends)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Noted before anything can be cancelled."""
        client = self._noted(reader, writer)
        task = self._loop.create_task(self._serve(client))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        task.add_done_callback(lambda _: client.close())

    def _noted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Stream":
        end = Stream(reader, writer)
        waiting = self._loop.create_task(end.gone())
        self._ends[waiting] = end
        waiting.add_done_callback(self._ends.pop)
        return end

    async def _serve(self, client: "Stream") -> None:
        if self.is_down:
            await self._refuse(client)
            return
        try:
            server = self._noted(*await asyncio.open_connection("127.0.0.1", self.target))
        except OSError:
            return
        line = Line(self, client, server)
        line.is_swallowed = self.swallows_new
        self.lines.add(line)
        self.opened += 1
        try:
            with contextlib.suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
                await line.run()
        finally:
            self.lines.discard(line)

    async def _refuse(self, client: "Stream") -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            await client.head()
            client.write(DOWN)
            await client.writer.drain()

    # What befalls the lines

    def streams(self, path: str = "*") -> list[Line]:
        """The open lines that stream, by a shell pattern of their path."""
        return [line for line in list(self.lines) if line.kind and fnmatchcase(line.path, path)]

    def kill(self, how: str, path: str = "*") -> int:
        """End the streams; how many there were."""

        async def act() -> int:
            found = self.streams(path)
            for line in found:
                line.kill(how)
            return len(found)

        return self._do(act())

    def go_down(self) -> None:
        """503 everywhere, and every line is cut."""

        async def act() -> None:
            self.is_down = True
            for line in list(self.lines):
                line.kill("reset")

        self._do(act())

    def swallow(self, path: str = "*") -> int:
        """From now on nothing passes either way, and nobody is told; new lines are as ever."""

        async def act() -> int:
            found = self.streams(path)
            for line in found:
                line.is_swallowed = True
            return len(found)

        return self._do(act())

    def lose(self, wanted: Callable[[Line, bytes], bool]) -> None:
        """Keep back the messages of which ``wanted`` says so."""

        def judge(line: Line, message: bytes) -> bool:
            if not wanted(line, message):
                return False
            self.lost.append(message)
            return True

        self.loses = judge

    def lose_nothing(self) -> None:
        self.loses = lambda line, message: False
