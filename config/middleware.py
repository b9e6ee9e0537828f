"""What every request gets: an id to find it by, and no traces of private pages in caches."""

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]
_request_id: ContextVar[str] = ContextVar("request_id", default="")
SANE_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")


def request_id() -> str:
    """The id of the request being answered, empty outside of one."""
    return _request_id.get()


class RequestIdMiddleware:
    """Takes over a sane ``X-Request-ID`` or makes one, and echoes it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        token = _request_id.set(given if SANE_ID.fullmatch(given) else uuid.uuid4().hex)
        request.META["REQUEST_ID"] = request_id()  # for apps, which know nothing of this module
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id()
            return response
        finally:
            _request_id.reset(token)


class PrivatePagesMiddleware:
    """What a signed-in person sees is stored nowhere."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response
