"""Rows by statements written out: a query that Django puts together anew each time costs more than the database takes
to answer it."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

M = TypeVar("M", bound=models.Model)


def rows(sql: str, values: Mapping[str, Any], fields: tuple[Any, ...]) -> list[list[Any]]:
    """Run it with named parameters. ``fields`` are of models: what its columns hold, in order, and are read out as."""
    here = connections[DEFAULT_DB_ALIAS]  # looked up once: each look is a dozen calls
    with cursor_of(here) as cursor:
        cursor.execute(sql, {name: _adapted(value, here) for name, value in values.items()})
        found = [list(line) for line in cursor.fetchall()]
    if found:
        for place, column, converts in _converters(fields, here.vendor):
            for row in found:
                for convert in converts:
                    row[place] = convert(row[place], column, here)
    return found


def cursor_of(here: Any) -> Any:
    """One that lets the database keep how it answers a statement, where it can."""
    return here.prepared_cursor() if hasattr(here, "prepared_cursor") else here.cursor()


def fields_of(model: type[models.Model], *wanted: str) -> tuple[Any, ...]:
    """By their names; all of a model's columns without any."""
    return tuple(model._meta.get_field(name) for name in wanted) or tuple(model._meta.concrete_fields)


def columns(table: str, fields: tuple[Any, ...]) -> str:
    """``t."id", t."name"``: what to select to get these fields."""
    return ", ".join(f'{table}."{field.column}"' for field in fields)


def instance(model: type[M], fields: tuple[Any, ...], values: list[Any]) -> M:
    """A model's object of what was read; a field that is not among them is read when somebody asks for it."""
    return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field in fields], values)


def _adapted(value: Any, here: Any) -> Any:
    if isinstance(value, datetime):
        return here.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not here.features.has_native_uuid_field:
        return value.hex
    return value


@cache
def _converters(fields: tuple[Any, ...], vendor: str) -> tuple[tuple[int, Any, tuple[Any, ...]], ...]:
    """Of the columns that the database gives as something else than the model does: place, column, functions."""
    found, here = [], connections[DEFAULT_DB_ALIAS]
    for place, field in enumerate(fields):
        column = field.get_col(field.model._meta.db_table)
        both = (*here.ops.get_db_converters(column), *column.get_db_converters(here))
        if both:
            found.append((place, column, both))
    return tuple(found)
