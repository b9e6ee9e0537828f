"""The option chain in a real browser: legs to a filled spread, prices in place, keyboard, no script, a phone, calm."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import new_visitor, order_status, press_review, send
from page_faults import faults_of
from playwright.sync_api import Browser, Locator, Page, expect

PHONE = {"width": 360, "height": 780}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def visit(browser: Browser, demo: Member) -> Iterator[Any]:
    """Opens a browser of its own with these settings, signed in."""
    opened = []

    def open_one(**settings: Any) -> Page:
        visitor = new_visitor(browser, storage_state=demo.state, **settings)
        opened.append(visitor)
        return visitor.new_page()

    yield open_one
    for visitor in opened:
        visitor.close()


def open_chain(page: Page, desk: DeskProcess, symbol: str = "MSFT", query: str = "view=prices&strikes=20") -> None:
    page.goto(f"{desk.url}/chains/{symbol}?{query}")
    expect(page.locator("#spot-price")).not_to_have_text("—")


def put(page: Page, steps: int, name: str) -> Locator:
    """The button of the put so many strikes below the money."""
    row = page.locator("#board tbody tr[data-strike]:has(~ #spot)").nth(9 - steps)
    return row.locator(f"td.p button[name={name}]")


def test_a_spread_is_picked_from_the_chain_and_filled(trader: Page, desk: DeskProcess) -> None:
    open_chain(trader, desk)
    put(trader, 1, "sell").click()
    expect(trader.locator("#legs li")).to_have_count(1)
    put(trader, 3, "buy").click()
    expect(trader.locator("#legs li")).to_have_count(2)
    expect(trader.locator("#legs h2")).to_contain_text("put vertical")
    expect(trader.locator("#legs [data-net=mid]")).to_have_text(re.compile(r"^[\d.]+ cr$"))
    expect(put(trader, 1, "sell")).to_have_attribute("data-leg", "−1")
    trader.reload()
    expect(trader.locator("#legs li")).to_have_count(2)
    trader.get_by_role("link", name="Ticket", exact=True).click()
    expect(trader.locator("#strategy")).to_contain_text("put vertical")
    trader.get_by_role("button", name="Natural").click()
    for _ in range(10):  # the market moves on until the order is there
        trader.get_by_role("button", name="One tick down").click()
    press_review(trader)
    expect(trader.locator(".sentence")).to_contain_text(re.compile("^Sell 1 MSFT .* put vertical"))
    send(trader)
    expect(order_status(trader)).to_have_text("Filled")
    for _ in range(20):  # the chain is drawn with what the account is known to hold by then
        open_chain(trader, desk)
        if trader.locator(".held-put").count():
            break
    expect(trader.locator(".held-put")).to_have_text(["+1", "−1"])


MOVED = """() => {
  window.seen ??= new Map();
  for (const cell of document.querySelectorAll("#board [data-f=bid], #board [data-f=ask]")) {
    const key = `${cell.closest("tr").dataset.key} ${cell.closest("td").className[0]} ${cell.dataset.f}`;
    if (!window.seen.has(key)) window.seen.set(key, cell.textContent);
    else if (window.seen.get(key) !== cell.textContent) return true;
  }
  return false;
}"""


def stays_in_place(page: Page, desk: DeskProcess) -> bool:
    """Whether scroll, focus and every cell are the same after prices moved."""
    page.route(re.compile("/chains/.*fragment=1"), lambda route: None)  # a whole new look is another matter
    open_chain(page, desk, "SPY", "view=prices&strikes=all")
    board = page.locator("#board")
    board.evaluate("(element) => { element.scrollTop -= 200; window.before = [...element.querySelectorAll('td')]; }")
    button = board.locator("tbody tr[data-strike]:has(~ #spot) td.c button[name=buy]").nth(-4).element_handle()
    assert button
    button.focus()
    at = board.evaluate("(element) => element.scrollTop")
    page.wait_for_function(MOVED, polling=200)
    page.wait_for_function("() => performance.now() > 4000")
    focused = button.evaluate("(element) => element === document.activeElement")
    kept = page.evaluate("() => window.before.every((cell) => cell.isConnected)")
    return bool(focused and kept and board.evaluate("(element) => element.scrollTop") == at)


def test_prices_move_in_place_without_losing_scroll_or_focus(trader: Page, desk: DeskProcess) -> None:
    assert stays_in_place(trader, desk)


@pytest.mark.parametrize(
    "fault",
    ["this.drift ??= setInterval(() => (this.scroller.scrollTop -= 29), 400);", "document.activeElement.blur();"],
    ids=["scroll", "focus"],
)
def test_an_update_that_loses_scroll_or_focus_would_be_noticed(fault: str, trader: Page, desk: DeskProcess) -> None:
    """The twins."""
    spoil(trader, "cell.textContent = text;", f"cell.textContent = text; {fault}")
    assert not stays_in_place(trader, desk)


def spoil(page: Page, good: str, bad: str) -> None:
    """Let this browser have a board with one thing changed."""
    source = (ROOT / "static/js/chain-board.js").read_text()
    assert good in source
    body = source.replace(good, bad)
    page.route("**/chain-board*.js", lambda route: route.fulfill(body=body, content_type="text/javascript"))


def test_only_what_is_in_sight_is_asked_for(trader: Page, desk: DeskProcess) -> None:
    open_chain(trader, desk, "$SPX", "view=prices&strikes=all")
    rows = trader.locator("#board tr[data-strike]")
    watched = trader.locator("#board td[data-symbol]")
    expect(watched.nth(20)).to_be_attached()
    assert rows.count() > 150
    assert watched.count() < 120
    first = watched.first.get_attribute("data-symbol")
    trader.locator("#board").evaluate("(element) => { element.scrollTop = 0; }")
    expect(trader.locator(f'#board td[data-symbol="{first}"]')).to_have_count(0)
    expect(rows.first.locator("td[data-symbol]")).to_have_count(2)
    assert watched.count() < 120


def test_a_page_that_asks_for_all_would_be_noticed(trader: Page, desk: DeskProcess) -> None:
    """The twin: rows far out of sight count as seen."""
    spoil(trader, '"160px 0px"', '"99999px 0px"')
    open_chain(trader, desk, "$SPX", "view=prices&strikes=all")
    watched = trader.locator("#board td[data-symbol]")
    expect(watched.nth(300)).to_be_attached()


def test_the_chain_goes_by_keyboard_alone(trader: Page, desk: DeskProcess) -> None:
    open_chain(trader, desk, "AAPL")
    trader.locator("#board").focus()
    trader.keyboard.press("Tab")
    focused = trader.locator("#board button:focus")
    expect(focused).to_have_count(1)
    start = focused.get_attribute("value")
    trader.keyboard.press("ArrowDown")
    expect(focused).not_to_have_attribute("value", str(start))
    lower = focused.get_attribute("value")
    trader.keyboard.press("b")
    expect(trader.locator("#legs li")).to_have_attribute("data-symbol", str(lower))
    expect(trader.locator(f'#board button[value="{lower}"][name=buy]')).to_have_attribute("data-leg", "+1")
    trader.keyboard.press("b")
    expect(trader.locator(".tray-quantity")).to_contain_text("+2")
    trader.keyboard.press("ArrowUp")
    trader.keyboard.press("End")
    expect(focused).to_have_attribute("value", re.compile("^.{12,}P"))
    last = str(focused.get_attribute("value"))
    trader.keyboard.press("s")
    expect(trader.locator("#legs li")).to_have_count(2)
    trader.keyboard.press("Delete")
    expect(trader.locator("#legs li")).to_have_count(1)
    expect(focused).to_have_attribute("value", last)


def test_another_expiration_keeps_the_legs(trader: Page, desk: DeskProcess) -> None:
    open_chain(trader, desk)
    put(trader, 2, "sell").click()
    expect(trader.locator("#legs li")).to_have_count(1)
    shown = trader.locator("#expiries a[aria-current]")
    before = shown.inner_text()
    trader.locator("#expiries li:has([aria-current]) + li a").click()
    expect(shown).not_to_have_text(before)
    put(trader, 2, "buy").click()
    expect(trader.locator("#legs li")).to_have_count(2)
    expect(trader.locator("#legs h2")).to_contain_text(re.compile("calendar|diagonal"))
    trader.get_by_role("link", name="Greeks").click()
    expect(trader.locator("#board thead")).to_contain_text("Vega")
    expect(trader.locator("#legs li")).to_have_count(2)
    expect(trader).to_have_url(re.compile("leg=.*leg="))


def test_a_strategy_is_one_click(trader: Page, desk: DeskProcess) -> None:
    open_chain(trader, desk, "SPY")
    trader.get_by_text("Delta, width…").click()
    trader.get_by_label("Delta", exact=True).fill("0.20")
    trader.get_by_role("button", name="Iron condor").click()
    expect(trader.locator("#legs li")).to_have_count(4)
    expect(trader.locator("#legs h2")).to_contain_text("iron condor")
    trader.get_by_role("button", name="Flip").click()
    expect(trader.locator("#legs h2")).to_contain_text("Long")
    trader.get_by_role("button", name="Clear").click()
    expect(trader.locator("#legs li")).to_have_count(0)
    trader.get_by_role("button", name="Straddle", exact=True).click()
    expect(trader.locator("#legs h2")).to_contain_text("straddle")


def test_an_answer_that_is_lost_changes_nothing_and_says_so(visit: Any, desk: DeskProcess) -> None:
    page = visit()
    open_chain(page, desk)
    page.route("**/chains/**", lambda route: route.abort())
    put(page, 1, "sell").click()
    expect(page.locator("#toasts")).to_contain_text("nothing was changed")
    expect(page.locator("#legs li")).to_have_count(0)
    page.unroute("**/chains/**")
    put(page, 1, "sell").click()
    expect(page.locator("#legs li")).to_have_count(1)


def test_legs_are_put_together_without_a_script(visit: Any, desk: DeskProcess) -> None:
    page = visit(java_script_enabled=False)
    open_chain(page, desk)
    put(page, 1, "sell").click()
    expect(page.locator("#legs li")).to_have_count(1)
    put(page, 3, "buy").click()
    expect(page.locator("#legs li")).to_have_count(2)
    page.get_by_role("link", name="Ticket", exact=True).click()
    expect(page.locator("#ticket [name=symbol_2]")).to_have_count(1)
    expect(page.locator("#ticket [name=action]")).to_have_value("sell_to_open")


FLASHES = """() => new Promise((done) => {
  let flashed = 0, written = 0;
  new MutationObserver((changes) => {
    for (const { type, target } of changes) {
      if (type === "attributes" && /flash/.test(target.className)) flashed += 1;
      if (type !== "attributes") written += 1;
    }
    if (flashed || written > 150) done(flashed);
  }).observe(document.getElementById("board"),
    { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class"] });
})"""


def test_nothing_flashes_for_those_who_asked_for_calm(visit: Any, desk: DeskProcess) -> None:
    calm = visit(reduced_motion="reduce")
    open_chain(calm, desk, "SPY")
    assert calm.evaluate(FLASHES) == 0


def test_prices_flash_for_others_and_a_board_without_calm_would_be_noticed(visit: Any, desk: DeskProcess) -> None:
    lively, spoiled = visit(reduced_motion="no-preference"), visit(reduced_motion="reduce")
    open_chain(lively, desk, "SPY")
    assert lively.evaluate(FLASHES) > 0
    spoil(spoiled, "calm.matches ||", "")
    open_chain(spoiled, desk, "SPY")
    assert spoiled.evaluate(FLASHES) > 0


def test_the_chain_fits_a_phone(visit: Any, desk: DeskProcess) -> None:
    page = visit(viewport=PHONE, reduced_motion="reduce")
    open_chain(page, desk)
    page.get_by_role("link", name="Calls", exact=True).click()
    expect(page.locator("#board td.c").first).to_be_visible()
    expect(page.locator("#board td.p").first).to_be_hidden()
    page.get_by_role("link", name="Puts", exact=True).click()
    expect(page.locator("#board td.p").first).to_be_visible()
    expect(page.locator("#board td.c").first).to_be_hidden()
    put(page, 2, "sell").click()
    put(page, 3, "buy").click()
    expect(page.locator("#legs li")).to_have_count(2)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll("#chain a, #chain button")]
          .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([name]) => name)"""
    )
    assert small == []
    assert faults_of(page) == []


def test_axe_has_nothing_against_the_chain(visit: Any, desk: DeskProcess) -> None:
    page = visit(reduced_motion="reduce")
    open_chain(page, desk, "SPY", "view=greeks&strikes=20")
    put(page, 2, "sell").click()
    expect(page.locator("#legs li")).to_have_count(1)
    page.get_by_text("Delta, width…").click()
    assert faults_of(page) == []
    page.goto(f"{desk.url}/chains/")
    assert faults_of(page) == []
