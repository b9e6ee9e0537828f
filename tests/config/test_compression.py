"""What goes out compressed from a desk with no proxy before it, and what must not change by that."""

import gzip
import re

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from config.compression import LONG_ANSWER, CompressionMiddleware

pytestmark = pytest.mark.django_db
PACKED = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}
SIGN_IN = "/accounts/login/"


def packed(response: HttpResponse, method: str = "GET", **headers: str) -> HttpResponse:
    request = RequestFactory().generic(method, "/", **(PACKED | headers))
    return CompressionMiddleware(lambda _: response)(request)  # type: ignore[return-value]


def whole(response: HttpResponse) -> bytes:
    body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    response.close()
    return body


def test_a_page_is_packed_for_who_takes_it_and_is_the_same_page() -> None:
    client = Client()
    plain, small = client.get(SIGN_IN), client.get(SIGN_IN, **PACKED)
    assert not plain.has_header("Content-Encoding")
    assert small["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small["Vary"]
    assert int(small["Content-Length"]) == len(small.content) < 0.6 * len(plain.content)
    hide = re.compile(rb'(csrfmiddlewaretoken" value="|csrf[^>]*content=")[^"]+')
    assert hide.sub(b"", gzip.decompress(small.content)) == hide.sub(b"", plain.content)


def test_neither_length_nor_token_of_a_page_is_the_same_twice() -> None:
    """What an attacker adds to a page would else tell by its length what is in it."""
    client = Client()
    pages = [client.get(SIGN_IN, **PACKED).content for _ in range(12)]
    assert len({len(page) for page in pages}) > 3
    tokens = {re.search(rb'csrfmiddlewaretoken" value="([^"]+)', gzip.decompress(page)) for page in pages}
    assert len({found[1] for found in tokens if found}) == 12


@pytest.mark.parametrize("path", ["js/live.js", "css/base.css"])
def test_scripts_and_styles_are_packed_and_asked_for_again_only_when_they_changed(path: str) -> None:
    client, source = Client(), settings.BASE_DIR / "static" / path
    small = client.get(f"/static/{path}", **PACKED)
    assert small["Content-Encoding"] == "gzip"
    body = whole(small)
    assert gzip.decompress(body) == source.read_bytes()
    assert len(body) < 0.6 * source.stat().st_size
    again = client.get(f"/static/{path}", HTTP_IF_NONE_MATCH=small["ETag"], **PACKED)
    assert again.status_code == 304
    assert whole(again) == b""
    other = client.get(f"/static/{path}", HTTP_IF_NONE_MATCH='W/"another"', **PACKED)
    assert other.status_code == 200
    assert gzip.decompress(whole(other)) == source.read_bytes()
    assert whole(client.get(f"/static/{path}")) == source.read_bytes()


def test_a_part_of_a_file_a_picture_and_the_mere_head_are_left_as_they_are() -> None:
    client = Client()
    part = client.get("/static/js/live.js", HTTP_RANGE="bytes=0-99", **PACKED)
    assert part.status_code == 206
    assert whole(part) == (settings.BASE_DIR / "static/js/live.js").read_bytes()[:100]
    head = client.head("/static/js/live.js", **PACKED)
    assert not head.has_header("Content-Encoding")
    head.close()
    picture = packed(HttpResponse(b"\x89PNG" * 500, content_type="image/png"))
    assert not picture.has_header("Content-Encoding")


def test_long_answers_to_programs_are_packed_and_short_ones_are_not() -> None:
    assert packed(JsonResponse({"text": "a" * LONG_ANSWER}))["Content-Encoding"] == "gzip"
    assert not packed(JsonResponse({"text": "a" * (LONG_ANSWER // 2)})).has_header("Content-Encoding")


def test_what_is_packed_already_is_not_packed_again() -> None:
    ready = HttpResponse(gzip.compress(b"body {}" * 100), content_type="text/css")
    ready["Content-Encoding"] = "gzip"
    assert gzip.decompress(packed(ready).content) == b"body {}" * 100


def test_a_file_that_streams_stays_a_stream() -> None:
    pieces = [b"body { color: black }\n"] * 500
    streamed = packed(StreamingHttpResponse(iter(pieces), content_type="text/css"))  # type: ignore[arg-type]
    assert streamed.streaming
    assert not streamed.has_header("Content-Length")
    assert gzip.decompress(whole(streamed)) == b"".join(pieces)


def test_the_cache_keeps_a_chain_and_what_else_is_wanted() -> None:
    """Django's own limit would throw out half of it."""
    keys = [f"quote-of-a-test:{number}" for number in range(2000)]
    cache.set_many(dict.fromkeys(keys, 1))
    assert len(cache.get_many(keys)) == len(keys)
    cache.delete_many(keys)
