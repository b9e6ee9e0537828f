"""One account-streamer connection, server side, without I/O (wire reference, section 8)."""

import json
from collections.abc import Callable, Collection
from typing import Any

from brokers.simulator.authority import Caller

HEARTBEAT_PATIENCE = 90.0
SUBSCRIPTIONS = ("public-watchlists-subscribe", "quote-alerts-subscribe", "user-message-subscribe")
CONNECTS = ("connect", "account-subscribe")


class AlertSession:
    """``receive`` takes a text frame and answers the reply; ``wants`` tells whether an account's news go here.

    ``caller_of`` reads an access token, ``accounts_of`` lists a user's account numbers. Times are steady seconds.
    """

    def __init__(
        self,
        session_id: str,
        caller_of: Callable[[str], Caller | None],
        accounts_of: Callable[[str], Collection[str]],
        now: float,
        shows_value: bool = True,
    ) -> None:
        self.session_id = session_id
        self.caller_of = caller_of
        self.accounts_of = accounts_of
        self.shows_value = shows_value
        self.accounts: set[str] = set()
        self.heard_at = now

    def receive(self, text: str, now: float) -> str:
        self.heard_at = now
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return self._reply({}, error="failed")
        action = message.get("action")
        if action in CONNECTS:
            return self._connect(message)
        if action == "heartbeat":
            return self._reply(message)
        if action in SUBSCRIPTIONS:
            return self._reply(message, error=self._trouble(message) or self._needs_connect())
        return self._reply(message, error="not-implemented")

    def _connect(self, message: dict[str, Any]) -> str:
        value = message.get("value")
        numbers = [value] if isinstance(value, str) else value
        if trouble := self._trouble(message):
            return self._reply(message, error=trouble)
        if not isinstance(numbers, list) or not numbers or not all(isinstance(each, str) for each in numbers):
            return self._reply(message, error="value missing or not valid")
        caller = self.caller_of(token_in(message))
        if caller is None or not set(numbers) <= set(self.accounts_of(caller.user)):
            return self._reply(message, error="failed")
        self.accounts.update(numbers)
        return self._reply(message, value=numbers if self.shows_value else None)

    def _trouble(self, message: dict[str, Any]) -> str:
        """What is wrong with the token that each message must carry."""
        given = message.get("auth-token")
        if not isinstance(given, str) or not given.startswith("Bearer "):
            return "Unknown domain"
        return "" if self.caller_of(token_in(message)) else "failed"

    def _needs_connect(self) -> str:
        return "" if self.accounts else "connect-not-completed"

    def _reply(self, message: dict[str, Any], error: str = "", value: list[str] | None = None) -> str:
        body: dict[str, Any] = {"status": "error" if error else "ok", "action": message.get("action")}
        body["web-socket-session-id"] = self.session_id
        if value is not None:
            body["value"] = value
        if error:
            body["message"] = error
        if "request-id" in message:
            body["request-id"] = message["request-id"]
        return json.dumps(body)

    def wants(self, account_number: str) -> bool:
        return account_number in self.accounts

    def is_lost(self, now: float) -> bool:
        """Whether the client has been silent for longer than its heartbeats allow."""
        return now - self.heard_at > HEARTBEAT_PATIENCE


def token_in(message: dict[str, Any]) -> str:
    return str(message.get("auth-token", "")).removeprefix("Bearer ")


def notification(kind: str, data: dict[str, Any], timestamp_ms: int) -> str:
    return json.dumps({"type": kind, "data": data, "timestamp": timestamp_ms})
