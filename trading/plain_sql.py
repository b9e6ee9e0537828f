"""Statements written out, for what every order asks and writes: a query that Django puts together anew each time costs
more than the database takes to answer it."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections, models

from brokers.rows import Question, along, cursor_of, fields_of, rows, takes_several

__all__ = [
    "Question",
    "Statement",
    "along",
    "change",
    "fields_of",
    "insert",
    "move",
    "named",
    "names",
    "rows",
    "run",
    "words",
    "write",
]

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
    here, told = connections[DEFAULT_DB_ALIAS], vars(row)
    values = ((field, field.pre_save(row, True) if name is None else told[name]) for field, name in fields)
    return Statement(into, [_prepared(field, value, here) for field, value in values])


def move(model: type[models.Model], key: Any, seq: int, values: Mapping[str, Any]) -> Statement:
    """The row of this key with other values, if its ``seq`` still is this one; it is one more then."""
    return change(model, key, values, {"seq": seq}, "seq = seq + 1")


def change(
    model: type[models.Model], key: Any, values: Mapping[str, Any], only_if: Mapping[str, Any], *sets: str
) -> Statement:
    """The row of this key with other values, if it still has these. No signals are sent."""
    changed = ", ".join([*sets, *(f'"{_field(model, name).column}" = %s' for name in values)])
    found = " AND ".join(f'"{_field(model, name).column}" {_is(value)}' for name, value in only_if.items())
    given = [*_values(model, values), *_values(model, {model._meta.pk.name: key})]
    given += _values(model, {name: value for name, value in only_if.items() if value is not None})
    return Statement(f'UPDATE "{model._meta.db_table}" SET {changed} WHERE id = %s AND {found}', given)  # noqa: S608


def _is(value: Any) -> str:
    return "IS NULL" if value is None else "= %s"


def _values(model: type[models.Model], values: Mapping[str, Any]) -> list[Any]:
    here = connections[DEFAULT_DB_ALIAS]
    told = (value.pk if isinstance(value, models.Model) else value for value in values.values())
    return [_prepared(_field(model, name), value, here) for name, value in zip(values, told, strict=True)]


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


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
        for statement in _in_one(statements) if here.vendor == "postgresql" else statements:
            run(cursor, here, statement)
        return int(cursor.rowcount)


def run(cursor: Any, here: Any, statement: Statement) -> None:
    """Execute a statement by a cursor of ``here``."""
    if takes_several(here):
        cursor.execute(here.written_out(*statement))
    else:
        cursor.execute(*statement)


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
    into = f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})'  # noqa: S608
    return into, tuple((field, field.attname if _is_as_set(field) else None) for field in fields)


def _is_as_set(field: Any) -> bool:
    """Whether what is written is what the row holds: a moment that is set by being written is not."""
    if isinstance(field, models.DateTimeField):
        return not (field.auto_now or field.auto_now_add)
    return type(field).pre_save is models.Field.pre_save
