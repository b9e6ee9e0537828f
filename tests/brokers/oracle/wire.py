"""What goes out when the port is asked to place, preview or replace: the request as it would stand on the wire."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from unittest.mock import patch

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from brokers.domain.orders import OrderTicket
from brokers.errors import OrderRejected
from brokers.port import Broker, Hosts
from brokers.registry import spec

HOSTS = Hosts("https://api.example.invalid/base", "", "", "")


@dataclass(frozen=True)
class Sent:
    """One request: method, path below the host's own, headers, and the body both as bytes and read."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@contextmanager
def wire(refusal: bytes) -> Iterator[list[Sent]]:
    """Everything that is sent in here is noted and refused with the broker's own words; nothing leaves."""
    seen: list[Sent] = []

    def send(_: HTTPAdapter, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        path = str(request.url).removeprefix(HOSTS.api)
        seen.append(Sent(str(request.method), path, dict(request.headers), body))
        response = requests.Response()
        response.status_code, response.url, response.request = 400, str(request.url), request
        response.raw = HTTPResponse(BytesIO(refusal), status=400, preload_content=False)
        return response

    with patch.object(HTTPAdapter, "send", send):
        yield seen


def broker_named(name: str) -> Broker:
    return spec(name).make_broker(HOSTS, lambda *, refused=None: "example-token")


def placed(broker: Broker, seen: list[Sent], account: str, ticket: OrderTicket, ref: str) -> Sent:
    """The one request that a placement makes."""
    seen.clear()
    with suppress(OrderRejected):
        broker.place_order(account, ticket, ref)
    (sent,) = seen
    return sent
