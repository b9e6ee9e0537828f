"""The search box's answers: recent symbols first, what was typed, what the broker knows; and as a plain form."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from listed_soon import monthly, quarterly
from simulator_server import SimulatorServer

from brokers.domain.instruments import Right
from brokers.models import Account
from market.models import RECENT_KEPT, RecentSymbol

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def found(client: Client, text: str, **more: str) -> list[tuple[str, str]]:
    answer = client.get("/find", {"q": text, **more}, headers=JSON)
    assert answer["Cache-Control"] == "no-store"
    return [(line["symbol"], line["kind"]) for line in answer.json()["results"]]


def test_a_beginning_finds_symbols_and_a_whole_one_comes_first(account: Account, trader: Client) -> None:
    assert ("AAPL", "broker") in found(trader, "aap")
    assert found(trader, "T")[0] == ("T", "broker")
    assert found(trader, "T")[1:]


WHOLE: dict[str, Callable[[], str]] = {
    "future": lambda: str(quarterly()),
    "index": lambda: "$SPX",
    "coin": lambda: "BTC/USD",
    "option": lambda: str(monthly("SPY", Right.CALL, "600")),
}


@pytest.mark.parametrize("written", WHOLE.values(), ids=WHOLE.keys())
def test_what_is_written_out_whole_can_be_gone_to(account: Account, trader: Client, written: Callable[[], str]) -> None:
    symbol = written()
    assert symbol in [name for name, _ in found(trader, symbol.lower())]
    address = next(
        line["href"]
        for line in trader.get("/find", {"q": symbol}, headers=JSON).json()["results"]
        if line["symbol"] == symbol
    )
    assert trader.get(address).status_code == 200
    assert trader.get(address).context["symbol"] == symbol


def test_symbols_looked_at_last_come_first_and_are_the_persons_own(
    account: Account, trader: Client, stranger: Client
) -> None:
    for symbol in ("SPY", "AAPL", "SPY"):
        assert trader.get(f"/symbols/{symbol}").status_code == 200
    assert found(trader, "") == [("SPY", "recent"), ("AAPL", "recent")]
    assert found(trader, "aa")[0] == ("AAPL", "recent")
    assert found(trader, "apple")[0] == ("AAPL", "recent")
    assert found(stranger, "") == []


def test_only_the_newest_recent_symbols_are_kept(db: None) -> None:
    user: Any = get_user_model().objects.create_user("browsing")
    for number in range(RECENT_KEPT + 5):
        RecentSymbol.remember(user, f"A{number}", "", timezone.now())
    kept = list(RecentSymbol.objects.of(user).values_list("symbol", flat=True))
    assert len(kept) == RECENT_KEPT
    assert kept[0] == f"A{RECENT_KEPT + 4}"


def test_the_plain_form_goes_to_a_symbol_and_lists_the_rest(account: Account, trader: Client) -> None:
    assert trader.get("/find?q=aapl")["Location"] == "/symbols/AAPL"
    page = trader.get("/find?q=aap").content.decode()
    assert 'href="/symbols/AAPL"' in page
    assert "Nothing is called zzzzq" in trader.get("/find?q=zzzzq").content.decode()
    assert trader.get("/find").status_code == 200


def test_a_broker_that_is_away_is_told_and_recent_symbols_still_come(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    trader.get("/symbols/AAPL")
    sim.faults({"effect": "status", "status": 503, "method": "GET"})
    answer = trader.get("/find", {"q": "AA"}, headers=JSON).json()
    sim.clear_faults()
    assert answer["problem"]
    assert [line["symbol"] for line in answer["results"]] == ["AAPL"]


def test_the_box_is_for_those_who_are_signed_in_and_looks_through_own_accounts(
    account: Account, stranger: Client
) -> None:
    assert Client().get("/find?q=AAPL").status_code == 302
    assert stranger.get(f"/find?q=AAPL&account={account.pk}").status_code == 404
    assert found(stranger, "AAPL") == []


@pytest.mark.parametrize("text", ["<script>", "ü", "a" * 500, "%", "../..", "\u0000"])
def test_no_text_breaks_the_box(account: Account, trader: Client, text: str) -> None:
    assert trader.get("/find", {"q": text}).status_code in (200, 302)
    assert trader.get("/find", {"q": text}, headers=JSON).status_code == 200
