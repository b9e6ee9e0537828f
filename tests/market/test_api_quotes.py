"""The API's quotes against the simulator, for either broker: where they are from, how old, and for whom."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from market_answers import AWAY, has_source, is_recent, told
from simulator_server import SimulatorServer

from brokers.domain.instruments import Equity
from brokers.domain.market import Quote
from brokers.live.hub import hub
from brokers.models import Account
from market import api, quoting

UTC = timezone.utc


ADDRESSES = (
    "quotes?symbols=SPY",
    "greeks?symbols=SPY%20%20%20261218C00600000",
    "chains/SPY",
    "bars/SPY",
    "metrics?symbols=SPY",
    "market-status",
)


def test_market_data_are_for_their_own_person_alone(account: Account, stranger: Client) -> None:
    for address in ADDRESSES:
        mark = "&" if "?" in address else "?"
        foreign = told(stranger, f"{address}{mark}account={account.pk}", 404)
        missing = told(stranger, f"{address}{mark}account=00000000-0000-4000-8000-000000000000", 404)
        assert foreign["detail"] == missing["detail"]
        assert "Connect a broker first" in told(stranger, address, 404)["detail"]
        assert told(Client(), address, 401)["code"] == "not_signed_in"


def test_the_account_named_decides_and_nonsense_is_no_account(account: Account, trader: Client) -> None:
    assert has_source(told(trader, f"quotes?symbols=SPY&account={account.pk}"), account)
    told(trader, "quotes?symbols=SPY&account=everybody", 404)


def test_quotes_come_with_their_day_and_where_they_are_from(account: Account, trader: Client) -> None:
    document = told(trader, "quotes?symbols=SPY,$SPX,NOSUCH,SPY")
    assert has_source(document, account)
    assert document["source"]["delayed"] is None  # no stream has told
    assert (document["unknown"], document["reason"]) == (["NOSUCH"], None)
    share, index = document["quotes"]
    assert (share["symbol"], index["symbol"]) == ("SPY", "$SPX")
    assert share["via"] == "broker"
    assert not share["stale"]
    assert is_recent(share["as_of"])
    day = {name: Decimal(share[name]) for name in ("low", "last", "high", "open", "previous_close", "bid", "ask")}
    assert day["low"] <= day["last"] <= day["high"]
    assert day["bid"] < day["ask"]
    assert Decimal(share["mark"]) == (day["bid"] + day["ask"]) / 2
    assert Decimal(share["change"]) == day["last"] - day["previous_close"]
    assert Decimal(share["volume"]) > 0
    assert (index["bid"], index["ask"]) == (None, None)


def test_a_quote_is_asked_for_once_in_a_while(account: Account, trader: Client, sim: SimulatorServer) -> None:
    first = told(trader, "quotes?symbols=SPY,NOSUCH")
    sim.faults({**AWAY, "path": "*"})
    assert told(trader, "quotes?symbols=NOSUCH,SPY")["quotes"] == first["quotes"]


class Streamed:
    """A hub whose stream has told some quotes."""

    def __init__(self, *quotes: Quote) -> None:
        self.quotes = {each.instrument: each for each in quotes}

    def latest(self, _: Any, instruments: Any) -> Any:
        return {one: self.quotes[one] for one in instruments if one in self.quotes}


def test_a_fresh_streamed_quote_goes_before_and_an_old_one_is_asked_for(
    account: Account, trader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    fresh = Quote(Equity("SPY"), now, bid=Decimal(1), ask=Decimal(2))
    old = Quote(Equity("AAPL"), now - 2 * quoting.FRESH, bid=Decimal(1), ask=Decimal(2))
    monkeypatch.setattr(hub, "latest", Streamed(fresh, old).latest)
    share, other = told(trader, "quotes?symbols=SPY,AAPL")["quotes"]
    assert (share["via"], share["bid"], share["change"]) == ("stream", "1", None)
    assert (other["via"], other["stale"]) == ("broker", False)
    assert other["bid"] != "1"


def test_when_the_broker_is_away_old_quotes_are_said_to_be_old_and_none_are_a_problem(
    account: Account, trader: Client, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.faults({**AWAY, "path": "*"})
    problem = told(trader, "quotes?symbols=SPY", 503)
    assert (problem["code"], problem["retryable"]) == ("broker_unavailable", True)
    old = Quote(Equity("SPY"), datetime.now(UTC) - 2 * quoting.FRESH, bid=Decimal(1), ask=Decimal(2))
    monkeypatch.setattr(hub, "latest", Streamed(old).latest)
    document = told(trader, "quotes?symbols=SPY,AAPL")
    (quote_,) = document["quotes"]
    assert (quote_["via"], quote_["stale"], quote_["bid"]) == ("stream", True, "1")
    assert document["unknown"] == ["AAPL"]
    assert document["reason"]["code"] == "broker_unavailable"


def test_symbols_that_cannot_be_are_refused_in_words(account: Account, trader: Client) -> None:
    for address in ("quotes", "greeks", "metrics"):
        for given in ("", "?symbols=", "?symbols=,,", "?symbols=!!", "?symbols=SPY,<script>"):
            problem = told(trader, f"{address}{given}", 422)
            assert problem["code"] == "invalid"
            assert problem["errors"]["symbols"]


def test_more_than_five_hundred_symbols_are_refused_and_five_hundred_are_not(account: Account, trader: Client) -> None:
    names = [f"{a}{b}{c}" for a in "ABC" for b in "ABCDEFGHIJKLM" for c in "ABCDEFGHIJKLM"]
    assert len(names) > api.MOST_SYMBOLS
    told(trader, f"quotes?symbols={','.join(names[: api.MOST_SYMBOLS + 1])}", 422)
    document = told(trader, f"quotes?symbols={','.join(names[: api.MOST_SYMBOLS - 1])},SPY")
    assert "SPY" in [each["symbol"] for each in document["quotes"]]
    assert len(document["quotes"]) + len(document["unknown"]) == api.MOST_SYMBOLS
