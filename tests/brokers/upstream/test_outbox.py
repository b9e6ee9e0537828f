"""The outbox between a stream and its reader."""

from brokers.port import StatusChange, StreamState
from brokers.upstream.outbox import Outbox


async def test_what_is_said_after_the_end_is_not_heard() -> None:
    outbox = Outbox()
    outbox.say("quotes", StreamState.SIGN_IN)
    outbox.close()
    outbox.say("quotes", StreamState.LIVE)
    assert await outbox.take() == [StatusChange("quotes", StreamState.SIGN_IN)]
    assert await outbox.take() == []
