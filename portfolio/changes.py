"""What happens here when a broker's stream says that an account has changed, or a connection is removed.

Runs in the feed's worker threads.
"""

import uuid
from typing import Any

from django.utils import timezone

from brokers.domain.accounts import Balance, Position
from brokers.live.news import announce
from brokers.models import Account
from brokers.owned import account_named
from brokers.port import AccountChanged
from portfolio import last_known


def account_has_changed(*, connection_id: uuid.UUID, change: AccountChanged, **_: Any) -> None:
    """Keep the news, end the short memory of the account, and tell the owner's tabs to look again."""
    account = account_named(connection_id, change.account_number)
    if account is None:
        return
    now = timezone.now()
    for told in change.values:
        if isinstance(told, Balance):
            last_known.hear_balance(account.pk, told, now)
        elif isinstance(told, Position):
            last_known.hear_position(account.pk, told, now)
    last_known.mark_changed(account.pk)
    announce(account.connection.user_id, {"type": "portfolio", "account": str(account.pk), "what": change.what})


def account_stream_was_resumed(*, connection_id: uuid.UUID, **_: Any) -> None:
    """What changed while the stream was away was not told: every account is looked at again."""
    accounts = Account.objects.filter(connection_id=connection_id, is_closed=False).select_related("connection")
    for account in accounts:
        last_known.mark_changed(account.pk)
        for what in ("balance", "positions"):
            announce(account.connection.user_id, {"type": "portfolio", "account": str(account.pk), "what": what})


def connection_was_removed(*, connection_id: uuid.UUID, **_: Any) -> None:
    """What was known through a removed connection is forgotten."""
    last_known.forget(Account.objects.filter(connection_id=connection_id).values_list("pk", flat=True))
