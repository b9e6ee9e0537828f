"""Serving the simulator with uvicorn."""

import uvicorn
from starlette.types import ASGIApp


def make_server(app: ASGIApp, port: int, host: str = "127.0.0.1", *, quiet: bool = False) -> uvicorn.Server:
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
    )
    return uvicorn.Server(config)
