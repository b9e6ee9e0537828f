"""What became of a connection, told to whoever listens: its end with the row, a renewal after it."""

import logging
from typing import Any

from django.db import transaction

from brokers.models import Connection
from brokers.signals import connection_changed, connection_renewed

log = logging.getLogger(__name__)


def end(row: Connection, same: Any, fields: dict[str, Any]) -> None:
    """Close a connection and tell of it, both or neither; nothing if the row is not as it was."""
    with transaction.atomic():
        if same.update(**fields):
            detail = {"broker": row.broker, "environment": row.environment, "code": fields["last_error_code"]}
            connection_changed.send(
                sender=Connection, connection=row, event=fields["state"].value, by=None, detail=detail
            )


def tell(row: Connection, event: str, detail: dict[str, Any]) -> None:
    """Tell how a renewal went, after it was stored: who listens can't undo it."""
    for receiver, outcome in connection_renewed.send_robust(
        sender=Connection, connection=row, event=event, detail=detail
    ):
        if isinstance(outcome, Exception):
            log.error("%s failed after connection %s: %s", receiver, row.pk, event, exc_info=outcome)
