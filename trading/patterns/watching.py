"""The lookout: runs for ever beside the requests and looks for unusual patterns where something has happened."""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db import close_old_connections
from django.db.models import Max
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import Instrument
from brokers.errors import BrokerError
from brokers.live.hub import hub
from brokers.models import Account, Connection
from trading import lifecycle
from trading.audit.models import AuditRecord
from trading.models import Order
from trading.patterns import trouble
from trading.patterns.facts import StillQuote
from trading.patterns.looking import look_at
from trading.patterns.probing import Positions, Quotes, worth_a_probe
from trading.patterns.raising import raise_alerts
from trading.protocol.watch import wanted_feeds

logger = logging.getLogger(__name__)
PAUSE = 10.0
PROBES_EVERY = timedelta(seconds=60)
LATELY = timedelta(days=1)
LOOK_BACK = 500
"""Records that are read again: in several processes they become visible out of order."""
CLAIM = "patterns-lookout"


async def watch_patterns(pause: float = PAUSE) -> None:
    """Look for patterns until cancelled."""
    lookout, pool = Lookout(), ThreadPoolExecutor(1, thread_name_prefix="lookout")
    try:
        while True:
            await asyncio.sleep(pause)
            await asyncio.get_running_loop().run_in_executor(pool, lookout.round_if_mine, pause)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Lookout:
    """Remembers how far the record was read and what the probes found."""

    def __init__(self) -> None:
        self._read_to = 0
        self._probed_at: datetime | None = None
        self._positions, self._quotes = Positions(), Quotes()

    def round_if_mine(self, pause: float) -> None:
        """One of several processes looks; whatever fails is logged and tried at the next round."""
        close_old_connections()
        try:
            if cache.add(CLAIM, 1, max(1, int(pause) - 1)):
                self.round(timezone.now())
        except Exception:
            logger.exception("A round of the lookout failed.")
        finally:
            close_old_connections()

    def round(self, now: datetime) -> None:
        for user_id in self._busy(now):
            try:
                look_at(user_id, now)
            except Exception:
                logger.exception("The patterns of user %s could not be looked for.", user_id)
        if self._probed_at is None or now - self._probed_at >= PROBES_EVERY:
            self._probed_at = now
            self._probe_positions(now)
            self._probe_quotes(now)

    def _busy(self, now: datetime) -> set[int]:
        """People of whom something was recorded since the last round, or who wait for an order's outcome."""
        newest = AuditRecord.objects.aggregate(newest=Max("pk"))["newest"] or 0
        since = max(0, (self._read_to or newest) - LOOK_BACK)
        told = AuditRecord.objects.filter(pk__gt=since, chain__gt=0, at__gte=now - LATELY)
        doubtful = Order.objects.filter(status__in=lifecycle.UNCERTAIN, adopted_by=None)
        self._read_to = newest
        return {
            *told.order_by().values_list("chain", flat=True).distinct(),
            *doubtful.order_by().values_list("user_id", flat=True).distinct(),
        }

    def _probe_positions(self, now: datetime) -> None:
        active = Order.objects.filter(changed_at__gte=now - LATELY).values("account_id")
        accounts = Account.objects.filter(pk__in=active, connection__state=Connection.State.CONNECTED)
        for account in accounts.select_related("connection"):
            try:
                drifts = self._positions.check(account, now)
            except BrokerError as error:
                logger.info("Positions could not be compared: %s", error.message)
                continue
            raise_alerts(account.connection.user_id, trouble.drift(drifts, now))

    def _probe_quotes(self, now: datetime) -> None:
        for connection_id, instruments in wanted_feeds().items():
            instrument = worth_a_probe(set(instruments))
            if instrument is not None and connection_id in hub.feeds:
                self._probe_quote(connection_id, instrument, now)

    def _probe_quote(self, connection_id: UUID, instrument: Instrument, now: datetime) -> None:
        streamed = hub.latest(connection_id, [instrument]).get(instrument)
        if streamed is None or not self._quotes.is_quiet(streamed, now):
            return
        connection = Connection.objects.get(pk=connection_id)
        try:
            probed = connections.broker_for(connection).get_quotes([instrument]).get(instrument)
        except BrokerError as error:
            logger.info("A silent stream could not be checked: %s", error.message)
            return
        still: Iterable[StillQuote] = ()
        if probed is not None and (found := self._quotes.compare(connection_id, streamed, probed, now)) is not None:
            still = (found,)
        if raise_alerts(connection.user_id, trouble.silent_streams(still, now)):
            hub.reopen_soon(connection_id)
