"""One whole answer of a broker, and how it is read off the wire."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException

import requests

from brokers.errors import UnexpectedReply
from brokers.wire import Node, decode

CHUNK = 64 * 1024
LARGEST_ANSWER = 48 * 1024 * 1024
LONGEST_REQUEST = 86400.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds until the broker wants to be asked again, where it says so in seconds or by a date."""
        return retry_after_in(self.headers)

    @property
    def names_a_limit(self) -> bool:
        wanted = ("retry-after", "ratelimit", "x-ratelimit")
        return any(name.lower().startswith(wanted) for name in self.headers)

    @property
    def json(self) -> Node | None:
        """The body as a JSON object, None when it is anything else (a gateway's page, nothing)."""
        try:
            node = decode(self.body)
        except UnexpectedReply:
            return None
        return node if isinstance(node.value, dict) else None


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """What ``Retry-After`` says, in seconds; None where it says nothing that can be read."""
    text = headers.get("Retry-After", "")
    try:
        wait = float(text)
    except ValueError:
        wait = _seconds_until(text)
    return max(0.0, min(wait, LONGEST_REQUEST)) if wait == wait else None


def _seconds_until(text: str) -> float:
    try:
        moment = parsedate_to_datetime(text)
        return (moment - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError):
        return float("nan")


def read_body(response: requests.Response, deadline: float) -> bytes:
    """The whole body, piece by piece as it comes, so that one that trickles cannot hold us."""
    body = bytearray()
    while piece := response.raw.read1(CHUNK, decode_content=True):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError("the answer trickled")
        if len(body) > LARGEST_ANSWER:
            raise HTTPException("the answer is too large")
    return bytes(body)
