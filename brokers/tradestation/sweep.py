"""Looks at the order listing beside the stream, which is known to lose frames while its heart beats (section 7.6)."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from brokers.domain.orders import OrderUpdate
from brokers.errors import BrokerError, NotAuthorized, RateLimited, UnexpectedReply
from brokers.port import AccountChanged
from brokers.tradestation.calls import each_page
from brokers.tradestation.codec.envelope import check, listed, parts_failed
from brokers.tradestation.codec.orders import ORDERS_A_PAGE, read_order
from brokers.tradestation.lines import Timings
from brokers.tradestation.told import Told
from brokers.transport import Transport
from brokers.wire import Node, Request, optional_text

log = logging.getLogger(__name__)


class Sweep:
    """Asks soon after a change, then ever more rarely: what the stream never said is told then.

    ``tell`` is given each order that is listed otherwise than it was last told; ``unlisted`` news of an account
    where an order that was open is no longer listed.
    """

    def __init__(
        self,
        door: Transport,
        accounts: Sequence[str],
        told: Told,
        timings: Timings,
        *,
        tell: Callable[[OrderUpdate], None],
        unlisted: Callable[[AccountChanged], None],
    ) -> None:
        self._door = door
        self._accounts = tuple(accounts)
        self._told = told
        self._timings = timings
        self._tell = tell
        self._unlisted = unlisted
        self._step = 0
        self._due = time.monotonic() + timings.sweeps[0]
        self._swept_at = float("-inf")
        self._sooner = asyncio.Event()

    def poke(self) -> None:
        """Something changed: look soon, and again."""
        now = time.monotonic()
        soon = max(now + self._timings.sweeps[0], self._swept_at + self._timings.sweep_gap)
        self._step = 0
        if soon < self._due:
            self._due = soon
            self._sooner.set()

    async def run(self) -> None:
        """For ever. Raises only the death of the grant."""
        while True:
            await self._until_due()
            pause = 0.0
            try:
                await self._look()
            except RateLimited as limited:
                pause = max(limited.retry_after or 0.0, self._timings.limited)
            except NotAuthorized as refused:
                if refused.grant_is_dead:
                    raise
                pause = self._timings.forbidden
            except BrokerError as failure:
                log.info("the look at the order listing failed: %s", failure.message)
            self._plan(pause)

    async def _until_due(self) -> None:
        while (wait := self._due - time.monotonic()) > 0:
            self._sooner.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._sooner.wait()
            except TimeoutError:
                return

    def _plan(self, pause: float) -> None:
        """When to look next."""
        self._swept_at = time.monotonic()
        self._step += 1
        if self._step < len(self._timings.sweeps):
            wait = self._timings.sweeps[self._step]
        else:
            wait = self._timings.sweep_open if self._told.some_are_open else self._timings.sweep_idle
        self._due = self._swept_at + max(wait, pause)

    async def _look(self) -> None:
        asked_at = time.monotonic()
        rows, unread = await asyncio.to_thread(self._listing)
        updates = []
        for row in rows:
            try:
                updates.append(read_order(row))
            except UnexpectedReply as unreadable:
                unread.add(optional_text(row, "AccountID"))
                log.warning("order listing: %s", unreadable.message)
        for update in updates:
            if self._told.is_news(update, asked_at):
                self._tell(update)
        whole = {account for account in self._accounts if account not in unread}
        for account in self._told.compare(whole, updates, asked_at):
            self._unlisted(AccountChanged(account, "orders"))

    def _listing(self) -> tuple[list[Node], set[str]]:
        """All rows of all pages, and the accounts of which the broker told nothing."""
        path = f"/brokerage/accounts/{listed(self._accounts)}/orders"
        request = Request("GET", path, (("pageSize", str(ORDERS_A_PAGE)),))
        rows: list[Node] = []
        unread: set[str] = set()
        for page in each_page(request, lambda asked: check(self._door.send(asked), asked)):
            rows += page["Orders"].items() if "Orders" in page else ()
            for part in parts_failed(page):
                unread.update(optional_text(part, "AccountID").split(","))
        return rows, unread
