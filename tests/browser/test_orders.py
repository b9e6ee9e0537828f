"""Orders in a real browser, at both brokers: new terms, cancel all, closing a holding, brackets, deciding in doubt."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_members import Member, joined
from desk_process import DeskProcess
from desk_visits import confirm_all, new_visitor, order_status, review, send, take
from page_faults import faults_of
from playwright.sync_api import Browser, BrowserContext, Page, expect

PHONE = {"width": 360, "height": 780}
WIDE = {"width": 1440, "height": 900}
LOST = {"effect": "drop_answer", "method": "POST", "path": "*/orders", "times": 1}
UNLISTED = {"effect": "status", "status": 503, "method": "GET", "path": "*/orders*"}


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "orderly")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state, viewport=WIDE)
    yield visitor
    visitor.close()


@pytest.fixture(params=[pytest.param("tastytrade", marks=pytest.mark.nightly), "tradestation"])
def account(request: pytest.FixtureRequest, member: Member) -> str:
    return member.accounts[request.param]


def rest(page: Page, desk: DeskProcess, account: str, price: str = "5.00", symbol: str = "F") -> str:
    """An order far below the market: its page."""
    terms = {"action": "buy_to_open", "quantity": "1", "order_type": "limit", "limit_price": price}
    review(page, desk, account=account, symbol=symbol, **terms)
    return send(page)


def row_of(page: Page, address: str) -> Any:
    return page.locator(f'tr[data-order="{address.rsplit("/", 1)[1]}"]')


def shoot(page: Page, shots: Path | None, name: str) -> None:
    """The same page wide and on a phone, dark and light, for people who asked to look at it."""
    if shots is None:
        return
    for scheme in ("dark", "light"):
        for size, viewport in (("wide", WIDE), ("phone", PHONE)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            take(page, shots, f"orders-{name}-{scheme}-{size}.png")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")


def faults_on_a_phone(page: Page) -> list[str]:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    found = faults_of(page)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return found


def test_terms_are_changed_in_the_list_by_keyboard(
    page: Page, desk: DeskProcess, account: str, shots: Path | None
) -> None:
    address = rest(page, desk, account)
    expect(order_status(page)).to_have_text("Working")
    page.goto(f"{desk.url}/orders/?account={account}")
    row = row_of(page, address)
    expect(row.locator("[data-live=distance]")).not_to_have_text("—")
    row.get_by_role("link", name="Change").focus()
    page.keyboard.press("Enter")
    field = page.locator(".change-row").get_by_label("Limit price", exact=True)
    expect(field).to_be_focused()
    page.get_by_role("button", name="Limit price one tick up").click()
    expect(field).to_have_value("5.01")
    shoot(page, shots, "change-in-list")
    page.keyboard.press("Escape")
    expect(page.locator(".change-row")).to_have_count(0)
    expect(row.get_by_role("link", name="Change")).to_be_focused()
    page.keyboard.press("Enter")
    field.fill("5.25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Review the change")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("5.25")
    expect(page.get_by_role("button", name="Back")).to_be_focused()
    shoot(page, shots, "change-review")
    send(page, "Replace")
    expect(page.get_by_role("heading", name="Changes")).to_be_visible()
    page.goto(f"{desk.url}/orders/?account={account}")
    working = page.locator("tr[data-order]").filter(has_text="5.25")
    expect(working).to_have_count(1)
    expect(page.locator("tr[data-order]").filter(has_text="at 5.00")).to_have_count(0)
    cancel_everything(page, desk, account)


def cancel_everything(page: Page, desk: DeskProcess, account: str, *, may_fill: bool = False) -> None:
    """What is near the market may have filled before its cancel is there."""
    page.goto(f"{desk.url}/orders/cancelling?account={account}")
    page.get_by_role("button", name=re.compile("^Cancel (these|this|whatever)")).click()
    expect(page.locator("#run-waiting")).to_have_text("0")
    if not may_fill:
        expect(page.locator("#run-could-not")).to_have_text("0")
        expect(page.locator("#run-refused")).to_have_text("0")


def nothing_works(page: Page, desk: DeskProcess, account: str) -> None:
    """Others trade in the same simulated account: what they left working is none of this test's."""
    page.goto(f"{desk.url}/orders/?account={account}")
    if page.locator("tr[data-order]").count():
        cancel_everything(page, desk, account)


def test_all_orders_of_an_account_are_cancelled_and_told_one_by_one(
    page: Page, desk: DeskProcess, account: str, shots: Path
) -> None:
    nothing_works(page, desk, account)
    for price in ("5.10", "5.20"):
        rest(page, desk, account, price)
    page.goto(f"{desk.url}/orders/?account={account}")
    page.get_by_role("link", name="Cancel all…").click()
    expect(page.get_by_role("heading", name=re.compile("^2 working orders"))).to_be_visible()
    shoot(page, shots, "cancel-all")
    page.get_by_role("button", name="Cancel these 2 orders").click()
    expect(page.locator("#run-asked")).to_have_text("2")
    expect(page.locator("#run-confirmed")).to_have_text("2")
    expect(page.get_by_role("heading", name="Over")).to_be_visible()
    shoot(page, shots, "cancel-run")
    assert faults_on_a_phone(page) == []


@pytest.mark.nightly
def test_one_order_is_cancelled_from_the_list(page: Page, desk: DeskProcess, account: str) -> None:
    address = rest(page, desk, account)
    page.goto(f"{desk.url}/orders/?account={account}")
    row = row_of(page, address)
    row.get_by_role("button", name="Cancel").click()
    expect(page).to_have_url(re.compile(r"/orders/\?tab=working&account="))
    expect(row_of(page, address)).to_have_count(0)


def test_a_bracket_goes_from_the_ticket_to_one_request(
    page: Page, desk: DeskProcess, account: str, shots: Path
) -> None:
    terms = "action=buy_to_open&quantity=1&order_type=limit&limit_price=5.00"
    page.goto(f"{desk.url}/trade?account={account}&symbol=F&{terms}")
    page.get_by_text("Attach a profit and a stop").click()
    page.get_by_label("Attach", exact=True).select_option("bracket")
    page.get_by_label("Profit at", exact=True).fill("9.00")
    page.get_by_label("Stop at", exact=True).fill("4.00")
    shoot(page, shots, "bracket-ticket")
    assert faults_on_a_phone(page) == []
    page.get_by_label("Stop at", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Review orders: bracket")).to_be_visible()
    expect(page.locator(".group-orders li")).to_have_count(3)
    shoot(page, shots, "bracket-review")
    assert faults_on_a_phone(page) == []
    expect(page.get_by_role("button", name="Send 3 SIM orders")).to_be_visible()
    send(page)
    expect(page.get_by_role("heading", name="Bracket: sent as one")).to_be_visible()
    page.goto(f"{desk.url}/orders/?account={account}")
    bundle = page.locator("tbody.bundle").filter(has_text="3 orders sent as one")
    expect(bundle.locator("tr[data-order]")).to_have_count(3)
    shoot(page, shots, "list")
    assert faults_on_a_phone(page) == []
    cancel_everything(page, desk, account)


def holdings(page: Page, desk: DeskProcess, account: str, *, options: bool) -> Any:
    """A holding's row: an option's, or that of shares which cover no option."""
    page.goto(f"{desk.url}/portfolio/positions?account={account}")
    rows = page.locator("[data-row]:has(.row-menu)")
    expect(rows.first).to_be_visible()
    held: list[str] = rows.evaluate_all("rows => rows.map((row) => row.dataset.symbol)")
    roots = {symbol.split(" ")[0] for symbol in held if " " in symbol}
    wanted = [one for one in held if (" " in one if options else one.isalpha() and one not in roots)]
    return page.locator(f'[data-row][data-symbol="{wanted[0]}"]')


def test_a_holding_is_closed_at_the_middle_of_the_market(
    page: Page, desk: DeskProcess, account: str, shots: Path
) -> None:
    row = holdings(page, desk, account, options=False)
    row.locator(".row-menu summary").focus()
    page.keyboard.press("Enter")
    shoot(page, shots, "row-menu")
    row.get_by_role("button", name="Close at mid").click()
    expect(page.locator(".sentence")).to_contain_text(
        re.compile(r"^(Sell|Buy) .* at [\d,.]+ or better, good for today")
    )
    send(page)
    expect(order_status(page)).to_have_text(re.compile("Working|Filled|Partly filled|Accepted"))
    cancel_everything(page, desk, account, may_fill=True)


@pytest.mark.nightly
def test_an_option_is_rolled_as_one_order_of_two_legs(page: Page, desk: DeskProcess, account: str) -> None:
    row = holdings(page, desk, account, options=True)
    for name, words in (("Roll out", "to close"), ("Roll up", "to close"), ("Roll down", "to close")):
        row = holdings(page, desk, account, options=True)
        row.locator(".row-menu summary").click()
        row.get_by_role("button", name=name).click()
        expect(page.locator(".sentence")).to_contain_text(words)
        expect(page.locator(".sentence")).to_contain_text("to open")
        expect(page.locator(".review table tbody tr")).to_have_count(2)


@pytest.mark.nightly
def test_a_holding_is_turned_around_by_two_orders(page: Page, desk: DeskProcess, account: str) -> None:
    row = holdings(page, desk, account, options=False)
    row.locator(".row-menu summary").click()
    row.get_by_role("button", name="Reverse").click()
    expect(page.get_by_role("heading", name="Review orders: one, then the other")).to_be_visible()
    expect(page.locator(".group-orders li")).to_have_count(2)
    expect(page.locator(".sentence").first).to_contain_text(re.compile("^(Sell|Buy)"))


@pytest.mark.nightly
def test_an_order_in_doubt_is_decided_by_its_person(
    browser: Browser, page: Page, desk: DeskProcess, member: Member, shots: Path
) -> None:
    """Somebody else with the same account sends the very same order; the answer to ours is lost."""
    other = joined(desk, "somebody")
    visitor = new_visitor(browser, storage_state=other.state)
    elsewhere = visitor.new_page()
    account = {one: accounts["tradestation"] for one, accounts in (("a", member.accounts), ("b", other.accounts))}
    terms = {"symbol": "F", "action": "buy_to_open", "quantity": "1", "order_type": "limit", "limit_price": "4.44"}
    for one, mine in ((page, account["a"]), (elsewhere, account["b"])):  # each account's first order is compared
        rest(one, desk, mine, "4.40")
        cancel_everything(one, desk, mine)
    review(elsewhere, desk, account=account["b"], **terms)
    review(page, desk, account=account["a"], **terms)
    for one in (elsewhere, page):
        confirm_all(one)
    desk.control("faults", {"faults": [LOST, UNLISTED]})
    send(page)
    send(elsewhere)
    desk.control("faults", {"clear": True})
    visitor.close()
    expect(order_status(page)).to_have_text("Needs your decision")
    page.get_by_role("link", name="Decide which order it is").click()
    expect(page.locator(".choice")).to_have_count(4)
    shoot(page, shots, "decision")
    assert faults_on_a_phone(page) == []
    page.goto(f"{desk.url}/orders/")
    expect(page.get_by_role("alert")).to_contain_text("needs your decision")
    page.get_by_role("link", name=re.compile("^Decide")).click()
    page.get_by_label("This one is it").last.check()
    page.get_by_role("button", name="That is so").click()
    expect(order_status(page)).to_have_text("Working")
    cancel_everything(page, desk, account["a"])


@pytest.mark.nightly
def test_terms_are_changed_and_all_is_cancelled_without_a_script(
    browser: Browser, page: Page, desk: DeskProcess, member: Member, account: str
) -> None:
    address = rest(page, desk, account)
    visitor = new_visitor(browser, storage_state=member.state, java_script_enabled=False, viewport=PHONE)
    plain = visitor.new_page()
    plain.goto(f"{desk.url}/orders/?account={account}")
    row_of(plain, address).get_by_role("link", name="Change").click()
    plain.get_by_role("button", name="Limit price one tick down").click()
    expect(plain.get_by_label("Limit price", exact=True)).to_have_value("4.99")
    plain.get_by_role("button", name="Review the change").click()
    plain.get_by_role("button", name="Back").click()
    expect(plain.get_by_label("Limit price", exact=True)).to_have_value("4.99")
    plain.get_by_role("button", name="Review the change").click()
    send(plain, "Replace")
    expect(plain.get_by_role("heading", name="Changes")).to_be_visible()
    plain.goto(f"{desk.url}/orders/cancelling?account={account}")
    plain.get_by_role("button", name=re.compile("^Cancel (this|these)")).click()
    expect(plain.locator("#run-asked")).to_have_text(re.compile("^[1-9]"))
    visitor.close()
