"""Trading halts: which paths stand still, since when, until when, and why."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from brokers.simulator.market.paths.fair import Key


@dataclass(frozen=True, slots=True)
class Halt:
    """``until`` is when trading goes on; None: when somebody says so. ``reason`` is a code such as T1: news pending."""

    since: datetime
    until: datetime | None = None
    reason: str = ""


class Halts:
    """The halts in force, by path: what is on a halted path's prices stands still with it."""

    def __init__(self) -> None:
        self.found: dict[Key, Halt] = {}
        self._begun: set[Key] = set()

    def begin(self, key: Key, halt: Halt) -> None:
        self.found[key] = halt
        self._begun.add(key)

    def end(self, key: Key, at: datetime) -> None:
        """Let it go on from then."""
        if key in self.found:
            self.found[key] = replace(self.found[key], until=at)

    def begun(self) -> set[Key]:
        """What has been halted since this was last asked."""
        begun, self._begun = self._begun, set()
        return begun

    def over(self, now: datetime) -> list[Key]:
        """What goes on now; it is halted no more."""
        over = [key for key, halt in self.found.items() if halt.until is not None and halt.until <= now]
        for key in over:
            del self.found[key]
        return over

    def snapshot(self) -> dict[str, list[Any]]:
        return {
            str(key): [halt.since.isoformat(), halt.until and halt.until.isoformat(), halt.reason]
            for key, halt in self.found.items()
        }

    def restore(self, key: Key, saved: list[Any]) -> None:
        since, until, reason = saved
        self.begin(key, Halt(datetime.fromisoformat(since), until and datetime.fromisoformat(until), str(reason)))
