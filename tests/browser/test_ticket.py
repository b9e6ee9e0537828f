"""The ticket in use: an option from the chain, a price that starts at the middle, a holding to close, the way back."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from desk_process import DeskProcess
from desk_visits import HELD_BACK, came_to, order_status, press_review, review, said, send
from playwright.sync_api import Page, WebSocketRoute, expect

ROOT = Path(__file__).resolve().parents[2]


def typed_price(page: Page) -> Decimal:
    field = page.get_by_label("Limit price", exact=True)
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


class Socket:
    """A page's socket at the desk, in a test's hands: it passes on what the desk says, or keeps it back."""

    def __init__(self, page: Page, *, silent: bool = False) -> None:
        self.silent = silent
        self.held: list[str | bytes] = []
        self.told: dict[str, Any] = {}
        self.page: WebSocketRoute | None = None
        page.route_web_socket("**/ws/v1/", self._opened)

    def _opened(self, page: WebSocketRoute) -> None:
        self.page = page
        page.connect_to_server().on_message(self._heard)

    def _heard(self, message: str | bytes) -> None:
        if self.silent:
            self.held.append(message)
        else:
            self._pass_on(message)

    def _pass_on(self, message: str | bytes) -> None:
        frame = json.loads(message)
        if frame["type"] in ("snapshot", "quotes"):
            self.told = frame
        assert self.page is not None
        self.page.send(message)

    def speak(self) -> None:
        self.silent = False
        for message in self.held:
            self._pass_on(message)

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """The market stands there from now on: nothing else is heard of it."""
        self.silent = True
        quote = {"bid": bid, "ask": ask, "mark": None, "last": None, "as_of": "2099-01-01T00:00:00+00:00"}
        self.told |= {"type": "quotes", "seq": self.told["seq"] + 1, "quotes": {symbol: quote}}
        assert self.page is not None
        self.page.send(json.dumps(self.told))


def test_the_price_starts_at_the_middle_on_the_grid(trader: Page, desk: DeskProcess) -> None:
    socket = Socket(trader)
    trader.goto(f"{desk.url}/trade?symbol=F")
    price = typed_price(trader)
    assert price == price.quantize(Decimal("0.01"))
    expect(trader.locator("#net-quote [data-net=ask]")).not_to_have_text("—")
    socket.quote("F", "10.88", "10.89")
    expect(trader.locator("#ticket-mid")).to_have_text("10.885")
    assert typed_price(trader) == price, "it starts there and does not follow"
    trader.get_by_role("button", name="Mid", exact=True).click()
    assert typed_price(trader) in (Decimal("10.88"), Decimal("10.89"))
    trader.get_by_label("Limit price", exact=True).fill("3.21")
    socket.quote("F", "10.90", "10.92")
    expect(trader.locator("#ticket-mid")).to_have_text("10.91")
    assert typed_price(trader) == Decimal("3.21"), "what was typed stays"
    socket.speak()
    trader.get_by_label("Symbol", exact=True).fill("KO")
    trader.get_by_label("Symbol", exact=True).blur()
    expect(trader.get_by_label("Limit price", exact=True)).not_to_have_value("3.21")
    assert typed_price(trader) > 2 * price, "a price belongs to its symbol"


def spoil(page: Page, script: str, good: str, bad: str) -> None:
    """Let this browser have a script with one thing changed."""
    source = (ROOT / f"static/js/{script}.js").read_text()
    assert good in source
    body = source.replace(good, bad)
    page.route(f"**/js/{script}.js*", lambda route: route.fulfill(body=body, content_type="text/javascript"))


def reviewed(page: Page, desk: DeskProcess) -> tuple[str, str]:
    """What the desk made of Review pressed before the quotes came, and of a symbol typed and entered at once: the
    sentence to confirm, or what it said; and the price of the share that was there before."""
    socket = Socket(page, silent=True)
    page.goto(f"{desk.url}/trade?symbol=F&quantity=1")
    expect(page.locator("#symbol-name")).to_contain_text("FORD", ignore_case=True)
    page.get_by_role("button", name="Review order").click()
    if came_to(page, f"#ticket:has(.errorlist), {HELD_BACK}") == "ticket":
        return said(page), ""
    socket.speak()
    expect(page.locator("#tick-note")).to_contain_text("starts at the middle")
    share = str(typed_price(page))
    page.get_by_label("Symbol", exact=True).fill("KO")
    page.get_by_label("Symbol", exact=True).press("Enter")
    if came_to(page, f"#send, {HELD_BACK}") == "tick-note":
        press_review(page)
    return page.locator(".sentence").inner_text(), share


def test_nothing_is_reviewed_before_its_own_price_has_come(trader: Page, desk: DeskProcess) -> None:
    sentence, share = reviewed(trader, desk)
    assert sentence.startswith("Buy 1 KO at ")
    assert f" {share} " not in sentence


@pytest.mark.parametrize(
    ("script", "good", "bad", "seen"),
    [
        ("ticket-price", "return this.wants &&", "return false &&", "needs a price"),
        ("ticket", "if (!this.changing && !this.price.isWaiting) return;", "if (!this.price.isWaiting) return;",
         "Buy 1 KO at {share} "),
    ],
    ids=["price", "legs"],
)  # fmt: skip
def test_a_ticket_that_does_not_wait_would_be_noticed(
    script: str, good: str, bad: str, seen: str, trader: Page, desk: DeskProcess
) -> None:
    """The twins: the ticket comes back for want of a price, or one symbol is reviewed at another's."""
    spoil(trader, script, good, bad)
    found, share = reviewed(trader, desk)
    assert seen.format(share=share) in found


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
    expect(trader.get_by_label("Limit price", exact=True)).to_have_value("4.44")
    trader.go_forward()
    expect(trader).to_have_url(order)
    trader.goto(f"{desk.url}/orders/")
    expect(trader.get_by_role("link", name="Buy 6 F at 4.44 or better", exact=True)).to_have_count(1)
    with trader.expect_navigation():
        trader.get_by_role("button", name="Cancel: Buy 6 F at 4.44").click()
    trader.goto(order)
    expect(order_status(trader)).to_have_text("Cancelled")
