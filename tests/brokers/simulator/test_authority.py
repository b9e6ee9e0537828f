"""Clients, codes, grants and tokens that carry themselves over a restart."""

import base64
import hashlib
from datetime import datetime, timedelta, timezone

import pytest

from brokers.simulator.authority import Authority, AuthorizationRequest, GrantError
from brokers.simulator.signed import Signer

NOON = datetime(2026, 11, 20, 17, tzinfo=timezone.utc)
BACK = "http://localhost:8000/callback"


class Wall:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def authority(wall: Wall, key: bytes = b"key") -> Authority:
    return Authority(Signer(key), wall)


def code_for(given: Authority, challenge: str = "") -> str:
    client = given.register("tastytrade", (BACK,))
    return given.issue_code(AuthorizationRequest(client, BACK, "read trade", "s", challenge), "demo")


def test_clients_and_grants_outlive_a_restart_with_the_same_key() -> None:
    wall = Wall()
    before = authority(wall)
    client = before.register("tastytrade", (BACK,), name="Blotter")
    grant = before.grant(client, "demo", "read")
    after = authority(wall)
    assert after.client(client.client_id) == client
    assert after.refreshable(client, grant)["sub"] == "demo"
    assert authority(wall, b"other").client(client.client_id) is None


def test_a_code_works_once_and_only_for_what_it_was_given() -> None:
    wall = Wall()
    given = authority(wall)
    client, code = given.register("tastytrade", (BACK,)), code_for(given)
    with pytest.raises(GrantError, match="redirect_uri"):
        given.redeem(client, code, "http://localhost:8000/other", "")
    other = given.register("tastytrade", (BACK, "http://localhost:9000/"))
    with pytest.raises(GrantError, match="Invalid"):
        given.redeem(other, code, BACK, "")
    assert given.redeem(client, code, BACK, "")[1] == "read trade"
    with pytest.raises(GrantError, match="already used"):
        given.redeem(client, code, BACK, "")


def test_a_code_ends_after_ten_minutes() -> None:
    wall = Wall()
    given = authority(wall)
    client, code = given.register("tastytrade", (BACK,)), code_for(given)
    wall.pass_seconds(601)
    with pytest.raises(GrantError, match="expired"):
        given.redeem(client, code, BACK, "")


def test_a_challenge_wants_its_verifier() -> None:
    given = authority(Wall())
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    client, code = given.register("tastytrade", (BACK,)), code_for(given, challenge)
    for wrong in ("", "w" * 43):
        with pytest.raises(GrantError, match="code_verifier"):
            given.redeem(client, code, BACK, wrong)
    assert given.redeem(client, code, BACK, verifier)


def test_an_access_token_lives_its_seconds() -> None:
    wall = Wall()
    given = authority(wall)
    client = given.register("tastytrade", (BACK,))
    claims = given.refreshable(client, given.grant(client, "demo", "read"))
    token = given.access_token(claims, "read", 900)
    caller = given.caller(token)
    assert caller is not None
    assert (caller.user, caller.scopes) == ("demo", {"read"})
    wall.pass_seconds(900)
    assert given.caller(token) is None


def test_revoking_ends_the_grant_and_if_asked_its_tokens() -> None:
    given = authority(Wall())
    client = given.register("tastytrade", (BACK,))
    one, two = given.grant(client, "demo", "read"), given.grant(client, "other", "read")
    claims = given.refreshable(client, one)
    token = given.access_token(claims, "read", 900)
    given.revoke(grant=claims["jti"], access_tokens=False)
    with pytest.raises(GrantError, match="revoked"):
        given.refreshable(client, one)
    assert given.caller(token) is not None
    given.revoke(grant=claims["jti"])
    assert given.caller(token) is None
    assert given.refreshable(client, two)


def test_a_users_grants_are_revoked_together_and_later_ones_are_good() -> None:
    wall = Wall()
    given = authority(wall)
    client = given.register("tastytrade", (BACK,))
    old = given.grant(client, "demo", "read")
    given.revoke(client_id=client.client_id, user="demo")
    with pytest.raises(GrantError, match="revoked"):
        given.refreshable(client, old)
    wall.pass_seconds(1)
    assert given.refreshable(client, given.grant(client, "demo", "read"))


def test_one_kind_of_token_does_not_pass_for_another() -> None:
    given = authority(Wall())
    client = given.register("tastytrade", (BACK,))
    grant = given.grant(client, "demo", "read")
    assert given.caller(grant) is None
    assert given.quote_user(grant) is None
    token, _ = given.quote_token("demo")
    assert given.quote_user(token) == "demo"
    assert given.caller(token) is None


def test_a_changed_letter_breaks_a_token() -> None:
    given = authority(Wall())
    token, _ = given.quote_token("demo")
    head, body, mac = token.split(".")
    flipped = body[:-1] + ("A" if body[-1] != "A" else "B")
    for broken in (f"{head}.{flipped}.{mac}", f"{head}.{body}.{mac[::-1]}", token + ".", "", "é.é.é"):
        assert given.quote_user(broken) is None


def test_what_was_registered_and_revoked_is_kept() -> None:
    wall = Wall()
    before = authority(wall)
    client = before.register("tastytrade", (BACK,), client_id="mine", client_secret="s3")
    grant = before.grant(client, "demo", "read")
    before.revoke(user="demo")
    after = authority(wall)
    after.restore(before.snapshot())
    assert after.client("mine") == client
    with pytest.raises(GrantError, match="revoked"):
        after.refreshable(client, grant)
