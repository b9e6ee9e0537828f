"""One state out of several connections: what is told of a source is the worst of its parts."""

from brokers.port import StreamState
from brokers.upstream.outbox import Outbox

WORSE = (
    StreamState.LIVE,
    StreamState.DELAYED,
    StreamState.STALE,
    StreamState.RECONNECTING,
    StreamState.NOT_ALLOWED,
    StreamState.SIGN_IN,
)
GOOD = (StreamState.LIVE, StreamState.DELAYED)


class Gauge:
    """The parts of one source. While a part has not told anything yet, nothing good is told of the whole."""

    def __init__(self, source: str, outbox: Outbox) -> None:
        self.source = source
        self._outbox = outbox
        self._parts: dict[str, tuple[StreamState, str] | None] = {}

    def expect(self, part: str) -> None:
        """This part counts from now on."""
        self._parts.setdefault(part, None)

    def said(self, part: str) -> StreamState | None:
        told = self._parts.get(part)
        return told[0] if told is not None else None

    def say(self, part: str, state: StreamState, detail: str = "") -> None:
        self._parts[part] = state, detail
        self._tell()

    def drop(self, part: str) -> None:
        """This part is no more."""
        self._parts.pop(part, None)
        self._tell()

    def _tell(self) -> None:
        known = [told for told in self._parts.values() if told is not None]
        if not known:
            return
        state, detail = max(known, key=lambda told: WORSE.index(told[0]))
        if state not in GOOD or len(known) == len(self._parts):
            self._outbox.say(self.source, state, detail)
