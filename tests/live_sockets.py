"""People with a connection and a signed-in session, and websocket clients of theirs without a network."""

import json
from importlib import import_module
from uuid import uuid4

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.http import HttpRequest

from brokers.models import Account, Connection


class Person:
    """A user with a connection, an account and a signed-in session."""

    def __init__(self, name: str) -> None:
        self.user = get_user_model().objects.create_user(name, password="made-up-" + uuid4().hex)
        self.connection = Connection.objects.create(user=self.user, broker="tastytrade", environment="sim")
        self.account = Account.objects.create(
            connection=self.connection, number=f"5W{name}", kind="margin", is_default=True
        )
        self.request = HttpRequest()
        self.request.user = self.user
        self.request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        login(self.request, self.user, backend=settings.AUTHENTICATION_BACKENDS[0])
        self.request.session.save()

    @property
    def cookie(self) -> bytes:
        return f"{settings.SESSION_COOKIE_NAME}={self.request.session.session_key}".encode()


class Tab(ApplicationCommunicator):
    """A websocket client without a network: what the server is told, and what it says."""

    def __init__(self, application: object, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(application, {"type": "websocket", "path": "/ws/v1/", "query_string": b"", "headers": headers})

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(30))["type"] == "websocket.accept"

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait(30)

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def send_json_to(self, message: dict) -> None:
        await self.send_text(json.dumps(message))

    async def receive_json_from(self, timeout: float = 30) -> dict:  # noqa: ASYNC109
        return json.loads((await self.receive_output(timeout))["text"])

    async def ask(self, **message: object) -> dict:
        await self.send_json_to({"id": 1, **message})
        return await self.receive_json_from()

    async def frame(self, kind: str) -> dict:
        """The next frame of a kind; those before it are passed over."""
        while (frame := await self.receive_json_from())["type"] != kind:
            pass
        return frame

    async def closed_with(self) -> int:
        while (message := await self.receive_output(timeout=30))["type"] != "websocket.close":
            pass
        return message["code"]
