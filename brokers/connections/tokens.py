"""Access tokens: always fresh, renewed once however many ask.

Single flight has three rings: threads of this process join one flight; processes compete for a lease in the row;
and the outcome is written only if ``token_version`` and lease are still what they were (fencing). No lock and no
transaction is held while the broker is asked. Times in the row are the database's: processes' clocks need not agree.

A grant counts as dead only after two refusals at least a minute apart: brokers have answered ``invalid_grant`` for a
moment and taken the grant again. Until then the connection stays connected, and a token with life left is used on.
"""

import logging
import random
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db.models import Q
from django.utils import timezone

from brokers import oauth, registry
from brokers.connections.clock import now_of, row_with_clock, skew_of
from brokers.connections.flights import Flights
from brokers.connections.sealing import seal_for, unseal_from
from brokers.connections.telling import end, tell
from brokers.connections.waiting import give_back, sleep
from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable
from brokers.models import Connection
from brokers.transport.refusals import HeldBack
from brokers.vault import CannotUnseal, Secret

log = logging.getLogger(__name__)

SPARE_LIFE = timedelta(seconds=5)
LEASE = timedelta(seconds=30)
PATIENCE = 12.0
LONGEST_FLIGHT = 40.0
CONFIRM_AFTER = timedelta(seconds=60)
CLIENT_PAUSE = timedelta(minutes=29, seconds=30)
"""After the second time that the broker did not know our client: three tries an hour in all."""
REFRESH_PAUSE = timedelta(seconds=30)
LONGEST_BACKOFF = 60.0
LONGEST_REQUESTED_WAIT = 300.0
SUSPECT = "invalid_grant"
STATE_WORDS = {
    Connection.State.NEEDS_SIGN_IN: "no longer lets us in. Connect it again.",
    Connection.State.SUSPENDED: "is suspended: its stored permission can't be read. Connect it again, or ask the "
    "operator of this installation to look at TOKEN_KEYS.",
    Connection.State.REMOVED: "was disconnected.",
}
NO_LEASE: dict[str, Any] = {"lease_owner": "", "lease_until": None}
NO_ERROR: dict[str, Any] = {"fail_count": 0, "last_error_code": "", "last_error": "", "last_error_at": None}

_flights: Flights[str] = Flights()


def access_token(connection_id: uuid.UUID, *, refused: str | None = None) -> str:
    """A token with as much life as its broker asks for (a minute or more), renewed if need be.

    ``refused`` is the token that the broker has just answered with 401: then any other one. Raises
    ``NotAuthorized`` with ``grant_is_dead`` when only connecting anew helps, ``Unavailable`` when it may work later.
    """
    for _ in range(3):
        row = present_row(connection_id)
        token = current_token(row, refused, needed_life(row))
        if token is None:
            token = _join_flight(connection_id, refused)
        if token != refused:
            return token
    raise Unavailable("The broker refuses tokens that it has just given. It is tried again by itself.")


def present_row(connection_id: uuid.UUID) -> Connection:
    """The row of a working connection; ``NotAuthorized`` in any other state."""
    row = row_with_clock(connection_id)
    if row is not None and row.state == Connection.State.CONNECTED:
        return row
    words = STATE_WORDS[Connection.State(row.state) if row is not None else Connection.State.REMOVED]
    title = str(row) if row is not None else "The connection"
    broker = row.broker if row is not None else ""
    raise NotAuthorized(f"{title} {words}", broker=broker, grant_is_dead=True)


def needed_life(row: Connection) -> timedelta:
    """With less life left its token is due for renewal."""
    known = registry.BROKERS.get(row.broker)
    return known.token_life_needed if known is not None else SPARE_LIFE


def current_token(row: Connection, refused: str | None, life: timedelta) -> str | None:
    """The stored token if it lives that long and is not the refused one."""
    if row.sealed_access_token is None or row.access_expires_at is None:
        return None
    if row.access_expires_at - now_of(row) < life:
        return None
    token = _unsealed(row, "sealed_access_token").reveal()
    return None if token == refused else token


def _join_flight(connection_id: uuid.UUID, refused: str | None) -> str:
    give_back()
    try:
        return _flights.join(connection_id, lambda: renewed_token(connection_id, refused), patience=LONGEST_FLIGHT)
    except TimeoutError:
        raise Unavailable("Renewing the sign-in at the broker takes too long. Try again in a moment.") from None


def renewed_token(connection_id: uuid.UUID, refused: str | None) -> str:
    """The work of a flight: renew the token, or wait for the process that does."""
    deadline = time.monotonic() + PATIENCE
    is_late = False
    while True:
        row = present_row(connection_id)
        token = current_token(row, refused, needed_life(row))
        if token is not None:
            return token
        if row.not_before is not None and row.not_before > now_of(row):
            return _old_token(row, refused, _waiting(row))
        if is_late:
            return _old_token(row, refused, Unavailable(f"{row} is being renewed elsewhere. Try again in a moment."))
        if lease := _take_lease(row):
            token = _renew(row, lease, refused)
            if token is not None:
                return token
        elif not (is_late := time.monotonic() > deadline):  # if it is, one last look, for this one may be old
            sleep(random.uniform(0.05, 0.25))  # noqa: S311 (spreads the readers, decides nothing)


def _old_token(row: Connection, refused: str | None, otherwise: BrokerError) -> str:
    """The stored token as long as it surely lives, else the error."""
    token = current_token(row, refused, SPARE_LIFE)
    if token is None:
        raise otherwise
    return token


def _waiting(row: Connection) -> BrokerError:
    words = row.last_error or f"{row}: the broker refuses tokens that it has just given."
    return Unavailable(words, broker=row.broker, broker_code=row.last_error_code)


def _take_lease(row: Connection) -> str:
    """A fresh lease's name, "" when somebody else holds one or the row has changed."""
    now, lease = now_of(row), uuid.uuid4().hex
    same = Connection.objects.filter(pk=row.pk, token_version=row.token_version, state=Connection.State.CONNECTED)
    free = same.filter(Q(lease_until=None) | Q(lease_until__lt=now))
    return lease if free.update(lease_owner=lease, lease_until=now + LEASE) else ""


def _leased(row: Connection, lease: str) -> Any:
    """The row if it is still as it was when we took the lease: what every outcome is written through."""
    return Connection.objects.filter(
        pk=row.pk, token_version=row.token_version, lease_owner=lease, state=Connection.State.CONNECTED
    )


def _renew(row: Connection, lease: str, refused: str | None) -> str | None:
    """Ask the broker and write down what came of it. None: the row changed meanwhile, look again."""
    _no_transaction()
    try:
        provider = oauth.provider_for(row.broker, row.environment)
        client, refresh_token = client_of(row, provider), _unsealed(row, "sealed_refresh_token")
        give_back()
        grant = oauth.refresh(provider, client, refresh_token)
    except LookupError:
        _leased(row, lease).update(**NO_LEASE)
        raise Unavailable(f"{row} is not set up on this installation any more.", broker=row.broker) from None
    except BrokerError as error:
        return _old_token(row, refused, _record_failure(row, lease, error))
    except BaseException:
        _leased(row, lease).update(**NO_LEASE)
        raise
    return _record_grant(row, lease, grant, forced=refused is not None)


def client_of(row: Connection, provider: oauth.Provider) -> oauth.Client:
    """The installation's OAuth client, or the person's own for a personal grant."""
    if row.grant_kind == Connection.GrantKind.PERSONAL:
        return oauth.Client(row.client_id, _unsealed(row, "sealed_client_secret"))
    return provider.client


def grant_fields(row: Connection, grant: oauth.Grant) -> dict[str, Any]:
    """The columns that new tokens fill. The refresh token stays when the broker did not send another.

    Scopes are not among them: what was allowed is told when it is allowed; a renewal may name fewer and mean as many.
    """
    fields: dict[str, Any] = {
        "sealed_access_token": seal_for(row, "sealed_access_token", grant.access_token),
        "access_expires_at": grant.expires_at + skew_of(row),
        "token_version": row.token_version + 1,
        "refreshed_at": timezone.now(),
        "not_before": None,
        **NO_LEASE,
        **NO_ERROR,
    }
    if grant.refresh_token is not None:
        fields["sealed_refresh_token"] = seal_for(row, "sealed_refresh_token", grant.refresh_token)
    return fields


def _record_grant(row: Connection, lease: str, grant: oauth.Grant, *, forced: bool) -> str | None:
    fields = grant_fields(row, grant)
    short = grant.expires_at - timezone.now() < needed_life(row) + REFRESH_PAUSE
    if forced or short:
        # A broker that refuses or outdates its own fresh tokens must not be asked in a circle.
        fields["not_before"] = now_of(row) + REFRESH_PAUSE
    if not _leased(row, lease).update(**fields):
        log.info("connection %s changed while its token was renewed: the answer is dropped", row.pk)
        return None
    tell(row, "refreshed", {"life": int((grant.expires_at - timezone.now()).total_seconds()), "forced": forced})
    if grant.expires_at - timezone.now() < SPARE_LIFE:
        raise Unavailable(f"{row}: the broker gave a token that has already run out.", broker=row.broker)
    return grant.access_token.reveal()


def _record_failure(row: Connection, lease: str, error: BrokerError) -> BrokerError:
    """Write down a failed renewal; the error for those who wait. Raises when the grant is dead."""
    now = now_of(row)
    if isinstance(error, HeldBack):
        pause = timedelta(seconds=min(error.retry_after or 1.0, LONGEST_REQUESTED_WAIT))
        _leased(row, lease).update(not_before=now + pause, last_error=error.message[:500], **NO_LEASE)
        return error
    dead_words = _refusal_words(row, error)
    if dead_words and _is_confirmed(row, now):
        fields = {"state": Connection.State.NEEDS_SIGN_IN, "last_error_code": SUSPECT, "last_error": dead_words}
        end(row, _leased(row, lease), fields | NO_LEASE)
        log.warning("connection %s needs a new sign-in: %s", row.pk, error.broker_code)
        raise NotAuthorized(dead_words, broker=row.broker, broker_code=error.broker_code, grant_is_dead=True)
    words = dead_words or error.message
    _leased(row, lease).update(
        fail_count=row.fail_count + 1,
        not_before=now + _pause(row, error, suspect=bool(dead_words)),
        last_error_code=SUSPECT if dead_words else (error.broker_code or error.code)[:64],
        last_error=words[:500],
        last_error_at=now,
        **NO_LEASE,
    )
    if dead_words:
        tell(row, "refused", {"code": error.broker_code})
    log.warning("connection %s could not be renewed (%s): %s", row.pk, error.broker_code or error.code, words)
    if isinstance(error, RateLimited):
        return error
    return Unavailable(words, broker=row.broker, broker_code=error.broker_code)


def _refusal_words(row: Connection, error: BrokerError) -> str:
    """Words when the broker says that this very grant is no good, "" for everything that may pass."""
    if isinstance(error, NotAuthorized) and error.grant_is_dead:
        return error.message
    if isinstance(error, Refused) and row.grant_kind == Connection.GrantKind.PERSONAL:
        return f"{row}: the broker no longer accepts this connection's own client secret. Connect it again."
    return ""


def _is_confirmed(row: Connection, now: datetime) -> bool:
    """Whether the same grant was refused before, a minute ago or longer, with no success since."""
    if row.last_error_code != SUSPECT or row.last_error_at is None:
        return False
    return now - row.last_error_at >= CONFIRM_AFTER


def _pause(row: Connection, error: BrokerError, *, suspect: bool) -> timedelta:
    """How long no renewal is tried: 1, 2, 4 … 60 seconds at most, by chance somewhere below.

    A client that the broker does not know is the operator's to mend: asking on could get the whole address blocked.
    """
    if isinstance(error, Refused) and not suspect and row.fail_count:
        return CLIENT_PAUSE
    if suspect or isinstance(error, Refused):
        return CONFIRM_AFTER
    most = min(LONGEST_BACKOFF, 2.0 ** min(row.fail_count, 10))
    wait = random.uniform(most / 4, most)  # noqa: S311 (spreads the retries, decides nothing)
    if isinstance(error, RateLimited) and error.retry_after is not None:
        wait = max(wait, min(error.retry_after, LONGEST_REQUESTED_WAIT))
    return timedelta(seconds=wait)


def _unsealed(row: Connection, column: str) -> Secret:
    """The secret in a column; a connection whose secret can't be read is suspended."""
    try:
        return unseal_from(row, column)
    except CannotUnseal as error:
        words = STATE_WORDS[Connection.State.SUSPENDED]
        same = Connection.objects.filter(pk=row.pk, token_version=row.token_version, state=Connection.State.CONNECTED)
        fields = {
            "state": Connection.State.SUSPENDED,
            "last_error_code": "crypto",
            "last_error": f"{row} {words}",
            "last_error_at": timezone.now(),
        }
        end(row, same, fields | NO_LEASE)
        log.error("connection %s is suspended, %s: %s", row.pk, column, error)
        raise NotAuthorized(f"{row} {words}", broker=row.broker, grant_is_dead=True) from None


def _no_transaction() -> None:
    """A transaction over a network call would pin the database; a test's own wrapper is let pass."""
    blocks = database.atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError("A token is not renewed inside of a transaction.")
