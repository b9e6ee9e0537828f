"""Orders out and intents in, counted where they happen: one that leaves without an intent of its own means
that something sends by itself.

Counted in each process for itself: what one process lets out, it must have written down.
"""

import threading
from dataclasses import dataclass, field

from brokers.transport import acting_watchers
from brokers.wire import Purpose, Request

COUNTED = frozenset({Purpose.PLACE, Purpose.REPLACE})


class _Leave(threading.local):
    """Whether this thread has been let go to send one request."""

    given = False


@dataclass
class Counters:
    """``intents`` are orders, groups and replacements that were committed and let go; ``out`` the requests that left;
    ``strays`` those of them that left without leave. An intent is leave for one request of its own thread, and what
    it does not use is taken back: what was never sent makes up for nothing else.

    A second attempt after a refused token is the same request: the broker has said that it did not take the first.
    """

    intents: int = 0
    out: int = 0
    strays: int = 0
    leave: _Leave = field(default_factory=_Leave)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def intent(self) -> None:
        """To be called after the commit and before the request."""
        with self.lock:
            self.intents += 1
        self.leave.given = True

    def request(self, request: Request, attempt: int) -> None:
        if request.purpose in COUNTED and attempt == 1:
            stray = not self.leave.given
            self.leave.given = False
            with self.lock:
                self.out += 1
                self.strays += stray

    def over(self) -> None:
        """The attempt is over, whatever became of it."""
        self.leave.given = False

    @property
    def excess(self) -> int:
        """How many went out that were not written down; never above 0 while all is well."""
        with self.lock:
            return self.strays


counters = Counters()
acting_watchers.append(counters.request)
