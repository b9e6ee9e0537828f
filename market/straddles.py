"""The options at the money of many expirations, without asking for the strikes of each: a broker may tell them a day at
a time, each for one of few calls. Where they are not known, other expirations tell which there are likely to be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from brokers.domain.instruments import Instrument, Option, Right
from brokers.domain.market import Expiration, Quote, Strike
from brokers.models import Account
from market import terms as chain_terms
from trading.drafting import chains
from trading.drafting.listed import name_of

ROUNDER = (Decimal("0.05"), Decimal("0.1"), Decimal("0.25"))
"""Steps in parts of the price's power of ten: the further off an expiration, the rounder its strikes."""
NEAR = Decimal("0.05")
"""Of the price: what is further off tells no volatility at the money."""


def near_the_money(account: Account, underlying: str, wanted: Sequence[Expiration], price: Decimal) -> list[Expiration]:
    """The expirations with few strikes: the one at the money, or those that may be: what has no quote does not exist.

    Strikes are asked for once at most: where nobody looked at any of the chain yet.
    """
    told = {name_of(each): each for each in chains.told_on(account, underlying) if each.strikes}
    if not told and wanted:
        middle = name_of(wanted[len(wanted) // 2])
        asked = chains.expiration_on(account, underlying, middle)
        told = {middle: asked} if asked is not None else {}
    return [_near(each, told, price) for each in wanted]


def _near(each: Expiration, told: Mapping[str, Expiration], price: Decimal) -> Expiration:
    if (known := told.get(name_of(each))) is not None:
        nearest = chain_terms.nearest_strike(known, price)
        return replace(known, strikes=(nearest,) if nearest is not None else ())
    like = min(told.values(), key=lambda other: abs(other.expiry - each.expiry), default=each)
    return replace(each, strikes=likely_strikes(each, like, price))


def likely_strikes(each: Expiration, like: Expiration, price: Decimal) -> tuple[Strike, ...]:
    """Strikes near the money that an expiration has if it is like another: the nearest, and the nearest round ones."""
    near = [strike.price for strike in like.strikes if abs(strike.price - price) <= price * NEAR]
    near.sort(key=lambda strike: abs(strike - price))
    power = Decimal(1).scaleb(price.adjusted())
    rounder = [next((strike for strike in near if strike % (power * part) == 0), None) for part in ROUNDER]
    chosen = {strike for strike in [*near[:1], *rounder] if strike is not None}
    return tuple(_strike(each, strike) for strike in sorted(chosen))


def _strike(each: Expiration, price: Decimal) -> Strike:
    call, put = (Option(each.root, each.expiry, right, price) for right in (Right.CALL, Right.PUT))
    return Strike(price, call, put)


def with_quotes(expirations: Sequence[Expiration], quotes: Mapping[Instrument, Quote]) -> list[Expiration]:
    """Without the strikes of which nothing is quoted."""
    return [
        replace(each, strikes=tuple(strike for strike in each.strikes if strike.call in quotes or strike.put in quotes))
        for each in expirations
    ]


def both_sides(strikes: Collection[Strike]) -> list[Instrument]:
    return [option for strike in strikes for option in (strike.call, strike.put) if option is not None]
