"""A bad half hour at the token endpoint, by a clock that the test turns: passing trouble passes, a dead grant is sure.

The connection's own times are moved into the past instead of waiting, so every second of the half hour is asked about.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connections as databases
from reliability_times import pass_time
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers import oauth
from brokers.connections import tokens as token_module
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.transport.refusals import Refusals
from brokers.vault import Secret

State = Connection.State
DEAD = {
    "tastytrade": Told({"error_code": "invalid_grant", "error_description": "Grant has been revoked"}, 400),
    "tradestation": Told({"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}, 403),
}
PASSING = {
    "502 page": Told(b"<html>502</html>", 502),
    "500 empty": Told(b"", 500),
    "503 document": Told({"error": "temporarily_unavailable"}, 503),
    "429": Told(b"", 429),
    "page for JSON": Told(b"<html>sign in</html>", 200),
    "not a customer": Told({"error_code": "invalid_request", "error_description": "not a customer"}, 400),
    "unheard of": Told({"error": "what_is_this"}, 400),
    "no answer": Told(drop=True),
    "too late": Told(seconds=1.0),
    "cut off": Told(b'{"access_token": "canary', 200),
}


def reread(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


@dataclass
class Clock:
    """Time as the connection sees it. ``tries``: the seconds at which the endpoint was asked; ``pauses``: for how long
    it was then to be left alone."""

    connection: Connection
    tokens: TokenServer
    second: int = 0
    tries: list[int] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def run(self, seconds: int, every: int = 1) -> None:
        for _ in range(0, seconds, every):
            self.ask()
            pass_time(self.connection, every)
            self.second += every

    def ask(self) -> None:
        before = len(self.tokens.asked)
        try:
            self.outcomes.append(desk.access_token(self.connection.pk))
        except BrokerError as error:
            self.outcomes.append(type(error).__name__)
        asked = len(self.tokens.asked) - before
        self.tries += [self.second] * asked
        row = reread(self.connection)
        if asked and row.not_before is not None and row.last_error_at is not None:
            self.pauses.append((row.not_before - row.last_error_at).total_seconds())


@pytest.fixture
def clock(tokens: TokenServer, either: Connection, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """With a token that has run out and the installation's own client, whose secret is no person's fault."""
    monkeypatch.setattr(oauth, "READ_SECONDS", 5.0)
    Connection.objects.filter(pk=either.pk).update(grant_kind="redirect", sealed_client_secret=None)
    pass_time(either, 3600)
    clock, real = Clock(either, tokens), oauth.doorstep
    monkeypatch.setattr(oauth, "doorstep", lambda each: replace(real(each), now=lambda: 1e9 + clock.second))
    return clock


def bear_half_an_hour(clock: Clock, told: Told) -> None:
    """The trouble, and what must be true of it and after it."""
    oauth.READ_SECONDS = 0.03 if told.seconds else 5.0  # restored with the fixture
    clock.tokens.always = told
    clock.run(1800, every=15)
    oauth.READ_SECONDS = 5.0
    assert reread(clock.connection).state == State.CONNECTED
    assert set(clock.outcomes) <= {"Unavailable", "RateLimited", "HeldBack"}
    assert 1800 / 75 <= len(clock.tries) <= 90, "neither given up nor a storm"
    assert max(clock.pauses) <= 60, "never longer than a minute"
    assert max(clock.pauses[:3]) <= 4 < min(clock.pauses[7:]), "growing"
    assert len(set(clock.pauses[7:])) > 10, "spread by chance"
    if told.status == 400:  # a refusal, be it in words that may pass: brokers block an address for too many
        in_ten_minutes = [sum(at <= each < at + 600 for each in clock.tries) for at in clock.tries]
        assert max(in_ten_minutes) <= 20
    row = reread(clock.connection)
    assert row.last_error, "and the card says why"
    clock.tokens.always = None
    ended = clock.second
    clock.run(65, every=5)
    assert 0 <= clock.tries[-1] - ended <= 60, "up again within a minute"
    assert clock.outcomes[-1].startswith("canary-access")
    row = reread(clock.connection)
    assert (row.state, row.fail_count, row.last_error) == (State.CONNECTED, 0, "")


@pytest.mark.parametrize("told", PASSING.values(), ids=PASSING.keys())
def test_half_an_hour_of_passing_trouble_is_borne_and_over_within_a_minute(clock: Clock, told: Told) -> None:
    bear_half_an_hour(clock, told)


def confirm_death(clock: Clock, dead: Told) -> None:
    """A grant that the broker calls dead: believed at the second answer, a minute or more after the first."""
    clock.tokens.always = dead
    clock.run(300, every=5)
    assert len(clock.tries) == 2, "two answers, and then no more"
    assert clock.tries[1] - clock.tries[0] >= 60
    first_death = clock.outcomes.index("NotAuthorized")
    assert set(clock.outcomes[:first_death]) == {"Unavailable"}
    assert set(clock.outcomes[first_death:]) == {"NotAuthorized"}
    assert reread(clock.connection).state == State.NEEDS_SIGN_IN


def test_a_dead_grant_is_believed_at_the_second_answer_a_minute_later(clock: Clock) -> None:
    confirm_death(clock, DEAD[clock.connection.broker])


def test_a_grant_that_was_renewed_between_two_refusals_is_not_dead(clock: Clock) -> None:
    """The second answer must be about the same grant: the version counts."""
    clock.tokens.always = DEAD[clock.connection.broker]
    clock.run(30, every=5)
    clock.tokens.always = None
    pass_time(clock.connection, 60)
    clock.ask()
    assert clock.outcomes[-1].startswith("canary-access")
    pass_time(clock.connection, 3600)
    clock.tokens.always = DEAD[clock.connection.broker]
    clock.run(30, every=5)
    assert reread(clock.connection).state == State.CONNECTED


# What the same harness must catch


def test_a_desk_that_takes_any_refusal_for_death_is_noticed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_refusal_words", lambda row, error: "It is over.")
    with pytest.raises(AssertionError):
        bear_half_an_hour(clock, PASSING["not a customer"])


def test_a_desk_that_believes_the_first_refusal_is_noticed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_is_confirmed", lambda row, now: True)
    with pytest.raises(AssertionError):
        confirm_death(clock, DEAD[clock.connection.broker])


def test_a_desk_that_never_pauses_is_noticed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_pause", lambda *_, **__: timedelta(0))
    with pytest.raises(AssertionError):
        bear_half_an_hour(clock, PASSING["500 empty"])


# Many connections with one secret that is wrong: an address is blocked for too many refused sign-ins


def try_all(tokens: TokenServer, rows: list[Connection]) -> tuple[int, set[str]]:
    """Everybody wants a token for ten minutes, in four threads: how often the endpoint was asked, and what was said."""
    tokens.always = Told({"error": "invalid_client"}, 401)
    said: set[str] = set()

    def ask(row: Connection) -> None:
        try:
            desk.access_token(row.pk)
        except BrokerError as error:
            said.add(error.message)
        finally:
            databases.close_all()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            list(pool.map(ask, rows))
            for row in rows:
                pass_time(row, 120)
    return len(tokens.asked), said


@pytest.fixture
def many(tokens: TokenServer, transactional_db: None, connect: Callable[..., Connection]) -> list[Connection]:
    rows = []
    for number in range(12):
        user = User.objects.create_user(f"user{number}")
        row = connect(user, accounts=[f"5WT1{number:04d}"])
        Connection.objects.filter(pk=row.pk).update(grant_kind="redirect", sealed_client_secret=None)
        pass_time(row, 3600)
        rows.append(reread(row))
    return rows


def test_a_wrong_secret_of_many_connections_is_tried_ten_times_in_ten_minutes(
    tokens: TokenServer, many: list[Connection]
) -> None:
    asked, said = try_all(tokens, many)
    assert asked == 10
    assert any("refused too many sign-ins" in words and "ET" in words for words in said), said
    held = [row.last_error for row in map(reread, many) if "refused too many" in row.last_error]
    assert held, "and the card says it"
    assert {reread(row).state for row in many} == {State.CONNECTED}


def test_a_desk_that_counts_no_refusals_is_noticed(
    tokens: TokenServer, many: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusals, "begin", lambda self, name, now, most: (self, None))
    assert try_all(tokens, many)[0] > 10


def test_what_people_paste_leaves_renewals_their_share(tokens: TokenServer, connection: Connection) -> None:
    tokens.always = Told({"error": "invalid_client"}, 401)
    bob, wrong = User.objects.create_user("bob"), Secret("wrong")
    for _ in range(8):
        with pytest.raises(BrokerError):
            desk.connect_personal(bob, "tastytrade", "sim", wrong, wrong)
    assert len(tokens.asked) == 5
    tokens.always = None
    pass_time(connection, 3600)
    assert desk.access_token(connection.pk).startswith("canary-access")


# How often a broken sign-in knocks at the broker's door (its address may be locked out for it)


def knock(clock: Clock, told: Told) -> int:
    """An hour in which somebody wants the token again and again; how often the endpoint was asked."""
    clock.tokens.always = told
    for _ in range(0, 3600, 20):
        with contextlib.suppress(BrokerError):
            desk.access_token(clock.connection.pk)
        pass_time(clock.connection, 20)
    return len(clock.tokens.asked)


def test_a_dead_grant_knocks_twice_an_hour(clock: Clock) -> None:
    assert knock(clock, DEAD[clock.connection.broker]) <= 3


def test_a_personal_grants_wrong_secret_knocks_twice_an_hour(tokens: TokenServer, connection: Connection) -> None:
    pass_time(connection, 3600)
    clock = Clock(connection, tokens)
    assert knock(clock, Told({"error": "invalid_client"}, 401)) <= 3
    assert reread(connection).state == State.NEEDS_SIGN_IN


def test_a_desk_that_forgets_that_a_grant_is_dead_is_noticed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_is_confirmed", lambda row, now: False)
    assert knock(clock, DEAD[clock.connection.broker]) > 3
