"""Why figures are missing or old, in words, and what to do about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brokers.errors import BrokerError, NotAuthorized, Unavailable, UnexpectedReply
from brokers.models import Connection
from portfolio.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is missing or old, and what to do about it. ``severe``: it will not mend by itself."""

    who: str
    words: str
    advice: str
    severe: bool
    sign_in: bool


def troubles(accounts: Iterable[Holdings], connections: Iterable[Connection]) -> list[Trouble]:
    """One per connection and kind, in the order of the accounts; then connections that show no account here."""
    found: dict[tuple[object, str], Trouble] = {}
    seen = set()
    for holdings in accounts:
        connection = holdings.account.connection
        seen.add(connection.pk)
        for error in _errors(holdings):
            found.setdefault((connection.pk, error.code), _trouble(connection, error))
    for connection in connections:
        if connection.pk not in seen and not connection.is_connected:
            error = NotAuthorized(connection.last_error or "The connection no longer works.")
            found[connection.pk, error.code] = _trouble(connection, error)
    return list(found.values())


def _errors(holdings: Holdings) -> Iterator[BrokerError]:
    for error in (holdings.balance.error, holdings.held.positions.error, holdings.held.quotes_error):
        if error is not None:
            yield error


def _trouble(connection: Connection, error: BrokerError) -> Trouble:
    sign_in = isinstance(error, NotAuthorized)
    return Trouble(str(connection), error.message, _advice(error), not isinstance(error, Unavailable), sign_in)


def _advice(error: BrokerError) -> str:
    match error:
        case NotAuthorized():
            return "Connect again to see fresh figures."
        case Unavailable():
            return "The desk keeps trying by itself."
        case UnexpectedReply():
            return "Look at the broker's own site before you trade, and tell whoever runs this desk."
        case _:
            return "Look at the broker's own site for the reason."
