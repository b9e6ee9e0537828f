"""The control port, and what survives a restart."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from servers import free_port
from simulator_server import SimulatorServer, equity_order, wait_until

from brokers.domain.instruments import Equity
from brokers.simulator.control import HANDLERS
from brokers.simulator.faults import EFFECTS
from brokers.simulator.world import Switches

ROOT = Path(__file__).resolve().parents[3]


def order_url(sim: SimulatorServer, account: str) -> str:
    return f"{sim.api}/accounts/{account}/orders"


def test_the_index_says_what_there_is(sim: SimulatorServer) -> None:
    told = sim.control("")
    assert {"demo", "other"} <= told["users"].keys()
    assert any(line.startswith("POST /control/faults") for line in told["endpoints"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clients", {"broker": "nobody", "redirect_uris": ["x"]}),
        ("clients", {"broker": "tastytrade", "redirect_uris": []}),
        ("grants", {"client_id": "unknown", "user": "demo"}),
        ("grants/revoke", {}),
        ("fills", {"mode": "sometimes"}),
        ("clock", {"speed": -1}),
        ("clock", {"jump": "far"}),
        ("faults", {"switches": {"colour": 1}}),
        ("faults", {"faults": 7}),
        ("faults", {"switches": 7}),
        ("faults", {"faults": [{"effect": "status", "method": 5}]}),
        ("faults", {"faults": [{"effect": "status", "times": "often"}]}),
        ("faults", {"faults": [{"effect": "status", "after": -1}]}),
        ("faults", {"faults": [{"effect": "throttle", "retry_after": "1\r\nX: 1"}]}),
        ("faults", {"faults": [{"effect": "order_status", "kind": 7}]}),
        ("faults", []),
        ("prices", {"symbol": "NOSUCH", "price": "1.00"}),
        ("prices", {"symbol": "AAPL", "price": "free"}),
        ("prices", {"symbol": "AAPL", "price": "-1"}),
        ("prices", {"symbol": "AAPL", "price": "NaN"}),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(sim: SimulatorServer, path: str, body: object) -> None:
    answer = requests.post(f"{sim.url}/control/{path}", json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_fills_can_be_held_back_for_one_symbol(sim: SimulatorServer) -> None:
    grant = sim.grant()
    session, orders = sim.session(grant), order_url(sim, grant.accounts[0])
    sim.fills("never", symbol="AAPL")
    held = session.post(orders, json=equity_order("AAPL")).json()["data"]["order"]["id"]
    other = session.post(orders, json=equity_order("F")).json()["data"]["order"]["id"]
    wait_until(lambda: session.get(f"{orders}/{other}").json()["data"]["status"] == "Filled")
    wait_until(lambda: session.get(f"{orders}/{held}").json()["data"]["status"] == "Live")
    time.sleep(0.3)
    assert session.get(f"{orders}/{held}").json()["data"]["status"] == "Live"
    sim.control("fills", {"clear": True})
    wait_until(lambda: session.get(f"{orders}/{held}").json()["data"]["status"] == "Filled")


def test_partial_fills_leave_the_order_live(sim: SimulatorServer) -> None:
    grant = sim.grant()
    session, orders = sim.session(grant), order_url(sim, grant.accounts[0])
    sim.fills("partial", fraction=0.25, interval=600)
    number = session.post(orders, json=equity_order("F", 8)).json()["data"]["order"]["id"]

    def partly() -> bool:
        order = session.get(f"{orders}/{number}").json()["data"]
        return bool(order["status"] == "Live" and 0 < order["legs"][0]["remaining-quantity"] < 8)

    wait_until(partly)
    sim.control("fills", {"clear": True})
    wait_until(lambda: session.get(f"{orders}/{number}").json()["data"]["status"] == "Filled")


def test_the_clock_runs_faster_and_jumps(sim: SimulatorServer) -> None:
    before = sim.control("clock")
    assert sim.clock(speed=5)["speed"] == 5
    after = sim.clock(jump=3600, speed=1)
    assert after["now"] > before["now"]


def test_a_price_can_be_set_and_the_market_goes_on_from_it(sim: SimulatorServer) -> None:
    session = sim.session()
    sim.price("AAPL", "123.00")
    told = session.get(f"{sim.api}/market-data/Equity/AAPL").json()["data"]
    assert 121 < float(told["bid"]) < float(told["ask"]) < 125


def test_a_reset_forgets_orders_and_faults_but_no_client(sim: SimulatorServer) -> None:
    grant = sim.grant()
    sim.session(grant).post(order_url(sim, grant.accounts[0]), json=equity_order(price="1.00"))
    sim.faults({"effect": "status", "path": "/never"})
    sim.reset()
    assert sim.ledger() == []
    assert sim.control("faults")["faults"] == []
    assert sim.session(grant).get(order_url(sim, grant.accounts[0])).status_code == 200


def test_grants_of_a_seed_are_good_after_a_restart() -> None:
    with SimulatorServer(seed=11) as first:
        grant = first.grant()
    with SimulatorServer(seed=11) as second:
        assert second.token(grant)
        assert second.grant().accounts == grant.accounts


def test_a_state_file_carries_orders_and_grants_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sim.json"
    with SimulatorServer(state_file=file) as first:
        grant = first.grant()
        first.fills("never")
        url = order_url(first, grant.accounts[0])
        body = equity_order(price="1.00") | {"external-identifier": "kept"}
        number = first.session(grant).post(url, json=body).json()["data"]["order"]["id"]
        revoked = first.grant("other")
        first.revoke(revoked)
    assert not list(tmp_path.glob("*.new"))
    assert file.stat().st_mode & 0o077 == 0
    with SimulatorServer(state_file=file) as second:
        order = second.session(grant).get(f"{order_url(second, grant.accounts[0])}/{number}").json()["data"]
        assert order["external-identifier"] == "kept"
        with pytest.raises(AssertionError, match="revoked"):
            second.token(revoked)
        fresh = second.session(grant).post(order_url(second, grant.accounts[0]), json=equity_order(price="1.00"))
        assert fresh.json()["data"]["order"]["id"] > number


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 0}', '{"version": 1, "key": "00"}', '{"version":1,"key":"zz"}']
)
def test_a_broken_state_file_is_set_aside(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "sim.json"
    file.write_text(content)
    with SimulatorServer(state_file=file) as sim:
        assert sim.grant().accounts
    assert (tmp_path / "sim.json.bad").read_text() == content
    assert re.search("starting afresh", caplog.text)
    assert json.loads(file.read_text())["version"] == 1


SETTINGS = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "DJANGO_SETTINGS_MODULE": "tests.settings"}


@pytest.mark.parametrize(
    ("program", "environment"),
    [(["manage.py", "simulate"], SETTINGS), (["-m", "brokers.simulator"], {})],
    ids=["manage.py", "alone"],
)
def test_it_serves_without_a_database_and_alone_without_settings(
    program: list[str], environment: dict[str, str]
) -> None:
    port = free_port()
    command = [sys.executable, *program, "--port", str(port), "--always-open", "--seed", "3"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:

        def answers() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{port}/control/", timeout=30).ok
            except requests.ConnectionError:
                return False

        wait_until(answers, seconds=90)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert process.returncode in (0, -15), output.decode()
    assert b"Traceback" not in output


def test_the_desk_does_not_load_the_simulator() -> None:
    code = (
        "import sys; import brokers.management.commands.simulate; print([m for m in sys.modules if 'simulator' in m])"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True)
    assert output.stdout.strip() == "[]"


def test_the_guide_names_every_fault_and_every_door() -> None:
    guide = (ROOT / "docs" / "simulator.md").read_text()
    assert [name for name in (*EFFECTS, *vars(Switches())) if f"`{name}`" not in guide] == []
    assert [door for door in HANDLERS if f"{door[0]} {door[1]}" not in guide] == []


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://example.org"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "example.org"},
    {"Host": "example.org:80", "Origin": "http://example.org:80", "Sec-Fetch-Site": "same-origin"},
    {"Host": "127.0.0.1.example.org"},
    {"Host": "[::1"},
    {"Host": ""},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_pages_from_elsewhere_cannot_drive_it(sim: SimulatorServer, headers: dict[str, str]) -> None:
    for answer in (
        requests.post(f"{sim.url}/control/prices", data='{"symbol": "AAPL", "price": 1}', headers=headers, timeout=30),
        requests.get(f"{sim.url}/control/", headers=headers, timeout=30),
    ):
        assert answer.status_code == 403
        assert answer.json().keys() == {"error"}
    assert float(sim.inside(lambda world: world.market.book(Equity("AAPL")).last)) > 10


FORMS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "TEXT/PLAIN;charset=utf-8",
)


@pytest.mark.parametrize("kind", FORMS)
def test_a_body_that_a_form_could_send_changes_nothing(sim: SimulatorServer, kind: str) -> None:
    """A page may send such a body anywhere without asking; an old browser might not say where the page is from."""
    url, body = f"{sim.url}/control/prices", '{"symbol": "AAPL", "price": 1}'
    answer = requests.post(url, data=body, headers={"Content-Type": kind}, timeout=30)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]
    assert float(sim.inside(lambda world: world.market.book(Equity("AAPL")).last)) > 10
    assert requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=30).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:8001", "Origin": "http://localhost:8001", "Sec-Fetch-Site": "same-origin"},
        {"Host": "LOCALHOST", "Origin": "http://LOCALHOST"},
        {"Host": "[::1]:8001"},
        {"Host": "127.0.0.2"},
    ],
    ids=str,
)
def test_programs_of_this_machine_and_its_own_pages_can(sim: SimulatorServer, headers: dict[str, str]) -> None:
    assert requests.get(f"{sim.url}/control/clock", headers=headers, timeout=30).status_code == 200
