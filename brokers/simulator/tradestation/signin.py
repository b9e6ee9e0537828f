"""TradeStation's sign-in host (section 2): the pages, the profile, signing out, discovery, and its routes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from brokers.simulator import pages
from brokers.simulator.authority import AuthorizationRequest
from brokers.simulator.oauth import BadRequest, OAuthPages, Provider, SendBack, world_of
from brokers.simulator.tradestation import id_tokens
from brokers.simulator.tradestation.names import accounts_of, ts_account
from brokers.simulator.tradestation.token_endpoint import BROKER, PREFIX, issuer, profile, revoke, token

if TYPE_CHECKING:
    from brokers.simulator.world import World

AUDIENCE = "https://api.tradestation.com"
COOKIE = "tradestation-simulator"
SESSION_SECONDS = 86_400
TRADING_SCOPES = ("MarketData", "ReadAccount", "Trade", "OptionSpreads", "Matrix")
DEFAULT_SCOPE = " ".join(("openid", "profile", "offline_access", *TRADING_SCOPES))
PROVIDER = Provider(
    broker=BROKER,
    title="TradeStation",
    scopes={
        "openid": "know who you are",
        "offline_access": "stay connected when you are away",
        "profile": "see your name",
        "email": "see your e-mail address",
        "MarketData": "see market data",
        "ReadAccount": "see your accounts, balances, positions and orders",
        "Trade": "place, change and cancel orders for you",
        "OptionSpreads": "see and trade option spreads",
        "Matrix": "see market depth",
        "Crypto": "see crypto accounts",
    },
    default_scope=DEFAULT_SCOPE,
    token_seconds=1200,
)


class SignIn(OAuthPages):
    """The authorize pages: a browser that has signed in once is asked for consent only, unless ``prompt=login``."""

    redirect_status = 302

    def remember(self, answer: Response, world: "World", user: str) -> None:
        answer.set_cookie(COOKIE, _session(world, user), path=PREFIX, httponly=True, samesite="lax")

    def read_request(self, world: "World", query: Mapping[str, str]) -> AuthorizationRequest:
        client = world.authority.client(query.get("client_id", ""))
        if client is None or client.broker != self.provider.broker:
            raise BadRequest("No program is registered under this client_id.")
        uri, state = query.get("redirect_uri", ""), query.get("state")
        if uri not in client.redirect_uris:
            raise BadRequest("Callback URL mismatch: this redirect_uri is not one that the program registered.")
        if query.get("response_type") != "code":
            raise SendBack(uri, state, "unsupported_response_type", "response_type must be code.")
        if query.get("audience") != AUDIENCE:
            raise SendBack(uri, state, "access_denied", f"Service not found: {query.get('audience', '')}")
        challenge = query.get("code_challenge", "")
        if challenge and query.get("code_challenge_method") != "S256":
            raise SendBack(uri, state, "invalid_request", "code_challenge_method must be S256.")
        if client.public and not challenge:
            raise SendBack(uri, state, "invalid_request", "This program needs a code_challenge.")
        scope = " ".join(word for word in dict.fromkeys(query.get("scope", "").split()) if word in PROVIDER.scopes)
        return AuthorizationRequest(client, uri, scope or "openid", state, challenge)

    def signed_in(self, request: Request) -> str | None:
        if "login" in request.query_params.get("prompt", "").split():
            return None
        return session_user(world_of(request), request.cookies.get(COOKIE, ""))

    def account_lines(self, world: "World", user: str) -> list[str]:
        return [f"{ts_account(account)} · {account.nickname} ({account.kind})" for account in accounts_of(world, user)]


# Profile, sessions, discovery


async def userinfo(request: Request) -> Response:
    word, _, given = request.headers.get("authorization", "").partition(" ")
    caller = world_of(request).authority.caller(given.strip()) if word.lower() == "bearer" else None
    if caller is None or caller.broker != PROVIDER.broker:
        return Response(b"Unauthorized", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return JSONResponse(profile(caller.user, sorted(caller.scopes)))


async def logout(request: Request) -> Response:
    """It ends the browser's session; tokens stay good."""
    client = world_of(request).authority.client(request.query_params.get("client_id", ""))
    back = request.query_params.get("returnTo", "")
    allowed = client is not None and any(_origin(uri) == _origin(back) for uri in client.redirect_uris)
    if back and not allowed:
        return pages.problem(PROVIDER.title, "The returnTo address is not one that the program registered.")
    inside = "<p>You are signed out. What you have allowed stays allowed.</p>"
    answer: Response = RedirectResponse(back, 302) if back else pages.page(PROVIDER.title, "Signed out", inside)
    answer.delete_cookie(COOKIE, path=PREFIX)
    return answer


async def key_set(request: Request) -> Response:
    return JSONResponse({"keys": [id_tokens.public_key(world_of(request).key)]})


async def discovery(request: Request) -> Response:
    base = issuer(request)
    return JSONResponse(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}authorize",
            "token_endpoint": f"{base}oauth/token",
            "userinfo_endpoint": f"{base}userinfo",
            "revocation_endpoint": f"{base}oauth/revoke",
            "end_session_endpoint": f"{base}v2/logout",
            "jwks_uri": f"{base}.well-known/jwks.json",
            "scopes_supported": list(PROVIDER.scopes),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        }
    )


def _session(world: "World", user: str) -> str:
    return world.authority.signer.sign("session", {"user": user, "exp": world.authority.moment() + SESSION_SECONDS})


def session_user(world: "World", cookie: str) -> str | None:
    claims = world.authority.signer.read("session", cookie)
    if claims is None or claims["exp"] < world.authority.moment() or claims["user"] not in world.passwords():
        return None
    return str(claims["user"])


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def routes() -> list[BaseRoute]:
    pages_of = SignIn(PROVIDER)
    return [
        Route(f"{PREFIX}/authorize", pages_of.authorize, methods=["GET", "POST"]),
        Route(f"{PREFIX}/oauth/token", token, methods=["POST"]),
        Route(f"{PREFIX}/oauth/revoke", revoke, methods=["POST"]),
        Route(f"{PREFIX}/userinfo", userinfo, methods=["GET", "POST"]),
        Route(f"{PREFIX}/v2/logout", logout, methods=["GET"]),
        Route(f"{PREFIX}/.well-known/jwks.json", key_set, methods=["GET"]),
        Route(f"{PREFIX}/.well-known/openid-configuration", discovery, methods=["GET"]),
    ]
