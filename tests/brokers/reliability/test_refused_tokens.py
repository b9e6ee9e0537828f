"""Hundreds of calls are answered 401 for one old token: one renewal, each goes once more, none a third time."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connections as databases
from simulator_server import wait_until
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers import oauth, transport
from brokers.connections import tokens as token_module
from brokers.connections.accounts import token_source
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.transport import Transport
from brokers.wire import Request

pytestmark = pytest.mark.django_db(transaction=True)
OLD = "canary-access-0001"


class Api:
    """Refuses the tokens that it is told to refuse, in a document of its own, and notes every request."""

    def __init__(self) -> None:
        self.refused: Callable[[str], bool] = lambda token: token == OLD
        self.seen: list[tuple[str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                token = self.headers["Authorization"].removeprefix("Bearer ")
                api.seen.append((self.path, token))
                is_refused = api.refused(token)
                body = json.dumps({"error": {"code": "token_invalid", "message": "No."}} if is_refused else {"data": 1})
                self.send_response(401 if is_refused else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        kind = type("Server", (ThreadingHTTPServer,), {"request_queue_size": 1024, "daemon_threads": True})
        self.server = kind(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def tries(self) -> Counter[str]:
        """How often each request came."""
        return Counter(path for path, _ in self.seen)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """With all the time that a busy machine may want."""
    monkeypatch.setattr(oauth, "READ_SECONDS", 35.0)
    made = Api()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    transport.forget_sessions()


def call_together(api: Api, connection: Connection, count: int) -> Counter[str]:
    """How that many calls ended that begin at the same moment."""
    door = Transport(api.url, token_source(connection), "tastytrade", lambda status, node: None)
    ready = threading.Barrier(count)

    def call(number: int) -> str:
        ready.wait(60)
        try:
            door.send(Request("GET", f"/call/{number}"))
        except BrokerError as error:
            return type(error).__name__
        finally:
            databases.close_all()
        return "served"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(call, range(count)))


def weather(api: Api, tokens: TokenServer, connection: Connection, count: int) -> None:
    """The storm of 401s, and what must be true of it."""
    assert desk.access_token(connection.pk) == OLD

    def met_the_old() -> int:
        return sum(token == OLD for _, token in api.seen)

    tokens.script = [Told(meanwhile=lambda: wait_until(lambda: met_the_old() == count))]  # nobody comes too late for it
    assert call_together(api, connection, count) == {"served": count}
    assert len(tokens.asked) == 1, f"{len(tokens.asked)} renewals"
    assert len(api.tries) == count
    assert max(api.tries.values()) <= 2, "once more, and no third time"
    assert met_the_old() == count


def test_a_storm_of_refusals_is_one_renewal_and_each_call_goes_once_more(
    api: Api, tokens: TokenServer, either: Connection
) -> None:
    weather(api, tokens, either, 200)


@pytest.mark.nightly
def test_a_storm_of_five_hundred_refusals_is_one_renewal(api: Api, tokens: TokenServer, either: Connection) -> None:
    weather(api, tokens, either, 500)


def face_a_wall(api: Api, tokens: TokenServer, connection: Connection, count: int) -> None:
    """A broker that refuses every token."""
    api.refused = lambda token: True
    ended = call_together(api, connection, count)
    assert "served" not in ended
    assert len(tokens.asked) == 1
    assert max(api.tries.values()) <= 2, "once more, and no third time"


def test_a_broker_that_refuses_every_token_sees_each_call_twice_at_most(
    api: Api, tokens: TokenServer, either: Connection
) -> None:
    face_a_wall(api, tokens, either, 60)


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody renews for himself."""
    monkeypatch.setattr(token_module, "_join_flight", lambda connection_id, refused: _renew_alone(connection_id))


def _renew_alone(connection_id: Any) -> str:
    from brokers.connections.sealing import unseal_from

    row = Connection.objects.get(pk=connection_id)
    provider = oauth.provider_for(row.broker, row.environment)
    client = token_module.client_of(row, provider)
    return oauth.refresh(provider, client, unseal_from(row, "sealed_refresh_token")).access_token.reveal()


def insistent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call tries until it is let in."""
    real = Transport.send

    def send(self: Transport, request: Request) -> Any:
        for _ in range(3):
            try:
                return real(self, request)
            except BrokerError as error:
                last = error
        raise last

    monkeypatch.setattr(Transport, "send", send)


def test_a_desk_in_which_everybody_renews_for_himself_is_noticed(
    api: Api, tokens: TokenServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch)
    with pytest.raises(AssertionError, match=r"renewals|served"):
        weather(api, tokens, connection, 40)


def test_a_desk_that_tries_again_and_again_is_noticed(
    api: Api, tokens: TokenServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insistent(monkeypatch)
    with pytest.raises(AssertionError, match="no third time"):
        face_a_wall(api, tokens, connection, 20)
