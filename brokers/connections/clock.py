"""The database's clock, the one that all processes share: leases, pauses and the lives of tokens are counted by it."""

from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from brokers.models import Connection
from brokers.rows import Question, columns, fields_of, instance, rows

NONE = timedelta(0)


def row_with_clock(connection_id: UUID) -> Connection | None:
    """A row that knows how far our own clock is from the database's. Written out, for each order asks it."""
    for *values, read_at in rows(*token_question(connection_id)):
        row = instance(Connection, FIELDS, values)
        if isinstance(read_at, str):  # SQLite has no type for it
            read_at = datetime.fromisoformat(read_at)
        vars(row)["clock_skew"] = read_at - timezone.now()
        return row
    return None


def token_question(connection_id: UUID) -> Question:
    """What is read for a token; for who wants it to come along with something else, and asks for the token at once."""
    return Question(_with_clock(database.vendor), {"id": connection_id}, FIELDS_AND_MOMENT)


@cache
def _with_clock(vendor: str) -> str:
    return f"SELECT {COLUMNS}, {MOMENT.get(vendor, 'CURRENT_TIMESTAMP')} {ONE}"


FIELDS = fields_of(Connection)
COLUMNS = columns("c", FIELDS)
ONE = f"FROM {Connection._meta.db_table} c WHERE c.id = %(id)s"
MOMENT_FIELD = fields_of(Connection, "label")[0]
"""As text: it is read out as it comes."""
FIELDS_AND_MOMENT = (*FIELDS, MOMENT_FIELD)
MOMENT = {"postgresql": "clock_timestamp()", "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f+00:00', 'NOW')"}


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
