"""What the positions stream says is held: only what makes a holding another one, not what its price does. No I/O."""

from collections.abc import Mapping
from typing import Any

from brokers.wire import Node

TELLING = ("Quantity", "LongShort", "AveragePrice")


class Holdings:
    """Merged by the broker's number of a position; a snapshot makes anew what is known."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Any]] = {}
        self._shown: set[str] = set()

    def begin(self) -> None:
        """A snapshot starts."""
        self._shown = set()

    def end(self) -> set[str]:
        """The snapshot is told: the accounts of positions that it did not show any more."""
        return {account for name in self._held.keys() - self._shown if (account := self.drop(name))}

    def take(self, node: Node) -> str | None:
        """An object of the stream: the account if the holding is new or another one now, else None."""
        name = node["PositionID"].identifier()
        self._shown.add(name)
        before = self._held.get(name, {})
        now = {key: str(node[key].value) for key in ("AccountID", *TELLING) if key in node}
        self._held[name] = before | now
        return self._account(name) if _telling(before) != _telling(self._held[name]) else None

    def drop(self, name: str) -> str | None:
        """A position is closed: its account, None when it was not known."""
        account = self._account(name)
        self._held.pop(name, None)
        return account

    def _account(self, name: str) -> str | None:
        return self._held.get(name, {}).get("AccountID")


def _telling(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(fields.get(key) for key in TELLING)
