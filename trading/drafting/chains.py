"""Option chains as ticket and chain page use them: listed once in a while, strikes when they are looked at, and steps
from one strike or expiration to the next."""

from collections.abc import Iterable, Sequence
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

AT_ONCE = 8
"""Expirations asked for together where a whole chain is wanted: what was told is kept should the next be refused."""

__all__ = ["by_name", "chain_on", "expiration_of", "expiration_on", "expirations_on", "name_of", "nearest"]


def chain_on(account: Account, underlying: str) -> Chain:
    """The options on a share, an index or a future, by its canonical text. ``InvalidTicket`` in words, ``BrokerError``.

    Dear: where a broker tells strikes a day at a time it is a call for each expiration that nobody looked at yet, and
    for an index hundreds of milliseconds in a process that has not met it. Who needs one expiration asks for that.
    """
    listed = expirations_on(account, underlying)
    place = shelf(account.connection, underlying)
    if (chain := place.chain()) is not None:
        return chain
    told = place.told()
    missing = [each for each in listed if name_of(each) not in told]
    for start in range(0, len(missing), AT_ONCE):
        told |= {name_of(each): each for each in _asked_for(account, place, missing[start : start + AT_ONCE])}
    return Chain(place.underlying, tuple(told[name_of(each)] for each in listed))


def expirations_on(account: Account, underlying: str) -> tuple[Expiration, ...]:
    """The expirations; their strikes may be left out. Errors as of ``chain_on``."""
    if not underlying:
        raise InvalidTicket("symbol", "Type the symbol of a share or a future first, such as AAPL or /ESZ26.")
    place = shelf(account.connection, underlying)
    titles = place.titles()
    if titles is None:
        chain = connections.broker_for(account.connection).get_chain(place.underlying)
        place.keep(chain)
        titles = list(chain.expirations)
    if not titles:
        raise InvalidTicket("symbol", f"There are no options on {underlying}.")
    return tuple(titles)


def told_on(account: Account, underlying: str) -> tuple[Expiration, ...]:
    """The expirations, with the strikes of those that somebody looked at: of the others none are asked for."""
    listed = expirations_on(account, underlying)
    told = shelf(account.connection, underlying).told()
    return tuple(told.get(name_of(each), each) for each in listed)


def expiration_on(account: Account, underlying: str, name: str) -> Expiration | None:
    """One expiration with its strikes, by its name; None where there is none of that name."""
    listed = expirations_on(account, underlying)
    place = shelf(account.connection, underlying)
    if (found := place.expiration(name)) is not None:
        return found
    title = by_name(listed, name)
    return _asked_for(account, place, [title])[0] if title is not None else None


def _asked_for(account: Account, place: Shelf, titles: Sequence[Expiration]) -> list[Expiration]:
    """With their strikes. Kept at once: when calls run out, the next time goes on from here."""
    asked = connections.broker_for(account.connection).with_strikes(place.underlying, titles)
    place.keep_strikes(asked)
    return asked


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


def name_for(option: AnyOption) -> str:
    """What names the expiration that an option belongs to."""
    return f"{option.expiry.isoformat()}-{root_of(option)}"


def expiration_of(account: Account, option: AnyOption) -> Expiration:
    """Where an option is listed, with its strikes; ``InvalidTicket`` when it is not."""
    found = expiration_on(account, underlying_of(account, option), name_for(option))
    if found is None:
        raise InvalidTicket("symbol", "This option is not in the broker's list: choose one from it.")
    return found


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
    return settle_moment(option.expiry, known.get(name_for(option), "PM"))


def next_strike(account: Account, option: AnyOption, steps: int) -> AnyOption:
    """The option so many strikes up (or down); ``InvalidTicket`` at the end of the list."""
    strikes = expiration_of(account, option).strikes
    prices = [strike.price for strike in strikes]
    if option.strike not in prices:
        raise InvalidTicket("symbol", "This strike is not in the broker's list: choose one from it.")
    at = prices.index(option.strike) + steps
    if not 0 <= at < len(strikes):
        raise InvalidTicket("symbol", f"There is no strike {'above' if steps > 0 else 'below'} {option.strike}.")
    return _on(strikes[at], option.right)


def next_expiry(account: Account, option: AnyOption, steps: int) -> AnyOption:
    """The option with the nearest strike so many expirations later (or earlier)."""
    underlying = underlying_of(account, option)
    names = [name_of(each) for each in expirations_on(account, underlying)]
    if name_for(option) not in names:
        raise InvalidTicket("symbol", "This option is not in the broker's list: choose one from it.")
    at = names.index(name_for(option)) + steps
    found = expiration_on(account, underlying, names[at]) if 0 <= at < len(names) else None
    if found is None or not found.strikes:
        raise InvalidTicket("symbol", f"There is no {'later' if steps > 0 else 'earlier'} expiration.")
    return _on(nearest(found, option.strike), option.right)


def rolled_out(account: Account, option: AnyOption) -> AnyOption:
    """The option with the nearest strike on the next day on which any end. Two kinds may end on one day, such as an
    index's morning and evening ones: of those the kind that it is."""
    underlying = underlying_of(account, option)
    later = [each for each in expirations_on(account, underlying) if each.expiry > option.expiry]
    title = min(later, key=lambda each: (each.expiry, each.root != root_of(option)), default=None)
    found = expiration_on(account, underlying, name_of(title)) if title is not None else None
    if found is None or not found.strikes:
        raise InvalidTicket("symbol", "There is no later expiration.")
    return _on(nearest(found, option.strike), option.right)


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


def by_name(expirations: Iterable[Expiration], name: str) -> Expiration | None:
    return next((each for each in expirations if name_of(each) == name), None)
