"""Brokers for connections, and the accounts found through them."""

import logging
import time
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db import close_old_connections, transaction

from brokers import oauth, registry
from brokers.connections.calls import gated
from brokers.connections.sealing import unseal_from
from brokers.connections.tokens import NO_ERROR, SUSPECT, access_token
from brokers.connections.waiting import give_back
from brokers.domain.accounts import AccountInfo
from brokers.errors import Refused
from brokers.models import Account, Connection
from brokers.port import AccessToken, Broker, Stream
from brokers.vault import CannotUnseal

log = logging.getLogger(__name__)
TOKEN_KEPT = 2.0
"""Seconds for which the calls of one broker object share a token that was read: an order's are several."""


def token_source(connection: Connection, just_read: str | None = None) -> AccessToken:
    """A door to the connection's token that reads the row afresh, again and again.

    ``just_read`` is one that ``access_token`` has this moment given. A call follows: the caller's thread keeps no
    database connection while it waits for the broker.
    """
    connection_id = connection.pk
    kept = (just_read, time.monotonic()) if just_read is not None else ("", float("-inf"))

    def token(*, refused: str | None = None) -> str:
        nonlocal kept
        found, read_at = kept
        if refused is not None or time.monotonic() - read_at > TOKEN_KEPT:
            found = access_token(connection_id, refused=refused)
            kept = (found, time.monotonic())
        give_back()
        return found

    return token


def stream_token_source(connection: Connection) -> AccessToken:
    """The same for a stream's threads, which belong to no request: their database connection is given back each time.

    Else each would keep one for ever, and keep failing by it once the database was restarted.
    """
    source = token_source(connection)

    def token(*, refused: str | None = None) -> str:
        close_old_connections()
        try:
            return source(refused=refused)
        finally:
            close_old_connections()

    return token


def broker_for(connection: Connection, *, urgent: bool = False, token: str | None = None) -> Broker:
    """The broker behind a connection; cheap, asks nobody yet. ``token`` is one that has just been read.

    ``urgent`` is for looking up orders in doubt: it has a share of the budgets to itself, and is not held back while
    the broker does not answer. Cancels need no such word.
    """
    spec = registry.spec(connection.broker)
    source = token_source(connection) if token is None else token_source(connection, token)
    hosts = oauth.hosts_for(connection.broker, connection.environment)
    return spec.make_broker(hosts, gated(source, connection, urgent=urgent))


def open_stream(connection: Connection, account_numbers: Sequence[str]) -> Stream:
    spec = registry.spec(connection.broker)
    hosts = oauth.hosts_for(connection.broker, connection.environment)
    token = gated(stream_token_source(connection), connection)
    return spec.make_stream(hosts, token, account_numbers, closures=settings.MARKET_CLOSURES)


def resync_accounts(connection: Connection) -> list[Account]:
    """Read the accounts from the broker; known ones keep their ids. Raises ``BrokerError``."""
    return store_accounts(connection, found_accounts(broker_for(connection)))


def found_accounts(broker: Broker) -> list[AccountInfo]:
    """The sign-in's accounts; none at all is refused, for it would look like owning nothing."""
    infos = broker.get_accounts()
    if not infos:
        raise Refused("The broker says that this sign-in has no accounts.")
    return infos


def store_accounts(connection: Connection, infos: Iterable[AccountInfo]) -> list[Account]:
    """Bring the rows in line with what the broker says; an account it no longer names counts as closed."""
    with transaction.atomic():
        numbers = [_store_account(connection, info) for info in infos]
        connection.accounts.exclude(number__in=numbers).update(is_closed=True, can_trade=False)
        ensure_default(connection.user_id)
        return list(connection.accounts.all())


def _store_account(connection: Connection, info: AccountInfo) -> str:
    values = {
        "nickname": info.nickname[:64],
        "kind": info.kind.value,
        "type_name": info.type_name[:64],
        "is_closed": info.is_closed,
        "can_trade": info.can_trade and not info.is_closed and connection.may_trade,
    }
    Account.objects.update_or_create(connection=connection, number=info.number, defaults=values)
    return info.number


def ensure_default(user_id: int) -> None:
    """Give a person who has no default account one: the first that is open. Closed or removed ones lose it."""
    mine = Account.objects.filter(connection__user_id=user_id)
    mine.filter(is_default=True, is_closed=True).update(is_default=False)
    mine.filter(is_default=True, connection__state=Connection.State.REMOVED).update(is_default=False)
    if mine.filter(is_default=True).exists():
        return
    first = mine.exclude(connection__state=Connection.State.REMOVED).filter(is_closed=False).first()
    if first is not None:
        Account.objects.filter(pk=first.pk).update(is_default=True)


def choose_default(user: User, account: Account) -> None:
    """Make this the account that pages and tickets begin with."""
    with transaction.atomic():
        Account.objects.filter(connection__user=user, is_default=True).exclude(pk=account.pk).update(is_default=False)
        Account.objects.filter(pk=account.pk).update(is_default=True)


def test_connection(connection: Connection) -> list[Account]:
    """Whether it works right now: a token, and the accounts with it. Raises ``BrokerError`` in words.

    A suspended connection whose secrets can be read again (the key came back) is taken up again, and a renewal that
    waits is tried at once: a person who asks may have mended what was wrong.
    """
    if connection.state == Connection.State.SUSPENDED:
        _take_up_again(connection)
    Connection.objects.filter(pk=connection.pk, fail_count__gt=0, not_before__isnull=False).exclude(
        last_error_code=SUSPECT
    ).update(not_before=None)
    return resync_accounts(connection)


test_connection.__test__ = False  # type: ignore[attr-defined]  # its name makes test runners curious


def _take_up_again(connection: Connection) -> None:
    try:
        unseal_from(connection, "sealed_refresh_token")
    except CannotUnseal:
        return
    suspended = Connection.objects.filter(pk=connection.pk, state=Connection.State.SUSPENDED)
    if suspended.update(state=Connection.State.CONNECTED, not_before=None, **NO_ERROR):
        log.info("connection %s can be read again", connection.pk)
        connection.refresh_from_db()
