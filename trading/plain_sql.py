"""Statements written out, for what every order asks and writes: a query that Django puts together anew each time costs
more than the database takes to answer it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models

# --- reading ---


def rows(sql: str, values: Mapping[str, Any], fields: tuple[Any, ...]) -> list[list[Any]]:
    """Run it with named parameters. ``fields`` are of models: what its columns hold, in order, and are read out as."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {name: _adapted(value) for name, value in values.items()})
        found = [list(line) for line in cursor.fetchall()]
    for place, column, converts in _converters(fields, connection.vendor):
        for row in found:
            for convert in converts:
                row[place] = convert(row[place], column, connection)
    return found


def fields_of(model: type[models.Model], *wanted: str) -> tuple[Any, ...]:
    """By their names; all of a model's columns without any."""
    return tuple(model._meta.get_field(name) for name in wanted) or tuple(model._meta.concrete_fields)


def names(prefix: str, count: int) -> str:
    """``%(prefix0)s, %(prefix1)s``: the inside of an IN; of nothing it matches nothing."""
    return ", ".join(f"%({prefix}{number})s" for number in range(count)) or "NULL"


def named(prefix: str, values: Sequence[Any]) -> dict[str, Any]:
    """The values of ``names``."""
    return {f"{prefix}{number}": value for number, value in enumerate(values)}


def words(values: Collection[str]) -> str:
    """The inside of an IN of words that the program itself knows."""
    return ", ".join(f"'{value}'" for value in sorted(str(value) for value in values))


def _adapted(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


@cache
def _converters(fields: tuple[Any, ...], vendor: str) -> tuple[tuple[int, Any, tuple[Any, ...]], ...]:
    """Of the columns that the database gives as something else than the model does: place, column, functions."""
    found = []
    for place, field in enumerate(fields):
        column = field.get_col(field.model._meta.db_table)
        both = (*connection.ops.get_db_converters(column), *column.get_db_converters(connection))
        if both:
            found.append((place, column, both))
    return tuple(found)


# --- writing ---


class Statement(NamedTuple):
    sql: str
    values: Sequence[Any]


def insert(row: models.Model) -> Statement:
    """A new row as it is, without a number that the database would give it. No signals are sent."""
    into, fields = _into(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    return Statement(into, values)


def write(*statements: Statement) -> None:
    """One after the other; where the database can, in one go. None of them may need what another one wrote."""
    with connection.cursor() as cursor:
        for sql, values in _in_one(statements) if connection.vendor == "postgresql" else statements:
            cursor.execute(sql, values)


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
