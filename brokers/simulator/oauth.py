"""The authorize pages and the token endpoint, the same for every simulated broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from brokers.simulator import pages
from brokers.simulator.authority import AuthorizationRequest, Client, GrantError, same
from brokers.simulator.ledger import parse

if TYPE_CHECKING:
    from brokers.simulator.world import World


@dataclass(frozen=True)
class Provider:
    """How one broker does OAuth. ``scopes``: each it knows, in plain words."""

    broker: str
    title: str
    scopes: Mapping[str, str]
    default_scope: str
    token_seconds: int


class BadRequest(Exception):
    """An authorization request that must not be answered by a redirect."""


class SendBack(Exception):
    """An authorization request refused by a redirect with an error code (RFC 6749 section 4.1.2.1)."""

    def __init__(self, redirect_uri: str, state: str | None, error: str, description: str) -> None:
        super().__init__(description)
        self.url = with_query(redirect_uri, error=error, error_description=description, state=state)


def world_of(request: Request) -> "World":
    return cast("World", request.app.state.world)


def with_query(url: str, **values: str | None) -> str:
    """The URL with the values that are not None added to its query."""
    text = urlencode({key: value for key, value in values.items() if value is not None})
    return f"{url}{'&' if urlsplit(url).query else '?'}{text}"


class OAuthPages:
    """The two endpoints of one provider, as Starlette wants them. A provider with ways of its own overrides."""

    redirect_status = 303

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    async def authorize(self, request: Request) -> Response:
        """Sign in, then consent, then back to the client with a code or an error."""
        world, title = world_of(request), self.provider.title
        try:
            asked = self.read_request(world, request.query_params)
        except BadRequest as error:
            return pages.problem(title, str(error))
        except SendBack as error:
            return RedirectResponse(error.url, self.redirect_status)
        if request.method != "POST":
            known = self.signed_in(request)
            if known is not None:
                return self.consent(world, asked, known)
            return pages.sign_in(title, asked.client.name, world.passwords(), "", wrong=False)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if form.get("step") == "consent":
            return self.decide(world, asked, form)
        name = form.get("user", "")
        if not world.signs_in(name, form.get("password", "")):
            return pages.sign_in(title, asked.client.name, world.passwords(), name, wrong=True)
        answer = self.consent(world, asked, name)
        self.remember(answer, world, name)
        return answer

    def remember(self, answer: Response, world: "World", user: str) -> None:
        """Somebody has just signed in in this browser; by default nothing is kept of it."""

    def read_request(self, world: "World", query: Mapping[str, str]) -> AuthorizationRequest:
        """The authorization request in a query; raises ``BadRequest`` or ``SendBack``."""
        return read_request(world, self.provider, query)

    def signed_in(self, request: Request) -> str | None:
        """Who this browser is signed in as already; None sends it to the sign-in form."""
        return None

    def consent(self, world: "World", asked: AuthorizationRequest, user: str) -> Response:
        ticket = world.authority.remember_sign_in(user, asked.client.client_id)
        scopes = [self.provider.scopes[scope] for scope in asked.scope.split()]
        lines = self.account_lines(world, user)
        return pages.consent(self.provider.title, asked.client.name, user, scopes, lines, ticket)

    def account_lines(self, world: "World", user: str) -> list[str]:
        """The user's accounts in words, under the names they have at this broker."""
        return world.account_lines(user)

    def decide(self, world: "World", asked: AuthorizationRequest, form: Mapping[str, str]) -> Response:
        user = world.authority.signed_in(form.get("ticket", ""), asked.client.client_id)
        if user is None:
            return pages.sign_in(self.provider.title, asked.client.name, world.passwords(), "", wrong=False)
        if form.get("decision") != "allow":
            denied = SendBack(asked.redirect_uri, asked.state, "access_denied", "The person said no.")
            return RedirectResponse(denied.url, self.redirect_status)
        code = world.authority.issue_code(asked, user)
        url = with_query(asked.redirect_uri, code=code, state=asked.state)
        return RedirectResponse(url, self.redirect_status)

    async def token(self, request: Request) -> Response:
        """``POST /oauth/token``: JSON or form in, flat snake_case JSON out."""
        world = world_of(request)
        headers = {"Cache-Control": "no-store"}
        try:
            values = read_body(request.headers.get("content-type", ""), await request.body())
            return JSONResponse(answer_token(world, self.provider, values), headers=headers)
        except GrantError as error:
            status = 401 if error.code == "invalid_client" else 400
            return JSONResponse(error_body(world, error), status, headers)


def read_request(world: "World", provider: Provider, query: Mapping[str, str]) -> AuthorizationRequest:
    """The authorization request in a query; raises ``BadRequest`` or ``SendBack``."""
    client = world.authority.client(query.get("client_id", ""))
    if client is None or client.broker != provider.broker:
        raise BadRequest("No program is registered under this client_id.")
    uri, state = query.get("redirect_uri", ""), query.get("state")
    if uri not in client.redirect_uris:
        raise BadRequest("The redirect_uri is not one that the program registered.")
    if query.get("response_type") != "code":
        raise SendBack(uri, state, "unsupported_response_type", "response_type must be code.")
    scope = " ".join(dict.fromkeys((query.get("scope") or provider.default_scope).split()))
    if any(word not in provider.scopes for word in scope.split()):
        raise SendBack(uri, state, "invalid_scope", "A scope is not known.")
    challenge = query.get("code_challenge", "")
    if challenge and query.get("code_challenge_method") != "S256":
        raise SendBack(uri, state, "invalid_request", "code_challenge_method must be S256.")
    return AuthorizationRequest(client, uri, scope, state, challenge)


def read_body(content_type: str, body: bytes) -> dict[str, str]:
    """The parameters of a token request; raises ``GrantError``."""
    try:
        if content_type.split(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            values: Any = dict(parse_qsl(body.decode()))
        else:
            values = parse(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise GrantError("invalid_request", "The body could not be read")
    return {str(key): str(value) for key, value in values.items() if value is not None}


def answer_token(world: "World", provider: Provider, values: Mapping[str, str]) -> dict[str, Any]:
    """The token answer; raises ``GrantError``."""
    match values.get("grant_type"):
        case "authorization_code":
            return exchange_code(world, provider, values)
        case "refresh_token":
            return refresh(world, provider, values)
        case None:
            raise GrantError("invalid_request", "grant_type is missing")
        case "client_credentials" | "password":
            raise GrantError("unauthorized_client", "The client may not use this grant type")
    raise GrantError("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")


def exchange_code(world: "World", provider: Provider, values: Mapping[str, str]) -> dict[str, Any]:
    for name in ("code", "client_id", "client_secret", "redirect_uri"):
        if not values.get(name):
            raise GrantError("invalid_request", f"{name} is missing")
    client = known_client(world, provider, values["client_id"], values["client_secret"])
    verifier = values.get("code_verifier", "")
    token, scope = world.authority.redeem(client, values["code"], values["redirect_uri"], verifier)
    claims = world.authority.refreshable(client, token)
    return {"refresh_token": token, "scope": scope, **granted(world, provider, claims, scope)}


def refresh(world: "World", provider: Provider, values: Mapping[str, str]) -> dict[str, Any]:
    """A fresh access token. The refresh token is neither rotated nor sent again."""
    for name in ("refresh_token", "client_secret"):
        if not values.get(name):
            raise GrantError("invalid_request", f"{name} is missing")
    claims = world.authority.refreshable(None, values["refresh_token"])
    if values.get("client_id", claims["aud"]) != claims["aud"]:
        raise GrantError("invalid_grant", "The grant was issued to another client")
    known_client(world, provider, claims["aud"], values["client_secret"])
    scope = values.get("scope") or claims["scope"]
    if not set(scope.split()) <= set(claims["scope"].split()):
        raise GrantError("invalid_scope", "A scope was not granted")
    return granted(world, provider, claims, scope)


def known_client(world: "World", provider: Provider, client_id: str, secret: str) -> Client:
    client = world.authority.client(client_id)
    if client is None or client.broker != provider.broker or not same(client.secret, secret):
        raise GrantError("invalid_client", "Client authentication failed")
    return client


def granted(world: "World", provider: Provider, claims: Mapping[str, Any], scope: str) -> dict[str, Any]:
    token = world.authority.access_token(claims, scope, provider.token_seconds)
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": provider.token_seconds}
    if "openid" in scope.split():
        known = {"sub": claims["sub"], "aud": claims["aud"], "iss": claims["iss"], "iat": claims["iat"]}
        answer["id_token"] = world.authority.signer.sign("JWT", known)
    return answer


def error_body(world: "World", error: GrantError) -> dict[str, str]:
    """Shape B by default; shape A (RFC 6749's own) by a switch. Both have been seen."""
    name = "error" if world.switches.oauth_error_shape == "A" else "error_code"
    return {name: error.code, "error_description": error.description}
