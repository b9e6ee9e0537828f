"""Our references at the broker: twenty-two letters and digits, and never the same twice."""

import os
import random
import re
from collections.abc import Callable

import pytest
from ledger_broker import a_ticket

from brokers.tastytrade.codec import orders as tastytrade
from brokers.tradestation.codec import placing as tradestation
from trading.models import new_client_ref
from trading.models import orders as order_models

REFERENCE = re.compile(r"[0-9A-Za-z]{22}")
SHARES = 16


@pytest.fixture
def chance_in_large_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own random bytes, but 64 KB at a time: half of a reference's time is the asking for each."""
    kept, place = b"", 0

    def take(count: int) -> bytes:
        nonlocal kept, place
        if place + count > len(kept):
            kept, place = os.urandom(1 << 16), 0
        place += count
        return kept[place - count : place]

    monkeypatch.setattr(random, "_urandom", take)


def repeated(make: Callable[[], str], how_many: int) -> int:
    """How many of so many references are no reference or were there before; compared a share at a time."""
    wrong = 0
    shares: list[list[bytes]] = [[] for _ in range(SHARES)]
    for _ in range(how_many):
        reference = make()
        wrong += REFERENCE.fullmatch(reference) is None
        shares[hash(reference[:2]) % SHARES].append(reference.encode())
    while shares:
        share = shares.pop()
        wrong += len(share) - len(set(share))
    return wrong


@pytest.mark.parametrize(
    "how_many", [400_000, pytest.param(10_000_000, marks=[pytest.mark.nightly, pytest.mark.timeout(1_800)])]
)
def test_references_at_the_broker_are_twenty_two_letters_and_never_the_same(
    chance_in_large_pieces: None, how_many: int
) -> None:
    assert repeated(new_client_ref, how_many) == 0


def test_references_that_come_again_or_are_misshapen_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)  # noqa: S311
    few = lambda: f"{chance.randrange(5_000):022d}"  # noqa: E731
    assert repeated(few, 1_000) > 0
    monkeypatch.setattr(order_models, "REF_LENGTH", 21)
    assert repeated(new_client_ref, 10) == 10


def test_both_brokers_are_told_the_reference_as_it_stands_in_the_order() -> None:
    """One value, searchable everywhere: here, in the ledger of the broker, in a support mail."""
    reference = new_client_ref()
    there = tastytrade.place_request("5WT00042", a_ticket(), reference).body or {}
    here = tradestation.place_request("11223344", a_ticket(), reference).body or {}
    assert there["external-identifier"] == here["OrderConfirmID"] == reference
