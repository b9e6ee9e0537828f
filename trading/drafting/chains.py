"""Option chains as ticket and chain page use them: listed once in a while, and steps from one strike or expiration to
the next."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from brokers import connections
from brokers.domain.instruments import Equity, Future, FutureOption, Index, Instrument, Option, Right
from brokers.domain.market import Chain, Expiration, Strike
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError
from brokers.models import Account
from trading.analytics import settle_moment
from trading.analytics.legs import SETTLES
from trading.analytics.strategies import AnyOption
from trading.drafting.listed import Shelf, name_of, shelf
from trading.instruments import details_of

__all__ = ["by_name", "chain_on", "expiration_of", "expiration_on", "expirations_on", "name_of", "nearest"]


def chain_on(account: Account, underlying: str) -> Chain:
    """The options on a share, an index or a future, by its canonical text. ``InvalidTicket`` in words, ``BrokerError``.

    For a whole chain of an index in a process that has not met it yet, hundreds of milliseconds: who needs one
    expiration asks for that.
    """
    if not underlying:
        raise InvalidTicket("symbol", "Type the symbol of a share or a future first, such as AAPL or /ESZ26.")
    place = shelf(account.connection, underlying)
    chain = place.chain() or _asked_for(account, place)
    if not chain.expirations:
        raise InvalidTicket("symbol", f"There are no options on {underlying}.")
    return chain


def expirations_on(account: Account, underlying: str) -> tuple[Expiration, ...]:
    """The expirations as ``chain_on`` has them; their strikes may be left out."""
    titles = shelf(account.connection, underlying).titles() if underlying else None
    return tuple(titles) if titles else chain_on(account, underlying).expirations


def expiration_on(account: Account, underlying: str, name: str) -> Expiration | None:
    """One expiration with its strikes, by its name; None where there is none of that name."""
    found = shelf(account.connection, underlying).expiration(name) if underlying else None
    return found or by_name(chain_on(account, underlying), name)


def _asked_for(account: Account, place: Shelf) -> Chain:
    chain = connections.broker_for(account.connection).get_chain(place.underlying)
    place.keep(chain)
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
        case FutureOption(future):
            return str(future)
        case Equity() | Index() | Future():
            return str(instrument)
        case _:
            return ""


def expiration_of(chain: Chain, option: AnyOption) -> Expiration:
    """Where an option is listed; ``InvalidTicket`` when it is not."""
    for expiration in chain.expirations:
        if expiration.expiry == option.expiry and expiration.root == root_of(option):
            return expiration
    raise InvalidTicket("symbol", "This option is not in the broker's list: choose one from it.")


def root_of(option: AnyOption) -> str:
    """The options' own name, as their expiration has it."""
    return option.contract if isinstance(option, FutureOption) else option.root


def settles_at(account: Account, option: Option) -> datetime:
    """When its price is fixed; the close of its day where the chain does not tell."""
    try:
        listed = expirations_on(account, underlying_of(account, option))
    except (InvalidTicket, BrokerError):
        listed = ()
    known = {name_of(each): each.settlement for each in listed if each.settlement in SETTLES}
    return settle_moment(option.expiry, known.get(f"{option.expiry.isoformat()}-{option.root}", "PM"))


def next_strike(chain: Chain, option: AnyOption, steps: int) -> AnyOption:
    """The option so many strikes up (or down); ``InvalidTicket`` at the end of the list."""
    strikes = expiration_of(chain, option).strikes
    prices = [strike.price for strike in strikes]
    if option.strike not in prices:
        raise InvalidTicket("symbol", "This strike is not in the broker's list: choose one from it.")
    at = prices.index(option.strike) + steps
    if not 0 <= at < len(strikes):
        raise InvalidTicket("symbol", f"There is no strike {'above' if steps > 0 else 'below'} {option.strike}.")
    return _on(strikes[at], option.right)


def next_expiry(chain: Chain, option: AnyOption, steps: int) -> AnyOption:
    """The option with the nearest strike so many expirations later (or earlier)."""
    here = expiration_of(chain, option)
    at = chain.expirations.index(here) + steps
    if not 0 <= at < len(chain.expirations) or not chain.expirations[at].strikes:
        raise InvalidTicket("symbol", f"There is no {'later' if steps > 0 else 'earlier'} expiration.")
    return _on(nearest(chain.expirations[at], option.strike), option.right)


def other_right(option: AnyOption) -> AnyOption:
    """The put for a call, the call for a put."""
    return replace(option, right=Right.PUT if option.right is Right.CALL else Right.CALL)


def nearest(expiration: Expiration, price: Decimal) -> Strike:
    return min(expiration.strikes, key=lambda strike: abs(strike.price - price))


def _on(strike: Strike, right: Right) -> AnyOption:
    option = strike.call if right is Right.CALL else strike.put
    if option is None:
        raise InvalidTicket("symbol", f"There is no such option at {strike.price}.")
    return option


def by_name(chain: Chain, name: str) -> Expiration | None:
    return next((expiration for expiration in chain.expirations if name_of(expiration) == name), None)
