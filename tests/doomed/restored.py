"""A database that is set back in time while the broker is ahead."""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from doomed.comparing import compared, settle
from doomed.processes import fork, kill, load, open_accounts
from doomed.submissions import PER_ACCOUNT, submit

MOST = 20 // PER_ACCOUNT
"""Accounts, for the intents 0 to 19."""


def work(first: int, last: int) -> dict[str, Any]:
    """Place these intents; the sender of the last three is killed while they are being sent."""
    broker = load(controls=False)
    from brokers.models import Account
    from trading.models import Order

    accounts = list(Account.objects.select_related("connection").order_by("number")) or open_accounts(MOST)
    folder = Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"]))
    os.waitpid(fork(lambda: submit(accounts, list(range(first, last - 3)), folder / "done")), 0)
    left = Order.objects.filter(status="sending").count()
    broker.configure(latency=1.5)
    pids = [fork(lambda n=number: submit(accounts, [n], folder / "cut off")) for number in range(last - 3, last)]  # type: ignore[misc]
    until = time.monotonic() + 30
    while Order.objects.filter(status="sending").count() < left + 3 and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.1)
    for pid in pids:
        kill(pid)
    broker.configure(latency=0.0)
    return {"sending": Order.objects.filter(status="sending").count(), "rows": Order.objects.count()}


def wake(sabotage: str = "") -> dict[str, Any]:
    """Start on a database that was restored: a new epoch, then the order watch, with nobody asking for anything."""
    broker = load(controls=False)
    from trading.models import Order
    from trading.protocol import epoch

    time.sleep(2)  # what was on its way has arrived
    before = sum(broker.stats()["asked"].values())
    if sabotage == "resume":
        for order in Order.objects.filter(status="sending").select_related("account"):
            broker.place_order(order.account.number, order.order_ticket, order.client_ref)
    _, doubted = epoch.bump("restored")
    statuses = dict(Counter(Order.objects.values_list("status", flat=True)))
    settle(60)
    found = compared(broker, 0)
    return found | {"doubted": doubted, "at_waking": statuses, "sent_by_itself": sum(broker.stats()["asked"].values()) - before}  # fmt: skip  # noqa: E501
