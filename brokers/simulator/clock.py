"""The simulator's time: real, sped up, put forward by hand, or standing still in tests."""

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """Time from the machine's monotonic clock, so that a change of the wall clock cannot turn it back."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._base = start or datetime.now(timezone.utc)
        self._mark = time.monotonic()
        self.speed = speed

    def now(self) -> datetime:
        """The simulated time: aware, UTC."""
        return self._base + timedelta(seconds=(time.monotonic() - self._mark) * self.speed)

    def jump(self, seconds: float) -> None:
        """Put the clock forward (or back, for those who want to see what breaks)."""
        self._base += timedelta(seconds=seconds)

    def set_speed(self, speed: float) -> None:
        """Simulated seconds in a real second, from this moment on."""
        if speed < 0:
            raise ValueError("The speed of the clock cannot be below 0.")
        self._base, self._mark = self.now(), time.monotonic()
        self.speed = speed


class ManualClock(Clock):
    """Time that stands still until it is advanced."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)

    def now(self) -> datetime:
        return self._base

    def advance(self, seconds: float) -> None:
        self.jump(seconds)
