import json

from brokers.simulator.tradestation.rows import Row, line


def test_lines_are_compact_json_with_crlf() -> None:
    assert line({"A": 1, "B": "x"}) == b'{"A":1,"B":"x"}\r\n'


def test_a_change_carries_the_key_and_only_what_changed() -> None:
    row = Row("Symbol", {"Symbol": "MSFT", "Bid": "1", "Ask": "2"})
    assert row.update({"Symbol": "MSFT", "Bid": "1", "Ask": "3"})
    assert json.loads(row.since(1)) == {"Symbol": "MSFT", "Ask": "3"}


def test_a_reader_who_missed_changes_gets_them_in_one() -> None:
    row = Row("Symbol", {"Symbol": "MSFT", "Bid": "1", "Ask": "2", "Last": "1"})
    row.update({"Symbol": "MSFT", "Bid": "1", "Ask": "3", "Last": "1"})
    row.update({"Symbol": "MSFT", "Bid": "2", "Ask": "4", "Last": "1"})
    assert json.loads(row.since(1)) == {"Symbol": "MSFT", "Bid": "2", "Ask": "4"}
    assert json.loads(row.since(2)) == {"Symbol": "MSFT", "Bid": "2", "Ask": "4"}
    assert row.since(3) == b""


def test_nothing_new_is_no_change() -> None:
    row = Row("Symbol", {"Symbol": "MSFT", "Bid": "1"})
    assert not row.update({"Symbol": "MSFT", "Bid": "1"})
    assert row.version == 1
    assert row.since(1) == b""


def test_all_readers_of_a_change_share_its_bytes() -> None:
    row = Row("Symbol", {"Symbol": "MSFT", "Bid": "1"})
    row.update({"Symbol": "MSFT", "Bid": "2"})
    assert row.since(1) is row.since(1)
    assert row.full() is row.full()


def test_a_field_that_vanishes_is_gone_from_the_whole() -> None:
    row = Row("Symbol", {"Symbol": "MSFT", "Bid": "1", "Ask": "2"})
    assert row.update({"Symbol": "MSFT", "Ask": "2"})
    assert json.loads(row.full()) == {"Symbol": "MSFT", "Ask": "2"}
    assert row.since(1) == b""
