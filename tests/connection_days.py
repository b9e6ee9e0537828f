"""Connections as time passes for them: aged, and read anew."""

from collections.abc import Callable
from datetime import timedelta

from token_server import Told

from brokers.models import Connection

DEAD = Told({"error_code": "invalid_grant", "error_description": "Grant has been revoked"}, 400)
State = Connection.State
Connect = Callable[..., Connection]


def age(connection: Connection, seconds: float) -> None:
    """Let time pass for a connection: everything it remembers moves into the past."""
    row = Connection.objects.get(pk=connection.pk)
    for name in ("access_expires_at", "not_before", "refreshed_at", "last_error_at", "lease_until"):
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - timedelta(seconds=seconds))
    row.save()


def reread(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)
