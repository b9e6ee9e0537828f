"""Whether an order may go out: the account, the desk's rules, and that the desk knows what the broker has."""

import os
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

from brokers import connections, registry
from brokers.domain.market import Details
from brokers.domain.orders import InvalidTicket, OrderTicket
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading import plain_sql, risk
from trading.instruments import details_of
from trading.protocol import reconcile
from trading.protocol.epoch import NotReady


def checked(account: Account, ticket: OrderTicket) -> tuple[Broker, Details]:
    """The broker to send to and the instrument's details, if nothing speaks against the order."""
    check_ready(account)
    _raise_first(risk.check_terms(ticket, registry.spec(account.connection.broker).capabilities))
    broker = connections.broker_for(account.connection)
    details = details_of(account, ticket.legs[0].instrument, broker)
    _raise_first(risk.check_instrument(ticket, details))
    return broker, details


TOKEN_FRESH = 1.0
"""Seconds for which an order's token need not be looked at again; its calls share one for twice as long."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """An account's broker, and when the token that all calls of an order share was read: once for all of them."""

    account: Account
    broker: Broker
    read_at: float

    def look_again(self) -> None:
        """To be called before the commit, so that no refresh sits between it and the bytes."""
        if time.monotonic() - self.read_at > TOKEN_FRESH:
            connections.access_token(self.account.connection_id)


def at_hand(account: Account) -> AtHand:
    """``BrokerError`` when there is no sign-in that works."""
    token, read_at = connections.access_token(account.connection_id), time.monotonic()
    return AtHand(account, connections.broker_for(account.connection, token=token), read_at)


def sign_in_along(account: Account) -> AbstractContextManager[None]:
    """Within it the sign-in that ``at_hand`` looks at is read together with what is asked before it. Not of an account
    that is compared first: till that is done the sign-in may be another."""
    is_compared = account.pk in _compared
    return plain_sql.along(*([connections.token_question(account.connection_id)] if is_compared else []))


_compared: set[UUID] = set()
os.register_at_fork(after_in_child=_compared.clear)


def compare_first(account: Account) -> None:
    """Before this process sends an account its first order it compares what it knows with the broker's listing.

    ``NotReady`` while that can't be done.
    """
    if account.pk in _compared:
        return
    try:
        reconcile.refresh(account)
    except BrokerError as error:
        words = f"Orders could not be compared with the broker's yet: {error.message} Nothing was sent."
        raise NotReady(words, broker=error.broker) from None
    _compared.add(account.pk)


def check_ready(account: Account) -> None:
    """``InvalidTicket`` unless orders may go to this account."""
    if not account.connection.is_connected:
        raise InvalidTicket("account", f"{account.connection} needs to be connected again before it takes orders.")
    if account.is_closed:
        raise InvalidTicket("account", f"{account} is closed.")
    if not account.can_trade:
        raise InvalidTicket("account", f"The sign-in for {account} may look but not trade.")


def _raise_first(findings: list[risk.Finding]) -> None:
    for finding in findings:
        raise InvalidTicket(finding.field, finding.words)
