"""What a chain costs in calls: its expirations one, the strikes of a day one more, and nothing that nobody looks at."""

from collections.abc import Callable

import pytest
from any_broker import SPY, Desk

from brokers.domain.market import Expiration


def spent(desk: Desk, act: Callable[[], object]) -> int:
    """How many requests about markets the broker got meanwhile."""

    def asked() -> int:
        entries = desk.sim.control("ledger?requests=all")["requests"]
        return sum("marketdata" in entry["path"] or "chains" in entry["path"] for entry in entries)

    before = asked()
    act()
    return asked() - before


def look_at_two(desk: Desk) -> list[Expiration]:
    chain = desk.broker.get_chain(SPY)
    return desk.broker.with_strikes(SPY, [chain.expirations[1], chain.expirations[4]])


def look_at_all(desk: Desk) -> list[Expiration]:
    """As a desk that reads every strike of a chain for one of its pages."""
    return desk.broker.with_strikes(SPY, desk.broker.get_chain(SPY).expirations)


def test_two_expirations_of_a_chain_cost_four_calls_at_most(desk: Desk) -> None:
    found: list[Expiration] = []
    assert spent(desk, lambda: found.extend(look_at_two(desk))) <= 4
    assert all(len(each.strikes) > 10 and each.increments.steps for each in found)
    assert spent(desk, lambda: desk.broker.with_strikes(SPY, [])) == 0


def test_a_desk_that_reads_all_strikes_is_noticed_where_each_day_costs_a_call(desk: Desk) -> None:
    """The twin. Where a chain comes whole there is nothing to notice."""
    comes_whole = all(each.strikes for each in desk.broker.get_chain(SPY).expirations)
    cost = spent(desk, lambda: look_at_all(desk))
    assert cost == 1 if comes_whole else cost > 12


def test_strikes_that_are_known_are_not_asked_for_again_where_they_came_with_the_chain(desk: Desk) -> None:
    expirations = desk.broker.get_chain(SPY).expirations[:1]
    if not expirations[0].strikes:
        pytest.skip("this broker tells strikes day by day")
    assert spent(desk, lambda: desk.broker.with_strikes(SPY, expirations)) == 0
    bare = [Expiration(each.expiry, each.kind, each.settlement, each.root, each.multiplier, each.increments, ())
            for each in expirations]  # fmt: skip
    assert desk.broker.with_strikes(SPY, bare) == list(expirations)
