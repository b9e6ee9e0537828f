"""Orders out and intents in, watched while everything dies: by each process for itself, and over all of them."""

import os
import time
from pathlib import Path
from typing import Any

from doomed.processes import forget_connections


class Excess:
    """A file that says whenever more was out than in. Appended to by processes that may die."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "excess"

    def note(self, words: str) -> None:
        line = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(line, f"{words}\n".encode())
        os.close(line)

    def look(self) -> None:
        """This process's own pair, at its transport."""
        from trading.protocol.counters import counters

        if counters.excess > 0:
            self.note(f"{os.getpid()}: {counters.out} out, {counters.intents} in")

    def watch(self, broker: Any, every: float = 1.0) -> None:
        """The pair of the whole desk, for ever: requests at the broker, read first, and rows that may have left."""
        from django.db import Error

        from trading.models import Order

        while True:
            out = broker.out()
            try:
                written = Order.objects.filter(sent_at__isnull=False).count()
            except Error:  # the database was killed; what was counted before it came back proves nothing
                forget_connections()
                written = out
            if out > written:
                self.note(f"all: {out} out, {written} in")
            time.sleep(every)

    @property
    def times(self) -> int:
        return len(self.path.read_text().splitlines()) if self.path.exists() else 0
