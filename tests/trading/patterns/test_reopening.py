"""A stream that stands still while the market moves is opened anew."""

import asyncio
import threading
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

from hand_fed import FAST, HandFedStream, Reported, Upstreams, until

from brokers.domain.instruments import parse_instrument
from brokers.live.hub import Hub
from brokers.live.limits import Limits

HERE = uuid4()
SPY = parse_instrument("SPY")


class Ending(Upstreams):
    """Streams that end when they are closed, as the port says."""

    async def open(self, connection_id: UUID) -> HandFedStream:
        stream = await super().open(connection_id)
        events, close = stream.events, stream.close

        async def until_closed() -> AsyncIterator[list[object]]:
            async for batch in events():
                if stream.closed:
                    return
                yield batch

        async def ending() -> None:
            await close()
            stream.say()

        stream.events, stream.close = until_closed, ending  # type: ignore[method-assign]
        return stream


async def test_the_upstream_is_opened_anew_from_any_thread_and_goes_on_watching() -> None:
    upstreams = Ending()
    hub = Hub(upstreams.open, Reported(), Limits(**FAST))
    try:
        await hub.keep(HERE, [SPY], 60)
        first = await upstreams.of(HERE)
        hub.reopen_soon(uuid4())  # of a connection that has no feed: nothing
        threading.Thread(target=hub.reopen_soon, args=(HERE,)).start()
        await until(lambda: first.closed, within=20)
        await until(lambda: len(upstreams.opened) == 2, within=20)
        await until(lambda: upstreams.newest[HERE] is not first and upstreams.newest[HERE].watched == {SPY}, within=20)
        await asyncio.sleep(0.2)
        assert len(upstreams.opened) == 2, "once, and no more"
    finally:
        await hub.close()
