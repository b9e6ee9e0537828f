"""The ticket in use: an option from the chain, a price that starts at the middle, a holding to close, the way back."""

import re
from decimal import Decimal

import pytest
from desk_process import DeskProcess
from desk_visits import order_status, press_review, review, send
from playwright.sync_api import Page, expect


def typed_price(page: Page) -> Decimal:
    field = page.get_by_label("Limit price")
    expect(field).not_to_have_value("")
    return Decimal(field.input_value())


def test_an_option_is_bought_through_the_chain(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/trade?symbol=SPY")
    trader.get_by_role("button", name="Choose an option").click()
    chooser = trader.locator("#option-chooser")
    third = chooser.locator(".tabs a").nth(2)
    expiry = third.inner_text().split(" · ")[0]
    third.click()
    expect(chooser.locator(".tabs a").nth(2)).to_have_attribute("aria-current", "page")
    row = chooser.locator("tr.at-the-money")
    expect(row).to_be_in_viewport()
    expect(row.locator("td").first).not_to_have_text("—")
    strike = row.locator("th").inner_text().removesuffix(".00")
    row.get_by_role("link", name=re.compile(rf"^SPY .* {re.escape(strike)} P$")).click()
    expect(trader.locator("#symbol-name")).to_have_text(f"SPY {expiry} {strike} P")
    expect(chooser).to_be_hidden()
    trader.get_by_label("Quantity").fill("1")
    trader.get_by_role("button", name="Ask", exact=True).click()
    for _ in range(20):  # the market moves on until the order is there
        trader.get_by_role("button", name="One tick up").click()
    press_review(trader)
    expect(trader.locator(".sentence")).to_contain_text(f"Buy 1 SPY {expiry} {strike} P to open at ")
    send(trader)
    expect(order_status(trader)).to_have_text("Filled")
    trader.get_by_role("link", name="See the position").click()
    held = trader.locator("tr[data-row]").filter(has_text=f"SPY {expiry} {strike} P")
    expect(held).to_contain_text("+1")


def test_the_price_starts_at_the_middle_on_the_grid(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/trade?symbol=F")
    price = typed_price(trader)
    assert price == price.quantize(Decimal("0.01"))
    expect(trader.locator("#net-quote [data-net=ask]")).not_to_have_text("—")
    for _ in range(200):  # bid, ask and middle move together, so they are read together
        bid, middle, ask = trader.evaluate(
            """() => [...document.querySelectorAll("#net-quote dd")].slice(0, 3).map((one) => one.textContent.trim())"""
        )
        assert "—" not in (bid, middle, ask)
        assert Decimal(middle) == (Decimal(bid) + Decimal(ask)) / 2
        if len(middle.split(".")[1]) == 3:
            break
        trader.wait_for_timeout(250)
    else:
        pytest.fail("the middle of 10.88 and 10.89 was never shown as 10.885")
    trader.get_by_label("Limit price").fill("3.21")
    trader.wait_for_timeout(600)
    assert typed_price(trader) == Decimal("3.21"), "what was typed stays"
    trader.get_by_label("Symbol", exact=True).fill("KO")
    trader.get_by_label("Symbol", exact=True).blur()
    expect(trader.get_by_label("Limit price")).not_to_have_value("3.21")
    assert typed_price(trader) > 50, "a price belongs to its symbol"


def test_close_opens_a_ticket_that_is_ready_to_review(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/portfolio/positions")
    row = trader.locator('tr[data-symbol^="SPY "]').last
    quantity = re.sub("[^0-9]", "", row.locator("[data-label=Quantity]").inner_text())
    row.get_by_role("link", name="Close").click()
    expect(trader.get_by_label("Action")).to_have_value(re.compile("_to_close$"))
    expect(trader.get_by_label("Quantity")).to_have_value(quantity)
    assert typed_price(trader) > 0
    press_review(trader)
    expect(trader.locator(".sentence")).to_contain_text("to close")


def test_a_market_that_moved_is_shown_once_more_before_anything_is_sent(trader: Page, desk: DeskProcess) -> None:
    review(trader, desk, symbol="WMT", action="buy_to_open", quantity="1", limit_price="50.00")
    shown = trader.locator("#send [name=preview]").input_value()
    desk.control("prices", {"symbol": "WMT", "price": "75.00"})
    expect(trader.locator(".review [data-field=bid]")).to_have_text(re.compile("^7[3-6]"))
    trader.get_by_role("button", name="Send SIM order").click()
    expect(trader.get_by_role("alert").filter(has_text="Nothing was sent: look again")).to_be_visible()
    assert trader.locator("#send [name=preview]").input_value() != shown
    desk.control("prices", {"symbol": "WMT", "price": "95.00"})
    send(trader)
    expect(order_status(trader)).to_have_text("Working")
    trader.get_by_role("button", name="Cancel order").click()
    expect(order_status(trader)).to_have_text("Cancelled")


def test_back_and_reload_after_sending_send_nothing_more(trader: Page, desk: DeskProcess) -> None:
    review(trader, desk, symbol="F", action="buy_to_open", quantity="6", limit_price="4.44")
    order = send(trader)
    trader.reload()
    expect(order_status(trader)).to_have_text("Working")
    trader.go_back()
    expect(trader.get_by_label("Quantity")).to_have_value("6")
    trader.reload()
    expect(trader.get_by_label("Limit price")).to_have_value("4.44")
    trader.go_forward()
    expect(trader).to_have_url(order)
    trader.goto(f"{desk.url}/orders/")
    expect(trader.get_by_role("link", name="Buy 6 F at 4.44 or better", exact=True)).to_have_count(1)
    with trader.expect_navigation():
        trader.get_by_role("button", name="Cancel: Buy 6 F at 4.44").click()
    trader.goto(order)
    expect(order_status(trader)).to_have_text("Cancelled")
