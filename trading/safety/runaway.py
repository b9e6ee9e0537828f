"""The runaway guard: a source that is refused again and again is halted, for this account, until a person looks."""

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from brokers.models import Account
from trading.models import Halt, Order
from trading.risk.flow import REFUSALS
from trading.safety import halts, snapshots
from trading.safety.halts import Cause, Scope, ScopeKind, TradingState

REASON = "{count} orders by {source} were refused within a minute: something sends them again and again."


def look(*, order_id: uuid.UUID, **_: Any) -> None:
    """Told of each change of an order; halts its source when it was one refusal too many."""
    order = Order.objects.filter(pk=order_id, is_external=False, status__in=snapshots.REFUSED).first()
    if order is None:
        return
    with transaction.atomic():
        rows = Account.objects.select_for_update(of=("self",), no_key=True).select_related("connection")
        account = rows.get(pk=order.account_id)
        count = snapshots.refusals(account, order.source, timezone.now())
        if count >= REFUSALS and not _is_halted(account, order.source):
            reason = REASON.format(count=count, source=order.get_source_display().lower())
            scope = Scope.of_account(account, order.source)
            halts.press(scope, TradingState.HALTED, reason=reason, cause=Cause.RUNAWAY)


def _is_halted(account: Account, source: str) -> bool:
    return Halt.objects.filter(
        scope_kind=ScopeKind.ACCOUNT, account=account, source=source, rearmed_at=None, cause=Cause.RUNAWAY
    ).exists()
