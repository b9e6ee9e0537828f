"""People who come for the first time: one who says no at the broker, two who must not see each other's."""

from collections.abc import Iterator

import pytest
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import connect, go_to_the_broker, new_visitor, order_status, review, send, sign_up
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def first(browser: Browser) -> Iterator[Page]:
    context = new_visitor(browser)
    yield context.new_page()
    context.close()


@pytest.fixture
def second(browser: Browser) -> Iterator[Page]:
    context = new_visitor(browser)
    yield context.new_page()
    context.close()


def asked(page: Page, desk: DeskProcess, path: str) -> int:
    """The status of the answer to this person's browser."""
    return page.request.get(f"{desk.url}{path}").status


def test_who_says_no_at_the_broker_reads_so_and_nothing_is_kept(desk: DeskProcess, first: Page) -> None:
    sign_up(first, desk, "cautious")
    go_to_the_broker(first, desk)
    asked_before = len(desk.control("ledger")["entries"])
    first.get_by_role("button", name="Deny").click()
    expect(first.get_by_role("heading", name="You said no")).to_be_visible()
    expect(first.get_by_text("nothing was connected")).to_be_visible()
    assert len(desk.control("ledger")["entries"]) == asked_before, "no code, so the broker was not asked for a token"
    assert first.request.get(f"{desk.url}/api/v1/connections").json()["results"] == []
    first.get_by_role("link", name="Try again").click()
    expect(first.get_by_role("heading", name="Connect a broker")).to_be_visible()
    first.goto(f"{desk.url}/connections/")
    expect(first.get_by_text("Nothing is connected yet")).to_be_visible()


def test_two_people_side_by_side_see_only_their_own(desk: DeskProcess, demo: Member, first: Page, second: Page) -> None:
    first.context.add_cookies(demo.cookies)
    first.goto(f"{desk.url}/portfolio/")
    sign_up(second, desk, "neighbour")
    connect(second, desk, "other")
    second.goto(f"{desk.url}/connections/")
    expect(second.get_by_text("5WT00001")).to_have_count(0)
    review(second, desk, symbol="KO", action="buy_to_open", quantity="3", order_type="market")
    order = send(second).removeprefix(desk.url)
    expect(order_status(second)).to_have_text("Filled")
    theirs = first.locator("#account-switcher option").first.get_attribute("value")
    for path in (f"/portfolio/?account={theirs}", f"/trade?account={theirs}", f"/orders/?account={theirs}"):
        assert (asked(first, desk, path), asked(second, desk, path)) == (200, 404)
    assert (asked(first, desk, order), asked(second, desk, order)) == (404, 200)
    review(first, desk, symbol="T", action="buy_to_open", quantity="1", order_type="market")
    own = send(first).removeprefix(desk.url)
    expect(order_status(first)).to_have_text("Filled")
    assert (orders_of_today(first, desk) & {own, order}, orders_of_today(second, desk) & {own, order}) == (
        {own},
        {order},
    )


def orders_of_today(page: Page, desk: DeskProcess) -> set[str]:
    """The addresses of the orders that this person sees."""
    page.goto(f"{desk.url}/orders/?tab=today")
    expect(page.locator("tr[data-order]")).not_to_have_count(0)
    numbers: list[str] = page.locator("tr[data-order]").evaluate_all("rows => rows.map((row) => row.dataset.order)")
    return {f"/orders/{number}" for number in numbers}
