"""Quote alerts: made over REST, triggered by the market, told once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from simulator_server import SimulatorServer, wait_until
from tastytrade_wire import Desk, check, differences, example

from brokers.simulator.alerts import Alerts
from brokers.simulator.tastytrade import alerts
from brokers.simulator.world import World

ABOVE: dict[str, Any] = {
    "symbol": "AAPL",
    "instrument-type": "Equity",
    "dx-symbol": "AAPL",
    "field": "Last",
    "operator": ">",
    "threshold": "200000.00",
    "threshold-numeric": "200000.0",
}


@pytest.fixture
def desk(running: SimulatorServer) -> Desk:
    """A client where nobody has an alert."""

    def forget(world: World) -> None:
        world.alerts = Alerts()
        world.tick_listeners.clear()

    running.inside(forget)
    return Desk(running)


def add(desk: Desk, **change: Any) -> dict[str, Any]:
    given = {name.replace("_", "-"): value for name, value in change.items()}
    made: dict[str, Any] = desk.call("POST", "/quote-alerts", 201, json=ABOVE | given)["data"]
    return made


def listed(desk: Desk) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = desk.get("/quote-alerts")["data"]["items"]
    return rows


def ended(desk: Desk, number: str, state: str) -> dict[str, Any]:
    """The alert once it has reached a state."""

    def look() -> dict[str, Any] | None:
        return next((row for row in listed(desk) if row["alert-external-id"] == number and state in row), None)

    found = wait_until(look)
    assert found is not None
    return found


def collect(world: World) -> list[tuple[str, dict[str, Any]]]:
    """What the account streamer will be handed from now on."""
    told: list[tuple[str, dict[str, Any]]] = []
    world.tick_listeners.add(lambda changed: told.extend(alerts.due(world)))
    return told


def test_an_alert_is_made_listed_and_deleted(desk: Desk) -> None:
    made = add(desk, expires_at=4_102_444_800_000)
    answer = desk.get("/quote-alerts")
    check("E-QUOTE-ALERTS", answer)
    assert answer["data"]["items"] == [made]
    assert (made["threshold"], made["threshold-numeric"]) == ("200000.00", "200000.0")
    path = f"{desk.sim.api}/quote-alerts/{made['alert-external-id']}"
    gone = desk.session.delete(path, timeout=30)
    assert (gone.status_code, gone.content) == (204, b"")
    assert listed(desk) == []
    assert desk.session.delete(path, timeout=30).status_code == 404


@pytest.mark.parametrize(
    ("field", "operator", "threshold"),
    [("Last", ">", "1"), ("Bid", ">", "1"), ("Ask", "<", "100000"), ("IV", ">", "0.01"), ("IV", "<", "9")],
)
def test_the_market_triggers_an_alert(desk: Desk, field: str, operator: str, threshold: str) -> None:
    made = add(desk, field=field, operator=operator, threshold=threshold)
    found = ended(desk, made["alert-external-id"], "triggered-at")
    assert found["completed-at"] == found["triggered-at"] >= made["created-at"]
    assert differences(example("E-QUOTE-ALERTS")["data"]["items"][0], found, {"threshold"}) == []


def test_an_alert_waits_for_its_price(desk: Desk) -> None:
    made = add(desk, operator="<", threshold="50")
    number = made["alert-external-id"]
    start = desk.sim.inside(lambda world: world.ticks)
    wait_until(lambda: desk.sim.inside(lambda world: world.ticks) > start + 5)
    assert "triggered-at" not in listed(desk)[0]
    desk.sim.price("AAPL", "40")
    assert ended(desk, number, "triggered-at")["operator"] == "<"


def test_a_triggered_alert_is_handed_over_once(desk: Desk) -> None:
    told = desk.sim.inside(collect)
    made = add(desk, threshold="1")
    ended(desk, made["alert-external-id"], "triggered-at")
    start = desk.sim.inside(lambda world: world.ticks)
    wait_until(lambda: desk.sim.inside(lambda world: world.ticks) > start + 5)
    ((user, alert),) = told
    assert user == "demo"
    assert alert == listed(desk)[0]


def test_an_alert_ends_at_its_time(desk: Desk) -> None:
    now = desk.sim.inside(lambda world: world.clock.now())
    soon = add(desk, expires_at=(now + timedelta(minutes=5)).isoformat())
    late = add(desk, expires_at=str(int((now + timedelta(hours=5)).timestamp() * 1000)))
    assert isinstance(soon["expires-at"], int)
    told = desk.sim.inside(collect)
    desk.sim.clock(jump=600)
    desk.session.headers["Authorization"] = f"Bearer {desk.sim.token(desk.grant)}"
    assert "triggered-at" not in ended(desk, soon["alert-external-id"], "expired-at")
    assert told == []
    assert all("expired-at" not in row for row in listed(desk) if row["alert-external-id"] == late["alert-external-id"])


def test_alerts_watch_every_class_of_instrument(desk: Desk) -> None:
    future = desk.get("/instruments/futures", **{"product-code[]": "ES"})["data"]["items"][0]["symbol"]
    for symbol, kind in (("SPX", "Index"), (future, "Future"), ("BTC/USD", "Cryptocurrency")):
        made = add(desk, symbol=symbol, instrument_type=kind, threshold="1")
        assert (made["symbol"], made["instrument-type"]) == (symbol, kind)
        ended(desk, made["alert-external-id"], "triggered-at")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"symbol": None}, 400),
        ({"symbol": "NOSUCH", "dx-symbol": "NOSUCH"}, 404),
        ({"field": "Volume"}, 400),
        ({"field": None}, 400),
        ({"operator": ">="}, 400),
        ({"operator": []}, 400),
        ({"threshold": "high"}, 400),
        ({"threshold": "NaN"}, 400),
        ({"threshold": True}, 400),
        ({"expires-at": "tomorrow"}, 400),
        ({"expires-at": 10**30}, 400),
    ],
)
def test_a_body_that_makes_no_alert_is_refused(desk: Desk, change: dict[str, Any], status: int) -> None:
    desk.call("POST", "/quote-alerts", status, json=ABOVE | change)
    assert listed(desk) == []


def test_an_alert_is_its_owners_alone(desk: Desk) -> None:
    made = add(desk)
    other = desk.sim.session(desk.sim.grant("other"))
    assert other.get(f"{desk.sim.api}/quote-alerts").json()["data"]["items"] == []
    assert other.delete(f"{desk.sim.api}/quote-alerts/{made['alert-external-id']}").status_code == 404
    assert len(listed(desk)) == 1


def test_alerts_outlive_a_restart_with_what_became_of_them(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with SimulatorServer(state_file=state) as first:
        desk = Desk(first)
        add(desk, expires_at=4_102_444_800_000)
        ended(desk, add(desk, threshold="1")["alert-external-id"], "triggered-at")
        before = listed(desk)
    with SimulatorServer(state_file=state) as second:
        assert listed(Desk(second)) == before
