"""Watchlists at tastytrade's wire: a person's own, the public ones, pairs."""

from pathlib import Path
from typing import Any

import pytest
from simulator_server import SimulatorServer
from tastytrade_wire import Desk, check, example

from brokers.simulator.watchlists import Watchlists
from brokers.simulator.world import World

TECH: dict[str, Any] = {
    "name": "My Tech",
    "watchlist-entries": [
        {"symbol": "AAPL", "instrument-type": "Equity"},
        {"symbol": "/ESZ6", "instrument-type": "Future"},
        {"symbol": "NOSUCH"},
    ],
}


@pytest.fixture
def desk(running: SimulatorServer) -> Desk:
    """A client where nobody has a list."""

    def forget(world: World) -> None:
        world.watchlists = Watchlists()

    running.inside(forget)
    return Desk(running)


def names(desk: Desk) -> list[str]:
    return [row["name"] for row in desk.get("/watchlists")["data"]["items"]]


def test_a_watchlist_is_made_read_replaced_and_deleted(desk: Desk) -> None:
    made = desk.call("POST", "/watchlists", 201, json=TECH)
    assert made["data"] == TECH | {"group-name": "main", "order-index": 9999}
    check("E-WATCHLISTS", desk.get("/watchlists"), but={"instrument-type"})
    assert desk.get("/watchlists/My%20Tech")["data"] == made["data"]
    other = {"name": "Oil & Gas", "group-name": "energy", "order-index": 1, "watchlist-entries": [{"symbol": "XOM"}]}
    assert desk.call("PUT", "/watchlists/My%20Tech", json=other)["data"] == other
    assert names(desk) == ["Oil & Gas"]
    assert desk.call("DELETE", "/watchlists/Oil%20%26%20Gas")["data"] == other
    assert names(desk) == []
    assert desk.call("GET", "/watchlists/My%20Tech", 404)["error"]["code"] == "record_not_found"
    assert desk.call("DELETE", "/watchlists/My%20Tech", 404)["error"]["code"] == "record_not_found"


def test_a_replaced_watchlist_loses_what_the_body_leaves_out(desk: Desk) -> None:
    desk.call("POST", "/watchlists", 201, json=TECH | {"group-name": "mine", "order-index": 3})
    fresh = desk.call("PUT", "/watchlists/My%20Tech", json={"name": "My Tech", "watchlist-entries": []})["data"]
    assert fresh == {"name": "My Tech", "group-name": "main", "order-index": 9999, "watchlist-entries": []}


def test_lists_come_in_the_order_a_person_gave_them(desk: Desk) -> None:
    for place, name in ((5, "b"), (1, "c"), (5, "A")):
        desk.call("POST", "/watchlists", 201, json={"name": name, "order-index": place, "watchlist-entries": []})
    assert names(desk) == ["c", "A", "b"]


def test_two_lists_can_not_have_one_name(desk: Desk) -> None:
    desk.call("POST", "/watchlists", 201, json=TECH)
    desk.call("POST", "/watchlists", 422, json=TECH)
    desk.call("POST", "/watchlists", 201, json={"name": "Second", "watchlist-entries": []})
    desk.call("PUT", "/watchlists/Second", 422, json=TECH)
    assert names(desk) == ["My Tech", "Second"]


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"watchlist-entries": None}, "watchlist-entries"),
        ({"watchlist-entries": "AAPL"}, "watchlist-entries"),
        ({"watchlist-entries": ["AAPL"]}, "watchlist-entries.symbol"),
        ({"watchlist-entries": [{"instrument-type": "Equity"}]}, "watchlist-entries.symbol"),
        ({"order-index": "first"}, "order-index"),
        ({"order-index": True}, "order-index"),
        ({"group-name": 4}, "group-name"),
    ],
)
def test_a_body_that_makes_no_list_is_refused(desk: Desk, change: dict[str, Any], domain: str) -> None:
    error = desk.call("POST", "/watchlists", 400, json=TECH | change)["error"]
    assert error["errors"][0]["domain"] == domain
    assert names(desk) == []


def test_a_list_is_its_owners_alone(desk: Desk) -> None:
    desk.call("POST", "/watchlists", 201, json=TECH)
    other = desk.sim.session(desk.sim.grant("other"))
    assert other.get(f"{desk.sim.api}/watchlists").json()["data"]["items"] == []
    for method in ("GET", "PUT", "DELETE"):
        assert other.request(method, f"{desk.sim.api}/watchlists/My%20Tech", json=TECH).status_code == 404
    assert names(desk) == ["My Tech"]


def test_public_lists_are_read_whole_or_as_counts(desk: Desk) -> None:
    full = desk.get("/public-watchlists")
    wanted = example("E-WATCHLISTS")["data"]["items"][0].keys() | {"cms-id"}
    assert all(row.keys() == wanted for row in full["data"]["items"])
    assert len(full["data"]["items"]) >= 3
    counts = desk.get("/public-watchlists", **{"counts-only": "true"})["data"]["items"]
    sizes = {row["name"]: len(row["watchlist-entries"]) for row in full["data"]["items"]}
    assert {row["name"]: row["entries-count"] for row in counts} == sizes
    assert not any("watchlist-entries" in row for row in counts)
    first = full["data"]["items"][0]
    assert desk.get(f"/public-watchlists/{first['name']}")["data"] == first
    entry = first["watchlist-entries"][0]["symbol"]
    assert desk.get(f"/instruments/equities/{entry}")["data"]["symbol"] == entry
    desk.call("GET", "/public-watchlists/nothing", 404)


def test_pairs_are_read(desk: Desk) -> None:
    answer = desk.get("/pairs-watchlists")
    check("E-PAIRS-WATCHLISTS", answer)
    first = answer["data"]["items"][0]
    assert desk.get(f"/pairs-watchlists/{first['name']}")["data"] == first
    desk.call("GET", "/pairs-watchlists/nothing", 404)


def test_lists_outlive_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with SimulatorServer(state_file=state) as first:
        Desk(first).call("POST", "/watchlists", 201, json=TECH)
    with SimulatorServer(state_file=state) as second:
        desk = Desk(second)
        assert desk.get("/watchlists/My%20Tech")["data"]["watchlist-entries"] == TECH["watchlist-entries"]
