"""What a person does at a desk that runs as a process: sign up, sign in, connect a broker, send an order."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from desk_process import DeskProcess
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

PATIENCE = 60_000
"""How long, in milliseconds, a wait for what should come may take: it costs nothing when all is well."""
MOST_PRESSES = 3
AGAIN = re.compile("Try again|look again|look at the price again|starts at the middle")
"""Words after which to look and to press once more is right: prices moved, quotes grew old, a broker was slow."""
HELD_BACK = "#tick-note:not(:empty)"
"""Where a ticket says to who presses on that its price has yet to come, or has only just come."""
PRESSED = """form => {
  form.dataset.pressed = "yes";
  document.getElementById("tick-note").replaceChildren();
}"""
DEMO = ("demo", "demo-blotter")
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}


def new_visitor(browser: Browser, **options: Any) -> BrowserContext:
    """A browser of one's own, in New York, dark unless said otherwise."""
    settings = {"locale": "en-US", "timezone_id": "America/New_York", "color_scheme": "dark", "viewport": WIDE}
    context = browser.new_context(**(settings | options))
    context.set_default_timeout(PATIENCE)
    return context


def sign_in(page: Page, desk: DeskProcess, name: str = DEMO[0], password: str = DEMO[1]) -> None:
    page.goto(f"{desk.url}/accounts/login/")
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def sign_up(page: Page, desk: DeskProcess, name: str) -> None:
    page.goto(desk.url)
    page.get_by_role("link", name="Make an account").first.click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill("a-long-enough-pass-phrase")
    page.get_by_label("Password (again)").fill("a-long-enough-pass-phrase")
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("heading", name="First step: connect a broker")).to_be_visible()


def go_to_the_broker(page: Page, desk: DeskProcess, customer: str = "demo", at: str = "tastytrade SIM") -> None:
    """As far as the broker's question; the person there is ``customer``."""
    page.goto(f"{desk.url}/connections/")
    page.get_by_role("link", name=re.compile("^Connect (a broker|another)$")).first.click()
    page.get_by_role("button", name=f"Sign in at {at}").click()
    page.wait_for_url(re.compile(rf"^{re.escape(desk.sim_url)}/"))
    password = desk.control("")["users"][customer]
    page.locator("[name=user]").fill(customer)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()


def connect(page: Page, desk: DeskProcess, customer: str = "demo", at: str = "tastytrade SIM") -> None:
    go_to_the_broker(page, desk, customer, at)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name=f"{at} Connected")).to_be_visible()


def review(page: Page, desk: DeskProcess, **ticket: str) -> None:
    """Fill in the ticket by its address and go on to the review."""
    page.request.get(f"{desk.url}/orders/")  # so that the desk knows of what others did in the same account
    query = "&".join(f"{name}={value}" for name, value in ticket.items())
    page.goto(f"{desk.url}/trade?{query}")
    press_review(page)


def press_review(page: Page) -> None:
    """From the ticket to the review; where the broker could not be asked, once more, as the page says."""
    for _ in range(MOST_PRESSES):
        price_is_there(page)
        page.locator("#ticket").evaluate(PRESSED)
        page.get_by_role("button", name="Review order").click()
        if came_to(page, f"#send, #ticket:not([data-pressed]), {HELD_BACK}") == "send":
            return
        if not AGAIN.search(said(page)):
            break
    pytest.fail(f"The ticket was not taken: {said(page)}")


def price_is_there(page: Page) -> None:
    """A limit that nobody has typed comes with the first quotes of all legs: until then nobody presses on."""
    if page.locator("[name=order_type]").input_value() in ("limit", "stop_limit"):
        expect(page.locator("[name=limit_price]")).not_to_have_value("")


def confirm_all(page: Page) -> None:
    """Tick whatever is to be confirmed on a review."""
    for box in page.locator("[name=confirmed]").all():
        box.check()


def send(page: Page, button: str = "Send", clicks: int = 1) -> str:
    """Send what is under review, with all that is to be confirmed. The order's page."""
    if sent_to(page, button, clicks) != "order":
        pytest.fail(f"It was not sent: {said(page)}")
    page.wait_for_url(re.compile(r"/orders/[0-9a-f-]{36}$"))
    return page.url


def sent_to(page: Page, button: str = "Send", clicks: int = 1) -> str:
    """Where it leads to: "order", or "ticket" or "send" with what was said against it.

    Where the desk asks to look again it is right, and so is who reads it, confirms and presses again.
    """
    place = came_to(page, "#send")
    for _ in range(MOST_PRESSES):
        sending = page.locator("#send").get_by_role("button", name=re.compile(rf"^{button} .*SIM orders?$"))
        if not sending.count():
            if not AGAIN.search(said(page)):
                return place
            page.get_by_role("button", name="Back").click()
            came_to(page, "#ticket")
            press_review(page)
            continue
        confirm_all(page)
        place = press_send(page, partial(sending.click, click_count=clicks))
        if place == "order" or not AGAIN.search(said(page)):
            return place
        if place == "ticket":
            press_review(page)
    return place


def press_send(page: Page, press: Callable[[], None]) -> str:
    """The id of the place that the review leads to: "order", "ticket", or "send" for a review of its own."""
    shown = page.locator("#send [name=preview]").input_value()
    press()
    return came_to(page, f"#order, #ticket, #send:not(:has([value='{shown}']))")


def let_go(page: Page, held: list[Route], address: str) -> None:
    """Requests that a test held back go on, once there is one."""
    for _ in range(PATIENCE // 100):
        if held:
            break
        page.wait_for_timeout(100)
    for route in held:
        route.continue_()
    page.unroute(address)


def came_to(page: Page, places: str) -> str:
    """The id of the one among ``places`` that the page came to, once all of the page is there."""
    place = page.locator(places).first
    expect(place).to_be_attached()
    page.wait_for_load_state("domcontentloaded")
    return place.get_attribute("id") or ""


def said(page: Page) -> str:
    """What the desk says above or in its form, in one line."""
    words = page.locator(".notice, .form-error, .errorlist, #tick-note").all_inner_texts()
    return " / ".join(" ".join(text.split()) for text in words)


def take(page: Page, shots: Path | None, name: str) -> None:
    """A picture of the whole page, where somebody wants to look at them."""
    if shots is not None:
        page.screenshot(path=shots / name, full_page=True)


def expect_badge(page: Page, state: str, seconds: float = PATIENCE / 1000) -> None:
    expect(page.locator("#stream-badge")).to_have_attribute("data-state", state, timeout=seconds * 1000)


def order_status(page: Page) -> Locator:
    return page.locator("#order h2 .badge").first
