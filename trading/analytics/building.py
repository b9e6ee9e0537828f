"""Legs for a strategy that was picked: which strikes of a chain, from a width and a delta. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from brokers.domain.instruments import Equity, Right
from brokers.domain.market import Chain, Expiration, Strike
from trading.analytics.strategies import SHARES, AnyOption, Kind, Part

ONE, TWO = Decimal(1), Decimal(2)


class CannotBuild(ValueError):
    """The chain has no such strikes; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``width``: points between strikes. ``delta``: of the option it is built around, a fraction without its sign.
    ``deltas``: what is known of the chain's options; without one, strikes are counted from the money."""

    chain: Chain
    price: Decimal
    near: Expiration
    far: Expiration
    width: Decimal
    delta: float
    right: Right
    deltas: Mapping[AnyOption, float] = field(default_factory=dict)


def build(
    kind: Kind,
    chain: Chain,
    underlying_price: Decimal,
    expirations: Sequence[Expiration],
    *,
    width: Decimal = Decimal(5),
    delta: float = 0.30,
    right: Right = Right.CALL,
    is_long: bool | None = None,
    units: Decimal = ONE,
    deltas: Mapping[AnyOption, float] | None = None,
) -> list[Part]:
    """The legs, signed. ``is_long`` None takes the usual side: condors, strangles and verticals are sold, the rest
    bought. ``expirations``: one, or near and far. ``CannotBuild`` in words."""
    if not expirations:
        raise CannotBuild("Choose an expiration first.")
    if kind in (Kind.CALENDAR, Kind.DIAGONAL) and len({each.expiry for each in expirations}) < 2:
        raise CannotBuild("Choose a later expiration for the second leg.")
    maker = MAKERS.get(kind)
    if maker is None:
        raise CannotBuild("This one is put together leg by leg.")
    near, far = expirations[0], expirations[-1]
    parts, usual = maker(Wish(chain, underlying_price, near, far, width, delta, right, deltas or {}))
    flip = -1 if is_long is not None and is_long != usual else 1
    return [Part(instrument, quantity * flip * units) for instrument, quantity in parts]


def _option(strike: Strike, right: Right) -> AnyOption:
    option = strike.call if right is Right.CALL else strike.put
    if option is None:
        raise CannotBuild(f"There is no {right.name.lower()} at {strike.price}.")
    return option


def _at_the_money(wish: Wish, expiration: Expiration) -> Strike:
    if not expiration.strikes:
        raise CannotBuild("This expiration has no strikes.")
    return min(expiration.strikes, key=lambda strike: abs(strike.price - wish.price))


def _by_delta(wish: Wish, expiration: Expiration, right: Right) -> Strike:
    """The strike whose delta is nearest the one wished for; without deltas, one width out of the money."""
    known = [
        (abs(abs(wish.deltas[option]) - wish.delta), strike)
        for strike in expiration.strikes
        if (option := strike.call if right is Right.CALL else strike.put) is not None and option in wish.deltas
    ]
    if known:
        return min(known, key=lambda pair: pair[0])[1]
    middle = _at_the_money(wish, expiration)
    return middle if wish.delta >= 0.5 else _further(wish, expiration, middle, right)


def _further(wish: Wish, expiration: Expiration, strike: Strike, right: Right) -> Strike:
    """The strike nearest one width further out of the money."""
    outward = 1 if right is Right.CALL else -1
    beyond = [other for other in expiration.strikes if (other.price - strike.price) * outward > 0]
    if not beyond or wish.width <= 0:
        raise CannotBuild(f"There is no strike {wish.width} away from {strike.price}: choose a smaller width.")
    goal = strike.price + outward * wish.width
    return min(beyond, key=lambda other: abs(other.price - goal))


Made = tuple[list[tuple[AnyOption | Equity, Decimal]], bool]
"""Parts with their signed counts, and whether that side is called bought."""


def _single(wish: Wish) -> Made:
    return [(_option(_by_delta(wish, wish.near, wish.right), wish.right), ONE)], True


def _pair(wish: Wish, second: Decimal) -> list[tuple[AnyOption | Equity, Decimal]]:
    main = _by_delta(wish, wish.near, wish.right)
    out = _further(wish, wish.near, main, wish.right)
    return [(_option(main, wish.right), ONE), (_option(out, wish.right), second)]


def _vertical(wish: Wish) -> Made:
    return [(option, -count) for option, count in _pair(wish, -ONE)], False


def _ratio(wish: Wish) -> Made:
    return _pair(wish, -TWO), True


def _strangle(wish: Wish) -> Made:
    put, call = (_option(_by_delta(wish, wish.near, right), right) for right in (Right.PUT, Right.CALL))
    if put.strike >= call.strike:
        raise CannotBuild("Put and call meet at this delta: choose a smaller one, or a straddle.")
    return [(put, -ONE), (call, -ONE)], False


def _straddle(wish: Wish) -> Made:
    middle = _at_the_money(wish, wish.near)
    return [(_option(middle, Right.PUT), -ONE), (_option(middle, Right.CALL), -ONE)], False


def _winged(wish: Wish, low: Strike, high: Strike) -> Made:
    bottom = _further(wish, wish.near, low, Right.PUT)
    top = _further(wish, wish.near, high, Right.CALL)
    parts: list[tuple[AnyOption | Equity, Decimal]] = [
        (_option(bottom, Right.PUT), ONE),
        (_option(low, Right.PUT), -ONE),
        (_option(high, Right.CALL), -ONE),
        (_option(top, Right.CALL), ONE),
    ]
    return parts, False


def _iron_condor(wish: Wish) -> Made:
    low, high = (_by_delta(wish, wish.near, right) for right in (Right.PUT, Right.CALL))
    if low.price >= high.price:
        raise CannotBuild("Put and call meet at this delta: choose a smaller one, or an iron butterfly.")
    return _winged(wish, low, high)


def _iron_butterfly(wish: Wish) -> Made:
    middle = _at_the_money(wish, wish.near)
    return _winged(wish, middle, middle)


def _butterfly(wish: Wish) -> Made:
    middle = _at_the_money(wish, wish.near)
    wings = (_further(wish, wish.near, middle, right) for right in (Right.PUT, Right.CALL))
    low, high = (_option(strike, wish.right) for strike in wings)
    return [(low, ONE), (_option(middle, wish.right), -TWO), (high, ONE)], True


def _same_strike(expiration: Expiration, price: Decimal, right: Right) -> AnyOption:
    found = next((strike for strike in expiration.strikes if strike.price == price), None)
    if found is None:
        raise CannotBuild(f"Strike {price} is not listed for both expirations: choose another expiration.")
    return _option(found, right)


def _calendar(wish: Wish) -> Made:
    middle = _at_the_money(wish, wish.near)
    far = _same_strike(wish.far, middle.price, wish.right)
    return [(_option(middle, wish.right), -ONE), (far, ONE)], True


def _diagonal(wish: Wish) -> Made:
    main = _by_delta(wish, wish.far, wish.right)
    sold = _further(wish, wish.near, main, wish.right)
    return [(_option(sold, wish.right), -ONE), (_option(main, wish.right), ONE)], True


def _shares(wish: Wish) -> tuple[AnyOption | Equity, Decimal]:
    if not isinstance(wish.chain.underlying, Equity):
        raise CannotBuild(f"{wish.chain.underlying} can't be held as shares: choose a strategy of options alone.")
    return wish.chain.underlying, SHARES


def _covered_call(wish: Wish) -> Made:
    return [_shares(wish), (_option(_by_delta(wish, wish.near, Right.CALL), Right.CALL), -ONE)], True


def _protective_put(wish: Wish) -> Made:
    return [_shares(wish), (_option(_by_delta(wish, wish.near, Right.PUT), Right.PUT), ONE)], True


def _collar(wish: Wish) -> Made:
    (shares, count), (put, _), (call, _) = _shares(wish), *_strangle(wish)[0]
    return [(shares, count), (put, ONE), (call, -ONE)], True


MAKERS: dict[Kind, Callable[[Wish], Made]] = {
    Kind.SINGLE: _single,
    Kind.VERTICAL: _vertical,
    Kind.STRANGLE: _strangle,
    Kind.STRADDLE: _straddle,
    Kind.IRON_CONDOR: _iron_condor,
    Kind.IRON_BUTTERFLY: _iron_butterfly,
    Kind.BUTTERFLY: _butterfly,
    Kind.CALENDAR: _calendar,
    Kind.DIAGONAL: _diagonal,
    Kind.COVERED_CALL: _covered_call,
    Kind.PROTECTIVE_PUT: _protective_put,
    Kind.COLLAR: _collar,
    Kind.RATIO: _ratio,
}
