"""Rows by statements written out: a query that Django puts together anew each time costs more than the database takes
to answer it."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

M = TypeVar("M", bound=models.Model)


class Question(NamedTuple):
    """A statement with named parameters. ``fields`` are of models: what its columns hold, in order, and are read out
    as."""

    sql: str
    values: Mapping[str, Any]
    fields: tuple[Any, ...]


def rows(sql: str, values: Mapping[str, Any], fields: tuple[Any, ...]) -> list[list[Any]]:
    """The answer to a question; within ``along`` what has come along already."""
    here = connections[DEFAULT_DB_ALIAS]  # looked up once: each look is a dozen calls
    asked = Question(sql, values, fields)
    if (answer := next((one for one in _beside.answers if one[0] == asked), None)) is not None:
        _beside.answers = tuple(one for one in _beside.answers if one is not answer)
        return answer[1]
    return _with_those_that_wait(here, asked) if _beside.waiting else _alone(here, asked)


@contextmanager
def along(*questions: Question) -> Iterator[None]:
    """Within it these are asked together with the next question that this thread asks, in this order and before it, and
    each is answered once to whoever asks just the same. Where a database takes one statement at a time nothing comes
    along, and each is asked for itself.
    """
    if not takes_several(connections[DEFAULT_DB_ALIAS]):
        yield
        return
    _beside.waiting = (*_beside.waiting, *questions)
    try:
        yield
    finally:
        _beside.waiting = tuple(one for one in _beside.waiting if one not in questions)
        _beside.answers = tuple(answer for answer in _beside.answers if answer[0] not in questions)


def takes_several(here: Any) -> bool:
    """Whether several statements may go out in one go: each sees what was committed when it begins, as by itself."""
    return hasattr(here, "written_out") and not here.settings_dict["OPTIONS"].get("prepare_threshold")


class _Beside(threading.local):
    """Of this thread: what waits to be asked along with the next question, and what was answered so."""

    waiting: tuple[Question, ...] = ()
    answers: tuple[tuple[Question, list[list[Any]]], ...] = ()


_beside = _Beside()


def _with_those_that_wait(here: Any, asked: Question) -> list[list[Any]]:
    waiting, _beside.waiting = _beside.waiting, ()
    questions = waiting if asked in waiting else (*waiting, asked)
    answers = []
    with here.cursor() as cursor:
        cursor.execute(";\n".join([here.written_out(one.sql, one.values) for one in questions]))
        for one in questions:
            answers.append((one, _read(here, cursor.fetchall(), one.fields)))
            cursor.nextset()
    mine = answers.pop(questions.index(asked))
    _beside.answers = (*_beside.answers, *answers)
    return mine[1]


def _alone(here: Any, asked: Question) -> list[list[Any]]:
    with cursor_of(here) as cursor:
        if takes_several(here):
            cursor.execute(here.written_out(asked.sql, asked.values))
        else:
            cursor.execute(asked.sql, {name: _adapted(value, here) for name, value in asked.values.items()})
        return _read(here, cursor.fetchall(), asked.fields)


def _read(here: Any, lines: Sequence[Sequence[Any]], fields: tuple[Any, ...]) -> list[list[Any]]:
    found = [list(line) for line in lines]
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
