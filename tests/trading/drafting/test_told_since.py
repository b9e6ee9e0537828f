"""Strikes that a broker tells a day at a time: kept as they come, for every process, asked for once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from ledger_broker import LedgerBroker

from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.market import Chain, Expiration, PriceIncrements, Strike
from brokers.domain.orders import InvalidTicket
from brokers.errors import RateLimited
from brokers.models import Account
from trading.drafting import chains, listed

FIRST = date(2026, 12, 18)
DAYS = [FIRST + timedelta(days=7 * week) for week in range(20)]
NICKELS = PriceIncrements(((None, Decimal("0.05")),))


def title(expiry: date) -> Expiration:
    return Expiration(expiry, "weekly", "PM", "AAPL", Decimal(100), PriceIncrements(()), ())


def whole(each: Expiration) -> Expiration:
    def option(price: int, right: Right) -> Option:
        return Option(each.root, each.expiry, right, Decimal(price))

    strikes = (Strike(Decimal(price), option(price, Right.CALL), option(price, Right.PUT)) for price in (180, 190, 200))
    return replace(each, strikes=tuple(strikes), increments=NICKELS)


class DayByDay(LedgerBroker):
    """Tells strikes of a day for a call; ``left`` calls are allowed."""

    left = 1000

    def __init__(self) -> None:
        super().__init__()
        self.chains, self.asked = 0, list[date]()

    def get_chain(self, underlying: Instrument) -> Chain:
        self.chains += 1
        return Chain(underlying, tuple(title(day) for day in DAYS))

    def with_strikes(self, underlying: Instrument, expirations: Sequence[Expiration]) -> list[Expiration]:
        for each in expirations:
            if len(self.asked) >= self.left:
                raise RateLimited("Not so often.", broker="tastytrade")
            self.asked.append(each.expiry)
        return [whole(each) for each in expirations]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> DayByDay:
    made = DayByDay()
    cache.clear()
    monkeypatch.setattr(listed, "_at_hand", listed._AtHand(8))
    monkeypatch.setattr(chains.connections, "broker_for", lambda *_, **__: made)
    return made


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "_at_hand", listed._AtHand(8))


def name(day: date) -> str:
    return f"{day.isoformat()}-AAPL"


def test_what_is_looked_at_is_asked_for_once_by_all_processes(
    trading_account: Account, broker: DayByDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each.expiry for each in chains.expirations_on(trading_account, "AAPL")] == DAYS
    for _ in range(2):
        for day in (DAYS[3], DAYS[1]):
            assert chains.expiration_on(trading_account, "AAPL", name(day)) == whole(title(day))
        another_process(monkeypatch)
    assert (broker.chains, broker.asked) == (1, [DAYS[3], DAYS[1]])
    told = chains.told_on(trading_account, "AAPL")
    assert [each.expiry for each in told if each.strikes] == [DAYS[1], DAYS[3]]
    assert [bool(each.increments.steps) for each in chains.expirations_on(trading_account, "AAPL")][:4] == [
        False, True, False, True,
    ]  # fmt: skip
    assert chains.expiration_on(trading_account, "AAPL", "2030-01-01-AAPL") is None


def test_two_processes_that_ask_at_once_lose_nothing_of_what_either_was_told(
    trading_account: Account, broker: DayByDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writes the list as it knew it; the strikes stand for themselves."""
    chains.expirations_on(trading_account, "AAPL")
    place = listed.shelf(trading_account.connection, "AAPL")
    before = cache.get(place._titles(place.mark or ""))
    chains.expiration_on(trading_account, "AAPL", name(DAYS[0]))
    cache.set(place._titles(place.mark or ""), before)
    another_process(monkeypatch)
    assert chains.expiration_on(trading_account, "AAPL", name(DAYS[0])) == whole(title(DAYS[0]))
    assert broker.asked == [DAYS[0]]


def test_a_whole_chain_asks_for_what_is_missing_and_goes_on_after_a_refusal(
    trading_account: Account, broker: DayByDay
) -> None:
    chains.expiration_on(trading_account, "AAPL", name(DAYS[5]))
    broker.left = 12
    with pytest.raises(RateLimited):
        chains.chain_on(trading_account, "AAPL")
    broker.left = 1000
    already = len(broker.asked)
    found = chains.chain_on(trading_account, "AAPL")
    assert found == Chain(Equity("AAPL"), tuple(whole(title(day)) for day in DAYS))
    assert broker.asked[already:] == DAYS[9:]  # eight at a time: the first eight were kept
    assert chains.chain_on(trading_account, "AAPL") is chains.chain_on(trading_account, "AAPL")


def test_steps_ask_for_the_days_they_touch(trading_account: Account, broker: DayByDay) -> None:
    option = Option("AAPL", DAYS[2], Right.CALL, Decimal(190))
    assert chains.next_strike(trading_account, option, 1) == replace(option, strike=Decimal(200))
    assert chains.next_strike(trading_account, option, -1) == replace(option, strike=Decimal(180))
    with pytest.raises(InvalidTicket, match="no strike above"):
        chains.next_strike(trading_account, option, 2)
    assert chains.next_expiry(trading_account, option, 1) == replace(option, expiry=DAYS[3])
    assert broker.asked == [DAYS[2], DAYS[3]]
    last = replace(option, expiry=DAYS[-1])
    with pytest.raises(InvalidTicket, match="no later expiration"):
        chains.next_expiry(trading_account, last, 1)
    with pytest.raises(InvalidTicket, match="not in the broker's list"):
        chains.next_strike(trading_account, replace(option, expiry=date(2031, 1, 1)), 1)


def test_a_desk_that_reads_whole_chains_for_a_step_is_noticed(
    trading_account: Account, broker: DayByDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""

    def greedy(account: Account, underlying: str, wanted: str) -> Expiration | None:
        return chains.by_name(chains.chain_on(account, underlying).expirations, wanted)

    monkeypatch.setattr(chains, "expiration_on", greedy)
    chains.next_strike(trading_account, Option("AAPL", DAYS[2], Right.CALL, Decimal(190)), 1)
    assert len(broker.asked) == len(DAYS)
