"""Who may use the simulated brokers: clients, authorization codes, grants and tokens; no HTTP here."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from brokers.simulator.signed import Signer, encode

CODE_SECONDS = 600
SIGN_IN_SECONDS = 600
QUOTE_TOKEN_SECONDS = 86_400
ROTATING_SECONDS = 1_800
ROTATING_LIFE = 86_400


class GrantError(Exception):
    """A token request refused, with the code of RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class VerifierMismatch(GrantError):
    """A code that was asked for by somebody who has the verifier, redeemed by somebody who has not."""


@dataclass(frozen=True)
class Client:
    """A program registered with one broker, and the addresses it may be sent back to.

    ``public``: it has no secret and proves itself by PKCE alone; ``rotates``: each refresh replaces the token.
    """

    client_id: str
    broker: str
    redirect_uris: tuple[str, ...]
    secret: str
    name: str = ""
    public: bool = False
    rotates: bool = False


@dataclass(frozen=True)
class Caller:
    """Whom an access token stands for."""

    user: str
    client_id: str
    broker: str
    scopes: frozenset[str]
    grant: str


@dataclass(frozen=True)
class AuthorizationRequest:
    """What a person is asked to allow, already checked."""

    client: Client
    redirect_uri: str
    scope: str
    state: str | None
    code_challenge: str


@dataclass
class Authority:
    """Mints and reads every token. ``now`` tells the time that lifetimes are counted in."""

    signer: Signer
    now: Callable[[], datetime]
    clients: dict[str, Client] = field(default_factory=dict)
    revoked: dict[str, float] = field(default_factory=dict)
    used_codes: dict[str, float] = field(default_factory=dict)
    rotations: dict[str, int] = field(default_factory=dict)
    changes: int = 0

    def moment(self) -> float:
        return self.now().timestamp()

    # Clients

    def register(
        self,
        broker: str,
        redirect_uris: tuple[str, ...],
        *,
        name: str = "",
        client_id: str | None = None,
        client_secret: str | None = None,
        public: bool = False,
        rotates: bool = False,
    ) -> Client:
        """A client; without an id of its own it gets one that says by itself what was registered."""
        if client_id is None:
            claims: dict[str, Any] = {"broker": broker, "uris": list(redirect_uris), "name": name}
            claims |= {"public": True} if public else {}
            claims |= {"rotates": True} if rotates else {}
            client_id = self.signer.sign("client", claims)
        secret = client_secret or self.signer.secret_for(client_id)
        client = Client(client_id, broker, redirect_uris, secret, name, public, rotates)
        if self.clients.get(client_id) != client:
            self.clients[client_id] = client
            self.changes += 1
        return client

    def client(self, client_id: str) -> Client | None:
        """A registered client, or one whose id carries its own registration."""
        if client_id in self.clients:
            return self.clients[client_id]
        claims = self.signer.read("client", client_id)
        if claims is None:
            return None
        uris, secret = tuple(claims["uris"]), self.signer.secret_for(client_id)
        public, rotates = bool(claims.get("public")), bool(claims.get("rotates"))
        return Client(client_id, claims["broker"], uris, secret, claims["name"], public, rotates)

    # The authorize pages

    def remember_sign_in(self, user: str, client_id: str) -> str:
        """What the consent form carries so that nobody has to type the password twice."""
        claims = {"user": user, "client": client_id, "exp": self.moment() + SIGN_IN_SECONDS}
        return self.signer.sign("sign-in", claims)

    def signed_in(self, ticket: str, client_id: str) -> str | None:
        claims = self.signer.read("sign-in", ticket)
        if claims is None or claims["client"] != client_id or claims["exp"] < self.moment():
            return None
        return str(claims["user"])

    def issue_code(self, asked: AuthorizationRequest, user: str) -> str:
        claims = {
            "jti": secrets.token_hex(8),
            "user": user,
            "client": asked.client.client_id,
            "uri": asked.redirect_uri,
            "scope": asked.scope,
            "challenge": asked.code_challenge,
            "exp": self.moment() + CODE_SECONDS,
        }
        return self.signer.sign("code", claims)

    # Grants and tokens

    def redeem(self, client: Client, code: str, redirect_uri: str, verifier: str) -> tuple[str, str]:
        """The refresh token and scope that a code stands for, once; raises ``GrantError``."""
        claims = self.signer.read("code", code)
        if claims is None or claims["client"] != client.client_id:
            raise GrantError("invalid_grant", "Invalid authorization code")
        if claims["exp"] < self.moment():
            raise GrantError("invalid_grant", "The authorization code has expired")
        if claims["jti"] in self.used_codes:
            raise GrantError("invalid_grant", "The authorization code was already used")
        if claims["uri"] != redirect_uri:
            raise GrantError("invalid_grant", "redirect_uri does not match the authorization request")
        if claims["challenge"] and not _proves(claims["challenge"], verifier):
            raise VerifierMismatch("invalid_grant", "code_verifier does not match code_challenge")
        self.used_codes[claims["jti"]] = claims["exp"]
        self.changes += 1
        return self.grant(client, claims["user"], claims["scope"]), str(claims["scope"])

    def grant(self, client: Client, user: str, scope: str) -> str:
        """A refresh token. It has no end of its own; revoking ends it."""
        claims = {
            "iss": f"{client.broker}-simulator",
            "aud": client.client_id,
            "sub": user,
            "scope": scope,
            "iat": self.moment(),
            "jti": secrets.token_hex(8),
        }
        return self.signer.sign("rt+jwt", claims)

    def refreshable(self, client: Client | None, refresh_token: str) -> dict[str, Any]:
        """The claims of a live refresh token of this client (of any, with None); raises ``GrantError``."""
        claims = self.signer.read("rt+jwt", refresh_token)
        if claims is None:
            raise GrantError("invalid_grant", "Invalid JWT")
        if client is not None and claims["aud"] != client.client_id:
            raise GrantError("invalid_grant", "The grant was issued to another client")
        if self.is_revoked(claims["jti"], claims["aud"], claims["sub"], claims["iat"]):
            raise GrantError("invalid_grant", "Grant has been revoked")
        self._check_rotation(claims)
        return claims

    def _check_rotation(self, claims: Mapping[str, Any]) -> None:
        """A token that was replaced, shown again, ends the grant: one of the two who have it is a thief."""
        if claims.get("turn", 0) < self.rotations.get(claims["jti"], 0):
            self.revoke(grant=claims["jti"], access_tokens=False)
            raise GrantError("invalid_grant", "The refresh token was already replaced")
        if "exp" in claims and claims["exp"] < self.moment():
            raise GrantError("invalid_grant", "The refresh token has expired")

    def rotate(self, claims: Mapping[str, Any]) -> str:
        """The refresh token that takes the place of this one: good for half an hour, a day after the first at most."""
        now, turn = self.moment(), self.rotations.get(claims["jti"], 0) + 1
        born = claims.get("born", now)
        self.rotations[claims["jti"]] = turn
        self.changes += 1
        ends = min(now + ROTATING_SECONDS, born + ROTATING_LIFE)
        return self.signer.sign("rt+jwt", {**claims, "turn": turn, "born": born, "exp": ends})

    def access_token(self, claims: Mapping[str, Any], scope: str, seconds: float) -> str:
        """A new access token; older ones of the grant stay good until their own end."""
        now = self.moment()
        body = {key: claims[key] for key in ("aud", "sub", "jti", "iat", "iss")}
        return self.signer.sign("at+jwt", {**body, "scope": scope, "exp": now + seconds, "n": secrets.token_hex(4)})

    def caller(self, access_token: str) -> Caller | None:
        """Whom a token stands for; None when it is foreign, expired or its grant was revoked with its tokens."""
        claims = self.signer.read("at+jwt", access_token)
        if claims is None or claims["exp"] <= self.moment():
            return None
        client = self.client(claims["aud"])
        if client is None or self.is_revoked(claims["jti"], claims["aud"], claims["sub"], claims["iat"], "access:"):
            return None
        scopes = frozenset(claims["scope"].split())
        return Caller(claims["sub"], client.client_id, client.broker, scopes, claims["jti"])

    def revoke(self, *, grant: str = "", client_id: str = "", user: str = "", access_tokens: bool = True) -> None:
        """End one grant, or all that a user gave a client until now (either may be left out)."""
        key = grant or f"{client_id}|{user}"
        for prefix in ("", "access:") if access_tokens else ("",):
            self.revoked[prefix + key] = self.moment()
        self.changes += 1

    def is_revoked(self, grant: str, client_id: str, user: str, issued: float, prefix: str = "") -> bool:
        if prefix + grant in self.revoked:
            return True
        broad = (f"{client_id}|{user}", f"{client_id}|", f"|{user}")
        return any(self.revoked.get(prefix + key, -1.0) >= issued for key in broad)

    # Market data

    def quote_token(self, user: str) -> tuple[str, float]:
        """A token for the quote feed, and when it ends (epoch seconds)."""
        ends = self.moment() + QUOTE_TOKEN_SECONDS
        return self.signer.sign("quotes", {"user": user, "exp": ends, "n": secrets.token_hex(4)}), ends

    def quote_user(self, token: str) -> str | None:
        claims = self.signer.read("quotes", token)
        return None if claims is None or claims["exp"] <= self.moment() else str(claims["user"])

    # Keeping

    def snapshot(self) -> dict[str, Any]:
        """What must survive a restart and cannot be worked out from the key."""
        clients = [
            {"id": each.client_id, "broker": each.broker, "uris": list(each.redirect_uris), "secret": each.secret}
            | {"name": each.name, "public": each.public, "rotates": each.rotates}
            for each in self.clients.values()
        ]
        kept = {"clients": clients, "revoked": self.revoked, "used_codes": self.used_codes}
        return kept | {"rotations": self.rotations}

    def restore(self, saved: Mapping[str, Any]) -> None:
        for each in saved["clients"]:
            uris = tuple(str(uri) for uri in each["uris"])
            kinds = bool(each.get("public")), bool(each.get("rotates"))
            self.clients[each["id"]] = Client(each["id"], each["broker"], uris, each["secret"], each["name"], *kinds)
        self.revoked.update({str(key): float(at) for key, at in saved["revoked"].items()})
        self.used_codes.update({str(key): float(at) for key, at in saved["used_codes"].items()})
        self.rotations.update({str(key): int(turn) for key, turn in saved.get("rotations", {}).items()})


def same(one: str, other: str) -> bool:
    """Compare secrets without telling by the time taken where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _proves(challenge: str, verifier: str) -> bool:
    return same(encode(hashlib.sha256(verifier.encode()).digest()), challenge)
