"""What ticket, bar and lists say while something is missing: a quantity, a price on the grid, the shares of a call."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from ledger_broker import LedgerBroker
from spread_desk import NEAR, Desk, edited, legs_in, note_after, option, vertical

from brokers import registry
from brokers.domain.instruments import Equity, Instrument, Option, parse_instrument
from brokers.domain.market import Quote
from brokers.domain.orders import OrderTicket, Preview
from brokers.models import Account
from brokers.port import Capabilities
from trading.pages import editing
from trading.safety import halts

pytestmark = pytest.mark.django_db
AAPL = Equity("AAPL")


Behind = Callable[[LedgerBroker], None]


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Behind:
    """Puts a broker behind every connection."""

    def put(broker: LedgerBroker) -> None:
        monkeypatch.setattr("brokers.connections.broker_for", lambda connection, **_: broker)
        monkeypatch.setattr("brokers.connections.access_token", lambda connection_id, refused=None: "made-up")

    return put


@pytest.fixture
def desk(behind: Behind) -> Desk:
    broker = Desk()
    behind(broker)
    return broker


def assumed(client: Client, typed: dict[str, str]) -> str:
    page = client.get("/trade/figures", typed).content.decode()
    found = re.search(r'id="assumed">(.*?)</div>', page, re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", found[1])).strip() if found else ""


def share(account: Account, **changes: str) -> dict[str, str]:
    return {"account": str(account.pk), "symbol": "AAPL", "action": "buy_to_open", "quantity": "10"} | changes


def test_figures_without_a_quantity_say_that_they_are_for_one(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    assert assumed(trader_client, share(trading_account)) == ""
    words = assumed(trader_client, share(trading_account, quantity=""))
    assert words == "No quantity is typed yet: these figures are for one."
    spread = vertical(trading_account, quantity_2="")
    assert assumed(trader_client, spread) == "No quantity of leg 2 is typed yet: these figures are for one."


def test_what_is_no_quantity_is_named(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    assert assumed(trader_client, share(trading_account, quantity="ten")) == "“ten” is no quantity."


def test_a_price_between_two_steps_is_said_beside_the_figures(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    assert assumed(trader_client, share(trading_account, limit_price="190.01")) == ""
    words = assumed(trader_client, share(trading_account, limit_price="190.015"))
    assert "190.015 is between two prices" in words
    assert "190.01 or 190.02" in words


# --- shares and options in one order ---


def picked(kind: str) -> dict[str, str]:
    return {"pick": kind, "pick_right": "C", "expiry": f"{NEAR.isoformat()}-AAPL"}


def taking_shares(monkeypatch: pytest.MonkeyPatch, takes: bool) -> None:
    spec = registry.spec("tastytrade")
    able = {name: getattr(spec.capabilities, name) for name in Capabilities.__slots__} | {"shares_in_spreads": takes}
    fake: Any = type("Spec", (), {"capabilities": Capabilities(**able)})
    monkeypatch.setattr(editing, "registry", type("Registry", (), {"spec": staticmethod(lambda name: fake)}))


def test_where_shares_go_alone_those_held_cover_the_call(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    desk.held = {AAPL: Decimal(100)}
    legs = legs_in(edited(trader_client, share(trading_account), "pick", **picked("covered_call")))
    assert len(legs) == 1
    assert legs[0][1:] == ("sell_to_open", "1")


def test_where_shares_go_alone_and_are_not_held_it_says_what_to_do_first(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    desk.held = {AAPL: Decimal(99)}
    words = note_after(trader_client, share(trading_account), "pick", **picked("covered_call"))
    assert "buy 100 AAPL first" in words


def test_where_shares_may_go_with_options_they_are_a_leg(
    trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking_shares(monkeypatch, True)
    legs = legs_in(edited(trader_client, share(trading_account), "pick", **picked("covered_call")))
    assert [leg[1] for leg in legs] == ["buy_to_open", "sell_to_open"]


def test_a_broker_that_takes_no_shares_with_options_is_not_asked(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    typed = vertical(trading_account, symbol="AAPL", action="buy_to_open", quantity="100")
    typed |= {"symbol_2": str(option(195, "C")), "action_2": "sell_to_open", "limit_price": "188.00", "effect": "debit"}
    page = trader_client.post("/trade", typed).content.decode()
    assert "no shares and options in one order" in html.unescape(page)
    assert "preview_order" not in desk.calls


# --- strikes by delta ---


class Untold(Desk):
    """A broker whose quotes have no Greeks."""

    def _quote(self, one: Instrument, now: Any) -> Quote:
        told = super()._quote(one, now)
        return Quote(told.instrument, told.as_of, told.bid, told.ask, halted=False)


def test_without_told_deltas_the_strike_is_found_by_the_model(
    trader_client: Client, trading_account: Account, behind: Behind
) -> None:
    behind(Untold())
    typed = share(trading_account, symbol="AAPL")
    strikes = {}
    for delta in ("0.45", "0.20"):
        wish = picked("single") | {"pick_delta": delta, "pick_width": "1"}
        (leg,) = legs_in(edited(trader_client, typed, "pick", **wish))
        found = parse_instrument(leg[0])
        assert isinstance(found, Option)
        strikes[delta] = found.strike
    assert 190 <= strikes["0.45"] < strikes["0.20"]


# --- the bar and the lists ---


def state_in(page: str) -> str:
    found = re.search(r'class="kill-state">(\w+)<', page)
    return found[1] if found else ""


def test_the_bar_tells_whether_trading_is_active_reducing_or_halted(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    assert state_in(trader_client.get("/halt").content.decode()) == "Active"
    for state, word in (("reducing", "Reducing"), ("halted", "Halted")):
        given = {"account": "all", "state": state, "reason": "to see"}
        trader_client.post("/halt", given)
        assert state_in(trader_client.get("/settings/limits").content.decode()) == word
    assert halts.seen_by(trading_account.connection.user)


def test_orders_with_nothing_connected_show_one_sentence_and_one_button(client: Client, django_user_model: Any) -> None:
    client.force_login(
        django_user_model.objects.create_user("newcomer"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    page = client.get("/orders/").content.decode()
    assert "First step: connect a broker" in page
    assert "New order" not in page


# --- without a script ---


def test_the_market_of_the_order_is_there_without_a_script(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    page = trader_client.post("/trade", vertical(trading_account) | {"edit": "show"}).content.decode()
    told = dict(re.findall(r'data-net="(\w+)">\s*([^<]*?)\s*</dd>', page))
    assert {name: words.split(" ")[1] for name, words in told.items()} == dict.fromkeys(("natural", "mid", "far"), "cr")
    natural, mid, far = (Decimal(told[name].split(" ")[0]) for name in ("natural", "mid", "far"))
    assert (natural < mid < far, mid * 2) == (True, natural + far)
    single = trader_client.post("/trade", share(trading_account) | {"edit": "show"}).content.decode()
    told = dict(re.findall(r'data-net="(\w+)">\s*([^<]*?)\s*</dd>', single))
    assert told == {"bid": "189.98", "mid": "190.00", "ask": "190.02"}


def test_the_board_of_options_has_prices_without_a_script(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    given = share(trading_account) | {"leg": "1"}
    told = r'data-symbol="AAPL  261218C00190000"[^>]*data-field="bid">([^<]+)<'
    whole = trader_client.get("/trade/options", given).content.decode()
    assert re.findall(told, whole) == ["5.95"]
    part = trader_client.get("/trade/options", given | {"fragment": "1"}).content.decode()
    assert re.findall(told, part) == ["—"]


# --- buying power where the broker does not tell ---


class Silent(Desk):
    """A broker that tells no buying power beforehand."""

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview:
        told = super().preview_order(account_number, ticket)
        return replace(told, buying_power_before=None, buying_power_after=None, buying_power_change=None)


def test_where_the_broker_tells_no_buying_power_the_desk_estimates_and_says_so(
    trader_client: Client, trading_account: Account, behind: Behind
) -> None:
    behind(Silent())
    page = trader_client.post("/trade", vertical(trading_account)).content.decode()
    assert "estimated by the desk" in page
    before, after = (Decimal(amount.replace(",", "")) for amount in re.findall(r"\$([\d,.]+) → \$([\d,.]+)", page)[0])
    assert before - after == 400
