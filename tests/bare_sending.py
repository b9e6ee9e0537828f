"""The sending alone, without the controls' questions to the broker, so that what a test does strikes the sending.

For harnesses that kill or deafen the desk hundreds of times; the controls are tried in tests/trading/risk.
"""

from collections.abc import Callable
from typing import Any

from django.utils import timezone


class Everything(set[Any]):
    """As if all accounts had been compared with the broker before."""

    def __contains__(self, _: object) -> bool:
        return True


def without_controls(replace: Callable[[object, str, Any], None]) -> None:
    """Nothing is asked for the controls, and they find nothing. ``replace`` sets an attribute: ``monkeypatch.setattr``,
    or ``setattr`` in a process of its own."""
    from trading import risk
    from trading.risk import Snapshot
    from trading.safety import last_count, limits, snapshots

    def take(account: Any, ticket: Any, broker: Any, *, source: str = "web", **_: Any) -> Snapshot:
        return Snapshot(now=timezone.now(), source=source, account=account.number)

    replace(snapshots, "take", take)
    replace(snapshots, "renew", lambda snapshot, account: snapshot)
    replace(limits, "for_account", lambda *_: None)
    replace(risk, "check", lambda *_: [])
    replace(last_count, "check", lambda *_: None)


def strip(replace: Callable[[object, str, Any], None]) -> None:
    """Nor is anything compared with the broker first, nor does a broker that fails or its rate limit hold us back."""
    from brokers.transport.breaker import Breaker
    from brokers.transport.buckets import Bucket
    from trading.protocol import readiness

    without_controls(replace)
    replace(readiness, "_compared", Everything())
    replace(Breaker, "failed", lambda self, *_, **__: self)  # else the desk stops sending, as it should
    replace(Bucket, "wait", lambda self, now, **_: 0.0)
