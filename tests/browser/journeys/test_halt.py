"""The kill switch in a person's hands: pressed while a program of theirs sends orders as fast as it can."""

import itertools
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import requests
from desk_members import PASSWORD, Member, Visit, asked, joined, ledger_end, orders_made
from desk_process import ROOT, DeskProcess
from desk_visits import order_status, review, send
from page_faults import faults_of
from playwright.sync_api import Browser, Page, expect
from simulator_server import wait_until

SYMBOLS = ("T", "PFE", "INTC", "BAC", "SOFI", "CSCO")
SENDERS = 4
WIDE = {"orders_a_second": "500", "api_orders_a_minute": "5000", "open_orders": "2000", "open_orders_a_symbol": "500"}
WIDE |= {"web_orders_a_minute": "5000", "position_notional": "100000000", "quote_seconds": "60"}
EVERYWHERE = (
    "/portfolio/",
    "/portfolio/positions?account=all",
    "/trade",
    "/orders/",
    "/orders/cancelling",
    "/halt",
    "/settings/limits",
    "/alerts/",
    "/connections/",
    "/accounts/email/",
)
SAFE = "Why is it safe to trade again?"
AGE_SESSION = """
from importlib import import_module
from django.conf import settings
session = import_module(settings.SESSION_ENGINE).SessionStore({key!r})
session["account_authentication_methods"] = [
    way | {{"at": way["at"] - 600}} for way in session.get("account_authentication_methods", [])
]
session.save()
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    """One of its own: its wide limits and the hundreds of orders that it leaves are nobody else's."""
    process = DeskProcess(tmp_path_factory.mktemp("halted"))
    try:
        yield process.start()
    finally:
        process.kill()


@pytest.fixture(scope="module")
def member(desk: DeskProcess) -> Member:
    staff_widen_limits(desk)
    return joined(desk, "stopper", "demo", "tastytrade")


@pytest.fixture
def page(browser: Browser, member: Member) -> Iterator[Page]:
    with member.at(browser) as page:
        yield page


def staff_widen_limits(desk: DeskProcess) -> None:
    """The people who run the desk let programs send faster, in the admin, with a reason."""
    with Visit(desk) as visit:
        visit.sign_in()
        visit.post(
            "/admin/trading/risklimits/add/", scope="installation", reason="A rehearsal of the kill switch", **WIDE
        )


class Burst:
    """A program that sends orders from several threads, each at a price of its own, until it is told to stop."""

    def __init__(self, desk: DeskProcess, member: Member, page: Page) -> None:
        self.address = f"{desk.url}/api/v1/orders"
        self.account = member.accounts["tastytrade"]
        self.cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies(desk.url)}
        self.headers = {"X-CSRFToken": self.cookies["csrftoken"], "Origin": desk.url}
        self.numbers = itertools.count()
        self.over = threading.Event()
        self.answers: list[dict[str, Any]] = []

    def run(self) -> None:
        with requests.Session() as session:
            while not self.over.is_set():
                answer = session.post(self.address, **self.order(next(self.numbers)), timeout=30)  # type: ignore[arg-type]
                self.answers.append(answer.json())

    def order(self, number: int) -> dict[str, Any]:
        leg = {"symbol": SYMBOLS[number % len(SYMBOLS)], "action": "buy_to_open", "quantity": "1"}
        body = {"account": self.account, "legs": [leg], "order_type": "limit", "time_in_force": "day"}
        price = {"limit_price": f"2.{number % 97:02}"}
        key = {"Idempotency-Key": f"burst-{number}"}
        return {"json": body | price, "headers": self.headers | key, "cookies": self.cookies}

    @property
    def turned_away(self) -> list[str]:
        """Why, in words, where an order was not taken."""
        return [answer["detail"] for answer in self.answers if "detail" in answer]

    @property
    def stopped(self) -> int:
        """How many were not let out for the halt."""
        return sum("KILL_SWITCH" in str(answer.get("findings")) for answer in self.answers)


def all_orders(page: Page, desk: DeskProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        before = f"&before={found[-1]['id']}" if found else ""
        rows = asked(page, desk, f"orders?limit=200{before}")
        if not rows:
            return found
        found += rows


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_after_the_press_nothing_is_sent_and_trading_again_takes_password_and_reason(
    page: Page, desk: DeskProcess, member: Member
) -> None:
    first_order(page, desk, member)
    seen = ledger_end(desk)
    burst = Burst(desk, member, page)
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(burst.run) for _ in range(SENDERS)]
        try:
            wait_until(lambda: len(orders_made(desk, seen)) >= 15 or burst.turned_away)
            assert not burst.turned_away
            press(page, desk)
            wait_until(lambda: burst.stopped >= 3 * SENDERS)
        finally:
            burst.over.set()
        for sender in senders:
            sender.result()
    check_ledger(page, desk, seen)
    check_banner(page, desk, member)
    arm_again(page, desk)
    first_order(page, desk, member)


def first_order(page: Page, desk: DeskProcess, member: Member) -> None:
    account = member.accounts["tastytrade"]
    review(page, desk, account=account, symbol="KO", action="buy_to_open", quantity="1", order_type="market")
    send(page)
    expect(order_status(page)).to_have_text("Filled")


def press(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/portfolio/")
    page.get_by_role("link", name="Halt", exact=True).click()
    page.get_by_label("Why").fill("Something is wrong with my program")
    page.get_by_role("button", name="Halt trading").click()
    expect(page.locator(".halt-banner")).to_contain_text("Trading is halted")


def check_ledger(page: Page, desk: DeskProcess, seen: int) -> None:
    """The broker's own ledger against the moment of the press and the orders that the halt lists."""
    (halt,) = [one for one in asked(page, desk, "halt")["halts"] if one["scope"] == "user"]
    pressed_at, on_their_way = moment(halt["pressed_at"]), {entry["order"] for entry in halt["on_their_way"]}
    arrived = {entry["external_identifier"]: moment(entry["at"]) for entry in orders_made(desk, seen)}
    orders = {order["id"]: order for order in all_orders(page, desk)}
    by_reference = {order["client_ref"]: order for order in orders.values() if order["client_ref"]}
    assert arrived.keys() <= by_reference.keys()
    for reference, at in arrived.items():
        order = by_reference[reference]
        assert moment(order["sent_at"]) < pressed_at, "written down as being sent after the press"
        assert at < pressed_at or order["id"] in on_their_way, "reached the broker later, and was not named"
    after = [order for order in orders.values() if moment(order["created_at"]) > pressed_at]
    assert len(after) >= 3 * SENDERS
    assert {order["status"] for order in after} == {"denied"}
    assert not {order["client_ref"] for order in after} & arrived.keys()


def check_banner(page: Page, desk: DeskProcess, member: Member) -> None:
    for path in EVERYWHERE:
        words = page.request.get(f"{desk.url}{path}").text()
        assert 'halt-banner" role="alert"' in words, path
        assert "Something is wrong with my program" in words, path
    review(page, desk, account=member.accounts["tastytrade"], symbol="KO", action="buy_to_open", quantity="1",
           order_type="market")  # fmt: skip
    expect(page.locator(".halt-banner")).to_contain_text("Something is wrong with my program")
    expect(page.locator(".review")).to_contain_text("KILL_SWITCH")
    expect(page.get_by_role("button", name="Send")).to_have_count(0)


def arm_again(page: Page, desk: DeskProcess) -> None:
    """Who has been away for ten minutes types the password again; without a reason nothing is armed."""
    key = next(one["value"] for one in page.context.cookies(desk.url) if one["name"] == "sessionid")
    environment = desk.environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "LOCAL": "1"}
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", AGE_SESSION.format(key=key)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
    page.locator(".halt-banner").get_by_role("link", name="Look at it").click()
    assert faults_of(page) == []
    page.get_by_role("link", name="Trade again").first.click()
    expect(page).to_have_url(re.compile("/reauthenticate/"))
    page.get_by_label("Password").fill("not-my-pass-phrase")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".errorlist")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Trade again")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("button", name="Trade again").click()
    expect(page.get_by_label(SAFE)).to_be_focused()  # the browser asks for it
    assert asked(page, desk, "halt")["state"] == "halted"
    say_why(page)
    while page.get_by_role("link", name="Trade again").count():  # what sent again and again was halted for that, too
        page.get_by_role("link", name="Trade again").first.click()
        say_why(page)
    expect(page.locator(".halt-banner")).to_have_count(0)
    assert asked(page, desk, "halt") == {"state": "active", "halts": []}


def say_why(page: Page) -> None:
    page.get_by_label(SAFE).fill("The program is switched off")
    page.get_by_role("button", name="Trade again").click()
    expect(page.get_by_text("Armed again")).to_be_visible()
