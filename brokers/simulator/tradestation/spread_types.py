"""The broker's spread types: which strikes make one, and which legs it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from brokers.domain.instruments import Instrument, Option
from brokers.domain.market import Expiration

Side = Literal["Call", "Put", "Both"]
Strikes = tuple[Decimal, ...]
SHARES = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One leg of a spread type: ``ratio`` signed; ``right`` C, P, "same" (the spread's side) or "stock";
    ``strike`` counts from the lowest, for puts of a mirrored type from the highest; ``far``: expires second."""

    ratio: int
    right: Literal["C", "P", "same", "stock"]
    strike: int = 0
    far: bool = False


@dataclass(frozen=True, slots=True)
class SpreadType:
    """``width``: how many strikes it takes. ``mirrored``: its puts count strikes from the highest."""

    name: str
    parts: tuple[Part, ...]
    width: int = 1
    two_expirations: bool = False
    mirrored: bool = False

    @property
    def has_interval(self) -> bool:
        return self.width > 1

    @property
    def sides(self) -> tuple[Side, ...]:
        """Calls and puts apart, or one of both."""
        return ("Call", "Put") if any(part.right == "same" for part in self.parts) else ("Both",)


def _back(name: str, sold: int, bought: int) -> SpreadType:
    return SpreadType(name, (Part(-sold, "same", 0), Part(bought, "same", 1)), 2, mirrored=True)


TYPES: tuple[SpreadType, ...] = (
    SpreadType("Single", (Part(1, "same"),)),
    SpreadType("Straddle", (Part(1, "C"), Part(1, "P"))),
    SpreadType("Vertical", (Part(1, "same", 0), Part(-1, "same", 1)), 2, mirrored=True),
    SpreadType("Strangle", (Part(1, "P", 0), Part(1, "C", 1)), 2),
    _back("RatioBack1x2", 1, 2),
    _back("RatioBack1x3", 1, 3),
    _back("RatioBack2x3", 2, 3),
    SpreadType("Butterfly", (Part(1, "same", 0), Part(-2, "same", 1), Part(1, "same", 2)), 3),
    SpreadType("IronButterfly", (Part(1, "P", 0), Part(-1, "P", 1), Part(-1, "C", 1), Part(1, "C", 2)), 3),
    SpreadType("Condor", (Part(1, "same", 0), Part(-1, "same", 1), Part(-1, "same", 2), Part(1, "same", 3)), 4),
    SpreadType("IronCondor", (Part(1, "P", 0), Part(-1, "P", 1), Part(-1, "C", 2), Part(1, "C", 3)), 4),
    SpreadType("Covered", (Part(SHARES, "stock"), Part(-1, "same"))),
    SpreadType("Collar", (Part(SHARES, "stock"), Part(1, "P", 0), Part(-1, "C", 1)), 2),
    SpreadType("Combo", (Part(1, "C"), Part(-1, "P"))),
    SpreadType("Calendar", (Part(-1, "same"), Part(1, "same", far=True)), two_expirations=True),
    SpreadType("Diagonal", (Part(-1, "same", 0), Part(1, "same", 1, far=True)), 2, two_expirations=True, mirrored=True),
)
BY_NAME = {each.name.lower(): each for each in TYPES}


@dataclass(frozen=True, slots=True)
class Spread:
    """One spread of a chain: its strikes ascending, and its legs with signed ratios (shares in shares)."""

    side: Side
    strikes: Strikes
    legs: tuple[tuple[Instrument, int], ...]


@dataclass(frozen=True)
class Board:
    """The options of the expirations that a spread is made from, by strike."""

    underlying: Instrument
    near: dict[Decimal, tuple[Option | None, Option | None]]
    far: dict[Decimal, tuple[Option | None, Option | None]]

    def combinations(self, kind: SpreadType, interval: int) -> list[Strikes]:
        """The strikes of every spread of a kind, ``interval`` listed strikes apart, ascending."""
        both = kind.two_expirations and kind.width == 1
        strikes = sorted(set(self.near) & set(self.far) if both else self.near)
        reach = (kind.width - 1) * interval
        found = [tuple(strikes[i : i + reach + 1 : interval]) for i in range(len(strikes) - reach)]
        return [each for each in found if next(self.spreads(kind, each), None)]

    def spreads(self, kind: SpreadType, strikes: Strikes) -> Iterator[Spread]:
        """The spread on each of its sides; a side of which a leg is not listed is left out."""
        for side in kind.sides:
            legs = [self._leg(kind, part, side, strikes) for part in kind.parts]
            listed = [leg for leg in legs if leg is not None]
            if len(listed) == len(legs):
                yield Spread(side, strikes, tuple(listed))

    def _leg(self, kind: SpreadType, part: Part, side: Side, strikes: Strikes) -> tuple[Instrument, int] | None:
        is_put = part.right == "P" or (part.right == "same" and side == "Put")
        if part.right == "stock":
            return self.underlying, -part.ratio if side == "Put" else part.ratio
        place = kind.width - 1 - part.strike if kind.mirrored and is_put else part.strike
        pair = (self.far if part.far else self.near).get(strikes[place])
        option = pair[is_put] if pair else None
        return None if option is None else (option, part.ratio)


def board(underlying: Instrument, near: Sequence[Expiration], far: Sequence[Expiration] = ()) -> Board:
    """The options of the given expirations; of two roots on one day the first listed wins a strike."""
    return Board(underlying, _by_strike(near), _by_strike(far))


def _by_strike(expirations: Sequence[Expiration]) -> dict[Decimal, tuple[Option | None, Option | None]]:
    found: dict[Decimal, tuple[Option | None, Option | None]] = {}
    for expiration in expirations:
        for strike in expiration.strikes:
            found.setdefault(strike.price, (_on_share(strike.call), _on_share(strike.put)))
    return found


def _on_share(option: Instrument | None) -> Option | None:
    return option if isinstance(option, Option) else None
