"""What came of the cells: each one's row beside the brokers' orders at its price, all requests beside all rows."""

import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from doomed.cells import Cell, key
from doomed.reconcilers import reconcilers
from doomed.there import SimulatorThere


def settle(accounts: Sequence[Any], seconds: float) -> bool:
    """Until nothing is in doubt; whether that was reached."""
    from trading import lifecycle
    from trading.models import Order
    from trading.protocol import reconcile

    doubtful, until = Order.objects.filter(status__in=lifecycle.UNCERTAIN), time.monotonic() + seconds
    with reconcilers(1):
        while time.monotonic() < until and doubtful.exists():
            time.sleep(0.1)
    for account in accounts:
        reconcile.refresh(account)
    return not doubtful.exists()


def judged(cells: Sequence[Cell], accounts: Sequence[Any], url: str) -> dict[str, Any]:
    """Each cell's row beside the broker's orders at its price, and all requests beside all rows."""
    from trading import lifecycle
    from trading.models import Order

    there = listed(accounts)
    rows = {(row.account_id, row.idempotency_key): row for row in Order.objects.filter(is_external=False)}
    found: dict[str, list[str]] = {"doubled": [], "lost": [], "invented": [], "unsettled": [], "missing": []}
    for cell in cells:
        row = rows.get(key(cell))
        updates = there.get((cell.account.pk, cell.price), [])
        if row is None:
            found["missing"].append(cell.name)
            continue
        if len(updates) > 1:
            found["doubled"].append(cell.name)
        if updates and (row.broker_order_id, row.status in lifecycle.SEEN) != (updates[0].broker_order_id, True):
            found["lost"].append(cell.name)
        if not updates and row.status in lifecycle.SEEN:
            found["invented"].append(cell.name)
        if row.status in lifecycle.UNCERTAIN:
            found["unsettled"].append(cell.name)
    out = sum(entry["method"] == "POST" for entry in SimulatorThere(url).ledger())
    return found | {
        "at_broker": len(ours(there, cells)),
        "accounts": [account.number for account in accounts],
        "external": Order.objects.shown().filter(is_external=True, broker_order_id__in=ours(there, cells)).count(),
        "out_over_in": max(0, out - sum(row.sent_at is not None for row in rows.values())),
        "statuses": dict(Counter(row.status for row in rows.values())),
        "late": Order.objects.filter(events__kind="late").distinct().count(),
        "refused": [cell.name for cell in cells if (row := rows.get(key(cell))) and row.status == "rejected"],
    }


def listed(accounts: Sequence[Any]) -> dict[tuple[Any, Decimal], list[Any]]:
    """The brokers' orders by account and price."""
    from datetime import timedelta

    from django.utils import timezone

    from brokers import connections

    found: dict[tuple[Any, Decimal], list[Any]] = {}
    day = timezone.now().date() - timedelta(days=1)
    for account in accounts:
        for update in connections.broker_for(account.connection).get_orders(account.number, day):
            if update.limit_price is not None:
                found.setdefault((account.pk, abs(update.limit_price)), []).append(update)
    return found


def ours(there: dict[tuple[Any, Decimal], list[Any]], cells: Sequence[Cell]) -> list[str]:
    """The brokers' numbers of the cells' orders; the accounts hold orders of others too."""
    wanted = {(cell.account.pk, cell.price) for cell in cells}
    return [update.broker_order_id for key, updates in there.items() if key in wanted for update in updates]
