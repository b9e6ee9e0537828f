"""Who may ask what: User-Agent, token, API version, account and scope are looked at before an endpoint acts."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from brokers.simulator.authority import Caller
from brokers.simulator.ledger import Entry, parse
from brokers.simulator.oauth import world_of
from brokers.simulator.tastytrade import budgets
from brokers.simulator.tastytrade.envelope import JSONAnswer, Refusal, Reply, invalid, nginx_401, not_permitted
from brokers.simulator.world import World

START_DATE_REQUIRED = 20261012
PREFIX = "/tastytrade"
USER_AGENT = re.compile(r"[^\s/]+/\S+")


@dataclass(frozen=True)
class Ask:
    """One request that has passed the gate. ``account`` is the caller's own, "" where the path names none."""

    world: World
    caller: Caller
    version: int
    account: str
    path: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    query_lists: Mapping[str, tuple[str, ...]]
    body: bytes
    base_url: str
    entry: Entry | None

    def many(self, name: str, *, commas: bool = False) -> tuple[str, ...]:
        """The values of a parameter given as ``name[]=``, repeated, or (where the broker does) comma-joined."""
        given = (*self.query_lists.get(f"{name}[]", ()), *self.query_lists.get(name, ()))
        if commas:
            given = tuple(part for text in given for part in text.split(","))
        return tuple(text for text in given if text)

    def json(self) -> dict[str, Any]:
        value = parse(self.body)
        if not isinstance(value, dict):
            raise invalid(body="is not a JSON object")
        return value


class Throttled(Exception):
    """More requests than the caller's budget allows: the broker answers with a bare 429."""


Handler: TypeAlias = Callable[[Ask], Reply]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler, scope: str = "read") -> Endpoint:
    """The handler behind the gate, as Starlette wants it."""

    async def answer(request: Request) -> Response:
        if not has_user_agent(request):
            return nginx_401()
        try:
            ask = admit(request, await request.body(), scope)
            return handler(ask).answer(ask.path)
        except Refusal as refusal:
            return refusal.answer()
        except Throttled:
            return Response(status_code=429)

    return answer


def with_user_agent(inner: Endpoint) -> Endpoint:
    """Refuse requests without a User-Agent before anything else looks at them."""

    async def answer(request: Request) -> Response:
        return await inner(request) if has_user_agent(request) else nginx_401()

    return answer


async def unknown_path(request: Request) -> Response:
    if not has_user_agent(request):
        return nginx_401()
    return JSONAnswer({"error": {"code": "record_not_found", "message": f"No route for {request.method}"}}, 404)


async def forbidden(request: Request) -> Response:
    """An endpoint that exists but is closed to API users."""
    return not_permitted().answer() if has_user_agent(request) else nginx_401()


def has_user_agent(request: Request) -> bool:
    given = request.headers.get("user-agent", "")
    strict = world_of(request).switches.strict_user_agent
    return bool(USER_AGENT.match(given) if strict else given.strip())


def admit(request: Request, body: bytes, scope: str) -> Ask:
    """The request as an ``Ask``; raises ``Refusal``."""
    world = world_of(request)
    caller = caller_in(world, request.headers.get("authorization", ""))
    path = request.url.path.removeprefix(PREFIX)
    if not budgets.may_ask(world, caller.user, request.method, path):
        raise Throttled
    version = version_in(request.headers.get("accept-version"), world.switches.oldest_version)
    account = request.path_params.get("account", "")
    if account and account not in world.accounts_of(caller.user):
        raise not_permitted()
    if scope not in caller.scopes:
        raise not_permitted()
    lists: dict[str, tuple[str, ...]] = {}
    for name, text in request.query_params.multi_items():
        lists[name] = (*lists.get(name, ()), text)
    return Ask(
        world=world,
        caller=caller,
        version=version,
        account=account,
        path=path,
        names=request.path_params,
        query=request.query_params,
        query_lists=lists,
        body=body,
        base_url=world.base_url or str(request.base_url).rstrip("/").removesuffix(PREFIX),
        entry=request.scope.get("simulator.entry"),
    )


def caller_in(world: World, header: str) -> Caller:
    caller = world.authority.caller(header.removeprefix("Bearer ")) if header.startswith("Bearer ") else None
    if caller is None or caller.broker != "tastytrade":
        raise Refusal(401, "token_invalid", "This token is invalid or has expired")
    return caller


def version_in(header: str | None, oldest: int) -> int:
    """The version in force: the date asked for, or the oldest living one; 406 when it is older than all."""
    if header is None:
        return oldest
    if not re.fullmatch(r"\d{8}", header) or int(header) < oldest:
        raise Refusal(406, 406, "The requested version is not supported.")
    return int(header)
