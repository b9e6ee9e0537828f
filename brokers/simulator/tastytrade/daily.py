"""Answers that stay the same all day, encoded once: chains of many thousand options."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import Encoded
from brokers.simulator.world import World

Kept = tuple[date, dict[tuple[object, ...], Encoded]]
KEPT: WeakKeyDictionary[Market, Kept] = WeakKeyDictionary()


def for_today(world: World, name: tuple[object, ...], make: Callable[[], Any]) -> Encoded:
    """What was made under a name today, or what ``make`` makes now. A new day or a new market begins afresh."""
    day, kept = KEPT.get(world.market, (None, {}))
    if day != world.today():
        kept = {}
        KEPT[world.market] = (world.today(), kept)
    if name not in kept:
        kept[name] = Encoded(json.dumps(make(), allow_nan=False, separators=(",", ":")).encode())
    return kept[name]
