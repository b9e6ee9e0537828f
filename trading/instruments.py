"""What the broker says of an instrument: its tick, its multiplier, its sizes. Asked once in ten minutes."""

from django.core.cache import cache

from brokers import connections
from brokers.domain.instruments import Instrument
from brokers.domain.market import Details
from brokers.domain.orders import InvalidTicket
from brokers.errors import Refused
from brokers.models import Account
from brokers.port import Broker

DETAILS_KEPT = 600


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
