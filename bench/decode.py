"""Upstream decoding: DXLink's COMPACT frames and TradeStation's chunks to ticks, beside a bare parse of the same bytes.

``orjson`` and ``msgspec`` are measured where they can be imported. A bare parse gives floats and text; the desk's gives
exact decimals, checked, by instrument.
"""

import contextlib
import importlib
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from bench.live import say
from bench.machine import pin
from brokers.domain.instruments import parse_instrument
from brokers.tastytrade.dxlink import DXLink
from brokers.tradestation.chunks import Chunks, Data
from brokers.tradestation.ticks import Ticks

ROUNDS = 5
EVENTS = int(os.environ.get("BENCH_EVENTS", "20000"))
IN_A_FRAME = 20
PIECE = 1400
GOAL = 0.5
SYMBOLS = ("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "TLT", "GLD")
INSTRUMENTS = {symbol: parse_instrument(symbol) for symbol in SYMBOLS}
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)


def main() -> None:
    pin(0)
    compare("dxlink compact", dxlink_frames(), decode_dxlink)
    compare("tradestation chunks", tradestation_lines(), decode_tradestation)


def compare(what: str, texts: list[bytes], decode: Callable[[list[bytes]], int]) -> None:
    runs = {"desk": decode} | {name: _bare(parse) for name, parse in parsers().items()}
    speeds = {name: statistics.median(speed(one, texts) for _ in range(ROUNDS)) for name, one in runs.items()}
    fastest = max(rate for name, rate in speeds.items() if name != "desk")
    share = speeds["desk"] / fastest
    line = {"bench": "decode", "what": what, **{f"{name}_per_second": round(rate) for name, rate in speeds.items()}}
    say(line | {"share_of_fastest": round(share, 3), "goal": GOAL, "ok": share >= GOAL})


def speed(run: Callable[[list[bytes]], int], texts: list[bytes]) -> float:
    """Events a second of CPU."""
    before = time.process_time()
    run(texts)
    return EVENTS / (time.process_time() - before)


def parsers() -> dict[str, Callable[[bytes], Any]]:
    found: dict[str, Callable[[bytes], Any]] = {"json": json.loads}
    for name, function in (("orjson", "loads"), ("msgspec", "json.decode")):
        with contextlib.suppress(ImportError):
            module = importlib.import_module("msgspec.json" if name == "msgspec" else name)
            found[name] = getattr(module, function.rpartition(".")[2])
    return found


def _bare(parse: Callable[[bytes], Any]) -> Callable[[list[bytes]], int]:
    def run(texts: list[bytes]) -> int:
        for text in texts:
            parse(text)
        return len(texts)

    return run


def dxlink_frames() -> list[bytes]:
    rng, frames = random.Random(1), []  # noqa: S311
    for _ in range(EVENTS // IN_A_FRAME):
        row: list[Any] = []
        for _ in range(IN_A_FRAME):
            bid = rng.randrange(10_000, 60_000) / 100
            row += [
                rng.choice(SYMBOLS),
                bid,
                round(bid + 0.01, 2),
                float(rng.randrange(900)),
                float(rng.randrange(900)),
            ]
        frames.append(json.dumps({"type": "FEED_DATA", "channel": 1, "data": ["Quote", row]}).encode())
    return frames


def decode_dxlink(frames: list[bytes]) -> int:
    protocol = DXLink("token")
    protocol.watch(INSTRUMENTS.values())
    count = sum(len(protocol.receive(frame, NOW)) for frame in frames)
    if count != EVENTS:
        raise SystemExit(f"{count} ticks out of {EVENTS} events")
    return count


def tradestation_lines() -> list[bytes]:
    rng, lines = random.Random(1), []  # noqa: S311
    for number in range(EVENTS):
        bid = rng.randrange(10_000, 60_000) / 100
        quote = {"Symbol": rng.choice(SYMBOLS), "Bid": f"{bid:.2f}", "Ask": f"{bid + 0.01:.2f}", "BidSize": "100"}
        quote |= {"AskSize": "300", "Last": f"{bid:.2f}", "Volume": str(number), "TradeTime": "2026-11-20T15:00:00Z"}
        lines.append(json.dumps(quote | {"MarketFlags": {"IsDelayed": False, "IsHalted": False}}).encode())
    return lines


def decode_tradestation(lines: list[bytes]) -> int:
    """As the socket brings them: pieces that know nothing of lines."""
    text, chunks, ticks, count = b"\n".join(lines) + b"\n", Chunks(), Ticks(), 0
    for start in range(0, len(text), PIECE):
        for message in chunks.receive(text[start : start + PIECE]):
            if isinstance(message, Data):
                symbol = message.node["Symbol"].text()
                count += ticks.take(symbol, INSTRUMENTS[symbol], message.node, NOW, whole=False) is not None
    if count != EVENTS:
        raise SystemExit(f"{count} ticks out of {EVENTS} events")
    return count


if __name__ == "__main__":
    main()
