"""The simulator by itself: start-up, memory, an SPX chain, orders, and streams to a hundred readers on one core.

Server and readers are processes of their own, pinned apart; CPU is the server's own, read from the kernel. Nobody
must have to wait for the simulator: the goals are 50,000 events a second of one core's time, a chain within 100 ms
after the first, a start within 3 s.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.machine import free_port, pin

READERS = int(os.environ.get("BENCH_READERS", "100"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
ORDERS = int(os.environ.get("BENCH_ORDERS", "1000"))
SHARES = 40  # underlyings that each reader watches
OPTIONS = 300  # options beside them
USER_AGENT = "blotter-bench/1.0"
QUOTE = ["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"]
GREEKS = ["eventType", "eventSymbol", "volatility", "delta", "gamma", "theta", "rho", "vega"]


@dataclass
class Running:
    """A simulator in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]
    started_in: float

    @property
    def cpu(self) -> float:
        """CPU seconds it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """Resident MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    pin(1)
    with simulator() as running:
        say("start-up", seconds=round(running.started_in, 2), memory_mib=round(running.memory), goal_seconds=3)
        session = sign_in(running, "tastytrade")
        chain(running, session)
        orders(running, session)
        lift_limits(running)
        stream(running, "dxlink", session)
        stream(running, "chunks", sign_in(running, "tradestation"))
        say("memory at the end", memory_mib=round(running.memory))


def lift_limits(running: Running) -> None:
    """Let one person have as many sessions as there are readers."""
    body = {"switches": {"dxlink_sessions": READERS}}
    requests.post(f"{running.url}/control/faults", json=body, timeout=10).raise_for_status()


def say(what: str, **figures: Any) -> None:
    print(json.dumps({"bench": "simulator", "what": what, **figures}), flush=True)


@contextmanager
def simulator() -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "manage.py", "simulate", "--port", str(port), "--always-open", "--seed", "1"]
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: pin(0),
    )
    try:
        while True:
            try:
                requests.get(f"http://localhost:{port}/control/", timeout=5)
                break
            except requests.ConnectionError:
                if process.poll() is not None:
                    raise SystemExit("the simulator did not start") from None
                time.sleep(0.02)
        yield Running(f"http://localhost:{port}", process, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait(20)


def sign_in(running: Running, broker: str) -> requests.Session:
    """A session with a token of the demo person."""
    control = f"{running.url}/control"
    body = {"broker": broker, "redirect_uris": ["http://localhost/callback"]}
    client = requests.post(f"{control}/clients", json=body, timeout=10).json()
    grant = requests.post(
        f"{control}/grants", json={"client_id": client["client_id"], "user": "demo"}, timeout=10
    ).json()
    signin = f"{running.url}/tastytrade" if broker == "tastytrade" else f"{running.url}/tradestation/signin"
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    asked = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"], **client}
    token = session.post(f"{signin}/oauth/token", data=asked, timeout=10).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def chain(running: Running, session: requests.Session) -> None:
    """The whole SPX chain, nested; the time is the client's, the body read but not parsed."""
    url, times = f"{running.url}/tastytrade/option-chains/SPX/nested", []
    for _ in range(41):
        begun = time.perf_counter()
        answer = session.get(url, timeout=60)
        times.append((time.perf_counter() - begun) * 1000)
    strikes = sum(len(e["strikes"]) for item in answer.json()["data"]["items"] for e in item["expirations"])
    p95 = statistics.quantiles(times[1:], n=20)[18]
    say(
        "SPX chain",
        contracts=strikes * 2,
        mib=round(len(answer.content) / 2**20, 2),
        first_ms=round(times[0], 1),
        p50_ms=round(statistics.median(times[1:]), 1),
        p95_ms=round(p95, 1),
        goal_p95_ms=100,
    )


def orders(running: Running, session: requests.Session) -> None:
    """Orders placed one after the other by one client; all of them rest, so the last meet a thousand others."""
    url = f"{running.url}/tastytrade/accounts/5WT00001/orders"
    leg = {"instrument-type": "Equity", "symbol": "F", "quantity": 1, "action": "Buy to Open"}
    body = {"time-in-force": "Day", "order-type": "Limit", "price": "1.00", "price-effect": "Debit", "legs": [leg]}
    before, begun = running.cpu, time.perf_counter()
    for _ in range(ORDERS):
        answer = session.post(url, json=body, timeout=30)
        if answer.status_code != 201:
            raise SystemExit(f"an order was refused: {answer.text[:300]}")
    seconds = time.perf_counter() - begun
    spent = running.cpu - before
    say("orders", placed=ORDERS, per_second=round(ORDERS / seconds), cpu_ms_each=round(spent / ORDERS * 1000, 2))
    before = running.cpu
    time.sleep(3)
    say("resting orders", resting=ORDERS, core_percent=round((running.cpu - before) / 3 * 100, 1))
    requests.post(f"{running.url}/control/reset", json={}, timeout=30)


def stream(running: Running, kind: str, session: requests.Session) -> None:
    """A hundred readers of the same instruments; the figure that counts is events for a second of the server's CPU."""
    given = json.dumps({"kind": kind, "url": running.url, "headers": dict(session.headers)})
    readers = subprocess.Popen(
        [sys.executable, "-m", "bench.simulator", "read"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert readers.stdin is not None and readers.stdout is not None  # noqa: S101, PT018
    readers.stdin.write(given + "\n")
    readers.stdin.flush()
    readers.stdout.readline()  # all are subscribed
    before = running.cpu
    counted = json.loads(readers.stdout.readline())
    spent = running.cpu - before
    readers.wait(20)
    say(
        f"stream: {kind}",
        readers=READERS,
        events_per_second=round(counted["events"] / counted["seconds"]),
        megabytes_per_second=round(counted["bytes"] / counted["seconds"] / 1e6, 1),
        core_percent=round(spent / counted["seconds"] * 100),
        events_per_cpu_second=round(counted["events"] / max(spent, 0.01)),
        goal=50_000,
    )


# The readers


class Counter:
    """What came in. Events are counted, not parsed: the readers must not be slower than the server."""

    def __init__(self) -> None:
        self.events = self.bytes = 0


async def read() -> None:
    pin(1)
    given = json.loads(sys.stdin.readline())
    counter = Counter()
    reader = dxlink if given["kind"] == "dxlink" else chunks
    subscribed = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(reader(given, counter, subscribed)) for _ in range(READERS)]
    for _ in range(READERS):
        await asyncio.wait_for(subscribed.acquire(), 60)
    await asyncio.sleep(1)
    print("ready", flush=True)
    counter.events = counter.bytes = 0
    begun = time.perf_counter()
    await asyncio.sleep(SECONDS)
    found = {"events": counter.events, "bytes": counter.bytes, "seconds": time.perf_counter() - begun}
    print(json.dumps(found), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def dxlink(given: dict[str, Any], counter: Counter, subscribed: asyncio.Semaphore) -> None:
    from websockets.asyncio.client import connect

    headers = given["headers"]
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(None, lambda: symbols(given["url"], headers))
    async with connect(found["url"], compression=None, max_size=None) as socket:
        setup = {"acceptAggregationPeriod": 0.1, "acceptDataFormat": "COMPACT"}
        fields = {"acceptEventFields": {"Quote": QUOTE, "Greeks": GREEKS}}
        quotes = [{"type": "Quote", "symbol": symbol} for symbol in found["shares"] + found["options"]]
        greeks = [{"type": "Greeks", "symbol": symbol} for symbol in found["options"]]
        for message in (
            {"type": "SETUP", "channel": 0, "version": "0.1-bench/1", "keepaliveTimeout": 60},
            {"type": "AUTH", "channel": 0, "token": found["token"]},
            {"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}},
            {"type": "FEED_SETUP", "channel": 1, **setup, **fields},
            {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": quotes + greeks},
        ):
            await socket.send(json.dumps(message))
        subscribed.release()
        async for frame in socket:
            text = str(frame)
            counter.bytes += len(text)
            kind = '"Quote",' if text[40:60].find('"Quote"') >= 0 else '"Greeks",'
            counter.events += max(text.count(kind) - 1, 0) if "FEED_DATA" in text[:30] else 0


def symbols(url: str, headers: dict[str, str]) -> dict[str, Any]:
    """A quote token, underlyings, and the options of SPY nearest to the money in its first expirations."""
    if FOUND:
        return FOUND
    base = f"{url}/tastytrade"
    token = requests.get(f"{base}/api-quote-tokens", headers=headers, timeout=20).json()["data"]
    listed = requests.get(f"{base}/instruments/equities", headers=headers, timeout=20).json()["data"]["items"]
    nested = requests.get(f"{base}/option-chains/SPY/nested", headers=headers, timeout=20).json()["data"]["items"]
    options: list[str] = []
    for expiration in nested[0]["expirations"][:4]:
        middle = len(expiration["strikes"]) // 2
        for strike in expiration["strikes"][max(middle - 25, 0) : middle + 25]:
            options += [strike["call-streamer-symbol"], strike["put-streamer-symbol"]]
    shares = [one["streamer-symbol"] for one in listed if not one["is-index"]][:SHARES]
    FOUND.update(url=token["dxlink-url"], token=token["token"], shares=shares, options=options[:OPTIONS])
    return FOUND


FOUND: dict[str, Any] = {}


async def chunks(given: dict[str, Any], counter: Counter, subscribed: asyncio.Semaphore) -> None:
    """One chunked quote stream, read off a bare socket."""
    host, port = given["url"].removeprefix("http://").split(":")
    names = "SPY,QQQ,IWM,DIA,TLT,GLD,XLE,XLF,EEM,AAPL,MSFT,NVDA,TSLA,AMZN,GOOGL,META,AMD,INTC,NFLX,CSCO,PLTR,F,GM,T,KO"
    reading, writing = await asyncio.open_connection(host, int(port))
    head = f"GET /tradestation/v3/marketdata/stream/quotes/{names} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in given["headers"].items() if name == "Authorization")
    writing.write((head + "\r\n").encode())
    await writing.drain()
    subscribed.release()
    try:
        while data := await reading.read(1 << 18):
            counter.bytes += len(data)
            counter.events += data.count(b'{"Symbol"')
    finally:
        writing.close()


if __name__ == "__main__":
    asyncio.run(read()) if sys.argv[1:] == ["read"] else main()
