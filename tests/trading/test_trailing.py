"""Trailing stops: their terms as text, form and JSON; what speaks against one; no stop price of their own."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from ledger_broker import open_account
from risk_scene import ABLE, PUT_90, buy, kinds, leg, scene, sell, ticket

from brokers.domain.orders import Action, InvalidTicket, OrderTicket, OrderType, TimeInForce, Trail
from brokers.models import Account
from brokers.port import Term
from trading import risk, tickets
from trading.pages.forms import TicketForm, typed_as
from trading.protocol.replaces import differences


def trailing(amount: str = "2.50", *, percent: bool = False, time: TimeInForce = TimeInForce.GTC) -> OrderTicket:
    trail = Trail(Decimal(amount), percent)
    return replace(sell(), order_type=OrderType.TRAILING_STOP, time_in_force=time, limit_price=None, trail=trail)


@pytest.mark.parametrize("made", [trailing(), trailing("5", percent=True)])
def test_its_text_is_read_back_whatever_its_stop_stands_at_meanwhile(made: OrderTicket) -> None:
    written = tickets.to_json(made)
    assert tickets.from_json(written) == made
    assert tickets.from_json(written | {"stop_price": "187.50"}) == made


def test_other_orders_keep_the_text_by_which_they_were_hashed_before() -> None:
    assert "trail" not in tickets.to_json(buy())


def test_the_sentence_says_how_it_works() -> None:
    assert "once the price has turned by 2.50 at the market price" in tickets.describe_ticket(trailing())
    assert "turned by 5 %" in tickets.describe_ticket(trailing("5", percent=True))


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"trail": None}, "trail"),
        ({"trail": Trail(Decimal(1)), "order_type": OrderType.MARKET}, "trail"),
        ({"stop_price": Decimal(180)}, "stop_price"),
        ({"limit_price": Decimal(180)}, "limit_price"),
        ({"legs": (leg(PUT_90, Action.BUY_TO_OPEN), leg(PUT_90, Action.SELL_TO_OPEN))}, "legs"),
        ({"legs": tuple(ticket(leg(PUT_90, Action.BUY_TO_OPEN)).legs) + sell().legs}, "order_type"),
    ],
)
def test_one_that_makes_no_sense_cannot_be_built(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidTicket) as caught:
        replace(trailing(), **terms)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("amount", "percent"), [("0", False), ("-1", False), ("NaN", False), ("100", True), ("1e20", False)]
)
def test_a_distance_is_above_nothing_and_below_everything(amount: str, percent: bool) -> None:
    with pytest.raises(InvalidTicket):
        Trail(Decimal(amount), percent)


def test_a_stop_that_would_stay_as_far_behind_as_the_price_is_refused() -> None:
    market = kinds(trailing("1.00"), scene())
    assert "BAD_PRICE" not in market
    assert kinds(trailing("100000"), scene())["BAD_PRICE"] == "hard"
    assert "BAD_PRICE" not in kinds(trailing("99", percent=True), scene())


@pytest.fixture
def tradestation_account() -> Account:
    account = open_account("trader", "SIM5080004M")
    account.connection.broker = "tradestation"
    account.connection.save()
    return account


def test_it_waits_so_it_is_not_for_at_once_and_only_where_the_broker_has_it() -> None:
    able = replace(ABLE, order_types=frozenset(OrderType), times_in_force=frozenset(TimeInForce))
    at_once = risk.check_terms(trailing(time=TimeInForce.IOC), able)
    assert [finding.field for finding in at_once] == ["time_in_force"]
    unable = replace(able, order_types=frozenset(OrderType) - {OrderType.TRAILING_STOP})
    assert [finding.field for finding in risk.check_terms(trailing(), unable)] == ["order_type"]
    assert risk.check_terms(trailing(), able) == []


def test_a_new_distance_is_a_term_of_its_own() -> None:
    assert differences(trailing("2.50"), trailing("3")) == {Term.TRAIL}
    assert differences(trailing("3"), trailing("3", percent=True)) == {Term.TRAIL}


@pytest.mark.django_db
@pytest.mark.parametrize("made", [trailing(), trailing("5", percent=True)])
def test_the_form_makes_what_it_was_filled_in_with(made: OrderTicket, tradestation_account: Account) -> None:
    form = TicketForm(typed_as(tradestation_account.pk, made), accounts=[tradestation_account])
    assert form.is_valid(), form.errors
    assert form.cleaned_data["ticket"] == made


@pytest.mark.django_db
def test_the_form_asks_for_the_distance_and_drops_it_from_other_types(tradestation_account: Account) -> None:
    typed = typed_as(tradestation_account.pk, trailing())
    form = TicketForm(typed | {"trail": ""}, accounts=[tradestation_account])
    assert "how far" in str(form.errors["trail"])
    form = TicketForm(typed | {"order_type": "market", "time_in_force": "day"}, accounts=[tradestation_account])
    assert form.is_valid()
    assert form.cleaned_data["ticket"].trail is None
