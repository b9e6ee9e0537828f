"""The broker's answer to an order is lost: what its person reads, is kept from doing, and sees come true; at both."""

import re
from collections.abc import Iterator

import pytest
from desk_members import Member, joined, ledger_end, orders_made
from desk_process import DeskProcess
from desk_visits import order_status, review, send
from playwright.sync_api import Browser, Page, expect

SYMBOLS = {"tastytrade": "XLF", "tradestation": "SLV"}
LOST = [
    {"name": "lost", "effect": "drop_answer", "method": "POST", "path": "*/orders"},
    {"name": "blind", "effect": "status", "status": 503, "method": "GET", "path": "*/orders*"},
    {"name": "mute", "effect": "drop_order_frames"},
]


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "unanswered")


@pytest.fixture
def page(browser: Browser, member: Member, desk: DeskProcess) -> Iterator[Page]:
    """A tab that may complain of what is away."""
    with member.at(browser) as page:
        yield page
    desk.control("faults", {"clear": True})


@pytest.mark.parametrize("broker", ["tastytrade", "tradestation"])
def test_an_order_without_an_answer_is_checked_and_never_sent_twice(
    broker: str, page: Page, desk: DeskProcess, member: Member
) -> None:
    terms = {"account": member.accounts[broker], "action": "buy_to_open", "quantity": "3", "symbol": SYMBOLS[broker]}
    review(page, desk, **terms, limit_price="5.01")
    send(page)  # a desk that was started anew reads the broker's orders before its first one
    expect(order_status(page)).to_have_text("Working")
    page.get_by_role("button", name="Cancel order").click()
    expect(order_status(page)).to_have_text("Cancelled")
    seen = ledger_end(desk)
    desk.control("faults", {"faults": LOST})
    review(page, desk, **terms, limit_price="5.02")
    address = send(page)
    expect(order_status(page)).to_have_text("Unknown: checking")
    expect(page.get_by_text("never send it again by ourselves")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    the_list_says_so(page, desk, address)
    the_same_again_is_held_back(page, desk, terms)
    page.goto(address)
    page.evaluate("window.untouched = true")
    desk.control("faults", {"clear": True})
    expect(order_status(page)).to_have_text("Working")
    assert page.evaluate("window.untouched === true"), "the page turned without being loaded again"
    assert len(orders_made(desk, seen)) == 1
    page.get_by_role("button", name="Cancel order").click()
    expect(order_status(page)).to_have_text("Cancelled")


def the_list_says_so(page: Page, desk: DeskProcess, address: str) -> None:
    page.goto(f"{desk.url}/orders/")
    row = page.locator(f'tr[data-order="{address.rsplit("/", 1)[1]}"]')
    expect(row).to_contain_text("Unknown: checking")
    expect(row.get_by_role("link", name="Change")).to_have_count(0)


def the_same_again_is_held_back(page: Page, desk: DeskProcess, terms: dict[str, str]) -> None:
    """What most people would try next: known as a twin, or, once the broker was silent too often, not even asked."""
    query = "&".join(f"{name}={value}" for name, value in (terms | {"limit_price": "5.02"}).items())
    page.goto(f"{desk.url}/trade?{query}")
    page.get_by_role("button", name="Review order").click()
    expect(page.get_by_text(re.compile("DUPLICATE_LIKE|Nothing was sent")).first).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
