"""People's own watchlists: names of instruments under a name, kept over restarts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, as the person wrote it: symbols are not checked, so that a list outlives what was on it."""

    symbol: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Watchlist:
    name: str
    entries: tuple[Entry, ...] = ()
    group: str = "main"
    order: int = 9999


@dataclass
class Watchlists:
    """Each user's lists by name. ``changes`` grows with each change."""

    of_user: dict[str, dict[str, Watchlist]] = field(default_factory=dict)
    changes: int = 0

    def of(self, user: str) -> list[Watchlist]:
        """A user's lists in their order."""
        return sorted(self.of_user.get(user, {}).values(), key=lambda each: (each.order, each.name.lower()))

    def find(self, user: str, name: str) -> Watchlist | None:
        return self.of_user.get(user, {}).get(name)

    def put(self, user: str, watchlist: Watchlist, replacing: str = "") -> None:
        """Keep a list, in the place of the one that was called ``replacing``."""
        mine = self.of_user.setdefault(user, {})
        mine.pop(replacing, None)
        mine[watchlist.name] = watchlist
        self.changes += 1

    def remove(self, user: str, name: str) -> Watchlist | None:
        found = self.of_user.get(user, {}).pop(name, None)
        self.changes += found is not None
        return found

    def snapshot(self) -> dict[str, Any]:
        return {user: [asdict(each) for each in mine.values()] for user, mine in self.of_user.items()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        for user, lists in saved.items():
            self.of_user[user] = {str(each["name"]): _read(each) for each in lists}


def _read(given: Mapping[str, Any]) -> Watchlist:
    entries = tuple(Entry(str(entry["symbol"]), str(entry["kind"])) for entry in given["entries"])
    return Watchlist(str(given["name"]), entries, str(given["group"]), int(given["order"]))
