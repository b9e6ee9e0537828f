"""A trader's first minute, through a real browser, a real server, and the simulator as a program of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from desk_process import DeskProcess
from desk_visits import press_review, send, take
from playwright.sync_api import Page, expect
from simulator_server import wait_until


@pytest.fixture(params=["sqlite", "servers"])
def fresh_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskProcess]:
    """A desk from nothing: once with SQLite and in-memory layers, once with PostgreSQL and Redis."""
    if request.param == "sqlite":
        yield from started(DeskProcess(tmp_path))
        return
    with servers.redis(tmp_path) as redis_url, servers.postgres(tmp_path) as database_url:
        yield from started(DeskProcess(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url))


def started(desk: DeskProcess) -> Iterator[DeskProcess]:
    try:
        yield desk.start()
        log = desk.log.read_text()
        assert "Traceback" not in log, log[-6000:]
        assert desk.stop() == 0
    finally:
        desk.kill()


def sign_in(page: Page, desk: DeskProcess) -> None:
    page.goto(desk.url)
    page.locator("[name=login]").fill("demo")
    page.locator("[name=password]").fill("demo-blotter")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def connect(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/connections/")
    page.get_by_role("link", name="Connect a broker").first.click()
    page.get_by_role("button", name="Sign in at tastytrade SIM").click()
    expect(page).to_have_url(re.compile(rf"^{re.escape(desk.sim_url)}/tastytrade/auth\.html"))
    expect(page.get_by_text("SIMULATOR").first).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Allow").click()
    expect(page).to_have_url(f"{desk.url}/connections/")
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()


def ledger(desk: DeskProcess) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = desk.control("ledger")["entries"]
    return entries


def amount(text: str) -> float:
    return float(re.sub(r"[^0-9.−-]", "", text).replace("−", "-"))


def test_a_traders_first_minute(page: Page, fresh_desk: DeskProcess, shots: Path | None) -> None:
    desk = fresh_desk
    page.goto(desk.url)
    take(page, shots, "1-sign-in.png")
    sign_in(page, desk)
    expect(page.get_by_role("main").get_by_role("link", name="Connect a broker")).to_be_visible()
    connect(page, desk)
    take(page, shots, "2-connections.png")
    positions_appear_and_move(page, desk)
    take(page, shots, "3-positions.png")
    cash = cash_on_overview(page, desk)
    watching = page.context.new_page()  # stays open, never reloaded
    watching.goto(f"{desk.url}/portfolio/")
    expect(watching.locator("#stream-badge")).to_have_attribute("data-state", "live")
    preview_and_place(page, desk, shots)
    order_fills_without_a_reload(page, shots)
    row = watching.locator('[data-row][data-symbol="F"]').first
    expect(row).to_contain_text("+307")
    wait_until(lambda: cash_shown(watching) != cash, 60)
    take(watching, shots, "6-overview.png")
    disconnect(page, desk)


def positions_appear_and_move(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/portfolio/positions")
    mark = page.locator('[data-row][data-symbol="SPY"] [data-figure="mark"]').first
    expect(page.locator("#stream-badge")).to_have_attribute("data-state", "live")
    expect(mark).not_to_have_text("—")
    before = mark.inner_text()
    assert amount(before) > 100
    expect(mark).not_to_have_text(before)


def cash_on_overview(page: Page, desk: DeskProcess) -> str:
    page.goto(f"{desk.url}/portfolio/")
    return cash_shown(page)


def cash_shown(page: Page) -> str:
    """The margin account's cash, without its age."""
    figures = page.locator("[data-account]").filter(has_text="Individual").locator("div:has(> dt)")
    return figures.filter(has=page.get_by_text("Cash", exact=True)).locator("dd").inner_text().split()[0]


def preview_and_place(page: Page, desk: DeskProcess, shots: Path | None) -> None:
    page.goto(f"{desk.url}/trade?symbol=F&action=buy_to_open&quantity=7&order_type=market")
    take(page, shots, "4-ticket.png")
    press_review(page)
    expect(page.locator(".sentence")).to_contain_text("Buy 7 F at the market")
    assert not [e for e in ledger(desk) if e["path"].endswith("/orders")], "a preview sends no order"
    take(page, shots, "5-review.png")
    send(page, clicks=2)


def order_fills_without_a_reload(page: Page, shots: Path | None) -> None:
    expect(page.locator("#order h2 .badge")).to_have_text("Filled")
    take(page, shots, "5b-order.png")


def disconnect(page: Page, desk: DeskProcess) -> None:
    placed = [e for e in ledger(desk) if e["method"] == "POST" and e["path"].endswith("/orders")]
    assert len(placed) == 1, "a double click sends one order"
    page.goto(f"{desk.url}/connections/")
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Nothing is connected")).to_be_visible()
