"""What a trader sees while things are away: the desk, or the broker."""

import re
import time
from collections.abc import Iterator

import pytest
import requests
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import expect_badge, order_status, review, send
from playwright.sync_api import Browser, Page, Route, expect
from simulator_server import wait_until

AWAY = re.compile("^(reconnecting|disconnected)$")


@pytest.fixture
def trader(browser: Browser, demo: Member) -> Iterator[Page]:
    """A signed-in person whose tab may complain of what is away."""
    with demo.at(browser) as page:
        yield page


def is_the_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.untouched === true"))


def mark(page: Page, symbol: str = "SPY") -> str:
    return page.locator(f'[data-row][data-symbol="{symbol}"] [data-figure="mark"]').first.inner_text()


def test_a_restart_keeps_everything_and_the_open_tab_comes_back(desk: DeskProcess, trader: Page) -> None:
    review(trader, desk, symbol="F", action="buy_to_open", quantity="5", limit_price="5.00")
    send(trader)
    expect(order_status(trader)).to_have_text("Working")
    open_tab = trader.context.new_page()
    open_tab.goto(f"{desk.url}/portfolio/positions")
    expect_badge(open_tab, "live")
    held = open_tab.locator("tr[data-row]").count()
    open_tab.evaluate("window.untouched = true")
    assert desk.stop() == 0
    try:
        expect(open_tab.locator("#stream-badge")).to_have_attribute("data-state", AWAY)
        expect(open_tab.locator("tr[data-row]")).to_have_count(held)
    finally:
        desk.start()
    expect_badge(open_tab, "live", 180)
    before = mark(open_tab)
    expect(open_tab.locator('[data-row][data-symbol="SPY"] [data-figure="mark"]').first).not_to_have_text(before)
    assert is_the_same_page(open_tab)
    expect(open_tab.locator("tr[data-row]")).to_have_count(held)
    trader.goto(f"{desk.url}/connections/")
    expect(trader.get_by_text("Connected", exact=True)).to_be_visible()
    trader.goto(f"{desk.url}/orders/")
    trader.get_by_role("link", name="Buy 5 F at 5.00 or better").first.click()
    expect(order_status(trader)).to_have_text("Working")
    trader.get_by_role("button", name="Cancel order").click()
    expect(order_status(trader)).to_have_text("Cancelled")
    review(trader, desk, symbol="F", action="buy_to_open", quantity="2", order_type="market")
    send(trader)
    expect(order_status(trader)).to_have_text("Filled")


@pytest.mark.parametrize("late", ["live.js", "orders.js"])
def test_what_happens_between_a_page_and_its_socket_is_not_missed(desk: DeskProcess, trader: Page, late: str) -> None:
    """The order is cancelled elsewhere after its page was made and before the page's socket is open, or before there
    is anybody on the page who listens to it."""
    review(trader, desk, symbol="F", action="buy_to_open", quantity="3", limit_price="5.00")
    send(trader)
    expect(order_status(trader)).to_have_text("Working")
    order = trader.url.rsplit("/", 1)[1]
    later = trader.context.new_page()

    def cancel_first(route: Route) -> None:
        address = f"{desk.url}/api/v1/orders/{order}"
        cookies = {cookie["name"]: cookie["value"] for cookie in trader.context.cookies(desk.url)}
        headers = {"X-CSRFToken": cookies["csrftoken"], "Origin": desk.url}
        assert requests.delete(address, cookies=cookies, headers=headers, timeout=60).status_code == 202
        wait_until(lambda: requests.get(address, cookies=cookies, timeout=60).json()["status"] == "cancelled")
        time.sleep(2 if late == "orders.js" else 0)  # the socket is open by then
        route.continue_()

    later.route(f"**/js/{late}", cancel_first)
    later.goto(trader.url)
    expect(order_status(later)).to_have_text("Cancelled")


def test_figures_stay_with_their_age_while_the_broker_is_away(desk: DeskProcess, trader: Page) -> None:
    trader.goto(f"{desk.url}/portfolio/positions")
    expect_badge(trader, "live")
    held = trader.locator("tr[data-row]").count()
    trader.evaluate("window.untouched = true")
    desk.kill_simulator()
    try:
        expect(trader.locator("#stream-badge")).to_have_text("Reconnecting")
        other = trader.context.new_page()
        other.goto(f"{desk.url}/trade?symbol=F&action=buy_to_open&quantity=1&limit_price=10.00")
        other.get_by_role("button", name="Review order").click()
        expect(other.get_by_role("alert")).to_contain_text("Nothing was sent")
        other.goto(f"{desk.url}/portfolio/positions")
        expect(other.locator("tr[data-row]")).to_have_count(held)
        expect(other.locator("[data-trouble]").first).to_be_visible()
        expect(other.get_by_text("Positions are as last read")).to_be_visible()
        assert float(mark(other)) > 100
    finally:
        desk.start_simulator()
    expect_badge(trader, "live", 180)  # it tries again each half minute
    expect(trader.locator("[data-trouble]")).to_have_count(0)
    assert is_the_same_page(trader)
