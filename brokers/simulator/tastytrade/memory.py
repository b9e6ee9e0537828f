"""What this wire remembers beside the exchange: words of an order's sender that nobody here acts on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from brokers.simulator.world import World

WIRE = "tastytrade"
LONGEST = 200
NOTHING: Mapping[str, Any] = {}


def spoken(body: Mapping[str, Any]) -> dict[str, Any]:
    """The words in an order's body that are kept and told again."""
    texts = {name: body.get(name) for name in ("partition-key", "preflight-id")}
    found: dict[str, Any] = {
        name: text for name, text in texts.items() if isinstance(text, str) and 0 < len(text) <= LONGEST
    }
    if isinstance(body.get("automated-source"), bool):
        found["automated-source"] = body["automated-source"]
    return found


@dataclass
class Memory:
    """It belongs to one world; a reset of the world makes a new one."""

    words: dict[int, dict[str, Any]] = field(default_factory=dict)
    changes: int = 0

    @classmethod
    def of(cls, world: World) -> "Memory":
        return cast(Memory, world.kept[WIRE])

    def note(self, order_id: int, body: Mapping[str, Any], replaces: int | None = None) -> None:
        """Keep what came with an order; one that replaces another keeps what the other had."""
        words = {**self.words.get(replaces or 0, NOTHING), **spoken(body)}
        if words:
            self.words[order_id] = words
            self.changes += 1

    def said(self, order_id: int) -> Mapping[str, Any]:
        return self.words.get(order_id, NOTHING)

    def check_switch(self, name: str, value: Any) -> None:
        """Any value of the right type will do."""

    def snapshot(self) -> dict[str, Any]:
        return {"words": {str(order_id): words for order_id, words in self.words.items()}}

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.words = {int(order_id): dict(words) for order_id, words in saved["words"].items()}


def remember(world: World) -> Memory:
    """A fresh memory for a world that opens."""
    return Memory()
