"""Fifty tabs that read a kilobyte a second beside five that read on: what they cost, what they see, how they end."""

import asyncio
import json
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hand_fed import tick, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.brokers.live.test_real_sockets import HERE, PATIENT, SYMBOLS, listen, open_client, served

SECONDS = float(os.environ.get("SLOW_READERS_SECONDS", "600"))
SLOW, FAST = 50, 5
UPDATES = 2000
"""A second, for all symbols together."""
MOST_GROWTH = 50 * 1024 * 1024
TOO_SLOW = 4408
CUT_OFF = 1006
"""What is closed and does not take the close within seconds, for there is so much unread before it."""


def memory() -> int:
    """What this process holds: server and clients alike."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Crawler:
    """Reads a kilobyte a second from a small buffer, and comes back when it is closed."""

    url: str
    codes: list[int | None] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    skipped: int = 0

    async def crawl(self) -> None:
        while True:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", int(self.url.rsplit(":", 1)[1].strip("/"))))
            try:
                async with connect(
                    self.url, sock=sock, compression=None, proxy=None, max_queue=1, max_size=None
                ) as end:
                    await self.read(end)
            except (ConnectionClosed, OSError):
                pass
            self.codes.append(end.close_code)

    async def read(self, client: Any) -> None:
        async for text in client:
            for symbol, figures in json.loads(text).get("quotes", {}).items():
                if (told := figures.get("last")) is not None:
                    self.skipped += float(told) - self.last.get(symbol, float(told)) > 1
                    self.last[symbol] = float(told)
            await asyncio.sleep(len(text) / 1024)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_tabs_that_crawl_cost_little_skip_to_the_newest_and_are_closed(make_hub, upstreams):
    hub = make_hub(flush_every=0.05, tabs=200, symbols_of_person=100_000)
    async with served(hub) as (url, opened):
        fast = [await open_client(url).__aenter__() for _ in range(FAST)]
        shown: list[dict[str, str]] = [{} for _ in fast]
        reading = [asyncio.create_task(listen(*each)) for each in zip(fast, shown, strict=True)]
        crawlers = [Crawler(url) for _ in range(SLOW)]
        crawling = [asyncio.create_task(each.crawl()) for each in crawlers]
        await until(lambda: len(opened) >= SLOW + FAST, 60)
        stream = await upstreams.of(HERE)
        grown, before, number = 0, 0, 0
        began = time.monotonic()
        while (past := time.monotonic() - began) < SECONDS:
            if number < past * UPDATES / len(SYMBOLS):
                number += 1
                stream.say(*(tick(symbol, number, last=str(number)) for symbol in SYMBOLS))
            await asyncio.sleep(0.005)
            before = before or (memory() if past > 30 else 0)
            grown = max(grown, memory() - before) if before else 0
        await until(lambda: all(set(each.values()) == {str(number)} for each in shown), PATIENT)
        codes = [code for each in crawlers for code in each.codes]
        print(
            f"{SECONDS:.0f} s, {number * len(SYMBOLS)} updates ({number * len(SYMBOLS) / SECONDS:.0f}/s), memory"
            f" +{grown / 2**20:.1f} MB, {len(codes)} closes of {SLOW} crawlers,"
            f" {sum(each.skipped for each in crawlers)} values skipped"
        )
        for task in [*reading, *crawling]:
            task.cancel()
        await asyncio.gather(*reading, *crawling, return_exceptions=True)
    assert grown <= MOST_GROWTH
    assert all(each.skipped for each in crawlers), "the newest, not the next"
    assert codes
    assert set(codes) <= {TOO_SLOW, CUT_OFF}
