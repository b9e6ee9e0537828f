"""Events of a stream with its batches of ticks taken apart."""

from collections.abc import Iterable
from typing import Any

from brokers.domain.raw import BATCHES


def apart(events: Iterable[Any]) -> list[Any]:
    return [each for event in events for each in (event.ticks() if isinstance(event, BATCHES) else [event])]
