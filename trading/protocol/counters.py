"""Orders out and intents in, counted where they happen: more out than in means that something sends by itself.

Counted in each process for itself: what one process lets out, it must have written down.
"""

import threading
from dataclasses import dataclass, field

from brokers.transport import acting_watchers
from brokers.wire import Purpose, Request

COUNTED = frozenset({Purpose.PLACE, Purpose.REPLACE})


@dataclass
class Counters:
    """``intents`` are orders, groups and replacements that were committed and let go; ``out`` the requests that left.

    A second attempt after a refused token is the same request: the broker has said that it did not take the first.
    """

    intents: int = 0
    out: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def intent(self) -> None:
        """To be called after the commit and before the request."""
        with self.lock:
            self.intents += 1

    def request(self, request: Request, attempt: int) -> None:
        if request.purpose in COUNTED and attempt == 1:
            with self.lock:
                self.out += 1

    @property
    def excess(self) -> int:
        """How many more went out than were written down; never above 0 while all is well."""
        with self.lock:
            return self.out - self.intents


counters = Counters()
acting_watchers.append(counters.request)
