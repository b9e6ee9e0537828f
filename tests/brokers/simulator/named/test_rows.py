"""The tables themselves: a name that has no way, a way that has no name, and a way that brings out something else."""

import pytest

from tests.brokers.simulator.named.rows import Table, check_names, rows_of


def table_of(names: str, ways: str) -> Table[str]:
    table: Table[str] = Table("things", "1", names)
    table.way(ways)(lambda stage, name: stage)
    return table


def test_a_table_with_a_way_for_each_name_is_whole() -> None:
    table = table_of("one|two", "one|two")
    check_names(table)
    assert [name for _, name in rows_of([table])] == ["one", "two"]


@pytest.mark.parametrize(("names", "ways"), [("one|two", "one"), ("one", "one|two"), ("one|one", "one")])
def test_what_is_missing_too_much_or_twice_is_found(names: str, ways: str) -> None:
    with pytest.raises(AssertionError):
        check_names(table_of(names, ways))


def test_the_way_of_a_name_that_has_one_is_not_given_to_another() -> None:
    table = table_of("one|two", "one")
    table.way()(lambda stage, name: "rest")
    assert [table.ways[name]("first", name) for name in table.names] == ["first", "rest"]
