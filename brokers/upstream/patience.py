"""Whether silence on a price stream means that it stands still; pure: it is told the time and what came.

In a market's hours silence is strange after a while, the longer the thinner the trading. Outside of them it is not,
unless prices had been flowing all the same: then it is told, but no more than twice an hour.
"""

from brokers.domain.bustle import Bustle
from brokers.upstream.keeping import STARVED, Timings

THIN_IS_SLOWER = 4
STEADY = 4
"""So many times the usual patience must prices have flowed without a gap to be called flowing."""
NEVER = float("-inf")


class Patience:
    """For one price stream over its many lives. All times are monotonic seconds."""

    def __init__(self, timings: Timings, now: float) -> None:
        self.is_stale = False
        self._timings = timings
        self._wait = timings.quiet
        self._since = self._looked_at = now
        self._heard_at = self._flowed_at = self._stood_at = NEVER
        self._flowing_since = now
        self._bustle = Bustle.CLOSED

    # What comes

    def begin(self, now: float) -> None:
        """A new life, or other instruments: silence is counted from here."""
        self._since = self._looked_at = now

    def hear(self, now: float) -> None:
        """Something came, be it only what was known already."""
        self._heard_at = now

    def flow(self, now: float) -> None:
        """A price came that is news."""
        gap = now - self._flowed_at
        if gap > self._timings.quiet:
            self._flowing_since = now
            if self._bustle >= Bustle.THIN and self._flowed_at > NEVER:
                self._slow_down(now - max(self._flowed_at, self._since))
        elif now - self._flowing_since > STEADY * self._timings.quiet:
            self._wait = self._timings.quiet
        self._heard_at = self._flowed_at = now
        self.is_stale = False

    def _slow_down(self, gap: float) -> None:
        """What trades rarely is waited for longer, till it flows."""
        self._wait = min(max(self._wait, 2 * gap), self._timings.longest_quiet)

    # What does not

    def stands_still(self, now: float, bustle: Bustle) -> bool:
        """To be asked at each look. ``bustle``: of the markets that are watched."""
        self._forgive_lateness(now)
        self._note_hours(now, bustle)
        silence = now - max(self._since, self._heard_at)
        match bustle:
            case Bustle.CLOSING:
                return False
            case Bustle.CLOSED:
                return silence > self._timings.quiet and self._flowed_all_the_same(now)
            case Bustle.THIN:
                return silence > THIN_IS_SLOWER * self._wait
            case _:
                return silence > self._wait

    def stood(self, now: float) -> None:
        """It was told that it stands still. Each time is waited for twice as long."""
        self.is_stale = True
        self._stood_at = self._flowing_since = now
        self._wait = min(self._wait * 2, self._timings.longest_quiet)

    @property
    def is_trusted(self) -> bool:
        """Whether a stream that speaks is live without a price that is news."""
        if not self.is_stale:
            return True
        closed = self._bustle is Bustle.CLOSED
        return closed and self._looked_at - self._stood_at > self._timings.longest_quiet

    def _note_hours(self, now: float, bustle: Bustle) -> None:
        """When a market opens the waiting begins; what flowed before it closed says nothing of what comes after."""
        if (bustle <= Bustle.CLOSING) != (self._bustle <= Bustle.CLOSING):
            self._since = now
            self._wait = self._timings.quiet
        if bustle is Bustle.CLOSED and self._bustle is not Bustle.CLOSED:
            self._flowing_since = now
        self._bustle = bustle

    def _flowed_all_the_same(self, now: float) -> bool:
        steady = self._flowed_at - self._flowing_since > STEADY * self._timings.quiet
        return steady and now - self._stood_at > self._timings.longest_quiet

    def _forgive_lateness(self, now: float) -> None:
        """What came while we stood still waits to be read: that time is nobody's silence."""
        late = now - self._looked_at - STARVED * self._timings.look
        self._looked_at = now
        if late > 0:
            self._since += late
            self._heard_at += late
            self._flowed_at += late
