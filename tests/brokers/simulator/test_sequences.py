"""Thousands of random order sequences at each broker's wire: whatever is sent and whenever, the books add up."""

from collections import Counter

import pytest

from tests.brokers.simulator.wire_lives import Block

LIVES, BLOCKS = 20, 4  # a part is so many blocks of so many lives: 80 sequences
PARTS = [0, *(pytest.param(part, marks=pytest.mark.nightly) for part in range(1, 25))]  # 80, and 2,000 in all


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("broker", ["tastytrade", "tradestation"])
def test_random_orders_keep_the_books_to_the_cent(broker: str, part: int) -> None:
    happened: Counter[str] = Counter()
    for number in range(part * BLOCKS, part * BLOCKS + BLOCKS):
        Block(broker, number).lead(LIVES, happened)
    for event in ("placed", "refused", "changed", "filled", "cancelled", "group oco", "fills", "simple requirement"):
        assert happened[event] > 5, happened
