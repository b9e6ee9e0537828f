"""What stands in the way before an order is reviewed, for pages: halted symbols, an account that the broker restricts.

Words for a person: the controls look for themselves. What can't be had is not told.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from brokers import connections
from brokers.domain.accounts import Restrictions
from brokers.domain.instruments import FutureOption, Instrument, Option, Other, describe
from brokers.domain.orders import InvalidTicket, Notice
from brokers.errors import BrokerError
from brokers.models import Account
from trading.instruments import details_of
from trading.safety.restrictions import restrictions_of

KEPT = 10
KEPT_AFTER_TROUBLE = 5


@dataclass(frozen=True, slots=True)
class Halt:
    """``is_halted`` None: the broker did not tell."""

    is_halted: bool | None = None
    since: datetime | None = None


def halts(account: Account, instruments: Iterable[Instrument]) -> dict[Instrument, Halt]:
    """Whether each is halted, asked of the broker at most once in ten seconds: streams do not tell. Raises nothing."""
    wanted = [one for one in dict.fromkeys(instruments) if not isinstance(one, Other)]
    keys = {_key(account, one): one for one in wanted}
    kept: dict[str, Halt] = cache.get_many(keys)
    unasked = {key: one for key, one in keys.items() if key not in kept}
    if unasked:
        news, seconds = _asked(account, unasked)
        cache.set_many(news, seconds)
        kept |= news
    return {keys[key]: halt for key, halt in kept.items()}


def _asked(account: Account, wanted: Mapping[str, Instrument]) -> tuple[dict[str, Halt], int]:
    try:
        told = connections.broker_for(account.connection).get_quotes(list(wanted.values()))
    except BrokerError:
        return dict.fromkeys(wanted, Halt()), KEPT_AFTER_TROUBLE
    quotes = {key: told.get(one) for key, one in wanted.items()}
    return {key: Halt(each.halted, each.halted_since) if each else Halt() for key, each in quotes.items()}, KEPT


def _key(account: Account, instrument: Instrument) -> str:
    return f"halted:{account.connection_id}:{str(instrument).replace(' ', '_')}"


def notices(account: Account, instruments: Iterable[Instrument]) -> tuple[Notice, ...]:
    """The account first, then each halted symbol: of options the underlying's halt counts."""
    wanted = dict.fromkeys(each for one in instruments for each in (one, _underlying(account, one)) if each is not None)
    halted = [one for one, halt in halts(account, wanted).items() if halt.is_halted]
    words = (f"Trading in {describe(one)} is halted: orders for it are not sent until it goes on." for one in halted)
    return (*_restricted(account), *(Notice("trading_halted", each) for each in words))


def _underlying(account: Account, instrument: Instrument) -> Instrument | None:
    if isinstance(instrument, FutureOption):
        return instrument.future
    if not isinstance(instrument, Option):
        return None
    try:
        return details_of(account, instrument).underlying
    except (BrokerError, InvalidTicket):
        return None


def _restricted(account: Account) -> Iterator[Notice]:
    told = _restrictions(account)
    if told is None:
        return
    if told.is_frozen:
        yield Notice("account_restricted", f"The broker takes no orders for {account} now ({told.words}).")
    elif told.closing_only or told.futures_closing_only:
        what = "" if told.closing_only else " of futures"
        words = f"The broker lets {account} only close holdings{what} now ({told.words})."
        yield Notice("account_restricted", words)


def _restrictions(account: Account) -> Restrictions | None:
    try:
        return restrictions_of(account, connections.broker_for(account.connection))[0]
    except BrokerError:
        return None
