"""Static files as an ASGI server gets them: whole, with the same headers, and without a word from Django."""

import asyncio
import warnings
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

OURS = "config.static_files.StaticFilesMiddleware"
STREAMED = "whitenoise.middleware.WhiteNoiseMiddleware"
FILE = "js/live.js"
WARNING = "must consume synchronous iterators"


async def asked(
    method: str = "GET", path: str = f"/static/{FILE}", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """What a server is told: status, headers, body."""
    told: list[dict[str, Any]] = []
    given = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return given.pop() if given else await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: Any) -> None:
        told.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "http_version": "1.1", "scheme": "http", "method": method, "path": path}
    scope |= {"query_string": b"", "headers": [(b"host", b"localhost"), *named]}
    await ASGIHandler()(scope, receive, send)
    start, *rest = told
    answered = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], answered, b"".join(each.get("body", b"") for each in rest)


def with_middleware(settings_: Any, wanted: str) -> None:
    settings_.MIDDLEWARE = [wanted if each in (OURS, STREAMED) else each for each in settings_.MIDDLEWARE]


async def test_a_file_goes_out_whole_with_its_length_and_tag_and_no_warning() -> None:
    source = (settings.BASE_DIR / "static" / FILE).read_bytes()
    assert OURS in settings.MIDDLEWARE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status, headers, body = await asked()
        assert (status, body) == (200, source)
        assert headers["content-length"] == str(len(source))
        assert headers["content-type"].startswith("text/javascript")
        assert (await asked("HEAD"))[::2] == (200, b"")
        assert (await asked(if_none_match=headers["etag"]))[::2] == (304, b"")
        assert (await asked(range="bytes=10-29"))[::2] == (206, source[10:30])
        assert (await asked("POST"))[0] == 405
        assert (await asked(path="/static/js/none.js"))[0] == 404


async def test_each_answer_is_as_a_streamed_one_but_not_streamed(settings: Any) -> None:
    """The twin: as the files' own server answers, every file of a page is warned of."""
    requests: list[dict[str, Any]] = [
        {}, {"method": "HEAD"}, {"range": "bytes=0-9"}, {"range": "bytes=999999999-"}, {"accept_encoding": "gzip"},
    ]  # fmt: skip
    for request in requests:
        packs = "accept_encoding" in request
        ours = await asked(**request)
        with_middleware(settings, STREAMED)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            theirs = await asked(**request)
        with_middleware(settings, OURS)
        assert ours[0] == theirs[0]
        assert packs or ours[2] == theirs[2]
        own = {"content-length"} if packs else set()
        assert {k: v for k, v in ours[1].items() if k not in own | {"x-request-id"}} == {
            k: v for k, v in theirs[1].items() if k != "x-request-id"
        }
        assert request.get("method") == "HEAD" or any(WARNING in str(each.message) for each in said)
