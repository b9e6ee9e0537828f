"""Tables of what a wire reference names, each name with a way that brings it out of the simulator."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

S = TypeVar("S")
Way = Callable[[S, str], Any]


class Table(Generic[S]):
    """``names`` are the reference's, by hand; a way gives what came over the wire, in the name's own writing."""

    def __init__(self, title: str, section: str, names: str) -> None:
        self.title, self.section = title, section
        self.names = [name.strip() for name in names.split("|")]
        self.ways: dict[str, Way[S]] = {}

    def __str__(self) -> str:
        return f"{self.section} {self.title}"

    def way(self, names: str = "") -> Callable[[Way[S]], Way[S]]:
        """Makes a function the way to these names, or to all that have none yet."""

        def keep(made: Way[S]) -> Way[S]:
            wanted = [each.strip() for each in names.split("|")] if names else self.names
            for name in wanted:
                self.ways.setdefault(name, made)
            return made

        return keep


def rows_of(tables: list[Table[S]]) -> list[tuple[Table[S], str]]:
    return [(table, name) for table in tables for name in table.names]


def title_of(row: object) -> str:
    return str(row).replace(" ", "-")


def check_names(table: Table[S]) -> None:
    """Every name has a way, every way is of a name, and no name stands twice."""
    assert len(table.names) == len(set(table.names))
    assert table.ways.keys() == set(table.names)
