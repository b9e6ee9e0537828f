"""The simulator as one ASGI program."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from brokers.simulator import control, pages
from brokers.simulator.clock import Clock
from brokers.simulator.tampering import Tampering
from brokers.simulator.tastytrade import memory as tastytrade_memory
from brokers.simulator.tastytrade import routes as tastytrade
from brokers.simulator.tradestation import memory
from brokers.simulator.tradestation import routes as tradestation
from brokers.simulator.tradestation.names import exchange_number
from brokers.simulator.world import World


class Simulator(Starlette):
    """Starlette that knows each connection's transport, so that a fault can cut it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["simulator.transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


async def home(request: Request) -> Response:
    """For the person who opens the port in a browser."""
    inside = (
        "<p>Programs talk to it as they would to a broker, below <code>/tastytrade</code> or "
        "<code>/tradestation</code>.</p>"
        '<p><a href="/control/">What it can be told to do</a></p>'
    )
    return pages.page("brokers", "A made-up market", inside)


def make_app(
    *,
    seed: int = 7,
    always_open: bool = False,
    speed: float = 1.0,
    faults_file: Path | None = None,
    state_file: Path | None = None,
    clock: Clock | None = None,
    base_url: str = "",
) -> Simulator:
    """The whole program. ``base_url`` is what it calls itself in addresses it hands out (default: as it was asked).

    ``app.state.world`` is the running ``World``. It ticks while the ASGI lifespan is on.
    """
    world = World(
        seed=seed,
        always_open=always_open,
        speed=speed,
        clock=clock,
        base_url=base_url,
        state_file=state_file,
        faults_file=faults_file,
        keepers={memory.WIRE: memory.remember, tastytrade_memory.WIRE: tastytrade_memory.remember},
        known_as=exchange_number,
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(world.run())
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            world.save()

    routes = [Route("/", home), *control.routes(), *tastytrade.routes(), *tradestation.routes()]
    app = Simulator(routes=routes, middleware=[Middleware(Tampering, world=lambda: world)], lifespan=lifespan)
    app.state.world = world
    return app
