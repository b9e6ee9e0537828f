"""Both brokers connected in one sitting: two portfolios that move, and an order at each."""

from pathlib import Path
from typing import Any

from desk_process import DeskProcess
from desk_visits import connect, expect_badge, order_status, review, send, sign_up, take
from playwright.sync_api import Page, expect

TITLES = {"tastytrade": "tastytrade SIM", "tradestation": "TradeStation SIM"}


def asked(page: Page, desk: DeskProcess, path: str) -> list[dict[str, Any]]:
    """A listing of the API, by this person's browser."""
    found: list[dict[str, Any]] = page.request.get(f"{desk.url}/api/v1/{path}").json()["results"]
    return found


def test_both_brokers_are_connected_shown_and_traded_at_in_one_sitting(
    page: Page, desk: DeskProcess, shots: Path
) -> None:
    sign_up(page, desk, "twofold")
    for title in TITLES.values():
        connect(page, desk, at=title)
    expect(page.get_by_text("Connected", exact=True)).to_have_count(2)
    take(page, shots, "7-two-brokers.png")
    both_portfolios_move(page, desk)
    take(page, shots, "8-two-portfolios.png")
    sent = {account["broker"]: place_and_see_it_filled(page, desk, account) for account in margin_accounts(page, desk)}
    page.goto(f"{desk.url}/orders/?tab=today")
    for broker, order in sent.items():
        row = page.locator(f'tr[data-order="{order}"]')
        expect(row).to_contain_text(f"· {TITLES[broker].removesuffix(' SIM')}")
        expect(row).to_contain_text("Filled")


def both_portfolios_move(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/portfolio/positions?account=all")
    expect_badge(page, "live")
    marks = [
        page.locator(f'[data-row][data-connection="{row["id"]}"][data-symbol="SPY"] [data-figure="mark"]').first
        for row in asked(page, desk, "connections")
    ]
    assert len(marks) == 2
    for mark in marks:
        expect(mark).not_to_have_text("—")
    for mark, before in [(mark, mark.inner_text()) for mark in marks]:
        expect(mark).not_to_have_text(before)


def margin_accounts(page: Page, desk: DeskProcess) -> list[dict[str, Any]]:
    """The first margin account at each broker."""
    found = {row["broker"]: row for row in reversed(asked(page, desk, "accounts")) if row["kind"] == "margin"}
    assert found.keys() == TITLES.keys()
    return list(found.values())


def place_and_see_it_filled(page: Page, desk: DeskProcess, account: dict[str, Any]) -> str:
    """The order's number."""
    review(page, desk, account=account["id"], symbol="PFE", action="buy_to_open", quantity="1", order_type="market")
    expect(page.locator("main")).to_contain_text(TITLES[account["broker"]])
    order = send(page).rsplit("/", 1)[1]
    expect(order_status(page)).to_have_text("Filled")
    expect(page.locator("#order")).to_contain_text(TITLES[account["broker"]])
    return order
