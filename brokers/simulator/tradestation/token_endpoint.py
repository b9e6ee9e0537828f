"""TradeStation's token endpoint (sections 2.3 to 2.6): codes and refresh tokens in, tokens out, and revoking."""

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.simulator.authority import Client, GrantError, VerifierMismatch, same
from brokers.simulator.oauth import read_body, world_of
from brokers.simulator.tradestation import id_tokens

if TYPE_CHECKING:
    from brokers.simulator.world import World

BROKER = "tradestation"
PREFIX = "/tradestation/signin"
ID_SECONDS = 36_000
NO_STORE = {"Cache-Control": "no-store"}
STATUSES = {"invalid_request": 400, "access_denied": 401, "too_many_requests": 429}
KNOWN_GRANTS = ("client_credentials", "password", "implicit")


class TokenError(Exception):
    """A request to the sign-in host refused, with its code and words (section 2.6)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    def answer(self) -> Response:
        body = {"error": self.code, "error_description": self.description}
        return JSONResponse(body, STATUSES.get(self.code, 403), NO_STORE)


async def token(request: Request) -> Response:
    world = world_of(request)
    try:
        values = await parameters(request)
        return JSONResponse(answer_token(world, values, issuer(request)), headers=NO_STORE)
    except TokenError as error:
        return error.answer()


async def revoke(request: Request) -> Response:
    """It ends every refresh token of the key, not just the one sent; access tokens live out their time."""
    world = world_of(request)
    try:
        values = await parameters(request)
        client = authenticated(world, values)
        sent = values.get("token") or required(values, "refresh_token", said="token")
    except TokenError as error:
        return error.answer()
    claims = world.authority.signer.read("rt+jwt", sent)
    if claims is not None and claims["aud"] == client.client_id:
        world.authority.revoke(client_id=client.client_id, access_tokens=False)
    return Response(b"", 200, NO_STORE)


async def parameters(request: Request) -> dict[str, str]:
    """A form's or a JSON object's values; the key and its secret may come in the header instead."""
    try:
        values = read_body(request.headers.get("content-type", ""), await request.body())
    except (GrantError, ValueError):
        raise TokenError("invalid_request", "The body could not be read") from None
    word, _, given = request.headers.get("authorization", "").partition(" ")
    if word.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(given).decode().partition(":")
        except (ValueError, binascii.Error):
            raise TokenError("access_denied", "Unauthorized") from None
        values |= {"client_id": name, "client_secret": secret}
    return values


def required(values: Mapping[str, str], name: str, said: str = "") -> str:
    if not values.get(name):
        raise TokenError("invalid_request", f"Missing required parameter: {said or name}")
    return values[name]


def authenticated(world: "World", values: Mapping[str, str]) -> Client:
    """The client that asks. One that is public has no secret to show."""
    client = world.authority.client(required(values, "client_id"))
    if client is None or client.broker != BROKER:
        raise TokenError("access_denied", "Unauthorized")
    secret = values.get("client_secret", "")
    if not (client.public and not secret) and not same(client.secret, secret):
        raise TokenError("access_denied", "Unauthorized")
    return client


def answer_token(world: "World", values: Mapping[str, str], iss: str) -> dict[str, Any]:
    kind = required(values, "grant_type")
    client = authenticated(world, values)
    if kind == "authorization_code":
        return exchange_code(world, client, values, iss)
    if kind == "refresh_token":
        return refresh(world, client, values, iss)
    if kind in KNOWN_GRANTS:
        raise TokenError("unauthorized_client", f"Grant type '{kind}' not allowed for the client.")
    raise TokenError("unsupported_grant_type", f"Unsupported grant type: {kind[:40]}")


def exchange_code(world: "World", client: Client, values: Mapping[str, str], iss: str) -> dict[str, Any]:
    code, uri = required(values, "code"), required(values, "redirect_uri")
    try:
        grant, scope = world.authority.redeem(client, code, uri, values.get("code_verifier", ""))
    except VerifierMismatch:
        raise TokenError("invalid_grant", "Failed to verify code verifier") from None
    except GrantError:
        raise TokenError("invalid_grant", "Invalid authorization code") from None
    claims = world.authority.refreshable(client, grant)
    if "offline_access" not in scope.split():
        return granted(world, claims, scope, iss)
    if rotates(world, client):
        grant = world.authority.rotate(claims)
    return granted(world, claims, scope, iss, grant)


def refresh(world: "World", client: Client, values: Mapping[str, str], iss: str) -> dict[str, Any]:
    """A fresh access token. The refresh token is sent again only where it was replaced."""
    sent = required(values, "refresh_token")
    try:
        claims = world.authority.refreshable(client, sent)
    except GrantError:
        raise TokenError("invalid_grant", "Unknown or invalid refresh token.") from None
    asked = [word for word in values.get("scope", "").split() if word in claims["scope"].split()]
    scope = " ".join(asked) or str(claims["scope"])
    again = world.authority.rotate(claims) if rotates(world, client) else None
    return granted(world, claims, scope, iss, again)


def rotates(world: "World", client: Client) -> bool:
    return client.rotates or world.switches.tradestation_rotation


def granted(
    world: "World", claims: Mapping[str, Any], scope: str, iss: str, refresh_token: str | None = None
) -> dict[str, Any]:
    """The token answer, the same for a code and for a refresh."""
    seconds = world.switches.tradestation_token_seconds
    access = world.authority.access_token(claims, scope, seconds)
    now = int(world.authority.moment())
    known = {"iss": iss, "aud": claims["aud"], "iat": now, "exp": now + ID_SECONDS}
    known |= {"at_hash": id_tokens.at_hash(access), **profile(claims["sub"], scope.split())}
    answer = {"access_token": access} | ({"refresh_token": refresh_token} if refresh_token else {})
    answer["id_token"] = id_tokens.id_token(world.key, known)
    return answer | {"token_type": "Bearer", "scope": scope, "expires_in": int(seconds)}


def profile(user: str, scopes: list[str]) -> dict[str, Any]:
    """What the scopes tell of a person."""
    told: dict[str, Any] = {"sub": user}
    if "profile" in scopes:
        name = user.capitalize()
        told |= {"name": f"{name} Trader", "family_name": "Trader", "given_name": name, "middle_name": ""}
        told |= {"nickname": user, "picture": "", "updated_at": "2026-01-02T15:00:00.000Z"}
    if "email" in scopes:
        told |= {"email": f"{user}@example.com", "email_verified": True}
    return told


def issuer(request: Request) -> str:
    """The address of this host, with the slash at its end that issuers of this kind have."""
    base = world_of(request).base_url or str(request.base_url).rstrip("/")
    return f"{base}{PREFIX}/"
