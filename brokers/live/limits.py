"""How fast, how long and how much: the figures that bound live quotes."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds. An installation changes them by ``LIVE_LIMITS`` in its settings; ``.env.example`` names those
    that its environment sets.

    ``flush_every``: the least time between two rounds in which feeds tell what changed. ``linger``: how long a feed and
    its instruments stay after the last tab left. ``behind``: how long a tab may stay behind before it is closed.
    ``symbols``: of one tab; ``symbols_of_person``: of all tabs of a person in this process together, counted in each
    tab that watches them.
    """

    flush_every: float = 0.05
    linger: float = 30
    behind: float = 20
    heartbeat: float = 5
    recheck: float = 15
    sweep: float = 1
    retry: tuple[float, ...] = (0.5, 1, 2, 5, 10, 20, 30)
    symbols: int = 500
    symbols_of_person: int = 3000
    tabs: int = 20
    message_bytes: int = 64 * 1024
    messages_per_second: float = 20
    message_burst: float = 100
    strikes: int = 10

    @classmethod
    def from_settings(cls) -> Self:
        return cls(**getattr(settings, "LIVE_LIMITS", {}))
