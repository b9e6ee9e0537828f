"""The outbox between a stream and its reader."""

from datetime import datetime, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity
from brokers.domain.market import Tick
from brokers.domain.raw import TickBatch
from brokers.port import StatusChange, StreamState
from brokers.upstream.outbox import MOST_BATCHES, Outbox

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)


async def test_what_is_said_after_the_end_is_not_heard() -> None:
    outbox = Outbox()
    outbox.say("quotes", StreamState.SIGN_IN)
    outbox.close()
    outbox.say("quotes", StreamState.LIVE)
    assert await outbox.take() == [StatusChange("quotes", StreamState.SIGN_IN)]
    assert await outbox.take() == []


def batch(number: int) -> TickBatch:
    return TickBatch([Equity("SPY"), None, Equity("QQQ")], ("last",), [float(number), 1.0, number + 0.5], NOW)


async def test_batches_are_handed_on_as_they_came_and_run_together_when_nobody_reads() -> None:
    outbox = Outbox()
    for number in range(MOST_BATCHES + 50):
        outbox.put(batch(number))
    found = await outbox.take()
    assert found[:MOST_BATCHES] == [batch(number) for number in range(MOST_BATCHES)]
    newest = Decimal(MOST_BATCHES + 49)
    assert found[MOST_BATCHES:] == [
        Tick(Equity("SPY"), {"last": newest}, NOW),
        Tick(Equity("QQQ"), {"last": newest + Decimal("0.5")}, NOW),
    ]
    outbox.put(batch(7))
    assert await outbox.take() == [batch(7)]


async def test_a_tick_after_a_batch_is_not_put_before_it() -> None:
    outbox, early, late = Outbox(), Tick(Equity("SPY"), {"last": Decimal(1)}, NOW), Tick(Equity("SPY"), {}, NOW)
    for event in (early, batch(2), late):
        outbox.put(event)
    assert await outbox.take() == [early, batch(2), late]
