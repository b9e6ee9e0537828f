"""Loading: one call for many questions, the last known when the broker is away, never "nothing" for an error."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections as databases
from django.utils import timezone
from talking_broker import (
    AAPL,
    NOW,
    SPY_PUT,
    TalkingBroker,
    a_balance,
    a_holding,
    a_quote,
    a_short_put,
    add_account,
    connect,
    forget_flights,
)

from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable, UnexpectedReply
from brokers.models import Account
from portfolio import holdings, last_known
from portfolio.holdings import Source, load, load_balance, load_many
from portfolio.valuation import EXCHANGE_TIME

ERRORS = [
    Unavailable("The broker can't be reached."),
    RateLimited("Too many calls.", retry_after=30),
    NotAuthorized("The permission is gone.", grant_is_dead=True),
    Refused("No."),
    UnexpectedReply("The broker's answer could not be read: data.items[0].price is not a number.", path="data"),
]


def test_balance_positions_and_quotes_are_loaded(account: Account, talking: TalkingBroker) -> None:
    found = load(account, NOW)
    assert found.balance.known == a_balance()
    assert found.balance.source is Source.BROKER
    assert found.held.positions.known == (a_holding(), a_short_put())
    assert set(found.held.quotes) == {AAPL, SPY_PUT}
    assert found.error is None


def test_what_is_independent_is_asked_side_by_side(account: Account, talking: TalkingBroker) -> None:
    """Balance and positions wait for each other here: one after the other they would never be answered."""
    both = threading.Barrier(2, timeout=30)
    talking.before = lambda name: None if name == "quotes" else (both.wait(), None)[1]
    assert load(account, NOW).error is None


def test_many_questions_in_a_moment_are_one_upstream_call(account: Account, talking: TalkingBroker) -> None:
    talking.before = lambda name: time.sleep(0.05)
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda _: load(account, NOW), range(20)))
    assert {answer.balance.known for answer in answers} == {a_balance()}
    assert sorted(talking.calls) == ["balance 5WT00042", "positions 5WT00042", "quotes"]


def test_a_moment_later_the_broker_is_asked_again(
    account: Account, talking: TalkingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings, "FRESH_SECONDS", 0.02)
    load_balance(account)
    time.sleep(0.03)
    load_balance(account)
    assert talking.calls == ["balance 5WT00042"] * 2


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_account_never_read_is_unknown_not_empty(
    account: Account, talking: TalkingBroker, error: BrokerError
) -> None:
    talking.fail(error)
    found = load(account, NOW)
    assert (found.balance.known, found.held.positions.known) == (None, None)
    assert (found.balance.error, found.held.positions.error) == (error, error)


def test_an_account_without_positions_is_known_to_be_empty(account: Account, talking: TalkingBroker) -> None:
    talking.positions["5WT00042"] = []
    found = load(account, NOW)
    assert found.held.positions.known == ()
    assert "quotes" not in talking.calls


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_when_the_broker_is_away_the_last_known_stays(
    account: Account, talking: TalkingBroker, error: BrokerError
) -> None:
    before = load(account, NOW)
    talking.fail(error)
    forget_flights()
    found = load(account, NOW)
    assert found.balance.known == a_balance()
    assert found.held.positions.known == (a_holding(), a_short_put())
    assert found.held.quotes == before.held.quotes
    assert (found.balance.source, found.held.positions.source) == (Source.LAST_KNOWN, Source.LAST_KNOWN)
    assert found.balance.seen_at == before.balance.seen_at
    assert found.error is error


def test_last_known_emptiness_is_still_emptiness(account: Account, talking: TalkingBroker) -> None:
    talking.positions["5WT00042"] = []
    load(account, NOW)
    talking.fail(ERRORS[0])
    forget_flights()
    assert load(account, NOW).held.positions.known == ()


def test_positions_without_prices_are_still_positions(account: Account, talking: TalkingBroker) -> None:
    talking.quotes = Unavailable("No market data here.")
    found = load(account, NOW)
    assert found.held.positions.known is not None
    assert found.held.positions.error is None
    assert (found.held.quotes, found.held.quotes_error) == ({}, talking.quotes)


def test_one_failing_account_does_not_spoil_the_others(account: Account, talking: TalkingBroker) -> None:
    other = add_account(account.connection, "5WT00077")
    talking.balances["5WT00077"] = talking.positions["5WT00077"] = ERRORS[0]
    first, second = load_many([account, other], NOW)
    assert first.error is None
    assert second.error is ERRORS[0]


def test_a_broker_that_hangs_costs_a_few_seconds_and_the_late_answer_is_kept(
    account: Account, talking: TalkingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings, "PATIENCE_SECONDS", 0.05)
    answer = threading.Event()
    talking.before = lambda name: (answer.wait(5), None)[1]
    found = load_balance(account)
    assert found.known is None
    assert isinstance(found.error, Unavailable)
    answer.set()
    monkeypatch.setattr(holdings, "PATIENCE_SECONDS", 5)
    assert load_balance(account).known == a_balance()
    assert talking.calls == ["balance 5WT00042"]


def test_the_newer_of_stream_and_answer_is_taken(
    account: Account, talking: TalkingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = a_quote(AAPL, "192.00", "192.02", as_of=NOW + timedelta(seconds=1))
    old = a_quote(SPY_PUT, "0.10", "0.20", as_of=NOW - timedelta(hours=1))
    monkeypatch.setattr(holdings.hub, "latest", lambda connection_id, instruments: {AAPL: streamed, SPY_PUT: old})
    quotes = load(account, NOW).held.quotes
    assert quotes[AAPL] == replace(streamed, prev_close=Decimal("190.10"))
    assert quotes[SPY_PUT].bid == Decimal("0.80")


def test_worker_threads_leave_no_database_connection_open(account: Account, talking: TalkingBroker) -> None:
    used: list[Any] = []

    def look_at_the_database(name: str) -> None:
        Account.objects.exists()
        used.append(databases["default"])

    talking.before = look_at_the_database
    load(account, NOW)
    assert len(used) == 3
    assert databases["default"] not in used
    assert [worker.connection for worker in used] == [None] * 3


def test_what_is_kept_is_text_and_comes_back_whole(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    for what in ("balance", "positions", "quotes"):
        assert isinstance(cache.get(f"portfolio:{what}:{account.pk}"), str)
    kept = last_known.positions(account.pk)
    assert kept is not None
    assert kept.positions == (a_holding(), a_short_put())


def test_nothing_secret_is_kept(trader: Any, talking: TalkingBroker) -> None:
    connection = connect(trader, sealed_refresh_token=b"canary-refresh", sealed_access_token=b"canary-access")
    account = add_account(connection)
    load(account, NOW)
    kept = "".join(cache.get(f"portfolio:{what}:{account.pk}") for what in ("balance", "positions", "quotes"))
    assert "5WT00042" in kept
    assert "canary" not in kept


@pytest.mark.parametrize("garbage", ["", "{", "[]", "{}", "null", '{"balance": {"cash": "much"}}', 7])
def test_what_cannot_be_read_back_counts_as_unknown(account: Account, talking: TalkingBroker, garbage: Any) -> None:
    for what in ("balance", "positions", "quotes"):
        cache.set(f"portfolio:{what}:{account.pk}", garbage)
    talking.fail(ERRORS[0])
    found = load(account, NOW)
    assert (found.balance.known, found.held.positions.known) == (None, None)


def heard(account: Account, **figures: Any) -> None:
    told = a_holding(as_of=NOW, **figures)
    last_known.hear_position(account.pk, told, timezone.now())
    last_known.mark_changed(account.pk)


def in_the_eyes_of(account: Account) -> dict[str, Decimal]:
    known = load(account, NOW).held.positions.known
    assert known is not None
    return {str(position.instrument): position.quantity for position in known}


def test_what_the_stream_told_outranks_a_listing_that_lags(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(75))
    assert in_the_eyes_of(account)["AAPL"] == 75
    assert load(account, NOW).held.positions.source is Source.STREAM


def test_a_listing_newer_than_the_stream_wins(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(75))
    talking.positions["5WT00042"] = [a_holding(quantity=Decimal(80), as_of=NOW + timedelta(seconds=1))]
    assert in_the_eyes_of(account) == {"AAPL": 80}


def test_a_position_closed_on_the_stream_is_gone_before_the_listing_knows(
    account: Account, talking: TalkingBroker
) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(0))
    assert in_the_eyes_of(account) == {str(SPY_PUT): -1}


def test_after_a_while_the_listing_alone_counts(
    account: Account, talking: TalkingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(0))
    monkeypatch.setattr(last_known, "LISTINGS_LAG", timedelta(0))
    assert in_the_eyes_of(account)["AAPL"] == 25


def test_what_was_closed_stays_for_the_day_with_its_gain(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(0), realized_day=Decimal("41.50"))
    later = datetime.now(EXCHANGE_TIME).replace(hour=23, minute=59, second=59)
    kept = last_known.keep_positions(account.pk, [a_short_put()], later)
    assert [(position.instrument, position.realized_day) for position in kept.held if not position.quantity] == [
        (AAPL, Decimal("41.50"))
    ]
    tomorrow = last_known.keep_positions(account.pk, [a_short_put()], later + timedelta(hours=1))
    assert tomorrow.held == (a_short_put(),)


def test_what_the_stream_told_stays_when_the_broker_goes_away(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    heard(account, quantity=Decimal(75))
    last_known.hear_balance(account.pk, a_balance(cash=Decimal(1), as_of=NOW + timedelta(seconds=1)), NOW)
    talking.fail(ERRORS[0])
    found = load(account, NOW)
    assert found.balance.known is not None
    assert found.balance.known.cash == 1
    assert in_the_eyes_of(account)["AAPL"] == 75


def test_old_news_changes_nothing(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    last_known.hear_balance(account.pk, a_balance(cash=Decimal(1), as_of=NOW - timedelta(hours=1)), NOW)
    last_known.hear_position(account.pk, a_holding(quantity=Decimal(1), as_of=NOW - timedelta(days=9)), NOW)
    talking.fail(ERRORS[0])
    forget_flights()
    assert load_balance(account).known == a_balance()
    assert in_the_eyes_of(account)["AAPL"] == 25
