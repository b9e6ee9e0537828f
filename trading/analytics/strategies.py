"""Which strategy the legs of an order make, in the market's words. Pure, exact: it looks at what the legs are."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option, Right, describe, plain

SHARES = Decimal(100)
"""One standard option is on so many shares."""
AnyOption: TypeAlias = Option | FutureOption
WORD = {Right.CALL: "call", Right.PUT: "put"}


class Kind(StrEnum):
    OUTRIGHT = "outright"
    SINGLE = "single"
    VERTICAL = "vertical"
    RATIO = "ratio"
    STRADDLE = "straddle"
    STRANGLE = "strangle"
    BUTTERFLY = "butterfly"
    CONDOR = "condor"
    IRON_CONDOR = "iron_condor"
    IRON_BUTTERFLY = "iron_butterfly"
    CALENDAR = "calendar"
    DIAGONAL = "diagonal"
    COVERED_CALL = "covered_call"
    COVERED_PUT = "covered_put"
    PROTECTIVE_PUT = "protective_put"
    COLLAR = "collar"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Strategy:
    """``name`` is the market's word; ``label`` names the whole: «SPY 18 Dec 26 580/575 put vertical». ``is_long`` says
    whether traders call it bought (for custom ones None). ``units``: how many times it is traded."""

    kind: Kind
    name: str
    label: str
    is_long: bool | None
    units: Decimal


class Held(Protocol):
    """Whatever has an instrument and a signed quantity."""

    @property
    def instrument(self) -> Instrument: ...
    @property
    def signed_quantity(self) -> Decimal: ...


class Part(NamedTuple):
    instrument: Instrument
    signed_quantity: Decimal


class OptionPart(NamedTuple):
    """An option with how often it is in one unit, signed."""

    option: AnyOption
    ratio: Decimal


Found: TypeAlias = tuple[Kind, str, str, bool]
"""Kind, name, label without the underlying, whether it is bought."""


def recognise(legs: Sequence[Held]) -> Strategy:
    """The strategy that the legs make; CUSTOM with the label «custom» where they make none."""
    options = [(leg.instrument, leg.signed_quantity) for leg in legs if isinstance(leg.instrument, AnyOption)]
    others = [leg for leg in legs if not isinstance(leg.instrument, AnyOption)]
    if len(others) > 1 or len({_family(option) for option, _ in options}) > 1:
        return _custom(legs)
    if not options:
        return _outright(others[0]) if others else _custom(legs)
    units = _units([*(quantity for _, quantity in options), *(_contracts(leg) for leg in others)])
    parts = sorted((OptionPart(option, quantity / units) for option, quantity in options), key=_order)
    found: Found | None
    if others:
        belongs = _belongs(others[0].instrument, parts[0].option)
        found = _covered(_contracts(others[0]) / units, parts) if belongs else None
    else:
        found = next((match for look in LOOKS.get(len(parts), ()) if (match := look(parts))), None)
    if found is None:
        return _custom(legs)
    kind, name, label, is_long = found
    return Strategy(kind, name, f"{_root(parts[0].option)} {label}", is_long, units)


def _custom(legs: Sequence[Held]) -> Strategy:
    return Strategy(Kind.CUSTOM, "custom", "custom", None, _units([leg.signed_quantity for leg in legs]))


def _outright(leg: Held) -> Strategy:
    name = "future" if isinstance(leg.instrument, Future) else "shares"
    quantity = leg.signed_quantity
    return Strategy(Kind.OUTRIGHT, name, describe(leg.instrument), quantity > 0, abs(quantity))


def _units(quantities: Sequence[Decimal]) -> Decimal:
    if any(quantity % 1 for quantity in quantities) or not quantities:
        return Decimal(1)
    return Decimal(math.gcd(*(int(abs(quantity)) for quantity in quantities)))


def _contracts(leg: Held) -> Decimal:
    """How many options the shares or futures stand beside."""
    return leg.signed_quantity if isinstance(leg.instrument, Future) else leg.signed_quantity / SHARES


def _family(option: AnyOption) -> str:
    return option.root if isinstance(option, Option) else str(option.future)


def _belongs(instrument: Instrument, option: AnyOption) -> bool:
    if isinstance(option, Option):
        return isinstance(instrument, Equity) and instrument.symbol.replace(".", "") == option.root
    return instrument == option.future


def _root(option: AnyOption) -> str:
    return option.root if isinstance(option, Option) else f"{option.future} {option.contract}"


def _order(part: OptionPart) -> tuple[object, ...]:
    return part.option.expiry, part.option.strike, part.option.right


def _day(option: AnyOption) -> str:
    return f"{option.expiry.day} {option.expiry:%b %y}"


def _strikes(parts: Sequence[OptionPart]) -> str:
    return "/".join(plain(part.option.strike) for part in parts)


def _one_expiry(parts: Sequence[OptionPart]) -> bool:
    return len({part.option.expiry for part in parts}) == 1


def _one_right(parts: Sequence[OptionPart]) -> bool:
    return len({part.option.right for part in parts}) == 1


def _single(parts: Sequence[OptionPart]) -> Found:
    option, count = parts[0]
    return Kind.SINGLE, WORD[option.right], f"{_day(option)} {plain(option.strike)} {WORD[option.right]}", count > 0


def _vertical(parts: Sequence[OptionPart]) -> Found | None:
    """Named from its dearer leg: calls from the lower strike, puts from the higher."""
    if not (_one_expiry(parts) and _one_right(parts)) or parts[0].ratio * parts[1].ratio >= 0:
        return None
    right = parts[0].option.right
    dear, cheap = (parts[0], parts[1]) if right is Right.CALL else (parts[1], parts[0])
    label = f"{_day(dear.option)} {_strikes([dear, cheap])} {WORD[right]}"
    if abs(dear.ratio) == abs(cheap.ratio):
        return Kind.VERTICAL, f"{WORD[right]} vertical", f"{label} vertical", dear.ratio > 0
    times = f"{plain(abs(dear.ratio))}×{plain(abs(cheap.ratio))}"
    fewer = min(dear, cheap, key=lambda part: abs(part.ratio))
    return Kind.RATIO, f"{times} {WORD[right]} ratio", f"{label} ratio {times}", fewer.ratio > 0


def _straddle(parts: Sequence[OptionPart]) -> Found | None:
    low, high = parts
    if not _one_expiry(parts) or _one_right(parts) or low.ratio != high.ratio:
        return None
    day, is_long = _day(low.option), low.ratio > 0
    if low.option.strike == high.option.strike:
        return Kind.STRADDLE, "straddle", f"{day} {plain(low.option.strike)} straddle", is_long
    if low.option.right is Right.PUT:
        return Kind.STRANGLE, "strangle", f"{day} {_strikes(parts)} strangle", is_long
    return None


def _calendar(parts: Sequence[OptionPart]) -> Found | None:
    near, far = parts
    if _one_expiry(parts) or not _one_right(parts) or near.ratio != -far.ratio:
        return None
    days, word = f"{_day(near.option)}/{_day(far.option)}", WORD[far.option.right]
    if near.option.strike == far.option.strike:
        label = f"{days} {plain(far.option.strike)} {word} calendar"
        return Kind.CALENDAR, f"{word} calendar", label, far.ratio > 0
    return Kind.DIAGONAL, f"{word} diagonal", f"{days} {_strikes(parts)} {word} diagonal", far.ratio > 0


def _butterfly(parts: Sequence[OptionPart]) -> Found | None:
    low, body, high = parts
    if not (_one_expiry(parts) and _one_right(parts)) or not low.ratio == high.ratio == -body.ratio / 2:
        return None
    even = body.option.strike - low.option.strike == high.option.strike - body.option.strike
    name = f"{WORD[low.option.right]} {'' if even else 'broken-wing '}butterfly"
    return Kind.BUTTERFLY, name, f"{_day(low.option)} {_strikes(parts)} {name}", low.ratio > 0


def _condor(parts: Sequence[OptionPart]) -> Found | None:
    lowest, low, high, highest = parts
    if not _one_expiry(parts) or not lowest.ratio == highest.ratio == -low.ratio == -high.ratio:
        return None
    rights = "".join(part.option.right for part in parts)
    day, is_bought = _day(low.option), lowest.ratio > 0
    if _one_right(parts):
        name = f"{WORD[low.option.right]} condor"
        return Kind.CONDOR, name, f"{day} {_strikes(parts)} {name}", is_bought
    if rights not in ("PPCC", "PCPC"):
        return None
    if low.option.strike == high.option.strike:
        strikes = _strikes([lowest, low, highest])
        return Kind.IRON_BUTTERFLY, "iron butterfly", f"{day} {strikes} iron butterfly", not is_bought
    if rights == "PPCC":
        return Kind.IRON_CONDOR, "iron condor", f"{day} {_strikes(parts)} iron condor", not is_bought
    return None


def _covered(shares: Decimal, parts: Sequence[OptionPart]) -> Found | None:
    """Shares (or a future) with as many options: covered call, covered put, protective put, collar."""
    if any(abs(part.ratio) != abs(shares) for part in parts):
        return None
    what = {(part.option.right, part.ratio * shares > 0) for part in parts}
    day, is_long = _day(parts[0].option), shares > 0
    name, kind = "", Kind.CUSTOM
    if what == {(Right.CALL, False)} and is_long:
        kind, name = Kind.COVERED_CALL, "covered call"
    elif what == {(Right.PUT, True)}:
        kind, name = (Kind.PROTECTIVE_PUT, "protective put") if is_long else (Kind.COVERED_PUT, "covered put")
    elif what == {(Right.CALL, False), (Right.PUT, True)} and is_long and _one_expiry(parts) and len(parts) == 2:
        kind, name = Kind.COLLAR, "collar"
    return (kind, name, f"{day} {_strikes(parts)} {name}", is_long) if name else None


LOOKS: dict[int, tuple[Callable[[Sequence[OptionPart]], Found | None], ...]] = {
    1: (_single,),
    2: (_vertical, _straddle, _calendar),
    3: (_butterfly,),
    4: (_condor,),
}
