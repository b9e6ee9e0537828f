"""uvicorn's websocket with a door for frames that are ready: one encoding goes to every tab as it is.

To be named to uvicorn as ``--ws brokers.live.server:LiveProtocol --ws-per-message-deflate false``. Under any other
server the desk works the same, by ASGI's ``send``, and slower.
"""

import socket
from collections.abc import Mapping
from typing import Any, Protocol, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

DOOR = "blotter.door"
SEND_BUFFER = 128 * 1024
"""What the kernel holds for a tab that does not read: so much is old when it reads again."""


class Door(Protocol):
    """How frames get to a tab's socket without being made into messages first."""

    def put(self, frame: bytes) -> bool:
        """Hand over a whole websocket frame. False: the socket is full and took nothing. Raises when it is closed."""
        ...

    async def drained(self) -> None:
        """Wait until there is room again, or the socket is lost."""
        ...

    def abort(self) -> None:
        """Cut the connection, whatever is still to be sent."""
        ...


def door_of(scope: Mapping[str, Any]) -> Door | None:
    return cast(Door | None, (scope.get("extensions") or {}).get(DOOR))


class LiveProtocol(WebSocketsSansIOProtocol):
    """Messages and frames may be mixed: both are written in the order in which they are given."""

    is_full = False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.close_sent:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if not self.config.ws_per_message_deflate:
            extensions: dict[Any, Any] = self.scope["extensions"] or {}
            extensions[DOOR] = self

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_full = False

    def put(self, frame: bytes) -> bool:
        transport = self.transport
        if self.close_sent or transport.is_closing():
            raise ClientDisconnected
        if self.is_full:
            return False
        transport.write(frame)
        return True

    async def send(self, message: ASGISendEvent) -> None:
        """As ``put``: to a socket that is lost nothing is written, also before the server has been told of its loss."""
        if message["type"] == "websocket.send" and self.transport.is_closing():
            raise ClientDisconnected
        await super().send(message)

    async def drained(self) -> None:
        await self.writable.wait()

    def abort(self) -> None:
        self.transport.abort()
