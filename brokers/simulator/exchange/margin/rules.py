"""What positions tie up: Regulation T for margin accounts, all paid in full for cash accounts. Dollars, positive.

| holding | new trades (initial) | to keep (maintenance) |
|---|---|---|
| shares long | 50 % (cash account: 100 %) | 25 % (100 %) |
| shares short | 50 % beside the proceeds | 30 % |
| crypto | 100 % | 100 % |
| options long | paid in full, no collateral | the same |
| options short, covered by shares or futures | 0 | 0 |
| options short in a set with long ones that live as long | the most their intrinsic values can lose | the same |
| options short, naked | price + the greatest of 20 % of the underlying less what it is out of the money, 10 % (of the underlying for calls, of the strike for puts) and 2.50 a share; broad indexes: 15 %, 10 % and nothing | the same |
| calls and puts naked, of one expiry | the greater side and the other side's price | the same |
| short puts in a cash account | their whole strike | the same |
| futures | the product's initial margin a contract; months do not offset each other | its maintenance margin |
| future options short, naked | price + initial margin less half of what it is out of the money, at least a quarter of it | the same |

How options cover each other: ``pairing``. Day trades, concentration and interest change nothing.
"""  # noqa: E501 (a table)

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from brokers.domain.instruments import Crypto, Future, FutureOption, Instrument, Option, Right
from brokers.simulator.exchange.margin.pairing import Contract, Piece, pair

ZERO, ONE = Decimal(0), Decimal(1)
SHARE_INITIAL, LONG_KEEP, SHORT_KEEP = Decimal("0.5"), Decimal("0.25"), Decimal("0.3")
HALF, QUARTER = Decimal("0.5"), Decimal("0.25")
BROAD_INDEXES = frozenset({"$SPX", "$NDX", "$RUT", "$DJX"})


@dataclass(frozen=True, slots=True)
class Rates:
    """What a naked option is measured by: shares of the underlying, and the least dollars a unit."""

    standard: Decimal
    minimum: Decimal
    floor: Decimal


EQUITY_RATES = Rates(Decimal("0.2"), Decimal("0.1"), Decimal("2.5"))
BROAD_RATES = Rates(Decimal("0.15"), Decimal("0.1"), ZERO)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A holding as margin sees it; quantity signed, ``price`` its mark, ``spot`` the underlying's.

    ``gain``: a future's gain that is not in cash yet. ``initial`` and ``maintenance``: the product's margin for one
    contract, of futures and options on them. ``delivers``: units of the underlying one option turns into.
    """

    instrument: Instrument
    underlying: str
    quantity: Decimal
    price: Decimal
    multiplier: Decimal
    spot: Decimal
    gain: Decimal = ZERO
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    delivers: Decimal | None = None

    @property
    def value(self) -> Decimal:
        return self.quantity * self.price * self.multiplier


@dataclass(frozen=True, slots=True)
class Requirement:
    """``initial`` measures new trades, ``maintenance`` what must be there to keep them; ``naked`` contracts of calls
    and puts short without cover. ``futures_…`` are the parts that futures and options on them have in both."""

    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    naked_calls: Decimal = ZERO
    naked_puts: Decimal = ZERO
    futures_initial: Decimal = ZERO
    futures_maintenance: Decimal = ZERO
    pieces: tuple[Piece, ...] = ()

    def __add__(self, other: "Requirement") -> "Requirement":
        return Requirement(
            self.initial + other.initial,
            self.maintenance + other.maintenance,
            self.naked_calls + other.naked_calls,
            self.naked_puts + other.naked_puts,
            self.futures_initial + other.futures_initial,
            self.futures_maintenance + other.futures_maintenance,
            self.pieces + other.pieces,
        )


def rates_of(underlying: str) -> Rates:
    """How naked options on an underlying are measured."""
    return BROAD_RATES if underlying in BROAD_INDEXES else EQUITY_RATES


def require(exposures: Iterable[Exposure], margin: bool) -> Requirement:
    """What the holdings tie up."""
    return total(require_group(group, margin) for group in by_underlying(exposures).values())


def total(requirements: Iterable[Requirement]) -> Requirement:
    return reduce(Requirement.__add__, requirements, Requirement())


def by_underlying(exposures: Iterable[Exposure]) -> dict[str, list[Exposure]]:
    groups: dict[str, list[Exposure]] = {}
    for exposure in exposures:
        if exposure.quantity:
            groups.setdefault(exposure.underlying, []).append(exposure)
    return groups


def require_group(group: Sequence[Exposure], margin: bool) -> Requirement:
    """What the holdings of one underlying tie up; they cover each other as well as they can."""
    options = [one for one in group if isinstance(one.instrument, Option | FutureOption)]
    outright = total(_outright(one, margin) for one in group if one not in options)
    return outright + _options(options, _units(group), margin) if options else outright


def buying_power(cash: Decimal, exposures: Sequence[Exposure], margin: bool) -> Decimal:
    """Dollars left for trades that are paid in full; options add nothing to it."""
    return collateral(cash, exposures) - require(exposures, margin).initial


def collateral(cash: Decimal, exposures: Iterable[Exposure]) -> Decimal:
    """What requirements are held against: cash, shares, crypto and futures' gains; not options."""
    return cash + sum((_backing(one) for one in exposures), ZERO)


def shares(exposures: Iterable[Exposure]) -> tuple[Decimal, Decimal]:
    """The value of shares held long and short, both positive."""
    derived = (Option, FutureOption, Future, Crypto)
    values = [exposure.value for exposure in exposures if not isinstance(exposure.instrument, derived)]
    return sum((v for v in values if v > 0), ZERO), -sum((v for v in values if v < 0), ZERO)


def _backing(one: Exposure) -> Decimal:
    match one.instrument:
        case Option() | FutureOption():
            return ZERO
        case Future():
            return one.gain
        case _:
            return one.value


def _outright(one: Exposure, margin: bool) -> Requirement:
    """Shares, crypto and futures, each by itself."""
    size = abs(one.value)
    match one.instrument:
        case Future():
            first, kept = (abs(one.quantity) * each for each in (one.initial, one.maintenance))
            piece = Piece("future", ((one.instrument, one.quantity),), first)
            return Requirement(first, kept, ZERO, ZERO, first, kept, (piece,))
        case Crypto():
            first = kept = size
        case _ if not margin:
            first, kept = size, size * (ONE if one.quantity > 0 else SHORT_KEEP)
        case _:
            first, kept = size * SHARE_INITIAL, size * (LONG_KEEP if one.quantity > 0 else SHORT_KEEP)
    return Requirement(first, kept, pieces=(Piece("outright", ((one.instrument, one.quantity),), first),))


def _options(options: list[Exposure], held: Decimal, margin: bool) -> Requirement:
    found = pair([_contract(one, margin) for one in options], held, straddles=margin)
    needed = found.requirement
    futures = needed if isinstance(options[0].instrument, FutureOption) else ZERO
    calls, puts = found.naked[Right.CALL], found.naked[Right.PUT]
    return Requirement(needed, needed, calls, puts, futures, futures, tuple(found.pieces))


def _units(group: Sequence[Exposure]) -> Decimal:
    """Units of the underlying held, signed."""
    held = (one.quantity for one in group if not isinstance(one.instrument, Option | FutureOption))
    return sum(held, ZERO)


def _contract(one: Exposure, margin: bool) -> Contract:
    option = one.instrument
    if not isinstance(option, Option | FutureOption):
        raise TypeError(f"{option} is not an option.")
    delivers = one.delivers or (ONE if isinstance(option, FutureOption) else one.multiplier)
    alone = _alone(one, option, margin)
    return Contract(option, one.quantity, one.price * one.multiplier, alone, one.multiplier, delivers)


def _alone(one: Exposure, option: Option | FutureOption, margin: bool) -> Decimal:
    """The requirement of one contract short without cover."""
    call = option.right is Right.CALL
    out = max(ZERO, option.strike - one.spot if call else one.spot - option.strike)
    if isinstance(option, FutureOption):
        return one.price * one.multiplier + max(one.initial - out * one.multiplier * HALF, one.initial * QUARTER)
    if not margin:
        return option.strike * one.multiplier
    rates = rates_of(one.underlying)
    least = rates.minimum * (one.spot if call else option.strike)
    return (one.price + max(rates.standard * one.spot - out, least, rates.floor)) * one.multiplier
