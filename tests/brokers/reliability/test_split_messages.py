"""Messages cut anywhere, glued, torn and spoilt: nothing crashes, and nothing that is valid is lost."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import pytest
from stream_reader import transcript
from ticks_apart import apart
from tradestation_desk import until
from upstream_scene import SOURCES, SYMBOLS, Mark, Scene, is_live

from brokers.domain.instruments import Equity
from brokers.domain.market import Tick
from brokers.errors import UnexpectedReply
from brokers.tastytrade import alerts, dxlink
from brokers.tradestation.chunks import Chunks, Message, Unreadable

RECORDINGS = ("S-quotes", "S-orders", "S-positions", "S-bars", "S-option-chain", "S-depth")
TASTYTRADE = Path(__file__).parents[2] / "payloads" / "tastytrade"
NOW, TODAY = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc), date(2026, 11, 20)
ODD = [
    '{"Symbol":"X","Message":"Größe – ü€😀"}',
    '{"Symbol":"X","Last":NaN,"Bid":Infinity,"Ask":-Infinity}',
    '{"Symbol":"X","Last":"1.00","Last":"2.00"}',
    '{"Symbol":"X","SomethingNew":{"deep":[[[{}]]]}}',
    '{"Kind":"nobody knows"}',
    '{"Heartbeat":1,"Timestamp":"2026-11-20T14:30:00Z"}',
    '{"Symbol":"X","Word":"\\u0000 \\ud800 \\\\ \\""}',
    '[{"OrderID":"1"},{"OrderID":"2"}]',
]
JUNK = [
    b"<html>502</html>",
    b'{"Symbol":',
    b"\xff\xfe{}",
    b"7",
    b"null",
    b"]",
    b'{"Ask":' + b"9" * 5000 + b"}",
    b"[" * 3000,
]


def corpus(count: int = 200) -> list[bytes]:
    """Lines with their ends: published ones, odd ones and, last, one of a megabyte is for the tests to add."""
    published = [json.dumps(each, ensure_ascii=False) for name in RECORDINGS for each in transcript(name)]
    dice = random.Random(4)  # noqa: S311 (which lines, not a secret)
    chosen = [dice.choice(published) if number % 4 else ODD[number // 4 % len(ODD)] for number in range(count)]
    return [each.encode() + (b"\r\n" if number % 3 else b"\n") for number, each in enumerate(chosen)]


class Reader(Protocol):
    def receive(self, piece: bytes) -> list[Message]: ...
    def finish(self) -> list[Message]: ...


def read(make: Callable[[], Reader], *pieces: bytes) -> list[Message]:
    reader = make()
    return [message for piece in pieces for message in reader.receive(piece)] + reader.finish()


class ByPieces:
    """What must not be: a reader that takes the pieces of travel for lines."""

    def receive(self, piece: bytes) -> list[Message]:
        inner = Chunks()
        return inner.receive(piece) + inner.finish()

    def finish(self) -> list[Message]:
        return []


class ByLetters(Chunks):
    """What must not be: a reader that makes letters of each piece for itself."""

    def receive(self, piece: bytes) -> list[Message]:
        return super().receive(piece.decode("utf-8", "replace").encode())


def check_every_cut(make: Callable[[], Reader], lines: list[bytes]) -> int:
    """Cut at every byte of a corpus, each time between whole neighbours; how many cuts that was."""
    cuts = 0
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        whole = before + line + after
        said = read(Chunks, whole)
        for at in range(len(before), len(before) + len(line) + 1):
            cuts += 1
            assert read(make, whole[:at], whole[at:]) == said
    return cuts


def test_every_cut_of_two_hundred_messages_says_the_same() -> None:
    lines = corpus()
    assert len(lines) == 200
    cuts = check_every_cut(Chunks, lines)
    assert cuts > 20_000
    whole = b"".join(lines)
    said = read(Chunks, whole)
    assert len([each for each in said if not isinstance(each, Unreadable)]) >= 200
    assert read(Chunks, *(whole[at : at + 1] for at in range(len(whole)))) == said
    dice = random.Random(9)  # noqa: S311 (which cuts, not a secret)
    for _ in range(20):
        ends = sorted(dice.randrange(len(whole)) for _ in range(300))
        assert read(Chunks, *(whole[a:b] for a, b in zip([0, *ends], [*ends, len(whole)], strict=True))) == said


@pytest.mark.parametrize("naive", [ByPieces, ByLetters])
def test_a_reader_that_takes_pieces_for_messages_is_noticed(naive: Callable[[], Reader]) -> None:
    with pytest.raises(AssertionError):
        check_every_cut(naive, corpus())


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_whole_corpus_cut_in_two_at_every_byte_says_the_same() -> None:
    whole = b"".join(corpus())
    said = read(Chunks, whole)
    for at in range(len(whole) + 1):
        assert read(Chunks, whole[:at], whole[at:]) == said


def test_junk_between_any_two_lines_loses_neither() -> None:
    lines = corpus(60)
    said = read(Chunks, b"".join(lines))
    for junk in JUNK:
        spoilt = read(Chunks, b"".join(line + junk + b"\n" for line in lines))
        assert [each for each in spoilt if not isinstance(each, Unreadable)] == said


def test_a_megabyte_in_the_middle_loses_nothing_around_it() -> None:
    big = json.dumps({"Symbol": "X", "Rest": "é" * 500_000}, ensure_ascii=False).encode() + b"\n"
    lines = corpus(20)
    whole = b"".join([*lines[:10], big, *lines[10:]])
    assert len(big) > 1_000_000
    said = read(Chunks, whole)
    assert len(said) == len(read(Chunks, b"".join(lines))) + 1
    pieces = (whole[at : at + 8191] for at in range(0, len(whole), 8191))
    assert read(Chunks, *pieces) == said


# Whole texts, as websockets bring them


def quote_frames() -> Iterator[str]:
    """A session's opening, then data in both forms."""
    yield '{"type":"SETUP","channel":0,"version":"1","keepaliveTimeout":60,"acceptKeepaliveTimeout":60}'
    yield '{"type":"AUTH_STATE","channel":0,"state":"UNAUTHORIZED"}'
    yield '{"type":"AUTH_STATE","channel":0,"state":"AUTHORIZED","userId":"demo"}'
    yield '{"type":"CHANNEL_OPENED","channel":1,"service":"FEED","parameters":{}}'
    yield '{"type":"FEED_CONFIG","channel":1,"dataFormat":"COMPACT","aggregationPeriod":0.1}'
    for number in range(60):
        yield json.dumps({"type": "FEED_DATA", "channel": 1, "data": ["Trade", ["SPY", 600 + number / 100, number]]})
        yield f'{{"type":"FEED_DATA","channel":1,"data":["Quote",["SPY",NaN,600.{number:02d},"NaN",5]]}}'
        event = {"eventType": "Trade", "eventSymbol": "SPY", "price": number, "dayVolume": "NaN"}
        yield json.dumps({"type": "FEED_DATA", "channel": 1, "data": [event]})
        yield '{"type":"FEED_DATA","type":"KEEPALIVE","channel":0}'


TEXT_JUNK: list[str | bytes] = [
    "",
    "<html>",
    "{",
    "null",
    "[]",
    "7",
    "{}",
    b"\xff\xfe",
    '{"type":7}',
    '{"type":"SOMETHING_NEW","channel":1}',
    '{"type":"FEED_DATA","channel":1}',
    '{"type":"FEED_DATA","channel":1,"data":7}',
    '{"type":"FEED_DATA","channel":1,"data":["Trade"]}',
    '{"type":"FEED_DATA","channel":1,"data":["Trade",["SPY"]]}',
    '{"type":"FEED_DATA","channel":1,"data":[["SPY"],"Trade"]}',
    '{"type":"FEED_DATA","channel":1,"data":["Unheard",["SPY",1,2]]}',
    '{"type":"AUTH_STATE","channel":0}',
    '{"type":"ERROR","channel":0}',
    '{"status":"ok"',
    '{"results":7}',
    '{"type":"Order"}',
    '{"type":"Order","data":{}}',
    '{"type":"Order","data":{"account-number":7}}',
    '{"type":"SomethingNew","data":{}}',
    "[" * 100_000,
    '{"type":"FEED_DATA","channel":1,"data":["Trade",["SPY",' + "9" * 5000 + ",1]]}",
    '{"type":"X","rest":"' + "a" * 1_000_000 + '"}',
]


def ticks_of(frames: list[str | bytes], make: Callable[[str], dxlink.DXLink] = dxlink.DXLink) -> list[Any]:
    protocol = make("token")
    protocol.watch([Equity("SPY"), Equity("AAPL")])
    return [each for frame in frames for each in apart(protocol.receive(frame, NOW)) if isinstance(each, Tick)]


def test_junk_among_quote_frames_loses_none_of_them() -> None:
    frames: list[str | bytes] = list(quote_frames())
    said = ticks_of(frames)
    assert len(said) == 180
    for junk in TEXT_JUNK:
        assert ticks_of([each for frame in frames for each in (frame, junk)]) == said


def test_a_quote_frame_cut_off_anywhere_loses_only_itself() -> None:
    frames: list[str | bytes] = list(quote_frames())[:12]
    said = ticks_of(frames)
    for frame in frames:
        for at in range(len(frame)):
            assert ticks_of([*frames[:5], frame[:at], *frames[5:]]) == said


def test_an_event_that_cannot_be_read_leaves_the_others_of_its_frame() -> None:
    """A frame holds the events of many instruments."""
    rows = ["SPY", 1, 2, 3, 4, "AAPL", {}, 2, 3, 4, "SPY", 5, 6, 7, 8]
    spoilt = json.dumps({"type": "FEED_DATA", "channel": 1, "data": ["Quote", rows, "Trade", ["AAPL", 190, 7]]})
    found = ticks_of([*list(quote_frames())[:5], spoilt])
    assert [(str(tick.instrument), len(tick.values)) for tick in found] == [("SPY", 4), ("SPY", 4), ("AAPL", 2)]
    protocol = dxlink.DXLink("token")
    protocol.watch([Equity("SPY"), Equity("AAPL")])
    for frame in list(quote_frames())[:5]:
        protocol.receive(frame, NOW)
    assert any(isinstance(each, dxlink.Fault) for each in protocol.receive(spoilt, NOW)), "and it is told of"


def account_frames() -> list[str | bytes]:
    """Orders, balances and positions as published, alone and in a batch."""
    names = ("E-STREAM-ORDER", "E-STREAM-BALANCE", "E-STREAM-POSITION")
    found = [json.loads(path.read_text()) for name in names if (path := TASTYTRADE / f"{name}.json").exists()]
    assert found
    singles: list[str | bytes] = [json.dumps(each) for each in found]
    return [*singles, json.dumps({"results": found})]


def news_of(frames: list[str | bytes]) -> list[Any]:
    protocol = alerts.Alerts(["5WT00042"])
    protocol.connect("token")
    said = [each for frame in frames for each in protocol.receive(frame, TODAY)]
    return [each for each in said if not isinstance(each, alerts.Fault)]


def test_junk_among_account_frames_loses_none_of_them() -> None:
    frames = account_frames()
    said = news_of(frames)
    assert len(said) >= 2
    for junk in TEXT_JUNK:
        spoilt = news_of([each for frame in frames for each in (frame, junk)])
        assert [each for each in spoilt if each in said] == said


def test_one_notification_that_cannot_be_read_leaves_the_others_of_its_batch() -> None:
    whole = json.loads(str(account_frames()[-1]))["results"]
    said = news_of([json.dumps({"results": whole})])
    for junk in (7, None, {}, {"type": 7}, {"type": "Order"}, {"type": "Order", "data": []}, [], "x"):
        batch = [junk, *whole, junk]
        found = news_of([json.dumps({"results": batch})])
        assert [each for each in found if each in said] == said, junk


def test_a_protocol_that_lets_an_error_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: what the reader of the socket does not catch ends the stream."""
    monkeypatch.setattr(dxlink, "decode", lambda text, what: json.loads(text))
    with pytest.raises((UnexpectedReply, ValueError, TypeError)):
        ticks_of(["{"])


# In crumbs, over real sockets


async def test_streams_that_come_in_crumbs_are_whole(scene: Scene) -> None:
    scene.proxy.crumbs = 7
    async with scene.listening() as heard:
        await until(lambda: is_live(heard) and Mark(heard, 0).ticked() == set(SYMBOLS))
        number = await asyncio.to_thread(scene.place, "F")
        await until(lambda: heard.is_filled(number))
        for source in SOURCES:
            assert len(heard.states(source)) == 1
