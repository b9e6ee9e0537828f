"""The desk's own time beyond the broker's for what is read: positions page and API, p50 and p95 in milliseconds.

The simulator runs beside it as a program of its own; the desk runs in this process under uvicorn. Each call to the
broker is clocked at the HTTP adapter, and a request's own time is its whole time less the union of its broker calls.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import free_port

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "150"))
WARM_UP = 10


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder)) as sim_url:
        prepare(Path(folder), sim_url)
        session, account, url = sign_in(sim_url)
        with serving(url):
            measure_all(session, account, url)


@contextmanager
def simulator(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "manage.py", "simulate", "--port", str(port), "--always-open", "--seed", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


def ask(url: str, body: dict[str, Any]) -> Any:
    """POST to the simulator's control port; waits while it starts."""
    import requests

    for _ in range(200):
        try:
            return requests.post(url, json=body, timeout=5).json()
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit("the simulator did not start")


def prepare(folder: Path, sim_url: str) -> None:
    """Settings, database and Django, all in a folder of their own."""
    os.environ["VAR_DIR"] = str(folder)
    os.environ["BASE_URL"] = f"http://localhost:{free_port()}"
    os.environ["TASTYTRADE_SIM_API_URL"] = f"{sim_url}/tastytrade"
    os.environ["TASTYTRADE_SIM_TOKEN_URL"] = f"{sim_url}/tastytrade/oauth/token"
    os.environ["TASTYTRADE_SIM_STREAMER_URL"] = f"{sim_url.replace('http', 'ws')}/tastytrade/streamer"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def sign_in(sim_url: str) -> tuple[Any, Any, str]:
    """A user, connected to the simulator by a personal grant; gives an HTTP session, the account, the desk's URL."""
    import requests
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from brokers import connections
    from brokers.models import Account
    from brokers.vault import Secret

    client_data = ask(f"{sim_url}/control/clients", {"broker": "tastytrade", "redirect_uris": ["http://localhost/cb"]})
    grant = ask(f"{sim_url}/control/grants", {"client_id": client_data["client_id"], "user": "demo"})
    user = get_user_model().objects.create_user("bench")
    connections.connect_personal(
        user=user,
        broker="tastytrade",
        environment="sim",
        client_id=client_data["client_id"],
        client_secret=Secret(client_data["client_secret"]),
        refresh_token=Secret(grant["refresh_token"]),
        label="bench",
    )
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(user)
    page = browser.get("/connections/")
    session = requests.Session()
    session.cookies.set(settings.SESSION_COOKIE_NAME, browser.cookies[settings.SESSION_COOKIE_NAME].value)
    token = page.cookies[settings.CSRF_COOKIE_NAME].value if settings.CSRF_COOKIE_NAME in page.cookies else "x" * 32
    session.cookies.set(settings.CSRF_COOKIE_NAME, token)
    session.headers.update({"X-CSRFToken": token, "Origin": settings.BASE_URL})
    return session, Account.objects.of(user).get(number="5WT00001"), settings.BASE_URL


@contextmanager
def serving(url: str) -> Iterator[None]:
    import uvicorn

    from config.asgi import application

    config = uvicorn.Config(application, port=int(url.rsplit(":", 1)[1]), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(15)


class BrokerClock:
    """When calls to the broker ran, taken at the HTTP adapter."""

    def __init__(self, desk_url: str) -> None:
        from requests.adapters import HTTPAdapter

        self.calls: list[tuple[float, float]] = []
        original = HTTPAdapter.send

        def send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return original(adapter, request, *args, **kwargs)
            finally:
                if not request.url.startswith(desk_url):
                    self.calls.append((begun, time.perf_counter()))

        HTTPAdapter.send = send  # type: ignore[method-assign, assignment]

    def spent(self, since: float, until: float) -> float:
        """Seconds of the span in which at least one call ran."""
        total, reached = 0.0, since
        for begun, ended in sorted(self.calls):
            begun, ended = max(begun, reached), min(ended, until)
            if ended > begun:
                total, reached = total + ended - begun, ended
        return total


def measure_all(session: Any, account: Any, url: str) -> None:
    clock = BrokerClock(url)
    base = f"{url}/api/v1"
    measure("positions page", clock, lambda: session.get(f"{url}/portfolio/positions?account={account.id}"))
    measure("positions API", clock, lambda: session.get(f"{base}/accounts/{account.id}/positions"))


def measure(name: str, clock: BrokerClock, call: Callable[[], Any], rounds: int = ROUNDS) -> None:
    own, whole = [], []
    for round_ in range(rounds + WARM_UP):
        clock.calls.clear()
        begun = time.perf_counter()
        answer = call()
        ended = time.perf_counter()
        if answer.status_code >= 400:
            raise SystemExit(f"{name}: {answer.status_code} {answer.text[:400]}")
        if round_ >= WARM_UP:
            whole.append((ended - begun) * 1000)
            own.append((ended - begun - clock.spent(begun, ended)) * 1000)
    line = {"bench": "desk", "what": name, "rounds": rounds}
    for label, values in (("own_ms", own), ("whole_ms", whole)):
        cuts = statistics.quantiles(values, n=20)
        line |= {f"{label}_p50": round(cuts[9], 2), f"{label}_p95": round(cuts[18], 2)}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
