"""Options on futures in the ticket: chosen by expiration and strike, moved by buttons, spread by name, sent."""

import html
import re
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from simulator_server import SimulatorServer

from brokers.domain.instruments import Future, FutureOption, parse_instrument
from brokers.domain.orders import Action
from brokers.models import Account
from trading.models import Order
from trading.pages import holding_orders

pytestmark = pytest.mark.django_db(transaction=True)
LINK = re.compile(r'href="(/trade\?[^"]+)"')


@pytest.fixture
def browser(simulated_account: Account) -> Client:
    client = Client()
    client.force_login(simulated_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def a_future() -> Future:
    """The quarter that is traded most: three weeks from now or more."""
    soon: date = (timezone.now() + timedelta(days=21)).date()
    return Future("ES", soon.year, (soon.month + 2) // 3 * 3)


def ticket(account: Account, symbol: str, **more: str) -> dict[str, str]:
    return {
        "account": str(account.pk), "symbol": symbol, "action": "buy_to_open", "quantity": "1",
        "order_type": "limit", "time_in_force": "day",
    } | more  # fmt: skip


def option_in(page: str, number: int = 1) -> FutureOption:
    """The leg that a ticket's page holds."""
    name = "symbol" if number == 1 else f"symbol_{number}"
    tag = next(tag for tag in re.findall(r"<input[^>]*>", page) if f'name="{name}"' in tag)
    found = parse_instrument(html.unescape(re.search(r'value="([^"]*)"', tag)[1]))  # type: ignore[index]
    assert isinstance(found, FutureOption)
    return found


def chosen(browser: Client, account: Account) -> FutureOption:
    """From the future to the board of its options to one of them."""
    sent = browser.post("/trade", ticket(account, str(a_future()), choose="1"))
    page = browser.get(sent["Location"]).content.decode()
    assert f"Options on {a_future()}" in page
    links = [html.unescape(link) for link in LINK.findall(page)]
    symbols = [parse_qs(urlsplit(link).query)["symbol"][0] for link in links if "symbol=" in link]
    options = [one for one in map(parse_instrument, symbols) if isinstance(one, FutureOption)]
    assert len(options) > 20
    return options[len(options) // 2]


def edited(browser: Client, typed: dict[str, str], what: str, **picked: str) -> str:
    answer = browser.post("/trade", typed | {"edit": what} | picked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_option_on_a_future_is_chosen_and_moved_by_its_strike_and_expiration(
    browser: Client, simulated_account: Account
) -> None:
    option = chosen(browser, simulated_account)
    typed = ticket(simulated_account, str(option))
    up = option_in(edited(browser, typed, "strike_up:1"))
    assert (up.strike > option.strike, up.expiry) == (True, option.expiry)
    later = option_in(edited(browser, typed, "expiry_up:1"))
    assert later.expiry >= option.expiry  # at a month's end two end on one day
    assert (later.contract != option.contract, later.right) == (True, option.right)
    turned = option_in(edited(browser, typed, "right:1"))
    assert (turned.right is option.right, turned.strike) == (False, option.strike)
    board = browser.post("/trade", typed | {"choose": "1"})
    assert f'value="{option.expiry.isoformat()}-{option.contract}"' in browser.get(board["Location"]).content.decode()


def test_a_strategy_of_options_on_a_future_is_picked(browser: Client, simulated_account: Account) -> None:
    option = chosen(browser, simulated_account)
    expiry = f"{option.expiry.isoformat()}-{option.contract}"
    picked = {"pick": "vertical", "pick_side": "buy", "expiry": expiry, "pick_width": "25"}
    page = edited(browser, ticket(simulated_account, str(a_future())), "pick", **picked)
    legs = [option_in(page, 1), option_in(page, 2)]
    assert {leg.contract for leg in legs} == {option.contract}
    assert len({leg.strike for leg in legs}) == 2
    assert "call vertical" in page


@pytest.mark.parametrize("how", ["roll_out", "roll_up", "roll_down"])
def test_a_held_option_on_a_future_is_rolled(
    how: str, browser: Client, simulated_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = chosen(browser, simulated_account)
    monkeypatch.setattr(holding_orders, "free_quantities", lambda account, **_: {option: Decimal(-2)})
    closing, opening = holding_orders.roll(simulated_account, str(option), how)
    assert (closing.instrument, closing.action, closing.quantity) == (option, Action.BUY_TO_CLOSE, 2)
    new = opening.instrument
    assert isinstance(new, FutureOption)
    assert (new.future, new.right, opening.action, opening.quantity) == (
        option.future, option.right, Action.SELL_TO_OPEN, 2,
    )  # fmt: skip
    later, higher = new.expiry > option.expiry, new.strike > option.strike
    assert {"roll_out": later, "roll_up": higher and not later, "roll_down": not higher and not later}[how]


def test_where_there_are_none_it_is_said_in_words(
    browser: Client, simulated_account: Account, simulated: SimulatorServer
) -> None:
    answer = browser.get("/trade/options", ticket(simulated_account, "BTC/USD"))
    assert b"Type the symbol of a share or a future first" in answer.content
    assert not Order.objects.exists()
