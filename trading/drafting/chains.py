"""Option chains as the ticket uses them: read once in a while, and steps from one strike or expiration to the next."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.core.cache import cache

from brokers import connections
from brokers.domain.instruments import Equity, Index, Instrument, Option, Right, parse_instrument
from brokers.domain.market import Chain, Expiration, Strike
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError
from brokers.models import Account
from trading.analytics import settle_moment
from trading.analytics.legs import SETTLES
from trading.instruments import details_of

KEPT = 300


def chain_on(account: Account, underlying: str) -> Chain:
    """The options on a share or index, by its canonical text. ``InvalidTicket`` in words, ``BrokerError``."""
    if not underlying:
        raise InvalidTicket("symbol", "Type the symbol of a share first, such as AAPL.")
    connection = account.connection
    key = f"chain:{connection.broker}:{connection.environment}:{underlying}"
    chain: Chain | None = cache.get(key)
    if chain is None:
        found = parse_instrument(underlying)
        chain = connections.broker_for(connection).get_chain(found)
        cache.set(key, chain, KEPT)
    if not chain.expirations:
        raise InvalidTicket("symbol", f"There are no options on {underlying}.")
    return chain


def underlying_of(account: Account, instrument: Instrument | None) -> str:
    """What an option is on, as the broker says (a root need not be a symbol); else the instrument; "" for neither."""
    match instrument:
        case Option(root):
            try:
                on = details_of(account, instrument).underlying
            except (InvalidTicket, BrokerError):
                on = None
            return str(on or Equity(root))
        case Equity() | Index():
            return str(instrument)
        case _:
            return ""


def expiration_of(chain: Chain, option: Option) -> Expiration:
    """Where an option is listed; ``InvalidTicket`` when it is not."""
    for expiration in chain.expirations:
        if expiration.expiry == option.expiry and expiration.root == option.root:
            return expiration
    raise InvalidTicket("symbol", "This option is not in the broker's list: choose one from it.")


def settles_at(account: Account, option: Option) -> datetime:
    """When its price is fixed; the close of its day where the chain does not tell."""
    known = _settlements(account, underlying_of(account, option))
    return settle_moment(option.expiry, known.get(f"{option.expiry.isoformat()}-{option.root}", "PM"))


def _settlements(account: Account, underlying: str) -> dict[str, str]:
    """AM or PM by the name of an expiration; kept apart, for a whole chain takes long to read from the cache."""
    connection = account.connection
    key = f"settlements:{connection.broker}:{connection.environment}:{underlying}"
    known: dict[str, str] | None = cache.get(key)
    if known is None:
        try:
            chain = chain_on(account, underlying)
        except (InvalidTicket, BrokerError):
            return {}
        found = {name_of(expiration): expiration.settlement for expiration in chain.expirations}
        known = {name: settlement for name, settlement in found.items() if settlement in SETTLES}
        cache.set(key, known, KEPT)
    return known


def next_strike(chain: Chain, option: Option, steps: int) -> Option:
    """The option so many strikes up (or down); ``InvalidTicket`` at the end of the list."""
    strikes = expiration_of(chain, option).strikes
    prices = [strike.price for strike in strikes]
    if option.strike not in prices:
        raise InvalidTicket("symbol", "This strike is not in the broker's list: choose one from it.")
    at = prices.index(option.strike) + steps
    if not 0 <= at < len(strikes):
        raise InvalidTicket("symbol", f"There is no strike {'above' if steps > 0 else 'below'} {option.strike}.")
    return _on(strikes[at], option.right)


def next_expiry(chain: Chain, option: Option, steps: int) -> Option:
    """The option with the nearest strike so many expirations later (or earlier)."""
    here = expiration_of(chain, option)
    at = chain.expirations.index(here) + steps
    if not 0 <= at < len(chain.expirations) or not chain.expirations[at].strikes:
        raise InvalidTicket("symbol", f"There is no {'later' if steps > 0 else 'earlier'} expiration.")
    return _on(nearest(chain.expirations[at], option.strike), option.right)


def other_right(option: Option) -> Option:
    """The put for a call, the call for a put."""
    return replace(option, right=Right.PUT if option.right is Right.CALL else Right.CALL)


def nearest(expiration: Expiration, price: Decimal) -> Strike:
    return min(expiration.strikes, key=lambda strike: abs(strike.price - price))


def _on(strike: Strike, right: Right) -> Option:
    option = strike.call if right is Right.CALL else strike.put
    if option is None:
        raise InvalidTicket("symbol", f"There is no such option at {strike.price}.")
    return option


def name_of(expiration: Expiration) -> str:
    """What names an expiration in an address: a day may have two (AM and PM settled)."""
    return f"{expiration.expiry.isoformat()}-{expiration.root}"


def by_name(chain: Chain, name: str) -> Expiration | None:
    return next((expiration for expiration in chain.expirations if name_of(expiration) == name), None)
