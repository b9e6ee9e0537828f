"""Who is at work: set for each request by a small middleware, by consumers and jobs themselves; else the desk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

Handler: TypeAlias = Callable[[HttpRequest], HttpResponse]
SALT = "trading.audit.session"
KEY = "audit.key"
"""In ``request.META``: the name (never the secret) of the API key that a program signed in with."""
REQUEST_ID = "REQUEST_ID"
"""In ``request.META``: the id that the request is answered and logged under."""


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` is user, api, staff or system; ``user_id`` who it is, None for the desk itself and for visitors."""

    kind: str
    user_id: int | None = None
    address: str = ""
    session: str = ""
    request_id: str = ""


SYSTEM = Actor("system")
_acting: ContextVar[Callable[[], Actor]] = ContextVar("audit_actor", default=lambda: SYSTEM)


def current() -> Actor:
    return _acting.get()()


@contextmanager
def acting(actor: Actor | Callable[[], Actor]) -> Iterator[None]:
    """Whatever is recorded in this block was done by this actor."""
    token = _acting.set(actor if callable(actor) else lambda: actor)
    try:
        yield
    finally:
        _acting.reset(token)


class ActorMiddleware:
    """Comes after the sign-in's. The person is looked up only when something is recorded, for an API's views
    may find out who calls later than this."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from trading.audit import turned_away  # it records, and that needs to know who acts

        with acting(lambda: actor_of(request)):
            response = self.get_response(request)
            turned_away.note(request, response)
            return response


def actor_of(request: HttpRequest) -> Actor:
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return Actor(
        kind=_kind(request.path),
        user_id=int(user.pk) if user is not None and signed_in else None,
        address=address_of(request),
        session=session_hash(request),
        request_id=str(request.META.get(REQUEST_ID, "")),
    )


def _kind(path: str) -> str:
    if path.startswith("/api/"):
        return "api"
    return "staff" if path.startswith("/admin/") else "user"


def address_of(request: HttpRequest) -> str:
    """The client's address as the sign-in's own limits see it: a proxy is believed only where settings name it."""
    from allauth.account.adapter import get_adapter  # it needs the models, which need this package

    try:
        return str(get_adapter(request).get_client_ip(request))
    except PermissionDenied:  # a socket file, or fewer proxies than the settings say
        return ""


def session_hash(request: HttpRequest) -> str:
    """Tells two sessions apart without being one: a keyed hash. A program's is the name of its key."""
    if key := request.META.get(KEY):
        return f"key:{key}"[:32]
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    return salted_hmac(SALT, session_key, algorithm="sha256").hexdigest()[:16] if session_key else ""
