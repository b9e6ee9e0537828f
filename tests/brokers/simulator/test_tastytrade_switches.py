"""What tastytrade does only when it is switched on, words of an order that nobody acts on, and token examples."""

import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator_server import USER_AGENT, SimClient, SimulatorServer, equity_order, wait_until
from tastytrade_wire import Desk, example

from brokers.domain.instruments import Equity
from brokers.simulator.market import Market
from brokers.simulator.oauth import read_request
from brokers.simulator.tastytrade import budgets
from brokers.simulator.tastytrade.market_data import extended_volume
from brokers.simulator.tastytrade.routes import PROVIDER
from brokers.simulator.world import World

WORDS = {"automated-source": True, "partition-key": "p-1", "preflight-id": "f-1"}


@pytest.fixture
def desk(sim: SimulatorServer) -> Desk:
    return Desk(sim)


# Request budgets


def test_without_the_switch_nobody_counts(desk: Desk) -> None:
    for _ in range(30):
        desk.mine("/positions")


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock by which budgets fill up stands still."""
    now = datetime.now(timezone.utc)
    monkeypatch.setattr(World, "wall_clock", lambda _: now)


def test_a_budget_that_is_used_up_gets_a_bare_429_until_it_fills_again(
    desk: Desk, one_moment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sim.faults(request_budgets=True)
    url = f"{desk.sim.api}/accounts/{desk.number}/positions"
    answers = [desk.session.get(url, timeout=30) for _ in range(5)]
    assert [answer.status_code for answer in answers].count(429) == 4
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.content == b""
    assert not {"retry-after", "x-ratelimit-limit"} & {name.lower() for name in refused.headers}
    desk.mine("/transactions")
    monkeypatch.undo()
    wait_until(lambda: desk.session.get(url, timeout=30).status_code == 200, every=0.3)


def test_budgets_are_kept_by_person_and_by_kind(desk: Desk, one_moment: None) -> None:
    desk.sim.faults(request_budgets=True)
    others = desk.sim.session(desk.sim.grant("other"))
    assert desk.session.get(f"{desk.sim.api}/customers/me/accounts", timeout=30).status_code == 200
    assert desk.session.get(f"{desk.sim.api}/customers/me/accounts", timeout=30).status_code == 429
    assert others.get(f"{desk.sim.api}/customers/me/accounts", timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "ceiling"),
    [
        ("POST", "/accounts/5WT00001/orders", 20),
        ("DELETE", "/accounts/5WT00001/complex-orders/1", 20),
        ("GET", "/accounts/5WT00001/orders", None),
        ("GET", "/market-data/by-type", 2),
        ("GET", "/market-data/Equity/AAPL", None),
        ("GET", "/option-chains/SPY/nested", 2),
        ("GET", "/futures-option-chains/ES", 2),
        ("GET", "/instruments/equities", 2),
        ("GET", "/instruments/equities/AAPL", 3),
        ("GET", "/instruments/equity-options/SPY   261218C00600000", 3),
        ("GET", "/instruments/future-options/./ESZ6 EW3Z6 261218P6300", 3),
        ("GET", "/instruments/futures", 1),
        ("GET", "/instruments/future-products/CME/ES", 1),
        ("GET", "/instruments/future-option-products", 1),
        ("GET", "/accounts/5WT00001/positions", 1),
        ("GET", "/accounts/5WT00001/balances/USD", 1),
        ("GET", "/accounts/5WT00001/trading-status", 1),
        ("GET", "/customers/me/accounts", 1),
        ("GET", "/customers/me", None),
    ],
)
def test_the_ceilings_are_the_published_ones(method: str, path: str, ceiling: int | None) -> None:
    found = budgets.bucket_of(method, path)
    assert (found[1] if found else None) == ceiling
    assert budgets.EVERYTHING == 50


# The sandbox's reset


def books(world: World) -> tuple[int, Any]:
    account = world.exchange.accounts["5WT00001"]
    paid_in = sum(entry.value for entry in account.transactions if entry.sub_kind == "deposit")
    return len(account.orders), paid_in


def test_a_sandbox_goes_back_to_its_seed_after_a_day_but_grants_live_on(desk: Desk) -> None:
    before = desk.sim.inside(books)
    passwords = desk.sim.control("")["users"]
    desk.sim.inside(lambda world: world.exchange.deposit("5WT00001", Decimal(1_000)))
    desk.call("POST", f"/accounts/{desk.number}/orders", 201, json=equity_order(price="1.00"))
    desk.sim.clock(jump=23 * 3600)
    desk.sim.faults(sandbox_reset=True)
    time.sleep(0.3)
    assert desk.sim.inside(books) != before
    desk.sim.clock(jump=3700)
    wait_until(lambda: desk.sim.inside(books)[0] == before[0])
    assert desk.sim.inside(books)[1] == before[1]
    assert desk.sim.control("")["users"] == passwords
    assert desk.sim.control("faults")["switches"]["sandbox_reset"] is True
    desk.sim.session(desk.grant).get(f"{desk.sim.api}/customers/me", timeout=30).raise_for_status()


def test_without_the_switch_the_books_stay(desk: Desk) -> None:
    desk.call("POST", f"/accounts/{desk.number}/orders", 201, json=equity_order(price="1.00"))
    before = desk.sim.inside(books)[0]
    desk.sim.clock(jump=25 * 3600)
    time.sleep(0.3)
    assert desk.sim.inside(books)[0] == before


# Words


def test_words_that_nobody_acts_on_are_told_again_and_go_over_to_the_replacement(desk: Desk) -> None:
    orders = f"/accounts/{desk.number}/orders"
    body = equity_order(price="1.00") | WORDS
    preview = desk.call("POST", f"{orders}/dry-run", 201, json=body)["data"]["order"]
    assert preview.items() >= WORDS.items()
    made = desk.call("POST", orders, 201, json=body)["data"]["order"]
    assert desk.get(f"{orders}/{made['id']}")["data"].items() >= WORDS.items()
    changed = {"order-type": "Limit", "time-in-force": "Day", "price": "1.10", "price-effect": "Debit"}
    wait_until(lambda: desk.get(f"{orders}/{made['id']}")["data"]["status"] == "Live")
    fresh = desk.call("PUT", f"{orders}/{made['id']}", json=changed | {"partition-key": "p-2"})["data"]
    assert fresh.items() >= (WORDS | {"partition-key": "p-2"}).items()


@pytest.mark.parametrize("odd", [{"partition-key": 7}, {"preflight-id": ""}, {"automated-source": "yes"}])
def test_words_of_another_kind_are_not_kept(desk: Desk, odd: dict[str, Any]) -> None:
    body = equity_order(price="1.00") | odd
    made = desk.call("POST", f"/accounts/{desk.number}/orders", 201, json=body)["data"]["order"]
    assert not made.keys() & WORDS.keys()


def test_words_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with SimulatorServer(state_file=file) as first:
        desk = Desk(first)
        body = equity_order(price="1.00") | WORDS
        number = desk.call("POST", f"/accounts/{desk.number}/orders", 201, json=body)["data"]["order"]["id"]
    with SimulatorServer(state_file=file) as second:
        assert Desk(second).mine(f"/orders/{number}")["data"].items() >= WORDS.items()


# Tokens, as the examples have them


def token(sim: SimulatorServer, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{sim.api}/oauth/token", json=body, headers={"User-Agent": USER_AGENT}, timeout=30)


def kinds(answer: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in answer.items()}


def test_a_refresh_is_asked_for_and_answered_as_in_the_examples(sim: SimulatorServer) -> None:
    grant = sim.grant(scope="read trade")
    values = {"refresh_token": grant.refresh_token, "client_secret": grant.client.client_secret}
    answer = token(sim, example("E-OAUTH-REFRESH-REQ") | values)
    wanted = example("E-OAUTH-REFRESH-RESP")
    assert answer.status_code == 200
    assert kinds(answer.json()) == kinds(wanted)
    assert answer.json()["expires_in"] == wanted["expires_in"]
    assert answer.json()["token_type"] == wanted["token_type"]


def test_a_code_is_answered_as_in_the_example(sim: SimulatorServer) -> None:
    client: SimClient = sim.add_client("http://localhost:8000/callback")

    def issue(world: World) -> str:
        known = world.authority.client(client.client_id)
        assert known is not None
        asked = {"client_id": client.client_id, "redirect_uri": "http://localhost:8000/callback"}
        asked |= {"response_type": "code", "scope": "read trade openid"}
        return world.authority.issue_code(read_request(world, PROVIDER, asked), "demo")

    body = {"grant_type": "authorization_code", "code": sim.inside(issue), "client_id": client.client_id}
    body |= {"client_secret": client.client_secret, "redirect_uri": "http://localhost:8000/callback"}
    answer = token(sim, body)
    wanted = example("E-OAUTH-CODE-RESP")
    assert kinds(answer.json()) == kinds(wanted)
    assert answer.json()["scope"] == wanted["scope"]


@pytest.mark.parametrize("shape", ["A", "B"])
def test_a_refusal_is_shaped_as_the_switch_says(sim: SimulatorServer, shape: str) -> None:
    sim.faults(oauth_error_shape=shape)
    client = sim.add_client()
    values = {"refresh_token": "no such token", "client_secret": client.client_secret}
    answer = token(sim, example("E-OAUTH-REFRESH-REQ") | values)
    wanted = example(f"E-OAUTH-ERR-{shape}")
    assert answer.status_code == 400
    assert kinds(answer.json()) == kinds(wanted)
    assert "invalid_grant" in answer.json().values()


# What shares trade outside regular hours


def test_before_the_open_all_of_the_volume_is_extended_and_later_it_is_a_part() -> None:
    def figures(hour: int) -> tuple[float, float]:
        now = datetime(2026, 11, 20, hour, tzinfo=timezone.utc)
        market = Market(3, now)
        market.advance(now)
        book = market.book(Equity("AAPL"))
        assert book is not None
        return float(extended_volume(book, market)["volume-ext"]), float(book.volume)

    early, noon, evening = figures(13), figures(18), figures(23)
    assert early[0] == early[1]
    assert early[0] < noon[0] < evening[0] < noon[1]
