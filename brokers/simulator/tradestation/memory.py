"""What this wire remembers beside the exchange: quotas in use, pages of listings, and words the exchange has not."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from brokers.simulator.exchange import SimAccount
from brokers.simulator.tradestation.limits import Limits
from brokers.simulator.tradestation.switches import check_switch
from brokers.simulator.world import World

WIRE = "tradestation"
TOKEN_SECONDS = 3600.0
MOST_PAGES = 5_000
MOST_CONFIRMED = 20_000


@dataclass(frozen=True)
class Page:
    """The rest of a listing, waiting for its token: whose and of which request, and the orders still to show."""

    asked: tuple[str, ...]
    orders: tuple[tuple[str, int], ...]
    ends: float


@dataclass
class Words:
    """What an order's request said that the exchange has no field for.

    ``options``: such as ``NON`` or ``DSCPR=1.5``; ``keys``: the trigger key of each market rule, in their order.
    """

    options: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass
class Memory:
    """It belongs to one world; a reset of the world makes a new one."""

    limits: Limits
    now: Callable[[], float]
    words: dict[int, Words] = field(default_factory=dict)
    confirmed: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    paid: dict[str, tuple[int, dict[int, Decimal]]] = field(default_factory=dict)
    changes: int = 0

    @classmethod
    def of(cls, world: World) -> "Memory":
        """The world's; made when the world opens (``remember``)."""
        return cast(Memory, world.kept[WIRE])

    def check_switch(self, name: str, value: Any) -> None:
        check_switch(name, value)

    # Pages

    def keep_page(self, asked: tuple[str, ...], orders: tuple[tuple[str, int], ...]) -> str:
        """A token for the rest of a listing."""
        while len(self.pages) >= MOST_PAGES:
            del self.pages[next(iter(self.pages))]
        token = secrets.token_urlsafe(24)
        self.pages[token] = Page(asked, orders, self.now() + TOKEN_SECONDS)
        return token

    def turn_page(self, token: str, asked: tuple[str, ...]) -> Page | None:
        """The page of a token, once; None when it is unknown, spent, too old or of another request."""
        page = self.pages.get(token)
        if page is None or page.asked != asked:
            return None
        del self.pages[token]
        return page if page.ends > self.now() else None

    # Orders

    def note(self, order_id: int, words: Words) -> None:
        if words.options or words.keys:
            self.words[order_id] = words
            self.changes += 1

    def confirm(self, key: str, answer: dict[str, Any]) -> None:
        """Remember what a placement under this OrderConfirmID was answered."""
        while len(self.confirmed) >= MOST_CONFIRMED:
            del self.confirmed[next(iter(self.confirmed))]
        self.confirmed[key] = answer
        self.changes += 1

    def fees(self, account: SimAccount, order_id: int) -> Decimal:
        """What an order has cost so far in commission and fees, positive; each booking is looked at once."""
        seen, sums = self.paid.get(account.number, (0, {}))
        for entry in account.transactions[seen:]:
            if entry.order_id is not None:
                spent = -sum(entry.fees.values(), Decimal(0))
                sums[entry.order_id] = sums.get(entry.order_id, Decimal(0)) + spent
        self.paid[account.number] = len(account.transactions), sums
        return sums.get(order_id, Decimal(0))

    # Keeping

    def snapshot(self) -> dict[str, Any]:
        words = {str(order_id): {"options": each.options, "keys": each.keys} for order_id, each in self.words.items()}
        return {"words": words, "confirmed": self.confirmed}

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.words = {int(order_id): Words(**each) for order_id, each in saved["words"].items()}
        self.confirmed = dict(saved["confirmed"])


def remember(world: World) -> Memory:
    """A fresh memory for a world that opens."""
    limits = Limits(lambda: world.switches.tradestation_quotas, lambda: world.wall_clock().timestamp())
    return Memory(limits, limits.now)
