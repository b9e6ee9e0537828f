"""What a set of legs is worth at expiration: straight pieces between strikes, their ends, zeros and chances."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal

Kind = Literal["call", "put", "unit"]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """``quantity`` (sold: negative) of a call, a put, or the underlying itself (``unit``)."""

    kind: Kind
    quantity: Decimal
    strike: Decimal = ZERO

    def worth(self, price: Decimal) -> Decimal:
        match self.kind:
            case "call":
                return self.quantity * max(price - self.strike, ZERO)
            case "put":
                return self.quantity * max(self.strike - price, ZERO)
        return self.quantity * price


@dataclass(frozen=True)
class Payoff:
    """The worth at expiration of pieces that cost ``cost`` together (a debit is positive): a continuous polyline."""

    pieces: tuple[Piece, ...]
    cost: Decimal = ZERO

    def at(self, price: Decimal) -> Decimal:
        return sum((piece.worth(price) for piece in self.pieces), ZERO) - self.cost

    @property
    def corners(self) -> list[Decimal]:
        """Where the line can bend, from zero up."""
        return sorted({ZERO, *(piece.strike for piece in self.pieces if piece.kind != "unit")})

    @property
    def slope(self) -> Decimal:
        """Dollars per dollar above the highest strike."""
        return sum((piece.quantity for piece in self.pieces if piece.kind != "put"), ZERO)

    @property
    def most(self) -> Decimal | None:
        """The largest gain; None when there is no limit to it."""
        return None if self.slope > 0 else max(self.at(corner) for corner in self.corners)

    @property
    def least(self) -> Decimal | None:
        """The smallest gain (a loss is negative); None when there is no limit to the loss."""
        return None if self.slope < 0 else min(self.at(corner) for corner in self.corners)

    def zeros(self) -> list[Decimal]:
        """The prices at which it comes out even, ascending. A flat stretch at zero counts with its ends."""
        corners = self.corners
        found = {corner for corner in corners if self.at(corner) == 0}
        for low, high in pairwise(corners):
            at_low, at_high = self.at(low), self.at(high)
            if at_low * at_high < 0:
                found.add(low - at_low * (high - low) / (at_high - at_low))
        last = corners[-1]
        if self.slope and (beyond := -self.at(last) / self.slope) > 0:
            found.add(last + beyond)
        return sorted(found)

    def gains(self) -> Iterable[tuple[Decimal, Decimal | None]]:
        """The ranges of prices in which it gains, as (from, to); None is without end."""
        edges = self.zeros()
        bounds: Sequence[Decimal] = [ZERO, *(edge for edge in edges if edge > 0)]
        for low, high in pairwise(bounds):
            if self.at((low + high) / 2) > 0:
                yield low, high
        if self.at(bounds[-1] + max(self.corners[-1], Decimal(1))) > 0:
            yield bounds[-1], None


def chance(payoff: Payoff, below: Callable[[Decimal], float]) -> float:
    """How likely it gains, given how likely the price ends ``below`` a level."""
    return sum(
        (1.0 if high is None else below(high)) - (below(low) if low > 0 else 0.0) for low, high in payoff.gains()
    )
