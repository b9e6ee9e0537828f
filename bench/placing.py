"""Placing orders end to end at a broker that takes 50 ms: the desk's own time, orders a second, one client and ten.

Own time is an action's whole time less the stretches in which a call to the broker ran (from the request's first byte
to the answer's headers). "threads": the desk's functions called in its own process. "API": HTTP to uvicorn, each
client signed in as a person of its own. Desk, broker and clients are processes of their own on the same machine.
"""

import base64
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from bench.broker_clock import covered
from bench.machine import free_port

LATENCY = 50
CLIENTS = 10
ROUNDS = int(os.environ.get("BENCH_PLACING", "60"))
WHATS = ["preview", "place", "replace", "cancel"]
DATABASES = os.environ.get("BENCH_DATABASES", "sqlite,postgresql").split(",")
SIZES = ((1, ROUNDS), (CLIENTS, max(3, ROUNDS // 3)))
PROCESSES = int(os.environ.get("BENCH_PROCESSES", "2"))
KEY = base64.b64encode(secrets.token_bytes(32)).decode()
WAYS = os.environ.get("BENCH_WAYS", "threads,api").split(",")


def main() -> None:
    for kind in DATABASES:
        with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as url:
            measure_all(kind, url, Path(folder))


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'desk.sqlite3'}"
        return
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    import servers  # type: ignore[import-not-found]  # the tests know where a PostgreSQL is

    with servers.postgres(folder) as url:
        yield url


def measure_all(kind: str, url: str, folder: Path) -> None:
    with broker() as sim_url, Desk(sim_url, url, folder) as desk:
        say(database=kind, machine_ms=machine(), load=round(os.getloadavg()[0], 1))
        for what, told in desk.do("queries", whats=WHATS).items():
            say(database=kind, what=what, queries=told["queries"], kinds=told["kinds"])
            if os.environ.get("BENCH_SQL"):
                print("\n".join(told["sql"]), file=sys.stderr)
        if "threads" in WAYS:
            one, many = (
                report(kind, "threads", clients, desk.do("threads", clients=clients, rounds=rounds, whats=WHATS))
                for clients, rounds in SIZES
            )
            compare(kind, "threads", one, many)
        if "api" in WAYS:
            measure_web(kind, [desk])
        if "api" in WAYS and PROCESSES > 1 and kind == "postgresql":
            with contextlib.ExitStack() as stack:
                more = [stack.enter_context(Desk(sim_url, url, folder, is_more=True)) for _ in range(PROCESSES - 1)]
                measure_web(kind, [desk, *more])


def measure_web(kind: str, webs: "list[Desk]") -> None:
    """One client and ten, spread evenly over the desk's web processes."""
    for web in webs:
        if not web.serves:
            web.do("serve")
            web.serves = True
    way = "API" if len(webs) == 1 else f"API, {len(webs)} web processes"
    one, many = (report(kind, way, clients, over_http(webs, clients, rounds)) for clients, rounds in SIZES)
    compare(kind, way, one, many)


@contextlib.contextmanager
def broker() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "bench.slow_broker", str(port), str(CLIENTS), str(LATENCY)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


class Desk:
    """The process of bench/placing_desk.py, told what to do line by line. ``is_more``: another web process of a desk
    that has its traders."""

    def __init__(self, sim_url: str, database_url: str, folder: Path, *, is_more: bool = False) -> None:
        self.serves = False
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = os.environ | {
            "TEST_DATABASE_URL": database_url,
            "VAR_DIR": str(folder),
            "BASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "bench.placing_settings",
            "BENCH_KEY": KEY,
            "LOG_LEVEL": "ERROR",
            "TASTYTRADE_SIM_API_URL": f"{sim_url}/tastytrade",
            "TASTYTRADE_SIM_TOKEN_URL": f"{sim_url}/tastytrade/oauth/token",
            "TASTYTRADE_SIM_STREAMER_URL": f"{sim_url.replace('http', 'ws')}/tastytrade/streamer",
        }
        command = [sys.executable, "-m", "bench.placing_desk", sim_url, str(0 if is_more else CLIENTS)]
        self.process = subprocess.Popen(  # noqa: S603
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ear, self.mouth = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        self.traders: list[dict[str, Any]] = self._answer()

    def do(self, what: str, **how: Any) -> Any:
        self.ear.write(json.dumps({"do": what, **how}) + "\n")
        self.ear.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self.mouth.readline()
        if not line:
            raise SystemExit("the desk ended")
        return json.loads(line)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.ear.close()
        self.process.wait(60)


# --- over HTTP ---


class Person:
    """One client of the API on a connection of its own."""

    def __init__(self, url: str, trader: dict[str, Any]) -> None:
        self.key, self.account = trader["key"], trader["account"]
        self.line = HTTPConnection(str(urlsplit(url).hostname), urlsplit(url).port)
        self.headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in trader["cookies"].items()),
            "X-CSRFToken": next(value for name, value in trader["cookies"].items() if "csrf" in name),
            "Origin": url,
            "Content-Type": "application/json",
        }
        self.order = ""
        self.trader = trader

    def act(self, what: str) -> tuple[str, float, float]:
        count = self.trader["count"] = self.trader.get("count", 0) + 1
        cents = 100 + count % 600  # no order of an account is like one of its last minute
        ticket = {
            "account": self.account,
            "legs": [{"symbol": "F", "action": "buy_to_open", "quantity": "1"}],
            "order_type": "limit",
            "time_in_force": "day",
            "limit_price": f"{cents / 100:.2f}",
        }
        changed = {"limit_price": f"{cents / 100 + 1:.2f}"}
        method, path, body = {
            "preview": ("POST", "/preview", ticket),
            "place": ("POST", "", ticket),
            "replace": ("PUT", f"/{self.order}", changed),
            "cancel": ("DELETE", f"/{self.order}", {}),
        }[what]
        headers = self.headers | {"Idempotency-Key": secrets.token_hex(16)}
        begun = time.perf_counter()
        self.line.request(method, f"/api/v1/orders{path}", json.dumps(body), headers)
        answer = self.line.getresponse()
        text = answer.read()
        ended = time.perf_counter()
        if answer.status >= 400:
            raise SystemExit(f"{what}: {answer.status} {text[:400]!r}")
        if what in ("place", "replace"):
            self.order = json.loads(text)["id"]
        return self.key, begun, ended


def over_http(webs: list[Desk], clients: int, rounds: int) -> dict[str, Any]:
    people = [Person(webs[number % len(webs)].url, trader) for number, trader in enumerate(webs[0].traders[:clients])]
    done: dict[str, list[tuple[str, float, float]]] = {what: [] for what in WHATS}
    spent, cpu = dict.fromkeys(WHATS, 0.0), dict.fromkeys(WHATS, 0.0)
    with ThreadPoolExecutor(len(people)) as pool:
        for _ in range(rounds):
            for what in WHATS:
                used, begun = sum(web.do("cpu") for web in webs), time.perf_counter()
                done[what] += pool.map(lambda person: person.act(what), people)  # noqa: B023 (used up at once)
                spent[what] += time.perf_counter() - begun
                cpu[what] += sum(web.do("cpu") for web in webs) - used
    spans: dict[str, list[Any]] = {}
    for web in webs:
        for key, found in web.do("spans").items():
            spans.setdefault(key, []).extend(found)
    return {"done": done, "spent": spent, "cpu": cpu, "spans": spans}


# --- what came of it ---


def report(kind: str, way: str, clients: int, found: dict[str, Any]) -> dict[str, float]:
    """Prints a line for each action; gives how many a second there were."""
    pace = {}
    for what, actions in found["done"].items():
        own, whole, calls = [], [], 0
        for key, begun, ended in actions:
            mine = [span for span in found["spans"].get(key, ()) if span[0] < ended and span[1] > begun]
            own.append((ended - begun - covered(mine, begun, ended)) * 1000)
            whole.append((ended - begun) * 1000)
            calls += len(mine)
        line = {"database": kind, "way": way, "what": what, "clients": clients, "actions": len(actions)}
        pace[what] = len(actions) / found["spent"][what]
        line |= {"a_second": round(pace[what], 1), "calls": round(calls / len(actions), 1)}
        if "cpu" in found:
            line["cpu_ms"] = round(found["cpu"][what] / len(actions) * 1000, 1)
        say(**line, **cuts("own_ms", own), **cuts("whole_ms", whole))
    return pace


def compare(kind: str, way: str, one: dict[str, float], many: dict[str, float]) -> None:
    """How many times more ten clients get done than one; 6 is the goal."""
    say(database=kind, way=way, times=({what: round(many[what] / one[what], 1) for what in WHATS}))


def machine() -> float:
    """Milliseconds for a fixed piece of work: what the figures of a busy machine are to be held against."""
    begun = time.perf_counter()
    sum(range(10**6))
    return round((time.perf_counter() - begun) * 1000, 1)


def cuts(name: str, values: list[float]) -> dict[str, float]:
    points = statistics.quantiles(values, n=100, method="inclusive")
    return {f"{name}_p{share}": round(points[share - 1], 1) for share in (50, 95, 99)}


def say(**figures: Any) -> None:
    print(json.dumps({"bench": "placing"} | figures), flush=True)


if __name__ == "__main__":
    main()
