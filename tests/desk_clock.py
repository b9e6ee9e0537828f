"""A clock that the desk reads and a test moves; the sweeps of its order watch in that time."""

from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from brokers.models import Account
from trading.models import Order
from trading.protocol import reconcile


class DeskClock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = timedelta()
        real = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: real() + self.offset)

    def advance(self, seconds: float) -> datetime:
        self.offset += timedelta(seconds=seconds)
        cache.clear()  # what is kept for seconds is kept in real ones
        return timezone.now()

    def sweep(self, account: Account, seconds: float, step: float = 1) -> None:
        """Look after an account whenever something is due, for so long."""
        until = timezone.now() + timedelta(seconds=seconds)
        while timezone.now() < until:
            due = Order.objects.filter(account=account, next_check_at__isnull=False).order_by("next_check_at").first()
            wait = step
            if due is not None and due.next_check_at is not None:
                wait = max(step, min((due.next_check_at - timezone.now()).total_seconds() + 0.01, 60))
            reconcile.look_up(account, self.advance(wait))
