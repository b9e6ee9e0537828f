"""The strict readers of JSON."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.errors import UnexpectedReply
from brokers.wire import Node, decode, exact, optional_instant, optional_number, optional_text

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_numbers_never_pass_through_float() -> None:
    node = decode('{"a": 0.1, "b": "0.10", "c": 12345678901234567.89}')
    assert node["a"].number() == Decimal("0.1")
    assert str(node["b"].number()) == "0.10"
    assert node["c"].number() == Decimal("12345678901234567.89")


def test_an_exponent_is_written_out() -> None:
    assert str(decode('{"v": 1.3743299E7}')["v"].number()) == "13743299"
    assert str(exact("1E2")) == "100"


@pytest.mark.parametrize(
    "text", ["", "abc", "1_000", "١٢", " 1", "1 ", "NaN", "Infinity", "1e999", "0x10", "9" * 60, "--1", "1e-99"]
)
def test_what_is_not_a_plain_number_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        Node({"price": text}, "")["price"].number()
    assert caught.value.path == "price"


def test_true_is_no_number_and_no_id() -> None:
    for read in (Node(True, "x").number, Node(True, "x").identifier, Node(1, "x").boolean):
        with pytest.raises(UnexpectedReply):
            read()


def test_the_place_is_named_and_the_value_is_not_quoted() -> None:
    node = decode('{"data": {"items": [{"price": "secret-payload"}]}}')
    with pytest.raises(UnexpectedReply) as caught:
        next(node["data"]["items"].items())["price"].number()
    assert caught.value.path == "data.items[0].price"
    assert "secret" not in caught.value.message


def test_null_is_the_same_as_absent() -> None:
    node = decode('{"a": null}')
    assert "a" not in node
    assert node.get("a") is None
    assert (optional_number(node, "a"), optional_instant(node, "b"), optional_text(node, "a")) == (None, None, "")
    with pytest.raises(UnexpectedReply):
        node["a"]


def test_times_come_out_in_utc() -> None:
    moment = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
    for spelled in ("2026-11-20T14:30:00.000+00:00", "2026-11-20T14:30:00Z", "2026-11-20 09:30:00-05", 1795185000000):
        assert Node(spelled, "").instant() == moment
    assert Node("2026-11-20", "").day() == date(2026, 11, 20)


@pytest.mark.parametrize("value", ["2026-11-20T14:30:00", "soon", 10**30, "0001-01-01T00:00:00+23:00", None, True])
def test_a_time_without_zone_or_sense_is_refused(value: object) -> None:
    with pytest.raises(UnexpectedReply):
        Node(value, "at").instant()


def test_text_that_no_database_takes_is_refused() -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(UnexpectedReply):
            Node(text, "note").text()
    assert Node("Zürich €", "note").text() == "Zürich €"


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(UnexpectedReply):
        Node("Sideways", "action").one_of({"Up": 1})


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60) | ANYTHING.map(lambda value: json.dumps(value)))
def test_nothing_but_unexpected_reply_comes_out_of_the_readers(body: str | bytes) -> None:
    try:
        node = decode(body)
    except UnexpectedReply:
        return
    readers = (Node.text, Node.number, Node.instant, Node.day, Node.boolean, Node.identifier, Node.whole)
    for read in (*readers, lambda node: node["a"], lambda node: list(node.items())):
        try:
            read(node)
        except UnexpectedReply:
            continue


def test_a_bomb_of_brackets_is_not_json() -> None:
    with pytest.raises(UnexpectedReply):
        decode("[" * 100_000)
