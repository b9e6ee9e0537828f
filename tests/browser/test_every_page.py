"""Every main page on a phone, in dark and in light: nothing sticks out, and axe has nothing against it."""

import json
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from desk_process import DeskProcess
from desk_visits import PHONE, WIDE, new_visitor, review, send, sign_in
from playwright.sync_api import Browser, Page

AXE = Axe()
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
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
    "/connections/",
    "/connections/new",
    "/connect/tastytrade/sim/personal",
    "/accounts/email/",
    "/accounts/password/change/",
    "/not-there",
)


@pytest.fixture(scope="module", params=[PHONE, WIDE], ids=["phone", "wide"])
def stranger(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = new_visitor(browser, viewport=request.param, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def trader(stranger: Page, desk: DeskProcess, connected: None) -> Page:
    sign_in(stranger, desk)
    return stranger


def faults_of(page: Page) -> list[str]:
    found = []
    width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width > room:
        found.append(f"{width - room} px stick out on the right")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for violation in AXE.run(page, options=RULES).response["violations"]:
            nodes = [node["html"][:200] for node in violation["nodes"][:3]]
            found.append(f"{scheme}, {violation['id']}: {violation['help']} {json.dumps(nodes, ensure_ascii=False)}")
    return found


def look(page: Page, address: str) -> dict[str, list[str]]:
    page.goto(address)
    found = faults_of(page)
    return {address: found} if found else {}


def test_the_doors_have_no_faults(stranger: Page, desk: DeskProcess) -> None:
    found: dict[str, list[str]] = {}
    for path in DOORS:
        found |= look(stranger, f"{desk.url}{path}")
    assert found == {}


def test_no_page_has_faults(trader: Page, desk: DeskProcess) -> None:
    found: dict[str, list[str]] = {}
    for path in PAGES:
        found |= look(trader, f"{desk.url}{path}")
    assert found == {}


def test_the_way_of_an_order_has_no_faults(trader: Page, desk: DeskProcess) -> None:
    found = {}
    trader.goto(f"{desk.url}/trade?symbol=SPY")
    trader.get_by_role("button", name="Choose an option").click()
    trader.locator("#option-chooser table.chain").wait_for()
    found["option chooser"] = faults_of(trader)
    trader.goto(f"{desk.url}/trade?symbol=F&quantity=none")
    trader.get_by_role("button", name="Review order").click()
    trader.locator(".errorlist").first.wait_for()
    found["refused ticket"] = faults_of(trader)
    review(trader, desk, symbol="F", action="buy_to_open", quantity="1", order_type="market")
    found["review"] = faults_of(trader)
    send(trader)
    trader.locator("#order h2 .badge").get_by_text("Filled").wait_for()
    found["filled order"] = faults_of(trader)
    trader.goto(f"{desk.url}/connections/")
    trader.get_by_role("link", name="Disconnect").click()
    found["disconnect"] = faults_of(trader)
    assert {place: faults for place, faults in found.items() if faults} == {}
