"""The symbol page in a real browser: the chart's bars, keys, marks and table; the search box; the market's state."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import new_visitor, order_status, review, send, take
from page_faults import faults_of
from playwright.sync_api import Browser, BrowserContext, Page, expect

PHONE = {"width": 360, "height": 780}
WIDE = {"width": 1440, "height": 900}
LOOKS: tuple[Any, ...] = ((PHONE, ("light",)), (WIDE, ("dark",)))
PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Map();
  for (let at = 0; at < data.length; at += 4 * 7) {
    const key = data[at] + "," + data[at + 1] + "," + data[at + 2];
    colours.set(key, (colours.get(key) ?? 0) + 1);
  }
  return colours.size;
}"""
OWN = "EEM"
"""Nobody else trades it: the demo person's account is shared, and so are its fills and working orders."""


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "charting", "demo", "tastytrade")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state, viewport=WIDE)
    yield visitor
    visitor.close()


def open_chart(page: Page, desk: DeskProcess, symbol: str = "AAPL") -> Any:
    page.goto(f"{desk.url}/symbols/{symbol}")
    chart = page.locator("#chart-canvas")
    expect(chart).to_have_attribute("aria-label", re.compile(r"bars, last close [\d,.]+"))
    return chart


def legend(page: Page) -> str:
    return page.locator("#chart-legend").inner_text()


def test_the_chart_shows_bars_of_each_length_and_its_keys_tell_them(page: Page, desk: DeskProcess) -> None:
    chart = open_chart(page, desk)
    page.wait_for_function(f"() => ({PIXELS})(document.getElementById('chart-canvas')) > 10")
    for name in ("5m", "1h", "1w", "1mo"):
        page.locator(f'[data-interval="{name}"]').click()
        expect(page.locator(f'[data-interval="{name}"]')).to_have_attribute("aria-pressed", "true")
        label = page.locator(f'[data-interval="{name}"]').inner_text()
        expect(chart).to_have_attribute("aria-label", re.compile(rf"^AAPL, {label} bars, last"))
    page.locator('[data-interval="1d"]').click()
    expect(chart).to_have_attribute("aria-label", re.compile("1D bars"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    told = page.locator("#chart-told")
    expect(told).to_have_text(re.compile(r"\d+ \w{3,4} 20\d\d: open [\d.,]+, high [\d.,]+, low .*volume [\d,]+"))
    before = told.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(told).not_to_have_text(before)
    assert re.search(r"O [\d.,]+\s+H [\d.,]+", legend(page))
    page.reload()
    expect(page.locator('[data-interval="1d"]')).to_have_attribute("aria-pressed", "true")


def test_bars_that_do_not_come_leave_none_of_another_length_behind(context: BrowserContext, desk: DeskProcess) -> None:
    """Else days stand under the name of months, and the next live trade adds one to the other."""
    page = context.new_page()
    chart = open_chart(page, desk)
    page.locator('[data-interval="1d"]').click()
    expect(chart).to_have_attribute("aria-label", re.compile("1D bars, last close"))
    failing = "**/api/v1/bars/**interval=5m**"
    page.route(failing, lambda route: route.abort())
    page.locator('[data-interval="5m"]').click()
    words = page.locator("#chart-words")
    expect(words).to_be_visible()
    expect(words.get_by_role("button", name="Try again")).to_be_visible()
    expect(chart).to_have_attribute("aria-label", "AAPL, 5m bars, no bars")
    expect(page.locator("#chart-legend")).to_be_empty()
    page.unroute(failing)
    words.get_by_role("button", name="Try again").click()
    expect(chart).to_have_attribute("aria-label", re.compile("5m bars, last close"))
    expect(words).to_be_hidden()


@pytest.mark.nightly
def test_the_picture_follows_what_is_chosen(page: Page, desk: DeskProcess) -> None:
    chart = open_chart(page, desk)
    picture = "canvas => canvas.toDataURL()"
    for button in ('[data-kind="line"]', '[data-kind="area"]', '[data-average="50"]', '[data-toggle="volume"]'):
        before = chart.evaluate(picture)
        page.locator(button).click()
        page.wait_for_function("before => document.getElementById('chart-canvas').toDataURL() !== before", arg=before)
    assert "MA 50" in legend(page)
    for move in ("out", "earlier", "in", "newest"):
        page.locator(f'[data-move="{move}"]').click()
    chart.hover(position={"x": 300, "y": 120})
    expect(page.locator("#chart-legend")).not_to_be_empty()


def test_the_last_bar_moves_with_live_trades(page: Page, desk: DeskProcess) -> None:
    open_chart(page, desk, "NVDA")
    page.locator('[data-interval="1d"]').click()
    close = page.locator("#chart-legend > span").filter(has_text=re.compile(r"^C "))
    expect(close).to_have_count(1)
    before = close.inner_text()
    desk.control("prices", {"symbol": "NVDA", "price": "171.37"})
    expect(close).not_to_have_text(before)
    expect(page.locator("#symbol-change [data-change]")).to_have_text(re.compile(r"^[+−]?\d+\.\d\d$"))
    last = page.locator(".symbol-last [data-field=last]")
    expect(last).to_have_text(re.compile(r"^17\d\."))


@pytest.mark.nightly
def test_earlier_bars_are_fetched_when_the_chart_is_moved_to_its_beginning(page: Page, desk: DeskProcess) -> None:
    chart = open_chart(page, desk)
    page.locator('[data-interval="1h"]').click()
    expect(chart).to_have_attribute("aria-label", re.compile("1h bars"))
    with page.expect_response(lambda answer: "end=" in answer.url and "/bars/" in answer.url) as earlier:
        chart.focus()
        for _ in range(60):
            page.keyboard.press("PageUp")
    assert earlier.value.json()["bars"]


def test_the_same_figures_stand_in_a_table(page: Page, desk: DeskProcess) -> None:
    open_chart(page, desk)
    page.get_by_text("Figures as a table").click()
    rows = page.locator("#chart-rows tbody tr")
    expect(rows.nth(100)).to_be_attached()
    before = rows.nth(1).locator("th").inner_text()
    with page.expect_response(lambda answer: "/bars/" in answer.url) as told:
        page.locator('[data-interval="1w"]').click()
    expect(rows.nth(1).locator("th")).not_to_have_text(before)  # a week's beginning, where a day's was
    opens = [float(bar["open"]) for bar in told.value.json()["bars"][-1:-6:-1]]
    shown = [float(rows.nth(at).locator("td").first.inner_text().replace(",", "")) for at in range(5)]
    assert shown == opens


def test_own_orders_and_fills_are_on_the_chart_and_can_be_cancelled_beside_it(
    page: Page, desk: DeskProcess, shots: Path
) -> None:
    review(page, desk, symbol=OWN, action="buy_to_open", quantity="7", order_type="market")
    send(page)
    expect(order_status(page)).to_have_text("Filled")
    review(page, desk, symbol=OWN, action="buy_to_open", quantity="1", order_type="limit", limit_price="9.50")
    send(page)
    expect(order_status(page)).to_have_text("Working")
    open_chart(page, desk, OWN)
    marks = page.locator("#symbol-marks")
    expect(marks.get_by_text(f"Buy 1 {OWN} at 9.50")).to_be_visible()
    expect(marks.get_by_role("heading", name="Your fills")).to_be_visible()
    levels = "part => JSON.parse(part.dataset.levels)"
    assert [(one["price"], one["words"]) for one in marks.evaluate(levels)["orders"]] == [("9.5", "Buy 1 limit")]
    assert marks.evaluate(levels)["fills"][0]["words"].startswith("Buy 7 at")
    page.wait_for_function("() => JSON.parse(document.getElementById('symbol-marks').dataset.levels).cost")
    take(page, shots, "symbol-with-orders.png")
    marks.get_by_role("button", name=f"Cancel: Buy 1 {OWN} at 9.50").click()
    expect(marks.get_by_text(f"Buy 1 {OWN} at 9.50")).to_have_count(0)
    assert page.url.endswith(f"/symbols/{OWN}")
    assert marks.evaluate(levels)["orders"] == []


def test_a_slash_finds_a_symbol_from_anywhere(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/symbols/MSFT")
    page.goto(f"{desk.url}/orders/")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Find")
    expect(box).to_be_focused()
    options = page.locator("#finder-list [role=option]")
    expect(options.first).to_contain_text("MSFT")
    expect(options.first).to_contain_text("recent")
    box.press_sequentially("aa")
    expect(options.first).to_contain_text("AA")
    box.fill("aapl")
    expect(options.first).to_contain_text("AAPL")
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    page.wait_for_url("**/symbols/AAPL")
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    expect(options.first).to_contain_text("recent")
    box.press("ArrowDown")
    box.press("ArrowDown")
    chosen = page.locator("#finder-list [aria-selected=true]")
    expect(chosen).to_have_count(1)
    expect(box).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    box.press("Escape")
    expect(box).to_be_hidden()


def test_keys_lead_somewhere_and_can_be_turned_off(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/orders/")
    page.keyboard.press("?")
    keys = page.locator("#shortcuts")
    expect(keys).to_contain_text("Positions")
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/portfolio/positions*")
    page.keyboard.press("t")
    page.wait_for_url("**/trade*")
    page.get_by_label("Symbol", exact=True).first.press("/")  # typing is typing
    expect(page.locator("#finder")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("?")
    page.get_by_label("Use keys without Ctrl").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#finder")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(page.locator("#finder")).to_be_visible()


def test_the_bar_says_whether_the_market_is_open(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/portfolio/")
    state = page.locator(".topbar .market-state")
    expect(state).to_have_text(re.compile(r"^Open · closes in (\d+ h )?\d+ m"))
    expect(page.locator("html")).to_have_attribute("data-market", "open")


STATES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"state": "pre", "in": 34}, "Pre-market · opens in 34 m"),
    ({"state": "post", "in": 134}, "After hours · ends in 2 h 14 m"),
    ({"state": "closed", "in": 2000, "holiday": "Thanksgiving Day"}, "Closed: Thanksgiving Day · opens in 1 d 9 h"),
    ({"state": "open", "in": 60, "early_close": True}, "Open · closes in 1 h 0 m · early close"),
    ({"state": "unknown"}, "Hours not known"),
)


def hours_told(now: list[dict[str, Any]]) -> Any:
    """Answers for the hours of the market: the newest of ``now``."""

    def answer(route: Any) -> None:
        market = now[-1]
        change = None
        if "in" in market:
            moment = datetime.now(timezone.utc) + timedelta(minutes=market["in"], seconds=-10)
            change = moment.isoformat().replace("+00:00", "Z")
        sessions = [{"kind": "regular", "opens_at": change, "closes_at": change}] if change else []
        told = {"holiday": None, "early_close": False} | {name: market[name] for name in market if name != "in"}
        told |= {"exchange": "Equity", "sessions": sessions, "next_change_at": change}
        route.fulfill(json={"source": {"calendar": "broker"}, "markets": [told], "reason": None})

    return answer


def test_each_state_of_the_market_has_its_words(page: Page, desk: DeskProcess) -> None:
    now: list[dict[str, Any]] = []
    page.route("**/api/v1/market-status*", hours_told(now))
    for market, words in STATES:
        now.append(market)
        page.goto(f"{desk.url}/docs/problems")
        expect(page.locator(".topbar .market-state")).to_have_text(words)


def test_prices_that_move_while_the_market_should_be_closed_are_said_to_move(page: Page, desk: DeskProcess) -> None:
    """The simulator never closes; a page without prices can't know, and goes by the hours."""
    page.route("**/api/v1/market-status*", hours_told([{"state": "closed", "in": 2000}]))
    state = page.locator(".topbar .market-state")
    open_chart(page, desk)
    expect(state).to_have_text("Closed · prices are moving")
    expect(page.locator("html")).to_have_attribute("data-market", "moving")
    page.goto(f"{desk.url}/docs/problems")
    expect(state).to_have_text("Closed · opens in 1 d 9 h")
    expect(page.locator("html")).to_have_attribute("data-market", "closed")


def test_the_page_has_no_faults(page: Page, desk: DeskProcess, shots: Path | None) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_chart(page, desk)
    page.get_by_text("Figures as a table").click()
    for size, schemes in LOOKS:
        page.set_viewport_size(size)
        assert faults_of(page, schemes=schemes) == []
        take(page, shots, f"symbol-{size['width']}.png")
        page.keyboard.press("Control+k")
        expect(page.locator("#finder-list [role=option]").first).to_be_visible()
        assert faults_of(page, schemes=schemes, within="#finder") == []
        page.keyboard.press("Escape")


def test_without_a_script_there_are_figures_a_search_and_links(
    browser: Browser, member: Member, desk: DeskProcess
) -> None:
    with member.at(browser, java_script_enabled=False) as page:
        page.goto(f"{desk.url}/portfolio/")
        page.locator("#finder-plain").fill("AAPL")
        page.locator("#finder-plain").press("Enter")
        expect(page.get_by_role("heading", name="AAPL", exact=True)).to_be_visible()
        page.get_by_text("Figures as a table").click()
        page.get_by_role("link", name="Daily figures").click()
        expect(page.locator("section table.data tbody tr").nth(100)).to_be_attached()
        page.get_by_role("link", name="Buy", exact=True).click()
        expect(page.get_by_label("Symbol", exact=True).first).to_have_value("AAPL")
