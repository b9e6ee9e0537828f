"""How many refused sign-ins a token endpoint sees: never more than it stands, in however many processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import servers
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable
from brokers.transport.ledger import OwnLedger
from brokers.transport.refusals import LONGEST_CALL, MOST, MOST_BY_PEOPLE, PROBE, WINDOW, Doorstep, HeldBack, Refusals

ROOT = Path(__file__).resolve().parents[3]
WRONG = Refused("The secret is wrong.", broker_code="invalid_client")
DEAD = NotAuthorized("The grant is gone.", broker_code="invalid_grant", grant_is_dead=True)
ODD = Unavailable("Not a customer.", broker_code="invalid_request")
AWAY = Unavailable("It can't be reached.")
SLOW_DOWN = RateLimited("Fewer.", broker_code="too_many_requests")
WORKER = """
import sys
from brokers.errors import Refused
from brokers.transport.ledger import ledger_at
from brokers.transport.refusals import Doorstep, HeldBack
door, went = Doorstep(sys.argv[2], "A broker", ledger_at(sys.argv[1])), 0
sys.stdin.readline()
for _ in range(20):
    try:
        with door.call(by_person=False):
            went += 1
            raise Refused("no")
    except HeldBack:
        pass
    except Refused:
        pass
print(went)
"""


class Steered:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.at = 1e9

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> Steered:
    return Steered()


@pytest.fixture
def door(clock: Steered) -> Doorstep:
    return Doorstep("api.example.com", "A broker LIVE", OwnLedger(), clock.now, clock.sleep)


def call(door: Doorstep, came: BrokerError | None, *, by_person: bool = False) -> bool:
    """Whether a call went out."""
    went = False
    with suppress(HeldBack, *([type(came)] if came is not None else [])), door.call(by_person=by_person):
        went = True
        if came is not None:
            raise came
    return went


@pytest.mark.parametrize("came", [WRONG, DEAD])
def test_after_ten_refusals_none_goes_out_until_the_first_is_ten_minutes_old(
    door: Doorstep, clock: Steered, came: BrokerError
) -> None:
    first = clock.at
    for _ in range(MOST):
        assert call(door, came)
        clock.at += 10
    with pytest.raises(HeldBack, match=r"refused too many sign-ins.*asked again at \d\d:\d\d:\d\d ET") as held:
        door._begin("another", MOST)
    assert held.value.retry_after == pytest.approx(first + WINDOW - clock.at)
    clock.at = first + WINDOW - 0.01
    assert not call(door, came)
    clock.at = first + WINDOW
    assert call(door, came)
    assert not call(door, came)


def test_people_who_try_secrets_have_half_of_it(door: Doorstep) -> None:
    assert [call(door, WRONG, by_person=True) for _ in range(MOST)].count(True) == MOST_BY_PEOPLE
    assert [call(door, WRONG) for _ in range(MOST)].count(True) == MOST - MOST_BY_PEOPLE


@pytest.mark.parametrize("came", [None, AWAY, SLOW_DOWN])
def test_what_is_no_refusal_does_not_count(door: Doorstep, came: BrokerError | None) -> None:
    assert all(call(door, came) for _ in range(5 * MOST))


def test_a_success_does_not_make_refusals_undone(door: Doorstep) -> None:
    assert all(call(door, each) for each in (*(WRONG, None) * (MOST - 1), WRONG))
    assert not call(door, None)


def test_trouble_that_may_pass_is_looked_at_once_a_minute_and_forgotten_when_it_is_over(
    door: Doorstep, clock: Steered
) -> None:
    assert all(call(door, ODD) for _ in range(MOST))
    for _ in range(5):
        assert not call(door, ODD)
        clock.at += PROBE
        assert call(door, ODD)
    clock.at += PROBE
    assert call(door, None)
    assert all(call(door, ODD) for _ in range(MOST))


def test_calls_under_way_count_as_if_they_were_refused(door: Doorstep, clock: Steered) -> None:
    known = Refusals()
    for number in range(MOST):
        known, held = known.begin(str(number), clock.at, MOST)
        assert held is None
    assert known.begin("one more", clock.at, MOST)[1] == (None,)
    assert known.end("3", clock.at, None).begin("one more", clock.at, MOST)[1] is None
    assert known.end("3", clock.at, WRONG).begin("one more", clock.at, MOST)[1] == (None,)


def test_a_call_whose_process_died_counts_as_refused(clock: Steered) -> None:
    known = Refusals()
    for number in range(MOST):
        known, _ = known.begin(str(number), clock.at, MOST)
    later = clock.at + LONGEST_CALL
    assert known.begin("another", later, MOST)[1] is not None
    assert known.begin("another", clock.at + PROBE, MOST)[1] is None, "as trouble that may pass"
    assert known.at(clock.at + WINDOW) == Refusals()


@given(st.lists(st.tuples(st.sampled_from([WRONG, DEAD, ODD, AWAY, None]), st.floats(0, 200)), max_size=80))
def test_in_no_ten_minutes_are_there_more_than_ten_sure_refusals(steps: list[tuple[BrokerError | None, float]]) -> None:
    clock = Steered()
    door = Doorstep("api.example.com", "A broker LIVE", OwnLedger(), clock.now, clock.sleep)
    refused = []
    for came, pause in steps:
        if call(door, came) and came in (WRONG, DEAD):
            refused.append(clock.at)
        clock.at += pause
    assert all(sum(at <= other < at + WINDOW for other in refused) <= MOST for at in refused)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sure":1}', '{"sure":["x"],"passing":[],"under_way":[]}'])
def test_what_another_version_wrote_is_an_empty_count(text: str) -> None:
    assert Refusals.read(text) == Refusals()


def test_a_count_survives_being_written_down(clock: Steered) -> None:
    known, _ = Refusals((1.0,), (2.5,)).begin("x", 3.0, MOST)
    assert Refusals.read(known.text()) == known


# Several processes


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


def went_out(url: str, host: str) -> int:
    """How many calls three processes let out, all of which are refused."""
    command = [sys.executable, "-c", WORKER, url, host]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [subprocess.Popen(command, cwd=ROOT, env=os.environ, text=True, **pipes) for _ in range(3)]
    return sum(int(each.communicate("go\n", timeout=60)[0]) for each in started)


@pytest.mark.servers
def test_processes_that_share_a_redis_count_together_and_others_do_not(redis_url: str) -> None:
    assert went_out(redis_url, "one.example.com") == MOST
    assert went_out("", "two.example.com") == 3 * MOST  # the sabotaged twin
