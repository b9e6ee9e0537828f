"""A reconciler that is killed all the time, with many rows to watch and some in doubt."""

import random
import time
from datetime import timedelta
from typing import Any

from doomed.comparing import look_after_all
from doomed.processes import fork, kill, load, open_accounts, pace_of
from doomed.submissions import price_of

PER_ACCOUNT = 10


def liveness(closed: int, doubtful: int, sabotage: str = "", seconds: float = 100) -> dict[str, Any]:
    """So many rows of which the late watch is due, and so many in doubt; the reconciler dies again and again."""
    broker = load(controls=False)
    from ledger_broker import a_ticket

    from trading.models import Order, new_client_ref
    from trading.protocol import reconcile, watch

    reconcile.LATE_EVERY = timedelta(seconds=0.05)  # the late watch is due all the time

    accounts = open_accounts(-(-(closed + doubtful) // PER_ACCOUNT))
    from django.utils import timezone

    long_ago = timezone.now() - timedelta(minutes=30)
    rows = []
    for number in range(closed + doubtful):
        account, ticket = accounts[number // PER_ACCOUNT], a_ticket("1", price_of(number))
        in_doubt = number >= closed
        reference = new_client_ref()
        if in_doubt:
            broker.place_order(account.number, ticket, reference)
        fields = _terms(ticket) | {"account": account, "user_id": account.connection.user_id, "source": "api"}
        fields |= {
            "client_ref": reference,
            "idempotency_key": f"k{number}",
            "sent_at": long_ago,
            "created_at": long_ago,
        }
        fields |= {"symbol": "AAPL", "underlying": "AAPL", "next_check_at": long_ago, "watch_until": None}
        if not in_doubt:
            fields["watch_until"] = timezone.now() + timedelta(hours=20)
        rows.append(Order(status="unknown" if in_doubt else "not_placed", seq=1, **fields))
    Order.objects.bulk_create(rows)
    if sabotage == "late first":
        due = watch.due_accounts
        watch.LATE_AT_ONCE = 10_000
        watch.due_accounts = lambda: list(reversed(due()))
    began, died, lives = time.monotonic(), 0, random.Random(5)  # noqa: S311
    pace = min(pace_of(lambda n=number: watch.look_after(accounts[n].pk)) for number in (0, 1))  # of the closed ones
    while Order.objects.filter(status="unknown").exists() and time.monotonic() - began < seconds:
        pid = fork(look_after_all)
        time.sleep(lives.uniform(0.2, 3) * pace)
        kill(pid)
        died += 1
    left = Order.objects.filter(status="unknown").count()
    return {"left": left, "deaths": died, "pace": round(pace, 2), "seconds": round(time.monotonic() - began, 1)}


def _terms(ticket: Any) -> dict[str, Any]:
    from trading.protocol import succession

    return succession.terms(ticket)
