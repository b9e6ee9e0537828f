"""What one tab is owed. It gets the newest, not the next: a slow tab skips prices and holds up nobody.

A frame goes out as it is through the server's door, where it has one, else by calling the server's ``send`` and
advancing it once by hand: nearly always that is all. When the socket is full a task waits for room and the tab is
behind. Until it has drained, only the set of what it missed is kept for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Set
from typing import Any, TypeAlias
from uuid import UUID

from brokers.live import frames
from brokers.live.figures import Figures
from brokers.live.frames import Frame
from brokers.live.server import Door

logger = logging.getLogger(__name__)
Message: TypeAlias = dict[str, Any]
Send: TypeAlias = Callable[[Message], Coroutine[Any, Any, None]]
MOST_LETTERS = 1000
CLOSING_TAKES = 5.0
SIGN_IN, RIGHTS, TOO_SLOW, TOO_MANY, ABUSE = 4401, 4403, 4408, 4429, 1008
REASONS = {
    SIGN_IN: "Sign in.",
    RIGHTS: "A right that this socket stood on was taken away.",
    TOO_SLOW: "Too slow: what was sent was not read for too long.",
    TOO_MANY: "Too many tabs.",
    ABUSE: "Too many messages that could not be served.",
}


class View:
    """The tabs that watch just the same figures of one feed: they share frames and their count.

    ``names``: what of the figures they are told; None is all of a quote.
    """

    __slots__ = ("connection", "connection_id", "figures", "names", "seq", "tabs")

    def __init__(self, connection_id: UUID, figures: frozenset[Figures], names: frozenset[str] | None = None) -> None:
        self.connection_id = connection_id
        self.connection = str(connection_id)
        self.figures = figures
        self.names = names
        self.tabs: set[Mailbox] = set()
        self.seq = 0

    def snapshot(self, of: Set[Figures]) -> Frame:
        """The newest of these figures; the count goes on from here."""
        known = [figures.whole(self.names) for figures in of & self.figures if figures.is_known]
        return Frame(frames.quotes("snapshot", self.seq, self.connection, known))

    def tell(self, fragments: Mapping[Figures, str]) -> None:
        """One frame, encoded once, to every tab of this view; nothing when none of it concerns them."""
        told = self.figures.intersection(fragments)
        if not told:
            return
        if self.names is None:
            parts = [fragments[figures] for figures in told]
        elif not (parts := [part for figures in told if (part := figures.narrowed(self.names)) is not None]):
            return
        self.seq += 1
        frame = Frame(frames.quotes("quotes", self.seq, self.connection, parts))
        for tab in self.tabs:
            tab.deliver(self, told, frame)


class Mailbox:
    """One tab: its views by connection, and while it is behind, what it has missed."""

    __slots__ = ("_door", "_missed", "_parked", "_send", "behind_since", "gone", "letters", "owner", "views")

    def __init__(self, send: Send, door: Door | None = None) -> None:
        self._send = send
        self._door = door
        self._parked: asyncio.Task[None] | None = None
        self._missed: dict[UUID, set[Figures]] = {}
        self.owner: object = None
        self.views: dict[UUID, View] = {}
        self.letters: deque[Frame] = deque()
        self.behind_since: float | None = None
        self.gone = False

    @property
    def symbols(self) -> int:
        return sum(len(view.figures) for view in self.views.values())

    def deliver(self, view: View, told: Set[Figures], frame: Frame) -> None:
        """A frame that a newer one makes worthless: skipped while the tab is behind."""
        if self._parked is None and (self.gone or self._took(frame)):
            return
        self._missed.setdefault(view.connection_id, set()).update(told)

    def post(self, frame: Frame) -> None:
        """A message that must arrive, in order; kept while the tab is behind."""
        if self._parked is None and (self.gone or self._took(frame)):
            return
        if len(self.letters) < MOST_LETTERS:
            self.letters.append(frame)
        else:
            self.behind_since = float("-inf")

    def shut(self, code: int) -> asyncio.Task[None]:
        """Send nothing more but the close."""
        self.discard()
        return asyncio.create_task(self._close(code), name=f"close {code}")

    def discard(self) -> None:
        """The socket is gone or going: forget what it was owed."""
        self.gone = True
        self.letters.clear()
        self._missed.clear()
        self.behind_since = None
        if self._parked is not None:
            self._parked.cancel()
            self._parked = None

    async def _close(self, code: int) -> None:
        """A socket that does not even take this is cut."""
        try:
            async with asyncio.timeout(CLOSING_TAKES):
                await self._send({"type": "websocket.close", "code": code, "reason": REASONS.get(code, "")})
        except TimeoutError:
            if self._door is not None:
                self._door.abort()
        except Exception as error:
            logger.debug("A tab was gone before it could be closed: %s", error)

    def _took(self, frame: Frame) -> bool:
        """Whether the frame is out, or on its way, or there is nobody to take it."""
        if self._door is None:
            self._step(self._send(frame.message))
            return True
        try:
            if self._door.put(frame.raw):
                return True
        except Exception as error:
            self._lose(error)
            return True
        self._park(self._door.drained())
        return False

    def _step(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception as error:
            self._lose(error)
            return
        self._park(_Rest(sending, waits_for))

    def _park(self, rest: Awaitable[None]) -> None:
        self.behind_since = asyncio.get_running_loop().time()
        self._parked = asyncio.create_task(self._catch_up(rest), name="slow tab")

    def _lose(self, error: Exception) -> None:
        logger.debug("A tab went away: %s", error)
        self.gone = True

    async def _catch_up(self, rest: Awaitable[None]) -> None:
        try:
            await rest
            while (frame := self._next_owed()) is not None:
                await self._send(frame.message)
        except Exception as error:
            self._lose(error)
        finally:
            self.behind_since = None
            self._parked = None

    def _next_owed(self) -> Frame | None:
        if self.letters:
            return self.letters.popleft()
        while self._missed:
            connection_id, missed = self._missed.popitem()
            if (view := self.views.get(connection_id)) is not None and missed & view.figures:
                return view.snapshot(missed)
        return None


class _Rest:
    """What is left of a coroutine that was advanced by hand and now waits for something."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    result = yield waits_for
                except BaseException as error:
                    waits_for = self._coroutine.throw(error)
                else:
                    waits_for = self._coroutine.send(result)
        except StopIteration:
            return
