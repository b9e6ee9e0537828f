"""The ticket's slider and the price that follows the middle; the chooser that keeps what was wished for."""

from decimal import Decimal

from desk_process import DeskProcess
from desk_visits import price_is_there
from playwright.sync_api import Page, expect

SLIDE = """end => {
  const slider = document.getElementById("price-slider");
  slider.value = slider[end];
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  const net = (name) => document.querySelector(`[data-net=${name}]`).textContent.trim();
  return [document.querySelector("[name=limit_price]").value, net("bid"), net("ask")];
}"""
"""In one go: the market moves on between two looks."""
LIMIT_AND_MID = """() => [
  document.querySelector("[name=limit_price]").value, document.querySelector("[data-net=mid]").textContent.trim(),
]"""
CENT = Decimal("0.01")


def a_ticket(page: Page, desk: DeskProcess, symbol: str) -> None:
    page.goto(f"{desk.url}/trade?symbol={symbol}&quantity=1")
    price_is_there(page)
    expect(page.locator("#price-slider")).to_be_enabled()


def test_the_slider_goes_from_bid_to_ask_by_keys_too(trader: Page, desk: DeskProcess) -> None:
    a_ticket(trader, desk, "SPY")
    limit, bid, _ = trader.evaluate(SLIDE, "min")
    assert Decimal(limit) == Decimal(bid)
    limit, _, ask = trader.evaluate(SLIDE, "max")
    assert Decimal(limit) == Decimal(ask)
    slider = trader.locator("#price-slider")
    slider.focus()
    slider.press("Home")
    at_the_end = trader.locator("[name=limit_price]").input_value()
    slider.press("ArrowRight")
    expect(trader.locator("[name=limit_price]")).not_to_have_value(at_the_end)


def test_a_price_follows_the_middle_until_one_is_typed(trader: Page, desk: DeskProcess) -> None:
    a_ticket(trader, desk, "SPY")
    limit, mid = trader.locator("[name=limit_price]"), trader.locator("[data-net=mid]")
    locked = limit.input_value()
    expect(mid).not_to_have_text(mid.inner_text())
    expect(limit).to_have_value(locked)
    trader.get_by_label("Follow the mid").check()
    for _ in range(2):
        expect(limit).not_to_have_value(limit.input_value())
        price, middle = map(Decimal, trader.evaluate(LIMIT_AND_MID))
        assert abs(price - middle) < CENT
    limit.fill("1.00")
    expect(trader.get_by_label("Follow the mid")).not_to_be_checked()
    expect(mid).not_to_have_text(mid.inner_text())
    expect(limit).to_have_value("1.00")


def test_the_wished_strategy_goes_on_to_another_expiration(trader: Page, desk: DeskProcess) -> None:
    a_ticket(trader, desk, "SPY")
    trader.get_by_role("button", name="Choose an option").click()
    trader.locator("#pick").select_option("iron_condor")
    trader.locator("#pick_width").fill("10")
    other = trader.locator("#option-chooser .tabs a").nth(4)
    other.click()
    expect(other).to_have_attribute("aria-current", "page")
    expect(trader.locator("#pick")).to_have_value("iron_condor")
    expect(trader.locator("#pick_width")).to_have_value("10")
