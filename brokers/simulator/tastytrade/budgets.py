"""How often a person may ask for what (section 3.8): ceilings in requests a second, kept when the switch is on."""

import re
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from brokers.simulator.world import World

EVERYTHING = 50
ORDER_CHANGES = ("order mutations", 20)
ORDERS = re.compile(r"/accounts/[^/]+/(complex-)?orders(/|$)")
READS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), ceiling)
    for pattern, ceiling in (
        (r"/market-data/by-type$", 2),
        (r"/option-chains/", 2),
        (r"/futures-option-chains/", 2),
        (r"/instruments/equities(/active)?$", 2),
        (r"/instruments/equities/", 3),
        (r"/instruments/equity-options/", 3),
        (r"/instruments/future-options/", 3),
        (r"/instruments/futures", 1),
        (r"/instruments/future-products", 1),
        (r"/instruments/future-option-products", 1),
        (r"/accounts/[^/]+/positions$", 1),
        (r"/accounts/[^/]+/balances", 1),
        (r"/accounts/[^/]+/trading-status$", 1),
        (r"/customers/me/accounts", 1),
    )
)


@dataclass
class Budget:
    """What is left of a ceiling; it fills up all the time, and holds what a second may use."""

    ceiling: int
    left: float
    at: float

    def spend(self, now: float) -> bool:
        """Take one request; False when there is none left."""
        self.left = min(self.ceiling, self.left + max(0.0, now - self.at) * self.ceiling)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


BUDGETS: WeakKeyDictionary[World, dict[tuple[str, str], Budget]] = WeakKeyDictionary()


def bucket_of(method: str, path: str) -> tuple[str, int] | None:
    """The name and the ceiling of what a request counts under beside everything; None for nothing special."""
    if method != "GET":
        return ORDER_CHANGES if ORDERS.match(path) else None
    return next(((pattern.pattern, ceiling) for pattern, ceiling in READS if pattern.match(path)), None)


def may_ask(world: World, user: str, method: str, path: str) -> bool:
    """Whether one request more is within the user's budgets; counts it."""
    if not world.switches.request_budgets:
        return True
    now = world.wall_clock().timestamp()
    kept = BUDGETS.setdefault(world, {})
    names = [("everything", EVERYTHING), bucket_of(method, path)]
    budgets = [kept.setdefault((user, name), Budget(most, most, now)) for name, most in filter(None, names)]
    spent = [budget.spend(now) for budget in budgets]
    return all(spent)
