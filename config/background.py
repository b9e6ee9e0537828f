"""What runs beside the requests, from the server's start to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from brokers.live.hub import hub
from trading.patterns.watching import watch_patterns
from trading.protocol.watch import watch_orders

logger = logging.getLogger(__name__)
Message = MutableMapping[str, Any]


class Lifespan:
    """ASGI lifespan: starts the order watch and the lookout, and on the way out ends them and every feed."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.tasks = [
                    asyncio.create_task(watch_orders(), name="order watch"),
                    asyncio.create_task(watch_patterns(), name="lookout"),
                ]
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await hub.close()
