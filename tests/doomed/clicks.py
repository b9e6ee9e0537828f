"""One click that comes twenty times, at two server processes."""

import asyncio
import json
import resource
import socket
from collections import Counter
from typing import Any

from doomed.processes import fork, kill, load, open_accounts
from doomed.sabotages import spoil
from doomed.submissions import price_of

SERVERS = 2
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Told = tuple[int, str, str]
"""An answer's status, the order that it names, and whether it says that this was asked before."""


def clicks(how_many: int, times: int = 20, sabotage: str = "") -> dict[str, Any]:
    """Each ticket is posted so many times at once, half of them to each server process; answers are lost on the way."""
    broker = load(controls=False)
    broker.configure(faults=True)
    (account,) = open_accounts(1)
    spoil(sabotage)
    cookies = signed_in(account.connection.user)
    doors = [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in range(SERVERS)]
    pids = [fork(lambda door=door: _serve(door)) for door in doors]  # type: ignore[misc]
    ports = [door.getsockname()[1] for door in doors]
    answers = asyncio.run(
        _post_all([request_for(account, number, cookies) for number in range(how_many)], ports, times)
    )
    for pid in pids:
        kill(pid)
    from trading.models import Order

    stats = broker.stats()
    return {
        "rows": Order.objects.count(),
        "asked": sum(stats["asked"].values()),
        "agreed": sum(len({name for _, name, _ in told}) == 1 for told in answers),
        "first": sum(sum(not again for _, _, again in told) == 1 for told in answers),
        "statuses": dict(Counter(status for told in answers for status, _, _ in told)),
        "befell": stats["befell"],
        "cpu": [round(sum(resource.getrusage(who)[:2])) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)],
    }


def signed_in(user: Any) -> str:
    """The cookies of a browser, and the word against forged requests."""
    from django.conf import settings
    from django.test import Client

    client, secret = Client(), "a" * 32
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    held = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={secret}"
    return f"Cookie: {held}\r\nX-CSRFToken: {secret}\r\n"


def request_for(account: Any, number: int, cookies: str) -> bytes:
    """The bytes of a click: made once, for they are to arrive together."""
    legs = [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}]
    terms = {"order_type": "limit", "time_in_force": "day", "limit_price": price_of(number)}
    body = json.dumps({"account": str(account.pk), "legs": legs} | terms)
    return (
        "POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{cookies}Idempotency-Key: click-{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _post_all(requests: list[bytes], ports: list[int], times: int) -> list[list[Told]]:
    """One ticket after the other, each by all lines at once."""
    lines = [await asyncio.open_connection("127.0.0.1", ports[n % len(ports)]) for n in range(times)]
    return [list(await asyncio.gather(*(_post(line, request) for line in lines))) for request in requests]


async def _post(line: Line, request: bytes) -> Told:
    reader, writer = line
    writer.write(request)
    async with asyncio.timeout(300):
        return await told_by(reader)


async def told_by(reader: asyncio.StreamReader) -> Told:
    """The next answer on a line."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    first, *rest = head.strip().split("\r\n")
    headers = dict(each.split(": ", 1) for each in rest)
    told = json.loads(await reader.readexactly(int(headers["content-length"])))
    found = told.get("order", told)
    return int(first.split()[1]), found.get("id", ""), headers.get("idempotency-replayed", "")


def _serve(door: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config("config.asgi:application", lifespan="off", log_level="critical", timeout_keep_alive=600)
    uvicorn.Server(config).run(sockets=[door])
