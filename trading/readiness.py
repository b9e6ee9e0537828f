"""Whether an order may go out: the account, the desk's rules, the broker's description of the instrument."""

import os
from uuid import UUID

from django.core.cache import cache

from brokers import connections, registry
from brokers.domain.instruments import Instrument
from brokers.domain.market import Details
from brokers.domain.orders import InvalidTicket, OrderTicket
from brokers.errors import BrokerError, Refused
from brokers.models import Account
from brokers.port import Broker
from trading import reconcile, risk
from trading.epoch import NotReady

DETAILS_KEPT = 600


def checked(account: Account, ticket: OrderTicket) -> tuple[Broker, Details]:
    """The broker to send to and the instrument's details, if nothing speaks against the order."""
    check_ready(account)
    _raise_first(risk.check_terms(ticket, registry.spec(account.connection.broker).capabilities))
    broker = connections.broker_for(account.connection)
    details = details_of(account, ticket.legs[0].instrument, broker)
    _raise_first(risk.check_instrument(ticket, details))
    return broker, details


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


def details_of(account: Account, instrument: Instrument, broker: Broker | None = None) -> Details:
    """The broker's description of an instrument, kept for ten minutes. ``InvalidTicket`` when it knows none."""
    connection = account.connection
    key = f"details:{connection.broker}:{connection.environment}:{str(instrument).replace(' ', '_')}"
    details: Details | None = cache.get(key)
    if details is None:
        try:
            details = (broker or connections.broker_for(connection)).get_details(instrument)
        except Refused as error:
            if error.code != Refused.code:
                raise
            raise InvalidTicket("symbol", f"The broker knows no {instrument}.") from None
        cache.set(key, details, DETAILS_KEPT)
    return details
