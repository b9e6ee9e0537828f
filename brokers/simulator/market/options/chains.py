"""Which options are listed: every underlying's roots, expirations by the calendar, strikes around where it has been."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import ceil, floor, inf

from brokers.domain.instruments import Equity, Index, Option, Right
from brokers.domain.market import Chain, Expiration, PriceIncrements, Strike
from brokers.simulator.market.listings import DIME_INCREMENTS, NICKEL_INCREMENTS, Listing
from brokers.simulator.market.options.expiries import (
    Ending,
    Rule,
    endings,
    fear_rules,
    fund_rules,
    index_rules,
    share_rules,
)

HUNDRED = Decimal(100)
DAILY_FUNDS = {"SPY", "QQQ", "IWM"}
WITHOUT_WEEKLIES = {"EEM", "DIS", "GM"}
FEWEST_RUNGS = 10
HIGH = 2.5  # times the usual level: no path goes there by itself


@dataclass(frozen=True, slots=True)
class Deliverable:
    """What an option of a root delivers: shares of the underlying and dollars; ``standard`` is 100 shares."""

    root: str
    shares: Decimal
    cash: Decimal
    standard: bool
    description: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The distances between strikes: near the money and soon, near the money, in the wings."""

    near: float
    middle: float
    far: float
    near_days: int = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """How one underlying's options are listed."""

    rules: tuple[Rule, ...]
    increments: PriceIncrements
    ladder: Ladder


INDEX_PLANS = {
    "SPX": Plan(index_rules("SPX", "SPXW", 9, 5, 2), DIME_INCREMENTS, Ladder(5, 25, 100, 21)),
    "NDX": Plan(index_rules("NDX", "NDXP", 4, 1, 1), DIME_INCREMENTS, Ladder(50, 100, 500, 30)),
    "RUT": Plan(index_rules("RUT", "RUTW", 4, 1, 1), DIME_INCREMENTS, Ladder(5, 25, 50, 30)),
    "DJX": Plan(share_rules("DJX", True), NICKEL_INCREMENTS, Ladder(1, 5, 10)),
    "VIX": Plan(fear_rules("VIX", "VIXW"), NICKEL_INCREMENTS, Ladder(0.5, 1, 5, 400)),
}
ADJUSTED = {
    "T1": (Equity("T"), Deliverable("T1", Decimal(90), Decimal("215.40"), False, "90 shares of T and $215.40 cash")),
}
LADDERS: tuple[tuple[float, Ladder], ...] = (
    (5, Ladder(0.5, 0.5, 1)),
    (30, Ladder(0.5, 1, 2.5)),
    (75, Ladder(0.5, 1, 5)),
    (150, Ladder(1, 2.5, 5)),
)
LADDERS += ((300, Ladder(2.5, 5, 10)), (700, Ladder(2.5, 5, 20)))
DENSE = {"SPY": Ladder(1, 5, 10), "QQQ": Ladder(1, 5, 10), "IWM": Ladder(1, 2.5, 5), "NVDA": Ladder(1, 2.5, 10)}


def plan_of(listing: Listing, level: float) -> Plan | None:
    """How the options of an underlying are listed, given its usual level; None when there are none."""
    if listing.option_increments is None:
        return None
    if not isinstance(listing.instrument, Equity):
        return INDEX_PLANS.get(listing.symbol)
    root = listing.symbol.replace(".", "")
    is_fund = listing.is_etf
    rules = fund_rules(root, root in DAILY_FUNDS) if is_fund else share_rules(root, root not in WITHOUT_WEEKLIES)
    for adjusted, (underlying, _) in ADJUSTED.items():
        if underlying == listing.instrument:
            rules = (
                *rules,
                Rule(adjusted, "january", 1, "regular", life=800),
                Rule(adjusted, "month", 2, "regular", life=100),
            )
    return Plan(rules, listing.option_increments, DENSE.get(root) or _ladder(level))


def roots_of(listing: Listing) -> set[str]:
    """The roots under which options on an underlying are written."""
    plan = plan_of(listing, 100.0)
    return {rule.root for rule in plan.rules} if plan else set()


def deliverable(root: str, underlying: Listing) -> Deliverable:
    """What one contract delivers."""
    if root in ADJUSTED:
        return ADJUSTED[root][1]
    words = "cash" if isinstance(underlying.instrument, Index) else f"100 shares of {underlying.symbol}"
    return Deliverable(root, HUNDRED, Decimal(0), True, words)


def strikes(
    ladder: Ladder, low: float, high: float, volatility: float, days: int, home: float = inf
) -> tuple[Decimal, ...]:
    """Strikes for an expiration so many days away, given the span in which the underlying was while it was listed.

    They only become more: as the span widens, and when the end is near. Far above ``home``, where only a price that
    somebody put can be, they stand ever wider apart.
    """
    zones = [(ladder.middle, 1.6), (ladder.far, 3.5)]
    if days <= ladder.near_days:
        zones.append((ladder.near, 0.7))
    found: set[Decimal] = set()
    floor_, roof = low * 0.25, high * (1 + max(0.6, 4 * volatility))
    for step, reach in zones:
        bottom = min(low * (1 - min(reach * volatility, 0.75)), low - FEWEST_RUNGS * step)
        top = max(high * (1 + reach * volatility), high + FEWEST_RUNGS * step)
        found.update(_rungs(step, max(bottom, floor_, step), min(top, roof), HIGH * home))
    return tuple(sorted(found))


def expirations(plan: Plan, today: date) -> list[Ending]:
    return endings(plan.rules, today)


def list_options(
    listing: Listing,
    plan: Plan,
    today: date,
    span: Callable[[date, int], tuple[float, float]],
    volatility: float,
    home: float,
    over: Callable[[Ending], bool],
) -> Chain:
    """The chain of an underlying as listed on a day; ``home`` is its usual level.

    ``span`` tells between which levels the underlying was while an expiration (its date, its days) was listed;
    ``over`` leaves out what has ended today.
    """
    found = [
        _expiration(ending, plan, *span(ending.expiry, ending.life), volatility, home, today)
        for ending in expirations(plan, today)
        if not over(ending)
    ]
    return Chain(listing.instrument, tuple(found))


def _expiration(
    ending: Ending, plan: Plan, low: float, high: float, volatility: float, home: float, today: date
) -> Expiration:
    root, expiry = ending.root, ending.expiry
    near = (expiry - today).days <= plan.ladder.near_days
    listed = _listed(root, expiry, plan.ladder, low, high, volatility, home, near)
    return Expiration(expiry, ending.kind, ending.settlement, root, HUNDRED, plan.increments, listed)


@lru_cache(maxsize=256)
def _listed(
    root: str, expiry: date, ladder: Ladder, low: float, high: float, volatility: float, home: float, near: bool
) -> tuple[Strike, ...]:
    """Shared by all markets of the process: strikes are values, and dear to make by the thousand."""
    return tuple(
        Strike(price, Option(root, expiry, Right.CALL, price), Option(root, expiry, Right.PUT, price))
        for price in _cached(ladder, low, high, volatility, home, near)
    )


@lru_cache(maxsize=2048)
def _cached(ladder: Ladder, low: float, high: float, volatility: float, home: float, near: bool) -> tuple[Decimal, ...]:
    return strikes(ladder, low, high, volatility, 0 if near else ladder.near_days + 1, home)


def _rungs(step: float, low: float, high: float, dense: float) -> Iterator[Decimal]:
    """Multiples of a step; above ``dense`` of sixteen steps, and of twice as many with each doubling of the price."""
    unit = Decimal(str(step))
    yield from (unit * rung for rung in range(ceil(low / step), floor(min(high, dense) / step) + 1))
    wide = 16
    while dense < high:
        first, last = max(low, dense), min(high, dense * 2)
        yield from (unit * wide * rung for rung in range(ceil(first / step / wide), floor(last / step / wide) + 1))
        wide, dense = wide * 2, dense * 2


def _ladder(level: float) -> Ladder:
    for limit, ladder in LADDERS:
        if level < limit:
            return ladder
    return Ladder(5, 10, 50)
