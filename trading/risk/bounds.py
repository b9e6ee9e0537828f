"""The limits that hold for one order: numbers with their defaults, and the tightest of several sets."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

HARD_ORDER = Decimal(10)
"""An order of more than this many times a soft limit of size can't be confirmed."""
HARD_POSITION = Decimal(2)
"""The same for what is held afterwards, and for the day's loss."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are per order; money is dollars; shares are fractions of net liq (0.40 is 40 %).

    Futures have figures of their own: a contract moves many times what it takes.
    """

    shares: Decimal = Decimal(1_000)
    contracts: Decimal = Decimal(10)
    futures: Decimal = Decimal(2)
    order_notional: Decimal = Decimal(25_000)
    future_notional: Decimal = Decimal(500_000)
    position_notional: Decimal = Decimal(50_000)
    future_position_notional: Decimal = Decimal(1_000_000)
    gross_share: Decimal = Decimal(1)
    concentration_share: Decimal = Decimal("0.40")
    daily_loss_share: Decimal = Decimal("0.03")
    buying_power_share: Decimal = Decimal("0.95")
    orders_a_second: Decimal = Decimal(5)
    web_orders_a_minute: Decimal = Decimal(30)
    api_orders_a_minute: Decimal = Decimal(60)
    orders_a_day: Decimal = Decimal(500)
    open_orders: Decimal = Decimal(200)
    open_orders_a_symbol: Decimal = Decimal(20)
    quote_seconds: Decimal = Decimal(5)
    signal_seconds: Decimal = Decimal(60)
    installation_orders_a_second: Decimal = Decimal(50)
    installation_dollars_a_minute: Decimal = Decimal(5_000_000)
    allow_naked_options: bool = False
    allow_flip: bool = False
    denied_symbols: frozenset[str] = frozenset()
    """Symbols and underlyings that are not to be traded, as canonical texts."""


DEFAULTS = Limits()
OF_ALL = ("installation_orders_a_second", "installation_dollars_a_minute")
"""Sums over all people: set for the installation alone."""
NUMBERS = tuple(
    field.name
    for field in fields(Limits)
    if isinstance(getattr(DEFAULTS, field.name), Decimal) and field.name not in OF_ALL
)
PERMISSIONS = tuple(field.name for field in fields(Limits) if isinstance(getattr(DEFAULTS, field.name), bool))


def narrowed(limits: Limits, by: Mapping[str, Any]) -> Limits:
    """The tighter of both in each: the smaller number, permitted by both, denied by either. None says nothing."""
    changes: dict[str, Any] = {}
    for name in NUMBERS:
        if by.get(name) is not None:
            changes[name] = min(getattr(limits, name), by[name])
    for name in PERMISSIONS:
        if by.get(name) is not None:
            changes[name] = getattr(limits, name) and by[name]
    return replace(limits, denied_symbols=limits.denied_symbols | frozenset(by.get("denied_symbols") or ()), **changes)


def set_anew(limits: Limits, by: Mapping[str, Any]) -> Limits:
    """With the figures that are given in place of the old ones, up or down; denied symbols only grow."""
    changes = {name: by[name] for name in NUMBERS + OF_ALL + PERMISSIONS if by.get(name) is not None}
    return replace(limits, denied_symbols=limits.denied_symbols | frozenset(by.get("denied_symbols") or ()), **changes)
