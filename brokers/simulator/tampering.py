"""The middleware that makes faults happen to HTTP answers, and keeps the ledger of order requests."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brokers.simulator.faults import Fault
from brokers.simulator.ledger import parse

if TYPE_CHECKING:
    from brokers.simulator.world import World

ACCOUNT = re.compile(r"/accounts/([^/]+)")
ORDERS = re.compile(r"/(tastytrade/accounts/[^/]+/(complex-)?orders|tradestation/v3/orderexecution)(/|$)")
GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n"
)
GARBAGE = b'{"data": {"items": [{"\xff'


class Answer:
    """An answer caught on its way out."""

    def __init__(self, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers or []
        self.body = body

    async def catch(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        else:
            self.body += message.get("body", b"")

    def with_body(self, body: bytes, content_type: bytes) -> "Answer":
        kept = [pair for pair in self.headers if pair[0].lower() not in (b"content-length", b"content-type")]
        length = str(len(body)).encode()
        return Answer(self.status, [*kept, (b"content-type", content_type), (b"content-length", length)], body)


class Tampering:
    """ASGI middleware. It sees each request whole before the simulator does, and each answer before the client."""

    def __init__(self, app: ASGIApp, world: Callable[[], "World"]) -> None:
        self.app = app
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/control"):
            await self.app(scope, receive, send)
            return
        body = await _whole_body(receive)
        world = self.world()
        account = found[1] if (found := ACCOUNT.search(scope["path"])) else ""
        entry = None
        if ORDERS.search(scope["path"]) and scope["method"] != "GET":
            entry = world.ledger.record(world.clock.now(), scope["method"], scope["path"], account, body)
        scope["simulator.entry"] = entry
        faults = world.faults.for_request(scope["method"], scope["path"], account, _symbols(scope, body))
        if entry and faults:
            entry.fault = faults[0].name
        answer = await self._act(scope, body, faults)
        if answer is None:
            await _hang_up(scope, receive)
            return
        if entry:
            entry.status = answer.status
        cut = any(fault.effect == "cut_body" for fault in faults)
        await _send(answer, send, cut=cut)
        if cut:
            await _hang_up(scope, receive, at_once=False)

    async def _act(self, scope: Scope, body: bytes, faults: list[Fault]) -> Answer | None:
        """The answer to give, None to give none."""
        for fault in faults:
            if fault.when != "before":
                continue
            if fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            else:
                return _spoilt(fault, Answer())
        answer = Answer()
        await self.app(scope, _replay(body), answer.catch)
        for fault in faults:
            if fault.when == "after" and fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            elif fault.when == "after" and fault.effect != "cut_body":
                return _spoilt(fault, answer)
        return answer


def _spoilt(fault: Fault, answer: Answer) -> Answer | None:
    """The answer as the fault leaves it; None is no answer at all."""
    match fault.effect:
        case "drop_answer":
            return None
        case "status":
            return _status(fault)
        case "throttle":
            headers = [(b"retry-after", str(fault.retry_after).encode())] if fault.retry_after is not None else []
            return Answer(429, headers).with_body(b"", b"text/plain")
        case "html_for_json":
            return Answer(200, []).with_body(GATEWAY_PAGE, b"text/html")
        case "garbage_json":
            return answer.with_body(GARBAGE, b"application/json")
        case "token_transient":
            return _token_error("invalid_request", "Customer is not available")
        case "token_dead":
            return _token_error("invalid_grant", "Grant has been revoked")
    return answer


def _status(fault: Fault) -> Answer:
    answer = Answer(fault.status)
    match fault.body:
        case "html":
            return answer.with_body(GATEWAY_PAGE, b"text/html")
        case "garbage":
            return answer.with_body(GARBAGE, b"application/json")
        case "empty":
            return answer.with_body(b"", b"text/plain")
    error = {"code": "simulated_fault", "message": f"The simulator was told to answer {fault.status} ({fault.name})."}
    return answer.with_body(json.dumps({"error": error}).encode(), b"application/json")


def _token_error(code: str, description: str) -> Answer:
    body = json.dumps({"error_code": code, "error_description": description}).encode()
    return Answer(400).with_body(body, b"application/json")


async def _whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _symbols(scope: Scope, body: bytes) -> set[str]:
    """The symbols a request speaks of: in its legs, its query or its path."""
    value = parse(body) if body else None
    legs: Any = value.get("legs") if isinstance(value, dict) else None
    found = {str(leg.get("symbol")) for leg in legs if isinstance(leg, dict)} if isinstance(legs, list) else set()
    for _, text in parse_qsl(scope["query_string"].decode("latin-1")):
        found.update(text.split(","))
    return found | set(scope["path"].split("/"))


async def _send(answer: Answer, send: Send, *, cut: bool) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    body = answer.body[: len(answer.body) // 2] if cut else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": cut})


async def _hang_up(scope: Scope, receive: Receive, *, at_once: bool = True) -> None:
    """Close the client's connection: with a reset, or after what was written has gone out."""
    transport = scope["simulator.transport"]
    transport.abort() if at_once else transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
