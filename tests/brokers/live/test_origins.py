"""The door of the websocket: only the desk's own pages get in, and only with a session."""

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.conf import settings

from brokers.live.routing import websocket_urlpatterns
from brokers.live.signin import OwnOrigin, SignIn

pytestmark = pytest.mark.django_db(transaction=True)
OWN = settings.BASE_URL


def the_door() -> object:
    return OwnOrigin(SignIn(URLRouter(websocket_urlpatterns)), [OWN])


def as_served() -> object:
    from config.asgi import application

    return application


async def first_answer(application: object, origin: str | None) -> dict:
    headers = [(b"host", b"localhost:8000")] + ([(b"origin", origin.encode())] if origin is not None else [])
    scope = {"type": "websocket", "path": "/ws/v1/", "raw_path": b"/ws/v1/", "query_string": b"", "headers": headers}
    client = ApplicationCommunicator(application, scope)
    await client.send_input({"type": "websocket.connect"})
    answer = await client.receive_output(5)
    second = await client.receive_output(5) if answer["type"] == "websocket.accept" else {}
    await client.send_input({"type": "websocket.disconnect", "code": 1006})
    await client.wait(5)
    return {"first": answer["type"], "code": second.get("code")}


@pytest.mark.parametrize(
    "origin",
    [
        OWN + ".evil.example",
        OWN + "/",
        OWN.upper(),
        "",
        None,
        "null",
        "https://evil.example",
        OWN.replace("http:", "https:"),
        OWN.replace(":8000", ""),
        OWN.replace(":8000", ":8001"),
        OWN.replace("localhost", "notlocalhost"),
        OWN.replace("localhost", "localhost.evil.example"),
        "http://user@evil.example",
    ],
)
async def test_a_page_from_elsewhere_gets_no_handshake(origin):
    assert await first_answer(the_door(), origin) == {"first": "websocket.close", "code": None}


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", OWN.replace(":8000", ":8001")])
async def test_nor_does_it_at_the_desk_as_it_is_served(origin):
    assert await first_answer(as_served(), origin) == {"first": "websocket.close", "code": None}


@pytest.mark.parametrize("application", [the_door, as_served])
async def test_the_desks_own_page_without_a_session_is_told_to_sign_in(application):
    assert await first_answer(application(), OWN) == {"first": "websocket.accept", "code": 4401}


class AlikeIsEnough(OwnOrigin):
    """The sabotaged twin: whatever begins like the desk's own address."""

    async def __call__(self, scope, receive, send):
        told = dict(scope["headers"]).get(b"origin", b"").decode()
        own = [
            (name, OWN.encode() if name == b"origin" and told.startswith(OWN) else value)
            for name, value in scope["headers"]
        ]
        return await super().__call__({**scope, "headers": own}, receive, send)


@pytest.mark.parametrize(
    ("application", "origin"),
    [
        (SignIn(URLRouter(websocket_urlpatterns)), "https://evil.example"),
        (AlikeIsEnough(SignIn(URLRouter(websocket_urlpatterns)), [OWN]), OWN + ".evil.example"),
    ],
    ids=["asks nobody", "likeness is enough"],
)
async def test_a_careless_door_is_seen_to_shake_hands(application, origin):
    assert (await first_answer(application, origin))["first"] == "websocket.accept"
