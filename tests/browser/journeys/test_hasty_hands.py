"""Hands quicker than the desk: what belongs to one contract is never put on another."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import let_go, new_visitor
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "hasty", "demo", "tastytrade")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state)
    yield visitor
    visitor.close()


def test_a_share_s_price_can_not_be_taken_for_its_option(page: Page, desk: DeskProcess) -> None:
    """From the choice of an option until the desk knows it, the buttons have no price to offer."""
    page.goto(f"{desk.url}/trade?symbol=BA&quantity=1")
    ask = page.get_by_role("button", name="Ask", exact=True)
    ask.click()
    share = Decimal(page.get_by_label("Limit price", exact=True).input_value())
    page.get_by_role("button", name="Choose an option").click()
    call = page.locator("tr.at-the-money").get_by_role("link", name=re.compile(" C$"))
    expect(call).to_be_visible()
    held: list[Route] = []
    page.route("**/trade", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    call.click()
    expect(ask).to_be_disabled()
    expect(page.get_by_role("button", name="One tick up")).to_be_disabled()
    let_go(page, held, "**/trade")
    expect(page.locator("#symbol-name")).to_have_text(re.compile("^BA .* C$"))
    expect(ask).to_be_enabled()
    expect(page.get_by_label("Limit price", exact=True)).not_to_have_value(str(share))
    ask.click()
    assert Decimal(page.get_by_label("Limit price", exact=True).input_value()) < share / 2
