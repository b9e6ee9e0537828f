"""The runaway guards: a source that is refused again and again is halted, for this account, until a person looks; and
all programs are when the installation as a whole sends too much."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from brokers.models import Account
from trading.lifecycle import Status
from trading.models import Order
from trading.risk.flow import REFUSALS
from trading.safety import halts, snapshots
from trading.safety.halts import Cause, Scope, TradingState

REASON = "{count} orders by {source} were refused within a minute: something sends them again and again."
CAPPED = "The whole installation sent more than it may; what programs send is halted. {words}"


def look(*, order: Order, **_: Any) -> None:
    """Told of each change of an order; halts its source when it was one refusal too many."""
    if order.is_external or order.status not in snapshots.REFUSED:
        return
    _look_at_all(order)
    with transaction.atomic():
        rows = Account.objects.select_for_update(of=("self",), no_key=True).select_related("connection")
        account = rows.get(pk=order.account_id)
        count = snapshots.refusals(account, order.source, timezone.now())
        if count >= REFUSALS:
            reason = REASON.format(count=REFUSALS, source=order.get_source_display().lower())
            scope = Scope.of_account(account, order.source)
            halts.press_by_itself(scope, TradingState.HALTED, reason=reason, cause=Cause.RUNAWAY)


def _look_at_all(order: Order) -> None:
    """PLATFORM_CAP: many people's programs at once are not one person's matter. Whoever sends by hand may go on.

    Only of an order that nothing else stopped: else one person's absurd order would halt everybody's programs.
    """
    found = next((one for one in order.findings if one["code"] == "PLATFORM_CAP"), None)
    alone = {one["code"] for one in order.findings if one["hard"]} == {"PLATFORM_CAP"}
    if order.status == Status.DENIED and found is not None and alone:
        scope = Scope(halts.ScopeKind.INSTALLATION, source=Order.Source.API)
        reason = CAPPED.format(words=found["words"])
        halts.press_by_itself(scope, TradingState.HALTED, reason=reason, cause=Cause.SYSTEM)
