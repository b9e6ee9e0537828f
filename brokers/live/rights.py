"""Who may watch what: looked up from the person, at each message and again while a socket stands."""

import hashlib
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any
from uuid import UUID

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from brokers.models import Account, Connection


class NotFound(LookupError):
    """Missing and foreign alike."""


@database_sync_to_async
def find_connection(user: AbstractBaseUser, selector: Mapping[str, Any]) -> UUID:
    """The person's connection that a message names by connection, account or feed; by default that of their account."""
    connections = Connection.objects.of(user).present()
    accounts = Account.objects.of(user).order_by("-is_default", "connection__connected_at", "number")
    found: UUID | None
    if (named := selector.get("connection")) is not None:
        found = connections.filter(pk=_uuid(named)).values_list("pk", flat=True).first()
    elif (named := selector.get("account")) is not None:
        found = accounts.filter(pk=_uuid(named)).values_list("connection_id", flat=True).first()
    elif (named := selector.get("feed")) is not None:
        found = _connection_of(str(named), connections, accounts)
    else:
        found = accounts.values_list("connection_id", flat=True).first()
    if found is None:
        raise NotFound
    return found


def _connection_of(broker: str, connections: Any, accounts: Any) -> UUID | None:
    by_account = accounts.filter(connection__broker=broker).values_list("connection_id", flat=True).first()
    found: UUID | None = by_account or connections.filter(broker=broker).values_list("pk", flat=True).first()
    return found


def _uuid(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound from None


async def is_signed_in(user: AbstractBaseUser, session_key: str | None) -> bool:
    """Whether this session, as it is stored now, is still this person's."""
    if session_key is None:
        return False
    store = import_module(settings.SESSION_ENGINE).SessionStore
    current = await get_user({"session": store(session_key)})
    return bool(current.is_authenticated and current.pk == user.pk)


@database_sync_to_async
def are_theirs(user: AbstractBaseUser, connection_ids: Collection[UUID]) -> bool:
    wanted = set(connection_ids)
    return Connection.objects.of(user).present().filter(pk__in=wanted).count() == len(wanted)


def session_mark(session_key: str) -> str:
    """Names a session to other processes without giving it away."""
    return hashlib.sha256(session_key.encode()).hexdigest()
