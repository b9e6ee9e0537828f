"""One account-streamer connection, server side, without I/O (wire reference, section 8)."""

import json
from collections.abc import Callable, Collection
from typing import Any

from brokers.simulator.authority import Caller
from brokers.simulator.ledger import parse

HEARTBEAT_PATIENCE = 90.0
CONNECTS = ("connect", "account-subscribe")
WATCHLISTS, ALERTS, MESSAGES = "public-watchlists-subscribe", "quote-alerts-subscribe", "user-message-subscribe"
SUBSCRIPTIONS = (WATCHLISTS, ALERTS, MESSAGES)
NO_VALUE = "value missing or not valid"


class AlertSession:
    """``receive`` takes a text frame and answers the reply; ``wants`` tells whether an account's news go here,
    ``follows`` whether a topic's do.

    ``caller_of`` reads an access token, ``accounts_of`` lists a user's account numbers, ``user_id_of`` gives the name
    a user is called by on this wire. Times are steady seconds.
    """

    def __init__(
        self,
        session_id: str,
        caller_of: Callable[[str], Caller | None],
        accounts_of: Callable[[str], Collection[str]],
        now: float,
        *,
        shows_value: bool = True,
        patience: float = HEARTBEAT_PATIENCE,
        user_id_of: Callable[[str], str] = str,
    ) -> None:
        self.session_id = session_id
        self.caller_of = caller_of
        self.accounts_of = accounts_of
        self.user_id_of = user_id_of
        self.shows_value = shows_value
        self.patience = patience
        self.accounts: set[str] = set()
        self.topics: set[str] = set()
        self.user = ""
        self.beats = False
        self.heard_at = self.good_at = now

    def receive(self, text: str, now: float) -> str:
        self.heard_at = now
        message = parse(text)
        if not isinstance(message, dict):
            return self._reply({}, error="not-implemented")
        if not self._trouble(message):
            self.good_at = now
        action = message.get("action")
        if action in CONNECTS:
            return self._connect(message)
        if action == "heartbeat":
            self.beats = True
            return self._reply(message)
        if action in SUBSCRIPTIONS:
            return self._subscribe(str(action), message)
        return self._reply(message, error="not-implemented")

    def wants(self, account_number: str) -> bool:
        return account_number in self.accounts

    def follows(self, topic: str, user: str | None = None) -> bool:
        """Whether this connection asked for a topic; with ``user`` also, whether it is that person's."""
        return topic in self.topics and user in (None, self.user)

    def is_lost(self, now: float) -> bool:
        """Whether the client has been silent, or without a valid token, for longer than is borne.

        A connected client that never sent a heartbeat is borne with: published ones rely on the websocket's pings.
        """
        if self.accounts and not self.beats:
            return False
        return now - (self.good_at if self.accounts else self.heard_at) > self.patience

    def _connect(self, message: dict[str, Any]) -> str:
        value = message.get("value")
        numbers = [value] if isinstance(value, str) else value
        if (trouble := self._trouble(message)) == "Unknown domain":
            return self._reply(message, error=trouble)
        if not isinstance(numbers, list) or not numbers or not all(isinstance(each, str) for each in numbers):
            return self._reply(message, error=NO_VALUE)
        caller = self.caller_of(token_in(message))
        if caller is None or not set(numbers) <= set(self.accounts_of(caller.user)):
            return self._reply(message, error="failed")
        self.accounts.update(numbers)
        self.user = caller.user
        return self._reply(message, value=numbers if self.shows_value else None)

    def _subscribe(self, action: str, message: dict[str, Any]) -> str:
        trouble = self._trouble(message)
        if not trouble and not self.accounts:
            trouble = "connect-not-completed"
        if not trouble and action == MESSAGES:
            trouble = self._trouble_with_user(message.get("value"))
        if not trouble:
            self.topics.add(action)
        return self._reply(message, error=trouble)

    def _trouble_with_user(self, value: object) -> str:
        if not isinstance(value, str) or not value:
            return NO_VALUE
        return "" if value == self.user_id_of(self.user) else "failed"

    def _trouble(self, message: dict[str, Any]) -> str:
        """What is wrong with the token that each message must carry."""
        given = message.get("auth-token")
        if not isinstance(given, str) or not given.startswith("Bearer "):
            return "Unknown domain"
        return "" if self.caller_of(token_in(message)) else "failed"

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


def token_in(message: dict[str, Any]) -> str:
    return str(message.get("auth-token", "")).removeprefix("Bearer ")
