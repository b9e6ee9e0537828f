"""From what was seen to alerts: each matter once, counted up when it goes on, with what the desk does by itself."""

import logging
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from brokers.models import Account
from trading import audit
from trading.models import Alert
from trading.patterns.facts import Remedy, Sighting
from trading.safety import halts

logger = logging.getLogger(__name__)
DONE = {
    Remedy.HALT_SOURCE: "Orders of this account that come the same way are halted.",
    Remedy.REDUCE_SOURCE: "Orders of this account that come the same way may only reduce positions.",
    Remedy.REDUCE_ACCOUNT: "This account may only reduce positions.",
}


def raise_alerts(user_id: int, sightings: Iterable[Sighting]) -> list[Alert]:
    """Keep what was seen; → the alerts that are new or went on. What another process just kept is left to it."""
    raised = []
    for sighting in sightings:
        try:
            with transaction.atomic():
                alert = _keep(user_id, sighting)
        except IntegrityError:
            continue
        if alert is not None:
            raised.append(alert)
            _do(alert, sighting)
    return raised


def _keep(user_id: int, sighting: Sighting) -> Alert | None:
    """The alert of a sighting, None when it tells nothing new."""
    same = Alert.objects.filter(user_id=user_id, pattern=sighting.pattern, about=sighting.about[:120])
    if same.filter(last_at__gte=sighting.at).exists():
        return None
    known: Alert | None = same.waiting().select_for_update().first()
    if known is not None:
        known.last_at, known.times = sighting.at, known.times + 1
        known.words, known.numbers = sighting.words[:500], dict(sighting.numbers)
        known.save(update_fields=["last_at", "times", "words", "numbers"])
        return known
    account = Account.objects.filter(pk=sighting.account_id).first() if sighting.account_id else None
    alert: Alert = Alert.objects.create(
        user_id=user_id,
        account=account,
        pattern=sighting.pattern,
        about=sighting.about[:120],
        gravity=sighting.gravity,
        words=sighting.words[:500],
        numbers=dict(sighting.numbers),
        first_at=sighting.at,
        last_at=sighting.at,
    )
    with audit.acting(audit.SYSTEM):
        detail = {"pattern": sighting.pattern, "about": sighting.about, "numbers": dict(sighting.numbers)}
        audit.record(user_id, "alert.raised", about=f"alert:{alert.pk}", account_id=sighting.account_id, detail=detail)
    return alert


def _do(alert: Alert, sighting: Sighting) -> None:
    """The desk's own remedy. It fails loudly in the log, never the alert."""
    if sighting.remedy is Remedy.NONE or alert.account is None:
        return
    try:
        with audit.acting(audit.SYSTEM):
            _press(alert.account, sighting)
    except Exception:
        logger.exception("The remedy of alert %s could not be applied.", alert.pk)
        return
    alert.done = DONE[sighting.remedy]
    alert.save(update_fields=["done"])


def _press(account: Account, sighting: Sighting) -> None:
    narrow = sighting.remedy is not Remedy.REDUCE_ACCOUNT
    source = sighting.source if narrow else ""
    halting = sighting.remedy is Remedy.HALT_SOURCE
    state = halts.TradingState.HALTED if halting else halts.TradingState.REDUCING
    scope = halts.Scope.of_account(account, source)
    halts.press_by_itself(scope, state, reason=sighting.words, cause=halts.Cause.PATTERN)


def mark_seen(alerts: Iterable[Alert], user: User) -> None:
    """The person has looked at these."""
    for alert in alerts:
        with transaction.atomic():
            if Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(state=Alert.State.SEEN):
                audit.record(alert.user_id, "alert.seen", about=f"alert:{alert.pk}", detail={"by": user.pk})


def close(alert: Alert, user: User) -> Alert:
    """The matter is settled; closing it twice is harmless. A halt that came with it is armed on its own."""
    values = {"state": Alert.State.CLOSED, "closed_at": timezone.now(), "closed_by": user}
    with transaction.atomic():
        if Alert.objects.filter(pk=alert.pk).waiting().update(**values):
            audit.record(alert.user_id, "alert.closed", about=f"alert:{alert.pk}", detail={"by": user.pk})
    alert.refresh_from_db()
    return alert
