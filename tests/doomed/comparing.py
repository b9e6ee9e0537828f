"""What is due is looked after until nothing is in doubt; then the desk's rows stand beside the broker's ledger."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from doomed.processes import forget_connections, fork, kill

RECONCILERS = 2


def look_after_all() -> None:
    """The order watch without its feeds: whatever is due, again and again."""
    from django.db import Error

    from trading.protocol import watch

    while True:
        try:
            for account_id in watch.due_accounts():
                watch.look_after(account_id)
        except Error:
            forget_connections()
        time.sleep(0.05)


def settle(seconds: float) -> None:
    """Two reconcilers until nothing is in doubt; then all accounts are compared with the broker once more."""
    from brokers.models import Account
    from trading import lifecycle
    from trading.models import Order

    until = time.monotonic() + seconds
    pids = [fork(look_after_all) for _ in range(RECONCILERS)] if seconds else []
    while time.monotonic() < until and Order.objects.filter(status__in=lifecycle.UNCERTAIN).exists():
        time.sleep(0.2)
    for pid in pids:
        kill(pid)
    accounts = list(Account.objects.select_related("connection"))
    refreshing = [fork(lambda n=n: refresh(accounts[n::RECONCILERS])) for n in range(RECONCILERS)]  # type: ignore[misc]
    for pid in refreshing:
        os.waitpid(pid, 0)


def refresh(accounts: Sequence[Any]) -> None:
    from trading.protocol import reconcile

    for account in accounts:
        reconcile.refresh(account)


def compared(broker: Any, intents: int) -> dict[str, Any]:
    """The desk's rows against the broker's ledger, which is the truth."""
    from ledger_process import intent_of

    from trading import lifecycle
    from trading.models import Order

    stats = broker.stats()
    at_broker = {update.client_ref: update for update in stats["orders"]}
    rows = list(Order.objects.filter(is_external=False))
    mine = {row.client_ref: row for row in rows}
    lost = [ref for ref, update in at_broker.items() if not _same(mine.get(ref), update)]
    claimed = [row for row in rows if row.status in lifecycle.SEEN and row.client_ref not in at_broker]
    return {
        "intents": intents,
        "rows": len(rows),
        "at_broker": len(stats["orders"]),
        "doubled": sum(count > 1 for count in Counter(map(intent_of, stats["orders"])).values()),
        "sent_twice": sum(count > 1 for count in stats["asked"].values()),
        "lost": len(lost),
        "invented": len(claimed),
        "external": Order.objects.shown().filter(is_external=True).count(),
        "unsettled": sum(row.status in lifecycle.UNCERTAIN for row in rows),
        "out_over_in": max(0, sum(stats["asked"].values()) - len(rows)),
        "befell": stats["befell"],
        "statuses": dict(Counter(row.status for row in rows)),
        "late": Order.objects.filter(events__kind="late").distinct().count(),
    }


def _same(row: Any, update: Any) -> bool:
    from trading.protocol import reading

    if row is None:
        return False
    filled = sum((fill.quantity for fill in update.fills), Decimal(0))
    told = (row.broker_order_id, row.status, row.filled_quantity)
    return bool(told == (update.broker_order_id, reading.status_of(update), filled))
