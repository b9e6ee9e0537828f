"""What a trader sees at a glance: the account's figures on each page, groups that fold, a symbol that is halted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import PHONE, new_visitor
from page_faults import faults_of
from playwright.sync_api import Browser, Page, expect

MONEY = r"^\$[\d,]+\.\d\d$"
GAIN = r"^[+−]?\$[\d,]+\.\d\d$"
HALTED = "BAC"
"""Nobody else trades it here."""


def figures(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#glance dd").all_inner_texts()]


@pytest.fixture
def halted(desk: DeskProcess) -> Iterator[str]:
    desk.control("halts", {"symbol": HALTED, "reason": "T1"})
    yield HALTED
    desk.control("halts", {"symbol": HALTED, "halted": False})


def has_figures(page: Page) -> None:
    page.wait_for_function(
        f"""() => {{
          const cells = [...document.querySelectorAll("#glance dd")];
          const [liq, gain, power] = cells.map((cell) => cell.textContent.trim());
          return /{MONEY}/.test(liq) && /{GAIN}/.test(gain) && /{MONEY}/.test(power);
        }}"""
    )


def test_each_page_has_the_accounts_figures_once_it_is_there(
    trader: Page, desk: DeskProcess, shots: Path | None
) -> None:
    for address in ("/settings/limits", "/orders/", "/trade", "/chains/SPY", "/portfolio/positions"):
        trader.goto(f"{desk.url}{address}")
        has_figures(trader)
        if shots:
            trader.screenshot(path=shots / f"glance{address.replace('/', '-')}.png")


def test_where_the_page_shows_the_days_gain_live_the_bar_says_the_same(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/portfolio/positions")
    has_figures(trader)
    for _ in range(3):
        before = figures(trader)[1]
        trader.wait_for_function(
            """(before) => {
              const bar = document.querySelector('#glance [data-glance="gain_day"]').textContent;
              const own = document.querySelector('#portfolio tfoot [data-total="gain_day"]').textContent;
              return bar === own && bar !== before;
            }""",
            arg=before,
        )


def test_a_phone_has_no_bar_and_asks_for_none(browser: Browser, demo: Member, desk: DeskProcess) -> None:
    context = new_visitor(browser, viewport=PHONE, storage_state=demo.state)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url) if "/portfolio/glance" in request.url else None)
    page.goto(f"{desk.url}/orders/")
    expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#glance")).to_be_hidden()
    assert asked == []
    context.close()


def test_groups_fold_by_keyboard_stay_folded_and_may_be_strategies(
    trader: Page, desk: DeskProcess, shots: Path | None
) -> None:
    trader.goto(f"{desk.url}/portfolio/positions")
    toggle = trader.locator("[data-toggles]").first
    rows = trader.locator("tbody.group").first.locator("tr[data-row]")
    expect(rows.first).to_be_visible()
    toggle.focus()
    trader.keyboard.press("Enter")
    expect(rows.first).to_be_hidden()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    trader.reload()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(rows.first).to_be_hidden()
    trader.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    toggle.focus()
    trader.keyboard.press("ArrowRight")
    expect(rows.first).to_be_visible()
    if shots:
        trader.screenshot(path=shots / "positions-underlying.png", full_page=True)
    trader.get_by_role("link", name="By strategy").click()
    expect(trader.get_by_role("link", name="By strategy")).to_have_attribute("aria-current", "true")
    if shots:
        trader.screenshot(path=shots / "positions-strategy.png", full_page=True)
    trader.goto(f"{desk.url}/portfolio/positions")
    expect(trader.get_by_role("link", name="By strategy")).to_have_attribute("aria-current", "true")
    trader.get_by_role("button", name="Fold all").click()
    expect(trader.locator("tbody.group tr[data-row]:visible")).to_have_count(0)
    assert faults_of(trader) == []
    trader.get_by_role("button", name="Open all").click()
    trader.get_by_role("link", name="By underlying").click()


def test_deltas_come_with_the_stream_and_add_up(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/portfolio/positions?group=underlying")
    cell = trader.locator('tbody.group [data-total="delta"]').first
    trader.wait_for_function("(cell) => /\\d/.test(cell.textContent)", arg=cell.element_handle())


def test_a_halt_is_said_on_the_symbols_page_its_chain_and_the_ticket(
    trader: Page, desk: DeskProcess, halted: str, shots: Path | None
) -> None:
    for address in (f"/symbols/{halted}", f"/chains/{halted}"):
        trader.goto(f"{desk.url}{address}")
        expect(trader.locator("[data-halt]")).to_contain_text("Trading halted")
        if shots:
            trader.screenshot(path=shots / f"halted{address.replace('/', '-')}.png")
    trader.goto(f"{desk.url}/trade?symbol={halted}&action=buy_to_open&quantity=1&order_type=limit&limit_price=1.00")
    expect(trader.locator("#cautions")).to_contain_text(f"Trading in {halted} is halted")
    if shots:
        trader.screenshot(path=shots / "halted-ticket.png")
    desk.control("halts", {"symbol": halted, "halted": False})
    trader.goto(f"{desk.url}/symbols/{halted}")
    expect(trader.locator("[data-halt]")).to_be_hidden()
