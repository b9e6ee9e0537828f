"""How much an account, and the installation, were sent lately: all counts that the controls need, by one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.models import Account
from trading import plain_sql
from trading.lifecycle import Asked, Status
from trading.models import Halt, Order, Replacement
from trading.risk.facts import Sent, SentByAll

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(seconds=60), timedelta(days=1)
REFUSED = frozenset({Status.DENIED, Status.REJECTED, Status.BROKER_REJECTED})


@dataclass(frozen=True, slots=True)
class Counts:
    """``refusals`` are of one source within a minute; ``sent_before``: it sent this account an order before, whenever.

    ``is_halted``: some halt is open, of this account or not.
    """

    sent: Sent
    sent_by_all: SentByAll
    refusals: int
    sent_before: bool
    is_halted: bool


def question(account: Account, source: str, key_id: str, now: datetime) -> plain_sql.Question:
    values = {
        "account": account.pk,
        "source": source,
        "key_id": key_id,
        "second": now - SECOND,
        "minute": now - MINUTE,
        "day": now - DAY,
    }
    return plain_sql.Question(SQL, values, FIELDS)


def of(account: Account, source: str, key_id: str, now: datetime) -> Counts:
    (row,) = plain_sql.rows(*question(account, source, key_id, now))
    second, minute, day, second_again, minute_again, day_again, by_all, dollars, refusals, before, halted = row
    return Counts(
        sent=Sent(second + second_again, minute + minute_again, day + day_again),
        sent_by_all=SentByAll(by_all, dollars or Decimal(0)),
        refusals=refusals,
        sent_before=bool(before),
        is_halted=bool(halted),
    )


_order, _replacement, _halt = (model._meta.db_table for model in (Order, Replacement, Halt))
_number, _dollars = Order._meta.get_field("seq"), Order._meta.get_field("notional")
FIELDS = (*[_number] * 7, _dollars, *[_number] * 3)

# What took an order's place is its replacement and counts once. What others write down at this very instant may not be
# seen yet. Refusals from before the source was armed again do not count, nor those that a halt made: whoever knocks at
# a closed door has not run away.
SQL = f"""
SELECT orders.a_second, orders.a_minute, orders.a_day, changes.a_second, changes.a_minute, changes.a_day,
       everybody.orders, everybody.dollars, refused.orders,
       EXISTS (SELECT 1 FROM {_order} WHERE account_id = %(account)s AND source = %(source)s AND key_id = %(key_id)s
               AND NOT is_external AND status <> '{Status.DENIED}'),
       EXISTS (SELECT 1 FROM {_halt} WHERE rearmed_at IS NULL)
FROM (SELECT COUNT(*) FILTER (WHERE created_at > %(second)s) AS a_second,
             COUNT(*) FILTER (WHERE created_at > %(minute)s) AS a_minute,
             COUNT(*) AS a_day
      FROM {_order} WHERE account_id = %(account)s AND created_at > %(day)s
      AND NOT is_external AND replaces_id IS NULL AND status <> '{Status.DENIED}') orders,
     (SELECT COUNT(*) FILTER (WHERE created_at > %(second)s) AS a_second,
             COUNT(*) FILTER (WHERE created_at > %(minute)s) AS a_minute,
             COUNT(*) AS a_day
      FROM {_replacement} WHERE account_id = %(account)s AND created_at > %(day)s
      AND status <> '{Asked.DENIED}') changes,
     (SELECT COUNT(*) FILTER (WHERE created_at > %(second)s) AS orders, SUM(notional) AS dollars
      FROM {_order} WHERE created_at > %(minute)s AND NOT is_external
      AND status NOT IN ('{Status.DENIED}', '{Status.NOT_SENT}')) everybody,
     (SELECT COUNT(*) AS orders
      FROM {_order} WHERE account_id = %(account)s AND source = %(source)s
      AND status IN ({plain_sql.words(REFUSED)})
      AND changed_at > COALESCE((SELECT MAX(rearmed_at) FROM {_halt} WHERE account_id = %(account)s
                                 AND source = %(source)s AND rearmed_at > %(minute)s), %(minute)s)
      AND NOT (status = '{Status.DENIED}' AND error_code = 'KILL_SWITCH')) refused
"""  # noqa: S608 (tables' names and words of the program's own)
