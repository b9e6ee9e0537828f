"""The websocket of one tab or program: sign-in, rights and limits; quotes reach it through its mailbox.

Close codes: 4401 sign in, 4403 a right was taken away, 4408 too slow, 4429 too many tabs, 1008 abuse.
"""

import asyncio
import json
import random
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.live import frames, rights
from brokers.live.fields import GROUPS, names_of
from brokers.live.hub import Hub, LimitReached, hub
from brokers.live.mailbox import ABUSE, REASONS, RIGHTS, SIGN_IN, TOO_MANY, Mailbox
from brokers.live.news import connection_group, serve_from, user_group
from brokers.live.server import door_of


class BadMessage(Exception):
    """A message that is not served; ``code`` is stable, the text says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Allowance:
    """How many messages may come: a burst, refilled at a steady rate."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = self._left = burst
        self._at = 0.0

    def take(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Says nothing before it knows the person; looks up every connection from them at each message."""

    def __init__(self, hub: Hub = hub) -> None:
        super().__init__()
        self.hub = hub
        self.limits = hub.limits
        self.tab: Mailbox | None = None
        self.strikes = 0
        self.allowance = Allowance(self.limits.messages_per_second, self.limits.message_burst)
        self.rechecks: asyncio.Task[None] | None = None
        self.watched_groups: set[str] = set()

    # From the socket

    async def connect(self) -> None:
        """Accepted even when it is to be closed: only so does a browser see the code."""
        self.user = self.scope.get("user")
        if self.user is None or not self.user.is_authenticated:
            await self.accept()
            await self.close(SIGN_IN, REASONS[SIGN_IN])
            return
        self.session_key = self.scope["session"].session_key if "session" in self.scope else None
        serve_from(asyncio.get_running_loop())
        # Before the tab is told that it is open: what it reads from then on and what it is told leave no gap.
        await self.channel_layer.group_add(user_group(self.user.pk), self.channel_name)
        await self.accept()
        tab = Mailbox(self.base_send, door_of(self.scope))
        try:
            self.hub.join(self.user.pk, tab)
        except LimitReached as error:
            await self.send(frames.error(None, "too_many_tabs", str(error)))
            await self.close(TOO_MANY, REASONS[TOO_MANY])
            return
        self.tab = tab
        self.rechecks = asyncio.create_task(self._recheck_again_and_again(), name="rights of a tab")

    async def disconnect(self, code: int) -> None:
        self._leave()
        if self.rechecks is not None:
            self.rechecks.cancel()
        if self.user is not None and self.user.is_authenticated:
            await self.channel_layer.group_discard(user_group(self.user.pk), self.channel_name)
            for group in self.watched_groups:
                await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.tab is None:
            return
        message_id: object = None
        try:
            message = self._read(text_data)
            message_id = message.get("id")
            await self._serve(message_id, message)
        except BadMessage as error:
            self._strike(message_id, error)
        except rights.NotFound:
            self._say(frames.error(message_id, "not_found", "There is no such connection."))
        except LimitReached as error:
            self._say(frames.error(message_id, "too_many_symbols", str(error)))

    def _read(self, text: str | None) -> dict[str, Any]:
        if not self.allowance.take(asyncio.get_running_loop().time()):
            raise BadMessage("rate_limited", "Too many messages: slow down.")
        if text is None:
            raise BadMessage("invalid", "Messages are JSON text.")
        if len(text) > self.limits.message_bytes or len(text.encode()) > self.limits.message_bytes:
            raise BadMessage("too_large", f"A message has at most {self.limits.message_bytes} bytes.")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise BadMessage("invalid", "The message is not JSON.") from None
        if not isinstance(message, dict):
            raise BadMessage("invalid", "A message is a JSON object.")
        return message

    async def _serve(self, message_id: object, message: dict[str, Any]) -> None:
        if message_id is not None and not isinstance(message_id, int | str):
            raise BadMessage("invalid", "An id is a number or text.")
        match message.get("action"):
            case "subscribe":
                await self._subscribe(message_id, message)
            case "unsubscribe":
                await self._unsubscribe(message_id, message)
            case "ping":
                self._say(frames.encode({"type": "pong", "id": message_id}))
            case _:
                raise BadMessage("unknown_action", "Actions are subscribe, unsubscribe and ping.")

    async def _subscribe(self, message_id: object, message: dict[str, Any]) -> None:
        instruments, unknown = self._instruments(message)
        names = self._names(message)
        connection_id = await rights.find_connection(self.user, message)
        group = connection_group(connection_id)
        if group not in self.watched_groups:
            self.watched_groups.add(group)
            await self.channel_layer.group_add(group, self.channel_name)
        if self.tab is None:
            return
        answer = self._answer("subscribed", message_id, connection_id, instruments) | {"unknown": unknown}
        self.hub.check(self.tab, connection_id, instruments)
        self._say(frames.encode(answer))
        self.hub.subscribe(self.tab, connection_id, instruments, names)

    async def _unsubscribe(self, message_id: object, message: dict[str, Any]) -> None:
        instruments, _ = self._instruments(message)
        connection_id = await rights.find_connection(self.user, message)
        if self.tab is not None:
            self._say(frames.encode(self._answer("unsubscribed", message_id, connection_id, instruments)))
            self.hub.unsubscribe(self.tab, connection_id, instruments)

    def _instruments(self, message: dict[str, Any]) -> tuple[list[Instrument], list[str]]:
        symbols = message.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            raise BadMessage("invalid", "symbols is a list of text.")
        known: dict[Instrument, None] = {}
        unknown = []
        for symbol in symbols:
            try:
                known[parse_instrument(symbol)] = None
            except ValueError:
                unknown.append(symbol)
        return list(known), unknown

    def _names(self, message: dict[str, Any]) -> frozenset[str] | None:
        """The figures in the groups that the message names; None where it names none."""
        groups = message.get("fields")
        if groups is None:
            return None
        if not isinstance(groups, list) or not groups or not all(isinstance(group, str) for group in groups):
            raise BadMessage("invalid", "fields is a list of text.")
        try:
            return names_of(groups)
        except KeyError:
            raise BadMessage("invalid", f"fields are among {', '.join(GROUPS)}.") from None

    @staticmethod
    def _answer(kind: str, message_id: object, connection_id: UUID, instruments: list[Instrument]) -> dict[str, Any]:
        symbols = [str(instrument) for instrument in instruments]
        return {"type": kind, "id": message_id, "connection": str(connection_id), "symbols": symbols}

    def _strike(self, message_id: object, error: BadMessage) -> None:
        self.strikes += 1
        if self.strikes > self.limits.strikes:
            self._shut(ABUSE)
        else:
            self._say(frames.error(message_id, error.code, str(error)))

    # From the desk

    async def news(self, event: dict[str, Any]) -> None:
        self._say(event["text"])

    async def session_ended(self, event: dict[str, Any]) -> None:
        if self.session_key and rights.session_mark(self.session_key) == event["session"]:
            self._shut(SIGN_IN)

    async def connection_removed(self, event: dict[str, Any]) -> None:
        self.hub.drop(UUID(event["connection_id"]))
        self._shut(RIGHTS)

    async def rights_check(self, event: dict[str, Any]) -> None:
        await self._recheck()

    async def _recheck_again_and_again(self) -> None:
        """Also without any word from elsewhere: a session can end in ways that tell nobody."""
        while self.tab is not None:
            await asyncio.sleep(self.limits.recheck * random.uniform(0.8, 1))  # noqa: S311 (spreads the load)
            await self._recheck()

    async def _recheck(self) -> None:
        if self.tab is None:
            return
        if not await rights.is_signed_in(self.user, self.session_key):
            self._shut(SIGN_IN)
        elif self.tab is not None and not await rights.are_theirs(self.user, list(self.tab.views)):
            self._shut(RIGHTS)

    # To the socket

    def _say(self, text: str) -> None:
        if self.tab is not None:
            self.tab.post(frames.Frame(text))

    def _shut(self, code: int) -> None:
        tab = self.tab
        if tab is not None:
            self._leave()
            self.closing = tab.shut(code)

    def _leave(self) -> None:
        if self.tab is not None:
            self.hub.leave(self.user.pk, self.tab)
            self.tab = None
