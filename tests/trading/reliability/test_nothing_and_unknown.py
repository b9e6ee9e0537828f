"""A zero stays a zero and what is not known stays that: in the ticket, on the wire, in the store, on pages."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.template import Context, Template
from ledger_broker import AAPL, CALL, LedgerBroker, a_ticket

from brokers.domain.instruments import Option
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    InvalidTicket,
    Leg,
    OrderTicket,
    OrderType,
    Preview,
    TimeInForce,
)
from brokers.models import Account
from brokers.tastytrade.codec import orders as tastytrade
from brokers.tradestation.codec import placing as tradestation
from brokers.wire import Node, decode, optional_number
from trading import orders, tickets
from trading.api import documents
from trading.models import Order
from trading.pages import rows

ZERO = Decimal(0)
PUT: Option = replace(CALL, right="P")  # type: ignore[arg-type]


def a_spread(price: str | None) -> OrderTicket:
    """Several legs, whose net price may be nothing at all: even money."""
    legs = (Leg(CALL, Action.BUY_TO_OPEN, Decimal(1)), Leg(PUT, Action.SELL_TO_OPEN, Decimal(1)))
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return OrderTicket(legs, kind, TimeInForce.DAY, None if price is None else Decimal(price))


# --- the ticket ---


@pytest.mark.parametrize("zero", ["0", "0.00", "-0", "0E-8"])
def test_a_limit_of_nothing_is_a_limit(zero: str) -> None:
    ticket = a_spread(zero)
    assert ticket.limit_price == 0
    assert ticket.effect is not None
    kept = tickets.to_json(ticket)
    assert kept["limit_price"] == "0", "one text for every nothing, and no minus before it"
    assert tickets.from_json(kept).limit_price == 0
    assert "even money" in tickets.terms(ticket)


def test_no_limit_is_none_everywhere() -> None:
    ticket = a_ticket(price=None)
    assert (ticket.limit_price, ticket.effect) == (None, None)
    assert tickets.to_json(ticket)["limit_price"] is None
    assert tickets.from_json(tickets.to_json(ticket)).limit_price is None
    assert "market price" in tickets.terms(ticket)


def test_a_limit_of_nothing_and_none_are_two_tickets() -> None:
    none = {**tickets.to_json(a_spread("0")), "limit_price": None}
    assert tickets.canonical(none) != tickets.canonical(tickets.to_json(a_spread("0")))


NEVER_NOTHING: dict[str, Callable[[], Any]] = {
    "a quantity": lambda: Leg(AAPL, Action.BUY_TO_OPEN, ZERO),
    "a share's limit": lambda: a_ticket(price="0"),
    "a stop": lambda: OrderTicket(
        (Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(1)),), OrderType.STOP, TimeInForce.DAY, stop_price=ZERO
    ),
    "a limit that is left out": lambda: OrderTicket(
        (Leg(AAPL, Action.BUY_TO_OPEN, Decimal(1)),), OrderType.LIMIT, TimeInForce.DAY
    ),
    "a stop that is left out": lambda: OrderTicket(
        (Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(1)),), OrderType.STOP, TimeInForce.DAY
    ),
}


@pytest.mark.parametrize("what", NEVER_NOTHING)
def test_where_nothing_makes_no_sense_it_is_refused_and_not_left_out(what: str) -> None:
    with pytest.raises(InvalidTicket):
        NEVER_NOTHING[what]()


# --- the wire ---


def at_tastytrade(ticket: OrderTicket) -> dict[str, Any]:
    body = tastytrade.order_body(ticket)
    return {"limit": body.get("price"), "stop": body.get("stop-trigger")}


def at_tradestation(ticket: OrderTicket) -> dict[str, Any]:
    body = tradestation.order_body("11223344", ticket)
    return {"limit": body.get("LimitPrice"), "stop": body.get("StopPrice")}


WIRES = {"tastytrade": at_tastytrade, "tradestation": at_tradestation}


@pytest.mark.parametrize("broker", WIRES)
def test_a_limit_of_nothing_is_written_and_no_limit_is_not(broker: str) -> None:
    write = WIRES[broker]
    assert write(a_spread("0")) == {"limit": "0", "stop": None}
    assert write(a_ticket(price=None)) == {"limit": None, "stop": None}
    assert write(a_spread("-0.05"))["limit"] == "0.05"


def test_a_serializer_that_takes_nothing_for_none_would_be_seen() -> None:
    """The slip of others: ``abs(price) if price else None``."""
    ticket = a_spread("0")
    slip = {"limit": abs(ticket.limit_price) if ticket.limit_price else None, "stop": None}
    assert slip != at_tastytrade(ticket)


READ = [('{"n": 0}', ZERO), ('{"n": "0"}', ZERO), ('{"n": "0.00"}', ZERO), ('{"n": null}', None), ("{}", None)]


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_a_number_that_was_told_as_nothing_is_not_one_that_was_not_told(text: str, wanted: Decimal | None) -> None:
    assert optional_number(decode(text), "n") == wanted


@pytest.mark.parametrize(("price", "wanted"), [("0.0", ZERO), ("1.25", Decimal("1.25")), (None, None)])
def test_a_brokers_price_of_nothing_is_read_as_such(price: str | None, wanted: Decimal | None) -> None:
    order = {"id": 7, "account-number": "5WT00042", "status": "Live", "order-type": "Limit", "time-in-force": "Day"}
    order |= {"legs": []} | ({"price": price, "price-effect": "Credit"} if price is not None else {})
    assert tastytrade.read_order(Node(order, "order")).limit_price == wanted


# --- what is kept, and told to programs ---


@pytest.mark.django_db
def test_an_orders_document_tells_nothing_and_unknown_apart(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    even, market = (
        orders.place(account=trading_account, ticket=ticket, idempotency_key=key, source=Order.Source.API)[0]
        for key, ticket in (("even", a_spread("0")), ("market", a_ticket(price=None)))
    )
    told = {name: documents.order_document(Order.objects.get(pk=order.pk)) for name, order in
            (("even", even), ("market", market))}  # fmt: skip
    assert (told["even"]["limit_price"], told["even"]["price_effect"]) == ("0", "debit")
    assert (told["market"]["limit_price"], told["market"]["price_effect"]) == (None, None)
    for document in told.values():
        assert (document["filled_quantity"], document["average_fill_price"]) == ("0", None), (
            "nothing filled, at no price"
        )
        assert document["stop_price"] is None
    assert rows.row_of(Order.objects.shown().get(pk=even.pk), {}).price_words == "0.00"
    assert rows.row_of(Order.objects.shown().get(pk=market.pk), {}).price_words == "—"


@pytest.mark.parametrize(
    ("given", "told"), [(None, None), (ZERO, "0.00"), (Decimal("-0"), "0.00"), (Decimal("-0.5"), "-0.50")]
)
def test_dollars_for_programs_are_nothing_or_null(given: Decimal | None, told: str | None) -> None:
    assert tickets.amount_text(given) == told


@pytest.mark.parametrize(("change", "told"), [(None, None), (ZERO, "0.00")])
def test_a_dry_run_that_takes_nothing_is_not_one_that_does_not_tell(change: Decimal | None, told: str | None) -> None:
    foreseen = Preview(None, None, change, None, (), None)
    at = datetime(2026, 11, 20, 15, tzinfo=timezone.utc)
    figures = orders._figures(foreseen, change, (), at)
    assert (figures["buying_power_change"], figures["estimated_cost"]) == (told, told)
    assert (figures["total_fees"], figures["buying_power_before"]) == (None, None)


# --- pages ---

SHOWN = {
    "money": "$0.00", "gain": "$0.00", "price": "0.00", "quantity": "0", "count": "0", "percent": "0.0 %",
    "percent_gain": "0.0 %",
}  # fmt: skip


@pytest.mark.parametrize("figure", SHOWN)
@pytest.mark.parametrize("zero", [ZERO, Decimal("-0"), Decimal("0.000000004"), Decimal("-0.000000004"), "0", "0.00"])
def test_a_page_shows_nothing_as_zero_without_a_sign(figure: str, zero: Any) -> None:
    shown = drawn(figure, zero)
    if figure in ("quantity", "count", "price") and Decimal(zero) != 0:
        assert shown.lstrip("−+0.")[:1] in "4" or shown == SHOWN[figure]  # a holding is never rounded away
        return
    assert shown == SHOWN[figure]


@pytest.mark.parametrize("figure", SHOWN)
@pytest.mark.parametrize("unknown", [None, ""])
def test_a_page_shows_what_is_not_known_as_a_dash(figure: str, unknown: Any) -> None:
    assert drawn(figure, unknown) == "—"


def drawn(figure: str, value: Any) -> str:
    return Template("{% load desk %}{{ value|" + figure + " }}").render(Context({"value": value}))


@pytest.mark.django_db
def test_less_than_one_filled_is_not_none_filled(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    """The smallest quantity that brokers know survives the store and the document."""
    order, _ = orders.place(account=trading_account, ticket=a_ticket("1"), idempotency_key="k", source=Order.Source.API)
    ledger_broker.fill(str(order.broker_order_id), "0.00000001")
    orders.record(trading_account.connection_id, list(ledger_broker.ledger.values()), "listing")
    order.refresh_from_db()
    assert order.filled_quantity == Decimal("0.00000001")
    assert documents.order_document(Order.objects.shown().get(pk=order.pk))["filled_quantity"] == "0.00000001"
    assert ledger_broker.ledger[str(order.broker_order_id)].status is BrokerStatus.WORKING


def test_the_first_day_of_an_epoch_is_a_date() -> None:
    """Dates and times have no zero that could be taken for none: the earliest ones are kept as they are."""
    ticket = replace(a_ticket(), time_in_force=TimeInForce.GTD, gtd_date=date.min)
    assert tickets.from_json(tickets.to_json(ticket)).gtd_date == date.min
    assert documents.moment(datetime(1970, 1, 1, tzinfo=timezone.utc)) == "1970-01-01T00:00:00Z"
    assert documents.moment(None) is None
