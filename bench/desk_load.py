"""A busy desk: many people, each with an upstream of their own; many tabs on one upstream; tabs that stop reading.

The hub as it is served, with its usual batches (50 ms), driven by ``Feed.apply`` as ticks come in; decoding them is
measured by ``bench.decode``. Each tick carries the server's monotonic clock, so its age is known when it reaches a
socket: the wait for the batch is in it. CPU is the server's whole process, per quote that was delivered; ``driver_us``
of it is what making the ticks takes, measured by making them for nobody. The readers have the other core.
While some tabs stop reading, the others' times are taken in windows, and held against those of windows before and
after in which all read: one run, so that both had the same machine. ``bench.growth`` draws how cost grows.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from itertools import pairwise, product
from string import ascii_uppercase
from typing import Any, TypeAlias
from uuid import UUID

from bench import live
from bench.live import Result, say
from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Tick

SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
SLOW_SECONDS = float(os.environ.get("BENCH_SLOW_SECONDS", "60"))
WINDOWS = 6  # of silence; a third as many before it, and as many after
ROUNDS = max(1, int(os.environ.get("BENCH_LOAD_ROUNDS", "3")))
Windows: TypeAlias = dict[str, list[float]]
Feed: TypeAlias = Any
"""The hub's: it can only be named where the desk is set up."""
Order: TypeAlias = list[tuple[Feed, Instrument]]
STEP = 0.005
MOST_TIMED = 100
SMALL_BUFFER = 64 * 1024


@dataclass(frozen=True)
class Load:
    """``ticks`` a second in all; ``tabs`` of each person, who watch ``symbols`` each in so many different ``views``;
    ``silent``: tabs that stop reading for ``SLOW_SECONDS``."""

    people: int
    tabs: int
    symbols: int
    ticks: int
    views: int = 1
    silent: int = 0
    seconds: float = SECONDS


MANY_PEOPLE = Load(people=50, tabs=2, symbols=200, ticks=2000)
MANY_TABS = Load(people=1, tabs=1000, symbols=200, ticks=4000, views=20)
SOME_SILENT = Load(people=1, tabs=105, symbols=200, ticks=2000, silent=5, seconds=SLOW_SECONDS * 5 / 3 + 10)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        live.prepare(folder, MANY_PEOPLE.people)
        users = repeated(folder, "many people", MANY_PEOPLE)
        users["says"] = (
            f"50 people with an upstream and 2 tabs each: ticks reach the socket within {users['p99_ms']} ms "
            f"(99 of 100; goal: 60), and each costs {users['hub_us_per_quote']} µs of CPU (goal: 6)"
        )
        is_met = users["p99_ms"] <= 60 and users["hub_us_per_quote"] <= 6
        say(users | {"goal_p99_ms": 60, "goal_us": 6, "ok": is_met})
        tabs = repeated(folder, "many tabs", MANY_TABS)
        tabs["says"] = (
            f"1,000 tabs of 200 symbols on one upstream: within {tabs['p99_ms']} ms in 99 of 100 cases (goal: 120) at "
            f"{tabs['core_percent']} % of a core (goal: 35)"
        )
        say(tabs | {"goal_p99_ms": 120, "goal_core": 35, "ok": tabs["p99_ms"] <= 120 and tabs["core_percent"] <= 35})
        watch_silent(folder)


def watch_silent(folder: str) -> None:
    found = run(folder, SOME_SILENT)
    reading, silent = found["window_p99_ms"][False], found["window_p99_ms"][True]
    slower = statistics.median(silent) / statistics.median(reading)
    line: Result = {"bench": "desk_load", "what": "5 of 105 tabs stop reading", "seconds": SLOW_SECONDS}
    line |= {"p99_ms": silent, "p99_ms_when_all_read": reading, "kib_more": found["grown_kib"]}
    line["says"] = (
        f"While 5 of 105 tabs do not read for {SLOW_SECONDS:.0f} s, the others' p99 is {slower:.2f} times what it is "
        f"when all read (goal: 1.1 or less), and the server holds {found['grown_kib']} KiB more"
    )
    say(line | {"p99_ratio": round(slower, 3), "goal": 1.1, "ok": slower <= 1.1})


def repeated(folder: str, what: str, load: Load) -> Result:
    results = [run(folder, load) for _ in range(ROUNDS)]
    keys = (
        "p50_ms",
        "p99_ms",
        "hub_us_per_quote",
        "cpu_us_per_quote",
        "driver_us",
        "core_percent",
        "quotes_per_second",
        "frames_per_second",
    )
    line = {"bench": "desk_load", "what": what, "rounds": ROUNDS, **asdict(load)}
    return line | {key: live.median(results, key) for key in keys}


def run(folder: str, load: Load) -> Result:
    told = live.run_pair("bench.desk_load", ["serve", folder, json.dumps(asdict(load))], lambda where: where)
    return {
        "p50_ms": round(told["p50"] * 1000, 1),
        "p99_ms": round(told["p99"] * 1000, 1),
        "hub_us_per_quote": round((told["cpu"] - told["driver"]) / told["quotes"] * 1e6, 2),
        "cpu_us_per_quote": round(told["cpu"] / told["quotes"] * 1e6, 2),
        "driver_us": round(told["driver"] / told["quotes"] * 1e6, 2),
        "core_percent": round(told["cpu"] / told["took"] * 100, 1),
        "quotes_per_second": round(told["quotes"] / told["took"]),
        "frames_per_second": round(told["frames"] / told["took"]),
        "grown_kib": told["grown_kib"],
        "window_p99_ms": {silent: told["windows"][str(silent)] for silent in (False, True)},
    }


def symbols(count: int) -> list[str]:
    letters = product(ascii_uppercase, repeat=3)
    return ["".join(next(letters)) for _ in range(count)]


# The server


async def serve(folder: str, given: str) -> None:
    load = Load(**json.loads(given))
    people = live.prepare(folder, load.people)[: load.people]
    hub = live.make_hub(tabs=load.tabs, recheck=600, behind=SLOW_SECONDS + 30)
    port, _ = live.serve(live.live_application(hub))
    say({**asdict(load), "port": port, "people": people})
    keys = [UUID(connection) for connection, _ in people]
    await live.until(lambda: all(key in hub.feeds and len(hub.feeds[key].tabs) == load.tabs for key in keys))
    await asyncio.sleep(0.5)
    order = order_of(load, [hub.feeds[key] for key in keys])
    driver, _ = await drive(replace(load, seconds=1.0), order, lambda feed, ticks: None)
    held = live.resident_kib()
    cpu, took = await drive(load, order, lambda feed, ticks: feed.apply(ticks))
    grown = live.resident_kib() - held
    await live.told_done()
    say({"cpu": cpu, "driver": driver * took, "took": took, "grown_kib": grown})
    await asyncio.Event().wait()


def order_of(load: Load, feeds: list[Feed]) -> Order:
    """Whose instrument moves next. The instruments are those that each feed asked its stream to watch."""
    rng = random.Random(1)  # noqa: S311
    watched = {feed: {str(each): each for each in feed.wanted} for feed in feeds}
    names = [str(parse_instrument(symbol)) for symbol in symbols(load.symbols * load.views)]
    drawn = [(rng.choice(feeds), rng.choice(names)) for _ in range(10_000)]
    return [(feed, watched[feed][name]) for feed, name in drawn]


async def drive(load: Load, order: Order, apply: Callable[[Feed, list[Tick]], None]) -> tuple[float, float]:
    """Seconds of CPU (a second, where the load lasts one), and of the clock."""
    before, began = time.process_time(), time.monotonic()
    for feed, ticks in ticking(load, order):
        if feed is None:
            await asyncio.sleep(STEP)
        else:
            apply(feed, ticks)
    return time.process_time() - before, time.monotonic() - began


def ticking(load: Load, order: Order) -> Iterator[tuple[Feed | None, list[Tick]]]:
    """What is due by now, and then a pause (None): as many ticks a second as the load says, however late we are."""
    began, done = time.monotonic(), 0
    while (now := time.monotonic()) < began + load.seconds:
        at, values = datetime.now(timezone.utc), {"last": Decimal(f"{now:.6f}")}
        due = int((now - began) * load.ticks)
        for number in range(done, due):
            feed, instrument = order[number % len(order)]
            yield feed, [Tick(instrument, values, at)]
        done = due
        yield None, []


# The readers


async def read(given: str) -> None:
    where = json.loads(given)
    size, names = where["symbols"], symbols(where["symbols"] * where["views"])
    readers = []
    every = max(1, len(where["people"]) * where["tabs"] // MOST_TIMED)
    for number, (person, _) in enumerate(product(where["people"], range(where["tabs"]))):
        connection, cookie = person
        start = number % where["views"] * size
        asked = live.subscription(connection, names[start : start + size])
        reader = live.Reader(cookie, asked, timed=number % every == 0)
        readers.append(await live.connect(where["port"], lambda each=reader: each, receive_buffer=SMALL_BUFFER))  # type: ignore[misc]
    await live.until(lambda: any(reader.frames for reader in readers))
    await asyncio.sleep(1)
    windows = await (
        watch_all(readers, where["seconds"]) if not where["silent"] else watch_some(readers, where["silent"])
    )
    await asyncio.sleep(1)
    ages = [age for reader in readers[where["silent"] :] for age in reader.ages]
    found: Result = {"quotes": sum(each.quotes for each in readers), "frames": sum(each.frames for each in readers)}
    say(found | {"p50": live.percentile(ages, 0.5), "p99": live.percentile(ages, 0.99), "windows": windows})


async def watch_all(readers: list[live.Reader], seconds: float) -> Windows:
    await asyncio.sleep(seconds)
    return {"False": [], "True": []}


async def watch_some(readers: list[live.Reader], count: int) -> Windows:
    """The 99th percentile of those who always read, in milliseconds, window by window. It is reckoned at the end: while
    so many ages are sorted nobody reads, and the next window would pay for it."""
    silent, others = readers[:count], readers[count:]
    phases = [False] * (WINDOWS // 3) + [True] * WINDOWS + [False] * (WINDOWS // 3)
    heard = [[len(reader.ages) for reader in others]]
    for before, is_silent in pairwise([False, *phases]):
        for reader in silent if is_silent != before else ():
            (reader.transport.pause_reading if is_silent else reader.transport.resume_reading)()
        await asyncio.sleep(SLOW_SECONDS / WINDOWS)
        heard.append([len(reader.ages) for reader in others])
    windows: Windows = {"False": [], "True": []}
    for is_silent, (since, until) in zip(phases, pairwise(heard), strict=True):
        parts = zip(others, since, until, strict=True)
        ages = [age for reader, start, end in parts for age in reader.ages[start:end]]
        windows[str(is_silent)].append(round(live.percentile(ages, 0.99) * 1000, 1))
    return windows


PARTS: live.Parts = {"read": read, "serve": serve}

if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        live.main_part(PARTS, sys.argv[1:])
