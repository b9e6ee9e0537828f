"""The protocol of the HTTP streams: recordings cut anywhere say the same."""

import json
import random
from decimal import Decimal

import pytest
from stream_reader import transcript

from brokers.errors import UnexpectedReply
from brokers.tradestation import chunks
from brokers.tradestation.chunks import (
    Chunks,
    Data,
    Deleted,
    EndSnapshot,
    Failed,
    GoAway,
    Heartbeat,
    Message,
    Unreadable,
    classify,
)
from brokers.wire import decode

RECORDINGS = ("S-quotes", "S-orders", "S-positions", "S-bars", "S-option-chain", "S-depth")


def recording(name: str, end: bytes = b"\r\n") -> bytes:
    """A published transcript as bytes, one object a line."""
    return b"".join(json.dumps(each).encode() + end for each in transcript(name))


def read(*pieces: bytes) -> list[Message]:
    stream = Chunks()
    return [message for piece in pieces for message in stream.receive(piece)] + stream.finish()


def kinds(messages: list[Message]) -> list[str]:
    return [type(message).__name__ for message in messages]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_cut_at_every_byte_says_the_same(name: str) -> None:
    whole = recording(name)
    said = read(whole)
    assert len(said) == len(transcript(name))
    assert not any(isinstance(message, Unreadable) for message in said)
    for cut in range(len(whole) + 1):
        assert read(whole[:cut], whole[cut:]) == said


def test_a_recording_byte_by_byte_says_the_same() -> None:
    whole = b"".join(recording(name) for name in RECORDINGS)
    assert read(*(whole[at : at + 1] for at in range(len(whole)))) == read(whole)


def test_line_ends_of_either_kind_and_blank_lines_say_the_same() -> None:
    said = read(recording("S-orders"))
    assert read(recording("S-orders", b"\n")) == said
    assert read(recording("S-orders", b"\r\n\r\n\n  \r\n")) == said


def test_the_kinds_of_messages_are_told_apart() -> None:
    assert kinds(read(recording("S-quotes"))) == ["Data", "Failed", "Data", "Data", "Heartbeat", "GoAway"]
    assert kinds(read(recording("S-positions"))) == ["Data", "EndSnapshot", "Data", "Deleted"]
    assert kinds(read(recording("S-orders"))) == ["Data", "EndSnapshot", "Heartbeat", "Data", "Data", "GoAway"]


def test_each_kind_carries_what_it_says() -> None:
    assert read(b'{"Symbol":"ZZZZQ","Error":"FAILED, EX_INVALID_SYMBOL"}\n') == [
        Failed("FAILED, EX_INVALID_SYMBOL", symbol="ZZZZQ")
    ]
    assert read(b'{"Error":"Forbidden","Message":"Invalid Account ID.","AccountID":"1"}\n') == [
        Failed("Forbidden", "Invalid Account ID.", account="1")
    ]
    assert read(b'{"PositionID":186198971,"Deleted":true}\n') == [Deleted("186198971")]
    assert read(b'{"Error":"GoAway"}\n{"StreamStatus":"GoAway"}') == [GoAway(), GoAway()]
    (data,) = read(b'{"Symbol":"MSFT","Ask":"412.880"}\n')
    assert isinstance(data, Data)
    assert data.node["Ask"].number() == Decimal("412.88")


def test_utf8_cut_within_a_letter_is_whole_again() -> None:
    line = '{"Symbol":"X","Message":"Größe – ü€😀"}\n'.encode()
    for cut in range(len(line)):
        (data,) = read(line[:cut], line[cut:])
        assert isinstance(data, Data)
        assert data.node["Message"].text() == "Größe – ü€😀"


def test_objects_in_an_array_are_read_one_by_one() -> None:
    assert kinds(read(b'[{"OrderID":"1"},{"Heartbeat":1},7]\n')) == ["Data", "Heartbeat", "Unreadable"]


@pytest.mark.parametrize(
    "junk",
    [
        b"<html>",
        b'{"Symbol":',
        b"\xff\xfe{}",
        b"7",
        b'"END"',
        b"null",
        b'{"StreamStatus":"Intermission"}',
        b'{"Error":{"a":1}}',
        b'{"Deleted":true}',
        b"[" * 100_000,
        b'{"Ask":' + b"9" * 5000 + b"}",
    ],
)
def test_junk_loses_nothing_of_what_is_around_it(junk: bytes) -> None:
    said = read(b'{"Heartbeat":1}\n' + junk + b'\r\n{"StreamStatus":"EndSnapshot"}\n')
    assert said[0] == Heartbeat()
    assert said[-1] == EndSnapshot()
    assert kinds(said[1:-1]) == ["Unreadable"]
    assert all(junk[:20].decode("latin-1") not in each.words for each in said if isinstance(each, Unreadable))


def test_a_torn_last_line_is_nothing_and_a_whole_one_counts() -> None:
    assert read(b'{"Heartbeat":1}\n{"Symbol":"MS') == [Heartbeat()]
    assert read(b'{"Heartbeat":1}\n{"StreamStatus":"GoAway"}') == [Heartbeat(), GoAway()]


def test_an_object_of_a_megabyte_is_read_and_a_line_without_end_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    big = b'{"Symbol":"X","Junk":"' + b"a" * 1_000_000 + b'"}\n'
    assert kinds(read(big[:500_000], big[500_000:])) == ["Data"]
    monkeypatch.setattr(chunks, "LARGEST_LINE", 1000)
    stream = Chunks()
    assert stream.receive(b"x" * 1000) == []
    with pytest.raises(UnexpectedReply, match="without end"):
        stream.receive(b"x")


def test_any_pieces_of_a_long_recording_say_the_same() -> None:
    whole = b"".join(recording(name) for name in RECORDINGS) * 3
    said, dice = read(whole), random.Random(7)  # noqa: S311 (which cuts, not a secret)
    for _ in range(50):
        cuts = sorted(dice.randrange(len(whole)) for _ in range(dice.randrange(1, 60)))
        assert read(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True))) == said


def test_what_is_no_object_has_no_kind() -> None:
    with pytest.raises(UnexpectedReply):
        classify(decode("[1]"))
