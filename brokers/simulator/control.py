"""The control port: clients, grants, faults, fills, time and prices, for tests and for people who explore."""

import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from brokers.simulator import origins
from brokers.simulator.authority import Client, GrantError
from brokers.simulator.circumstances import set_account, set_halt
from brokers.simulator.faults import EFFECTS
from brokers.simulator.interventions import intervene, set_fills
from brokers.simulator.oauth import world_of
from brokers.simulator.tradestation.names import accounts_of, ts_account
from brokers.simulator.tradestation.signin import DEFAULT_SCOPE
from brokers.simulator.world import World

BROKERS = ("tastytrade", "tradestation")
SCOPES = {"tastytrade": "read trade openid", "tradestation": DEFAULT_SCOPE}
Body: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[World, Body], Any]


class BadControl(ValueError):
    """A control request that can't be done; the text says why."""


def text(body: Body, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or (not value and default is None):
        raise BadControl(f"{name} must be text")
    return value


def number(body: Body, name: str, default: float | None = None) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadControl(f"{name} must be a number")
    return float(value)


# Clients and grants


def add_client(world: World, body: Body) -> Any:
    """{"broker", "redirect_uris", "name"?, "client_id"?, "client_secret"?, "public"?, "rotates"?} → client_id, …"""
    broker, uris = text(body, "broker"), body.get("redirect_uris")
    if broker not in BROKERS:
        raise BadControl(f"broker must be one of: {', '.join(BROKERS)}")
    if not isinstance(uris, list) or not uris or not all(isinstance(uri, str) for uri in uris):
        raise BadControl("redirect_uris must be a list of addresses")
    name, client_id = text(body, "name", "Blotter"), body.get("client_id")
    secret = text(body, "client_secret") if client_id is not None else None
    client = world.authority.register(
        broker,
        tuple(uris),
        name=name,
        client_id=text(body, "client_id") if client_id is not None else None,
        client_secret=secret,
        public=body.get("public") is True,
        rotates=body.get("rotates") is True,
    )
    return {"client_id": client.client_id, "client_secret": client.secret}


def find_client(world: World, body: Body) -> Client:
    client = world.authority.client(text(body, "client_id"))
    if client is None:
        raise BadControl("no such client_id")
    return client


def add_grant(world: World, body: Body) -> Any:
    """{"client_id", "user", "scope"?} → refresh_token, accounts"""
    client, user = find_client(world, body), text(body, "user")
    if user not in world.passwords():
        raise BadControl(f"user must be one of: {', '.join(world.passwords())}")
    token = world.authority.grant(client, user, text(body, "scope", SCOPES[client.broker]))
    if client.broker == "tradestation":
        return {"refresh_token": token, "accounts": [ts_account(account) for account in accounts_of(world, user)]}
    return {"refresh_token": token, "accounts": world.accounts_of(user)}


def revoke_grant(world: World, body: Body) -> Any:
    """{"refresh_token"} or {"client_id"?, "user"?}, "access_tokens"? (default true: running ones end too)"""
    running = body.get("access_tokens", True) is True
    if "refresh_token" in body:
        try:
            claims = world.authority.refreshable(None, text(body, "refresh_token"))
        except GrantError as error:
            raise BadControl(error.description) from None
        world.authority.revoke(grant=claims["jti"], access_tokens=running)
    else:
        client_id, user = text(body, "client_id", ""), text(body, "user", "")
        if not client_id and not user:
            raise BadControl("say which: refresh_token, client_id or user")
        world.authority.revoke(client_id=client_id, user=user, access_tokens=running)
    return {"revoked": True}


# What goes wrong, and what happens


def set_faults(world: World, body: Body) -> Any:
    """{"faults": [...], "remove": [names], "clear": true, "switches": {...}} → what is in force"""
    if body.get("clear") is True:
        world.faults.clear()
    world.faults.remove(body.get("remove", []))
    world.faults.add(body.get("faults", []))
    switches = body.get("switches", {})
    if not isinstance(switches, dict):
        raise BadControl("switches must be an object")
    world.turn(switches)
    return show_faults(world, body)


def show_faults(world: World, body: Body) -> Any:
    return {"faults": world.faults.in_force(), "switches": vars(world.switches), "effects": EFFECTS}


def set_clock(world: World, body: Body) -> Any:
    """{"speed"?, "jump"? seconds} → now, speed. Jumps move the tokens' time too; speed does not."""
    if "speed" in body:
        world.clock.set_speed(number(body, "speed"))
    if "jump" in body:
        world.jump(number(body, "jump"))
    return show_clock(world, body)


def show_clock(world: World, body: Body) -> Any:
    now = world.clock.now()
    return {"now": now.isoformat(), "speed": world.clock.speed, "open": world.market.is_open(now)}


def set_prices(world: World, body: Body) -> Any:
    """{"symbol", "price"} → the market now moves on from this price"""
    try:
        price = Decimal(str(body.get("price")))
    except InvalidOperation:
        raise BadControl("price must be a number") from None
    world.put_price(text(body, "symbol"), price)
    return {"symbol": body["symbol"], "price": str(price)}


def reset(world: World, body: Body) -> Any:
    """{} → everything as after a start; clients and grants stay good"""
    world.reset()
    return {"reset": True}


def show_ledger(world: World, query: Body) -> Any:
    """?since=number&account=…&requests=all → entries of order requests, oldest first; with requests=all every
    request, in short"""
    since = str(query.get("since", "0"))
    if not since.isascii() or not since.isdigit():
        raise BadControl("since must be a number")
    found: dict[str, Any] = {"entries": world.ledger.since(int(since), str(query.get("account", "")))}
    if query.get("requests") == "all":
        found["requests"] = list(world.ledger.requests)
    return found


HANDLERS: dict[tuple[str, str], Handler] = {
    ("POST", "/control/clients"): add_client,
    ("POST", "/control/grants"): add_grant,
    ("POST", "/control/grants/revoke"): revoke_grant,
    ("GET", "/control/ledger"): show_ledger,
    ("GET", "/control/faults"): show_faults,
    ("POST", "/control/faults"): set_faults,
    ("POST", "/control/fills"): set_fills,
    ("POST", "/control/accounts"): set_account,
    ("POST", "/control/halts"): set_halt,
    ("POST", "/control/orders"): intervene,
    ("GET", "/control/clock"): show_clock,
    ("POST", "/control/clock"): set_clock,
    ("POST", "/control/prices"): set_prices,
    ("POST", "/control/reset"): reset,
}


def show_all(world: World, body: Body) -> Any:
    """What the control port can do, who lives here, and where the clock stands."""
    doors = [f"{method} {path} {handler.__doc__ or ''}".strip() for (method, path), handler in HANDLERS.items()]
    return {"endpoints": doors, "users": world.passwords(), "clock": show_clock(world, body)}


class Told(JSONResponse):
    """JSON in ASCII, which takes any text that a request may have brought."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False).encode()


def guarded(handler: Handler) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        if refusal := origins.why_not(request):
            return Told({"error": refusal}, 403)
        if request.method == "POST" and origins.is_foreign_body(request):
            return Told({"error": "send JSON, with Content-Type: application/json"}, 415)
        try:
            if request.method in ("GET", "HEAD"):
                body: Any = dict(request.query_params)
            else:
                body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise BadControl("the body must be a JSON object")
            return Told(handler(world_of(request), body))
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            return Told({"error": str(error)}, 400)

    return answer


def routes() -> list[BaseRoute]:
    doors: list[BaseRoute] = [
        Route(path, guarded(handler), methods=[method]) for (method, path), handler in HANDLERS.items()
    ]
    return [Route("/control/", guarded(show_all), methods=["GET"]), *doors]
