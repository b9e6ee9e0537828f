"""Who owns a connection's upstream when the desk has several processes: a lease in Redis, and a number that grows.

The number (``fence``) is the time at Redis in microseconds, so that it grows even over a Redis that lost its memory.
"""

import asyncio
from typing import Any
from uuid import UUID

LASTS = 2.0
"""Seconds for which a lease holds without being renewed: so long nobody takes over from an owner that died."""
RENEW_EVERY = 0.5

TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return '' end
local now = redis.call('TIME')
local fence = now[1] * 1000000 + now[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if fence <= last then fence = last + 1 end
local written = string.format('%.0f', fence)
redis.call('SET', KEYS[2], written)
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. written, 'PX', ARGV[2])
return written
"""
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Lease:
    """One process's claim to one connection's upstream. Methods raise what Redis raises."""

    def __init__(self, redis: Any, connection_id: UUID, process: str) -> None:
        self._keys = [f"blotter:feed:{{{connection_id}}}:owner", f"blotter:feed:{{{connection_id}}}:fence"]
        self._process = process
        self._take = redis.register_script(TAKE)
        self._renew = redis.register_script(RENEW)
        self._release = redis.register_script(RELEASE)
        self.fence = 0
        self._sure_until = float("-inf")

    @property
    def is_sure(self) -> bool:
        """Nobody else can hold it now."""
        return asyncio.get_running_loop().time() < self._sure_until

    async def take(self) -> bool:
        """Whether it was free and is ours now, under a new ``fence``."""
        asked_at = asyncio.get_running_loop().time()
        written = await self._take(keys=self._keys, args=[self._process, int(LASTS * 1000)])
        if not written:
            return False
        self.fence, self._sure_until = int(written), asked_at + LASTS
        return True

    async def renew(self) -> bool:
        """Whether it is still ours."""
        asked_at = asyncio.get_running_loop().time()
        if not await self._renew(keys=self._keys[:1], args=[self._mark, int(LASTS * 1000)]):
            self._sure_until = float("-inf")
            return False
        self._sure_until = asked_at + LASTS
        return True

    async def release(self) -> None:
        """Give it back; what is another's is left alone."""
        self._sure_until = float("-inf")
        await self._release(keys=self._keys[:1], args=[self._mark])

    @property
    def _mark(self) -> str:
        return f"{self._process}:{self.fence}"
