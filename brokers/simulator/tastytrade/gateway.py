"""What stands before tastytrade's API: cross-origin headers, cookies, 502 for what is not hosted (section 3.9)."""

import re
import secrets
from typing import cast

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brokers.simulator.world import World

ALLOWED_HEADERS = "Accept, Accept-Version, Authorization, Content-Type, X-Requested-With, X-Tastyworks-OTP"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": ALLOWED_HEADERS,
    "access-control-max-age": "1728000",
}
COOKIE_SECONDS = 7 * 86_400
NOT_IN_SANDBOX = re.compile(
    r"/tastytrade/(market-data/|symbols/search/|quote-alerts|(public-|pairs-)?watchlists|accounts/[^/]+/net-liq)"
)
BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class Gateway:
    """ASGI middleware around the REST routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cookie = secrets.token_urlsafe(48)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(CORS)
                headers.append("set-cookie", f"AWSALB={cookie}; Max-Age={COOKIE_SECONDS}; Path=/")
                headers.append(
                    "set-cookie", f"AWSALBCORS={cookie}; Max-Age={COOKIE_SECONDS}; Path=/; SameSite=None; Secure"
                )
            await send(message)

        own = answer_before(scope)
        await (own or self.app)(scope, receive, dressed)


def answer_before(scope: Scope) -> Response | None:
    """What the gateway answers by itself: a browser's question before a request, and what a sandbox does not host."""
    if scope["method"] == "OPTIONS":
        return Response(status_code=200)
    world = cast(World, scope["app"].state.world)
    if world.switches.sandbox_502 and NOT_IN_SANDBOX.match(scope["path"]):
        return HTMLResponse(BAD_GATEWAY, 502)
    return None
