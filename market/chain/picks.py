"""A strategy put together from one click: which strikes, from a width and a delta."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from brokers.domain.instruments import Instrument, Right
from brokers.domain.market import Chain, Expiration, Quote, Strike
from brokers.domain.orders import InvalidTicket
from brokers.models import Account
from market import terms as chain_terms
from market.chain.legs import PickedLeg
from market.chain.reading import Reading
from market.straddles import both_sides
from trading import tickets
from trading.analytics import CannotBuild, Kind, build
from trading.analytics.strategies import AnyOption
from trading.drafting import chains
from trading.drafting.estimates import quotes_of
from trading.drafting.listed import name_of

OFFERED = {
    Kind.VERTICAL: "Vertical",
    Kind.STRANGLE: "Strangle",
    Kind.STRADDLE: "Straddle",
    Kind.IRON_CONDOR: "Iron condor",
    Kind.IRON_BUTTERFLY: "Iron butterfly",
    Kind.BUTTERFLY: "Butterfly",
    Kind.CALENDAR: "Calendar",
    Kind.DIAGONAL: "Diagonal",
    Kind.COVERED_CALL: "Covered call",
    Kind.PROTECTIVE_PUT: "Protective put",
    Kind.COLLAR: "Collar",
    Kind.RATIO: "Ratio 1×2",
}
TWO_EXPIRATIONS = (Kind.CALENDAR, Kind.DIAGONAL)
FIELDS = ("pick_side", "pick_right", "pick_delta", "pick_width", "pick_quantity", "pick_far")
NEAR_DELTAS = 100
"""Strikes around the money whose prices tell where a delta is."""


def picked_legs(account: Account, reading: Reading, picked: Mapping[str, str]) -> tuple[PickedLeg, ...]:
    """The legs of ``picked["pick"]``; ``InvalidTicket`` in words."""
    try:
        kind, right = Kind(picked.get("pick", "")), Right(picked.get("pick_right") or "P")
        width = _number(picked, "pick_width", str(usual_width(reading)))
        delta, units = _number(picked, "pick_delta", "0.30"), _number(picked, "pick_quantity", "1")
    except ValueError as error:
        raise InvalidTicket("legs", f"Choose a strategy, its width and its delta: {error}") from None
    if units % 1:
        raise InvalidTicket("legs", "Write how many times as a whole number.")
    if reading.spot is None:
        raise InvalidTicket("legs", f"There is no price of {reading.underlying} at the moment: choose the strikes.")
    expirations = _expirations(account, reading, kind, picked.get("pick_far", ""))
    try:
        parts = build(
            kind,
            Chain(reading.underlying, tuple(expirations)),
            reading.spot,
            expirations,
            width=width,
            delta=float(delta),
            right=right,
            is_long={"buy": True, "sell": False}.get(picked.get("pick_side", "")),
            units=units,
            deltas=_deltas(account, reading, expirations),
        )
    except CannotBuild as error:
        raise InvalidTicket("legs", str(error)) from None
    return tuple(PickedLeg(part.instrument, part.signed_quantity) for part in parts)


def _number(picked: Mapping[str, str], name: str, usual: str) -> Decimal:
    number = tickets.read_number(picked.get(name) or usual)
    if number <= 0:
        raise ValueError("numbers are above 0.")
    return number


def _expirations(account: Account, reading: Reading, kind: Kind, far: str) -> list[Expiration]:
    """The one on the page, with a later one where the strategy has two."""
    if kind not in TWO_EXPIRATIONS:
        return [reading.chosen]
    later = [each for each in reading.expirations if each.expiry > reading.chosen.expiry]
    named = [each for each in later if name_of(each) == far] or later
    if not named:
        return [reading.chosen]
    whole = chains.expiration_on(account, str(reading.underlying), name_of(named[0]))
    return [reading.chosen, whole or named[0]]


def _deltas(account: Account, reading: Reading, expirations: Sequence[Expiration]) -> dict[AnyOption, float]:
    """Deltas near the money: the broker's, else estimates from prices."""
    found: dict[AnyOption, float] = {}
    for each in expirations:
        near = _near(each, reading.spot or Decimal(0))
        quotes = quotes_of(account, both_sides(near))
        told = chain_terms.smile_of(each, near, quotes, reading.spot, reading.at)
        found |= {option: guess.delta for option, guess in told.options.items() if isinstance(option, AnyOption)}
        found |= _told(quotes)
    return found


def _told(quotes: Mapping[Instrument, Quote]) -> dict[AnyOption, float]:
    known = ((one, quote.delta) for one, quote in quotes.items() if isinstance(one, AnyOption))
    return {one: float(delta) for one, delta in known if delta is not None}


def _near(expiration: Expiration, price: Decimal) -> list[Strike]:
    around = sorted(expiration.strikes, key=lambda strike: abs(strike.price - price))[:NEAR_DELTAS]
    return sorted(around, key=lambda strike: strike.price)


def usual_width(reading: Reading) -> Decimal:
    """About a hundredth of the price in whole steps of the strikes around it."""
    prices = [strike.price for strike in reading.strikes]
    if len(prices) < 2 or reading.spot is None:
        return Decimal(5)
    step = min(later - earlier for earlier, later in pairwise(prices))
    times = max(1, round(reading.spot / 100 / step))
    return step * times
