"""How the desk's processes talk: Redis pub/sub, one connection to hear by and one to speak by, whatever is shared.

What could not be said is dropped, not kept for later: it is old by then. Those who hear count, and so notice.
"""

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
Hearer = Callable[[str], None]
ANSWERS_WITHIN = 1.0
LISTENS_FOR = 0.5
DEAF_AFTER = 1.5
TRY_AGAIN_AFTER = 0.2
MOST_WAITING = 2000


class Switchboard:
    """For one event loop; to be closed. ``process`` names this process to the others."""

    def __init__(self, url: str, process: str = "") -> None:
        self.process = process or uuid.uuid4().hex
        self.redis: Any = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWERS_WITHIN,
            socket_connect_timeout=ANSWERS_WITHIN,
            retry=Retry(NoBackoff(), 0),
        )
        self.back_at = float("-inf")
        """When Redis was last found again after it had been away."""
        self._ear: Any = None
        self._hearers: dict[str, Hearer] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def say(self, channel: str, text: str) -> None:
        """To all who hear this channel, in order, at once; nothing is known of who heard it."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
        self._waiting.append((channel, text))
        self._news.set()
        self._start()

    async def hear(self, channel: str, hearer: Hearer) -> None:
        """From now on; one hearer for a channel. A Redis that is away is subscribed to when it is back."""
        self._hearers[channel] = hearer
        self._start()
        if self._ear is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._ear.subscribe(channel)

    async def leave(self, channel: str) -> None:
        self._hearers.pop(channel, None)
        if self._ear is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._ear.unsubscribe(channel)

    async def close(self) -> None:
        """What waits to be said is said first, if Redis takes it."""
        if self._waiting:
            with contextlib.suppress(RedisError, OSError):
                await self._speak()
        await end(*self._tasks)
        self._tasks = []
        with contextlib.suppress(RedisError, OSError):
            await self.redis.aclose()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._again_and_again(self._listen), name="switchboard ear"),
                asyncio.create_task(self._again_and_again(self._say_all), name="switchboard mouth"),
            ]

    async def _again_and_again(self, work: Callable[[], Awaitable[None]]) -> None:
        is_away = False
        while True:
            try:
                if is_away:
                    await self.redis.ping()
                    is_away, self.back_at = False, asyncio.get_running_loop().time()
                    logger.warning("Redis is back.")
                await work()
            except (RedisError, OSError) as error:
                if not is_away:
                    logger.warning("Redis is away: the desk's processes do not hear each other. %s", error)
                is_away = True
                await asyncio.sleep(TRY_AGAIN_AFTER)
            except Exception:
                logger.exception("The desk's processes do not hear each other for a moment.")
                is_away = True
                await asyncio.sleep(TRY_AGAIN_AFTER)

    async def _listen(self) -> None:
        """It hears itself too: an ear that no longer does is replaced, whatever its connection says of itself."""
        loop, own = asyncio.get_running_loop(), f"blotter:process:{self.process}"
        async with self.redis.pubsub() as ear:
            await ear.subscribe(own, *self._hearers)
            self._ear = ear
            said_at, heard_at = float("-inf"), loop.time()
            try:
                while loop.time() - heard_at < DEAF_AFTER:
                    if loop.time() - said_at > LISTENS_FOR:
                        said_at = loop.time()
                        self.say(own, "")
                    async with asyncio.timeout(DEAF_AFTER):
                        message = await ear.get_message(ignore_subscribe_messages=True, timeout=LISTENS_FOR)
                    if message is not None:
                        heard_at = loop.time()
                        if (hearer := self._hearers.get(message["channel"])) is not None:
                            self._hand_over(hearer, message["data"])
            finally:
                self._ear = None
        raise ConnectionError("Redis does not hand on what is said.")

    def _hand_over(self, hearer: Hearer, text: str) -> None:
        try:
            hearer(text)
        except Exception:
            logger.exception("What another process said could not be taken.")

    async def _say_all(self) -> None:
        while True:
            await self._news.wait()
            await self._speak()

    async def _speak(self) -> None:
        """All that waits in one go."""
        self._news.clear()
        waiting, self._waiting = self._waiting, deque()
        pipeline = self.redis.pipeline(transaction=False)
        for channel, text in waiting:
            pipeline.publish(channel, text)
        await pipeline.execute()


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel until they are done: a time-out inside a library can swallow the first call."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
