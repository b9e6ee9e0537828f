"""Contracts that are listed whatever the day: each some weeks before its end."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from brokers.domain.instruments import Future, Option, Right

FRIDAY = 4


def quarterly(code: str = "ES") -> Future:
    """The next one but the one that is about to end."""
    soon = timezone.localdate() + timedelta(days=21)
    return Future(code, soon.year, (soon.month + 2) // 3 * 3)


def monthly(root: str, right: Right, strike: str) -> Option:
    """Of the first third Friday that is three weeks away."""
    day = timezone.localdate() + timedelta(days=21)
    while not (day.weekday() == FRIDAY and 15 <= day.day <= 21):
        day += timedelta(days=1)
    return Option(root, day, right, Decimal(strike))
