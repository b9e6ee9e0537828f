"""One state out of several connections."""

from brokers.port import StatusChange, StreamState
from brokers.upstream.gauge import Gauge
from brokers.upstream.outbox import Outbox

LIVE, DELAYED, STALE, RECONNECTING = (
    StreamState.LIVE,
    StreamState.DELAYED,
    StreamState.STALE,
    StreamState.RECONNECTING,
)


async def told(outbox: Outbox) -> list[tuple[StreamState, str]]:
    outbox.close()
    return [(each.state, each.detail) for each in await outbox.take() if isinstance(each, StatusChange)]


async def test_nothing_good_is_told_before_every_part_has_spoken() -> None:
    outbox = Outbox()
    gauge = Gauge("account", outbox)
    gauge.expect("orders")
    gauge.expect("positions")
    gauge.say("orders", LIVE)
    assert outbox.said("account") is None
    gauge.say("positions", LIVE)
    assert await told(outbox) == [(LIVE, "")]


async def test_the_worst_part_is_the_state_of_the_whole() -> None:
    outbox = Outbox()
    gauge = Gauge("quotes", outbox)
    for part in ("one", "two"):
        gauge.say(part, LIVE)
    gauge.say("one", RECONNECTING, "It broke.")
    gauge.say("two", STALE, "No prices.")
    gauge.say("one", LIVE)
    gauge.say("two", DELAYED)
    assert await told(outbox) == [(LIVE, ""), (RECONNECTING, "It broke."), (STALE, "No prices."), (DELAYED, "")]


async def test_trouble_is_told_though_another_part_has_not_spoken() -> None:
    outbox = Outbox()
    gauge = Gauge("quotes", outbox)
    gauge.expect("one")
    gauge.say("two", RECONNECTING, "It broke.")
    assert await told(outbox) == [(RECONNECTING, "It broke.")]


async def test_a_part_that_is_gone_counts_no_more() -> None:
    outbox = Outbox()
    gauge = Gauge("quotes", outbox)
    gauge.say("one", LIVE)
    gauge.say("two", RECONNECTING, "It broke.")
    gauge.drop("two")
    assert [state for state, _ in await told(outbox)] == [LIVE, RECONNECTING, LIVE]
