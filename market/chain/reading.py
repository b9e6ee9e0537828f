"""What a chain page reads: the expirations, the quotes of the options it shows, their terms, what is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.core.cache import cache
from django.utils import timezone

from brokers import connections, registry
from brokers.domain.greeks import GREEK_FIELDS
from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Expiration, Quote, Strike
from brokers.errors import BrokerError
from brokers.live.hub import hub
from brokers.models import Account
from market import terms as chain_terms
from market.chain.board import COUNTS, window
from market.chain.state import State
from market.smile import Smile
from market.straddles import both_sides, near_the_money, with_quotes
from market.terms import Term
from trading.drafting import chains
from trading.drafting.estimates import quotes_of
from trading.drafting.listed import EXCHANGE_TIME, name_of

TERMS_KEPT = 60
GREEKS_GOOD_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Terms:
    """Volatility and expected move of the expirations by name; ``by_broker`` says whose the volatilities are."""

    found: Mapping[str, Term]
    by_broker: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a chain page is drawn from."""

    underlying: Instrument
    expirations: tuple[Expiration, ...]
    chosen: Expiration
    strikes: tuple[Strike, ...]
    quotes: Mapping[Instrument, Quote]
    spot: Decimal | None
    told: Smile
    terms: Terms
    at: datetime

    @property
    def move(self) -> Decimal | None:
        """The expected move till the chosen expiration, in points; as its tab tells it, where it does."""
        term = self.terms.found.get(name_of(self.chosen))
        return term.move if term is not None else self.told.move

    @property
    def quote(self) -> Quote | None:
        return self.quotes.get(self.underlying)


def read(account: Account, state: State) -> Reading:
    """``InvalidTicket`` where there are no options, ``BrokerError``; a missing price is None."""
    now = timezone.now()
    expirations = chains.expirations_on(account, state.underlying)
    chosen = _chosen(account, state, expirations, now)
    underlying = parse_instrument(state.underlying)
    price = spot_of(account, underlying)
    strikes = window(chosen, state.around or price, COUNTS[state.count])
    wanted = [option for strike in strikes for option in (strike.call, strike.put) if option is not None]
    quotes = _quotes(account, [underlying, *wanted, *(leg.instrument for leg in state.legs)], now)
    terms = _terms(account, state.underlying, expirations, price, now)
    told = chain_terms.smile_of(chosen, strikes, quotes, price, now)
    return Reading(underlying, expirations, chosen, strikes, quotes, price, told, terms, now)


def _quotes(account: Account, wanted: Sequence[Instrument], now: datetime) -> dict[Instrument, Quote]:
    """A quote that was asked for has no Greeks: those the stream told a moment ago stand beside it."""
    quotes = quotes_of(account, wanted)
    bare = [one for one, quote in quotes.items() if quote.delta is None]
    told = hub.latest_greeks(account.connection_id, bare)
    fresh = {one: greeks for one, greeks in told.items() if now - greeks.as_of <= GREEKS_GOOD_FOR}
    return quotes | {
        one: replace(quotes[one], **{name: getattr(greeks, name) for name in GREEK_FIELDS})
        for one, greeks in fresh.items()
    }


def with_legs(account: Account, reading: Reading, state: State) -> Reading:
    """With the quotes of legs that were added since."""
    missing = [leg.instrument for leg in state.legs if leg.instrument not in reading.quotes]
    return replace(reading, quotes={**reading.quotes, **quotes_of(account, missing)}) if missing else reading


def spot_of(account: Account, underlying: Instrument) -> Decimal | None:
    quote = quotes_of(account, [underlying]).get(underlying)
    return quote.fair_price if quote is not None else None


def _chosen(account: Account, state: State, expirations: Sequence[Expiration], now: datetime) -> Expiration:
    """The expiration that the address names, else the usual one; with its strikes."""
    named = next((each for each in expirations if name_of(each) == state.expiry), None)
    today = now.astimezone(EXCHANGE_TIME).date()
    title = named or chain_terms.usual_choice(expirations, today)
    return chains.expiration_on(account, state.underlying, name_of(title)) or title


def _terms(
    account: Account, underlying: str, expirations: Sequence[Expiration], price: Decimal | None, now: datetime
) -> Terms:
    """From the broker where it tells volatilities, else estimates from what the options at the money cost."""
    if price is None:
        return Terms({}, by_broker=False)
    key = f"terms:{account.connection_id}:{underlying}"
    terms: Terms | None = cache.get(key)
    if terms is None:
        told = _told_by_broker(account, parse_instrument(underlying))
        if told:
            terms = Terms(chain_terms.from_broker(expirations, told, price, now), by_broker=True)
        else:
            terms = _estimated(account, underlying, expirations, price, now)
        cache.set(key, terms, TERMS_KEPT)
    return terms


def _told_by_broker(account: Account, underlying: Instrument) -> Mapping[date, Decimal]:
    if not registry.spec(account.connection.broker).capabilities.has_metrics:
        return {}
    try:
        metrics = connections.broker_for(account.connection).get_metrics([underlying]).get(underlying)
    except BrokerError:
        return {}
    return metrics.expiration_ivs if metrics is not None else {}


def _estimated(
    account: Account, underlying: str, expirations: Sequence[Expiration], price: Decimal, now: datetime
) -> Terms:
    near = near_the_money(account, underlying, expirations, price)
    quotes = quotes_of(account, both_sides([strike for each in near for strike in each.strikes]))
    return Terms(chain_terms.from_straddles(with_quotes(near, quotes), quotes, price, now), by_broker=False)
