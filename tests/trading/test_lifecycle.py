"""The table and the merging of news: pure, tried with histories in any order."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.orders import BrokerStatus
from trading import lifecycle
from trading.lifecycle import ENDED, NEXT, OPEN, TERMINAL, Phase, Standing, Status, can_move, from_broker, phase

PAGE = Path(__file__).parents[2] / "docs" / "order-lifecycle.md"
WALK: dict[BrokerStatus, tuple[BrokerStatus, ...]] = {
    BrokerStatus.RECEIVED: (BrokerStatus.ROUTED, BrokerStatus.CANCELLED, BrokerStatus.REJECTED),
    BrokerStatus.ROUTED: (BrokerStatus.WORKING, BrokerStatus.REJECTED, BrokerStatus.FILLED),
    BrokerStatus.WORKING: (
        BrokerStatus.WORKING,
        BrokerStatus.FILLED,
        BrokerStatus.CANCEL_REQUESTED,
        BrokerStatus.REPLACE_REQUESTED,
        BrokerStatus.EXPIRED,
    ),
    BrokerStatus.CANCEL_REQUESTED: (BrokerStatus.CANCELLED, BrokerStatus.WORKING, BrokerStatus.FILLED),
    BrokerStatus.REPLACE_REQUESTED: (BrokerStatus.CANCELLED, BrokerStatus.WORKING, BrokerStatus.FILLED),
}
News = tuple[Status, int, Decimal]


@st.composite
def histories(draw: st.DrawFn) -> list[News]:
    """What a broker goes through with one order of 10: states, growing versions, growing fills."""
    word, version, filled = BrokerStatus.RECEIVED, draw(st.integers(1, 50)), 0
    history: list[News] = []
    for _ in range(draw(st.integers(1, 12))):
        if word in (BrokerStatus.WORKING, BrokerStatus.CANCEL_REQUESTED):
            filled = draw(st.integers(filled, 9))
        if word is BrokerStatus.FILLED:
            filled = 10
        history.append((from_broker(word), version, Decimal(filled)))
        if word not in WALK:
            break
        word, version = draw(st.sampled_from(WALK[word])), version + draw(st.integers(1, 9))
    return history


def told(news: list[News], start: Standing | None = None) -> Standing:
    standing = start or Standing(Status.SENDING)
    for one in news:
        standing = standing.hear(*one)
    return standing


@given(histories(), st.data())
def test_news_in_any_order_repeated_or_dropped_end_the_same(history: list[News], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(history), max_size=20))
    shuffled = data.draw(st.permutations([*some, history[-1]]))
    start = data.draw(st.sampled_from([Status.SENDING, Status.UNKNOWN, Status.NOT_PLACED, Status.REJECTED]))
    assert told(list(shuffled), Standing(start)) == told(history, Standing(start))


@given(histories(), st.data())
def test_every_step_is_in_the_table_and_fills_never_shrink(history: list[News], data: st.DataObject) -> None:
    standing = Standing(Status.SENDING)
    for one in data.draw(st.lists(st.sampled_from(history), max_size=30)):
        after = standing.hear(*one)
        assert after.status is standing.status or can_move(standing.status, after.status)
        assert after.filled >= standing.filled
        assert after.version >= standing.version
        if standing.status in ENDED:
            assert after.status in (standing.status, Status.FILLED)
        standing = after


def test_the_table_covers_every_state_and_phases_part_them() -> None:
    assert set(NEXT) == set(Status)
    assert all(phase(status) in Phase for status in Status)
    assert sum(len(members) for members in lifecycle.PHASES.values()) == len(Status)
    assert set(lifecycle.LABELS) == set(lifecycle.MEANINGS) == set(Status)


def test_only_the_documented_edges_leave_an_end() -> None:
    edges = {(before, after) for before in ENDED for after in NEXT[before]}
    assert edges == {(before, Status.FILLED) for before in ENDED - {Status.FILLED}}


def test_a_late_appearance_may_leave_not_placed_but_nothing_becomes_doubtful_again() -> None:
    assert can_move(Status.NOT_PLACED, Status.ACCEPTED)
    assert all(not can_move(status, Status.UNKNOWN) for status in TERMINAL | OPEN)
    assert all(not can_move(status, Status.SENDING) for status in Status)


def test_every_word_of_a_broker_has_a_state() -> None:
    assert {from_broker(word) for word in BrokerStatus} <= lifecycle.SEEN
    assert from_broker(BrokerStatus.CANCELLED, replaced=True) is Status.REPLACED


def test_a_refused_cancel_goes_back_to_work_only_on_newer_news() -> None:
    asked = Standing(Status.CANCEL_REQUESTED, 7)
    assert asked.hear(Status.WORKING, 6, Decimal(0)).status is Status.CANCEL_REQUESTED
    assert asked.hear(Status.WORKING, 0, Decimal(0)).status is Status.CANCEL_REQUESTED
    assert asked.hear(Status.WORKING, 8, Decimal(0)).status is Status.WORKING


def test_the_drawn_page_is_up_to_date() -> None:
    assert PAGE.read_text() == lifecycle.draw(), "run: python -m trading.lifecycle > docs/order-lifecycle.md"


@pytest.mark.parametrize("end", sorted(ENDED))
@pytest.mark.parametrize("word", sorted(OPEN))
def test_an_end_counts_whenever_it_is_heard_and_is_not_left(end: Status, word: Status) -> None:
    over = Standing(end, 7, Decimal(4))
    assert over.hear(word, 8, Decimal(4)).status is end
    assert over.hear(word, 0, Decimal(4)).status is end
    assert Standing(word, 8).hear(end, 7, Decimal(0)).status is end
