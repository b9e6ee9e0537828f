"""Net liq, day gain and buying power in the bar of every page: at once while fresh, else fetched; unknown is "—"."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from talking_broker import AAPL, TalkingBroker, a_balance, a_holding, a_quote, add_account, connect, forget_flights

from brokers.errors import Unavailable
from brokers.models import Account
from portfolio import glance, last_known

pytestmark = pytest.mark.django_db
ELSEWHERE = "/settings/limits"


@pytest.fixture
def browser(account: Account) -> Client:
    client = Client()
    client.force_login(account.connection.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def bar(html: str) -> dict[str, str]:
    """«{"Net liq": "$100,012.84", …}»."""
    found = re.search(r'<section id="glance".*?</section>', html, re.DOTALL)
    assert found, "the page has no bar"
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", found[0], re.DOTALL)
    return {words: re.sub(r"<[^>]+>", "", figure).strip() for words, figure in pairs}


def fetched(browser: Client, account: str = "") -> dict[str, str]:
    return bar(browser.get("/portfolio/glance", {"account": account} if account else {}).content.decode())


KNOWN = {"Net liq": "$100,012.84", "P/L day": "+$36.00", "Buying power": "$95,217.34"}


def test_a_page_asks_nobody_and_shows_what_is_fetched_afterwards(browser: Client, talking: TalkingBroker) -> None:
    page = browser.get(ELSEWHERE).content.decode()
    assert set(bar(page).values()) == {"—"}
    assert talking.calls == []
    (address,) = re.findall(r'data-address="(/portfolio/glance[^"]*)"', page)
    assert bar(browser.get(address).content.decode()) == KNOWN
    asked = list(talking.calls)
    assert bar(browser.get(ELSEWHERE).content.decode()) == KNOWN
    assert talking.calls == asked


def test_what_the_overview_has_worked_out_serves_its_own_bar(
    browser: Client, account: Account, talking: TalkingBroker
) -> None:
    page = browser.get("/portfolio/").content.decode()
    assert bar(page) == KNOWN
    asked = list(talking.calls)
    assert fetched(browser, str(account.pk)) == KNOWN
    assert talking.calls == asked


def test_fresh_figures_serve_again_and_news_or_age_end_them(
    browser: Client, account: Account, talking: TalkingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched(browser)
    talking.balances["5WT00042"] = a_balance(net_liquidating_value=Decimal("99000.00"))
    forget_flights()
    assert fetched(browser)["Net liq"] == "$100,012.84"
    last_known.mark_changed(account.pk)
    assert bar(browser.get(ELSEWHERE).content.decode())["Net liq"] == "—", "overtaken figures are not shown"
    assert fetched(browser)["Net liq"] == "$99,000.00"
    later = timezone.now() + glance.SHOWN + timedelta(seconds=1)
    monkeypatch.setattr(glance.timezone, "now", lambda: later)
    assert bar(browser.get(ELSEWHERE).content.decode())["Net liq"] == "—"


def test_unknown_is_a_dash_and_a_part_says_so(browser: Client, talking: TalkingBroker) -> None:
    talking.balances["5WT00042"] = a_balance(option_buying_power=None)
    talking.positions["5WT00042"] = [a_holding(), a_holding(replace(AAPL, symbol="KO"), day_open_price=None)]
    found = fetched(browser)
    assert found["Buying power"] == "—"
    assert found["P/L day"].endswith("* without 1 unknown")
    talking.fail(Unavailable("The broker can't be reached."))
    forget_flights()
    glance.cache.clear()
    assert fetched(browser) == dict.fromkeys(KNOWN, "—")


def test_last_known_figures_are_marked(browser: Client, account: Account, talking: TalkingBroker) -> None:
    fetched(browser)
    talking.fail(Unavailable("The broker can't be reached."))
    forget_flights()
    last_known.mark_changed(account.pk)
    page = browser.get("/portfolio/glance").content.decode()
    assert bar(page)["Net liq"] == "$100,012.84"
    assert 'class="stale"' in page


def test_sim_and_live_are_never_one_sum(browser: Client, account: Account, talking: TalkingBroker) -> None:
    live = add_account(connect(account.connection.user, "live"), "5WT00099")
    talking.balances[live.number] = a_balance(account_number=live.number, net_liquidating_value=Decimal("5.00"))
    talking.positions[live.number] = []
    page = browser.get("/portfolio/glance", {"account": "all"}).content.decode()
    assert page.count("<dl") == 2
    assert "$5.00" in page
    assert "$100,012.84" in page
    assert "$100,017.84" not in page


def test_accounts_of_one_world_are_added_up(browser: Client, account: Account, talking: TalkingBroker) -> None:
    other = add_account(account.connection, "5WT00043")
    talking.balances[other.number] = a_balance(account_number=other.number)
    talking.positions[other.number] = [a_holding(account_number=other.number)]
    talking.quotes[AAPL] = a_quote(AAPL, "191.29", "191.31", prev_close=Decimal("190.10"))
    found = fetched(browser, "all")
    assert found["Net liq"] == "$200,025.68"
    assert found["P/L day"] == "+$66.00"


def test_a_foreign_account_is_as_if_it_were_not_there(browser: Client, stranger: Any, talking: TalkingBroker) -> None:
    foreign = add_account(connect(stranger), "5WT00077")
    assert browser.get("/portfolio/glance", {"account": str(foreign.pk)}).status_code == 404
    assert talking.calls == []


def test_what_one_person_was_shown_serves_no_other(
    browser: Client, account: Account, stranger: Any, talking: TalkingBroker
) -> None:
    fetched(browser)
    other = Client()
    other.force_login(stranger, "allauth.account.auth_backends.AuthenticationBackend")
    add_account(connect(stranger), "5WT00078")
    assert bar(other.get(ELSEWHERE).content.decode())["Net liq"] == "—"
