"""Executions out of what a broker tells: single fills as they are, of sums the differences between reports. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from brokers.domain.instruments import plain
from brokers.domain.orders import Fill, LegState, OrderUpdate

PLACES = Decimal("1E-8")
ZERO = Decimal(0)


class Kept(Protocol):
    """A fill as kept in the database; a taken-back one is kept as a negative quantity."""

    fill_id: str
    symbol: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Bust:
    """What a broker takes back: ``quantity`` is how much less it says than was kept, ``price`` what that was at."""

    symbol: str
    quantity: Decimal
    price: Decimal


def new_fills(update: OrderUpdate, kept: Sequence[Kept], now: datetime) -> list[Fill]:
    """The executions that a report tells beyond those that are kept, each once."""
    found: list[Fill] = []
    for state in update.legs:
        if state.executed is None:
            found += [fill for fill in state.fills if fill.fill_id not in {one.fill_id for one in kept}]
        elif (fill := _difference(state, kept, update.updated_at or now)) is not None:
            found.append(fill)
    return found


def _difference(state: LegState, kept: Sequence[Kept], at: datetime) -> Fill | None:
    """What lies between the sum that is kept and a greater one that is told, at the price that makes the averages
    agree. Without an average there is no fill yet: the quantity counts, the price comes later."""
    done, paid = sums(kept).get(str(state.leg.instrument), (ZERO, ZERO))
    executed, average = state.executed or ZERO, state.average_price
    if executed <= done or average is None:
        return None
    price = ((average * executed - paid) / (executed - done)).quantize(PLACES)
    name = f"{state.leg.instrument}:{plain(executed)}"
    again = sum(one.fill_id == name or one.fill_id.startswith(f"{name}#") for one in kept)
    return Fill(
        f"{name}#{again + 1}" if again else name,
        state.leg.instrument,
        executed - done,
        price if price > 0 else average,
        at,
    )


def busts(update: OrderUpdate, kept: Sequence[Kept]) -> list[Bust]:
    """Where a report tells less than is kept. Whether that is a bust or an old report, the caller must know."""
    known = sums(kept)
    found = []
    for state in update.legs:
        symbol = str(state.leg.instrument)
        done, paid = known.get(symbol, (ZERO, ZERO))
        told = executed(state)
        if told >= done:
            continue
        price = paid / done
        if told and state.average_price is not None:
            price = (paid - state.average_price * told) / (done - told)
        found.append(Bust(symbol, done - told, price.quantize(PLACES)))
    return found


def executed(state: LegState) -> Decimal:
    """How much of a leg a report says was executed."""
    return state.executed if state.executed is not None else sum((fill.quantity for fill in state.fills), ZERO)


def sums(kept: Iterable[Kept]) -> Mapping[str, tuple[Decimal, Decimal]]:
    """Quantity and dollars per unit of multiplier, by symbol."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for one in kept:
        done, paid = found.get(one.symbol, (ZERO, ZERO))
        found[one.symbol] = (done + one.quantity, paid + one.quantity * one.price)
    return found
