"""Serving the simulator with uvicorn."""

import socket

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """Tells the world that the end has come before it waits for what is open, so that streams say goodbye."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        world = getattr(getattr(self.config.app, "state", None), "world", None)
        if world is not None:
            world.close()
        await super().shutdown(sockets)


def make_server(app: ASGIApp, port: int, host: str = "127.0.0.1", *, quiet: bool = False) -> Server:
    """A server for loopback. Websocket pings stay on: some clients rely on them in place of heartbeats."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ws_per_message_deflate=False,
        lifespan="on",
        log_level="error" if quiet else "warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,  # longer than clients keep a connection: else they may write on one that is closing
    )
    return Server(config)
