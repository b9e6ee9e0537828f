"""Every main page on a phone, in dark and in light: nothing sticks out, and axe has nothing against it."""

from collections.abc import Iterator

import pytest
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import PHONE, WIDE, new_visitor, order_status, price_is_there, review, send
from page_faults import faults_of
from playwright.sync_api import Browser, Page, expect

DOORS = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
PAGES = (
    "/portfolio/",
    "/portfolio/?account=all",
    "/portfolio/positions",
    "/portfolio/positions?account=all",
    "/trade",
    "/trade?symbol=F",
    "/orders/?tab=working",
    "/orders/?tab=today",
    "/orders/?tab=history",
    "/orders/cancelling",
    "/halt",
    "/settings/limits",
    "/alerts/",
    "/connections/",
    "/connections/new",
    "/connect/tastytrade/sim/personal",
    "/accounts/email/",
    "/accounts/password/change/",
    "/symbols/AAPL",
    "/chains/",
    "/chains/SPY",
    "/watchlists/",
    "/find?q=apple",
    "/not-there",
)


@pytest.fixture(scope="module", params=[PHONE, pytest.param(WIDE, marks=pytest.mark.nightly)], ids=["phone", "wide"])
def stranger(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = new_visitor(browser, viewport=request.param, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def trader(stranger: Page, demo: Member) -> Page:
    stranger.context.add_cookies(demo.cookies)
    return stranger


def look(page: Page, address: str) -> dict[str, list[str]]:
    page.goto(address)
    found = faults_of(page)
    return {address: found} if found else {}


def test_the_doors_have_no_faults(stranger: Page, desk: DeskProcess) -> None:
    found: dict[str, list[str]] = {}
    for path in DOORS:
        found |= look(stranger, f"{desk.url}{path}")
    assert found == {}


@pytest.mark.parametrize("paths", [PAGES[::2], PAGES[1::2]], ids=["one half", "the other half"])
def test_no_page_has_faults(trader: Page, desk: DeskProcess, paths: tuple[str, ...]) -> None:
    found: dict[str, list[str]] = {}
    for path in paths:
        found |= look(trader, f"{desk.url}{path}")
    assert found == {}


def test_the_way_of_an_order_has_no_faults(trader: Page, desk: DeskProcess) -> None:
    found = {}
    trader.goto(f"{desk.url}/trade?symbol=SPY")
    trader.get_by_role("button", name="Choose an option").click()
    trader.locator("#option-chooser table.chain").wait_for()
    found["option chooser"] = faults_of(trader)
    trader.goto(f"{desk.url}/trade?symbol=F&quantity=none")
    price_is_there(trader)
    trader.get_by_role("button", name="Review order").click()
    trader.locator(".errorlist").first.wait_for()
    found["refused ticket"] = faults_of(trader)
    review(trader, desk, symbol="F", action="buy_to_open", quantity="1", order_type="market")
    found["review"] = faults_of(trader)
    send(trader)
    expect(order_status(trader)).to_have_text("Filled")
    found["filled order"] = faults_of(trader)
    trader.get_by_role("link", name="Receipt").click()
    trader.locator(".receipt-steps summary").first.click()
    found["receipt"] = faults_of(trader)
    trader.goto(f"{desk.url}/connections/")
    trader.get_by_role("link", name="Disconnect").click()
    trader.get_by_role("button", name="Disconnect").wait_for()
    found["disconnect"] = faults_of(trader)
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_the_ways_of_a_working_order_have_no_faults(trader: Page, desk: DeskProcess) -> None:
    found = {}
    review(trader, desk, symbol="GM", action="buy_to_open", quantity="1", limit_price="5.00")
    send(trader)
    expect(order_status(trader)).to_have_text("Working")
    order = trader.url
    found["working order"] = faults_of(trader)
    trader.goto(f"{desk.url}/orders/cancelling?underlying=GM")
    found["cancel all"] = faults_of(trader)
    trader.goto(order)
    trader.get_by_role("link", name="Change order").click()
    trader.get_by_role("button", name="Review the change").wait_for()
    found["change"] = faults_of(trader)
    trader.get_by_label("Limit price", exact=True).fill("5.01")
    trader.get_by_role("button", name="Review the change").click()
    trader.get_by_role("button", name="Replace SIM order").wait_for()
    found["review of the change"] = faults_of(trader)
    trader.goto(order)
    trader.get_by_role("button", name="Cancel order").click()
    expect(order_status(trader)).to_have_text("Cancelled")
    trader.goto(f"{desk.url}/settings/limits")
    trader.get_by_label("Shares per order").fill("many")
    trader.get_by_role("button", name="Keep these limits").click()
    trader.locator(".errorlist").wait_for()
    found["refused limits"] = faults_of(trader)
    assert {place: faults for place, faults in found.items() if faults} == {}
