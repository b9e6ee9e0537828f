"""A request's way through the desk as it is served: one change of threads, and to the end whoever has gone."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from config.asgi import application
from config.handling import OneThreadHandler

pytestmark = pytest.mark.django_db(transaction=True)
let_go, over = threading.Event(), threading.Event()


def slow(request: HttpRequest) -> HttpResponse:
    let_go.wait(60)
    return HttpResponse(request.body + b" is done")


class Afterwards:
    """Stands for whatever is done after a view, as a session that is saved."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        over.set()
        return response


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    return StreamingHttpResponse(parts())


urlpatterns = [path("slow/", slow), path("streamed/", streamed)]


def scope(where: str, method: str = "GET") -> dict[str, Any]:
    headers = [(b"host", b"localhost")]
    return {"type": "http", "method": method, "path": where, "query_string": b"", "headers": headers}


async def answered(handler: Any, where: str) -> tuple[int, bytes]:
    line = ApplicationCommunicator(handler, scope(where))
    await line.send_input({"type": "http.request", "body": b""})
    begun, body = await line.receive_output(60), b""
    while True:
        part = await line.receive_output(60)
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    await line.wait(60)
    return begun["status"], body


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Changes from the loop to the request's thread."""
    found: list[Any] = []
    real = SyncToAsync.__call__

    async def count(self: Any, *args: Any, **named: Any) -> Any:
        found.append(self.func)
        return await real(self, *args, **named)

    monkeypatch.setattr(SyncToAsync, "__call__", count)
    return found


async def test_a_request_changes_threads_once(changes: list[Any]) -> None:
    status, _ = await answered(application, "/accounts/login/")
    assert (status, len(changes)) == (200, 1)


async def test_by_djangos_own_way_it_would_change_them_again_and_again(changes: list[Any]) -> None:
    """The sabotaged twin."""
    status, _ = await answered(ASGIHandler(), "/accounts/login/")
    assert status == 200
    assert len(changes) > 3


async def test_what_nobody_waits_for_any_more_is_finished(settings: Any) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, [f"{__name__}.Afterwards"]
    let_go.clear()
    over.clear()
    line = ApplicationCommunicator(OneThreadHandler(), scope("/slow/", "POST"))
    await line.send_input({"type": "http.request", "body": b"An order"})
    await line.send_input({"type": "http.disconnect"})
    await asyncio.sleep(0)
    let_go.set()
    assert (await line.receive_output(60))["status"] == 200, "the server knows whom to send it to"
    assert (await line.receive_output(60))["body"] == b"An order is done"
    assert over.is_set()
    await line.wait(60)


async def test_a_request_is_over_before_its_first_byte_goes_out() -> None:
    """So whoever reads slowly holds no database connection."""
    told: list[str] = []

    def note(**_: Any) -> None:
        told.append("over")

    async def send(message: Any) -> None:
        told.append(message["type"])

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    request_finished.connect(note)
    try:
        await OneThreadHandler()(scope("/accounts/login/"), receive, send)
    finally:
        request_finished.disconnect(note)
    assert told == ["over", "http.response.start", "http.response.body"]


async def test_what_is_streamed_arrives_whole(settings: Any) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
    assert await answered(OneThreadHandler(), "/streamed/") == (200, b"one two")
