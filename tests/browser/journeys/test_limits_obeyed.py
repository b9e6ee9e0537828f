"""Limits that a person sets, reads about when an order meets them, and can't get around; receipts; the alerts bell."""

import re
from collections.abc import Iterator

import pytest
from desk_members import Member, joined, ledger_end, orders_made
from desk_process import DeskProcess
from desk_visits import order_status, review, send, sent_to
from page_faults import faults_of
from playwright.sync_api import Browser, Page, expect

SYMBOL, FORBIDDEN = "SOFI", "NKE"


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "careful", "other")


@pytest.fixture
def page(browser: Browser, member: Member) -> Iterator[Page]:
    """A tab that may complain of what the desk refuses."""
    with member.at(browser) as page:
        yield page


@pytest.fixture(params=["tastytrade", "tradestation"])
def account(request: pytest.FixtureRequest, member: Member) -> str:
    return member.accounts[request.param]


def terms(account: str, quantity: int, symbol: str = SYMBOL) -> dict[str, str]:
    return {"account": account, "symbol": symbol, "action": "buy_to_open", "quantity": str(quantity),
            "order_type": "limit", "limit_price": "3.00"}  # fmt: skip


def set_limits(page: Page, desk: DeskProcess, account: str, **limits: str) -> None:
    page.goto(f"{desk.url}/settings/limits?account={account}")
    for label, value in limits.items():
        page.get_by_label(label.replace("_", " ")).fill(value)
    with page.expect_navigation():
        page.get_by_role("button", name="Keep these limits").click()


def test_a_lowered_limit_asks_first_and_then_forbids(page: Page, desk: DeskProcess, account: str) -> None:
    set_limits(page, desk, account, Shares_per_order="5")
    expect(page.get_by_text("They hold from the next order on")).to_be_visible()
    expect(page.get_by_label("Shares per order")).to_have_value("5")
    seen = ledger_end(desk)
    review(page, desk, **terms(account, 51))
    expect(page.get_by_text("This order can't be sent")).to_be_visible()
    expect(page.locator(".review")).to_contain_text("ORDER_QTY")
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    review(page, desk, **terms(account, 6))
    box = page.locator("[name=confirmed][value=ORDER_QTY]")
    expect(box).to_have_count(1)
    expect(page.locator("fieldset.confirm")).to_contain_text("ORDER_QTY")
    page.get_by_role("button", name="Send SIM order").click()
    assert box.evaluate("(one) => one.validity.valueMissing"), "unticked it is not sent"
    expect(page.locator(".sentence")).to_be_visible()
    assert not orders_made(desk, seen)
    send(page)
    expect(order_status(page)).to_have_text("Working")
    assert len(orders_made(desk, seen)) == 1
    page.get_by_role("button", name="Cancel order").click()
    expect(order_status(page)).to_have_text("Cancelled")
    read_receipt(page)


def read_receipt(page: Page) -> None:
    """Every step of the order, each as it was recorded, with what was confirmed."""
    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", name=re.compile(f"^Receipt: Buy 6 {SYMBOL} at 3.00"))).to_be_visible()
    expect(page.get_by_text("Record whole")).to_be_visible()
    steps = page.locator(".receipt-steps > li")
    assert steps.count() >= 3
    expect(steps.filter(has_text="as recorded")).to_have_count(steps.count())
    expect(page.get_by_text("ORDER_QTY").first).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    steps.first.locator("summary").click()
    expect(steps.first.locator("pre")).to_be_visible()


def test_what_was_forbidden_between_review_and_sending_is_denied_in_words(
    page: Page, desk: DeskProcess, account: str
) -> None:
    """The order is reviewed in one tab; in another its symbol is put on the list of what is not traded."""
    seen = ledger_end(desk)
    review(page, desk, **terms(account, 4, FORBIDDEN))
    other = page.context.new_page()
    set_limits(other, desk, account, Symbols_that_are_not_traded=FORBIDDEN)
    expect(other.get_by_text("They hold from the next order on")).to_be_visible()
    assert sent_to(page) == "ticket"
    expect(page.get_by_role("heading", name="Trade", exact=True)).to_be_visible()
    expect(page.locator("#ticket-figures dl").first).to_be_visible()  # the page has come to rest
    expect(page.locator("#ticket")).to_contain_text("NOT_ALLOWED")
    expect(page.get_by_label("Quantity")).to_have_value("4")
    page.goto(f"{desk.url}/orders/?tab=today&account={account}")
    row = page.locator("tr[data-order]").filter(has_text=f"Buy 4 {FORBIDDEN}")
    expect(row).to_contain_text("Not allowed")
    row.get_by_role("link", name=f"Buy 4 {FORBIDDEN}").click()
    expect(order_status(page)).to_have_text("Not allowed")
    expect(page.locator("#order")).to_contain_text("Nothing was sent")
    expect(page.locator("#order")).to_contain_text("NOT_ALLOWED")
    assert not orders_made(desk, seen)


def test_nobody_widens_their_own_limits(page: Page, desk: DeskProcess, member: Member) -> None:
    """Not even back to what held before: what is made tighter in a calm hour holds in a hot one."""
    account = member.accounts["tastytrade"]
    set_limits(page, desk, account, Option_contracts_per_order="3")
    for wider in ("4", "100000", ""):
        set_limits(page, desk, account, Option_contracts_per_order=wider)
        expect(page.locator(".errorlist")).to_contain_text("tighter here, not wider")
        page.goto(f"{desk.url}/settings/limits?account={account}")
        expect(page.get_by_label("Option contracts per order")).to_have_value("3")


def test_a_program_that_repeats_itself_rings_the_bell(page: Page, desk: DeskProcess, member: Member) -> None:
    page.goto(f"{desk.url}/orders/")
    bell = page.get_by_role("link", name=re.compile("^Alerts"))
    expect(bell).to_have_accessible_name("Alerts")
    send_with_one_key(page, desk, member.accounts["tastytrade"])
    for _ in range(120):
        page.reload()
        if "new" in str(bell.get_attribute("aria-label")):
            break
        page.wait_for_timeout(500)
    expect(bell).to_have_accessible_name("Alerts: 1 new")
    bell.click()
    alert = page.locator("section").filter(has_text="Requests repeated or refused again and again")
    expect(alert).to_contain_text("New")
    assert faults_of(page) == []
    alert.get_by_role("button", name="Close the alert").click()
    expect(page.get_by_text(re.compile("^Closed: requests repeated"))).to_be_visible()
    expect(page.get_by_role("link", name="Alerts", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Closed")).to_be_visible()


def send_with_one_key(page: Page, desk: DeskProcess, account: str) -> None:
    """A program that uses one idempotency key for different orders: only the first is one."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies(desk.url)}
    headers = {"X-CSRFToken": cookies["csrftoken"], "Origin": desk.url, "Idempotency-Key": "always-the-same"}
    seen, statuses = ledger_end(desk), []
    for price in ("2.01", "2.02", "2.03", "2.04", "2.05", "2.06"):
        leg = {"symbol": SYMBOL, "action": "buy_to_open", "quantity": "1"}
        body = {"account": account, "legs": [leg], "order_type": "limit", "time_in_force": "day", "limit_price": price}
        statuses.append(page.request.post(f"{desk.url}/api/v1/orders", data=body, headers=headers).status)
    assert statuses[1:] == [422] * 5
    assert len(orders_made(desk, seen)) == 1
