"""A live upstream as the port wants it: parts that run side by side until it is closed or the grant is dead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable

from brokers.domain.instruments import Instrument
from brokers.errors import NotAuthorized
from brokers.port import StreamEvent, StreamState
from brokers.upstream.outbox import Outbox


class Upstream:
    """All of the ``Stream`` port but ``watch``. All methods belong to one event loop.

    A broker's stream says what its parts are and what it tells of. A part runs for ever; one that ends ends all,
    and the death of the grant (``NotAuthorized``) is told of each source.
    """

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._tasks: list[asyncio.Future[None]] = []
        self._closed = False

    def parts(self) -> Iterable[Awaitable[None]]:
        """What is to run, asked for once."""
        raise NotImplementedError

    def sources(self) -> Iterable[str]:
        """What states are told of."""
        raise NotImplementedError

    def carried(self) -> frozenset[Instrument]:
        """As the port has it: nothing, unless a broker's stream says otherwise."""
        return frozenset()

    async def release(self) -> None:
        """Give back what the parts shared; they have stopped."""

    async def events(self) -> AsyncIterator[list[StreamEvent]]:
        """Batches until ``close`` or a dead grant. To stop reading is to close."""
        if not self._closed:
            self._start()
        try:
            while batch := await self._outbox.take():
                yield batch
        finally:
            await self.close()

    async def close(self) -> None:
        self._closed = True
        self._outbox.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.release()

    def _start(self) -> None:
        self._tasks = [asyncio.ensure_future(part) for part in self.parts()]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        if task.cancelled() or self._closed:
            return
        failure = task.exception()
        if isinstance(failure, NotAuthorized):
            for source in self.sources():
                self._outbox.say(source, StreamState.SIGN_IN, failure.message)
        self._outbox.close()
        for other in self._tasks:
            other.cancel()
        if failure is not None and not isinstance(failure, NotAuthorized):
            asyncio.get_running_loop().call_exception_handler({"message": "a stream failed", "exception": failure})
