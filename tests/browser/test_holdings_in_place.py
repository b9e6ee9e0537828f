"""Positions and overview move in place: prices, gains and sums at each quote, rows when the account has changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect
from talking_broker import (
    AAPL,
    NOW,
    SPY_PUT,
    TalkingBroker,
    a_balance,
    a_holding,
    a_quote,
    a_short_put,
    add_account,
    connect,
)

from brokers.errors import Unavailable
from brokers.models import Account
from portfolio import holdings, last_known


class Feed:
    """The desk's socket as a page sees it, with frames made by the test."""

    def __init__(self, page: Page, connection: str) -> None:
        self.connection = connection
        self.socket: WebSocketRoute | None = None
        self.count = 0
        self.is_heard = False
        page.route_web_socket("**/ws/v1/", self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        socket.on_message(self._asked)

    def _asked(self, message: str | bytes) -> None:
        """The page has said what it wants to hear of."""
        self.is_heard = True

    def send(self, **frame: Any) -> None:
        assert self.socket is not None
        self.socket.send(json.dumps(frame))

    def quote(self, symbol: str, bid: str | None, ask: str | None) -> None:
        self.count += 1
        kind = "snapshot" if self.count == 1 else "quotes"
        as_of = (NOW.replace(year=NOW.year + 1)).isoformat()
        quotes = {symbol: {"bid": bid, "ask": ask, "mark": None, "last": None, "as_of": as_of}}
        self.send(type=kind, seq=self.count, connection=self.connection, quotes=quotes)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> TalkingBroker:
    cache.clear()
    quotes = {
        AAPL: a_quote(AAPL, "191.29", "191.31", prev_close=Decimal("190.10")),
        SPY_PUT: a_quote(SPY_PUT, "0.80", "0.84"),
    }
    broker = TalkingBroker({"5WT00042": a_balance()}, {"5WT00042": [a_holding(), a_short_put()]}, quotes)
    monkeypatch.setattr(holdings, "broker_for", lambda connection: broker)
    return broker


@pytest.fixture
def account(transactional_db: None) -> Account:
    user = get_user_model().objects.create_user("trader")
    return add_account(connect(user), nickname="Main", is_default=True)


@pytest.fixture
def opened(
    live_server: Any, broker: TalkingBroker, account: Account, context: BrowserContext, page: Page
) -> Callable[[str], Feed]:
    client = Client()
    client.force_login(account.connection.user)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])

    def open_page(path: str) -> Feed:
        feed = Feed(page, str(account.connection_id))
        page.goto(f"{live_server.url}{path}")
        expect(page.locator("#portfolio")).to_be_attached()
        for _ in range(600):
            if feed.is_heard:
                break
            page.wait_for_timeout(100)
        return feed

    return open_page


def row(page: Page, symbol: str) -> Any:
    return page.locator(f'tr[data-row][data-symbol="{symbol}"]')


def test_a_quote_moves_mark_value_gains_and_sums(opened: Callable[[str], Feed], page: Page) -> None:
    feed = opened("/portfolio/positions")
    feed.quote("AAPL", "187.99", "188.01")
    apple = row(page, "AAPL")
    expect(apple.locator('[data-figure="mark"]')).to_have_text("188.00")
    expect(apple.locator('[data-figure="value"]')).to_have_text("$4,700.00")
    expect(apple.locator('[data-figure="gain_open"]')).to_have_text("−$10.00")
    expect(apple.locator('[data-figure="gain_open"]')).to_have_class("num down")
    expect(apple.locator('[data-figure="gain_day"]')).to_have_text("−$52.50")
    expect(apple.locator('[data-field="bid"]')).to_have_text("187.99")
    expect(page.locator('tfoot [data-total="value"]')).to_have_text("$4,618.00")
    expect(page.locator('tfoot [data-total="gain_day"]')).to_have_text("−$46.50")


def test_a_quote_without_prices_takes_nothing_away(opened: Callable[[str], Feed], page: Page) -> None:
    feed = opened("/portfolio/positions")
    feed.quote("AAPL", None, None)
    feed.quote(str(SPY_PUT), "0.90", "0.92")
    expect(row(page, str(SPY_PUT)).locator('[data-figure="gain_open"]')).to_have_text("$0.00")
    expect(row(page, "AAPL").locator('[data-figure="mark"]')).to_have_text("191.30")


def test_a_fill_changes_the_row_without_rebuilding_it(
    opened: Callable[[str], Feed], page: Page, broker: TalkingBroker, account: Account
) -> None:
    feed = opened("/portfolio/positions")
    close = row(page, "AAPL").get_by_role("link", name="Close AAPL")
    close.focus()
    page.evaluate("document.querySelector('tr[data-symbol=AAPL]').untouched = true")
    second = replace(SPY_PUT, strike=Decimal(590))
    broker.positions["5WT00042"] = [a_holding(quantity=Decimal(75)), a_short_put(), a_short_put(instrument=second)]
    last_known.mark_changed(account.pk)
    feed.send(type="portfolio", account=str(account.pk), what="positions")
    expect(row(page, "AAPL").locator("td").first).to_contain_text("+75")
    expect(row(page, "AAPL").locator('[data-figure="value"]')).to_have_text("$14,347.50")
    expect(row(page, str(second))).to_have_count(1)
    expect(page.locator('[data-key="sums"]')).to_contain_text("2 holdings")
    expect(close).to_be_focused()
    assert page.evaluate("document.querySelector('tr[data-symbol=AAPL]').untouched") is True
    broker.positions["5WT00042"] = [a_short_put()]
    last_known.mark_changed(account.pk)
    feed.send(type="portfolio", account=str(account.pk), what="positions")
    expect(row(page, "AAPL")).to_have_count(0)
    expect(page.locator("tr[data-row]")).to_have_count(1)


def test_the_overview_follows_cash_and_prices(
    opened: Callable[[str], Feed], page: Page, broker: TalkingBroker, account: Account
) -> None:
    feed = opened("/portfolio/")
    expect(page.locator("#portfolio")).to_contain_text("Cash $95,217.34", use_inner_text=False)
    broker.balances["5WT00042"] = a_balance(cash=Decimal("1234.50"))
    last_known.mark_changed(account.pk)
    feed.send(type="portfolio", account=str(account.pk), what="balance")
    expect(page.locator("#portfolio")).to_contain_text("$1,234.50")
    feed.quote("AAPL", "187.99", "188.01")
    expect(page.locator('dd [data-total="gain_day"]')).to_have_text("−$46.50")


def test_an_outage_and_its_end_show_without_a_reload(
    opened: Callable[[str], Feed], page: Page, broker: TalkingBroker, account: Account
) -> None:
    feed = opened("/portfolio/positions")
    balances, positions, quotes = broker.balances, broker.positions, broker.quotes
    broker.fail(Unavailable("The broker can't be reached."))
    last_known.mark_changed(account.pk)
    feed.send(type="portfolio", account=str(account.pk), what="balance")
    expect(page.locator("[data-trouble]")).to_contain_text("The broker can't be reached.")
    expect(page.locator("tr[data-row]")).to_have_count(2)
    broker.balances, broker.positions, broker.quotes = balances, positions, quotes
    expect(page.locator("[data-trouble]")).to_have_count(0)
