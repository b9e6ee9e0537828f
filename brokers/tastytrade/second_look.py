"""A second look: a moment after news of an account its orders are to be read again, for a frame of them can be lost.

The account socket numbers nothing and replays nothing, so what is lost can't be seen. But what happens makes news of
several kinds (order, position, balance), and hardly all of them get lost.
"""

import asyncio
from collections.abc import Sequence

from brokers.domain.orders import OrderUpdate
from brokers.port import AccountChanged
from brokers.upstream.outbox import Outbox


class SecondLook:
    """``waits``: seconds from the news to the first look and from each look to the next; news begin anew."""

    def __init__(self, outbox: Outbox, waits: Sequence[float]) -> None:
        self._outbox = outbox
        self._waits = waits
        self._due: dict[tuple[str, str], None] = {}
        self._news = asyncio.Event()

    def heard(self, news: OrderUpdate | AccountChanged) -> None:
        self._due[news.account_number, "orders"] = None
        if isinstance(news, OrderUpdate) and any(state.remaining < state.leg.quantity for state in news.legs):
            self._due[news.account_number, "positions"] = None
        self._news.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            due, self._due = self._due, {}
            for wait in self._waits:
                await asyncio.sleep(wait)
                due, self._due = due | self._due, {}
                for account, what in due:
                    self._outbox.put(AccountChanged(account, what))
                if self._news.is_set():
                    break
