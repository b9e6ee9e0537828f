"""The database's clock, the one that all processes share: leases, pauses and the lives of tokens are counted by it."""

from datetime import datetime, timedelta

from django.db import connection as database
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from brokers.models import Connection

NONE = timedelta(0)


def read_with_clock(rows: QuerySet[Connection]) -> Connection | None:
    """The first of these rows, which then knows how far our own clock is from the database's."""
    row: Connection | None = rows.annotate(read_at=Now()).first()
    if row is not None:
        vars(row)["clock_skew"] = vars(row)["read_at"] - timezone.now()
    return row


def skew_of(row: Connection) -> timedelta:
    """What to add to our own time to get the database's; it is asked when the row was not read with its clock."""
    known: timedelta | None = vars(row).get("clock_skew")
    return known if known is not None else _asked()


def now_of(row: Connection) -> datetime:
    """The database's time."""
    return timezone.now() + skew_of(row)


def _asked() -> timedelta:
    if database.vendor != "postgresql":
        return NONE  # a file on this machine has this machine's clock
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        told: datetime = cursor.fetchone()[0]
    return told - timezone.now()
