"""On a phone everything that can be done is in sight: no sideways scroll, nothing that opens below the screen."""

import re
from collections.abc import Iterator

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import new_visitor
from playwright.sync_api import Browser, BrowserContext, Page, expect

SMALL = {"width": 360, "height": 780}


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "mobile", "demo", "tastytrade")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state, viewport=SMALL, reduced_motion="reduce")
    yield visitor
    visitor.close()


def is_within(page: Page, selector: str) -> bool:
    """Whether all that is found lies between the left and the right edge of the screen."""
    boxes = [one.bounding_box() for one in page.locator(selector).all()]
    return bool(boxes) and all(box and box["x"] >= 0 and box["x"] + box["width"] <= SMALL["width"] for box in boxes)


def test_a_holding_is_closed_without_a_sideways_scroll(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/portfolio/positions")
    row = page.locator("[data-row][data-symbol='NVDA']")
    expect(row.locator("[data-figure=gain_open]")).to_be_visible()
    assert is_within(page, "[data-row] .btn")
    assert is_within(page, "[data-row] [data-figure=gain_day]")
    quantity = re.sub("[^0-9]", "", row.locator("[data-label=Quantity]").inner_text())
    row.locator(".row-menu summary").click()
    expect(row.get_by_role("button", name="Close at mid")).to_be_visible()
    assert is_within(page, "[data-row] .row-menu[open] button")
    row.get_by_role("button", name="Close at mid").click()
    expect(page.locator(".sentence")).to_contain_text(f"Sell {quantity} NVDA")
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]


def test_the_chooser_comes_into_sight_and_gives_the_place_back(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/trade?symbol=F")
    button = page.get_by_role("button", name="Choose an option")
    expect(page.locator("#symbol-name")).to_contain_text("FORD", ignore_case=True)
    button.click()
    expect(page.get_by_role("heading", name="Options on F")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.locator("#option-chooser")).to_be_hidden()
    expect(button).to_be_in_viewport()
    expect(button).to_be_focused()
