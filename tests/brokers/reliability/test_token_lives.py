"""What a broker may say of a token's life, and processes whose clocks disagree: no dead token is given, nobody storms.

Processes are played one after another, each with a clock of its own; the database's clock is the right one. Time passes
by moving what the connection remembers into the past.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from reliability_times import pass_time
from token_server import TokenServer

from brokers import connections as desk
from brokers import oauth
from brokers.connections import clock, tokens
from brokers.errors import Unavailable
from brokers.models import Connection

LIVES: list[Any] = [1, 60, 900, 1200, ..., -5, "900", 10**12]
SKEWS = (timedelta(minutes=10), timedelta(0), timedelta(minutes=-10))
STEP = 10
TURN = 400


def true_life(told: Any) -> float:
    """How long the broker in truth takes a token, in seconds; one of whose life it says nothing, a day."""
    return float(told) if told is not ... else 86_400.0


@pytest.fixture
def as_process(monkeypatch: pytest.MonkeyPatch) -> "Become":
    """Become a process whose clock goes wrong by so much."""
    right = timezone.now

    def become(skew: timedelta) -> None:
        def now() -> datetime:
            return right() + skew

        monkeypatch.setattr(timezone, "now", now)

    return become


Become = Callable[[timedelta], None]


def live_through(server: TokenServer, connection: Connection, told: Any, as_process: Become) -> int:
    """Three processes ask again and again, side by side for ten minutes and then in turns: what they are given must
    live by the broker's own book, and the endpoint not be asked more than once in half a minute. How often it was."""
    server.expires_in = told
    asked_at: list[int] = []
    given_at = {"canary-access-0001": -1_000_000}
    for second in range(0, 600 + 4 * TURN, STEP):
        for skew in SKEWS if second < 600 else (SKEWS[second // TURN % len(SKEWS)],):
            as_process(skew)
            before = len(server.asked)
            with contextlib.suppress(Unavailable):
                token = desk.access_token(connection.pk)
                given_at.setdefault(token, second)
                assert second - given_at[token] < true_life(told), "a token that is known dead"
            asked_at += [second] * (len(server.asked) - before)
        pass_time(connection, STEP)
    as_process(timedelta(0))
    assert all(b - a >= 30 for a, b in pairwise(asked_at)), f"a storm: {asked_at[:20]}"
    return len(asked_at)


@pytest.mark.parametrize("told", LIVES, ids=str)
def test_whatever_life_is_told_no_dead_token_is_given_and_nobody_storms(
    tokens: TokenServer, either: Connection, as_process: Become, told: Any
) -> None:
    pass_time(either, 3600)
    times = live_through(tokens, either, told, as_process)
    assert times >= 1
    assert Connection.objects.get(pk=either.pk).is_connected


def own_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process goes by its own clock."""
    monkeypatch.setattr(tokens_module, "now_of", lambda row: timezone.now())
    monkeypatch.setattr(tokens_module, "skew_of", lambda row: clock.NONE)


def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short life is no reason to wait."""
    monkeypatch.setattr(tokens_module, "REFRESH_PAUSE", timedelta(0))


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token is taken to live an hour."""
    monkeypatch.setattr(oauth, "lifetime", lambda told: 3600)


tokens_module: Any = tokens
SABOTAGES: list[SimpleNamespace] = [
    SimpleNamespace(harm=own_clocks, told=900),
    SimpleNamespace(harm=no_pause, told=1),
    SimpleNamespace(harm=trusting, told=60),
]


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.harm.__name__)
def test_what_breaks_the_rule_is_noticed(
    tokens: TokenServer,
    connection: Connection,
    as_process: Become,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: SimpleNamespace,
) -> None:
    sabotage.harm(monkeypatch)
    pass_time(connection, 3600)
    with pytest.raises(AssertionError):
        live_through(tokens, connection, sabotage.told, as_process)
