"""Statements written out, for what every order asks and writes: a query that Django puts together anew each time costs
more than the database takes to answer it."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

from django.db import DEFAULT_DB_ALIAS, connections, models

from brokers.rows import cursor_of, fields_of, rows

__all__ = ["Statement", "fields_of", "insert", "move", "named", "names", "rows", "words", "write"]

# --- reading: the parts of a statement ---


def names(prefix: str, count: int) -> str:
    """``%(prefix0)s, %(prefix1)s``: the inside of an IN; of nothing it matches nothing."""
    return ", ".join(f"%({prefix}{number})s" for number in range(count)) or "NULL"


def named(prefix: str, values: Sequence[Any]) -> dict[str, Any]:
    """The values of ``names``."""
    return {f"{prefix}{number}": value for number, value in enumerate(values)}


def words(values: Collection[str]) -> str:
    """The inside of an IN of words that the program itself knows."""
    return ", ".join(f"'{value}'" for value in sorted(str(value) for value in values))


# --- writing ---


class Statement(NamedTuple):
    sql: str
    values: Sequence[Any]


def insert(row: models.Model) -> Statement:
    """A new row as it is, without a number that the database would give it. No signals are sent."""
    into, fields = _into(type(row))
    here = connections[DEFAULT_DB_ALIAS]
    return Statement(into, [_prepared(field, field.pre_save(row, True), here) for field in fields])


def move(model: type[models.Model], key: Any, seq: int, values: Mapping[str, Any]) -> Statement:
    """The row of this key with other values, if its ``seq`` still is this one; it is one more then."""
    here = connections[DEFAULT_DB_ALIAS]
    fields = [cast("models.Field[Any, Any]", model._meta.get_field(name)) for name in values]
    sets = ", ".join(["seq = seq + 1", *(f'"{field.column}" = %s' for field in fields)])
    told = (value.pk if isinstance(value, models.Model) else value for value in values.values())
    prepared = [_prepared(field, value, here) for field, value in zip(fields, told, strict=True)]
    prepared += [model._meta.pk.get_db_prep_value(key, here), seq]
    return Statement(f'UPDATE "{model._meta.db_table}" SET {sets} WHERE id = %s AND seq = %s', prepared)  # noqa: S608


def _prepared(field: Any, value: Any, here: Any) -> Any:
    """What most columns hold is written as it is, and need not be asked for by ten calls."""
    if value is None or isinstance(field, AS_IT_IS.get(type(value), ())):
        return value
    return field.get_db_prep_save(value, here)


AS_IT_IS: dict[type, tuple[type, ...]] = {
    str: (models.CharField, models.TextField),
    bool: (models.BooleanField,),
    int: (models.IntegerField,),
}


def write(*statements: Statement) -> int:
    """One after the other; where the database can, in one go. None of them may need what another one wrote.

    → how many rows the last one wrote.
    """
    here = connections[DEFAULT_DB_ALIAS]
    with cursor_of(here) as cursor:
        for sql, values in _in_one(statements) if here.vendor == "postgresql" else statements:
            cursor.execute(sql, values)
        return int(cursor.rowcount)


def _in_one(statements: Sequence[Statement]) -> list[Statement]:
    *first, last = statements
    if not first:
        return [last]
    parts = ", ".join(f"part{number} AS ({sql})" for number, (sql, _) in enumerate(first))
    return [Statement(f"WITH {parts} {last.sql}", [value for one in statements for value in one.values])]


@cache
def _into(model: type[models.Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', fields  # noqa: S608
