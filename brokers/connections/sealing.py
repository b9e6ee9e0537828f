"""A connection's secrets in and out of their columns; each ciphertext is bound to its row."""

from collections.abc import Iterator

from brokers.models import ConnectAttempt, Connection
from brokers.vault import CannotUnseal, Place, Secret, keyring, seal, sealed_with, unseal

SEALED_COLUMNS = ("sealed_refresh_token", "sealed_access_token", "sealed_client_secret")


def place_of(connection: Connection, column: str) -> Place:
    return Place(
        table=Connection._meta.db_table,
        column=column,
        row=str(connection.pk),
        user=str(connection.user_id),
        broker=connection.broker,
        environment=connection.environment,
    )


def seal_for(connection: Connection, column: str, secret: Secret) -> bytes:
    return seal(secret, place_of(connection, column))


def unseal_from(connection: Connection, column: str) -> Secret:
    """The secret in a column; ``CannotUnseal`` also when there is none."""
    sealed = getattr(connection, column)
    if sealed is None:
        raise CannotUnseal("The connection has no such secret.")
    return unseal(bytes(sealed), place_of(connection, column))


def verifier_place(attempt: ConnectAttempt) -> Place:
    """An attempt has no id before it is stored: the hash of its state stands for the row."""
    return Place(
        table=ConnectAttempt._meta.db_table,
        column="sealed_verifier",
        row=attempt.state_sha256,
        user=str(attempt.user_id),
        broker=attempt.broker,
        environment=attempt.environment,
    )


def stale_columns(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """The columns sealed under a key that is not the newest."""
    for column in SEALED_COLUMNS:
        sealed = getattr(connection, column)
        if sealed is not None and sealed_with(bytes(sealed)) != keyring().newest:
            yield column, bytes(sealed)


def reseal(connection: Connection, column: str, sealed: bytes) -> bool:
    """One column under the newest key; False when the row changed meanwhile (it is then sealed anew anyway)."""
    place = place_of(connection, column)
    fresh = seal(unseal(sealed, place), place)
    same_row = Connection.objects.filter(pk=connection.pk, **{column: sealed})
    return same_row.update(**{column: fresh}) == 1
