"""Making, renewing and removing connections."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from brokers import oauth
from brokers.connections.accounts import ensure_default, found_accounts, store_accounts
from brokers.connections.attempts import Answer, ConnectProblem, take_attempt
from brokers.connections.sealing import SEALED_COLUMNS, seal_for
from brokers.connections.tokens import NO_LEASE, grant_fields
from brokers.domain.accounts import AccountInfo
from brokers.errors import BrokerError, NotAuthorized, Refused, Unavailable
from brokers.models import Account, Connection
from brokers.signals import connection_changed, connection_removed
from brokers.vault import Secret

log = logging.getLogger(__name__)


def finish_connect(user: User, provider: oauth.Provider, session_key: str, answer: Answer) -> Connection:
    """The connection that a broker's answer brings. ``ConnectProblem`` otherwise, and then nothing is stored."""
    attempt, verifier = take_attempt(user, provider, session_key, answer)
    try:
        grant = oauth.exchange_code(provider, answer.code, verifier)
    except NotAuthorized as error:
        raise ConnectProblem("code_refused") from error
    except Refused as error:
        raise ConnectProblem("client_refused", error.broker_code) from error
    except BrokerError as error:
        raise ConnectProblem("unavailable", error.message) from error
    if grant.refresh_token is None:
        raise ConnectProblem("refused", "The broker gave no lasting permission (no refresh token).")
    try:
        infos = _accounts_with(provider, grant)
        return _store(user, provider, grant, infos, reconnects=attempt.reconnects)
    except Refused as error:
        raise ConnectProblem("refused", error.message) from error
    except BrokerError as error:
        raise ConnectProblem("unavailable", error.message) from error


def connect_personal(
    user: User,
    broker: str,
    environment: str,
    client_secret: Secret,
    refresh_token: Secret,
    label: str = "",
    client_id: str = "",
) -> Connection:
    """A connection from a grant that a person made at the broker; tried before it is stored. Raises ``BrokerError``,
    and LookupError for a broker or an environment that does not exist."""
    provider = oauth.provider_for(broker, environment)
    if not provider.spec.capabilities.personal_grant:
        raise Refused(f"{provider.spec.title} has no personal grants.", broker=provider.spec.name)
    client = oauth.Client(client_id, client_secret)
    try:
        grant = oauth.refresh(provider, client, refresh_token, by_person=True)
    except NotAuthorized as error:
        words = f"{provider.title} does not accept this refresh token. Copy it once more, or create a new grant there."
        raise Refused(words, broker=error.broker, broker_code=error.broker_code) from None
    except Refused as error:
        words = f"{provider.title} does not accept this client secret ({error.broker_code})."
        raise Refused(words, broker=error.broker, broker_code=error.broker_code) from None
    lasting = grant.refresh_token or refresh_token
    grant = oauth.Grant(grant.access_token, lasting, grant.expires_at, grant.scopes)
    infos = _accounts_with(provider, grant)
    return _store(user, provider, grant, infos, own_client=client, label=label)


def _accounts_with(provider: oauth.Provider, grant: oauth.Grant) -> list[AccountInfo]:
    """The accounts that a grant opens, before anything is stored."""

    def token(*, refused: str | None = None) -> str:
        if refused is not None:
            words = f"{provider.title} refuses the token that it has just given."
            raise Unavailable(words, broker=provider.spec.name)
        return grant.access_token.reveal()

    return found_accounts(provider.spec.make_broker(provider.hosts, token))


def _store(
    user: User,
    provider: oauth.Provider,
    grant: oauth.Grant,
    infos: Sequence[AccountInfo],
    *,
    reconnects: Connection | None = None,
    own_client: oauth.Client | None = None,
    label: str = "",
) -> Connection:
    """One transaction: choose the row, seal the grant into it, bring its accounts in line."""
    numbers = {info.number for info in infos}
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        _refuse_a_taken_account(user, provider, numbers)
        row = _row_for(user, provider, numbers, reconnects)
        is_new = row._state.adding
        _fill(row, provider, grant, own_client, label)
        row.save(force_insert=is_new)
        store_accounts(row, infos)
        event = "made" if is_new else "renewed"
        detail = {"broker": row.broker, "environment": row.environment, "accounts": len(infos)}
        connection_changed.send(sender=Connection, connection=row, event=event, by=user.pk, detail=detail)
    log.info("connection %s %s by user %s", row.pk, "made" if is_new else "renewed", user.pk)
    return row


def _fill(
    row: Connection, provider: oauth.Provider, grant: oauth.Grant, own_client: oauth.Client | None, label: str
) -> None:
    kind = Connection.GrantKind.PERSONAL if own_client is not None else Connection.GrantKind.REDIRECT
    fields: dict[str, Any] = {
        "state": Connection.State.CONNECTED,
        "grant_kind": kind,
        "scopes": grant.scopes or _as_asked(provider, own_client),
        "client_id": own_client.client_id if own_client is not None else "",
        "sealed_client_secret": None,
        "label": label or row.label,
        "removed_at": None,
        **grant_fields(row, grant),
    }
    if own_client is not None:
        fields["sealed_client_secret"] = seal_for(row, "sealed_client_secret", own_client.secret)
    for name, value in fields.items():
        setattr(row, name, value)


def _as_asked(provider: oauth.Provider, own_client: oauth.Client | None) -> str:
    """The scopes of a grant that names none: those asked for (RFC 6749, 5.1); unknown where we asked for none."""
    return "" if own_client is not None else " ".join(provider.spec.scopes)


def _row_for(user: User, provider: oauth.Provider, numbers: set[str], reconnects: Connection | None) -> Connection:
    """The row that this grant belongs to: the one being reconnected, one with the same accounts, or a new one.

    A removed connection with the same accounts is taken up again, so that what was done with them stays reachable.
    """
    mine = Connection.objects.filter(user=user, broker=provider.spec.name, environment=provider.environment)
    if reconnects is not None:
        row: Connection | None = mine.present().select_for_update().filter(pk=reconnects.pk).first()
        known = set(row.accounts.values_list("number", flat=True)) if row is not None else set()
        if row is not None and known and not known & numbers:
            raise Refused(
                "This sign-in has other accounts than the connection you wanted to renew. To connect it as well, "
                "begin with “Connect a broker”."
            )
        if row is not None:
            return row
    same = mine.filter(pk__in=Account.objects.filter(number__in=numbers).values("connection_id"))
    present = same.present().select_for_update().first()
    row = present or same.select_for_update().order_by("-removed_at").first()
    return row or Connection(id=uuid.uuid4(), user=user, broker=provider.spec.name, environment=provider.environment)


def _refuse_a_taken_account(user: User, provider: oauth.Provider, numbers: set[str]) -> None:
    """A live account belongs to one person of this installation. Simulated ones may be shared: demos do that."""
    if provider.environment != "live":
        return
    taken = Account.objects.filter(
        number__in=numbers, connection__broker=provider.spec.name, connection__environment=provider.environment
    ).exclude(connection__state=Connection.State.REMOVED)
    if taken.exclude(connection__user=user).exists():
        raise Refused(
            "One of these accounts is already connected by another person of this installation. They must disconnect "
            "it first; if that is not right, ask the operator."
        )


def disconnect(connection: Connection, *, by: User) -> bool:
    """Forget the permission: its ciphertexts are erased in one transaction. False if it was removed before.

    The broker is not told: revoking ends, at one broker, the permissions of everybody. The page says where to
    remove the grant at the broker.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == Connection.State.REMOVED:
            return False
        row.state, row.removed_at = Connection.State.REMOVED, timezone.now()
        row.token_version += 1
        row.access_expires_at = row.not_before = None
        for column in SEALED_COLUMNS:
            setattr(row, column, None)
        for name, value in NO_LEASE.items():
            setattr(row, name, value)
        row.save()
        ensure_default(row.user_id)
        detail = {"broker": row.broker, "environment": row.environment}
        connection_changed.send(sender=Connection, connection=row, event="removed", by=by.pk, detail=detail)
        transaction.on_commit(lambda: _tell_removed(row.pk))
    log.info("connection %s removed by user %s", row.pk, by.pk)
    return True


def _tell_removed(connection_id: uuid.UUID) -> None:
    for receiver, outcome in connection_removed.send_robust(sender=Connection, connection_id=connection_id):
        if isinstance(outcome, Exception):
            log.error("%s failed after connection %s was removed", receiver, connection_id, exc_info=outcome)
