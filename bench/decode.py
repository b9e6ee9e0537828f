"""Upstream decoding: DXLink's COMPACT frames and TradeStation's chunks to checked figures by instrument, beside a bare
parse of the same bytes.

``orjson`` and ``msgspec`` are measured where they can be imported. CPU time, each round all of them in turn, medians
of the ratios within a round. ``board`` is the desk's way on from there: until each figure has its place in what is
newest, and what changed is known.
"""

import contextlib
import importlib
import json
import os
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import chain
from string import ascii_uppercase
from typing import Any, TypeAlias

from bench.live import say
from bench.machine import pin
from brokers.domain.instruments import parse_instrument
from brokers.domain.market import Tick
from brokers.domain.raw import BATCHES, Batch
from brokers.live.board import Board
from brokers.tastytrade.dxlink import DXLink
from brokers.tradestation.chunks import Chunks
from brokers.tradestation.quoted import Quotes, read_quoted
from brokers.tradestation.ticks import Ticks

Decode: TypeAlias = Callable[[list[bytes]], Iterator[Sequence[Tick | Batch]]]
"""What each frame or piece of a socket comes to."""
ROUNDS = int(os.environ.get("BENCH_DECODE_ROUNDS", "15"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "20000"))
PIECE = 1400
GOAL = 0.5
SYMBOLS = [f"{first}{second}{third}" for first in "ABCDEFGH" for second in "ABCDE" for third in ascii_uppercase[:5]]
INSTRUMENTS = {symbol: parse_instrument(symbol) for symbol in SYMBOLS}
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)


def main() -> None:
    pin(0)
    for size in (20, 100):
        frames = dxlink_frames(size)
        compare(f"DXLink, {size} quotes a frame", frames, frames, dxlink_decoder())
    lines = tradestation_lines()
    compare("TradeStation, a quote a line", lines, pieces(lines), tradestation_decoder())


def compare(what: str, texts: list[bytes], arrived: list[bytes], decode: Decode) -> None:
    """``arrived``: the same texts as the socket brings them."""
    check(arrived, decode)
    runs: dict[str, Callable[[], object]] = {
        "desk": lambda: deque(decode(arrived), maxlen=0),
        "board": _to_the_board(decode, arrived),
    }
    runs |= {name: _bare(parse, texts) for name, parse in parsers().items()}
    rounds = [{name: speed(run) for name, run in runs.items()} for _ in range(ROUNDS)]
    middle = {name: statistics.median(each[name] for each in rounds) for name in runs}
    fastest = max((name for name in runs if name not in ("desk", "board")), key=lambda name: middle[name])
    share = statistics.median(each["desk"] / each[fastest] for each in rounds)
    words = f"{what}: decoded at {share:.0%} of the speed at which {fastest} only parses (goal: {GOAL:.0%} or more)"
    line = {"bench": "decode", "what": what, "says": words, "rounds": ROUNDS}
    line |= {f"{name}_per_second": round(rate) for name, rate in middle.items()}
    say(line | {"share_of_fastest": round(share, 3), "goal": GOAL, "ok": share >= GOAL})


def speed(run: Callable[[], object]) -> float:
    """Events a second of CPU."""
    before = time.process_time()
    run()
    return EVENTS / (time.process_time() - before)


def check(arrived: list[bytes], decode: Decode) -> None:
    """Nothing may be fast because it was left out."""
    events = chain.from_iterable(decode(arrived))
    found = sum(len([*event.ticks()]) if isinstance(event, BATCHES) else 1 for event in events)
    if found != EVENTS:
        raise SystemExit(f"{found} ticks out of {EVENTS} events")


def parsers() -> dict[str, Callable[[bytes], Any]]:
    found: dict[str, Callable[[bytes], Any]] = {"json": json.loads}
    for name, function in (("orjson", "loads"), ("msgspec.json", "decode")):
        with contextlib.suppress(ImportError):
            found[name.partition(".")[0]] = getattr(importlib.import_module(name), function)
    return found


def _bare(parse: Callable[[bytes], Any], texts: list[bytes]) -> Callable[[], object]:
    def run() -> None:
        for text in texts:
            parse(text)

    return run


def _to_the_board(decode: Decode, arrived: list[bytes]) -> Callable[[], object]:
    board = Board()
    for instrument in INSTRUMENTS.values():
        board.figures(instrument)
    return lambda: board.merge(chain.from_iterable(decode(arrived)))


# What the brokers say: prices that walk


class Prices:
    """Bids in cents that move a little at each look, and sizes."""

    def __init__(self) -> None:
        self._rng = random.Random(1)  # noqa: S311
        self._bids = {symbol: self._rng.randrange(1000, 60_000) for symbol in SYMBOLS}

    def some(self, count: int) -> Sequence[str]:
        return self._rng.sample(SYMBOLS, count)

    def bid(self, symbol: str) -> int:
        self._bids[symbol] += self._rng.choice((-2, -1, 0, 1, 2))
        return self._bids[symbol]

    def size(self) -> int:
        return self._rng.randrange(1, 40)


def compact(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def dxlink_frames(size: int) -> list[bytes]:
    prices, frames = Prices(), []
    for _ in range(EVENTS // size):
        row: list[Any] = []
        for symbol in prices.some(size):
            bid = prices.bid(symbol)
            row += [symbol, bid / 100, (bid + 1) / 100, float(prices.size()), float(prices.size())]
        frames.append(compact({"type": "FEED_DATA", "channel": 1, "data": ["Quote", row]}))
    return frames


def dxlink_decoder() -> Decode:
    """Of a socket on which all is subscribed."""
    protocol = DXLink("token")
    protocol.watch(INSTRUMENTS.values())

    def decode(frames: list[bytes]) -> Iterator[Sequence[Tick | Batch]]:
        for frame in frames:
            yield protocol.receive(frame, NOW)  # type: ignore[misc]

    return decode


def tradestation_lines() -> list[bytes]:
    prices, lines = Prices(), []
    for number in range(EVENTS):
        (symbol,) = prices.some(1)
        bid = prices.bid(symbol) / 100
        quote = {"Symbol": symbol, "Last": f"{bid:.2f}", "Ask": f"{bid + 0.01:.2f}"}
        quote |= {"AskSize": str(prices.size() * 100), "Bid": f"{bid:.2f}", "BidSize": str(prices.size() * 100)}
        quote |= {"Volume": str(1000 + number)}
        flags = {"MarketFlags": {"IsDelayed": False, "IsHalted": False}}
        lines.append(compact(quote | {"TradeTime": "2026-11-20T15:00:00Z"} | flags))
    return lines


def pieces(lines: list[bytes]) -> list[bytes]:
    """They know nothing of lines."""
    text = b"\n".join(lines) + b"\n"
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


def tradestation_decoder() -> Decode:
    """Of a stream that has told each symbol before."""
    chunks, ticks = Chunks(read_quoted), Ticks()

    def decode(arrived: list[bytes]) -> Iterator[Sequence[Tick | Batch]]:
        for piece in arrived:
            for message in chunks.receive(piece):
                if isinstance(message, Quotes):
                    yield ticks.take_quotes(message, INSTRUMENTS, NOW)

    return decode


if __name__ == "__main__":
    main()
