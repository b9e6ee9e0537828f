"""One DXLink connection, server side, without I/O: texts in, texts out (wire reference, section 7)."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from brokers.domain.instruments import Instrument
from brokers.simulator.ledger import parse
from brokers.simulator.tastytrade.dxlink.channel import PERIOD, Channel, Feed
from brokers.simulator.tastytrade.dxlink.frames import frame

POLICY_VIOLATION = 1008
SERVICES = ("FEED", "DOM")
MOST_CHANNELS = 1_000
CONTRACTS = ("AUTO", "TICKER", "HISTORY", "STREAM")


@dataclass(frozen=True)
class Limits:
    """What one connection may ask for. ``changes`` counts subscriptions added and removed in a minute."""

    keepalive: float = 60.0
    subscriptions: int = 25_000
    indexed: int = 100  # of Candle, of Order and of Series each
    changes: int = 10_000
    always_compact: bool = False


class Session:
    """The state of one connection.

    ``receive`` takes a text frame and answers the frames to send at once; ``changed`` marks what moved;
    ``flush`` answers the data that are due; ``beat`` looks after the keep-alives. Once ``close_code`` is set
    the socket is to be closed with it. Times are seconds of any steady clock. ``who`` names the owner of a token;
    ``admit`` says whether that person may have one connection more.
    """

    def __init__(
        self,
        who: Callable[[str], str | None],
        feed: Feed,
        now: float,
        limits: Limits = Limits(),
        admit: Callable[[str], bool] = lambda user: True,
    ) -> None:
        self.who, self.admit = who, admit
        self.feed, self.limits = feed, limits
        self.set_up = False
        self.user: str | None = None
        self.failures = 0
        self.channels: dict[int, Channel] = {}
        self.heard_at = self.spoke_at = now
        self.speak_every = limits.keepalive / 2
        self.close_code: int | None = None
        self._changes: deque[tuple[float, int]] = deque()

    # What the client says

    def receive(self, text: str, now: float) -> list[str]:
        self.heard_at = now
        try:
            message = parse(text)
            kind, channel = message["type"], message["channel"]
            if not isinstance(kind, str) or type(channel) is not int:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return self._say(now, self._error(0, "INVALID_MESSAGE", "The message could not be read."))
        try:
            return self._say(now, *self._answer(kind, channel, message, now))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return self._say(now, self._error(channel, "INVALID_MESSAGE", f"A {kind[:40]} message is malformed."))

    def _answer(self, kind: str, channel: int, message: dict[str, Any], now: float) -> Iterator[str]:
        if kind in ("KEEPALIVE", "ERROR"):
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
        else:
            yield from self._serve(kind, channel, message, now)

    def _serve(self, kind: str, number: int, message: dict[str, Any], now: float) -> Iterator[str]:
        channel = self.channels.get(number)
        if kind == "CHANNEL_REQUEST":
            yield self._open(number, message)
        elif channel is None:
            yield self._error(number, "BAD_ACTION", "The channel is not open.")
        elif kind == "CHANNEL_CANCEL":
            del self.channels[number]
            yield frame("CHANNEL_CLOSED", number)
        elif kind == "FEED_SETUP":
            yield self._configure(channel, message)
        elif kind == "FEED_SUBSCRIPTION":
            yield from self._subscribe(channel, message, now)
        else:
            yield self._error(number, "INVALID_MESSAGE", f"{kind[:40]} is not known.")

    def _take_setup(self, message: dict[str, Any]) -> Iterator[str]:
        if str(message.get("version", "0.1"))[:1] not in "01":
            yield self._error(0, "UNSUPPORTED_PROTOCOL", "This server speaks versions 0.1 to 1.0.")
            self.close_code = POLICY_VIOLATION
            return
        keepalive = self.limits.keepalive
        patience = float(message.get("keepaliveTimeout") or keepalive)
        self.speak_every = max(min(patience, keepalive) / 2, 0.05)
        first, self.set_up = not self.set_up, True
        seconds = keepalive if keepalive % 1 else int(keepalive)
        times = {"keepaliveTimeout": seconds, "acceptKeepaliveTimeout": seconds}
        yield frame("SETUP", 0, **times, version="1.0-simulator")
        if first:
            yield frame("AUTH_STATE", 0, state="UNAUTHORIZED")

    def _take_auth(self, token: str) -> Iterator[str]:
        user = self.who(token)
        if user is not None and (self.user == user or self.admit(user)):
            self.user, self.failures = user, 0
            yield frame("AUTH_STATE", 0, state="AUTHORIZED", userId=user)
            return
        self.failures += 1
        if user is None and self.failures == 1:
            yield frame("AUTH_STATE", 0, state="UNAUTHORIZED")
            return
        words = "The token is not valid." if user is None else "There are too many sessions of this user."
        yield self._error(0, "UNAUTHORIZED", words)
        self.close_code = POLICY_VIOLATION

    def _open(self, number: int, message: dict[str, Any]) -> str:
        if number in self.channels:
            return self._error(number, "BAD_ACTION", "The channel is open already.")
        if len(self.channels) >= MOST_CHANNELS:
            return self._error(number, "BAD_ACTION", "Too many channels are open.")
        service = message.get("service")
        if service != "FEED":
            words = "The service DOM is not part of this subscription." if service in SERVICES else "Unknown service."
            return self._error(number, "BAD_ACTION", words)
        contract = (message.get("parameters") or {}).get("contract", "AUTO")
        if contract not in CONTRACTS:
            return self._error(number, "INVALID_MESSAGE", f"The contract must be one of {', '.join(CONTRACTS)}.")
        self.channels[number] = Channel(number, compact=self.limits.always_compact)
        return frame("CHANNEL_OPENED", number, service="FEED", parameters={"contract": contract, "subFormat": "LIST"})

    def _configure(self, channel: Channel, message: dict[str, Any]) -> str:
        if "acceptDataFormat" in message and not self.limits.always_compact:
            channel.compact = message["acceptDataFormat"] == "COMPACT"
        if message.get("acceptAggregationPeriod") is not None:
            channel.period = min(max(PERIOD, float(message["acceptAggregationPeriod"])), 3600.0)
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
        removed = [(str(each["type"]), str(each["symbol"])) for each in message.get("remove") or ()]
        wanted = [_wanted(each) for each in message.get("add") or ()]
        if not self._may_change(len(removed) + len(wanted), now):
            yield self._error(channel.number, "BAD_ACTION", "Too many subscription changes in a minute.")
            return
        if message.get("reset") is True:
            channel.clear()
        for kind, symbol in removed:
            channel.remove(kind, symbol)
        refused = sum(not self._take(channel, each) for each in wanted)
        if refused:
            yield self._error(channel.number, "BAD_ACTION", f"Too many subscriptions: {refused} were not taken.")
        kinds = {kind: None for kind, _, _ in wanted if kind in channel.fields and kind not in channel.announced}
        if kinds:
            channel.announced.update(kinds)
            yield self._config(channel, kinds)
        yield from channel.data(now, self.feed)

    def _take(self, channel: Channel, each: tuple[str, str, int | None]) -> bool:
        kind, symbol, since_ms = each
        if symbol not in channel.wanted.get(kind, ()):
            indexed = kind in ("Candle", "Order", "Series")
            if sum(map(len, self.channels.values())) >= self.limits.subscriptions:
                return False
            if indexed and sum(one.count(kind) for one in self.channels.values()) >= self.limits.indexed:
                return False
        channel.add(kind, symbol, since_ms, self.feed)
        return True

    def _may_change(self, changes: int, now: float) -> bool:
        while self._changes and self._changes[0][0] <= now - 60:
            self._changes.popleft()
        if sum(count for _, count in self._changes) + changes > self.limits.changes:
            return False
        self._changes.append((now, changes))
        return True

    # What the server says by itself

    def changed(self, instruments: Collection[Instrument]) -> bool:
        """Mark what depends on these as due; whether there is anything to send."""
        for channel in self.channels.values():
            channel.changed(instruments, self.feed)
        return any(channel.has_news for channel in self.channels.values())

    def flush(self, now: float) -> list[str]:
        """The data frames that are due, one type to a frame; a channel speaks once per aggregation period,
        but for the rest of a snapshot."""
        frames: list[str] = []
        for channel in self.channels.values():
            if channel.has_news and (now >= channel.due_at or channel.backlog):
                frames.extend(channel.data(now, self.feed))
        return self._say(now, *frames) if frames else frames

    def beat(self, now: float) -> list[str]:
        """A keep-alive when we were silent for long; the end when the client was."""
        if self.close_code is not None:
            return []
        if now - self.heard_at > self.limits.keepalive:
            self.close_code = POLICY_VIOLATION
            return [self._error(0, "TIMEOUT", "No message came within the keep-alive time-out.")]
        if now - self.spoke_at >= self.speak_every:
            return self._say(now, frame("KEEPALIVE", 0))
        return []

    def complain(self, error: str, now: float) -> list[str]:
        """An ERROR that nothing has called for. It changes nothing: errors are for information."""
        return self._say(now, self._error(0, error, f"The simulator was told to say {error}."))

    def close_channels(self, now: float) -> list[str]:
        """The server ends every channel by itself, as the real one may."""
        numbers = list(self.channels)
        self.channels.clear()
        return self._say(now, *(frame("CHANNEL_CLOSED", number) for number in numbers))

    def _say(self, now: float, *frames: str) -> list[str]:
        if frames:
            self.spoke_at = now
        return list(frames)

    def _error(self, channel: int, error: str, message: str) -> str:
        return frame("ERROR", channel, error=error, message=message)


def _wanted(given: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """Type, symbol and, for a series, from when (epoch milliseconds)."""
    since = given.get("fromTime")
    return str(given["type"]), str(given["symbol"]), None if since is None else int(since)
