"""What both websockets share: texts that wait to be sent, and running a socket's two halves together."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

MOST_WAITING = 16 * 1024 * 1024  # characters


class Outbox:
    """What waits to be sent on one socket, and the bell that wakes its sender."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.size = 0
        self.bell = asyncio.Event()

    def put(self, *texts: str) -> None:
        self.texts.extend(texts)
        self.size += sum(map(len, texts))
        self.bell.set()

    @property
    def too_much(self) -> bool:
        """Whether more waits than a client that does not read is granted."""
        return self.size > MOST_WAITING

    def take(self) -> list[str]:
        taken, self.texts, self.size = self.texts, [], 0
        self.bell.clear()
        return taken


async def next_text(socket: WebSocket) -> str:
    """The next text frame; a binary frame is text that no protocol here can read."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    return str(message.get("text") or "")


async def both(receiving: Callable[[], Any], sending: Callable[[], Any]) -> None:
    """Run a socket's two halves until one ends; then end the other."""
    tasks = [asyncio.ensure_future(receiving()), asyncio.ensure_future(sending())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def drop(socket: WebSocket) -> None:
    """End the connection without a closing handshake, as a network does."""
    socket.scope["simulator.transport"].abort()
