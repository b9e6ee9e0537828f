"""What a person does with lists that the desk alone keeps: by pages and API; nobody else's."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from brokers.models import Account
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists.lists import MOST_SYMBOLS, WatchlistProblem


@pytest.fixture
def person(db: None) -> Any:
    return get_user_model().objects.create_user("watcher")


@pytest.fixture
def watcher(person: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def symbols_of(watchlist: Watchlist) -> list[str]:
    return list(Watchlist.objects.get(pk=watchlist.pk).symbols)


def act(client: Client, watchlist: Watchlist, do: str, **more: str) -> Any:
    return client.post(f"/watchlists/{watchlist.pk}/act", {"do": do, **more}, follow=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aapl msft", ["AAPL", "MSFT"]),
        ("AAPL, MSFT;SPY\nQQQ\tIWM", ["AAPL", "MSFT", "SPY", "QQQ", "IWM"]),
        ('"AAPL", "BRK.B"', ["AAPL", "BRK.B"]),
        ("SPY   261218C00600000, AAPL", ["SPY   261218C00600000", "AAPL"]),
        (
            "./ESZ26 EW3Z26 261218P6300\n/ESZ26 $SPX BTC/USD",
            ["./ESZ26 EW3Z26 261218P6300", "/ESZ26", "$SPX", "BTC/USD"],
        ),
        ("AAPL AAPL aapl", ["AAPL"]),
        ("", []),
    ],
)
def test_pasted_text_falls_into_its_symbols(text: str, expected: list[str]) -> None:
    assert watchlists.split(text) == expected


def test_bad_symbols_are_named_and_good_ones_kept(person: Any) -> None:
    made = watchlists.create(person, "Tech", ["AAPL"])
    pasted = watchlists.paste(made, "msft, not!a!symbol, AAPL 12345 spy")
    assert pasted.added == ("MSFT", "SPY")
    assert pasted.already == ("AAPL",)
    assert pasted.bad == ("NOT!A!SYMBOL", "12345")
    assert all(word in pasted.words for word in ("MSFT, SPY", "NOT!A!SYMBOL", "12345", "AAPL"))
    assert symbols_of(made) == ["AAPL", "MSFT", "SPY"]


def test_what_the_broker_does_not_know_is_named_too(account: Account) -> None:
    made = watchlists.create(account.connection.user, "Known")
    pasted = watchlists.paste(made, "AAPL ZZZZZ SPY")
    assert (pasted.added, pasted.bad) == (("AAPL", "SPY"), ("ZZZZZ",))


def test_a_list_has_its_limits_and_says_them(person: Any) -> None:
    many = [f"A{number}" for number in range(MOST_SYMBOLS)]
    made = watchlists.create(person, "Full", many)
    with pytest.raises(WatchlistProblem, match="at most 500"):
        watchlists.paste(made, "SPY")
    assert len(symbols_of(made)) == MOST_SYMBOLS
    for name in ("", "   ", "x" * 101, "a\nb"):
        with pytest.raises(WatchlistProblem, match="name"):
            watchlists.create(person, name)
    with pytest.raises(WatchlistProblem, match="already"):
        watchlists.create(person, "FULL")


def test_symbols_move_by_one_place_and_stop_at_the_ends(person: Any) -> None:
    made = watchlists.create(person, "Order", ["A", "B", "C"])
    watchlists.move(made, "C", -1)
    assert symbols_of(made) == ["A", "C", "B"]
    watchlists.move(made, "A", -1)
    watchlists.move(made, "B", 1)
    assert symbols_of(made) == ["A", "C", "B"]
    watchlists.move(made, "A", 1)
    assert symbols_of(made) == ["C", "A", "B"]
    watchlists.move(made, "NOT.THERE", 1)
    assert symbols_of(made) == ["C", "A", "B"]


def test_a_change_starts_from_the_row_as_it_is_now(person: Any) -> None:
    seen_before = watchlists.create(person, "Two tabs", ["A"])
    watchlists.paste(Watchlist.objects.get(pk=seen_before.pk), "B")
    watchlists.paste(seen_before, "C")
    watchlists.rename(seen_before, "Two tabs!")
    assert symbols_of(seen_before) == ["A", "B", "C"]


def test_the_page_does_it_all_by_plain_forms(watcher: Client, person: Any) -> None:
    assert "No list yet" in watcher.get("/watchlists/").content.decode()
    page = watcher.post("/watchlists/new", {"name": "Mine"}, follow=True)
    mine = Watchlist.objects.of(person).get()
    assert page.redirect_chain[-1][0] == f"/watchlists/{mine.pk}"
    assert "Not a symbol that is known: !?" in act(watcher, mine, "paste", symbols="AAPL\nSPY !?").content.decode()
    act(watcher, mine, "down", symbol="AAPL")
    assert symbols_of(mine) == ["SPY", "AAPL"]
    act(watcher, mine, "up", symbol="AAPL")
    act(watcher, mine, "remove", symbol="SPY")
    assert symbols_of(mine) == ["AAPL"]
    act(watcher, mine, "rename", name="Renamed")
    act(watcher, mine, "copy", name="A copy")
    assert {one.name: one.symbols for one in Watchlist.objects.of(person)} == {"Renamed": ["AAPL"], "A copy": ["AAPL"]}
    assert "Tick that you are sure" in act(watcher, mine, "delete").content.decode()
    act(watcher, mine, "delete", sure="1")
    assert [one.name for one in Watchlist.objects.of(person)] == ["A copy"]
    assert act(watcher, Watchlist.objects.of(person).get(), "explode").status_code == 404


def test_a_list_is_exported_as_it_is_sorted(account: Account, trader: Client) -> None:
    made = watchlists.create(account.connection.user, "Sheet", ["SPY", "AAPL", "GME"])
    answer = trader.get(f"/watchlists/{made.pk}.csv?sort=symbol")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["symbol"] for row in rows] == ["AAPL", "GME", "SPY"]
    assert all(float(row["bid"]) > 0 and row["as_of"].endswith("+00:00") and row["source"] for row in rows)
    shown = trader.get(f"/watchlists/{made.pk}?sort=change").context["rows"]
    shares = [row.share for row in shown]
    assert None not in shares
    assert shares == sorted(shares, reverse=True)


def test_a_strangers_lists_are_as_if_they_were_not_there(watcher: Client, db: None) -> None:
    foreign = watchlists.create(get_user_model().objects.create_user("other"), "Secret", ["AAPL"])
    for address in (f"/watchlists/{foreign.pk}", f"/watchlists/{foreign.pk}.csv", f"/api/v1/watchlists/{foreign.pk}"):
        assert watcher.get(address).status_code == 404, address
    assert act(watcher, foreign, "remove", symbol="AAPL").status_code == 404
    assert watcher.delete(f"/api/v1/watchlists/{foreign.pk}").status_code == 404
    assert watcher.put(f"/api/v1/watchlists/{foreign.pk}", {}, "application/json").status_code == 404
    assert watcher.post("/watchlists/symbol", {"symbol": "SPY", "list": str(foreign.pk)}).status_code == 404
    assert watcher.get("/api/v1/watchlists").json() == {"results": []}
    assert Client().get("/watchlists/").status_code == 302
    assert symbols_of(foreign) == ["AAPL"]


def test_the_api_makes_reads_puts_and_removes(watcher: Client) -> None:
    made = watcher.post("/api/v1/watchlists", {"name": "By program", "symbols": ["SPY"]}, "application/json")
    assert made.status_code == 201, made.content
    assert made.json()["changed_at"].endswith("Z"), "times are UTC in the API, whatever zone the pages use"
    address = f"/api/v1/watchlists/{made.json()['id']}"
    put = watcher.put(address, {"name": "Renamed", "symbols": ["QQQ", "SPY", "QQQ"]}, "application/json").json()
    assert (put["name"], put["symbols"], put["connection"], put["pending"]) == ("Renamed", ["QQQ", "SPY"], None, False)
    refused = watcher.put(address, {"name": "Renamed", "symbols": ["SPY", "nope!"]}, "application/json")
    assert refused.status_code == 422
    assert "nope! is not a symbol" in refused.json()["errors"]["symbols"][0]
    assert watcher.get(address).json()["symbols"] == ["QQQ", "SPY"]
    assert watcher.post("/api/v1/watchlists", {"name": "renamed"}, "application/json").status_code == 422
    assert watcher.delete(address).status_code == 204
    assert watcher.get("/api/v1/watchlists").json()["results"] == []


def test_a_symbol_goes_onto_a_first_list_from_its_page(watcher: Client, person: Any) -> None:
    answer = watcher.post("/watchlists/symbol", {"symbol": "BTC/USD"})
    assert answer["Location"] == "/symbols/BTC%2FUSD"
    assert Watchlist.objects.of(person).get().symbols == ["BTC/USD"]
