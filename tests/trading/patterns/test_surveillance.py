"""Among thousands of normal days every planted oddity is found, and next to nothing else is."""

from collections import Counter
from collections.abc import Callable
from copy import copy

import pytest
from trader_days import PLANTED, Day, Trader, look

from trading.patterns import confirming, rules, trouble
from trading.patterns.facts import Sighting

WARM_UP = 25
"""Days after which a trader has a history to be compared with."""


def normal_days(traders: int, days: int, seed: int = 0) -> tuple[int, Counter[str], list[Sighting]]:
    seen: Counter[str] = Counter()
    odd: list[Sighting] = []
    for number in range(traders):
        trader = Trader(seed + number)
        for _ in range(days):
            for sighting in look(trader.live()):
                seen[sighting.pattern] += 1
                odd.append(sighting)
    return traders * days, seen, odd


def planted(how: Callable[[Trader, Day], None], seed: int) -> set[str]:
    """The patterns seen on a day with something planted that are not seen on the same day without it."""
    trader = Trader(seed)
    for _ in range(WARM_UP):
        trader.live()
    while len(trader.sent) < 45 or trader.a_day < 3:  # rules that compare need a past
        seed += 1000
        trader = Trader(seed)
        for _ in range(WARM_UP + 15):
            trader.live()
    day = trader.live()
    before = {sighting.pattern for sighting in look(day)}
    odd = copy(day)
    odd.sent, odd.acts = list(day.sent), list(day.acts)
    how(trader, odd)
    return {sighting.pattern for sighting in look(odd)} - before


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(name: str) -> None:
    pattern, how = PLANTED[name]
    for seed in range(5):
        assert pattern in planted(how, seed), f"{name} went unseen with trader {seed}"


def test_normal_days_raise_at_most_one_alert_in_a_thousand() -> None:
    days, seen, odd = normal_days(40, 50)
    assert days == 2000
    assert len(odd) <= 2, f"{seen}: {[sighting.words for sighting in odd[:5]]}"


@pytest.mark.nightly
def test_twenty_thousand_normal_days_raise_at_most_one_alert_in_a_thousand() -> None:
    days, seen, odd = normal_days(200, 100, seed=10_000)
    print(f"{days} days, {len(odd)} alerts: {dict(seen)}")
    assert len(odd) <= days / 1000, f"{seen}: {[sighting.words for sighting in odd[:5]]}"


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("the same order six times", (rules, "RUNAWAY_MOST"), 100),
        ("many orders, few fills", (rules, "RATIO_MOST"), 10_000),
        ("forty orders a minute", (rules, "SPIKE_TIMES"), 1000),
        ("an order at night", (rules, "HOURS_ORDERS"), 10**6),
        ("twenty-five times the usual size", (confirming, "JUMP"), 10_000),
        ("a slipped decimal point", (confirming, "TEN"), 10_000),
        ("a webhook repeated", (trouble, "REPLAYS_MOST"), 100),
        ("an order in doubt", (trouble, "DOUBT_FOR"), rules.LAST_COUNTS),
        ("a position nobody explains", (trouble, "DRIFT_FOR"), rules.LAST_COUNTS),
        ("a stream gone silent", (trouble, "SILENT_FOR"), rules.LAST_COUNTS),
    ],
)
def test_a_rule_that_looks_away_is_caught(
    name: str, where: tuple[object, str], value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*where, type(value)(value) if isinstance(value, int) else value)
    pattern, how = PLANTED[name]
    assert pattern not in planted(how, 1)


def test_a_rule_that_cries_at_everything_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "JUMP", 2)
    assert len(normal_days(4, 50)[2]) > 2
