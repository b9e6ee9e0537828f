"""Figures in the admin as people write them: «10» and «189.99», where the database has eight decimals."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import DecimalField, Model

from brokers.domain.instruments import plain


def decimals_of(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.fields if isinstance(field, DecimalField)]


def plainly(model: type[Model], name: str) -> Callable[[Any], str]:
    """A column that shows this field of the model; the same one each time."""
    return _column(name, str(getattr(model._meta.get_field(name), "verbose_name", name)))


@cache
def _column(name: str, words: str) -> Callable[[Any], str]:
    @admin.display(description=words, ordering=name)
    def figure(row: Any) -> str:
        value: Decimal | None = getattr(row, name)
        return "-" if value is None else plain(value)

    figure.__name__ = name
    return figure
