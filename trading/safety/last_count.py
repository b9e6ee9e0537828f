"""The installation's caps once more, right before an order leaves: orders written down together did not see each other.

Each order is counted once it is committed, and counts again before its first byte; what it sees then holds all that
left before it, so never more leave than may. When there is too much, those who see it decide one after the other: who
does not fit beside all that are not held back yet is held back, and no longer counts for the next. So as many leave as
there is room for. Nothing is locked while there is room, and nothing is while a broker is asked.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from brokers.errors import Unavailable
from trading import plain_sql
from trading.lifecycle import Status
from trading.models import Order, RiskLimits, ScopeKind
from trading.risk.bounds import DEFAULTS, OF_ALL

SECOND, MINUTE = timedelta(seconds=1), timedelta(seconds=60)
LINE = 0x626C6F74746C63
"""The number of the lock on PostgreSQL behind which those wait who saw too much."""
Row = tuple[datetime, Decimal]
"""When an order was written down, and its dollars."""


class CapReached(Unavailable):
    """All people together would send more than the installation may. Nothing was sent."""

    code = "PLATFORM_CAP"


def check(since: datetime, until: datetime | None = None, hold_back: Callable[[CapReached], Any] | None = None) -> None:
    """``CapReached`` when what was written down from ``since`` to ``until`` does not fit beside what others send.

    ``hold_back`` writes into the rows of the order, or of a group's, that they were not sent: before the next one
    decides. What has no row that counts (a replacement) has none.
    """
    until = until or since
    if not _may_be_over(since, until):
        return
    with transaction.atomic():
        _wait_in_line()
        if not _is_over(since, until):
            return
        reached = CapReached(
            "Others sent orders at the same moment, and all together are more than this installation may send. "
            "Nothing was sent: try again in a while."
        )
        if hold_back is not None:
            hold_back(reached)
    raise reached


def _wait_in_line() -> None:
    """Till the end of the transaction. SQLite's transactions are one at a time anyhow."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LINE])


# --- the sums ---


def _may_be_over(since: datetime, until: datetime) -> bool:
    """Whether all within a second of it, or a minute, are too much: no single second or minute holds more."""
    ((orders, dollars, *most),) = plain_sql.rows(*question(since, until))
    most_orders, most_dollars = _caps(*most)
    return orders > most_orders or (dollars or Decimal(0)) > most_dollars


def question(since: datetime, until: datetime) -> plain_sql.Question:
    """What ``check`` asks the database at first, and mostly alone."""
    values = _around(since, until) | {"second_before": since - SECOND, "second_after": until + SECOND}
    return plain_sql.Question(SUMS, values, (NUMBER, DOLLARS, *CAPS))


def _is_over(since: datetime, until: datetime) -> bool:
    """Whether some second, or minute, that it touches holds too much."""
    found = plain_sql.rows(ROWS, _around(since, until), (WRITTEN, DOLLARS, *CAPS))
    rows = [(at, dollars or Decimal(0)) for at, dollars, *_ in found]
    most_orders, most_dollars = _caps(*found[0][2:]) if found else _caps(None, None)
    orders, _ = fullest(rows, SECOND, since, until)
    _, dollars = fullest(rows, MINUTE, since, until)
    return orders > most_orders or dollars > most_dollars


def fullest(rows: Sequence[Row], span: timedelta, since: datetime, until: datetime) -> tuple[int, Decimal]:
    """The most orders, and the most dollars, of any span of this length that touches the time between. ``rows`` ascend.

    Such a span ends with an order and holds all within its length before that, itself included.
    """
    first, dollars, most = 0, Decimal(0), (0, Decimal(0))
    for last, (at, worth) in enumerate(rows):
        dollars += worth
        while rows[first][0] <= at - span:
            dollars -= rows[first][1]
            first += 1
        if since <= at < until + span:
            most = max(most[0], last - first + 1), max(most[1], dollars)
    return most


def _around(since: datetime, until: datetime) -> dict[str, Any]:
    return {"minute_before": since - MINUTE, "minute_after": until + MINUTE}


def _caps(orders: Decimal | None, dollars: Decimal | None) -> tuple[Decimal, Decimal]:
    return (
        DEFAULTS.installation_orders_a_second if orders is None else orders,
        DEFAULTS.installation_dollars_a_minute if dollars is None else dollars,
    )


_order, _limits = Order._meta.db_table, RiskLimits._meta.db_table
NUMBER, WRITTEN, DOLLARS = (Order._meta.get_field(name) for name in ("seq", "created_at", "notional"))
CAPS = tuple(RiskLimits._meta.get_field(name) for name in OF_ALL)
_caps_set = ", ".join(
    f"(SELECT {name} FROM {_limits} WHERE scope = '{ScopeKind.INSTALLATION}')"  # noqa: S608
    for name in OF_ALL
)
# What was not let out, or surely did not leave, is not counted.
_counted = f"""
FROM {_order} WHERE created_at > %(minute_before)s AND created_at <= %(minute_after)s
AND NOT is_external AND status NOT IN ('{Status.DENIED}', '{Status.NOT_SENT}')
"""
SUMS = f"""
SELECT COUNT(*) FILTER (WHERE created_at > %(second_before)s AND created_at <= %(second_after)s), SUM(notional),
       {_caps_set}
{_counted}"""
ROWS = f"SELECT created_at, notional, {_caps_set} {_counted} ORDER BY created_at"
