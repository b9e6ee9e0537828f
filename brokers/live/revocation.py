"""Closing sockets at once when what they stood on is gone: signing out, a changed person, a removed connection."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_save

from brokers.live.hub import hub
from brokers.live.news import connection_group, send_to_group, user_group
from brokers.live.rights import session_mark


def connect() -> None:
    """Listen for the ends of rights; repeating is harmless."""
    from brokers.signals import connection_removed

    user_logged_out.connect(end_session, dispatch_uid="live.end_session")
    post_save.connect(check_person, sender=get_user_model(), dispatch_uid="live.check_person")
    connection_removed.connect(end_connection, dispatch_uid="live.end_connection")


def end_session(*, request: Any, user: Any, **_: object) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and key:
        send_to_group(user_group(user.pk), {"type": "session.ended", "session": session_mark(key)})


def check_person(*, instance: Any, update_fields: Any = None, **_: object) -> None:
    """A person was saved, so perhaps disabled or given another password: their sockets look again."""
    if update_fields is None or set(update_fields) != {"last_login"}:
        transaction.on_commit(partial(send_to_group, user_group(instance.pk), {"type": "rights.check"}))


def end_connection(*, connection_id: UUID, **_: object) -> None:
    transaction.on_commit(partial(_end_connection, connection_id))


def _end_connection(connection_id: UUID) -> None:
    hub.drop_soon(connection_id)
    send_to_group(connection_group(connection_id), {"type": "connection.removed", "connection_id": str(connection_id)})
