"""The description of the websocket (docs/asyncapi.yaml) against the socket: each frame that comes is one it names."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hand_fed import tick
from jsonschema import Draft202012Validator

from brokers.live.fields import GROUPS
from brokers.live.mailbox import REASONS
from brokers.live.news import announce
from brokers.port import StatusChange, StreamState

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
MESSAGES: dict[str, dict[str, Any]] = DOCUMENT["components"]["messages"]
SENT, ASKED = (
    {entry["$ref"].rpartition("/")[2] for entry in DOCUMENT["operations"][name]["messages"]} for name in ("tell", "ask")
)
pytestmark = pytest.mark.django_db(transaction=True)


def faults(name: str, frame: Any) -> list[str]:
    schema = {**MESSAGES[name]["payload"], "components": DOCUMENT["components"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(frame)]


def checked(frame: dict[str, Any]) -> str:
    """The frame's type, when it is one that the description has, in just that shape."""
    kind = frame["type"]
    assert kind in SENT, f"a frame of type {kind} is not described"
    assert faults(kind, frame) == []
    return str(kind)


async def test_every_frame_that_comes_is_as_described(open_socket, make_hub, ann, upstreams):
    hub = make_hub(heartbeat=0.3)
    tab = await open_socket(ann, hub)
    seen = set()

    async def until(kind: str) -> None:
        while (came := checked(await tab.receive_json_from(timeout=20))) != kind:
            seen.add(came)
        seen.add(kind)

    await tab.send_json_to({"action": "subscribe", "id": 1, "symbols": ["SPY", "??"], "fields": list(GROUPS)})
    await until("snapshot")
    stream = await upstreams.of(ann.connection.pk)
    told = {"bid": "1.02", "ask": None, "last": "1.03", "volume": "100", "delta": "-0.25", "open_interest": "7"}
    stream.say(StatusChange("quotes", StreamState.DELAYED, "late"), tick("SPY", **told))
    await until("quotes")
    announce(ann.user.pk, {"type": "portfolio", "account": str(ann.account.pk), "what": "balance"})
    await until("portfolio")
    for message, answer in (
        ({"action": "ping", "id": "p"}, "pong"),
        ({"action": "dance", "id": 2}, "error"),
        ({"action": "subscribe", "symbols": ["SPY"], "feed": "elsewhere"}, "error"),
        ({"action": "unsubscribe", "id": 3, "symbols": ["SPY"]}, "unsubscribed"),
    ):
        await tab.send_json_to(message)
        await until(answer)
    await until("heartbeat")
    assert seen | {"orders"} == SENT, "what is described is also sent (orders: in tests of trading)"


async def test_what_may_be_asked_is_understood_as_it_is_described(open_socket, ann):
    tab = await open_socket(ann)
    for name in sorted(ASKED):
        for example in MESSAGES[name]["examples"]:
            message = example["payload"]
            assert faults(name, message) == []
            own = message | ({"connection": str(ann.connection.pk)} if "connection" in message else {})
            await tab.send_json_to(own)
            answer = await tab.receive_json_from()
            while answer["type"] in ("snapshot", "status", "quotes", "heartbeat"):
                answer = await tab.receive_json_from()
            assert answer["type"] == {"subscribe": "subscribed", "unsubscribe": "unsubscribed", "ping": "pong"}[name]


def test_codes_and_groups_are_those_of_the_code() -> None:
    told = DOCUMENT["info"]["description"]
    assert {int(code) for code in re.findall(r"\b(?:44\d\d|1008)\b", told)} == set(REASONS)
    assert MESSAGES["subscribe"]["payload"]["properties"]["fields"]["items"]["enum"] == sorted(
        GROUPS, key=list(GROUPS).index
    )
    source = (ROOT / "brokers" / "live" / "consumers.py").read_text()
    used = set(re.findall(r'(?:BadMessage\(|error\([a-z_]+, )"([a-z_]+)"', source)) | {"too_many_tabs"}
    assert set(MESSAGES["error"]["payload"]["properties"]["code"]["enum"]) == used
    assert all(
        f"#/components/messages/{name}" == entry["$ref"]
        for name, entry in DOCUMENT["channels"]["live"]["messages"].items()
    )


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "pong", "id": 1, "more": 1},
        {"type": "quotes", "seq": 0, "connection": "x", "quotes": {}},
        {"type": "quotes", "seq": 1, "connection": "x", "quotes": {"SPY": {"as_of": "now", "bid": 1.5}}},
        {"type": "error", "id": None, "code": "other", "detail": ""},
    ],
)
def test_a_frame_of_another_shape_is_seen(frame: dict[str, Any]) -> None:
    assert faults(frame["type"], frame)
