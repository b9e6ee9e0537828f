"""The published transcripts of both sockets, whole: what the server says is understood, whatever it adds to it."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from ticks_apart import apart

from brokers.domain.instruments import Crypto, Equity, Instrument, parse_instrument
from brokers.domain.market import Tick
from brokers.tastytrade.alerts import Alerts, Beat, Connected
from brokers.tastytrade.dxlink import DXLink, Fault, Ready

from .conftest import PAYLOADS

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
SPY, BTC, CALL = Equity("SPY"), Crypto("BTC", "USD"), parse_instrument("SPY   261218C00600000")


def said(name: str, who: str) -> list[dict[str, Any]]:
    """The messages of the client (C) or the server (S)."""
    lines = (PAYLOADS / f"{name}.txt").read_text().splitlines()
    return [json.loads(line[2:]) for line in lines if line.startswith(f"{who} ")]


def added_to(message: Any) -> Any:
    """With something that is not known yet in every object."""
    if isinstance(message, dict):
        return {**{key: added_to(each) for key, each in message.items()}, "addedLater": {"a": [1, None]}}
    return message


@pytest.mark.parametrize("more", [False, True], ids=["as published", "with more"])
def test_the_quote_sockets_transcript_gives_its_prices(more: bool) -> None:
    link = DXLink("example-quote-token")
    link.watch([SPY, BTC, CALL])
    server = [message for message in said("S-DXLINK", "S") if message["type"] != "CHANNEL_CLOSED"]
    heard = [
        event
        for message in server
        for event in apart(link.receive(json.dumps(_fields_kept(message) if more else message), NOW))
    ]
    assert Ready() in heard
    assert not [event for event in heard if isinstance(event, Fault)]
    values: dict[Instrument, dict[str, Decimal | None]] = {}
    for event in heard:
        if isinstance(event, Tick):
            values.setdefault(event.instrument, {}).update(event.values)
    assert values[SPY] == {
        "bid": Decimal("602.11"),
        "ask": Decimal("602.13"),
        "bid_size": 300,
        "ask_size": 500,
        "last": Decimal("602.12"),
        "volume": 13743299,
    }
    assert values[BTC] == {"last": Decimal("58356.71"), "volume": None}
    assert values[CALL]["delta"] == Decimal("0.5412")
    assert values[CALL]["volatility"] == Decimal("0.1432")


def _fields_kept(message: dict[str, Any]) -> dict[str, Any]:
    """More in the envelope; the lists of fields are what they are."""
    return {
        **added_to({key: each for key, each in message.items() if key != "eventFields"}),
        **{key: each for key, each in message.items() if key == "eventFields"},
    }


def test_the_quote_socket_is_opened_in_the_published_words() -> None:
    link = DXLink("example-quote-token")
    link.watch([SPY])
    ours: list[dict[str, Any]] = []
    for message in said("S-DXLINK", "S"):
        ours += [json.loads(frame) for frame in link.to_send()]
        link.receive(json.dumps(message), NOW)
    theirs = said("S-DXLINK", "C")
    for mine, published in zip(ours, theirs, strict=False):
        assert mine["type"] == published["type"]
        assert mine["channel"] == published["channel"]
        assert mine.keys() <= published.keys()


@pytest.mark.parametrize("more", [False, True], ids=["as published", "with more"])
def test_the_account_sockets_transcript_is_a_connection_and_its_heartbeat(more: bool) -> None:
    alerts = Alerts(["5WT00042"])
    ours = [json.loads(alerts.connect("<access token>")), json.loads(alerts.heartbeat("<access token>"))]
    for mine, published in zip(ours, said("S-STREAMER", "C"), strict=False):
        assert {key: each for key, each in mine.items() if key != "source"} == {
            key: each for key, each in published.items() if key != "source"
        }
    server = said("S-STREAMER", "S")[:2]
    heard = [
        event
        for message in server
        for event in alerts.receive(json.dumps(added_to(message) if more else message), date(2026, 11, 20))
    ]
    assert heard == [Connected(), Beat()]
    assert alerts.unanswered == 0
