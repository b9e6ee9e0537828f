"""Letting time pass for a connection without waiting: everything that it remembers moves into the past."""

from datetime import timedelta

from brokers.models import Connection

TIMES = ("access_expires_at", "not_before", "refreshed_at", "last_error_at", "lease_until")


def pass_time(connection: Connection, seconds: float) -> None:
    row = Connection.objects.get(pk=connection.pk)
    for name in TIMES:
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - timedelta(seconds=seconds))
    row.save(update_fields=TIMES)
