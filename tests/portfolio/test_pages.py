"""Overview and positions as a person sees them: figures with their age, "—" for the unknown, words for trouble."""

import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from talking_broker import (
    AAPL,
    SPY_PUT,
    TalkingBroker,
    a_balance,
    a_holding,
    a_quote,
    a_short_put,
    add_account,
    connect,
    forget_flights,
)

from brokers.errors import BrokerError, NotAuthorized, Unavailable, UnexpectedReply
from brokers.models import Account, Connection
from portfolio.valuation import EXCHANGE_TIME

PAGES = ["/portfolio/", "/portfolio/positions"]
PUT_590 = replace(SPY_PUT, strike=Decimal(590))
DOWN = Unavailable("The broker can't be reached.")


class Words(HTMLParser):
    """The text of a page's main part, and the attributes of its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html[html.find("<main") :].split("</main>")[0] if "<main" in html else html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def rows(self) -> dict[str, dict[str, str | None]]:
        return {str(found["data-symbol"]): found for tag, found in self.elements if tag == "tr" and "data-row" in found}

    def links(self) -> list[str]:
        return [str(found.get("href")) for tag, found in self.elements if tag == "a"]


@pytest.fixture
def trader_client(client: Client, trader: Any) -> Client:
    client.force_login(trader)
    return client


def look(client: Client, address: str, **headers: str) -> Words:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return Words(response.content.decode())


@pytest.mark.parametrize("page", PAGES)
def test_a_newcomer_gets_one_sentence_and_one_button(trader_client: Client, page: str) -> None:
    words = look(trader_client, page)
    assert "No broker is connected yet" in words.text
    assert [link for link in words.links() if "connections" in link] == ["/connections/new"]


@pytest.mark.parametrize("page", PAGES)
def test_a_connection_without_accounts_is_not_called_unconnected(trader_client: Client, trader: Any, page: str) -> None:
    connect(trader)
    assert "shows no open account" in look(trader_client, page).text


def test_the_overview_shows_the_key_figures_with_their_age(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    words = look(trader_client, "/portfolio/")
    for label, figure in {
        "Net liquidating value": "$100,012.84 as of",
        "Cash": "$95,217.34 as of",
        "Stock buying power": "$190,434.68 as of",
        "Option buying power": "$95,217.34 as of",
        "P/L day": "+$36.00",
        "P/L open": "+$81.50",
    }.items():
        assert f"{label} {figure}" in words.text
    assert "SIM" in words.text
    assert f"/portfolio/positions?account={account.pk}" in words.links()
    assert f"/trade?account={account.pk}" in words.links()


def test_the_positions_are_grouped_with_sums_and_a_total(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    talking.positions["5WT00042"].append(a_short_put(instrument=PUT_590))
    talking.quotes[PUT_590] = a_quote(PUT_590, "0.40", "0.44")
    words = look(trader_client, "/portfolio/positions")
    assert "SPY 2 holdings −$182.00 −$124.00 +$58.00 +31.9 % +$52.00" in words.text
    assert "Total $4,528.00 $4,658.50 +$130.50 +2.7 % +$82.00" in words.text
    row = "AAPL Long +25 — 191.30 191.29 × 191.31 188.40 $4,710.00 $4,782.50 +$72.50 +1.5 % +$30.00 +25 Close"
    assert row in words.text
    assert "SPY 18 Dec 26 600 P Short −1" in words.text


def test_rows_carry_what_is_needed_to_value_them_anew(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    talking.positions["5WT00042"] = [a_short_put(realized_day=None, mark=Decimal("0.80"))]
    for page in PAGES:
        row = look(trader_client, page).rows()[str(SPY_PUT)]
        assert row["data-connection"] == str(account.connection_id)
        assert {name: row[f"data-{name}"] for name in ("quantity", "multiplier", "open-price", "day-open-price")} == {
            "quantity": "-1",
            "multiplier": "100",
            "open-price": "0.91",
            "day-open-price": "0.88",
        }
        assert (row["data-realized-day"], row["data-mark"]) == ("", "0.82")


def test_close_leads_to_a_ticket_filled_in_for_the_other_side(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    links = [link for link in look(trader_client, "/portfolio/positions").links() if "action" in link]
    assert links == [
        f"/trade?account={account.pk}&symbol=AAPL&action=sell_to_close&quantity=25",
        f"/trade?account={account.pk}&symbol=SPY+++261218P00600000&action=buy_to_close&quantity=1",
    ]


def test_who_may_only_look_is_offered_no_close(trader_client: Client, trader: Any, talking: TalkingBroker) -> None:
    add_account(connect(trader), can_trade=False)
    assert not [link for link in look(trader_client, "/portfolio/positions").links() if "action" in link]


@pytest.mark.parametrize("page", PAGES)
def test_no_position_is_said_in_words(
    trader_client: Client, account: Account, talking: TalkingBroker, page: str
) -> None:
    talking.positions["5WT00042"] = []
    words = look(trader_client, page)
    assert "No open positions, as of" in words.text
    assert "not known" not in words.text


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (DOWN, "keeps trying by itself"),
        (NotAuthorized("tastytrade no longer lets us in.", grant_is_dead=True), "Connect again"),
        (UnexpectedReply("The answer could not be read: data.items[0].price is not a number."), "own site"),
    ],
)
def test_an_error_is_words_and_never_an_empty_account(
    trader_client: Client, account: Account, talking: TalkingBroker, page: str, error: BrokerError, advice: str
) -> None:
    talking.fail(error)
    words = look(trader_client, page)
    assert error.message in words.text
    assert advice in words.text
    assert "Positions are not known." in words.text
    assert "No open positions" not in words.text
    assert "$0" not in words.text
    assert ("/connections/" in words.links()) is isinstance(error, NotAuthorized)


@pytest.mark.parametrize("page", PAGES)
def test_an_absent_broker_leaves_the_last_known_marked_as_such(
    trader_client: Client, account: Account, talking: TalkingBroker, page: str
) -> None:
    look(trader_client, page)
    talking.fail(DOWN)
    forget_flights()
    words = look(trader_client, page)
    assert DOWN.message in words.text
    assert "Positions are as last read:" in words.text
    assert "last known" in words.text
    assert "+$30.00" in words.text


@pytest.mark.parametrize("page", PAGES)
def test_an_unknown_mark_is_a_dash_and_the_sum_says_so(
    trader_client: Client, account: Account, talking: TalkingBroker, page: str
) -> None:
    del talking.quotes[SPY_PUT]
    words = look(trader_client, page)
    assert "+$30.00 without 1 unknown" in words.text
    assert "—" in words.text
    talking.quotes = DOWN
    forget_flights()
    cache.clear()
    words = look(trader_client, page)
    assert "$0" not in words.text


def test_unknown_balances_are_dashes(trader_client: Client, account: Account, talking: TalkingBroker) -> None:
    talking.balances["5WT00042"] = a_balance(cash=None, stock_buying_power=Decimal(0))
    words = look(trader_client, "/portfolio/")
    assert "Cash — Stock buying power $0.00 as of" in words.text


def test_accounts_are_added_up_and_a_missing_one_is_counted(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    add_account(account.connection, "5WT00077")
    talking.balances["5WT00077"], talking.positions["5WT00077"] = a_balance(), [a_holding()]
    words = look(trader_client, "/portfolio/?account=all")
    assert "All 2 accounts SIM Net liquidating value $200,025.68" in words.text
    assert "P/L day +$66.00" in words.text
    talking.balances["5WT00077"] = talking.positions["5WT00077"] = DOWN
    forget_flights()
    cache.clear()
    words = look(trader_client, "/portfolio/?account=all")
    assert "Net liquidating value $100,012.84 without 1 unknown" in words.text
    assert "P/L day +$36.00 without 1 unknown" in words.text
    assert "Positions are not known." in words.text


def test_simulated_and_real_money_are_never_added(
    trader_client: Client, account: Account, trader: Any, talking: TalkingBroker
) -> None:
    add_account(connect(trader, "live"), "5WT00077")
    talking.balances["5WT00077"], talking.positions["5WT00077"] = a_balance(), []
    words = look(trader_client, "/portfolio/?account=all")
    assert "$200,025.68" not in words.text
    assert words.text.count("Net liquidating value $100,012.84") == 2


def test_an_account_reached_by_two_connections_is_counted_once(
    trader_client: Client, account: Account, trader: Any, talking: TalkingBroker
) -> None:
    dead = connect(trader, state=Connection.State.NEEDS_SIGN_IN)
    add_account(dead, account.number)
    words = look(trader_client, "/portfolio/?account=all")
    assert words.text.count("$100,012.84") == 1
    assert "Connect again" in words.text


def test_without_a_choice_the_default_account_is_shown(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    add_account(account.connection, "5WT00001")
    words = look(trader_client, "/portfolio/")
    assert f"{account}" in words.text
    assert talking.calls.count("balance 5WT00042") == 1
    assert "balance 5WT00001" not in talking.calls


@pytest.mark.parametrize("page", PAGES)
def test_a_strangers_account_is_as_missing_as_one_that_never_was(
    client: Client, stranger: Any, account: Account, talking: TalkingBroker, page: str
) -> None:
    client.force_login(stranger)
    for asked in (account.pk, uuid.uuid4(), "nonsense"):
        assert client.get(f"{page}?account={asked}").status_code == 404
    assert "5WT00042" not in client.get(f"{page}?account=all").content.decode()
    assert talking.calls == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_for_signed_in_people_and_for_reading(
    client: Client, trader: Any, account: Account, talking: TalkingBroker, page: str
) -> None:
    assert client.get(page).status_code == 302
    client.force_login(trader)
    assert client.post(page).status_code == 405
    assert "no-store" in client.get(page)["Cache-Control"]


@pytest.mark.parametrize("page", PAGES)
def test_the_part_that_changes_can_be_fetched_alone(
    trader_client: Client, account: Account, talking: TalkingBroker, page: str
) -> None:
    for words in (look(trader_client, page, **{"X-Fragment": "rows"}), look(trader_client, f"{page}?fragment=1")):
        assert words.elements[0][1]["id"] == "portfolio"
        assert set(words.rows()) == {"AAPL", str(SPY_PUT)}


@pytest.mark.parametrize("page", PAGES)
def test_no_secret_reaches_the_page(trader_client: Client, trader: Any, talking: TalkingBroker, page: str) -> None:
    connection = connect(trader, sealed_refresh_token=b"canary-refresh", sealed_access_token=b"canary-access")
    add_account(connection)
    assert b"canary" not in trader_client.get(page).content


def test_a_holding_without_a_name_that_breaks_the_page(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    """Text from the broker is text on the page."""
    talking.fail(Unavailable("<script>alert(1)</script>"))
    html = trader_client.get("/portfolio/").content.decode()
    assert "<script>alert" not in html


def test_on_the_last_day_an_option_says_so(trader_client: Client, account: Account, talking: TalkingBroker) -> None:
    today = datetime.now(EXCHANGE_TIME).date()
    for days, words in ((0, "0d last day"), (5, "5d"), (-1, "expired")):
        option = replace(SPY_PUT, expiry=today + timedelta(days=days))
        talking.positions["5WT00042"] = [a_short_put(instrument=option)]
        forget_flights()
        assert f" {words} " in look(trader_client, "/portfolio/positions").text


def test_a_page_asks_the_database_a_fixed_number_of_questions(
    trader_client: Client, account: Account, talking: TalkingBroker, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        found = f"5WT1000{number}"
        add_account(account.connection, found)
        talking.balances[found], talking.positions[found] = a_balance(), [a_holding(), a_short_put()]
    with django_assert_max_num_queries(8):
        words = look(trader_client, "/portfolio/positions?account=all")
    assert "All 6 accounts" in words.text
    assert str(AAPL) in words.text
