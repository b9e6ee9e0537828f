"""How often a token endpoint has refused us: no call goes out that could get the installation's address blocked.

Brokers block an address for hours after repeated failed sign-ins. So refusals are counted for each endpoint's host, by
all processes together where they share a Redis, and a call that could be one too many is held back. The count is a
value that can be written down (``Refusals``); ``Doorstep`` keeps it in a ledger.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import NamedTuple, Self

from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable
from brokers.transport.gate import NEW_YORK
from brokers.transport.ledger import Ledger

log = logging.getLogger(__name__)
MOST = 10
WINDOW = 600.0
MOST_BY_PEOPLE = 5
"""Of these, so many may be sign-ins that people try: wrong secrets that somebody pastes leave renewals their share."""
PROBE = 60.0
"""When what was refused may be the broker's own trouble, one call in so many seconds finds out whether it is over."""
LONGEST_CALL = 40.0
"""Whose end was not told by then is counted as refused: its process may have died."""
PATIENCE = 2.0
"""Seconds for which a call waits while others that could use the count up are under way."""


class HeldBack(RateLimited):
    """Nothing was asked, so nothing is known that was not known before."""


class Held(NamedTuple):
    """Not now: the count is used up until a moment, or (None) may be by calls that are under way."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Moments of the latest refusals, ascending. ``sure``: of a secret or a grant. ``passing``: in words that may be
    the broker's own trouble. ``under_way``: since when which calls are out."""

    sure: tuple[float, ...] = ()
    passing: tuple[float, ...] = ()
    under_way: tuple[tuple[str, float], ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """From ``text()``; an empty one where there is none or another version wrote it."""
        try:
            found = json.loads(text)
            calls = tuple((str(name), float(since)) for name, since in found["under_way"])
            return cls(tuple(map(float, found["sure"])), tuple(map(float, found["passing"])), calls)
        except (ValueError, TypeError, KeyError):
            return cls()

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def at(self, now: float) -> Self:
        """Without what is too old to count."""
        lost = [since for _, since in self.under_way if now - since >= LONGEST_CALL]
        recent = sorted(at for at in (*self.passing, *lost) if now - at < WINDOW)
        calls = tuple(call for call in self.under_way if now - call[1] < LONGEST_CALL)
        return replace(self, sure=_recent(self.sure, now), passing=tuple(recent), under_way=calls)

    def begin(self, name: str, now: float, most: int) -> tuple[Self, Held | None]:
        """A call may go out (it is then under way), or is held back."""
        here = self.at(now)
        if len(here.sure) >= most:
            return here, Held(here.sure[-most] + WINDOW)
        counted = len(here.sure) + len(here.passing)
        if counted >= most and now < here.passing[-1] + PROBE:
            return here, Held(here.passing[-1] + PROBE)
        if here.under_way and counted + len(here.under_way) >= most:
            return here, Held(None)
        return replace(here, under_way=(*here.under_way, (name, now))), None

    def end(self, name: str, now: float, came: BrokerError | None) -> Self:
        """What came of a call. A success shows that the broker's trouble is over; sure refusals are not forgotten."""
        calls = tuple(call for call in self.under_way if call[0] != name)
        here = replace(self, under_way=calls).at(now)
        if came is None:
            return replace(here, passing=())
        if isinstance(came, NotAuthorized | Refused):
            return replace(here, sure=(*here.sure, now)[-MOST:])
        is_refusal = bool(came.broker_code) and not isinstance(came, RateLimited)
        return replace(here, passing=(*here.passing, now)[-MOST:]) if is_refusal else here


def _recent(moments: tuple[float, ...], now: float) -> tuple[float, ...]:
    return tuple(at for at in moments if now - at < WINDOW)


@dataclass(frozen=True)
class Doorstep:
    """Before one host's token endpoint. ``title`` is the broker's environment in words."""

    host: str
    title: str
    ledger: Ledger
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def call(self, *, by_person: bool) -> Iterator[None]:
        """One call of the endpoint; raises ``HeldBack`` before anything is sent where it could be one too many."""
        name = uuid.uuid4().hex
        self._begin(name, MOST_BY_PEOPLE if by_person else MOST)
        came: BrokerError | None = Unavailable("")
        try:
            yield
            came = None
        except BrokerError as error:
            came = error
            raise
        finally:
            self._end(name, came)

    def _begin(self, name: str, most: int) -> None:
        give_up = time.monotonic() + PATIENCE
        while (held := self._change(lambda known: known.begin(name, self.now(), most))) is not None:
            if held.until is not None:
                raise self._used_up(held.until)
            if time.monotonic() > give_up:
                words = f"{self.title} is being asked for other sign-ins at the moment. It is tried again by itself."
                raise HeldBack(words, retry_after=1.0)
            self.sleep(0.05)

    def _end(self, name: str, came: BrokerError | None) -> None:
        self._change(lambda known: (known.end(name, self.now(), came), None))

    def _change(self, step: Callable[[Refusals], tuple[Refusals, Held | None]]) -> Held | None:
        def change(text: str) -> tuple[str, Held | None]:
            after, held = step(Refusals.read(text))
            return after.text(), held

        return self.ledger.change(f"sign-ins:{self.host}", change)

    def _used_up(self, until: float) -> HeldBack:
        wait = max(1.0, until - self.now())
        at = f"{datetime.fromtimestamp(until, NEW_YORK):%H:%M:%S}"
        words = (
            f"{self.title} refused too many sign-ins of this installation within ten minutes. So that it does not "
            f"block us, it is asked again at {at} ET and not before."
        )
        log.warning("%s", words)
        return HeldBack(words, retry_after=round(wait, 3))
