"""News for a person's tabs, from any thread or request, through the channel layer: low rate, never quotes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from brokers.live import frames

logger = logging.getLogger(__name__)
_serving: asyncio.AbstractEventLoop | None = None


def user_group(user_id: object) -> str:
    return f"user.{user_id}"


def connection_group(connection_id: object) -> str:
    return f"connection.{connection_id}"


def announce(user_id: object, frame: Mapping[str, Any]) -> None:
    """Send a JSON-able frame to all tabs of a person. Returns at once where this process serves sockets."""
    send_to_group(user_group(user_id), {"type": "news", "text": frames.encode(frame)})


def serve_from(loop: asyncio.AbstractEventLoop) -> None:
    """This process has sockets in this loop: news goes out from there, whichever thread it comes from."""
    global _serving
    _serving = loop


def send_to_group(group: str, message: dict[str, Any]) -> None:
    loop = _serving if _serving is not None and _serving.is_running() else _own_loop()
    if loop is not None:
        asyncio.run_coroutine_threadsafe(_send(group, message), loop)
    else:
        async_to_sync(_send)(group, message)


def _own_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _send(group: str, message: dict[str, Any]) -> None:
    """News is a hint to look again; one that is lost must not fail the work that it tells of."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception:
        logger.exception("News for %s could not be sent.", group)
