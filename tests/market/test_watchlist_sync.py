"""Lists that a broker keeps too, against the simulator: in line both ways, conflicts told, nothing lost unsaid."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from simulator_server import SimulatorServer

from brokers.models import Account
from brokers.simulator.watchlists import Entry
from brokers.simulator.watchlists import Watchlist as Theirs
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists import sync as watchlist_sync

AWAY = {"effect": "status", "status": 503, "path": "*/watchlists*"}
UNSAVED = {"effect": "status", "status": 422, "method": "PUT", "path": "*/watchlists*"}
UNANSWERED = {"effect": "drop_answer", "method": "POST", "path": "*/watchlists*", "times": 1}

pytestmark = pytest.mark.parametrize("account", ["tastytrade"], indirect=True)


@pytest.fixture(autouse=True)
def _calm(sim: SimulatorServer) -> Iterator[None]:
    yield
    sim.clear_faults()
    for name in at_broker(sim):
        sim.inside(lambda world, name=name: world.watchlists.remove("demo", name))
    cache.clear()


def at_broker(sim: SimulatorServer) -> dict[str, list[str]]:
    return sim.inside(
        lambda world: {one.name: [entry.symbol for entry in one.entries] for one in world.watchlists.of("demo")}
    )


def change_there(sim: SimulatorServer, name: str, *symbols: str) -> None:
    entries = tuple(Entry(symbol, "Equity") for symbol in symbols)
    sim.inside(lambda world: world.watchlists.put("demo", Theirs(name, entries)))


def look(account: Account) -> str:
    return watchlist_sync.sync(account.connection)


def here(account: Account) -> dict[str, list[str]]:
    return {one.name: one.symbols for one in Watchlist.objects.of(account.connection.user).filter(is_writable=True)}


def kept(account: Account, sim: SimulatorServer, *symbols: str) -> Watchlist:
    """A list that both sides have, and agree on."""
    made = watchlists.create(account.connection.user, "Both", symbols, account.connection)
    assert at_broker(sim)["Both"] == list(symbols)
    return made


def fresh(watchlist: Watchlist) -> Watchlist:
    return Watchlist.objects.get(pk=watchlist.pk)


def test_lists_of_the_broker_come_here_and_its_own_can_only_be_read(account: Account, sim: SimulatorServer) -> None:
    change_there(sim, "Made there", "AAPL", "SPY")
    assert look(account) == ""
    assert here(account) == {"Made there": ["AAPL", "SPY"]}
    public = Watchlist.objects.of(account.connection.user).filter(is_writable=False)
    assert public.get(name="Indexes").symbols
    with pytest.raises(watchlists.WatchlistProblem, match="broker's own"):
        watchlists.put(public[0], ["AAPL"])
    look(account)
    assert here(account) == {"Made there": ["AAPL", "SPY"]}  # once


def test_each_change_here_is_there_at_once(account: Account, sim: SimulatorServer) -> None:
    made = kept(account, sim, "SPY")
    watchlists.paste(made, "AAPL MSFT")
    assert at_broker(sim) == {"Both": ["SPY", "AAPL", "MSFT"]}
    watchlists.move(fresh(made), "MSFT", -2)
    watchlists.remove(fresh(made), "SPY")
    assert at_broker(sim) == {"Both": ["MSFT", "AAPL"]}
    watchlists.rename(fresh(made), "Renamed")
    assert at_broker(sim) == {"Renamed": ["MSFT", "AAPL"]}
    assert here(account) == at_broker(sim)
    assert not fresh(made).is_pending
    watchlists.delete(fresh(made))
    assert (at_broker(sim), here(account)) == ({}, {})


def test_changes_there_come_here(account: Account, sim: SimulatorServer) -> None:
    made = kept(account, sim, "SPY")
    change_there(sim, "Both", "QQQ", "SPY")
    look(account)
    assert (fresh(made).symbols, fresh(made).note) == (["QQQ", "SPY"], "")
    sim.inside(lambda world: world.watchlists.remove("demo", "Both"))
    look(account)
    assert here(account) == {}


def test_of_two_changes_the_persons_newer_one_wins_and_the_note_names_the_other(
    account: Account, sim: SimulatorServer
) -> None:
    made = kept(account, sim, "SPY")
    change_there(sim, "Both", "SPY", "GME")
    watchlists.paste(made, "AAPL")
    assert at_broker(sim) == {"Both": ["SPY", "AAPL"]}
    assert fresh(made).symbols == ["SPY", "AAPL"]
    assert "GME" in fresh(made).note
    assert "yours is newer" in fresh(made).note


def test_of_two_changes_the_brokers_newer_one_wins_and_the_note_names_the_other(
    account: Account, sim: SimulatorServer
) -> None:
    made = kept(account, sim, "SPY")
    sim.faults(UNSAVED)
    watchlists.paste(made, "AAPL")  # a look saw both sides, but the change was not taken
    assert fresh(made).is_pending
    assert fresh(made).trouble
    assert fresh(made).agreed_at >= fresh(made).changed_at
    sim.clear_faults()
    change_there(sim, "Both", "SPY", "GME")
    look(account)
    assert fresh(made).symbols == ["SPY", "GME"]
    assert "AAPL" in fresh(made).note
    assert "theirs is shown" in fresh(made).note
    assert at_broker(sim) == {"Both": ["SPY", "GME"]}


def test_a_desk_that_overwrote_without_looking_would_be_seen(
    account: Account, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotage: whatever the broker has, ours goes over it. The note is then missing."""
    monkeypatch.setattr(watchlist_sync, "_settle", lambda row, broker, theirs: watchlist_sync._push(row, broker))
    made = kept(account, sim, "SPY")
    change_there(sim, "Both", "SPY", "GME")
    watchlists.paste(made, "AAPL")
    with pytest.raises(AssertionError):
        assert "GME" in fresh(made).note
    change_there(sim, "Both", "QQQ")
    look(account)
    with pytest.raises(AssertionError):
        assert here(account) == {"Both": ["QQQ"]}


def test_a_broker_that_is_away_is_told_and_the_change_waits_for_it(account: Account, sim: SimulatorServer) -> None:
    made = kept(account, sim, "SPY")
    sim.faults(AWAY)
    watchlists.paste(made, "AAPL")
    assert fresh(made).symbols == ["SPY", "AAPL"]
    assert fresh(made).is_pending
    assert fresh(made).trouble
    assert at_broker(sim) == {"Both": ["SPY"]}
    sim.clear_faults()
    assert look(account) == ""
    assert at_broker(sim) == {"Both": ["SPY", "AAPL"]}
    assert (fresh(made).is_pending, fresh(made).trouble) == (False, "")


def test_a_broker_that_is_away_removes_nothing_here(account: Account, sim: SimulatorServer, trader: Client) -> None:
    kept(account, sim, "SPY")
    sim.faults(AWAY)
    assert look(account)
    assert here(account) == {"Both": ["SPY"]}
    made = Watchlist.objects.get(name="Both")
    page = trader.post(f"/watchlists/{made.pk}/act", {"do": "delete", "sure": "1"}, follow=True).content.decode()
    assert here(account) == {"Both": ["SPY"]}
    assert "shown as they were last seen" in page


def test_a_list_removed_there_but_changed_here_stays_here(account: Account, sim: SimulatorServer) -> None:
    made = kept(account, sim, "SPY")
    sim.faults(AWAY)
    watchlists.paste(made, "AAPL")
    sim.clear_faults()
    sim.inside(lambda world: world.watchlists.remove("demo", "Both"))
    look(account)
    assert fresh(made).symbols == ["SPY", "AAPL"]
    assert fresh(made).connection is None
    assert "removed at" in fresh(made).note
    look(account)
    assert at_broker(sim) == {}


def test_a_list_whose_first_answer_was_lost_is_not_made_twice(account: Account, sim: SimulatorServer) -> None:
    sim.faults(UNANSWERED)
    made = watchlists.create(account.connection.user, "Lost", ["SPY"], account.connection)
    assert fresh(made).is_pending
    look(account)
    assert here(account) == at_broker(sim) == {"Lost": ["SPY"]}
    assert not fresh(made).is_pending


def test_a_change_during_a_look_is_not_undone_by_it(
    account: Account, sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kept(account, sim, "SPY")
    change_there(sim, "Both", "QQQ")
    settle = watchlist_sync._settle

    def settle_late(row: Watchlist, broker: Any, theirs: Any) -> None:
        if row.pk == made.pk:  # meanwhile the person adds one, in another tab
            now = timezone.now() + timedelta(seconds=1)
            Watchlist.objects.filter(pk=made.pk).update(symbols=["SPY", "AAPL"], version=99, changed_at=now)
        settle(row, broker, theirs)

    monkeypatch.setattr(watchlist_sync, "_settle", settle_late)
    look(account)
    assert fresh(made).symbols == ["SPY", "AAPL"]
    monkeypatch.setattr(watchlist_sync, "_settle", settle)
    look(account)
    assert at_broker(sim) == {"Both": ["SPY", "AAPL"]}
    assert "QQQ" in fresh(made).note


def test_what_the_desk_has_no_word_for_goes_back_as_it_came(account: Account, sim: SimulatorServer) -> None:
    odd = Theirs("Both", (Entry("AAPL", "Equity"), Entry("912797KX4", "Bond")), group="mine", order=3)
    sim.inside(lambda world: world.watchlists.put("demo", odd))
    look(account)
    watchlists.paste(Watchlist.objects.get(name="Both"), "SPY")
    saved = sim.inside(lambda world: world.watchlists.find("demo", "Both"))
    assert [entry.symbol for entry in saved.entries] == ["AAPL", "912797KX4", "SPY"]
    assert (saved.group, saved.order) == ("mine", 3)


def test_the_pages_and_the_api_show_where_a_list_is_kept(
    account: Account, sim: SimulatorServer, trader: Client
) -> None:
    made = trader.post(
        "/api/v1/watchlists",
        {"name": "Both", "symbols": ["SPY"], "connection": str(account.connection_id)},
        "application/json",
    ).json()
    assert (made["connection"], made["pending"], made["writable"]) == (str(account.connection_id), False, True)
    assert made["as_of"]
    assert at_broker(sim) == {"Both": ["SPY"]}
    page = trader.get(f"/watchlists/{made['id']}").content.decode()
    assert f"kept at {account.connection} too" in page
    change_there(sim, "Both", "SPY", "QQQ")
    trader.post(f"/watchlists/{made['id']}/act", {"do": "sync"})
    assert trader.get(f"/api/v1/watchlists/{made['id']}").json()["symbols"] == ["SPY", "QQQ"]
    foreign = {"name": "Other", "connection": "00000000-0000-4000-8000-000000000000"}
    assert trader.post("/api/v1/watchlists", foreign, "application/json").status_code == 404
