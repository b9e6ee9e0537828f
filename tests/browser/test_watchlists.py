"""Watchlists in a real browser: pasted, live, sorted, moved by buttons and by dragging, kept at the broker too."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import new_visitor, take
from page_faults import faults_of
from playwright.sync_api import Browser, BrowserContext, Page, expect

PHONE = {"width": 360, "height": 780}
WIDE = {"width": 1440, "height": 900}
LOOKS: tuple[Any, ...] = ((PHONE, ("dark",)), (WIDE, ("light",)))


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "watching", "demo", "tastytrade")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state, viewport=WIDE)
    yield visitor
    visitor.close()


def make(page: Page, desk: DeskProcess, name: str, symbols: str, kept: str = "") -> None:
    page.goto(f"{desk.url}/watchlists/")
    page.get_by_text("New list").click()
    page.get_by_label("Name", exact=True).first.fill(name)
    if kept:
        page.get_by_label("Kept").select_option(label=kept)
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    if symbols:
        page.get_by_label("Add symbols").fill(symbols)
        with page.expect_navigation():
            page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_load_state()  # its scripts run by then


def symbols_on(page: Page) -> list[str]:
    found: list[str] = page.locator("#watchlist tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.symbol)")
    return found


def kept(page: Page) -> list[str]:
    """As the desk has it, by a look of its own."""
    page.reload()
    return symbols_on(page)


def test_pasted_symbols_are_watched_live_and_bad_ones_named(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Pasted", "aapl, MSFT\nNOTKNOWN spy ???")
    notice = page.locator("[data-notice]")
    expect(notice).to_contain_text("???, NOTKNOWN")
    assert symbols_on(page) == ["AAPL", "MSFT", "SPY"]
    row = page.locator('#watchlist tr[data-symbol="AAPL"]')
    expect(page.locator("#stream-badge")).to_have_attribute("data-state", "live")
    desk.control("prices", {"symbol": "AAPL", "price": "201.07"})
    expect(row.locator("[data-field=last]")).to_have_text(re.compile(r"^20\d\."))
    figures = row.evaluate(
        "row => ['last', 'change', 'share'].map((name) =>"
        " row.querySelector(`[data-field=${name}], [data-${name}]`).textContent)"
    )
    assert re.fullmatch(r"[+−]?[\d,]+\.\d\d+", figures[1]), figures
    assert re.fullmatch(r"[+−]?\d+\.\d\d %", figures[2]), figures


def test_rows_move_and_go_in_place(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Moved", "AAPL MSFT SPY")
    page.evaluate("window.stays = true")
    page.get_by_role("button", name="Move SPY up").click()
    expect(page.get_by_role("button", name="Move SPY up")).to_be_focused()
    assert symbols_on(page) == ["AAPL", "SPY", "MSFT"]
    with page.expect_response("**/act"):
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move SPY up")).to_be_disabled()
    assert symbols_on(page) == ["SPY", "AAPL", "MSFT"]
    expect(page.locator("#watchlist-told")).to_have_text("SPY is number 1 of 3.")
    with page.expect_response("**/act"):
        page.get_by_role("button", name="Remove AAPL").click()
    assert page.evaluate("window.stays")
    assert kept(page) == ["SPY", "MSFT"]


def test_rows_can_be_dragged(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Dragged", "AAPL MSFT SPY")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as put:
        rows = page.locator("#watchlist tbody tr")
        rows.nth(2).locator("th").drag_to(rows.nth(0).locator("th"), target_position={"x": 10, "y": 2})
    assert put.value.ok
    assert symbols_on(page) == ["SPY", "AAPL", "MSFT"]
    assert kept(page) == ["SPY", "AAPL", "MSFT"]


def test_a_move_that_the_desk_never_heard_of_is_taken_back(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Unheard", "AAPL MSFT")
    expect(page.locator("#stream-badge")).to_have_attribute("data-state", "live")  # scripts run
    page.route("**/act", lambda route: route.abort())
    page.get_by_role("button", name="Remove AAPL").click()
    expect(page.get_by_text("The desk can't be reached: the list is as it was.")).to_be_visible()
    assert symbols_on(page) == ["AAPL", "MSFT"]


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """As elsewhere; what a test breaks on purpose may complain."""
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    if "never_heard" not in request.node.name:
        page.on("response", lambda told: thrown.append(f"{told.status} {told.url}") if told.status >= 400 else None)
        page.on("console", lambda message: thrown.append(message.text) if message.type == "error" else None)
    yield page
    assert thrown == []


def test_a_list_kept_at_the_broker_goes_there_and_comes_back(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Synced", "AAPL SPY", kept="at tastytrade SIM too")
    expect(page.get_by_text("kept at tastytrade SIM too")).to_be_visible()
    expect(page.locator(".list-choice")).to_contain_text("The broker’s own")
    assert page.request.get(f"{desk.url}/api/v1/watchlists").json()["results"][-1]["writable"] is False
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("[data-notice]")).to_contain_text("In line with tastytrade SIM")
    page.get_by_text("List…").click()
    page.get_by_label("Remove Synced at tastytrade SIM too").check()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Synced was removed.")).to_be_visible()


def test_a_column_sorts_and_the_sheet_is_as_it_is_shown(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "Sorted", "SPY AAPL GME F")
    with page.expect_navigation():
        page.get_by_role("link", name="Symbol", exact=True).click()
    assert symbols_on(page) == ["AAPL", "F", "GME", "SPY"]
    expect(page.get_by_role("button", name="Move SPY up")).to_have_count(0)
    with page.expect_download() as sheet:
        page.get_by_role("link", name="CSV").click()
    lines = Path(sheet.value.path()).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["symbol", "AAPL", "F", "GME", "SPY"]


def test_a_symbol_is_put_on_a_list_from_its_page(page: Page, desk: DeskProcess) -> None:
    make(page, desk, "From pages", "")
    page.goto(f"{desk.url}/symbols/NFLX")
    page.get_by_text("Add to watchlist").click()
    page.get_by_role("button", name="From pages").click()
    expect(page.locator("[data-notice]")).to_contain_text("NFLX added")
    page.goto(f"{desk.url}/watchlists/")
    page.get_by_role("link", name=re.compile("^From pages")).click()
    expect(page.get_by_role("heading", name="From pages", exact=True)).to_be_visible()
    expect(page.locator("#watchlist tbody tr")).to_have_count(1)
    assert symbols_on(page) == ["NFLX"]


def test_the_page_has_no_faults(page: Page, desk: DeskProcess, shots: Path | None) -> None:
    page.emulate_media(reduced_motion="reduce")
    make(page, desk, "Looked at", "AAPL SPY $SPX /ESZ26 BTC/USD")
    for size, schemes in LOOKS:
        page.set_viewport_size(size)
        assert faults_of(page, schemes=schemes) == []
        take(page, shots, f"watchlist-{size['width']}.png")
