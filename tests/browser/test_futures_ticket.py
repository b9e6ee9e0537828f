"""An option on a future through the ticket's own chooser, on a phone; what is coming is told before the review."""

import re
from datetime import date, timedelta

import pytest
from desk_process import DeskProcess
from desk_visits import press_review
from django.utils import timezone
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]
PHONE = {"width": 390, "height": 844}


def test_an_option_on_a_future_is_chosen_moved_and_reviewed_on_a_phone(trader: Page, desk: DeskProcess) -> None:
    trader.set_viewport_size(PHONE)  # type: ignore[arg-type]
    soon: date = (timezone.now() + timedelta(days=21)).date()
    month = "HMUZ"[(soon.month + 2) // 3 - 1]
    future = f"/ES{month}{soon:%y}"
    trader.goto(f"{desk.url}/trade?symbol={future}")
    trader.get_by_role("button", name="Choose an option").click()
    chooser = trader.locator("#option-chooser")
    row = chooser.locator("tr.at-the-money")
    expect(row).to_be_visible()
    row.get_by_role("link").first.click()
    name = trader.locator("#symbol-name")
    expect(name).to_contain_text(f"/ES{month}")
    before = name.inner_text()
    trader.get_by_role("button", name=re.compile("Higher strike")).click()
    expect(name).not_to_have_text(before)
    expect(trader.get_by_label("Limit price", exact=True)).not_to_have_value("")
    press_review(trader)
    expect(trader.locator(".sentence")).to_contain_text(f"/ES{month}")
    overflow = trader.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_a_report_before_the_last_day_is_told_on_ticket_and_review(trader: Page, desk: DeskProcess) -> None:
    trader.goto(f"{desk.url}/trade?symbol=AAPL")
    trader.get_by_role("button", name="Choose an option").click()
    chooser = trader.locator("#option-chooser")
    chooser.locator(".tabs a").last.click()
    expect(chooser.locator(".tabs a").last).to_have_attribute("aria-current", "page")
    chooser.locator("tr.at-the-money").get_by_role("link").first.click()
    expect(trader.locator("#cautions")).to_contain_text("AAPL is expected to report earnings")
    trader.get_by_label("Quantity").fill("1")
    press_review(trader)
    expect(trader.locator("main")).to_contain_text("AAPL is expected to report earnings")
