"""How a connection is kept: pauses, words, and what ends it. Sleeps are noted instead of slept."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from brokers.errors import NotAuthorized, RateLimited, Unavailable
from brokers.port import StreamState
from brokers.upstream import keeping
from brokers.upstream.keeping import Lost, Timings, first_of, keep, silence

DEAD = NotAuthorized("Connect again.", grant_is_dead=True)
GROWING = Timings(first_delay=1, longest_delay=8, settled=5)


class Night:
    """Sessions that fail as told; the grant dies after the last. ``slept`` are the pauses between them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: Exception | None, lasting: float = 0) -> None:
        self.failures = [*failures, DEAD]
        self.slept: list[float] = []
        self.said: list[tuple[StreamState, str]] = []
        self.now, self.lasting = 1000.0, lasting
        monkeypatch.setattr(keeping.asyncio, "sleep", self.sleep)
        monkeypatch.setattr(keeping.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(random, "uniform", lambda low, high: high)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def session(self) -> None:
        self.now += self.lasting
        failure = self.failures.pop(0)
        if failure is not None:
            raise failure

    async def spend(self) -> None:
        def say(state: StreamState, detail: str) -> None:
            self.said.append((state, detail))

        with pytest.raises(NotAuthorized):
            await keep("quotes", self.session, say, GROWING, title="Acme", breaks=(KeyError,))


async def test_pauses_grow_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, *[Lost("It broke.")] * 6)
    await night.spend()
    assert night.slept == [1, 2, 4, 8, 8, 8]
    assert set(night.said) == {(StreamState.RECONNECTING, "It broke.")}


async def test_a_connection_that_stood_for_a_while_starts_with_the_first_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, *[Lost("It broke.")] * 4, lasting=30)
    await night.spend()
    assert night.slept == [1, 1, 1, 1]


async def test_what_may_be_tried_at_once_is_so_only_once_without_having_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, *[Lost("It goes away.", pause=0)] * 4)
    await night.spend()
    assert night.slept == [0, 1, 2, 4]
    steady = Night(monkeypatch, *[Lost("It goes away.", pause=0)] * 4, lasting=30)
    await steady.spend()
    assert steady.slept == [0, 0, 0, 0]


async def test_a_pause_asked_for_is_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [Lost("Wait.", pause=3), RateLimited("Wait.", retry_after=60), Lost("It broke.")]
    night = Night(monkeypatch, *failures)
    await night.spend()
    assert night.slept == [pytest.approx(3.6), pytest.approx(72), 4]


async def test_a_session_that_returns_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, None, None, None)
    await night.spend()
    assert night.slept == []
    assert night.said == []


async def test_a_refused_sign_in_that_is_not_dead_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, NotAuthorized("Not allowed."))
    await night.spend()
    assert night.slept == [8]
    assert night.said == [(StreamState.RECONNECTING, "Not allowed.")]


async def test_a_right_that_is_missing_has_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night(monkeypatch, NotAuthorized("No right to it.", status=403))
    await night.spend()
    assert night.slept == [8]
    assert night.said == [(StreamState.NOT_ALLOWED, "No right to it.")]


async def test_each_failure_has_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [
        Lost("No prices.", StreamState.STALE),
        Unavailable("It is down."),
        OSError(),
        KeyError(),
        ZeroDivisionError(),
    ]
    night = Night(monkeypatch, *failures)
    await night.spend()
    broke = (StreamState.RECONNECTING, "The connection to Acme broke. Connecting again.")
    assert night.said == [
        (StreamState.STALE, "No prices."),
        (StreamState.RECONNECTING, "It is down."),
        broke,
        broke,
        (StreamState.RECONNECTING, "The stream failed. Connecting again."),
    ]


async def test_the_first_part_to_end_stops_the_others() -> None:
    stopped = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def fails() -> None:
        raise Lost("It broke.")

    async def ends() -> None:
        await asyncio.sleep(0)

    parts: list[Callable[[], Awaitable[None]]] = [forever, forever]
    await first_of(ends(), *(part() for part in parts))  # type: ignore[arg-type]
    with pytest.raises(Lost):
        await first_of(forever(), fails())
    assert len(stopped) == 3


# --- silence, and standing still oneself ---------------------------------------------------------------------------


async def heard_after_standing_still(seconds: float) -> bool:
    """Something comes while this whole process stands still, and is read a few steps after it goes on."""
    heard, loop = asyncio.Event(), asyncio.get_running_loop()

    def read(steps: int) -> None:
        loop.call_soon(read, steps - 1) if steps else heard.set()

    minding = asyncio.create_task(silence(heard, 1.2, 0.01))
    await asyncio.sleep(0.05)
    loop.call_soon(read, 6)
    time.sleep(seconds)  # noqa: ASYNC251 (that is the point)
    while not heard.is_set():  # noqa: ASYNC110 (looks at each step of the loop)
        await asyncio.sleep(0)
    survived = not minding.done()
    minding.cancel()
    return survived


@pytest.mark.parametrize(("starved", "survives"), [(keeping.STARVED, True), (float("inf"), False)])
async def test_the_time_in_which_we_stood_still_is_nobodys_silence(
    starved: float, survives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "STARVED", starved)
    assert await heard_after_standing_still(1.5) is survives


async def test_silence_ends_by_itself_and_not_while_something_is_heard() -> None:
    heard = asyncio.Event()
    minding = asyncio.create_task(silence(heard, 0.5, 0.02))
    began = time.monotonic()
    while time.monotonic() - began < 1.2:
        heard.set()
        await asyncio.sleep(0.01)
    assert not minding.done()
    await asyncio.wait_for(minding, 20)
    assert time.monotonic() - began > 1.5
