"""Which chain streams are opened: one tells of one underlying and one expiration. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from brokers.domain.instruments import Instrument, Option
from brokers.tradestation.symbols import underlying_of, wire_symbol

MOST_CHAINS = 8  # of the ten that the broker allows a person, two are left to others


@dataclass(frozen=True, slots=True)
class Series:
    """What one chain stream can tell of."""

    underlying: Instrument
    expiry: date


def by_series(options: Collection[Option]) -> dict[Series, frozenset[Option]]:
    """Options by the chain stream that tells of them; those of an unknown underlying are left out."""
    found: dict[Series, set[Option]] = {}
    for option in options:
        underlying = underlying_of(option)
        if wire_symbol(underlying) is not None:
            found.setdefault(Series(underlying, option.expiry), set()).add(option)
    return {series: frozenset(each) for series, each in found.items()}


def largest(groups: Mapping[Series, frozenset[Option]], kept: Collection[Series]) -> list[Series]:
    """Those that are streamed: the largest; among equals those that are streamed already, then the nearest."""

    def order(series: Series) -> tuple[int, bool, date, str]:
        return -len(groups[series]), series not in kept, series.expiry, str(series.underlying)

    return sorted(groups, key=order)[:MOST_CHAINS]
