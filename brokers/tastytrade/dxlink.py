"""DXLink's client side without a socket: text in, events out (section 7).

``receive`` eats one frame and gives events; ``to_send`` gives the frames that are due. Values are the broker's
own: Greeks as dxFeed counts them (theta a day; vega and rho per percentage point; volatility a fraction).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from brokers.domain.instruments import FutureOption, Index, Instrument, Option
from brokers.domain.market import Tick
from brokers.domain.raw import TickBatch
from brokers.errors import UnexpectedReply
from brokers.tastytrade.compact import NOT_NUMBERS, Columns, layout_of
from brokers.tastytrade.symbols import streamer_symbol
from brokers.wire import PRODUCT, Node, decode

CHANNEL = 1
SILENCE_SECONDS = 60
AGGREGATION_SECONDS = 0.1
MOST_SYMBOLS = 250
MOST_CHARACTERS = 8000

# Event type → its fields in the order we ask for, each with the quote field that it fills.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Quote": {"bidPrice": "bid", "askPrice": "ask", "bidSize": "bid_size", "askSize": "ask_size"},
    "Trade": {"price": "last", "dayVolume": "volume"},
    "Summary": {
        "dayOpenPrice": "open",
        "dayHighPrice": "high",
        "dayLowPrice": "low",
        "prevDayClosePrice": "prev_close",
        "openInterest": "open_interest",
    },
    "Greeks": {
        "volatility": "volatility",
        "delta": "delta",
        "gamma": "gamma",
        "theta": "theta",
        "rho": "rho",
        "vega": "vega",
    },
}


@dataclass(frozen=True, slots=True)
class Ready:
    """The channel is configured and the subscriptions are under way."""


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The quote token was not accepted: another one is needed, on another socket."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server has closed the channel."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The server complains, or sent what cannot be read. ``text`` never quotes a frame."""

    code: str
    text: str


Event: TypeAlias = Tick | TickBatch | Ready | Unauthorized | Closed | Fault
Subscription: TypeAlias = tuple[str, str]


def event_types(instrument: Instrument) -> tuple[str, ...]:
    match instrument:
        case Option() | FutureOption():
            return ("Quote", "Trade", "Summary", "Greeks")
        case Index():
            return ("Trade", "Summary", "Quote")
        case _:
            return ("Quote", "Trade", "Summary")


class DXLink:
    """One connection's worth of protocol. Make a new one for each socket."""

    def __init__(self, token: str, *, version: str = f"0.1-{PRODUCT}") -> None:
        self._token = token
        self._out: list[str] = []
        self._instruments: dict[str, tuple[Instrument, ...]] = {}
        self._wanted: frozenset[Subscription] = frozenset()
        self._asked: frozenset[Subscription] = frozenset()
        self._columns = Columns()
        self._fields = {name: ("eventSymbol", *fields) for name, fields in FIELDS.items()}
        self._lay_out()
        self._tried = self._authorized = self._open = self._ready = False
        self._say("SETUP", 0, version=version, keepaliveTimeout=SILENCE_SECONDS, acceptKeepaliveTimeout=SILENCE_SECONDS)

    # --- outwards ---

    def to_send(self) -> list[str]:
        """The frames that are due, once."""
        out, self._out = self._out, []
        return out

    def keepalive(self) -> None:
        """Due every half of ``SILENCE_SECONDS``, whatever else is said."""
        self._say("KEEPALIVE", 0)

    def watch(self, instruments: Collection[Instrument]) -> frozenset[Instrument]:
        """Make this the whole set; the answer is those that have no streamer symbol and will bring nothing."""
        named: dict[str, tuple[Instrument, ...]] = {}
        unknown: set[Instrument] = set()
        wanted: set[Subscription] = set()
        for instrument in instruments:
            symbol = streamer_symbol(instrument)
            if symbol is None:
                unknown.add(instrument)
                continue
            named[symbol] = (*named.get(symbol, ()), instrument)
            wanted.update((kind, symbol) for kind in event_types(instrument))
        self._instruments, self._wanted = named, frozenset(wanted)
        self._columns.name(named)
        if self._open:
            self._subscribe()
        return frozenset(unknown)

    def _subscribe(self) -> None:
        gone, new = sorted(self._asked - self._wanted), sorted(self._wanted - self._asked)
        self._asked = self._wanted
        for name, changes in (("remove", gone), ("add", new)):
            for chunk in _chunks(changes):
                self._say("FEED_SUBSCRIPTION", CHANNEL, **{name: chunk})

    def _say(self, kind: str, channel: int, **rest: Any) -> None:
        message = {"type": kind, "channel": channel, **rest}
        self._out.append(json.dumps(message, separators=(",", ":")))

    # --- inwards ---

    def receive(self, text: str | bytes, now: datetime) -> Sequence[Event]:
        """The events of one frame; ticks are stamped ``now``, and come in batches where nothing is amiss."""
        if (batches := self._columns.read(text, now)) is not None:
            return batches
        try:
            message = decode(text, "quote stream")
            return list(self._react(message, now))
        except UnexpectedReply as unreadable:
            return [_unreadable(unreadable)]

    def _react(self, message: Node, now: datetime) -> Iterator[Event]:
        match message["type"].text():
            case "FEED_DATA":
                yield from self._data(message["data"], now)
            case "AUTH_STATE":
                yield from self._auth_state(message["state"].text())
            case "CHANNEL_OPENED":
                self._opened()
            case "FEED_CONFIG":
                yield from self._configured(message)
            case "CHANNEL_CLOSED":
                self._open = False
                yield Closed()
            case "ERROR":
                yield from self._error(message)

    def _auth_state(self, state: str) -> Iterator[Event]:
        if state == "AUTHORIZED" and not self._authorized:
            self._authorized = True
            self._say("CHANNEL_REQUEST", CHANNEL, service="FEED", parameters={"contract": "AUTO"})
        elif state == "UNAUTHORIZED" and not self._tried:
            self._tried = True
            self._say("AUTH", 0, token=self._token)
        elif state == "UNAUTHORIZED":
            yield Unauthorized()

    def _opened(self) -> None:
        self._open = True
        self._asked = frozenset()
        self._say(
            "FEED_SETUP",
            CHANNEL,
            acceptAggregationPeriod=AGGREGATION_SECONDS,
            acceptDataFormat="COMPACT",
            acceptEventFields={name: list(fields) for name, fields in self._fields.items()},
        )
        self._subscribe()

    def _configured(self, message: Node) -> Iterator[Event]:
        announced = message.get("eventFields")
        for kind in FIELDS:
            if announced is not None and kind in announced:
                names = tuple(name.text() for name in announced[kind].items())
                self._fields[kind] = names or self._fields[kind]
        self._lay_out()
        if not self._ready:
            self._ready = True
            yield Ready()

    def _lay_out(self) -> None:
        laid = {kind: layout_of(names, FIELDS[kind]) for kind, names in self._fields.items()}
        self._columns.layouts = {kind: layout for kind, layout in laid.items() if layout is not None}

    def _error(self, message: Node) -> Iterator[Event]:
        code = message["error"].text()[:40]
        yield Unauthorized() if code == "UNAUTHORIZED" else Fault(code, f"The quote stream reports {code}.")

    # --- data ---

    def _data(self, data: Node, now: datetime) -> Iterator[Event]:
        """COMPACT: pairs of a type and its values in one row. FULL: objects. What can't be read costs itself alone."""
        parts = list(data.items())
        is_compact = not (parts and isinstance(parts[0].value, dict))
        pairs = zip(parts[::2], parts[1::2], strict=False) if is_compact else zip(parts, parts, strict=True)
        for name, values in pairs:
            try:
                kind = (name if is_compact else name["eventType"]).text()
            except UnexpectedReply as failure:
                yield _unreadable(failure)
                continue
            if kind in FIELDS:
                yield from (self._compact if is_compact else self._full)(kind, values, now)

    def _full(self, kind: str, event: Node, now: datetime) -> Iterator[Event]:
        yield from self._ticks(kind, event.value, event, now)

    def _compact(self, kind: str, values: Node, now: datetime) -> Iterator[Event]:
        names, row = self._fields[kind], values.value
        if not isinstance(row, list) or len(row) % len(names):
            yield _unreadable(values.wrong("a row of whole events"))
            return
        step, wanted = len(names), [(at, FIELDS[kind][name]) for at, name in enumerate(names) if name in FIELDS[kind]]
        if "eventSymbol" not in names:
            return
        symbol_at = names.index("eventSymbol")
        for start in range(0, len(row), step):
            instruments = self._named(row[start + symbol_at])
            if not instruments:
                continue
            try:
                told = {name: _number(row[start + at], values) for at, name in wanted}
            except UnexpectedReply as failure:
                yield _unreadable(failure)
                continue
            for instrument in instruments:
                yield Tick(instrument, told, now)

    def _ticks(self, kind: str, event: Mapping[str, Any], place: Node, now: datetime) -> Iterator[Event]:
        try:
            values = {name: _number(event[field], place) for field, name in FIELDS[kind].items() if field in event}
        except UnexpectedReply as failure:
            yield _unreadable(failure)
            return
        for instrument in self._named(event.get("eventSymbol")):
            yield Tick(instrument, values, now)

    def _named(self, symbol: Any) -> tuple[Instrument, ...]:
        return self._instruments.get(symbol, ()) if isinstance(symbol, str) else ()


def _unreadable(failure: UnexpectedReply) -> Fault:
    return Fault("UNREADABLE", failure.message)


def _number(value: Any, place: Node) -> Decimal | None:
    """A number, None for null and for what is not a number."""
    if type(value) is Decimal:
        return value
    if value is None or (isinstance(value, str) and value in NOT_NUMBERS):
        return None
    return Node(value, place.path).number()


def _chunks(changes: list[Subscription]) -> Iterator[list[dict[str, str]]]:
    """Portions that make a frame of a size that servers take."""
    chunk: list[dict[str, str]] = []
    size = 0
    for kind, symbol in changes:
        length = len(kind) + len(symbol) + 24
        if chunk and (len(chunk) >= MOST_SYMBOLS or size + length > MOST_CHARACTERS):
            yield chunk
            chunk, size = [], 0
        chunk.append({"type": kind, "symbol": symbol})
        size += length
    if chunk:
        yield chunk
