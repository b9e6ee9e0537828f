"""Processes of one desk: the same database, the same Redis, a uvicorn each, as behind a proxy; and tabs at them."""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from servers import free_port, wait_for_port
from simulator_server import SimulatorServer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = "http://localhost:8000"
UVICORN = ["--ws", "brokers.live.server:LiveProtocol", "--ws-per-message-deflate", "false", "--no-access-log"]


class Desk:
    """Its database is made and one person connected when it is made; ``start`` adds a process to it."""

    def __init__(self, folder: Path, sim: SimulatorServer, redis_url: str) -> None:
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = keep | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOCAL": "1",
            "VAR_DIR": str(folder),
            "BASE_URL": ORIGIN,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "TOKEN_KEYS": f"test:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "REDIS_URL": redis_url,
            "TASTYTRADE_SIM_API_URL": sim.api,
            "TASTYTRADE_SIM_TOKEN_URL": f"{sim.api}/oauth/token",
            "TASTYTRADE_SIM_STREAMER_URL": f"{sim.ws}/streamer",
            "LOG_LEVEL": "INFO",
        }
        self.log = folder / "desk.log"
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        grant = sim.grant()
        given = [grant.client.client_id, grant.client.client_secret, grant.refresh_token]
        paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        command = [sys.executable, "-P", __file__, *given]
        made = subprocess.run(command, cwd=ROOT, env=self.environment | paths, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        found = json.loads(made.stdout.splitlines()[-1])
        self.cookie, self.connection = found["cookie"], found["connection"]

    def start(self, **environment: str) -> int:
        """Another process; its port."""
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), *UVICORN]
        with self.log.open("ab") as log:
            self.processes[port] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log
            )
        wait_for_port(port, self.processes[port], 60)
        return port

    def kill(self, port: int) -> None:
        self.processes[port].send_signal(signal.SIGKILL)
        self.processes[port].wait(10)

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class LiveTab:
    """What one tab hears; ``at`` is the monotonic time of each frame."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, dict[str, Any]]] = []

    def hear(self, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "quotes":
            counted = [past for _, past in self.frames if past["type"] in ("quotes", "snapshot")]
            assert frame["seq"] == counted[-1]["seq"] + 1, "a frame was lost and nobody said so"
        self.frames.append((time.monotonic(), frame))

    def quotes_since(self, moment: float) -> list[dict[str, Any]]:
        return [frame for at, frame in self.frames if at > moment and frame["type"] == "quotes"]

    def states(self, source: str = "quotes") -> list[str]:
        return [f["state"] for _, f in self.frames if f["type"] == "status" and f["source"] == source]


@contextlib.asynccontextmanager
async def open_live_tab(desk: Desk, port: int, *symbols: str) -> AsyncIterator[LiveTab]:
    tab = LiveTab()
    headers = {"Cookie": desk.cookie}
    async with connect(
        f"ws://127.0.0.1:{port}/ws/v1/", origin=ORIGIN, additional_headers=headers, compression=None, proxy=None
    ) as socket:
        await socket.send(
            json.dumps({"action": "subscribe", "id": 1, "connection": desk.connection, "symbols": symbols})
        )

        async def listen() -> None:
            with contextlib.suppress(ConnectionClosed):
                async for text in socket:
                    tab.hear(str(text))

        listening = asyncio.create_task(listen())
        try:
            yield tab
        finally:
            listening.cancel()
            failures = await asyncio.gather(listening, return_exceptions=True)
            assert not isinstance(failures[0], AssertionError), failures[0]


def prepare(client_id: str, client_secret: str, refresh_token: str) -> None:
    """The desk's database with one person, connected and signed in; told as one line of JSON."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    from brokers import connections
    from brokers.models import Connection
    from brokers.vault import Secret

    user = get_user_model().objects.create_user("ann")
    connections.connect_personal(
        user=user,
        broker="tastytrade",
        environment="sim",
        client_id=client_id,
        client_secret=Secret(client_secret),
        refresh_token=Secret(refresh_token),
        label="test",
    )
    browser = Client()
    browser.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    print(json.dumps({"cookie": cookie, "connection": str(Connection.objects.of(user).get().pk)}))


if __name__ == "__main__":
    prepare(*sys.argv[1:])
