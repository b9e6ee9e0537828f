"""A broker with a ledger: it takes orders as the port says, and loses answers when a test tells it to."""

import itertools
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from brokers.domain.instruments import Equity, Instrument, Option
from brokers.domain.market import Chain, Details, Expiration, Match, PriceIncrements, Quote, Strike
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    Fee,
    Fill,
    Leg,
    LegState,
    OrderTicket,
    OrderType,
    OrderUpdate,
    Placed,
    Preview,
    TimeInForce,
)
from brokers.errors import BrokerError, Refused
from brokers.models import Account, Connection

AAPL = Equity("AAPL")
CENTS = PriceIncrements(((None, Decimal("0.01")),))
NICKELS = PriceIncrements(((Decimal(3), Decimal("0.05")), (None, Decimal("0.10"))))
CALL = Option("AAPL", date(2026, 12, 18), "C", Decimal(190))  # type: ignore[arg-type]


def a_ticket(quantity: str = "10", price: str | None = "190.00", action: Action = Action.BUY_TO_OPEN) -> OrderTicket:
    limit = None if price is None else Decimal(price) * -action.sign
    return OrderTicket(
        legs=(Leg(AAPL, action, Decimal(quantity)),),
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=limit,
    )


@dataclass
class LedgerBroker:
    """``before`` and ``after`` are called around the acceptance of an order and may raise what a test wants."""

    account_number: str = "5WT00042"
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    listing_fault: Callable[[], None] = lambda: None
    cancel_fault: Callable[[], None] = lambda: None
    ledger: dict[str, OrderUpdate] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: Any = field(default_factory=lambda: itertools.count(1075264))
    versions: Any = field(default_factory=lambda: itertools.count(1795185612405))

    def _called(self, name: str) -> None:
        with self.lock:
            self.calls.append(name)

    # orders

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview:
        self._called("preview")
        self.before()
        return Preview(
            Decimal("95217.34"), Decimal("93317.33"), Decimal("-1900.01"), Decimal("-1900"),
            (Fee("clearing", Decimal("-0.01")),), Decimal("-0.01"),
        )  # fmt: skip

    def place_order(self, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed:
        self._called("place")
        self.before()
        now = datetime.now(timezone.utc)
        update = OrderUpdate(
            account_number=account_number,
            broker_order_id=str(next(self.ids)),
            client_ref=client_ref,
            status=BrokerStatus.ROUTED,
            broker_status="Routed",
            order_type=ticket.order_type,
            time_in_force=ticket.time_in_force,
            limit_price=ticket.limit_price,
            stop_price=None,
            legs=tuple(LegState(leg, leg.quantity) for leg in ticket.legs),
            received_at=now,
            updated_at=now,
            version=next(self.versions),
        )
        with self.lock:
            self.ledger[update.broker_order_id] = update
        self.after()
        return Placed(update)

    def cancel_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        self._called("cancel")
        order = self.ledger[broker_order_id]
        if order.status not in (BrokerStatus.ROUTED, BrokerStatus.WORKING):
            raise Refused("Order is not cancellable", broker="tastytrade", broker_code="cannot_update_order")
        self.move(broker_order_id, BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")
        self.cancel_fault()
        return self.ledger[broker_order_id]

    def get_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        self._called("list")
        self.listing_fault()
        shown = [order for key, order in self.ledger.items() if key not in self.hidden]
        return [order for order in shown if order.account_number == account_number]

    def get_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        self._called("read")
        self.listing_fault()
        return self.ledger[broker_order_id]

    # what a test does at the broker

    def move(self, broker_order_id: str, status: BrokerStatus, word: str, **changes: Any) -> OrderUpdate:
        changes |= {"status": status, "broker_status": word, "version": next(self.versions)}
        self.ledger[broker_order_id] = replace(self.ledger[broker_order_id], **changes)
        return self.ledger[broker_order_id]

    def fill(self, broker_order_id: str, quantity: str, price: str = "189.99") -> OrderUpdate:
        order = self.ledger[broker_order_id]
        state = order.legs[0]
        fill = Fill(
            f"fill-{next(self.versions)}", state.leg.instrument, Decimal(quantity), Decimal(price),
            datetime.now(timezone.utc),
        )  # fmt: skip
        left = state.remaining - fill.quantity
        legs = (LegState(state.leg, left, (*state.fills, fill)),)
        if left:
            return self.move(broker_order_id, BrokerStatus.WORKING, "Live", legs=legs)
        return self.move(broker_order_id, BrokerStatus.FILLED, "Filled", legs=legs)

    # market

    def get_details(self, instrument: Instrument) -> Details:
        if instrument == AAPL:
            return Details(instrument, "Apple Inc.", CENTS, Decimal(1), has_options=True)
        if isinstance(instrument, Option) and instrument.root == "AAPL":
            return Details(instrument, "AAPL call", NICKELS, Decimal(100), AAPL)
        raise Refused(f"There is no {instrument}", broker="tastytrade", broker_code="not_found")

    def get_chain(self, underlying: Instrument) -> Chain:
        if underlying != AAPL:
            raise Refused("There are no options on this", broker="tastytrade")
        strikes = []
        for price in range(150, 231, 5):
            call = replace(CALL, strike=Decimal(price))
            strikes.append(Strike(Decimal(price), call, replace(call, right="P")))  # type: ignore[arg-type]
        expiration = Expiration(CALL.expiry, "regular", "PM", "AAPL", Decimal(100), NICKELS, tuple(strikes))
        return Chain(underlying, (expiration,))

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        now = datetime.now(timezone.utc)
        return {one: Quote(one, now, Decimal("189.98"), Decimal("190.02")) for one in instruments}

    def search(self, text: str) -> list[Match]:
        return [Match(AAPL, "Apple Inc.", True)] if "AAPL".startswith(text.upper()) else []


def raiser(error: BrokerError | Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def ago(**span: float) -> datetime:
    return datetime.now(timezone.utc) - timedelta(**span)


def open_account(username: str, number: str) -> Account:
    user, _ = get_user_model().objects.get_or_create(username=username)
    connection = Connection.objects.create(
        user=user, broker="tastytrade", environment="sim", grant_kind=Connection.GrantKind.PERSONAL
    )
    return Account.objects.create(connection=connection, number=number, kind="margin", is_default=True)
