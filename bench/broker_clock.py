"""When calls to the broker ran, taken at the HTTP adapter and told apart by the connection that asked."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

BACKGROUND = ("order watch", "lookout", "asyncio")
"""Threads whose calls hold up no request of a person's."""
Span = tuple[float, float]


class BrokerClock:
    """Spans by the ``Authorization`` that a call carried: each of the bench's clients has a connection of its own."""

    def __init__(self) -> None:
        self.spans: dict[str, list[Span]] = defaultdict(list)
        send = HTTPAdapter.send

        def clocked(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **named: Any) -> Response:
            begun = time.perf_counter()
            try:
                return send(adapter, request, *args, **named)
            finally:
                if not threading.current_thread().name.startswith(BACKGROUND):
                    self.spans[request.headers.get("Authorization", "")].append((begun, time.perf_counter()))

        HTTPAdapter.send = clocked  # type: ignore[method-assign, assignment]


def covered(spans: Iterable[Sequence[float]], since: float, until: float) -> float:
    """Seconds of a stretch in which at least one call ran."""
    total, reached = 0.0, since
    for begun, ended in sorted((span[0], span[1]) for span in spans):
        begun, ended = max(begun, reached), min(ended, until)
        if ended > begun:
            total, reached = total + ended - begun, ended
    return total
