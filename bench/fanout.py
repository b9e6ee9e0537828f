"""Frames to many sockets: the desk's hub beside a bare `websockets` broadcast of the same frames, and beside the stock
way of Channels, a `group_send` to a consumer for each tab.

The hub stands behind the real sign-in, consumer and uvicorn, and is driven by ``Feed.apply`` with one tick for each
flush, so that all send frame for frame the same. Each round starts fresh processes; figures are medians over the
rounds, ratios medians of the ratios within a round. Memory is what a server holds more once all tabs are there, for
each tab.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench import live
from bench.live import Result, say
from brokers.domain.instruments import parse_instrument
from brokers.domain.market import Tick

SIZES = [int(size) for size in os.environ.get("BENCH_SOCKETS", "100,1000,2000").split(",")]
FRAMES = int(os.environ.get("BENCH_FRAMES", "60000"))
ROUNDS = max(1, int(os.environ.get("BENCH_FANOUT_ROUNDS", "3")))
GROUPS_AT = 1000
GROUP_TICKS = 10
SPEED_GOAL, GROUPS_GOAL, MEMORY_GOAL = 0.8, 25, 35
MEMORY_FROM = 1000  # of fewer tabs, most is what a server takes once, with the first
SYMBOLS = ("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "TLT", "GLD")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        live.prepare(folder, 1)
        for size in SIZES:
            compare(folder, size, FRAMES // size)
        if GROUPS_AT in SIZES:
            compare_with_groups(folder)


def compare(folder: str, size: int, ticks: int) -> None:
    rounds: dict[str, list[Result]] = {"hub": [], "bare": []}
    for number in range(ROUNDS):
        for kind in ("hub", "bare") if number % 2 else ("bare", "hub"):
            rounds[kind].append(run(kind, folder, size, ticks))
    for kind, results in rounds.items():
        say(summary(kind, size, results))
    line: Result = {"bench": "fanout", "what": "hub / bare", "sockets": size}
    line["cpu_ratio"] = ratio(rounds["hub"], rounds["bare"], "cpu_us_per_frame")
    line["speed_ratio"] = ratio(rounds["hub"], rounds["bare"], "frames_per_second")
    more = live.median(rounds["hub"], "kib_per_tab") - live.median(rounds["bare"], "kib_per_tab")
    line |= {"kib_per_tab_more": round(more, 1), "goal": SPEED_GOAL, "goal_kib": MEMORY_GOAL}
    line["says"] = (
        f"To {size} sockets the hub sends {line['speed_ratio']:.2f} times the frames of a bare websockets broadcast "
        f"(goal: {SPEED_GOAL} or more), and a tab takes {more:.0f} KiB more (goal: {MEMORY_GOAL} or less, of many)"
    )
    is_small = more <= MEMORY_GOAL or size < MEMORY_FROM
    say(line | {"ok": line["speed_ratio"] >= SPEED_GOAL and is_small})


def compare_with_groups(folder: str) -> None:
    pairs = []
    for _ in range(ROUNDS):
        hub = run("hub", folder, GROUPS_AT, 100)
        pairs.append((hub, run("groups", folder, GROUPS_AT, GROUP_TICKS)))
    say(summary("groups", GROUPS_AT, [groups for _, groups in pairs]))
    hubs, groups = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    cheaper = ratio(groups, hubs, "cpu_us_per_frame")
    line: Result = {"bench": "fanout", "what": "group_send / hub", "sockets": GROUPS_AT, "cpu_ratio": cheaper}
    line["speed_ratio"] = ratio(hubs, groups, "frames_per_second")
    line["says"] = (
        f"To {GROUPS_AT} sockets the hub sends {line['speed_ratio']:.0f} times the frames of Channels' group_send, at "
        f"{cheaper:.0f} times less CPU for each (goal: {GROUPS_GOAL} times or more)"
    )
    say(line | {"goal": GROUPS_GOAL, "ok": line["speed_ratio"] >= GROUPS_GOAL})


def ratio(over: list[Result], under: list[Result], key: str) -> float:
    """Of the same round: what else the machine did then weighed on both."""
    ratios = [float(one[key]) / float(other[key]) for one, other in zip(over, under, strict=True)]
    return round(statistics.median(ratios), 3)


def summary(kind: str, size: int, results: list[Result]) -> Result:
    keys = ("frames_per_second", "cpu_us_per_frame", "delivered", "kib_per_tab")
    line = {"bench": "fanout", "what": kind, "sockets": size, "rounds": len(results)}
    return line | {key: live.median(results, key) for key in keys}


def run(kind: str, folder: str, size: int, ticks: int) -> Result:
    """One server and its readers, from start to end."""
    told = live.run_pair("bench.fanout", [kind, folder, str(size), str(ticks)], lambda where: where)
    return {
        "frames_per_second": told["frames"] / told["seconds"],
        "cpu_us_per_frame": told["cpu"] / told["frames"] * 1e6,
        "delivered": told["frames"] / (ticks * size),
        "kib_per_tab": (told["full_kib"] - told["empty_kib"]) / size,
    }


def make_ticks(count: int) -> list[Tick]:
    """The same market in every round."""
    rng = random.Random(1)  # noqa: S311
    start = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
    instruments = [parse_instrument(symbol) for symbol in SYMBOLS]
    return [
        Tick(rng.choice(instruments), {"open": Decimal(number) / 100}, start + timedelta(milliseconds=number))
        for number in range(10_000, 10_000 + count)
    ]


def make_frames(count: int) -> list[str]:
    """What the hub would send, made beforehand: the bare server has nothing to do but to send."""
    from brokers.live import frames
    from brokers.live.board import Board

    board, texts = Board(), []
    for seq, tick in enumerate(make_ticks(count), start=1):
        board.figures(tick.instrument)
        board.merge([tick])
        texts.append(frames.quotes("quotes", seq, UUID(int=seq), board.take_changes().values()))
    return texts


async def drive(where: Result, ready: Callable[[], bool], send: Callable[[int], Any], ticks: int) -> None:
    """Say where we are, wait for all tabs, send one tick after the other; tell what it took this process."""
    empty = live.resident_kib()
    say(where)
    await live.until(ready)
    await asyncio.sleep(0.5)
    full, before = live.resident_kib(), time.process_time()
    for number in range(ticks):
        sent = send(number)
        if sent is not None:
            await sent
        await asyncio.sleep(0)
    await live.told_done()
    say({"cpu": time.process_time() - before, "empty_kib": empty, "full_kib": full})
    await asyncio.Event().wait()


def place(port: int, size: int, ticks: int, cookie: str = "", connection: str | None = None) -> Result:
    return {"port": port, "sockets": size, "expected": ticks, "cookie": cookie, "connection": connection}


async def serve_bare(_: str, size_text: str, ticks_text: str) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    size, ticks = int(size_text), int(ticks_text)
    connections: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    texts, sock = make_frames(ticks), live.bound_socket()
    async with serve(handle, sock=sock, compression=None, ping_interval=None):
        where = place(sock.getsockname()[1], size, ticks)
        await drive(
            where, lambda: len(connections) == size, lambda number: broadcast(connections, texts[number]), ticks
        )


async def serve_hub(folder: str, size_text: str, ticks_text: str) -> None:
    size, ticks = int(size_text), int(ticks_text)
    ((connection, cookie),) = live.prepare(folder, 1)
    hub = live.make_hub(flush_every=0, tabs=size, recheck=600)
    port, _ = live.serve(live.live_application(hub))
    made, key = make_ticks(ticks), UUID(connection)

    def ready() -> bool:
        return key in hub.feeds and len(hub.feeds[key].tabs) == size

    await drive(
        place(port, size, ticks, cookie, connection), ready, lambda number: hub.feeds[key].apply([made[number]]), ticks
    )


async def serve_groups(folder: str, size_text: str, ticks_text: str) -> None:
    """As the tutorials have it: a group of all, a consumer that sends what the group is sent."""
    live.prepare(folder, 1)
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import InMemoryChannelLayer, channel_layers
    from channels.routing import URLRouter
    from django.urls import path

    size, ticks = int(size_text), int(ticks_text)
    layer = InMemoryChannelLayer(capacity=ticks + 10)
    channel_layers.set("default", layer)
    joined = []

    class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
        async def connect(self) -> None:
            await self.channel_layer.group_add("quotes", self.channel_name)
            await self.accept()
            joined.append(self)

        async def quotes(self, event: dict[str, str]) -> None:
            await self.send(text_data=event["text"])

    texts = make_frames(ticks)
    port, _ = live.serve(URLRouter([path("ws/v1/", Consumer.as_asgi())]))

    def send(number: int) -> Awaitable[None]:
        sent: Awaitable[None] = layer.group_send("quotes", {"type": "quotes", "text": texts[number]})
        return sent

    await drive(place(port, size, ticks), lambda: len(joined) == size, send, ticks)


async def read(given: str) -> None:
    where = json.loads(given)
    asked = live.subscription(where["connection"], SYMBOLS)
    readers = [
        await live.connect(where["port"], lambda: live.Reader(where["cookie"], asked)) for _ in range(where["sockets"])
    ]
    await live.until(lambda: all(reader.frames >= where["expected"] for reader in readers))
    seconds = max(reader.last for reader in readers) - min(reader.first for reader in readers)
    say({"frames": sum(reader.frames for reader in readers), "seconds": seconds})


PARTS: live.Parts = {"read": read, "bare": serve_bare, "hub": serve_hub, "groups": serve_groups}

if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        live.main_part(PARTS, sys.argv[1:])
