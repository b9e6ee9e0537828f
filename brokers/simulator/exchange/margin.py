"""What positions tie up: Regulation T for margin accounts, all paid in full for cash accounts. Dollars, positive.

Shares: half of their value (a quarter to keep them). Long options: paid in full and worth nothing as collateral.
A short option is covered by shares, else by a long one of the same kind that lives as long (the requirement is the
distance of the strikes), else it is naked: its price plus 20 % of the underlying less what it is out of the money,
at least 10 % and 2.50 a share. In a cash account a short put holds its whole strike, and naked calls are not allowed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Instrument, Option, Right

ZERO = Decimal(0)
SHARE_INITIAL, LONG_KEEP, SHORT_KEEP = Decimal("0.5"), Decimal("0.25"), Decimal("0.3")
NAKED, NAKED_LEAST, NAKED_FLOOR = Decimal("0.2"), Decimal("0.1"), Decimal("2.5")


@dataclass(frozen=True, slots=True)
class Exposure:
    """A holding as margin sees it; quantity signed, ``price`` its mark, ``spot`` the underlying's."""

    instrument: Instrument
    underlying: str
    quantity: Decimal
    price: Decimal
    multiplier: Decimal
    spot: Decimal

    @property
    def value(self) -> Decimal:
        return self.quantity * self.price * self.multiplier


@dataclass(frozen=True, slots=True)
class Requirement:
    """``initial`` measures new trades, ``maintenance`` what must be there to keep them; ``naked`` contracts of calls
    and puts short without cover."""

    initial: Decimal
    maintenance: Decimal
    naked_calls: Decimal
    naked_puts: Decimal


def require(exposures: Sequence[Exposure], margin: bool) -> Requirement:
    """What the holdings tie up."""
    long, short = shares(exposures)
    parts = [_options(group, margin) for group in _by_underlying(exposures)]
    options = sum((part[0] for part in parts), ZERO)
    return Requirement(
        initial=(long + short) * (SHARE_INITIAL if margin else 1) + options,
        maintenance=long * (LONG_KEEP if margin else 1) + short * SHORT_KEEP + options,
        naked_calls=sum((part[1] for part in parts), ZERO),
        naked_puts=sum((part[2] for part in parts), ZERO),
    )


def buying_power(cash: Decimal, exposures: Sequence[Exposure], margin: bool) -> Decimal:
    """Dollars left for trades that are paid in full; options add nothing to it."""
    long, short = shares(exposures)
    return cash + long - short - require(exposures, margin).initial


def shares(exposures: Iterable[Exposure]) -> tuple[Decimal, Decimal]:
    """The value of shares held long and short, both positive."""
    values = [exposure.value for exposure in exposures if not isinstance(exposure.instrument, Option)]
    return sum((v for v in values if v > 0), ZERO), -sum((v for v in values if v < 0), ZERO)


@dataclass(slots=True)
class _Lot:
    """Contracts of one option that still look for a partner."""

    option: Option
    left: Decimal
    exposure: Exposure


def _by_underlying(exposures: Iterable[Exposure]) -> list[list[Exposure]]:
    groups: dict[str, list[Exposure]] = {}
    for exposure in exposures:
        if exposure.quantity:
            groups.setdefault(exposure.underlying, []).append(exposure)
    return list(groups.values())


def _options(group: list[Exposure], margin: bool) -> tuple[Decimal, Decimal, Decimal]:
    """The requirement of one underlying's options, and the naked calls and puts in it."""
    held = sum((e.quantity for e in group if not isinstance(e.instrument, Option)), ZERO)
    total, naked = ZERO, {Right.CALL: ZERO, Right.PUT: ZERO}
    for right in Right:
        shorts, longs = _lots(group, right, -1), _lots(group, right, 1)
        if right is Right.CALL or margin:
            _cover(shorts, held if right is Right.CALL else -held)
        total += _pair(shorts, longs)
        for lot in shorts:
            naked[right] += lot.left
            total += lot.left * _alone(lot, margin)
    return total, naked[Right.CALL], naked[Right.PUT]


def _lots(group: list[Exposure], right: Right, side: int) -> list[_Lot]:
    """The lots of one side, those that need or give the best cover first."""
    found = [
        _Lot(e.instrument, abs(e.quantity), e)
        for e in group
        if isinstance(e.instrument, Option) and e.instrument.right is right and e.quantity * side > 0
    ]
    return sorted(found, key=lambda lot: lot.option.strike, reverse=right is Right.PUT)


def _cover(shorts: list[_Lot], held: Decimal) -> None:
    """Shares cover short calls, short shares cover short puts."""
    for lot in shorts:
        covered = min(lot.left, max(held, ZERO) // lot.exposure.multiplier)
        lot.left -= covered
        held -= covered * lot.exposure.multiplier


def _pair(shorts: list[_Lot], longs: list[_Lot]) -> Decimal:
    """Pair shorts with longs that live as long; what the strikes can cost together is the requirement."""
    total = ZERO
    for short in shorts:
        for long in longs:
            paired = min(short.left, long.left)
            if paired and long.option.expiry >= short.option.expiry:
                width = long.option.strike - short.option.strike
                risk = max(ZERO, width if short.option.right is Right.CALL else -width)
                total += paired * risk * short.exposure.multiplier
                short.left -= paired
                long.left -= paired
    return total


def _alone(lot: _Lot, margin: bool) -> Decimal:
    """The requirement of one contract short without cover."""
    option, spot = lot.option, lot.exposure.spot
    if not margin:
        return option.strike * lot.exposure.multiplier
    call = option.right is Right.CALL
    out = max(ZERO, option.strike - spot if call else spot - option.strike)
    least = NAKED_LEAST * (spot if call else option.strike)
    return (lot.exposure.price + max(NAKED * spot - out, least, NAKED_FLOOR)) * lot.exposure.multiplier
