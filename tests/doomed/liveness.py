"""A reconciler that is killed all the time, with many rows to watch and some in doubt."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from doomed.comparing import look_after_all
from doomed.processes import fork, kill, load, open_accounts, pace_of
from doomed.submissions import price_of

PER_ACCOUNT = 10
MEASURED_EVERY = 25
"""Lives after which it is measured anew how long a look takes here: machines get busy and idle again."""


def liveness(closed: int, doubtful: int, sabotage: str = "", seconds: float = 800) -> dict[str, Any]:
    """So many rows of which the late watch is due, and so many in doubt; the reconciler dies again and again.

    It has as many lives as there are orders in doubt, of about one look each. ``seconds`` only guards against hanging.
    """
    broker = load(controls=False)
    from trading.models import Order
    from trading.protocol import reconcile, watch

    reconcile.LATE_EVERY = timedelta(seconds=0.05)  # the late watch is due all the time
    accounts = open_accounts(-(-(closed + doubtful) // PER_ACCOUNT))
    Order.objects.bulk_create(rows(broker, accounts, closed, doubtful))
    if sabotage == "late first":
        due = watch.due_accounts
        watch.LATE_AT_ONCE = 10_000
        watch.due_accounts = lambda: list(reversed(due()))
    began, died, lives, pace = time.monotonic(), 0, random.Random(5), 0.0  # noqa: S311
    in_doubt = Order.objects.filter(status="unknown")
    while in_doubt.exists() and died < doubtful and time.monotonic() - began < seconds:
        if died % MEASURED_EVERY == 0:
            pace = pace_of_a_look(accounts)
        pid = fork(look_after_all)
        time.sleep(lives.uniform(0.2, 3) * pace)
        kill(pid)
        died += 1
    spent = round(time.monotonic() - began, 1)
    return {"left": in_doubt.count(), "deaths": died, "pace": round(pace, 2), "seconds": spent}


def pace_of_a_look(accounts: Sequence[Any]) -> float:
    """At accounts with nothing in doubt."""
    from trading.protocol import watch

    return min(pace_of(lambda n=number: watch.look_after(accounts[n].pk)) for number in (0, 1))


def rows(broker: Any, accounts: Sequence[Any], closed: int, doubtful: int) -> list[Any]:
    """Of half an hour ago. What is in doubt is at the broker; what is watched late is not."""
    from django.utils import timezone
    from ledger_broker import a_ticket

    from trading.models import Order, new_client_ref

    made = []
    now = timezone.now()
    long_ago = now - timedelta(minutes=30)
    for number in range(closed + doubtful):
        account, ticket, reference = accounts[number // PER_ACCOUNT], a_ticket("1", price_of(number)), new_client_ref()
        fields = _terms(ticket) | {"account": account, "user_id": account.connection.user_id, "source": "api"}
        fields |= {"client_ref": reference, "idempotency_key": f"k{number}", "symbol": "AAPL", "underlying": "AAPL"}
        fields |= dict.fromkeys(("sent_at", "created_at", "next_check_at"), long_ago)
        if number < closed:
            fields |= {"status": "not_placed", "watch_until": now + timedelta(hours=20)}
        else:
            broker.place_order(account.number, ticket, reference)
            fields |= {"status": "unknown", "watch_until": None}
        made.append(Order(seq=1, **fields))
    return made


def _terms(ticket: Any) -> dict[str, Any]:
    from trading.protocol import succession

    return succession.terms(ticket)
