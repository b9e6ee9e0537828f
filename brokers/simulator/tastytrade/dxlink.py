"""One DXLink connection, server side, without I/O: texts in, texts out (wire reference, section 7)."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from brokers.domain.instruments import Instrument

Value = float | int | str
KEEPALIVE = 60.0
PERIOD = 0.1
LARGEST_FRAME = 60_000
MOST_SUBSCRIPTIONS = 25_000
POLICY_VIOLATION = 1008
FIELDS: dict[str, tuple[str, ...]] = {
    kind: ("eventType", "eventSymbol", "eventTime", *names.split())
    for kind, names in {
        "Quote": "sequence timeNanoPart bidTime bidExchangeCode bidPrice bidSize askTime askExchangeCode askPrice "
        "askSize",
        "Trade": "time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover tickDirection "
        "extendedTradingHours",
        "TradeETH": "time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover "
        "tickDirection extendedTradingHours",
        "Summary": "dayId dayOpenPrice dayHighPrice dayLowPrice dayClosePrice dayClosePriceType prevDayId "
        "prevDayClosePrice prevDayClosePriceType prevDayVolume openInterest",
        "Profile": "description shortSaleRestriction tradingStatus statusReason haltStartTime haltEndTime "
        "highLimitPrice lowLimitPrice high52WeekPrice low52WeekPrice beta earningsPerShare dividendFrequency "
        "exDividendAmount exDividendDayId shares freeFloat",
        "Greeks": "eventFlags index time sequence price volatility delta gamma theta rho vega",
    }.items()
}


class Feed(Protocol):
    """Where values come from."""

    def event(self, kind: str, symbol: str) -> Mapping[str, Value] | None:
        """The newest event, all that is known of it by field name; None when there is none."""
        ...

    def moves_with(self, symbol: str) -> Instrument | None:
        """The instrument whose change changes this symbol; None when nothing is known of the symbol."""
        ...


@dataclass
class Channel:
    """One feed channel: its agreed form, what it is subscribed to, and what is due to be sent."""

    number: int
    compact: bool = False
    period: float = PERIOD
    fields: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(FIELDS))
    announced: set[str] = field(default_factory=set)
    wanted: set[tuple[str, str]] = field(default_factory=set)
    movers: dict[Instrument, set[tuple[str, str]]] = field(default_factory=dict)
    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    dirty: set[tuple[str, str]] = field(default_factory=set)
    due_at: float = 0.0

    def add(self, kind: str, symbol: str, mover: Instrument | None) -> None:
        key = (kind, symbol)
        self.wanted.add(key)
        self.sent.pop(key, None)
        self.dirty.add(key)
        if mover is not None:
            self.movers.setdefault(mover, set()).add(key)

    def remove(self, key: tuple[str, str]) -> None:
        self.wanted.discard(key)
        self.dirty.discard(key)
        self.sent.pop(key, None)
        for mover in [mover for mover, keys in self.movers.items() if key in keys]:
            self.movers[mover].discard(key)
            if not self.movers[mover]:
                del self.movers[mover]

    def clear(self) -> None:
        for each in (self.wanted, self.dirty, self.sent, self.movers):
            each.clear()


class Session:
    """The state of one connection.

    ``receive`` takes a text frame and answers the frames to send at once; ``changed`` marks what moved;
    ``flush`` answers the data that are due; ``beat`` looks after the keep-alives. Once ``close_code`` is set
    the socket is to be closed with it. Times are seconds of any steady clock.
    """

    def __init__(self, who: Callable[[str], str | None], feed: Feed, now: float, keepalive: float = KEEPALIVE) -> None:
        self.who = who
        self.feed = feed
        self.keepalive = keepalive
        self.set_up = False
        self.user: str | None = None
        self.failures = 0
        self.channels: dict[int, Channel] = {}
        self.heard_at = self.spoke_at = now
        self.speak_every = keepalive / 2
        self.close_code: int | None = None

    # What the client says

    def receive(self, text: str, now: float) -> list[str]:
        self.heard_at = now
        try:
            message = json.loads(text)
            kind, channel = message["type"], message["channel"]
            if not isinstance(kind, str) or type(channel) is not int:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return self._say(now, self._error(0, "INVALID_MESSAGE", "The message could not be read."))
        try:
            return self._say(now, *self._answer(kind, channel, message, now))
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._say(now, self._error(channel, "INVALID_MESSAGE", f"A {kind} message is malformed."))

    def _answer(self, kind: str, channel: int, message: dict[str, Any], now: float) -> Iterator[str]:
        if kind == "KEEPALIVE":
            return
        if kind == "ERROR":
            return
        if kind == "SETUP":
            yield from self._take_setup(message)
        elif not self.set_up:
            yield self._error(0, "BAD_ACTION", "SETUP must come first.")
            self.close_code = POLICY_VIOLATION
        elif kind == "AUTH":
            yield from self._take_auth(str(message["token"]))
        elif channel % 2 == 0:
            yield self._error(channel, "BAD_ACTION", "Protocol violation with an even channel usage.")
        elif self.user is None:
            yield self._error(channel, "UNAUTHORIZED", "Authorization must come before channels.")
        elif kind == "CHANNEL_REQUEST":
            yield self._open(channel, message)
        elif channel not in self.channels:
            yield self._error(channel, "BAD_ACTION", "The channel is not open.")
        elif kind == "CHANNEL_CANCEL":
            del self.channels[channel]
            yield frame("CHANNEL_CLOSED", channel)
        elif kind == "FEED_SETUP":
            yield self._configure(self.channels[channel], message)
        elif kind == "FEED_SUBSCRIPTION":
            yield from self._subscribe(self.channels[channel], message, now)
        else:
            yield self._error(channel, "INVALID_MESSAGE", f"{kind[:40]} is not known.")

    def _take_setup(self, message: dict[str, Any]) -> Iterator[str]:
        patience = float(message.get("keepaliveTimeout") or self.keepalive)
        self.speak_every = max(min(patience, self.keepalive) / 2, 0.05)
        first, self.set_up = not self.set_up, True
        seconds = self.keepalive if self.keepalive % 1 else int(self.keepalive)
        times = {"keepaliveTimeout": seconds, "acceptKeepaliveTimeout": seconds}
        yield frame("SETUP", 0, **times, version="1.0-simulator")
        if first:
            yield frame("AUTH_STATE", 0, state="UNAUTHORIZED")

    def _take_auth(self, token: str) -> Iterator[str]:
        user = self.who(token)
        if user is not None:
            self.user, self.failures = user, 0
            yield frame("AUTH_STATE", 0, state="AUTHORIZED", userId=user)
            return
        self.failures += 1
        if self.failures == 1:
            yield frame("AUTH_STATE", 0, state="UNAUTHORIZED")
            return
        yield self._error(0, "UNAUTHORIZED", "The token is not valid.")
        self.close_code = POLICY_VIOLATION

    def _open(self, channel: int, message: dict[str, Any]) -> str:
        if channel in self.channels:
            return self._error(channel, "BAD_ACTION", "The channel is open already.")
        if message.get("service") != "FEED":
            return self._error(channel, "BAD_ACTION", "Only the service FEED is offered.")
        contract = (message.get("parameters") or {}).get("contract", "AUTO")
        self.channels[channel] = Channel(channel)
        parameters = {"contract": contract, "subFormat": "LIST"}
        return frame("CHANNEL_OPENED", channel, service="FEED", parameters=parameters)

    def _configure(self, channel: Channel, message: dict[str, Any]) -> str:
        if "acceptDataFormat" in message:
            channel.compact = message["acceptDataFormat"] == "COMPACT"
        if message.get("acceptAggregationPeriod") is not None:
            channel.period = max(PERIOD, float(message["acceptAggregationPeriod"]))
        for kind, names in (message.get("acceptEventFields") or {}).items():
            channel.fields[kind] = tuple(str(name) for name in names)
        channel.announced.clear()
        return self._config(channel)

    def _config(self, channel: Channel, kinds: Collection[str] = ()) -> str:
        body: dict[str, Any] = {"dataFormat": "COMPACT" if channel.compact else "FULL"}
        body["aggregationPeriod"] = channel.period
        if kinds:
            body["eventFields"] = {kind: channel.fields[kind] for kind in kinds}
        return frame("FEED_CONFIG", channel.number, **body)

    def _subscribe(self, channel: Channel, message: dict[str, Any], now: float) -> Iterator[str]:
        """Reset first, then remove, then add; each type's fields are announced before its first data."""
        if message.get("reset") is True:
            channel.clear()
        for each in message.get("remove") or ():
            channel.remove((each["type"], each["symbol"]))
        wanted = [(str(each["type"]), str(each["symbol"])) for each in message.get("add") or ()]
        room = MOST_SUBSCRIPTIONS - sum(len(each.wanted) for each in self.channels.values())
        if len(wanted) > room:
            yield self._error(channel.number, "BAD_ACTION", "Too many subscriptions.")
        for kind, symbol in wanted[: max(room, 0)]:
            channel.add(kind, symbol, self.feed.moves_with(symbol))
        kinds = {kind: None for kind, _ in wanted if kind in channel.fields and kind not in channel.announced}
        if kinds:
            channel.announced.update(kinds)
            yield self._config(channel, kinds)
        yield from self._data(channel, now)

    # What the server says by itself

    def changed(self, instruments: Collection[Instrument]) -> bool:
        """Mark what depends on these as due; whether there is anything."""
        for channel in self.channels.values():
            for instrument in channel.movers.keys() & instruments:
                channel.dirty |= channel.movers[instrument]
        return any(channel.dirty for channel in self.channels.values())

    def flush(self, now: float) -> list[str]:
        """The data frames that are due, one type to a frame; a channel speaks once per aggregation period."""
        frames: list[str] = []
        for channel in self.channels.values():
            if channel.dirty and now >= channel.due_at:
                frames.extend(self._data(channel, now))
        return self._say(now, *frames) if frames else frames

    def beat(self, now: float) -> list[str]:
        """A keep-alive when we were silent for long; the end when the client was."""
        if self.close_code is not None:
            return []
        if now - self.heard_at > self.keepalive:
            self.close_code = POLICY_VIOLATION
            return [self._error(0, "TIMEOUT", "No message came within the keep-alive time-out.")]
        if now - self.spoke_at >= self.speak_every:
            return self._say(now, frame("KEEPALIVE", 0))
        return []

    def _data(self, channel: Channel, now: float) -> Iterator[str]:
        dirty, channel.dirty = channel.dirty, set()
        channel.due_at = now + channel.period - 0.02
        by_kind: dict[str, list[str]] = {}
        for key in sorted(dirty):
            event = self.feed.event(*key)
            if event is None or key[0] not in channel.fields:
                continue
            piece = encode(event, channel.fields[key[0]] if channel.compact else None)
            if channel.sent.get(key) != piece:
                channel.sent[key] = piece
                by_kind.setdefault(key[0], []).append(piece)
        for kind, pieces in by_kind.items():
            yield from data_frames(channel.number, kind if channel.compact else None, pieces)

    def _say(self, now: float, *frames: str) -> list[str]:
        if frames:
            self.spoke_at = now
        return list(frames)

    def _error(self, channel: int, error: str, message: str) -> str:
        return frame("ERROR", channel, error=error, message=message)


def frame(kind: str, channel: int, **values: Any) -> str:
    return json.dumps({"type": kind, "channel": channel, **values}, separators=(",", ":"))


def encode(event: Mapping[str, Value], names: Iterable[str] | None) -> str:
    """An event as a run of values in the order of the names ("NaN" where unknown); with no names, as an object."""
    if names is None:
        return json.dumps(event, separators=(",", ":"))
    return json.dumps([event.get(name, "NaN") for name in names], separators=(",", ":"))[1:-1]


def data_frames(channel: int, kind: str | None, pieces: Iterable[str]) -> Iterator[str]:
    """FEED_DATA frames, each below the 64 KiB at which clients give up."""
    head = f'{{"type":"FEED_DATA","channel":{channel},"data":['
    start, end = (f'{head}"{kind}",[', "]]}") if kind else (head, "]}")
    batch: list[str] = []
    size = 0
    for piece in pieces:
        if batch and size + len(piece) > LARGEST_FRAME:
            yield start + ",".join(batch) + end
            batch, size = [], 0
        batch.append(piece)
        size += len(piece) + 1
    if batch:
        yield start + ",".join(batch) + end
