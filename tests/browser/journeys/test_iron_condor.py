"""An iron condor's whole life at both brokers: made from an empty ticket, sold, watched, closed as one, flat."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from desk_members import Member, held, joined, ledger_end, orders_made
from desk_process import DeskProcess
from desk_visits import new_visitor, order_status, press_review, price_is_there, send
from playwright.sync_api import Browser, BrowserContext, Page, expect
from simulator_server import wait_until

SYMBOLS = {"tastytrade": "IWM", "tradestation": "QQQ"}
TICKS_OF_GRACE = 30
"""How far beyond the natural price the limit is: the market moves on until the order is there."""


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    return joined(desk, "condor")


@pytest.fixture
def context(browser: Browser, member: Member) -> Iterator[BrowserContext]:
    visitor = new_visitor(browser, storage_state=member.state)
    yield visitor
    visitor.close()


@pytest.mark.parametrize("broker", ["tastytrade", "tradestation"])
def test_an_iron_condor_is_sold_from_an_empty_ticket_and_closed_from_its_row(
    broker: str, page: Page, desk: DeskProcess, member: Member
) -> None:
    symbol, account = SYMBOLS[broker], member.accounts[broker]
    seen = ledger_end(desk)
    make_condor(page, desk, account, symbol)
    read_figures(page)
    to_natural(page, "down")
    press_review(page)
    expect(page.locator(".sentence")).to_contain_text(
        re.compile(rf"^Sell 1 {symbol} .* iron condor for a [\d.]+ credit or better")
    )
    expect(page.locator(".review table tbody tr")).to_have_count(4)
    send(page)
    expect(order_status(page)).to_have_text("Filled")
    wait_until(lambda: sorted(held(page, desk, account, symbol).values()) == [-1, -1, 1, 1], 60)
    close_from_row(page, desk, account, symbol)
    wait_until(lambda: held(page, desk, account, symbol) == {}, 60)
    page.goto(f"{desk.url}/portfolio/positions?account={account}")
    expect(page.locator("[data-row]").first).to_be_visible()
    expect(page.get_by_role("button", name=f"Close all of {symbol}")).to_have_count(0)
    made = orders_made(desk, seen)
    assert len(made) == 2, "one order in and one order out"
    assert {entry["account"] for entry in made} == {member.numbers[broker]}


def make_condor(page: Page, desk: DeskProcess, account: str, symbol: str) -> None:
    """From a ticket with nothing in it, by its fields and buttons alone."""
    page.goto(f"{desk.url}/trade?account={account}")
    page.get_by_label("Symbol", exact=True).fill(symbol)
    page.get_by_label("Symbol", exact=True).press("Tab")
    expect(page.locator("#symbol-name")).not_to_be_empty()
    page.get_by_role("button", name="Choose an option").click()
    chooser = page.locator("#option-chooser")
    chooser.locator(".tabs a").nth(8).click()
    expect(chooser.locator(".tabs a").nth(8)).to_have_attribute("aria-current", "page")
    chooser.get_by_label("Strategy").select_option("iron_condor")
    chooser.get_by_label("Delta").fill("0.20")
    chooser.get_by_label("Width").fill("5")
    chooser.get_by_role("button", name="Put into the ticket").click()
    expect(page.locator("#strategy")).to_have_text(re.compile(rf"^{symbol} .* iron condor$"))
    put = page.get_by_role("button", name="Lower strike of leg 2")
    before = page.locator("#strategy").inner_text()
    put.click()
    expect(page.locator("#strategy")).not_to_have_text(before)
    page.get_by_role("button", name="Higher strike of leg 2").click()
    expect(page.locator("#strategy")).to_have_text(before)


def read_figures(page: Page) -> None:
    """What is at stake is said before anything is sent, and it adds up: width less credit."""
    for name in ("#max-profit", "#max-loss"):
        expect(page.locator(name)).to_have_text(re.compile(r"\$"))
    both = """() => ["#max-profit", "#max-loss"].map((name) => document.querySelector(name).textContent)"""
    profit, loss = (money(text) for text in page.evaluate(both))  # they move with the price, so they are read together
    assert profit > 0 > loss
    assert profit - loss == 500
    expect(page.locator("#pop")).to_have_text(re.compile(r"^\s*\d+ %\s*$"))
    price_is_there(page)
    page.get_by_role("button", name="Ask the broker").click()
    expect(page.locator("#dry-run")).to_contain_text("Effect on buying power")


def money(text: str) -> Decimal:
    return Decimal(re.sub(r"[^0-9.−]", "", text).replace("−", "-"))


def to_natural(page: Page, worse: str) -> None:
    page.get_by_role("button", name="Natural").click()
    for _ in range(TICKS_OF_GRACE):
        page.get_by_role("button", name=f"One tick {worse}").click()


def close_from_row(page: Page, desk: DeskProcess, account: str, symbol: str) -> None:
    """The group's own button makes one order of four legs, at the middle; its maker takes the natural price instead."""
    page.goto(f"{desk.url}/portfolio/positions?account={account}")
    expect(page.locator(f"[data-row][data-symbol^='{symbol} ']")).to_have_count(4)
    page.get_by_role("button", name=f"Close all of {symbol} by one order").click()
    expect(page.locator(".sentence")).to_contain_text(re.compile(rf"^Buy 1 {symbol} .* iron condor to close for a "))
    expect(page.locator(".review table tbody tr").filter(has_text="to close")).to_have_count(4)
    page.get_by_role("button", name="Back").click()
    expect(page.locator("#strategy")).to_contain_text("iron condor")
    expect(page.locator("[data-net=natural]")).not_to_have_text("—")
    to_natural(page, "up")
    press_review(page)
    send(page)
    expect(order_status(page)).to_have_text("Filled")
