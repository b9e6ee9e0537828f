"""Chains as they are kept: whole in the process, in pieces for other processes; never yesterday's, never another's."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.cache import cache

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.market import Chain, Expiration, PriceIncrements, Strike
from brokers.models import Connection
from trading.drafting import listed

CONNECTION = Connection(broker="tastytrade", environment="sim")
NEAR, FAR = date(2026, 12, 18), date(2027, 1, 15)


def expiration(expiry: date, root: str = "SPY") -> Expiration:
    call = Option(root, expiry, Right.CALL, Decimal("187.5"))
    other_root = Option("SPY9", expiry, Right.PUT, Decimal("187.5"))
    strikes = (
        Strike(Decimal("187.5"), call, other_root),
        Strike(Decimal(190), None, Option(root, expiry, Right.PUT, Decimal(190))),
    )
    return Expiration(expiry, "regular", "PM", root, Decimal(100), PriceIncrements(((None, Decimal("0.01")),)), strikes)


CHAIN = Chain(Equity("SPY"), (expiration(NEAR), expiration(FAR)))


@pytest.fixture(autouse=True)
def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that has not met a chain yet."""
    monkeypatch.setattr(listed, "_at_hand", listed._AtHand(2))


def test_another_process_puts_the_same_chain_together(monkeypatch: pytest.MonkeyPatch) -> None:
    listed.shelf(CONNECTION, "SPY").keep(CHAIN)
    forget(monkeypatch)
    assert listed.shelf(CONNECTION, "SPY").chain() == CHAIN


def test_one_expiration_comes_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    listed.shelf(CONNECTION, "SPY").keep(CHAIN)
    forget(monkeypatch)
    made: list[date] = []
    whole = listed._with_strikes
    monkeypatch.setattr(listed, "_with_strikes", lambda title, text: made.append(title.expiry) or whole(title, text))
    found = listed.shelf(CONNECTION, "SPY")
    assert found.expiration("2027-01-15-SPY") == CHAIN.expirations[1]
    assert found.expiration("2027-01-15-SPX") is None
    assert [each.expiry for each in found.titles() or ()] == [NEAR, FAR]
    assert made == [FAR]


@pytest.mark.parametrize("piece", ["", ":strikes"])
def test_a_chain_that_lost_a_piece_is_asked_for_anew(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = listed.shelf(CONNECTION, "SPY")
    place.keep(CHAIN)
    forget(monkeypatch)
    cache.delete(f"{place.key}:{place.mark}{piece}")
    assert place.chain() is None


def test_a_chain_takes_few_of_the_places_of_a_cache_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds 300, and what was reviewed stands there too."""
    kept: list[str] = []
    put = cache.set
    monkeypatch.setattr(cache, "set", lambda key, *rest: kept.append(key) or put(key, *rest))
    listed.shelf(CONNECTION, "SPY").keep(Chain(Equity("SPY"), CHAIN.expirations * 40))
    assert len(kept) == 3


def test_a_newer_chain_takes_the_place_of_the_one_at_hand() -> None:
    place = listed.shelf(CONNECTION, "SPY")
    place.keep(CHAIN)
    newer = Chain(Equity("SPY"), CHAIN.expirations[:1])
    here = listed._at_hand
    listed._at_hand = listed._AtHand(2)  # another process shares a newer one
    place.keep(newer)
    listed._at_hand = here
    assert place.chain() == newer


def test_a_chain_is_not_kept_into_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime, timezone

    before, after = (datetime(2026, 11, 21, hour, 30, tzinfo=timezone.utc) for hour in (4, 5))  # midnight in New York
    monkeypatch.setattr(listed.timezone, "now", lambda: before)
    listed.shelf(CONNECTION, "SPY").keep(CHAIN)
    assert listed.shelf(CONNECTION, "SPY").chain() is CHAIN
    monkeypatch.setattr(listed.timezone, "now", lambda: after)
    assert listed.shelf(CONNECTION, "SPY").chain() is None


@pytest.mark.parametrize(("broker", "environment"), [("tradestation", "sim"), ("tastytrade", "live")])
def test_a_chain_stays_with_its_broker_and_world(broker: str, environment: str) -> None:
    listed.shelf(CONNECTION, "SPY").keep(CHAIN)
    assert listed.shelf(Connection(broker=broker, environment=environment), "SPY").chain() is None


def test_a_process_keeps_only_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    for symbol in ("AAA", "BBB", "CCC"):
        listed.shelf(CONNECTION, symbol).keep(Chain(Equity(symbol), CHAIN.expirations))
    place = listed.shelf(CONNECTION, "AAA")
    cache.delete(f"{place.key}:{place.mark}")
    assert listed.shelf(CONNECTION, "AAA").chain() is None
    assert listed.shelf(CONNECTION, "CCC").chain() is not None
