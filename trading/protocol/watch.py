"""The order watch: runs for ever beside the requests, looks up what is in doubt and keeps an eye on what works."""

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import close_old_connections
from django.utils import timezone

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.live.hub import hub
from brokers.models import Connection
from brokers.owned import account_by_id
from trading import lifecycle, plain_sql
from trading.models import Order
from trading.protocol import reconcile
from trading.protocol.counters import counters
from trading.risk import TradingState
from trading.safety import halts

logger = logging.getLogger(__name__)
T = TypeVar("T")
PAUSE = 0.5
FEEDS_EVERY = 10.0
FEEDS_FOR = timedelta(seconds=60)
AT_ONCE = 8
DOUBTFUL_AT_ONCE, OTHERS_AT_ONCE, LATE_AT_ONCE = 500, 16, 10
"""Accounts with nothing but working orders, and with nothing but late watches, that one round takes up: so whatever
falls into doubt meanwhile does not wait behind all of them."""


async def watch_orders(pause: float = PAUSE) -> None:
    """Look after all orders of the desk until cancelled."""
    watch = Watch()
    try:
        while True:
            await watch.round()
            await asyncio.sleep(pause)
    finally:
        watch.close()


class Watch:
    """Accounts are looked after in threads, each account by one at a time: a slow one holds up nobody else."""

    def __init__(self) -> None:
        self._excess = counters.excess
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="order watch")
        self._busy: dict[UUID, asyncio.Task[None]] = {}
        self._feeds_at = float("-inf")

    async def round(self) -> None:
        """Start what is due. Whatever fails is logged and tried at the next round."""
        try:
            await self._watch_counters()
            for account_id in await self._in_thread(due_accounts):
                if account_id not in self._busy:
                    task = asyncio.create_task(self._look_after(account_id))
                    self._busy[account_id] = task
            await self._keep_feeds()
        except Exception:
            logger.exception("A round of the order watch failed.")

    async def _watch_counters(self) -> None:
        """More orders out than intents in: something sends by itself, and the whole desk is halted."""
        excess = counters.excess
        if excess > self._excess:
            self._excess = excess
            await self._in_thread(halt_all)

    async def idle(self) -> None:
        """Until everything that was started is done."""
        while self._busy:
            await asyncio.gather(*self._busy.values())

    async def _look_after(self, account_id: UUID) -> None:
        try:
            await self._in_thread(lambda: look_after(account_id))
        except Exception:
            logger.exception("The orders of account %s could not be looked after.", account_id)
        finally:
            del self._busy[account_id]

    async def _keep_feeds(self) -> None:
        """News of working orders comes by their connection's stream, tabs or no tabs."""
        now = asyncio.get_running_loop().time()
        if now < self._feeds_at:
            return
        self._feeds_at = now + FEEDS_EVERY
        for connection_id, instruments in (await self._in_thread(wanted_feeds)).items():
            try:
                await hub.keep(connection_id, instruments, FEEDS_FOR.total_seconds())
            except Exception:
                logger.exception("The feed of connection %s could not be kept.", connection_id)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: _with_database(work))

    def close(self) -> None:
        """Let go of the threads; an account that is being looked after is finished by its thread."""
        for task in self._busy.values():
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _with_database(work: Callable[[], T]) -> T:
    """A thread of the pool gets its database connection fresh and gives it back."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def halt_all() -> None:
    words = f"More orders went out than were written down: {counters.out} out, {counters.intents} in. Nothing is sent."
    logger.critical(words)
    halts.press(halts.Scope.installation(), TradingState.HALTED, reason=words, cause=halts.Cause.COUNTER)


def due_accounts() -> list[UUID]:
    """Accounts with orders to look at now, those in doubt first."""
    found = plain_sql.rows(DUE, {"now": timezone.now()}, plain_sql.fields_of(Order, "account"))
    return list(dict.fromkeys(account_id for account_id, *_ in sorted(found, key=lambda line: line[1:])))


def _waiting(place: int, which: str, most: int) -> str:
    """Accounts with due orders of one kind, each once, those that have waited longest."""
    return (
        f"SELECT * FROM (SELECT account_id, {place} AS place, MIN(next_check_at) AS since "  # noqa: S608
        f"FROM {Order._meta.db_table} WHERE next_check_at <= %(now)s AND ({which}) "
        f"GROUP BY account_id ORDER BY since LIMIT {most}) kind{place}"
    )


KINDS = (
    f"status IN ({plain_sql.words(lifecycle.UNCERTAIN)}) OR replace_pending OR decrease_seen_at IS NOT NULL",
    f"status IN ({plain_sql.words(lifecycle.OPEN)})",
    f"status IN ({plain_sql.words(lifecycle.NEVER_THERE)})",
)
AT_MOST = (DOUBTFUL_AT_ONCE, OTHERS_AT_ONCE, LATE_AT_ONCE)
DUE = " UNION ALL ".join(_waiting(place, *kind) for place, kind in enumerate(zip(KINDS, AT_MOST, strict=True)))


def look_after(account_id: UUID) -> None:
    account = account_by_id(account_id)
    if account is not None:
        reconcile.look_up(account, timezone.now())


def wanted_feeds() -> dict[UUID, Collection[Instrument]]:
    """Connections with orders that are not over, and what these orders are about."""
    rows = Order.objects.working().filter(account__connection__state=Connection.State.CONNECTED)
    wanted: dict[UUID, set[Instrument]] = {}
    for connection_id, symbol in rows.values_list("account__connection_id", "symbol").distinct():
        instruments = wanted.setdefault(connection_id, set())
        try:
            instruments.add(parse_instrument(symbol))
        except ValueError:  # an external order in something that the desk has no word for
            continue
    return dict(wanted)
