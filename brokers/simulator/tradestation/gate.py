"""Who may ask what: token, scope and quota are looked at before an endpoint acts; paths are matched in any case."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from brokers.simulator.authority import Caller
from brokers.simulator.exchange import SimAccount
from brokers.simulator.faults import Fault
from brokers.simulator.ledger import Entry, parse
from brokers.simulator.oauth import world_of
from brokers.simulator.tradestation import names
from brokers.simulator.tradestation.answers import Failure, JSONAnswer, bad_request, failure
from brokers.simulator.tradestation.limits import Slot
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.world import World

PREFIX = "/tradestation/v3"
MOST_ACCOUNTS = 25
NOT_SUPPORTED = "Request not supported for account type."
MOST_ORDERS = 50


@dataclass(frozen=True)
class Ask:
    """One request that has passed the gate. ``names`` are the path's parts as they were written; the names in
    ``query`` are lower-case; ``headers`` go with whatever is answered."""

    world: World
    caller: Caller
    path: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    headers: dict[str, str]
    entry: Entry | None

    def json(self) -> dict[str, Any]:
        """The body's object, its names in lower case at every depth: the broker takes them in any."""
        value = parse(self.body)
        if not isinstance(value, dict):
            raise bad_request("The request body could not be read.")
        return cast("dict[str, Any]", lowered(value))

    def listed(self, name: str, most: int) -> list[str]:
        """The comma-joined parts of one segment of the path, each once, as they were written."""
        parts = [part.strip() for part in self.names[name].split(",") if part.strip()]
        found = list({part.casefold(): part for part in reversed(parts)}.values())[::-1]
        if not found or len(found) > most:
            raise bad_request(f"Between 1 and {most} {name} can be asked for at once.")
        return found

    def accounts(self) -> tuple[list[SimAccount], list[dict[str, str]]]:
        """The caller's own accounts in the path, and an error for each other name."""
        mine: list[SimAccount] = []
        errors: list[dict[str, str]] = []
        for text in self.listed("accounts", MOST_ACCOUNTS):
            account = names.find_account(self.world, self.caller.user, text)
            if account is None:
                errors.append({"AccountID": text, "Error": "Forbidden", "Message": "Invalid Account ID."})
            elif (fault := self._struck(account, text)) is not None:
                errors.append({"AccountID": text, "Error": fault.kind, "Message": NOT_SUPPORTED})
            else:
                mine.append(account)
        return mine, errors

    def _struck(self, account: SimAccount, name: str) -> Fault | None:
        """The fault by which this account is answered with an error."""
        return self.world.faults.struck("account_error", (account.number, name), path=self.path)


Handler: TypeAlias = Callable[[Ask], Any]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class CaselessRoute(Route):
    """A route whose path is matched in any case; its parameters keep theirs."""

    def __init__(self, path: str, endpoint: Endpoint, methods: Sequence[str]) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


def endpoint(handler: Handler, scope: str, category: str) -> Endpoint:
    """The handler behind the gate, as Starlette wants it. It answers a JSON value, or raises ``Failure``."""

    async def answer(request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            ask = await admit(request, scope, category, headers)
            return JSONAnswer(handler(ask), headers=headers)
        except Failure as refused:
            return refused.answer(headers)

    return answer


async def admit(request: Request, scope: str, category: str | None, headers: dict[str, str]) -> Ask:
    """The request as an ``Ask``; raises ``Failure``. ``headers`` gets the quota's headers, also on a refusal."""
    world = world_of(request)
    body = await request.body()
    caller = caller_in(world, request.headers.get("authorization", ""))
    if scope not in caller.scopes:
        raise failure(403, f"The access token does not carry the scope {scope}.")
    if category is not None:
        allowed, told = Memory.of(world).limits.spend(caller.client_id, caller.user, category)
        headers.update(told)
        if not allowed:
            raise failure(429, "Rate quota exceeded")
    return Ask(
        world=world,
        caller=caller,
        path=request.url.path,
        names=request.path_params,
        query={name.lower(): value for name, value in request.query_params.multi_items()},
        body=body,
        headers=headers,
        entry=request.scope.get("simulator.entry"),
    )


def open_stream(ask: Ask, resource: str) -> Slot:
    """A slot for a stream of this kind, its headers added to the answer's; raises ``Failure`` when all are taken.

    Whoever opens it calls ``close`` on it when the stream ends, whatever ends it.
    """
    slot = Memory.of(ask.world).limits.occupy(ask.caller.client_id, ask.caller.user, resource)
    if not isinstance(slot, Slot):
        ask.headers.update(slot)
        raise failure(429, "Stream quota exceeded")
    ask.headers.update(slot.headers)
    return slot


def caller_in(world: World, header: str) -> Caller:
    word, _, token = header.partition(" ")
    caller = world.authority.caller(token.strip()) if word.lower() == "bearer" else None
    if caller is None or caller.broker != "tradestation":
        raise failure(401, "Unauthorized")
    return caller


async def unknown_path(request: Request) -> Response:
    """The gateway's own answer: the path in lower case, without the version."""
    path = request.url.path.lower().removeprefix(PREFIX)
    return JSONAnswer({"Message": f"not found {path}", "Error": "NotFound"}, 404)


def lowered(value: Any) -> Any:
    """The value with the names of all its objects in lower case."""
    if isinstance(value, dict):
        return {str(name).lower(): lowered(each) for name, each in value.items()}
    return [lowered(each) for each in value] if isinstance(value, list) else value


def truth(query: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A flag in a query; 400 when it is neither true nor false."""
    text = query.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise bad_request(f"{name} must be true or false.")
    return default if not text else text == "true"


def whole(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number in a query, within its bounds; 400 otherwise."""
    text = query.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not least <= int(text) <= most:
        raise bad_request(f"{name} must be a whole number from {least} to {most}.")
    return int(text)
