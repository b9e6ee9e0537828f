"""Whether a connection's account stream has been listening all the while: what it does not tell is then worth more."""

import threading
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from brokers.live.hub import hub
from brokers.port import StreamState

_live_since: dict[UUID, datetime] = {}
_lock = threading.Lock()


def heard_live(connection_id: UUID) -> None:
    """The account stream is live, or live again: what was told before is not repeated."""
    with _lock:
        _live_since[connection_id] = timezone.now()


def listening_since(connection_id: UUID) -> datetime | None:
    """Since when the account stream has been live in this process without a break; None when it is not."""
    feed = hub.feeds.get(connection_id)
    state = feed.statuses.get("account") if feed is not None else None
    if state is None or state.state is not StreamState.LIVE:
        return None
    with _lock:
        return _live_since.get(connection_id)
