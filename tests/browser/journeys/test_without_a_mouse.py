"""The whole way of an order without a script, and by the keyboard alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import MOST_PRESSES, new_visitor, order_status, press_review, press_send, said, send
from playwright.sync_api import Browser, BrowserContext, Page, expect

MOST_STEPS = 150


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "handy", "demo", "tastytrade")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state)
    yield visitor
    visitor.close()


def test_an_option_is_chosen_reviewed_and_sent_without_a_script(
    browser: Browser, desk: DeskProcess, member: Member
) -> None:
    with member.at(browser, java_script_enabled=False) as page:
        page.goto(f"{desk.url}/trade")
        page.get_by_label("Symbol", exact=True).fill("GLD")
        page.get_by_role("button", name="Choose an option").click()
        page.locator(".tabs a").nth(4).click()
        row = page.locator("tr.at-the-money")
        row.get_by_role("link", name=re.compile(" C$")).click()
        expect(page.get_by_label("Symbol", exact=True)).to_have_value(re.compile("^GLD .*C"))
        page.get_by_label("Quantity").fill("1")
        page.get_by_label("Type").select_option("limit")
        page.get_by_label("Limit price", exact=True).fill("0.01")
        page.get_by_role("button", name="Show figures").click()
        expect(page.locator("#max-loss")).to_have_text("−$1.00")
        press_review(page)
        expect(page.locator(".sentence")).to_contain_text(re.compile(r"^Buy 1 GLD .* C to open at 0\.01 or better"))
        order = send(page)
        reload_until(page, "Working")
        with page.expect_navigation():
            page.get_by_role("button", name="Cancel order").click()
        page.goto(order)
        reload_until(page, "Cancelled")


def reload_until(page: Page, status: str) -> None:
    for _ in range(120):
        if order_status(page).inner_text().strip() == status:
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(order_status(page)).to_have_text(status)


def go_to(page: Page, target: Any) -> None:
    """As who has no mouse: one element after the other until it is there; its ring must be in sight."""
    expect(target).to_be_visible()
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if target.evaluate("(one) => one === document.activeElement"):
            expect(target).to_be_in_viewport()
            return
    pytest.fail(f"{target} can't be reached by the keyboard")


def test_an_option_is_bought_by_the_keyboard_alone(page: Page, desk: DeskProcess, member: Member) -> None:
    page.goto(f"{desk.url}/portfolio/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    go_to(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Trade"))
    page.keyboard.press("Enter")
    choose_by_keyboard(page)
    go_to(page, page.get_by_role("button", name="Ask", exact=True))
    page.keyboard.press("Enter")
    go_to(page, page.get_by_role("button", name="One tick up"))
    for _ in range(20):  # the market moves on until the order is there
        page.keyboard.press("Enter")
    go_to(page, page.get_by_role("button", name="Review order"))
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_contain_text(re.compile(r"^Buy 1 DIS .* C to open"))
    expect(page.get_by_role("button", name="Back")).to_be_focused()
    send_by_keyboard(page)
    expect(order_status(page)).to_have_text("Filled")
    go_to(page, page.get_by_role("link", name="See the position"))
    page.keyboard.press("Enter")
    expect(page.locator("[data-row][data-symbol^='DIS ']")).to_contain_text("+1")


def choose_by_keyboard(page: Page) -> None:
    """A call of the third expiration, through the chooser: it takes the focus when it opens and gives it back."""
    go_to(page, page.get_by_label("Symbol", exact=True))
    page.keyboard.type("DIS")
    page.keyboard.press("Tab")
    expect(page.locator("#symbol-name")).to_contain_text("DISNEY", ignore_case=True)
    expect(page.get_by_role("button", name="Choose an option")).to_be_focused()
    page.keyboard.press("Enter")
    chooser = page.locator("#option-chooser")
    expect(chooser.get_by_role("heading")).to_be_focused()
    third = chooser.locator(".tabs a").nth(2)
    go_to(page, third)
    page.keyboard.press("Enter")
    expect(third).to_have_attribute("aria-current", "page")
    expect(third).to_be_focused()
    go_to(page, chooser.locator("tr.at-the-money").get_by_role("link", name=re.compile(" C$")))
    page.keyboard.press("Enter")
    expect(chooser).to_be_hidden()
    expect(page.get_by_role("button", name="Choose an option")).to_be_focused()
    expect(page.get_by_label("Symbol", exact=True)).to_have_value(re.compile("^DIS .*C"))
    go_back(page, page.get_by_label("Quantity"))
    page.keyboard.press("Control+a")
    page.keyboard.type("1")


def go_back(page: Page, target: Any) -> None:
    for _ in range(MOST_STEPS):
        page.keyboard.press("Shift+Tab")
        if target.evaluate("(one) => one === document.activeElement"):
            return
    pytest.fail(f"{target} can't be reached by the keyboard")


def send_by_keyboard(page: Page) -> None:
    """What is to be confirmed is ticked with the space bar, then the button; as often as the desk asks."""
    for _ in range(MOST_PRESSES):
        for box in page.locator("[name=confirmed]").all():
            go_to(page, box)
            page.keyboard.press("Space")
            expect(box).to_be_checked()
        go_to(page, page.get_by_role("button", name="Send SIM order"))
        if press_send(page, lambda: page.keyboard.press("Enter")) == "order":
            return
    pytest.fail(f"It was not sent: {said(page)}")
