"""Clients of web servers that die: whoever got no answer posts the same order under the same key, till one names it."""

import asyncio
import json
import mmap
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from doomed.clicks import Told, told_by

LINES = 12
PAUSE = 0.05
"""Seconds before a client without an answer asks the next server."""


class Tally:
    """What the clients do just now, for whoever kills: memory that processes share, and that only the clients write."""

    BEGUN, CUT, REFUSED, PACE, FIRST_SERVER = range(5)

    def __init__(self, servers: int) -> None:
        self.servers = range(servers)
        self.cells = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def add(self, cell: int, number: int = 1) -> None:
        self.cells[cell] += number

    def took(self, seconds: float) -> None:
        self.cells[self.PACE] = round(seconds * 1e6)

    @property
    def begun(self) -> int:
        return self.cells[self.BEGUN]

    @property
    def cut(self) -> int:
        """Requests that were written and never answered."""
        return self.cells[self.CUT]

    @property
    def refused(self) -> int:
        return self.cells[self.REFUSED]

    @property
    def pace(self) -> float:
        """How many seconds the latest order took that was answered the first time."""
        return self.cells[self.PACE] / 1e6

    @property
    def busy(self) -> list[int]:
        """The servers that owe somebody an answer."""
        return [server for server in self.servers if self.cells[self.FIRST_SERVER + server]]


class Clients:
    """All requests, some at a time. ``names`` are the orders that their answers named."""

    def __init__(self, requests: Sequence[bytes], ports: Sequence[int], tally: Tally) -> None:
        self.requests, self.ports, self.tally = requests, ports, tally
        self.names = [""] * len(requests)
        self.statuses: Counter[int] = Counter()

    def post_all(self, out: Path) -> None:
        asyncio.run(self._all_lines())
        out.write_text(json.dumps({"names": self.names, "statuses": self.statuses}))

    async def _all_lines(self) -> None:
        left = iter(range(len(self.requests)))
        await asyncio.gather(*(self._line(left) for _ in range(LINES)))

    async def _line(self, left: Iterator[int]) -> None:
        for number in left:
            self.tally.add(Tally.BEGUN)
            self.names[number] = await self._post(number)

    async def _post(self, number: int) -> str:
        """→ the order that was named."""
        tries = 0
        while True:
            began = time.monotonic()
            told = await self._ask(self.requests[number], (number + tries) % len(self.ports))
            if told is not None and told[1]:
                if not tries:
                    self.tally.took(time.monotonic() - began)
                return told[1]
            tries += 1
            await asyncio.sleep(PAUSE)

    async def _ask(self, request: bytes, server: int) -> Told | None:
        """None when nobody is there, or nobody answers any more."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[server])
        except OSError:
            self.tally.add(Tally.REFUSED)
            return None
        self.tally.add(Tally.FIRST_SERVER + server)
        try:
            writer.write(request)
            async with asyncio.timeout(300):
                told = await told_by(reader)
        except (OSError, EOFError):
            self.tally.add(Tally.CUT)
            return None
        finally:
            self.tally.add(Tally.FIRST_SERVER + server, -1)
            writer.close()
        self.statuses[told[0]] += 1
        return told


def through(pid: int) -> bool:
    """Whether the clients' process has ended."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    assert not status, "the clients broke off"
    return bool(ended)
