"""Pages, scripts, styles and long answers go out compressed, also from a desk with no proxy before it."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTS = frozenset({"text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml", "text/csv"})
ANSWERS = frozenset({"application/json", "application/problem+json"})
LONG_ANSWER = 16 * 1024
"""A program's shorter answers stay as they are: packing costs more time than their bytes."""


class CompressionMiddleware(GZipMiddleware):
    """Django's own, which pads each answer by chance so that its length tells nothing of a secret in it (BREACH);
    for text alone, and neither for parts of files nor for what has no body."""

    def process_request(self, request: HttpRequest) -> None:
        """A packed file goes out under a weak tag, which the server of files would not know for its strong one."""
        asked = request.META.get("HTTP_IF_NONE_MATCH", "")
        if asked.startswith('W/"') and "," not in asked:
            request.META["HTTP_IF_NONE_MATCH"] = asked.removeprefix("W/")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code in (204, 206, 304) or request.method == "HEAD" or not _is_worth_it(response):
            return response
        packed: HttpResponseBase = super().process_response(request, response)
        return packed


def _is_worth_it(response: HttpResponseBase) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if kind in ANSWERS:
        return not response.streaming and len(getattr(response, "content", b"")) >= LONG_ANSWER
    return kind in TEXTS
