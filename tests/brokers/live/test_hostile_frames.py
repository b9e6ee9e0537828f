"""Frames that nobody should send: the socket answers in words, then closes, never breaks; rights at each message."""

import json
import random
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.urls import path
from live_sockets import Tab

from brokers.live.consumers import BadMessage, LiveConsumer
from brokers.live.signin import SignIn
from brokers.models import Account, Connection

pytestmark = pytest.mark.django_db(transaction=True)
ABUSE = 1008
CODES = {"invalid", "unknown_action", "too_large", "not_found", "too_many_symbols"}
GOOD = {"subscribed", "unsubscribed", "pong"}
WHATEVER: list[Any] = [None, True, 0, -1, 10**400, 1e308, "", "x" * 300, "SPY", "\x00", "\u202e", [], {}, [[]], ["SPY"]]
KEYS = ["action", "id", "symbols", "connection", "account", "feed", "fields", "__proto__", ""]


def some_frame(dice: random.Random) -> bytes | str:
    """Noise, or a message that is nearly good."""
    match dice.randrange(10):
        case 0:
            return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
        case 1:
            return "".join(chr(dice.choice((dice.randrange(32, 127), dice.randrange(0xD000)))) for _ in range(60))
        case 2:
            return dice.choice(("[" * 5000, '{"a":' * 5000, "NaN", "1e999", '"' * 999, "9" * 5000, "null", "[]", ""))
        case 3:
            return json.dumps({"action": "ping", "id": 1, "pad": "x" * dice.choice((65_000, 65_600, 200_000))})
        case 4 | 5:
            text = json.dumps({"action": "subscribe", "id": 1, "symbols": ["SPY", "QQQ"], "fields": ["quotes"]})
            at, length = dice.randrange(len(text)), dice.randrange(4)
            return text[:at] + dice.choice(("", "\x00", '"', "}", "é", "\\u0000")) + text[at + length :]
        case _:
            message = {dice.choice(KEYS): dice.choice(WHATEVER) for _ in range(dice.randrange(5))}
            message["action"] = dice.choice(("subscribe", "unsubscribe", "ping", "subscribe", dice.choice(WHATEVER)))
            return json.dumps(message)


async def bear(open_socket: Any, hub: Any, person: Any, frames: int, seed: int) -> None:
    """Each frame has an answer in words, or the socket is closed for abuse: then another is opened."""
    dice, left, closed = random.Random(seed), frames, 0  # noqa: S311 (which frames, not a secret)
    while left:
        tab = await open_socket(person, hub)
        for _ in range(min(left, 500)):
            left -= 1
            frame = some_frame(dice)
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await tab.send_input({"type": "websocket.receive", kind: frame})
            answer = await answer_of(tab, frame)
            if answer is None:
                closed += 1
                break
        else:
            assert (await tab.ask(action="ping", id="last"))["type"] in GOOD | {"status", "snapshot", "error"}
        await tab.disconnect()
        assert not hub.tabs, "a socket that went left something behind"
    assert closed > frames // 200


async def answer_of(tab: Any, frame: object) -> str | None:
    while True:
        out = await tab.receive_output(20)
        if out["type"] == "websocket.close":
            assert out["code"] == ABUSE, frame
            return None
        told = json.loads(out["text"])
        if told["type"] == "error":
            assert told["code"] in CODES, frame
            return str(told["code"])
        if told["type"] in GOOD:
            return str(told["type"])


BARE = {"messages_per_second": 1e9, "message_burst": 1e9}


async def test_whatever_is_sent_has_an_answer_or_ends_the_socket(open_socket, make_hub, ann):
    await bear(open_socket, make_hub(**BARE), ann, 1000, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_a_hundred_thousand_frames_have_an_answer_or_end_the_socket(open_socket, make_hub, ann):
    await bear(open_socket, make_hub(**BARE), ann, 100_000, seed=2)


async def opened(person: Any, hub: Any) -> Tab:
    tab = Tab(
        SignIn(URLRouter([path("ws/v1/", LiveConsumer.as_asgi(hub=hub))])),
        [(b"cookie", person.cookie)],
    )
    await tab.connect()
    return tab


async def test_a_socket_that_trusts_what_it_reads_is_noticed(make_hub, ann, monkeypatch):
    """It takes any JSON for a message."""

    def trusting(self: LiveConsumer, text: str | None) -> Any:
        try:
            return json.loads(text or "")
        except ValueError:
            raise BadMessage("invalid", "The message is not JSON.") from None

    monkeypatch.setattr(LiveConsumer, "_read", trusting)
    with pytest.raises((AttributeError, RecursionError, TypeError)):
        await bear(opened, make_hub(**BARE), ann, 1000, seed=1)


# --- rights at each message ---------------------------------------------------------------------------------------

FORGED = [
    "user.1",
    "connection.*",
    "user.*",
    "../",
    "*",
    "1 OR 1=1",
    "00000000-0000-0000-0000-000000000000",
    "%",
    1,
    [],
]


@pytest.mark.parametrize("name", ["connection", "account", "feed"])
async def test_forged_names_of_channels_find_nothing(open_socket, make_hub, ann, bob, upstreams, name):
    hub = make_hub(**BARE)
    tab = await open_socket(ann, hub)
    theirs = {"connection": bob.connection.pk, "account": bob.account.pk, "feed": f"connection.{bob.connection.pk}"}
    for forged in [*FORGED, str(theirs[name]), f"connection.{bob.connection.pk}", f"user.{bob.user.pk}"]:
        answer = await tab.ask(action="subscribe", symbols=["SPY"], **{name: forged})
        assert (answer["type"], answer["code"]) == ("error", "not_found"), forged
    assert not upstreams.opened
    assert not hub.feeds


async def test_what_was_theirs_till_a_moment_ago_is_not_found(open_socket, make_hub, ann, bob):
    """Nobody told the socket: each message is looked up from the person."""
    tab = await open_socket(ann, make_hub(recheck=600))
    here = str(ann.connection.pk)
    assert (await tab.ask(action="subscribe", symbols=["SPY"], connection=here))["type"] == "subscribed"
    await database_sync_to_async(Connection.objects.filter(pk=here).update)(user=bob.user)
    for selector in ({"connection": here}, {"account": str(ann.account.pk)}, {"feed": "tastytrade"}):
        await tab.send_json_to({"action": "subscribe", "symbols": ["QQQ"], **selector})
        assert (await tab.frame("error"))["code"] == "not_found"
    assert await database_sync_to_async(Account.objects.of(ann.user).count)() == 0


async def test_ten_thousand_messages_at_once_end_the_socket_early(open_socket, make_hub, ann):
    hub = make_hub()
    served = 0
    tab = await open_socket(ann, hub)
    for number in range(10_000):
        await tab.send_json_to({"action": "ping", "id": number})
    while (out := await tab.receive_output(20))["type"] != "websocket.close":
        served += json.loads(out["text"])["type"] == "pong"
    assert out["code"] == ABUSE
    assert served < 1000
    assert not hub.tabs
