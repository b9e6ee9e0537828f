"""The desk as a newcomer starts it: `python -m config.local` with a fresh folder, its simulator beside it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from servers import free_port

ROOT = Path(__file__).resolve().parents[1]
ARM = """
from brokers.errors import BrokerError
from brokers.models import Account
from trading import orders
from trading.safety import halts
for account in Account.objects.filter(is_closed=False):
    try:
        orders.refresh(account)
    except BrokerError:
        pass
for halt in halts.Halt.objects.filter(rearmed_at=None):
    halts.rearm(halt, reason="Others trade in the same simulated account.", user=None)
"""


class DeskProcess:
    """Started on free ports with its state in ``folder``; everything it says is in ``log``."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port, self.sim_port = free_port(), free_port()
        self.url = f"http://localhost:{self.port}"
        self.sim_url = f"http://localhost:{self.sim_port}"
        self.log = folder / "desk.log"
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = keep | {
            "VAR_DIR": str(folder / "var"),
            "PORT": str(self.port),
            "SIM_PORT": str(self.sim_port),
            "PYTHONUNBUFFERED": "1",
            "LOG_LEVEL": "INFO",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.simulator: subprocess.Popen[bytes] | None = None
        """One that was started in place of the desk's own."""

    def start(self) -> "DeskProcess":
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "config.local"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the desk ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/accounts/login/", timeout=30):
                return self
            time.sleep(0.1)
        raise RuntimeError(f"the desk did not start in time:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> int:
        """As Ctrl-C does; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(90)
        self._end_simulator()
        return status

    def _end_simulator(self) -> None:
        if self.simulator is not None:
            self.simulator.kill()
            self.simulator.wait(60)
            self.simulator = None

    def kill(self) -> None:
        """Make sure that nothing of it is left, the simulator included."""
        self._end_simulator()
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def arm_again(self) -> None:
        """Take back halts, if there are any: people of a desk share the simulator's accounts, and what one of them buys
        is explained by no fill of another's."""
        with contextlib.closing(sqlite3.connect(self.folder / "var" / "blotter.sqlite3", timeout=60)) as database:
            (halts,) = database.execute("SELECT COUNT(*) FROM trading_halt WHERE rearmed_at IS NULL").fetchone()
        if halts:
            environment = self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "LOCAL": "1"}
            command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", ARM]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=180)

    def kill_simulator(self) -> None:
        """The broker is gone, without a word; the desk stays."""
        assert self.process is not None
        self._end_simulator()
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)

    def start_simulator(self) -> None:
        """The broker is back, as it was: its state is in the desk's folder."""
        state = str(self.folder / "var" / "simulator.json")
        command = [
            sys.executable,
            "manage.py",
            "simulate",
            "--port",
            str(self.sim_port),
            "--always-open",
            "--state",
            state,
        ]
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "LOCAL": "1"}
        with self.log.open("ab") as log:
            self.simulator = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the simulator's control port; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.sim_url}/control/{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")
