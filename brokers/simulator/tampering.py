"""The middleware that makes faults happen to HTTP answers, and keeps the ledger of order requests."""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brokers.simulator import subjects, wire_faults
from brokers.simulator.faults import Fault
from brokers.simulator.ledger import parse

if TYPE_CHECKING:
    from brokers.simulator.world import World

log = logging.getLogger(__name__)
STREAM = re.compile(r"/tradestation/v\d/(.+/)?stream/", re.IGNORECASE)
GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n"
)
TOO_LARGE_PAGE = (
    b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n"
    b"<body><center><h1>413 Request Entity Too Large</h1></center></body></html>\r\n"
)
LARGEST_BODY = 1024 * 1024
LONGEST_LISTENED_TO = 64 * LARGEST_BODY
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
        try:
            body = await _whole_body(receive)
        except NoBody as error:
            await (_send(_too_large(), send, cut=False) if error.listens else _hang_up(scope, receive))
            return
        world = self.world()
        method, path, value = scope["method"], scope["path"], parse(body) if body else None
        accounts = subjects.accounts_in(path, value, world)
        entry = None
        if subjects.is_order_request(method, path):
            entry = world.ledger.record(
                world.clock.now(), method, path, ",".join(accounts), body, subjects.reference_in(value)
            )
        scope["simulator.entry"] = entry
        faults = self._faults(scope, accounts, value) if world.faults.plan else []
        if entry:
            entry.fault = faults[0].name if faults else None
        fault = faults[0].name if faults else None
        if STREAM.search(scope["path"]):
            world.ledger.heard(world.clock.now(), method, path, None, fault)
            await self._stream(scope, body, faults, receive, send)
            return
        answer = await self._act(scope, body, faults)
        world.ledger.heard(world.clock.now(), method, path, answer.status if answer else None, fault)
        if answer is None:
            await _hang_up(scope, receive)
            return
        if entry:
            entry.status = answer.status
        cut = any(fault.effect == "cut_body" for fault in faults)
        await _send(answer, send, cut=cut)
        if cut:
            await _hang_up(scope, receive, at_once=False)

    def _faults(self, scope: Scope, accounts: list[str], value: Any) -> list[Fault]:
        """The faults that strike a request."""
        world, path = self.world(), scope["path"]
        names = subjects.all_names(accounts, world)
        symbols = subjects.symbols_in(path, scope["query_string"].decode("latin-1"), value)
        return world.faults.for_request(scope["method"], path, names, symbols)

    async def _stream(self, scope: Scope, body: bytes, faults: list[Fault], receive: Receive, send: Send) -> None:
        """A stream goes out as it is made. The faults of its request strike before it opens, for it has no after."""
        for fault in faults:
            if fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
                continue
            answer = None if fault.effect == "cut_body" else _spoilt(fault, Answer(), scope["path"])
            await (_hang_up(scope, receive) if answer is None else _send(answer, send, cut=False))
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, _replay(body, receive), sending)
        except Exception:
            answer = _broken(scope)
            await (_hang_up(scope, receive) if begun else _send(answer, send, cut=False))

    async def _act(self, scope: Scope, body: bytes, faults: list[Fault]) -> Answer | None:
        """The answer to give, None to give none."""
        for fault in faults:
            if fault.when != "before":
                continue
            if fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            else:
                return _spoilt(fault, Answer(), scope["path"])
        answer = Answer()
        try:
            await self.app(scope, _replay(body), answer.catch)
        except Exception:
            answer = _broken(scope)
        for fault in faults:
            if fault.when == "after" and fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            elif fault.when == "after" and fault.effect != "cut_body":
                return _spoilt(fault, answer, scope["path"])
        return answer


def _spoilt(fault: Fault, answer: Answer, path: str) -> Answer | None:
    """The answer as the fault leaves it; None is no answer at all."""
    match fault.effect:
        case "drop_answer":
            return None
        case "status":
            return _status(fault, path)
        case "throttle":
            return _throttled(fault, path)
        case "html_for_json":
            return Answer(200, []).with_body(GATEWAY_PAGE, b"text/html")
        case "garbage_json":
            return answer.with_body(GARBAGE, b"application/json")
        case "preflight":
            return _json(*wire_faults.preflight(fault.kind))
        case "error_in_200":
            return _json(200, wire_faults.error_in_200(path, fault.kind))
        case "token_transient":
            return _json(*wire_faults.bad_minute(path, fault.kind))
        case "token_dead":
            return _json(*wire_faults.dead_grant(path))
    return answer


def _status(fault: Fault, path: str) -> Answer:
    answer = Answer(fault.status)
    match fault.body:
        case "html":
            return answer.with_body(GATEWAY_PAGE, b"text/html")
        case "garbage":
            return answer.with_body(GARBAGE, b"application/json")
        case "empty":
            return answer.with_body(b"", b"text/plain")
    return _json(fault.status, wire_faults.told_status(path, fault.status, fault.name, fault.kind))


def _throttled(fault: Fault, path: str) -> Answer:
    body = wire_faults.throttled(path)
    answer = Answer(429).with_body(b"", b"text/plain") if body is None else _json(429, body)
    if fault.retry_after is not None:
        answer.headers.append((b"retry-after", str(fault.retry_after).encode()))
    return answer


def _broken(scope: Scope) -> Answer:
    """500 for a mistake of ours, with a number by which the log has it."""
    number = secrets.token_hex(16)
    log.exception("%s %s failed: %s", scope["method"], scope["path"], number)
    return _json(500, wire_faults.broken(scope["path"], number))


def _json(status: int, body: Mapping[str, Any]) -> Answer:
    return Answer(status).with_body(json.dumps(body).encode(), b"application/json")


class NoBody(Exception):
    """A body that is too large for any request, or did not come whole; ``listens`` when there is somebody to tell."""

    def __init__(self, *, listens: bool) -> None:
        super().__init__()
        self.listens = listens


async def _whole_body(receive: Receive) -> bytes:
    """The body, which is not kept beyond ``LARGEST_BODY``; raises ``NoBody``."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NoBody(listens=False)
        part = bytes(message.get("body", b""))
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        elif size > LONGEST_LISTENED_TO:
            raise NoBody(listens=False)
        if not message.get("more_body", False):
            break
    if size > LARGEST_BODY:
        raise NoBody(listens=True)
    return b"".join(parts)


def _too_large() -> Answer:
    return Answer(413).with_body(TOO_LARGE_PAGE, b"text/html")


def _replay(body: bytes, then: Receive | None = None) -> Receive:
    """The body again and again; or once, and after it what really comes: that the client has gone."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given and then is not None:
            return await then()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


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
