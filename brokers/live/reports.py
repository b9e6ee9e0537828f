"""News of orders and accounts, on its way from a stream to those who write it down: all of it, in order."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import TypeAlias
from uuid import UUID

from channels.db import DatabaseSyncToAsync

from brokers.domain.orders import OrderUpdate
from brokers.port import AccountChanged, StatusChange

logger = logging.getLogger(__name__)
News: TypeAlias = OrderUpdate | AccountChanged | StatusChange
"""Of states only one is news: that the account stream is live."""
Reporter: TypeAlias = Callable[[UUID, Sequence[News]], Awaitable[None]]
RETRY_AFTER = (0.2, 1, 5)


async def send_signals(connection_id: UUID, news: Sequence[News]) -> None:
    """Tell the receivers of ``brokers.signals`` in a worker thread, where they may use the database."""
    await DatabaseSyncToAsync(_send_signals, thread_sensitive=False)(connection_id, news)


def _send_signals(connection_id: UUID, news: Sequence[News]) -> None:
    from brokers.signals import order_reported

    for are_orders, group in groupby(news, key=lambda one: isinstance(one, OrderUpdate)):
        if are_orders:
            order_reported.send(sender=None, connection_id=connection_id, updates=list(group))
        else:
            for one in group:
                _send_signal(connection_id, one)


def _send_signal(connection_id: UUID, one: News) -> None:
    from brokers.signals import account_changed, account_stream_resumed

    if isinstance(one, AccountChanged):
        account_changed.send(sender=None, connection_id=connection_id, change=one)
    else:
        account_stream_resumed.send(sender=None, connection_id=connection_id)


class Reports:
    """A line of news that one task works off while there is any; ticks never wait for it."""

    def __init__(self, connection_id: UUID, reporter: Reporter) -> None:
        self.connection_id = connection_id
        self._reporter = reporter
        self._waiting: deque[News] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, news: Sequence[News]) -> None:
        self._waiting.extend(news)
        if self._task is None:
            self._task = asyncio.create_task(self._work_off(), name=f"reports of {self.connection_id}")

    async def drain(self, within: float = 10) -> None:
        if self._task is not None:
            _, unfinished = await asyncio.wait((self._task,), timeout=within)
            for task in unfinished:
                logger.error("News of connection %s was not written down before the end.", self.connection_id)
                task.cancel()

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                news = tuple(self._waiting)
                self._waiting.clear()
                await self._report(news)
        finally:
            self._task = None

    async def _report(self, news: Sequence[News]) -> None:
        """Receivers stand repetition, so what failed half-way is sent whole again."""
        for delay in (*RETRY_AFTER, None):
            try:
                await self._reporter(self.connection_id, news)
                return
            except Exception:
                logger.exception("News of connection %s could not be written down.", self.connection_id)
            if delay is not None:
                await asyncio.sleep(delay)
        logger.error("Gave up on %d pieces of news of connection %s.", len(news), self.connection_id)
