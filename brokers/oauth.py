"""OAuth at the brokers: addresses to send people to, code exchange, refresh; decides what a token error means.

Everything about an endpoint comes from the registry and the settings, never from a request.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from requests.adapters import HTTPAdapter

from brokers import registry
from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable
from brokers.port import BrokerSpec, Environment, Hosts
from brokers.transport import USER_AGENT, ledger_at
from brokers.transport.refusals import Doorstep
from brokers.vault import Secret

FORM = "application/x-www-form-urlencoded"
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 10.0
LARGEST_ANSWER = 256 * 1024
SAFETY_SECONDS = 5
UNSTATED_LIFE = 300
LONGEST_LIFE = 24 * 3600
OUR_CLIENT_IS_WRONG = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})
SO_WITH_401 = frozenset({"access_denied"})  # with another status it may be about the person
ERROR_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
TOKEN_TEXT = re.compile(r"[\x21-\x7e]{1,16384}")


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at a broker: the installation's client, or one that a person brought."""

    client_id: str
    secret: Secret

    @property
    def is_set_up(self) -> bool:
        return bool(self.client_id and self.secret)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave. ``expires_at`` is counted from before the request went out."""

    access_token: Secret
    refresh_token: Secret | None
    expires_at: datetime
    scopes: str


@dataclass(frozen=True, slots=True)
class Provider:
    """One environment of one broker, as OAuth sees it."""

    spec: BrokerSpec
    environment: Environment
    hosts: Hosts
    client: Client

    @property
    def title(self) -> str:
        return f"{self.spec.title} {self.environment.upper()}"

    @property
    def redirect_uri(self) -> str:
        return redirect_uri(self.spec.name, self.environment)

    @property
    def authorize_origin(self) -> str:
        parts = urlsplit(self.hosts.authorize)
        return f"{parts.scheme}://{parts.netloc}"

    def is_issuer(self, issuer: str) -> bool:
        """Whether an ``iss`` that came back (RFC 9207) names one of this provider's own hosts."""
        own = {urlsplit(url).netloc for url in (self.hosts.authorize, self.hosts.token, self.hosts.api)}
        return urlsplit(issuer).netloc in own


def redirect_uri(broker: str, environment: str) -> str:
    """The one address a broker's environment may send people back to."""
    return str(settings.BASE_URL) + reverse("brokers:connect_callback", args=[broker, environment])


def hosts_for(broker: str, environment: str) -> Hosts:
    """A broker's hosts, with those that the installation replaced. LookupError when there are none."""
    own = registry.spec(broker).hosts.get(Environment(environment))
    override: Mapping[str, str] = settings.BROKER_HOSTS.get((broker, environment), {})
    if own is None:
        if not {"api", "authorize", "token"} <= override.keys():
            raise LookupError(f"{broker} has no {environment} environment here.")
        return Hosts(**override)
    return Hosts(
        api=override.get("api", own.api),
        authorize=override.get("authorize", own.authorize),
        token=override.get("token", own.token),
        streamer=override.get("streamer", own.streamer),
    )


def provider_for(broker: str, environment: str) -> Provider:
    """Raises LookupError for a broker or an environment that does not exist."""
    try:
        where = Environment(environment)
    except ValueError:
        raise LookupError(f"There is no environment called {environment!r}.") from None
    known: Mapping[str, str] = settings.BROKER_CLIENTS.get((broker, environment), {})
    client = Client(known.get("client_id", ""), Secret(known.get("client_secret", "")))
    return Provider(registry.spec(broker), where, hosts_for(broker, environment), client)


def authorize_url(provider: Provider, state: Secret, verifier: Secret) -> str:
    """Where to send the person, with our state and, where the broker takes it, the PKCE challenge."""
    with _session(provider, provider.client) as session:
        url, _ = session.create_authorization_url(
            provider.hosts.authorize,
            state=state.reveal(),
            code_verifier=verifier.reveal() if provider.spec.uses_pkce else None,
            **provider.spec.authorize_params,
        )
    return str(url)


def exchange_code(provider: Provider, code: Secret, verifier: Secret) -> Grant:
    """The grant for a code; ``NotAuthorized`` when the broker does not take the code."""
    extra = {"code_verifier": verifier.reveal()} if provider.spec.uses_pkce else {}
    with _session(provider, provider.client) as session:
        grant: Grant = session.ask(
            lambda options: session.fetch_token(code=code.reveal(), **extra, **options), by_person=True
        )
    return grant


def refresh(provider: Provider, client: Client, refresh_token: Secret, *, by_person: bool = False) -> Grant:
    """A fresh access token. Raises ``Unavailable`` (the grant may well live), ``NotAuthorized`` with
    ``grant_is_dead`` (the broker says that it does not) or ``Refused`` (our client is wrong).

    ``by_person``: somebody tries what they typed.
    """
    with _session(provider, client, scope=False) as session:
        grant: Grant = session.ask(
            lambda options: session.refresh_token(refresh_token=refresh_token.reveal(), **options),
            by_person=by_person,
        )
    return grant


def doorstep(provider: Provider) -> Doorstep:
    """What is counted before the provider's token endpoint."""
    return Doorstep(urlsplit(provider.hosts.token).netloc, provider.title, ledger_at(settings.REDIS_URL))


def _session(provider: Provider, client: Client, *, scope: bool = True) -> "_TokenSession":
    return _TokenSession(provider, client, " ".join(provider.spec.scopes) if scope else None)


class _TokenSession(OAuth2Session):  # type: ignore[misc]
    """Authlib's session for one exchange: bodies as the broker wants them, answers read strictly."""

    def __init__(self, provider: Provider, client: Client, scope: str | None) -> None:
        method = provider.spec.token_endpoint_auth
        super().__init__(
            client_id=client.client_id,
            client_secret=client.secret.reveal(),
            token_endpoint=provider.hosts.token,
            token_endpoint_auth_method=method,
            scope=scope,
            redirect_uri=provider.redirect_uri,
            code_challenge_method="S256" if provider.spec.uses_pkce else None,
        )
        self.provider = provider
        self.answer: dict[str, Any] = {}
        self.trust_env = False
        self.mount("https://", HTTPAdapter(max_retries=0))
        self.mount("http://", HTTPAdapter(max_retries=0))
        if method == "client_secret_post":
            self.register_client_auth_method((method, _client_in_the_body))

    def ask(self, exchange: Callable[[dict[str, Any]], Any], *, by_person: bool) -> Grant:
        """Run one exchange, unless too many were refused lately; whatever goes wrong is a ``BrokerError``."""
        with doorstep(self.provider).call(by_person=by_person):
            return self._asked(exchange)

    def _asked(self, exchange: Callable[[dict[str, Any]], Any]) -> Grant:
        """What goes wrong on the way is told without a trace of the request."""
        usual = {"User-Agent": USER_AGENT, "Accept": "application/json", "Content-Type": FORM}
        headers = {**usual, **self.provider.spec.token_headers}
        limits = (CONNECT_SECONDS, READ_SECONDS)
        asked_at = timezone.now()
        try:
            exchange({"headers": headers, "timeout": limits, "allow_redirects": False, "stream": True})
        except BrokerError:
            raise
        except (requests.RequestException, OSError, ValueError):
            raise Unavailable(
                f"{self.provider.title} can't be reached to renew the sign-in. It is tried again by itself.",
                broker=self.provider.spec.name,
            ) from None
        return _grant(self.answer, asked_at, self.provider)

    def parse_response_token(self, response: requests.Response) -> Any:
        self.answer = read_answer(self.provider, response.status_code, response.headers, _body(response))
        self.token = {"token_type": "Bearer", "access_token": "kept elsewhere"}
        return self.token


def _client_in_the_body(client: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, str]:
    """``client_secret_post``, as a form or as JSON, whichever the broker's Content-Type says; an id may be absent."""
    text = body.decode() if isinstance(body, bytes) else body or ""
    fields = dict(parse_qsl(text)) | {"client_secret": client.client_secret}
    if client.client_id:
        fields["client_id"] = client.client_id
    as_json = str(headers.get("Content-Type", "")).startswith("application/json")
    return uri, headers, json.dumps(fields) if as_json else urlencode(fields)


def _body(response: requests.Response) -> bytes:
    """The body within its limits of size and time, so that a trickle can't hold us."""
    deadline = time.monotonic() + TOTAL_SECONDS
    body = bytearray()
    try:
        while piece := response.raw.read1(8192, decode_content=True):
            body += piece
            if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
                raise ValueError("too much or too slow")
    except Exception:
        raise ValueError("the answer broke off") from None
    finally:
        response.close()
    return bytes(body)


def read_answer(provider: Provider, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The token endpoint's JSON, or the ``BrokerError`` it stands for."""
    title, name = provider.title, provider.spec.name
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    code, words = _error_in(answer)
    if status == 429:
        wait = headers.get("Retry-After", "")
        message = f"{title} asks for fewer sign-in requests. It is tried again by itself."
        raise RateLimited(message, broker=name, retry_after=float(wait) if wait.isdecimal() else None)
    if not isinstance(answer, dict) or status >= 500 or 300 <= status < 400:
        raise Unavailable(f"{title} did not answer the sign-in request (status {status}).", broker=name)
    if code:
        raise _error(provider, code, words, status)
    if not 200 <= status < 300:
        raise Unavailable(f"{title} refused the sign-in request without a reason (status {status}).", broker=name)
    return answer


def _error_in(answer: Any) -> tuple[str, str]:
    """Code and description of an OAuth error: RFC 6749's shape, the one with ``error_code``, or an ``error`` object."""
    if not isinstance(answer, dict):
        return "", ""
    error = answer.get("error") or answer.get("error_code")
    words = answer.get("error_description") or ""
    if isinstance(error, dict):
        words = error.get("message") or words
        error = error.get("code")
    if not error:
        return "", ""
    code = str(error) if ERROR_CODE.fullmatch(str(error)) else "unreadable_error"
    return code, str(words)


def _error(provider: Provider, code: str, words: str, status: int) -> BrokerError:
    title, name = provider.title, provider.spec.name
    if code == "invalid_grant":
        message = f"{title} no longer accepts this permission (it may have been removed there). Connect again."
        return NotAuthorized(message, broker=name, broker_code=code, status=status, grant_is_dead=True)
    if code in OUR_CLIENT_IS_WRONG or (status == 401 and code in SO_WITH_401):
        message = f"{title} does not accept the OAuth client ({code}): its id or secret is not right."
        return Refused(message, broker=name, broker_code=code, status=status)
    return Unavailable(f"{title} could not renew the sign-in ({code}).", broker=name, broker_code=code)


def _grant(answer: Mapping[str, Any], asked_at: datetime, provider: Provider) -> Grant:
    access_token = answer.get("access_token")
    if not isinstance(access_token, str) or not TOKEN_TEXT.fullmatch(access_token):
        raise Unavailable(f"{provider.title} answered the sign-in without a token.", broker=provider.spec.name)
    refresh_token = answer.get("refresh_token")
    usable = isinstance(refresh_token, str) and TOKEN_TEXT.fullmatch(refresh_token)
    return Grant(
        access_token=Secret(access_token),
        refresh_token=Secret(str(refresh_token)) if usable else None,
        expires_at=asked_at + timedelta(seconds=lifetime(answer.get("expires_in")) - SAFETY_SECONDS),
        scopes=_scopes(answer.get("scope")),
    )


def lifetime(expires_in: Any) -> int:
    """Seconds a token lives: what was said if it is a number, not more than a day; a short while if unsaid."""
    if isinstance(expires_in, bool) or expires_in is None:
        return UNSTATED_LIFE
    try:
        return max(0, min(int(float(expires_in)), LONGEST_LIFE))
    except (TypeError, ValueError):
        return UNSTATED_LIFE
    except OverflowError:
        return 0 if str(expires_in).startswith("-") else LONGEST_LIFE


def _scopes(scope: Any) -> str:
    return " ".join(scope.split())[:255] if isinstance(scope, str) else ""
