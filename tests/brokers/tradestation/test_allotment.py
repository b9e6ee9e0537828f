"""Which stream carries which symbols."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from brokers.tradestation.allotment import allot

SETS = st.frozensets(st.integers(0, 40).map(str), max_size=30)


def lanes(*texts: str) -> list[frozenset[str]]:
    return [frozenset(text.split()) for text in texts]


@given(st.lists(SETS, max_size=12))
def test_whatever_was_watched_before_all_that_is_wanted_is_carried_once(history: list[frozenset[str]]) -> None:
    carried: list[frozenset[str]] = []
    for wanted in history:
        carried = [lane for lane in allot(carried, wanted, most=7) if lane]
        assert wanted <= frozenset().union(*carried)
        assert all(0 < len(lane) <= 7 for lane in carried)
        assert not any(one & other for one, other in combinations(carried, 2))
        assert all(2 * len(lane & wanted) >= len(lane) for lane in carried)
        assert len(carried) <= len(wanted)


def test_what_is_new_goes_where_it_disturbs_least() -> None:
    assert allot(lanes("A B C", "D"), ["A", "B", "C", "D", "E"], most=3) == lanes("A B C", "D E")


def test_a_full_stream_is_left_alone_and_another_opened() -> None:
    assert allot(lanes("A B C"), ["A", "B", "C", "D"], most=3) == lanes("A B C", "D")


def test_what_is_not_wanted_any_more_stays_until_its_stream_is_opened_anew() -> None:
    assert allot(lanes("A B C"), ["A", "B"], most=3) == lanes("A B C")
    assert allot(lanes("A B C"), ["A", "B", "D"], most=3) == lanes("A B D")
    assert allot(lanes("A B C"), ["A"], most=3) == lanes("A")


def test_nothing_wanted_is_nothing_carried() -> None:
    assert allot(lanes("A B", "C"), [], most=3) == lanes("", "")
    assert allot([], []) == []
