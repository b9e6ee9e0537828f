"""The way in to a websocket: from the desk's own pages only, and known by the session of their cookie."""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from importlib import import_module
from typing import Any, TypeAlias

from channels.auth import get_user
from django.conf import settings
from django.http import parse_cookie

Scope: TypeAlias = MutableMapping[str, Any]
Application: TypeAlias = Callable[[Scope, Any, Any], Awaitable[None]]


class OwnOrigin:
    """Gives no handshake to any page but those of just these origins, scheme and port included."""

    def __init__(self, inner: Application, origins: Collection[str]) -> None:
        self.inner = inner
        self.origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        given = [value for name, value in scope.get("headers", ()) if name.lower() == b"origin"]
        if len(given) == 1 and given[0] in self.origins:
            await self.inner(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})


class SignIn:
    """Puts ``session`` and ``user`` into the scope, an anonymous one where there is no valid session.

    Channels' own session middleware does this too, but then looks at the session again at every frame that is sent,
    in case it should be saved: half of what it costs to send a quote. Sockets never change a session.
    """

    def __init__(self, inner: Application) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(session_key(scope))
        user = await get_user({"session": session})
        await self.inner({**scope, "session": session, "user": user}, receive, send)


def session_key(scope: Scope) -> str | None:
    for name, value in scope.get("headers", ()):
        if name.lower() == b"cookie":
            found: str | None = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
            return found
    return None
