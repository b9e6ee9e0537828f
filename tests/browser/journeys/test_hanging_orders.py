"""Orders that hang together, at both brokers, from an empty ticket until nothing is held: bracket, OTO, OCO."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from desk_members import Member, held, joined, ledger_end, orders_made
from desk_process import DeskProcess
from desk_visits import new_visitor, order_status, press_review, price_is_there, send
from playwright.sync_api import Browser, BrowserContext, Page, expect
from simulator_server import wait_until

BROKERS = ["tastytrade", "tradestation"]
SYMBOLS = {
    ("bracket", "tastytrade"): "BAC",
    ("bracket", "tradestation"): "PFE",
    ("oto", "tastytrade"): "XOM",
    ("oto", "tradestation"): "INTC",
    ("oco", "tastytrade"): "CSCO",
    ("oco", "tradestation"): "NKE",
}
SHARES = Decimal(7)


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "hanging")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state)
    yield visitor
    visitor.close()


def at_the_market(page: Page, desk: DeskProcess, account: str, symbol: str, action: str = "buy_to_open") -> Decimal:
    """A ticket with shares that fill at once; its price."""
    page.goto(f"{desk.url}/trade?account={account}")
    page.get_by_label("Symbol", exact=True).fill(symbol)
    page.get_by_label("Symbol", exact=True).press("Tab")
    expect(page.locator("#net-quote [data-net=ask]")).not_to_have_text("—")
    page.get_by_label("Action").select_option(action)
    page.get_by_label("Quantity").fill(str(SHARES))
    price_is_there(page)
    ask = Decimal(page.locator("#net-quote [data-net=ask]").inner_text().replace(",", ""))
    price = (ask * Decimal("1.01")).quantize(Decimal("0.01"))
    page.get_by_label("Limit price", exact=True).fill(str(price))
    return price


def attach(page: Page, kind: str, **prices: Decimal) -> None:
    """Only the fields of this kind are there to be filled in."""
    page.get_by_text("Attach a profit and a stop").click()
    page.get_by_label("Attach", exact=True).select_option(kind)
    labels = {"profit": "Profit at", "stop": "Stop at", "opens_at": "Opens at"}
    shown = {name for name, label in labels.items() if page.get_by_label(label, exact=True).is_visible()}
    assert shown == {"bracket": {"profit", "stop"}, "oto": {"profit", "stop"}, "oco": {"stop"}}[kind]
    for name, price in prices.items():
        page.get_by_label(labels[name], exact=True).fill(str(price.quantize(Decimal("0.01"))))


def moved_to(desk: DeskProcess, symbol: str, price: Decimal) -> None:
    desk.control("prices", {"symbol": symbol, "price": str(price.quantize(Decimal("0.01")))})


def nothing_is_held(page: Page, desk: DeskProcess, account: str, symbol: str) -> None:
    wait_until(lambda: held(page, desk, account, symbol) == {}, 60)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_bracket_takes_its_profit_and_the_stop_goes(
    broker: str, page: Page, desk: DeskProcess, member: Member
) -> None:
    symbol, account, seen = SYMBOLS["bracket", broker], member.accounts[broker], ledger_end(desk)
    price = at_the_market(page, desk, account, symbol)
    attach(page, "bracket", profit=price * Decimal("1.2"), stop=price * Decimal("0.8"))
    press_review(page)
    expect(page.locator(".group-orders li")).to_have_count(3)
    order = send(page)
    expect(order_status(page)).to_have_text("Filled")
    wait_until(lambda: held(page, desk, account, symbol) == {symbol: SHARES}, 60)
    moved_to(desk, symbol, price * Decimal("1.3"))
    page.goto(order)
    members = page.locator("[data-key=group] li .badge")
    expect(members).to_have_text(["Filled", "Filled", "Cancelled"])
    nothing_is_held(page, desk, account, symbol)
    assert len(orders_made(desk, seen)) == 1, "one request for all three"


@pytest.mark.nightly
@pytest.mark.parametrize("broker", BROKERS)
def test_what_waits_for_an_order_goes_to_work_when_that_has_filled(
    broker: str, page: Page, desk: DeskProcess, member: Member
) -> None:
    symbol, account = SYMBOLS["oto", broker], member.accounts[broker]
    price = at_the_market(page, desk, account, symbol)
    attach(page, "oto", stop=price * Decimal("0.9"))
    press_review(page)
    send(page)
    expect(order_status(page)).to_have_text("Filled")
    page.get_by_role("link", name=f"Sell {SHARES} {symbol}").click()
    expect(order_status(page)).to_have_text("Working")
    moved_to(desk, symbol, price * Decimal("0.85"))
    expect(order_status(page)).to_have_text("Filled")
    nothing_is_held(page, desk, account, symbol)


@pytest.mark.nightly
@pytest.mark.parametrize("broker", BROKERS)
def test_of_a_limit_and_a_stop_for_the_same_shares_one_fills_and_the_other_goes(
    broker: str, page: Page, desk: DeskProcess, member: Member
) -> None:
    symbol, account = SYMBOLS["oco", broker], member.accounts[broker]
    price = at_the_market(page, desk, account, symbol)
    press_review(page)
    send(page)
    expect(order_status(page)).to_have_text("Filled")
    wait_until(lambda: held(page, desk, account, symbol) == {symbol: SHARES}, 60)
    at_the_market(page, desk, account, symbol, "sell_to_close")
    page.get_by_label("Limit price", exact=True).fill(str((price * Decimal("1.2")).quantize(Decimal("0.01"))))
    attach(page, "oco", stop=price * Decimal("0.9"))
    press_review(page)
    send(page)
    expect(order_status(page)).to_have_text("Working")
    moved_to(desk, symbol, price * Decimal("0.85"))
    expect(order_status(page)).to_have_text("Cancelled")
    nothing_is_held(page, desk, account, symbol)
