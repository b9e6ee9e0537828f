"""Cancelling all working orders of a person, an account or an underlying, as a run that says what became of each."""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from brokers.errors import BrokerError
from brokers.models import Account
from trading import audit
from trading.lifecycle import Status
from trading.models import CancelRun, Order, OrderQuerySet
from trading.protocol import cancels, reconcile

logger = logging.getLogger(__name__)
PATIENCE = 20.0
"""Seconds for which cancels are sent one after the other; the order watch goes on with what is left."""


def cancel_all(user: Any, *, account: Account | None = None, underlying: str | None = None) -> CancelRun:
    """Ask for every cancel that can be asked for. Nothing is raised for single orders: the run tells.

    It begins and ends with a fresh listing of each account: orders placed elsewhere are cancelled too, and what still
    works in the end is told.
    """
    accounts = [account] if account is not None else list(Account.objects.of(user))
    run = _begin(user, account, underlying or "")
    _list_all(accounts)  # what could not be listed is told at the end
    until = time.monotonic() + PATIENCE
    _ask(run, _wanted(user, accounts, run.underlying), until)
    problems = _list_all(accounts)
    left = _wanted(user, accounts, run.underlying).exclude(pk__in=run.asked)
    _ask(run, left, until)
    run.keep(problems=problems, compared_at=timezone.now() if not problems else None)
    _finish(run)
    return run


def _begin(user: Any, account: Account | None, underlying: str) -> CancelRun:
    with transaction.atomic():
        run = CancelRun.objects.create(user=user, account=account, underlying=underlying)
        _record(run, "began")
    return run


def _finish(run: CancelRun) -> None:
    with transaction.atomic():
        _record(run, "compared" if run.compared_at else "not compared")


def _record(run: CancelRun, stage: str) -> None:
    detail = {"stage": stage, "underlying": run.underlying, "asked": run.asked, "refused": run.refused}
    about = f"cancel-run:{run.pk}"
    audit.record(run.user_id, "order.cancel_all", about=about, account_id=run.account_id, detail=detail)


def _wanted(user: Any, accounts: list[Account], underlying: str) -> OrderQuerySet:
    """All that may still fill, whether the broker is known to have it or not."""
    mine = Order.objects.of(user).working().filter(account__in=accounts)
    return mine.filter(underlying=underlying) if underlying else mine


def _ask(run: CancelRun, orders: OrderQuerySet, until: float) -> None:
    asked, refused = list(run.asked), {entry["order"]: entry for entry in run.refused}
    for order in orders:
        number = str(order.pk)
        try:
            if time.monotonic() < until:
                cancels.cancel(order)
            else:
                cancels.write_down(order)  # the order watch sends it
            asked += [number] if number not in asked else []
            refused.pop(number, None)
        except cancels.NotCancellable as error:
            refused[number] = {"order": number, "description": order.description, "words": str(error)}
    run.keep(asked=asked, refused=list(refused.values()))


def _list_all(accounts: list[Account]) -> list[str]:
    """Read each account's orders; what could not be read, in words."""
    problems = []
    for account in accounts:
        if not account.connection.is_connected:
            continue
        try:
            reconcile.refresh(account)
        except BrokerError as error:
            problems.append(f"{account.label}: {error.message} Orders placed elsewhere may work on.")
    return problems


def outcome(run: CancelRun) -> dict[str, list[Order]]:
    """What became of the orders that were asked for: over, asked for and not confirmed, could not be confirmed."""
    found: dict[str, list[Order]] = {"confirmed": [], "waiting": [], "could_not": []}
    patience = timezone.now() - timedelta(seconds=60)
    confirmed = {order.pk for order in run.confirmed}
    for order in run.orders:
        waits = order.cancel_pending or order.status == Status.CANCEL_REQUESTED
        late = order.cancel_requested_at is not None and order.cancel_requested_at < patience
        kind = "confirmed" if order.pk in confirmed else "waiting" if waits and not late else "could_not"
        found[kind].append(order)
    return found
