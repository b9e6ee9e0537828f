"""The breaker: opens after failures in a row or too many of the latest, probes rarely, closes at the first answer."""

from brokers.transport.breaker import FORGOTTEN, IN_A_ROW, PROBE_EVERY, TOO_MANY, Breaker


def after(outcomes: str, gap: float = 0.1) -> Breaker:
    """A breaker after answers "." and failures "x"."""
    breaker = Breaker()
    for number, outcome in enumerate(outcomes):
        now = 100 + number * gap
        breaker = breaker.failed(now) if outcome == "x" else breaker.answered(now)
    return breaker


def test_it_opens_after_failures_in_a_row_and_tells_since_when() -> None:
    assert not after("x" * (IN_A_ROW - 1)).is_open
    breaker = after("." + "x" * IN_A_ROW)
    assert breaker.is_open
    assert breaker.since == 100.1


def test_an_answer_between_breaks_the_row() -> None:
    assert not after("xxxx.xxxx").is_open


def test_it_opens_when_most_of_the_latest_were_failures() -> None:
    assert after("xx." * 5 + "xx").is_open
    assert not after("x.." * 60).is_open
    assert TOO_MANY == 12


def test_failures_of_long_ago_say_nothing_of_now() -> None:
    assert not after("x" * 30, gap=FORGOTTEN + 1).is_open


def test_the_first_answer_closes_it_and_is_forgiving() -> None:
    closed = after("x" * IN_A_ROW).answered(200)
    assert (closed.is_open, closed.failures, closed.latest) == (False, 0, "")


def test_a_failed_probe_leaves_it_open_since_the_beginning() -> None:
    breaker = after("x" * IN_A_ROW)
    again = breaker.probed(breaker.probe_at).failed(breaker.probe_at + 1)
    assert again.is_open
    assert again.since == breaker.since
    assert again.probe_at == breaker.probe_at + PROBE_EVERY


def test_one_voice_alone_does_not_open_what_needs_two() -> None:
    breaker = Breaker()
    for number in range(50):
        breaker = breaker.failed(100 + number, "ann", in_a_row=10, voices=2)
    assert not breaker.is_open
    assert breaker.failed(150, "bob", in_a_row=10, voices=2).is_open
