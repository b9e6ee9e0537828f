"""The legs put together on an option chain: their text in an address, and what a click adds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from brokers.domain.instruments import Crypto, Instrument, Other, parse_instrument, plain
from brokers.domain.orders import InvalidTicket

MOST_OF_ONE = Decimal(100_000)
"""A leg of more is a slip of the hand."""


@dataclass(frozen=True, slots=True)
class PickedLeg:
    """``quantity``: long positive, never 0. Its text in an address: ``-1*SPY   261218C00600000``."""

    instrument: Instrument
    quantity: Decimal

    def __str__(self) -> str:
        return f"{plain(self.quantity)}*{self.instrument}"


def read_legs(texts: Iterable[str], most: int) -> tuple[PickedLeg, ...]:
    """The legs an address names; what names nothing, and what is over the broker's limit, is left out."""
    found: dict[Instrument, Decimal] = {}
    for text in texts:
        leg = _read(text)
        if leg is not None and (leg.instrument in found or len(found) < most):
            found[leg.instrument] = leg.quantity
    return tuple(PickedLeg(instrument, quantity) for instrument, quantity in found.items())


def _read(text: str) -> PickedLeg | None:
    number, _, symbol = text.partition("*")
    try:
        quantity, instrument = Decimal(number), parse_instrument(symbol)
    except (InvalidOperation, ValueError):
        return None
    known = quantity.is_finite() and 0 < abs(quantity) <= MOST_OF_ONE and quantity % 1 == 0
    return PickedLeg(instrument, quantity) if known and not isinstance(instrument, Other | Crypto) else None


def added(legs: Sequence[PickedLeg], instrument: Instrument, by: Decimal, most: int) -> tuple[PickedLeg, ...]:
    """One contract more bought (``by`` 1) or sold (−1); what cancels out is gone. ``InvalidTicket`` in words."""
    counts = {leg.instrument: leg.quantity for leg in legs}
    if instrument not in counts and len(counts) >= most:
        words = "one leg" if most == 1 else f"{most} legs"
        raise InvalidTicket("legs", f"An order here has at most {words}: remove one first.")
    counts[instrument] = counts.get(instrument, Decimal(0)) + by
    if abs(counts[instrument]) > MOST_OF_ONE:
        raise InvalidTicket("legs", f"At most {MOST_OF_ONE:,} of one option.")
    return tuple(PickedLeg(each, quantity) for each, quantity in counts.items() if quantity)


def without(legs: Sequence[PickedLeg], instrument: Instrument) -> tuple[PickedLeg, ...]:
    return tuple(leg for leg in legs if leg.instrument != instrument)


def turned(legs: Sequence[PickedLeg]) -> tuple[PickedLeg, ...]:
    """All the other way around."""
    return tuple(PickedLeg(leg.instrument, -leg.quantity) for leg in legs)


def changed(legs: Sequence[PickedLeg], change: Mapping[str, str], most: int) -> tuple[PickedLeg, ...]:
    """The legs after a button: ``buy`` or ``sell`` names an instrument to add, ``drop`` one to leave out, ``flip`` and
    ``clear`` mean all. ``InvalidTicket`` in words."""
    for name, by in (("buy", Decimal(1)), ("sell", Decimal(-1))):
        if symbol := change.get(name):
            legs = added(legs, _named(symbol), by, most)
    if symbol := change.get("drop"):
        legs = without(legs, _named(symbol))
    if change.get("flip"):
        legs = turned(legs)
    return () if change.get("clear") else tuple(legs)


CHANGES = ("buy", "sell", "drop", "flip", "clear")


def _named(symbol: str) -> Instrument:
    try:
        found = parse_instrument(symbol)
    except ValueError:
        raise InvalidTicket("legs", "There is no such option: choose one from the chain.") from None
    if isinstance(found, Other | Crypto):
        raise InvalidTicket("legs", "This can't be a leg of an option order.")
    return found
