"""Buckets: never more than the budget, a share kept, the broker's word above all; and what goes wrong without."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.port import Budget
from brokers.simulator.tradestation.limits import Limits
from brokers.transport import buckets
from brokers.transport.buckets import KEPT, Bucket, told_by

BUDGET = Budget("positions", 30, 30)
GAPS = st.lists(st.tuples(st.floats(0, 5), st.booleans()), min_size=1, max_size=200)
HEADERS = {"x-ratelimit-limit": "320", "x-ratelimit-period": "300", "x-ratelimit-remaining": "311"}


def taken(bucket: Bucket, now: float, *, urgent: bool = False) -> tuple[Bucket, bool]:
    if bucket.wait(now, urgent=urgent) > 0:
        return bucket, False
    return bucket.taken(now), True


def spent(bucket: Bucket, now: float, *, urgent: bool = False) -> tuple[Bucket, int]:
    """The bucket when no more is to be had, and how much was."""
    calls = 0
    while True:
        bucket, went = taken(bucket, now, urgent=urgent)
        if not went:
            return bucket, calls
        calls += 1


# --- counted -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), GAPS)
def test_in_no_span_of_time_goes_out_more_than_the_budget(
    calls: int, seconds: int, asks: list[tuple[float, bool]]
) -> None:
    now, bucket, out = 0.0, Bucket.full(Budget("x", calls, seconds), 0.0), []
    for gap, urgent in asks:
        now += gap
        bucket, went = taken(bucket, now, urgent=urgent)
        if went:
            out.append(now)
    for first in range(len(out)):
        for last in range(first, len(out)):
            assert last - first + 1 <= calls + (out[last] - out[first]) * calls / seconds + 1e-6


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), GAPS)
def test_who_waits_as_long_as_told_goes_out(calls: int, seconds: int, asks: list[tuple[float, bool]]) -> None:
    now, bucket = 0.0, Bucket.full(Budget("x", calls, seconds), 0.0)
    for gap, urgent in asks:
        now += gap
        wait = bucket.wait(now, urgent=urgent)
        assert 0 <= wait <= seconds + 1e-6
        now += wait + 1e-6
        assert bucket.wait(now, urgent=urgent) == 0
        bucket = bucket.taken(now)


def test_ordinary_calls_leave_a_fifth_for_the_urgent_ones() -> None:
    bucket, ordinary = spent(Bucket.full(BUDGET, 0), 0)
    assert ordinary == 24
    assert spent(bucket, 0, urgent=True)[1] == 6


def test_without_a_kept_share_nothing_would_be_left_for_a_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "KEPT", 0.0)
    bucket, ordinary = spent(Bucket.full(BUDGET, 0), 0)
    assert (ordinary, spent(bucket, 0, urgent=True)[1]) == (30, 0)


def test_a_budget_of_one_call_can_be_used() -> None:
    assert spent(Bucket.full(Budget("x", 1, 60), 0), 0)[1] == 1


def test_calls_come_back_bit_by_bit() -> None:
    bucket, _ = spent(Bucket.full(BUDGET, 0), 0, urgent=True)
    assert bucket.wait(0, urgent=True) == pytest.approx(1)
    assert bucket.wait(0, urgent=False) == pytest.approx(7)
    assert spent(bucket, 12, urgent=True)[1] == 12
    assert spent(bucket, 9_999, urgent=True)[1] == 30


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    bucket, _ = spent(Bucket.full(BUDGET, 100), 100, urgent=True)
    assert bucket.wait(50, urgent=True) == pytest.approx(1)
    assert bucket.filled(50).left == pytest.approx(0)


# --- a 429 without figures ----------------------------------------------------------------------------------------


def test_a_bare_429_halves_the_budget_and_the_calls_left() -> None:
    bucket = Bucket.full(BUDGET, 0).heard(0, 429, {}, None)
    assert bucket.most(0) == 15
    assert bucket.filled(0).left == 15
    assert bucket.wait(0, urgent=False) >= 1
    assert bucket.wait(0, urgent=True) == 0, "a cancel is not held back by a guess"


def test_one_burst_of_429_halves_once() -> None:
    bucket = Bucket.full(BUDGET, 0)
    for now in (0.0, 0.1, 0.5, 2.0):
        bucket = bucket.heard(now, 429, {}, None)
    assert bucket.most(2.0) == pytest.approx(15, rel=0.01)


def test_each_further_429_halves_again_and_rests_twice_as_long_but_not_for_ever() -> None:
    bucket, now, rests = Bucket.full(BUDGET, 0), 0.0, []
    for _ in range(10):
        bucket = bucket.heard(now, 429, {}, None)
        rests.append(round(bucket.rests_until - now, 3))
        now += max(6.0, rests[-1])
    assert all(later >= earlier for earlier, later in pairwise(rests))
    assert rests[:2] == [2.0, pytest.approx(8, rel=0.1)]
    assert max(rests) == 60
    assert bucket.most(now) >= 30 / 16


def test_a_halved_budget_recovers_slowly() -> None:
    bucket = Bucket.full(BUDGET, 0).heard(0, 429, {}, None).heard(10, 200, {}, None)
    assert bucket.most(60) == pytest.approx(16.5)
    assert bucket.most(300) == pytest.approx(22.5)
    assert bucket.most(600) == 30
    assert bucket.most(6000) == 30


def test_a_pause_that_the_broker_asked_for_is_kept_within_reason() -> None:
    assert Bucket.full(BUDGET, 0).heard(0, 429, {}, 30).wait(0, urgent=False) == 30
    assert Bucket.full(BUDGET, 0).heard(0, 429, {}, 86_400).wait(0, urgent=False) == 300


# --- the broker's own figures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["x-ratelimit-", "X-RateLimit-", "RateLimit-"])
def test_the_brokers_figures_win(prefix: str) -> None:
    headers = {prefix + name.removeprefix("x-ratelimit-"): value for name, value in HEADERS.items()}
    bucket = Bucket.full(BUDGET, 0).heard(5, 200, headers, None)
    assert (bucket.limit, bucket.seconds, bucket.left, bucket.told) == (320, 300, 311, True)


def test_a_429_with_figures_halves_nothing() -> None:
    bucket = Bucket.full(BUDGET, 0).heard(0, 429, HEADERS | {"x-ratelimit-remaining": "0"}, None)
    assert (bucket.most(0), bucket.left) == (320, 0)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-ratelimit-remaining": "3"}, {"x-ratelimit-limit": "0"}, {"x-ratelimit-limit": "many"}, {"limit": "5"}],
)
def test_figures_that_cannot_be_read_tell_nothing(headers: dict[str, str]) -> None:
    assert told_by(headers) is None
    bucket = Bucket.full(BUDGET, 0)
    assert bucket.heard(0, 200, headers, None) == bucket


def test_more_left_than_the_limit_is_not_believed() -> None:
    assert Bucket.full(BUDGET, 0).heard(0, 200, HEADERS | {"x-ratelimit-remaining": "999"}, None).left == 320


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 400), st.integers(1, 400), GAPS)
def test_a_broker_that_tells_its_figures_is_never_asked_too_much(
    limit: int, period: int, guess: int, asks: list[tuple[float, bool]]
) -> None:
    """Against the simulator's own quotas: whatever we had assumed, from the first answer on nothing is refused."""
    now, bucket = 0.0, Bucket.full(Budget("x", guess, 300), 0.0)
    broker = Limits(lambda: {"balances": [limit, period]}, lambda: now)
    for gap, urgent in asks:
        now += gap
        bucket, went = taken(bucket, now, urgent=urgent)
        if went:
            allowed, headers = broker.spend("key", "user", "balances")
            assert allowed
            bucket = bucket.heard(now, 200, headers, None)


def test_the_kept_share_is_a_fifth() -> None:
    assert KEPT == 0.2
