"""The ticket of several legs as plain forms: buttons that edit it, strategies, figures, review, what is confirmed."""

import html
import re
from decimal import Decimal

import pytest
from django.test import Client
from ledger_broker import CALL
from spread_desk import FAR, Desk, edited, fields_of, legs_in, note_after, option, vertical

from brokers.domain.orders import Action
from brokers.models import Account
from trading.models import Order
from trading.pages import ticket_views
from trading.pages.forms import typed_as
from trading.risk import Finding

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    broker = Desk()
    monkeypatch.setattr("brokers.connections.broker_for", lambda connection, **_: broker)
    monkeypatch.setattr("brokers.connections.access_token", lambda connection_id, refused=None: "made-up")
    return broker


# --- review and sending ---


def test_a_vertical_goes_from_ticket_to_the_broker_as_it_was_read(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    page = trader_client.post("/trade", vertical(trading_account)).content.decode()
    words = (
        "Sell 1 AAPL 18 Dec 26 180/175 put vertical for a 1.00 credit or better, good for today, in SIM account …0042."
    )
    assert words in page
    assert "+$100.00" in page  # proceeds and the most to gain
    assert "−$400.00" in page  # the most to lose
    assert "179.00" in page  # where it breaks even
    token = re.search(r'name="preview" value="([^"]+)"', page)
    assert token
    codes = re.findall(r'name="confirmed"\s+value="(\w+)"', page)
    answer = trader_client.post("/trade/place", {"preview": token[1], "confirmed": codes})
    order = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.pk}"
    [sent] = desk.ledger.values()
    assert sent.limit_price == Decimal("1.00")
    assert [(state.leg.instrument, state.leg.action) for state in sent.legs] == [
        (option(180), Action.SELL_TO_OPEN),
        (option(175), Action.BUY_TO_OPEN),
    ]


@pytest.mark.parametrize(("effect", "limit"), [("credit", Decimal(1)), ("debit", Decimal(-1))])
def test_credit_and_debit_are_never_mixed_up(
    effect: str, limit: Decimal, trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    answer = trader_client.post("/trade", vertical(trading_account, effect=effect))
    assert answer.context["result"].ticket.limit_price == limit
    assert f"for a 1.00 {effect}" in answer.content.decode()


def test_a_spread_says_whether_it_is_a_credit(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    answer = trader_client.post("/trade", vertical(trading_account, effect=""))
    assert answer.status_code == 422
    assert "a credit (received) or a debit (paid)" in answer.content.decode()
    assert not desk.calls


def test_what_is_wrong_with_a_later_leg_is_said_at_that_leg(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    page = trader_client.post("/trade", vertical(trading_account, quantity_2="none")).content.decode()
    assert 'id="id_quantity_2_error"' in page
    assert 'value="none"' in page
    page = trader_client.post("/trade", vertical(trading_account, symbol_2=str(option(180)))).content.decode()
    assert "Each leg needs an instrument of its own." in page


def test_a_spread_offers_only_what_the_broker_takes(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    page = trader_client.post("/trade", vertical(trading_account, order_type="market")).content.decode()
    assert 'id="id_order_type_error"' in page
    single = trader_client.get("/trade").content.decode()
    assert '<option value="stop_limit">' in single
    assert '<option value="fok">' not in single


def test_a_stop_and_a_last_day_go_with_their_fields(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    typed = {
        "account": str(trading_account.pk), "symbol": "AAPL", "action": "sell_to_close", "quantity": "10",
        "order_type": "stop_limit", "limit_price": "180", "stop_price": "181", "time_in_force": "gtd",
    }  # fmt: skip
    page = trader_client.post("/trade", typed).content.decode()
    assert 'id="id_gtd_date_error"' in page
    page = trader_client.post("/trade", typed | {"stop_price": "", "gtd_date": "2026-12-24"}).content.decode()
    assert 'id="id_stop_price_error"' in page
    answer = trader_client.post("/trade", typed | {"gtd_date": "2026-12-24"})
    assert "once the price touches 181.00" in answer.content.decode()
    assert "good till 24 Dec 2026" in answer.content.decode()


def test_a_ticket_comes_back_as_it_was_typed(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    answer = trader_client.post("/trade", vertical(trading_account))
    again = typed_as(trading_account.pk, answer.context["result"].ticket)
    typed = vertical(trading_account, limit_price="1")
    assert {name: again[name] for name in typed} == typed
    shown = trader_client.get("/trade", again).content.decode()
    assert legs_in(fields_of(shown)) == legs_in(again)


# --- findings, and a market that moves ---


SOFT = Finding("", "WIDE", "The market is 40 % wide.", hard=False, numbers={"limit": "0.2", "order": "0.4"})
HARD = Finding("quantity", "ORDER_QTY", "At most 10.", numbers={"limit": "10", "order": "11"})


def token_of(page: str) -> str:
    found = re.search(r'name="preview" value="([^"]+)"', page)
    assert found, page[:3000]
    return found[1]


def test_a_soft_finding_is_confirmed_by_its_box(
    trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.risk.check", lambda *_: [SOFT])
    page = trader_client.post("/trade", vertical(trading_account)).content.decode()
    assert re.search(r'type="checkbox"\s+name="confirmed"\s+value="WIDE"[^>]*required', page)
    assert "limit=0.2" in page
    refused = trader_client.post("/trade/place", {"preview": token_of(page)})
    assert "Nothing was sent: look again" in refused.content.decode()
    assert not desk.ledger
    trader_client.post("/trade/place", {"preview": token_of(refused.content.decode()), "confirmed": ["WIDE"]})
    assert len(desk.ledger) == 1


def test_a_hard_finding_leaves_no_button_to_send(
    trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = trader_client.post("/trade", vertical(trading_account)).content.decode()
    monkeypatch.setattr("trading.risk.check", lambda *_: [HARD])
    blocked = trader_client.post("/trade", vertical(trading_account)).content.decode()
    assert "Send SIM order" in page
    assert "Send SIM order" not in blocked
    assert "At most 10." in blocked
    answer = trader_client.post("/trade/place", {"preview": token_of(page), "confirmed": ["ORDER_QTY"]})
    assert answer.status_code == 422
    assert "At most 10." in answer.content.decode()
    assert not desk.ledger


@pytest.mark.parametrize("sabotage", [False, True])
def test_a_market_that_moved_since_the_review_asks_again(
    sabotage: bool, trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.risk.check", lambda *_: [])
    monkeypatch.setattr("trading.drafting.estimates.KEPT", 0)
    if sabotage:
        monkeypatch.setattr(ticket_views, "moved", lambda *_: "")
    typed = {
        "account": str(trading_account.pk), "symbol": str(option(180)), "action": "buy_to_open", "quantity": "1",
        "order_type": "limit", "limit_price": "4.00", "time_in_force": "day",
    }  # fmt: skip
    token = token_of(trader_client.post("/trade", typed).content.decode())
    desk.shift = Decimal("0.30")
    answer = trader_client.post("/trade/place", {"preview": token})
    if sabotage:
        assert len(desk.ledger) == 1, "without the check the order goes"
        return
    page = answer.content.decode()
    assert "moved from 4.00 to 4.30 since you looked" in page
    assert not desk.ledger
    trader_client.post("/trade/place", {"preview": token_of(page)})
    assert len(desk.ledger) == 1


# --- buttons that edit ---


def test_strikes_expirations_and_rights_move_by_buttons(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    typed = vertical(trading_account)
    assert legs_in(edited(trader_client, typed, "strike_up:1"))[0][0] == str(option(185))
    assert legs_in(edited(trader_client, typed, "strike_down:2"))[1][0] == str(option(170))
    assert legs_in(edited(trader_client, typed, "expiry_up:2"))[1][0] == str(option(175, expiry=FAR))
    assert legs_in(edited(trader_client, typed, "right:1"))[0][0] == str(option(180, "C"))
    assert "earlier" in note_after(trader_client, typed, "expiry_down:1")
    assert "no strike below" in note_after(trader_client, typed | {"symbol": str(option(150))}, "strike_down:1")


def test_a_price_goes_with_its_legs(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    typed = vertical(trading_account)
    assert edited(trader_client, typed, "strike_up:1")["limit_price"] == ""
    assert edited(trader_client, typed, "more")["limit_price"] == "1.00"
    flipped = edited(trader_client, typed, "flip")
    assert (flipped["limit_price"], flipped["effect"]) == ("1.00", "debit")
    assert [action for _, action, _ in legs_in(flipped)] == ["buy_to_open", "sell_to_open"]


def test_ratios_are_kept(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    typed = vertical(trading_account, quantity="2", quantity_2="4")
    assert [size for *_, size in legs_in(edited(trader_client, typed, "more"))] == ["3", "6"]
    assert [size for *_, size in legs_in(edited(trader_client, typed, "fewer"))] == ["1", "2"]
    assert "less than once" in note_after(trader_client, vertical(trading_account), "fewer")


def test_legs_are_added_and_removed_up_to_what_the_broker_takes(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    typed = vertical(trading_account)
    three = edited(trader_client, typed, "add")
    assert legs_in(three)[2] == (str(option(170)), "sell_to_open", "1")
    four = edited(trader_client, three, "add")
    assert len(legs_in(four)) == 4
    assert "one to 4 legs" in note_after(trader_client, four, "add")
    assert legs_in(edited(trader_client, four, "remove:1")) == legs_in(four)[1:]
    alone = edited(trader_client, edited(trader_client, typed, "remove:2"), "show")
    assert "at least one leg" in note_after(trader_client, alone, "remove:1")


def test_open_or_close_is_filled_in_from_what_is_held(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    desk.held = {option(180): -2, option(170): 1}
    typed = vertical(trading_account, action="buy_to_open", quantity="2")
    assert legs_in(edited(trader_client, typed, "fill:1"))[0][1] == "buy_to_close"
    assert legs_in(edited(trader_client, typed | {"quantity": "3"}, "fill:1"))[0][1] == "buy_to_open"
    assert (
        legs_in(edited(trader_client, typed | {"action_2": "sell_to_open"}, "strike_down:2"))[1][1] == "sell_to_close"
    )


def test_what_a_working_order_closes_already_is_not_closed_twice(
    trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.risk.check", lambda *_: [])
    desk.held = {option(180): -1}
    closing = {
        "account": str(trading_account.pk), "symbol": str(option(180)), "action": "buy_to_close", "quantity": "1",
        "order_type": "limit", "limit_price": "4.00", "time_in_force": "day",
    }  # fmt: skip
    assert legs_in(edited(trader_client, closing, "fill:1"))[0][1] == "buy_to_close"
    token = token_of(trader_client.post("/trade", closing).content.decode())
    trader_client.post("/trade/place", {"preview": token})
    assert len(desk.ledger) == 1
    assert legs_in(edited(trader_client, closing, "fill:1"))[0][1] == "buy_to_open"


def test_a_strategy_fills_all_legs(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    typed = {"account": str(trading_account.pk), "symbol": "AAPL"}
    picked = {"pick": "iron_condor", "pick_width": "10", "pick_delta": "0.30", "pick_quantity": "2"}
    filled = edited(trader_client, typed, "pick", **picked)
    assert legs_in(filled) == [
        (str(option(170)), "buy_to_open", "2"),
        (str(option(180)), "sell_to_open", "2"),
        (str(option(200, "C")), "sell_to_open", "2"),
        (str(option(210, "C")), "buy_to_open", "2"),
    ]
    calendar = edited(trader_client, typed, "pick", pick="calendar", pick_right="P")
    assert [symbol for symbol, *_ in legs_in(calendar)] == [str(option(190)), str(option(190, expiry=FAR))]


@pytest.mark.parametrize(
    "picked",
    [
        {"pick": "nonsense"},
        {"pick": "vertical", "pick_width": "-5"},
        {"pick": "vertical", "pick_width": "1e9"},
        {"pick": "vertical", "pick_right": "X"},
        {"pick": "custom"},
        {"pick": "vertical", "pick_delta": "٣"},
    ],
    ids=lambda picked: "-".join(picked.values()).encode("ascii", "replace").decode(),
)
def test_what_cannot_be_picked_is_said_and_changes_nothing(
    picked: dict[str, str], trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    typed = vertical(trading_account)
    assert note_after(trader_client, typed, "pick", **picked)
    assert legs_in(edited(trader_client, typed, "pick", **picked)) == legs_in(typed)


@pytest.mark.parametrize(
    "what", ["", "x", "remove:9", "remove:", "strike_up:0", "strike_up:²", "pick:1" * 50, "fill:-1"]
)
def test_a_made_up_button_does_nothing(what: str, trader_client: Client, trading_account: Account, desk: Desk) -> None:
    typed = vertical(trading_account)
    assert legs_in(edited(trader_client, typed, what)) == legs_in(typed)


def test_an_option_is_chosen_for_the_leg_that_asked(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    answer = trader_client.post("/trade", vertical(trading_account) | {"choose": "2"})
    page = trader_client.get(answer["Location"]).content.decode()
    link = re.search(r'data-option="AAPL  261218P00165000"\s+href="([^"]+)"', page)
    assert link
    shown = fields_of(trader_client.get(html.unescape(link[1])).content.decode())
    assert [symbol for symbol, *_ in legs_in(shown)] == [str(option(180)), str(option(165))]


# --- figures ---


def test_figures_follow_what_is_typed_and_send_nothing(
    trader_client: Client, trading_account: Account, desk: Desk
) -> None:
    page = trader_client.get("/trade/figures", vertical(trading_account)).content.decode()
    assert "+$100.00" in page
    assert "Estimate of the desk" in page
    assert "at a 1.00 credit" in page
    assert "<polyline" in page
    assert "The curve as a table" in page
    assert "style=" not in page
    assert "preview" not in desk.calls
    unlimited = {"symbol": str(CALL), "action": "sell_to_open", "quantity": "1", "account": str(trading_account.pk)}
    assert re.search(r'id="max-loss">\s*unlimited', trader_client.get("/trade/figures", unlimited).content.decode())


def test_the_broker_is_asked_only_by_the_button(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    page = trader_client.get("/trade/figures", vertical(trading_account) | {"ask": "1"}).content.decode()
    assert "$93,317.33" in page
    assert "Broker, dry run of" in page
    assert desk.calls.count("preview") == 1
    bad = trader_client.get("/trade/figures", vertical(trading_account, quantity="") | {"ask": "1"}).content.decode()
    assert "form-error" in bad


def test_legs_on_different_things_have_no_figures(trader_client: Client, trading_account: Account, desk: Desk) -> None:
    page = trader_client.get("/trade/figures", vertical(trading_account, symbol_2="MSFT")).content.decode()
    assert "different underlyings" in page
    assert "<polyline" not in page


def test_figures_without_quotes_are_unknown_not_zero(
    trader_client: Client, trading_account: Account, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "get_quotes", lambda instruments: {})
    page = trader_client.get("/trade/figures", vertical(trading_account, limit_price="")).content.decode()
    assert re.search(r'id="max-profit">\s*—', page)
    assert re.search(r'id="pop">\s*—', page)
