"""How one underlying's options cover each other, so that they tie up little.

Every short contract is covered by the underlying, stands in a set with long ones, or is naked. A set holds the shorts
of one expiry (calls and puts together) and long ones that live as long, at least one for each short of its kind; it
ties up the most that its intrinsic values can lose at any price: verticals, calendars, butterflies, condors (the
greater side only), boxes. Naked calls and puts of one expiry are straddles and strangles: the greater side and the
other side's price. Several ways of pairing are weighed and the least taken.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import FutureOption, Instrument, Option, Right
from brokers.simulator.exchange.margin.transport import assign

ZERO = Decimal(0)
NEVER = Decimal(10) ** 12  # dearer than any cover


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """Contracts of one option: signed quantity; ``alone`` is what one ties up naked and ``price`` what it costs, both
    in dollars a contract; ``size`` dollars a point; ``delivers`` units of the underlying for one."""

    instrument: Option | FutureOption
    quantity: Decimal
    price: Decimal
    alone: Decimal
    size: Decimal
    delivers: Decimal

    @property
    def right(self) -> Right:
        return self.instrument.right

    @property
    def strike(self) -> Decimal:
        return self.instrument.strike

    @property
    def expiry(self) -> date:
        return self.instrument.expiry

    def loss(self, spot: Decimal) -> Decimal:
        """What one owes at expiry, in dollars."""
        inside = spot - self.strike if self.right is Right.CALL else self.strike - spot
        return max(ZERO, inside) * self.size

    def covers(self, short: "Contract") -> bool:
        return (
            self.right is short.right
            and self.expiry >= short.expiry
            and (self.size, self.delivers) == (short.size, short.delivers)
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A group of legs and what they tie up together, in dollars. ``kind``: covered, spread, straddle, naked."""

    kind: str
    legs: tuple[tuple[Instrument, Decimal], ...]
    requirement: Decimal


@dataclass(slots=True)
class Pairing:
    """What was found: the pieces, and how many calls and puts nothing covers."""

    pieces: list[Piece] = field(default_factory=list)
    naked: dict[Right, Decimal] = field(default_factory=lambda: {Right.CALL: ZERO, Right.PUT: ZERO})

    @property
    def requirement(self) -> Decimal:
        return sum((piece.requirement for piece in self.pieces), ZERO)


Amounts = dict[Contract, Decimal]
Price = Callable[[Contract], Decimal]


@dataclass(slots=True)
class _Plan:
    """One way to cover the shorts: contracts by what became of them."""

    covered: Amounts = field(default_factory=dict)
    spread: Amounts = field(default_factory=dict)
    naked: Amounts = field(default_factory=dict)
    longs: dict[date, Amounts] = field(default_factory=lambda: defaultdict(dict))
    spare: Amounts = field(default_factory=dict)


def pair(contracts: Sequence[Contract], held: Decimal, straddles: bool = True) -> Pairing:
    """The pairing that ties up least among those tried. ``held``: units of the underlying, signed; ``straddles``:
    whether naked calls and puts share their requirement."""
    shorts = [one for one in contracts if one.quantity < 0]
    if not shorts:
        return Pairing()
    meet = {one.right for one in shorts} & {one.right for one in contracts if one.quantity > 0}
    ways: tuple[Price, ...] = (_never, _alone, _beyond) if meet else (_alone,)
    plans = [_plan(contracts, held, way) for way in ways]
    naked = {right: sum((n for one, n in plans[0].naked.items() if one.right is right), ZERO) for right in Right}
    found = [_weigh(plan, straddles) for plan in plans]
    best = min(found, key=lambda pieces: sum((piece.requirement for piece in pieces), ZERO))
    return Pairing(best, naked)


def _never(one: Contract) -> Decimal:
    return NEVER


def _alone(one: Contract) -> Decimal:
    return one.alone


def _beyond(one: Contract) -> Decimal:
    """What a naked one adds to a straddle."""
    return one.alone - one.price


def _plan(contracts: Sequence[Contract], held: Decimal, naked: Price) -> _Plan:
    plan = _Plan()
    for right in Right:
        shorts = [one for one in contracts if one.right is right and one.quantity < 0]
        longs = [one for one in contracts if one.right is right and one.quantity > 0]
        cover = max(ZERO, held if right is Right.CALL else -held)
        if shorts and not longs:
            _cover(plan, shorts, cover, naked)
        elif shorts:
            _assign(plan, shorts, longs, cover, naked)
        else:
            plan.spare |= {one: one.quantity for one in longs}
    _place_spare(plan)
    return plan


def _cover(plan: _Plan, shorts: list[Contract], cover: Decimal, naked: Price) -> None:
    """The underlying held covers what would tie up most; the rest is naked."""
    for short in sorted(shorts, key=naked, reverse=True):
        part = min(-short.quantity, cover // short.delivers)
        cover -= part * short.delivers
        if part:
            plan.covered[short] = part
        if part < -short.quantity:
            plan.naked[short] = -short.quantity - part


def _assign(plan: _Plan, shorts: list[Contract], longs: list[Contract], cover: Decimal, naked: Price) -> None:
    """Send each short to a long, to the underlying held (the last but one room) or to nothing (the last)."""
    supplies = [-one.quantity for one in shorts]
    per = max(one.delivers for one in shorts)
    rooms = [*(one.quantity for one in longs), cover // per, sum(supplies, ZERO)]
    costs = [[*(_width(short, long) for long in longs), ZERO, naked(short)] for short in shorts]
    left = [one.quantity for one in longs]
    for (at, room), amount in assign(supplies, rooms, costs).items():
        short = shorts[at]
        if not amount:
            continue
        if room == len(longs):
            plan.covered[short] = amount
        elif room > len(longs):
            plan.naked[short] = amount
        else:
            plan.spread[short] = plan.spread.get(short, ZERO) + amount
            mates = plan.longs[short.expiry]
            mates[longs[room]] = mates.get(longs[room], ZERO) + amount
            left[room] -= amount
    plan.spare |= {long: amount for long, amount in zip(longs, left, strict=True) if amount}


def _width(short: Contract, long: Contract) -> Decimal | None:
    if not long.covers(short):
        return None
    width = long.strike - short.strike if short.right is Right.CALL else short.strike - long.strike
    return max(ZERO, width) * short.size


def _place_spare(plan: _Plan) -> None:
    """Long ones that cover nothing still soften the set they help most."""
    expiries = sorted({one.expiry for one in plan.spread})
    for long, amount in plan.spare.items():
        open_to = [expiry for expiry in expiries if long.expiry >= expiry]
        if len(open_to) > 1:
            open_to.sort(key=lambda expiry: _gain(plan, expiry, long, amount), reverse=True)
        if open_to:
            mates = plan.longs[open_to[0]]
            mates[long] = mates.get(long, ZERO) + amount


def _gain(plan: _Plan, expiry: date, long: Contract, amount: Decimal) -> Decimal:
    shorts, longs = _of(plan.spread, expiry), plan.longs[expiry]
    more = longs | {long: longs.get(long, ZERO) + amount}
    return _worst(shorts, longs) - _worst(shorts, more)


def _of(amounts: Amounts, expiry: date) -> Amounts:
    return {one: amount for one, amount in amounts.items() if one.expiry == expiry}


def _worst(shorts: Amounts, longs: Amounts) -> Decimal:
    """The most the set can owe at expiry: at zero or at one of the strikes."""
    points = {ZERO, *(one.strike for one in shorts), *(one.strike for one in longs)}
    return max(ZERO, *(_owed(shorts, at) - _owed(longs, at) for at in points))


def _owed(amounts: Amounts, spot: Decimal) -> Decimal:
    return sum((amount * one.loss(spot) for one, amount in amounts.items()), ZERO)


def _weigh(plan: _Plan, straddles: bool) -> list[Piece]:
    pieces = [Piece("covered", ((one.instrument, -amount),), ZERO) for one, amount in plan.covered.items()]
    for expiry in sorted({one.expiry for one in plan.spread}):
        shorts, longs = _of(plan.spread, expiry), plan.longs[expiry]
        legs = (*_legs(longs, 1), *_legs(shorts, -1))
        pieces.append(Piece("spread", legs, _worst(shorts, longs)))
    for expiry in sorted({one.expiry for one in plan.naked}):
        pieces += _bare(_of(plan.naked, expiry), straddles)
    return pieces


def _legs(amounts: Amounts, side: int) -> Iterable[tuple[Instrument, Decimal]]:
    return ((one.instrument, side * amount) for one, amount in amounts.items())


def _bare(naked: Amounts, straddles: bool) -> list[Piece]:
    """Naked ones of one expiry: the dearest call with the dearest put and so on, the rest alone."""
    calls, puts = _dearest(naked, Right.CALL), _dearest(naked, Right.PUT)
    pieces: list[Piece] = []
    while straddles and calls and puts:
        (call, of_call), (put, of_put) = calls.pop(), puts.pop()
        amount = min(of_call, of_put)
        needed = max(call.alone + put.price, put.alone + call.price) * amount
        pieces.append(Piece("straddle", ((call.instrument, -amount), (put.instrument, -amount)), needed))
        calls += [(call, of_call - amount)] if of_call > amount else []
        puts += [(put, of_put - amount)] if of_put > amount else []
    return pieces + [Piece("naked", ((one.instrument, -n),), one.alone * n) for one, n in (*calls, *puts)]


def _dearest(naked: Amounts, right: Right) -> list[tuple[Contract, Decimal]]:
    """Those of one kind, the one that ties up most beyond its price last."""
    found = [(one, amount) for one, amount in naked.items() if one.right is right]
    return sorted(found, key=lambda each: each[0].alone - each[0].price)
