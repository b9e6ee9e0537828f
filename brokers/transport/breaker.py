"""When a broker counts as not answering, and how rarely it is asked then: pure, one breaker.

Open after failures in a row, or when most of the latest answers were failures. One call in five seconds goes out as a
probe while it is open, and the first answer closes it. A refusal is an answer.
"""

from dataclasses import dataclass, replace
from typing import Self

IN_A_ROW = 5
LATEST = 20
"""Answers of which the share is taken …"""
TOO_MANY = 12
"""… and the failures among them that open it."""
FORGOTTEN = 60.0
"""A failure this many seconds ago says nothing of now."""
PROBE_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """``failures`` in a row since ``since``, told by ``voices``; ``latest`` answers as "." and "x".

    While ``is_open``, the next probe may go out at ``probe_at``. Moments are seconds of one clock.
    """

    failures: int = 0
    since: float = 0.0
    last_at: float = 0.0
    latest: str = ""
    is_open: bool = False
    probe_at: float = 0.0
    voices: tuple[str, ...] = ()

    def failed(
        self, now: float, voice: str = "", *, weight: int = 1, in_a_row: int = IN_A_ROW, voices: int = 1
    ) -> Self:
        """After a failure; it opens with ``in_a_row`` of them, told by at least so many ``voices``."""
        before = self if self.is_open or now - self.last_at < FORGOTTEN else type(self)()
        after = replace(
            before,
            failures=before.failures + weight,
            since=before.since if before.failures else now,
            last_at=now,
            latest=(before.latest + "x")[-LATEST:],
            voices=tuple(sorted({*before.voices, voice}))[:voices],
        )
        too_often = after.failures >= in_a_row or after.latest.count("x") >= TOO_MANY
        if after.is_open or not too_often or len(after.voices) < voices:
            return after
        return replace(after, is_open=True, probe_at=now + PROBE_EVERY)

    def answered(self, now: float) -> Self:
        """After an answer, whatever it said: closed, the failures in a row over."""
        if self.is_open:
            return type(self)()
        if "x" not in self.latest:
            return self  # nothing to forget, so nothing to write down
        return replace(self, failures=0, since=0.0, last_at=now, latest=(self.latest + ".")[-LATEST:], voices=())

    def probed(self, now: float) -> Self:
        return replace(self, probe_at=now + PROBE_EVERY)
