"""Error pages in words; below /api/ the same as problem documents."""

import sys
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_safe

from config.api import NO_DATABASE, PROBLEMS, TRY_AGAIN, database_away, plain_problem
from config.middleware import request_id

WORDS = {
    400: "The request could not be read. Go back and try again.",
    403: "You may not do this, or the page was open too long. Go back, reload the page and try again.",
    404: "There is nothing at this address. It may have been removed, or it belongs to somebody else.",
    405: "This address is where a form is sent to; by itself it shows nothing. Go back, or begin at the overview.",
    429: "That was too many tries in a short time. Wait a minute, then try again.",
    500: "Something went wrong here. Nothing was sent because of this page; look at your orders before you repeat "
    "anything. The number below helps to find out why.",
    503: "The desk's database can't be reached just now. Try again in a moment; look at your orders before you repeat "
    "anything.",
}
CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    429: "too_many_requests",
    500: "server_error",
}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return plain_problem(request, CODES[status])
    context = {"status": status, "title": HTTPStatus(status).phrase, "words": WORDS[status], "request_id": request_id()}
    if status >= 500:  # the page must come even when the database, and so the person, can't be had
        return HttpResponse(render_to_string("error.html", context), status=status)
    return render(request, "error.html", context, status=status)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(request, 403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404)


@requires_csrf_token
def too_many(request: HttpRequest) -> HttpResponse:
    """For pages of signing in, which count tries."""
    return _answer(request, 429)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    if not isinstance(sys.exc_info()[1], NO_DATABASE):
        return _answer(request, 500)
    if request.path.startswith("/api/"):
        return database_away(request)
    answer = _answer(request, 503)
    answer["Retry-After"] = TRY_AGAIN["Retry-After"]
    return answer


class NoMethodMiddleware:
    """A form's address that somebody opens by itself, or reloads: a page in words in place of an empty answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or response.streaming or response.content:
            return response
        page = _answer(request, 405)
        page["Allow"] = response["Allow"]
        return page


def problems(request: HttpRequest) -> HttpResponse:
    """The catalogue that the ``type`` of every problem document leads to."""
    rows = [{"code": code, "status": status, "title": title} for code, (status, title) in PROBLEMS.items()]
    return render(request, "problems.html", {"problems": rows})


@require_safe
def asyncapi(request: HttpRequest) -> HttpResponse:
    """What goes over the websocket, described for programs: AsyncAPI 3, as it stands among the documentation."""
    text = (settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text()
    return HttpResponse(text.replace("localhost:8000", request.get_host(), 1), content_type="application/yaml")
