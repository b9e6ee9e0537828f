"""A broker's token endpoint and accounts over real HTTP: it answers as it is told and notes what it was asked."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from brokers.port import Hosts


@dataclass
class Told:
    """One answer of the token endpoint. ``body`` is JSON unless it is bytes; ``meanwhile`` runs before it goes out."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    meanwhile: Callable[[], object] | None = None
    drop: bool = False


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    fields: dict[str, str]


class TokenServer:
    """``script`` holds the next answers; when it is empty, fresh tokens are given. ``asked``: every token request."""

    def __init__(self, backlog: int = 5) -> None:
        self.script: list[Told] = []
        self.always: Told | None = None
        self.asked: list[Asked] = []
        self.everything: list[str] = []
        self.seconds = 0.0
        self.expires_in: Any = 900
        self.accounts = ["5WT00042", "5WT00043"]
        self.accounts_status = 200
        self.given = 0
        self.lock = threading.Lock()
        server_type = type("Server", (ThreadingHTTPServer,), {"request_queue_size": backlog})
        self.server = server_type(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hung up
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "TokenServer":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()

    @property
    def overrides(self) -> dict[str, str]:
        return {
            "api": self.url,
            "authorize": f"{self.url}/auth.html",
            "token": f"{self.url}/oauth/token",
            "streamer": self.url.replace("http", "ws"),
        }

    @property
    def hosts(self) -> Hosts:
        return Hosts(**self.overrides)

    def token_answer(self) -> dict[str, Any]:
        with self.lock:
            self.given += 1
            number = self.given
        answer = {"access_token": f"canary-access-{number:04d}", "token_type": "Bearer", "expires_in": self.expires_in}
        return {key: value for key, value in answer.items() if value is not ...}

    def next(self) -> Told:
        with self.lock:
            return self.script.pop(0) if self.script else self.always or Told(seconds=self.seconds)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                as_json = self.headers.get("Content-Type", "").startswith("application/json")
                fields = json.loads(raw) if as_json else dict(parse_qsl(raw.decode()))
                told = server.next()
                with server.lock:
                    server.everything.append(f"POST {self.path}")
                    server.asked.append(Asked(self.path, dict(self.headers), fields))
                time.sleep(told.seconds)
                if told.meanwhile:
                    told.meanwhile()
                if told.drop:
                    self.connection.close()
                    return
                body = told.body
                if body is None:
                    body = server.token_answer()
                    if fields.get("grant_type") == "authorization_code":
                        body |= {"refresh_token": "canary-refresh-by-code", "scope": "read trade openid"}
                self._send(told.status, body, told.headers)

            def do_GET(self) -> None:
                with server.lock:
                    server.everything.append(f"GET {self.path}")
                items = [
                    {
                        "account": {
                            "account-number": number,
                            "nickname": f"Account {number[-2:]}",
                            "account-type-name": "Individual",
                            "day-trader-status": False,
                            "is-closed": False,
                            "margin-or-cash": "Margin",
                        },
                        "authority-level": "owner",
                    }
                    for number in server.accounts
                ]
                answer = {"data": {"items": items}, "context": "/customers/me/accounts"}
                self._send(server.accounts_status, answer, {})

            def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        return Handler
