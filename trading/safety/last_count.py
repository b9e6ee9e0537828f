"""The installation's caps once more, right before an order leaves: orders written down together did not see each other.

Each order is counted once it is committed, and counts again before its first byte. Of those that together pass a cap
the last one to be committed sees all others, so it stays; several that are committed at once may all stay. Nothing is
locked for it: one person's order never waits for another's.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from brokers.errors import Unavailable
from trading import plain_sql
from trading.lifecycle import Status
from trading.models import Order, RiskLimits, ScopeKind
from trading.risk.bounds import DEFAULTS

SECOND, MINUTE = timedelta(seconds=1), timedelta(seconds=60)


class CapReached(Unavailable):
    """All people together would send more than the installation may. Nothing was sent."""

    code = "PLATFORM_CAP"


def check(written_at: datetime) -> None:
    """``CapReached`` when what was committed around the time at which an order was written down is more than may go."""
    orders, dollars, most_orders, most_dollars = _read(written_at)
    if orders > most_orders or dollars > most_dollars:
        raise CapReached(
            "Others sent orders at the same moment, and all together are more than this installation may send. "
            "Nothing was sent: try again in a while."
        )


def _read(written_at: datetime) -> tuple[int, Decimal, Decimal, Decimal]:
    """Every span of a second, or a minute, that holds the order lies within one before it and one after it."""
    values = {
        "second_before": written_at - SECOND,
        "second_after": written_at + SECOND,
        "minute_before": written_at - MINUTE,
        "minute_after": written_at + MINUTE,
    }
    ((orders, dollars, most_orders, most_dollars),) = plain_sql.rows(SQL, values, FIELDS)
    return (
        orders,
        dollars or Decimal(0),
        DEFAULTS.installation_orders_a_second if most_orders is None else most_orders,
        DEFAULTS.installation_dollars_a_minute if most_dollars is None else most_dollars,
    )


_order, _limits = Order._meta.db_table, RiskLimits._meta.db_table
FIELDS = (
    Order._meta.get_field("seq"),
    Order._meta.get_field("notional"),
    RiskLimits._meta.get_field("installation_orders_a_second"),
    RiskLimits._meta.get_field("installation_dollars_a_minute"),
)
# What was not let out, or surely did not leave, is not counted.
SQL = f"""
SELECT COUNT(*) FILTER (WHERE created_at > %(second_before)s AND created_at <= %(second_after)s), SUM(notional),
       (SELECT installation_orders_a_second FROM {_limits} WHERE scope = '{ScopeKind.INSTALLATION}'),
       (SELECT installation_dollars_a_minute FROM {_limits} WHERE scope = '{ScopeKind.INSTALLATION}')
FROM {_order} WHERE created_at > %(minute_before)s AND created_at <= %(minute_after)s
AND NOT is_external AND status NOT IN ('{Status.DENIED}', '{Status.NOT_SENT}')
"""  # noqa: S608 (tables' names and words of the program's own)
