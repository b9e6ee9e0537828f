"""What a person does at a desk that runs as a process: sign up, sign in, connect a broker, send an order."""

import re
from typing import Any

from desk_process import DeskProcess
from playwright.sync_api import Browser, BrowserContext, Page, expect

DEMO = ("demo", "demo-blotter")
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}


def new_visitor(browser: Browser, **options: Any) -> BrowserContext:
    """A browser of one's own, in New York, dark unless said otherwise."""
    settings = {"locale": "en-US", "timezone_id": "America/New_York", "color_scheme": "dark", "viewport": WIDE}
    context = browser.new_context(**(settings | options))
    context.set_default_timeout(15_000)
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
    query = "&".join(f"{name}={value}" for name, value in ticket.items())
    page.goto(f"{desk.url}/trade?{query}")
    page.get_by_role("button", name="Review order").click()
    expect(page.locator(".sentence")).to_be_visible()


def send(page: Page) -> str:
    """Send what is under review, with all that is to be confirmed; the order's page."""
    button = page.get_by_role("button", name="Send SIM order")
    expect(button).to_be_visible()  # it stands below the boxes: once it is there, all of them are
    for box in page.locator("[name=confirmed]").all():
        box.check()
    button.click()
    page.wait_for_url(re.compile(r"/orders/[0-9a-f-]{36}$"))
    return page.url


def expect_badge(page: Page, state: str, seconds: float = 15) -> None:
    expect(page.locator("#stream-badge")).to_have_attribute("data-state", state, timeout=seconds * 1000)


def order_status(page: Page) -> Any:
    return page.locator("#order h2 .badge").first
