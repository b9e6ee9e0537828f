"""A broker with a ledger: it takes orders as the port says, and loses answers when a test tells it to."""

import itertools
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from brokers.domain.accounts import Balance, PastBalance, Position, Restrictions
from brokers.domain.instruments import Equity, Instrument, Option
from brokers.domain.market import (
    Chain,
    Details,
    Expiration,
    MarketState,
    MarketStatus,
    Match,
    Metrics,
    PriceIncrements,
    Quote,
    Strike,
)
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    Fee,
    Fill,
    Leg,
    LegState,
    OrderGroup,
    OrderTicket,
    OrderType,
    OrderUpdate,
    Placed,
    PlacedGroup,
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
    preview_fault: Callable[[], None] = lambda: None
    replace_before: Callable[[], None] = lambda: None
    replace_after: Callable[[], None] = lambda: None
    keeps_id: bool = False
    listing_fault: Callable[[], None] = lambda: None
    cancel_fault: Callable[[], None] = lambda: None
    ledger: dict[str, OrderUpdate] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    held: dict[Instrument, Decimal] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    metrics: dict[Instrument, Metrics] = field(default_factory=dict)
    market_state: MarketState = MarketState.OPEN
    halted: set[Instrument] = field(default_factory=set)
    restrictions: dict[str, Any] = field(default_factory=dict)
    restrictions_fault: Callable[[], None] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: Any = field(default_factory=lambda: itertools.count(1075264))
    versions: Any = field(default_factory=lambda: itertools.count(1795185612405))

    def _called(self, name: str) -> None:
        with self.lock:
            self.calls.append(name)

    # orders

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview:
        self._called("preview")
        self.preview_fault()
        return Preview(
            Decimal("95217.34"), Decimal("93317.33"), Decimal("-1900.01"), Decimal("-1900"),
            (Fee("clearing", Decimal("-0.01")),), Decimal("-0.01"),
        )  # fmt: skip

    def place_order(self, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed:
        self._called("place")
        self.before()
        update = self._take(account_number, ticket, client_ref)
        with self.lock:
            self.ledger[update.broker_order_id] = update
        self.after()
        return Placed(update)

    def _take(self, account_number: str, ticket: OrderTicket, client_ref: str) -> OrderUpdate:
        now = datetime.now(timezone.utc)
        return OrderUpdate(
            account_number=account_number,
            broker_order_id=str(next(self.ids)),
            client_ref=client_ref,
            status=BrokerStatus.ROUTED,
            broker_status="Routed",
            order_type=ticket.order_type,
            time_in_force=ticket.time_in_force,
            limit_price=ticket.limit_price,
            stop_price=ticket.stop_price,
            legs=tuple(LegState(leg, leg.quantity) for leg in ticket.legs),
            received_at=now,
            updated_at=now,
            version=next(self.versions),
        )

    def cancel_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        self._called("cancel")
        order = self.ledger[broker_order_id]
        if order.status not in (BrokerStatus.ROUTED, BrokerStatus.WORKING):
            raise Refused("Order is not cancellable", broker="tastytrade", broker_code="cannot_update_order")
        self.move(broker_order_id, BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")
        self.cancel_fault()
        return self.ledger[broker_order_id]

    def cancel_group(self, account_number: str, group_id: str) -> list[OrderUpdate]:
        self._called("cancel_group")
        self.cancel_fault()
        working = (BrokerStatus.ROUTED, BrokerStatus.WORKING, BrokerStatus.CONTINGENT)
        members = {key: order for key, order in self.ledger.items() if order.group_id == group_id}
        for key in [key for key, order in members.items() if order.status in working]:
            self.move(key, BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")
        return [self.ledger[key] for key in members]

    def replace_order(self, account_number: str, broker_order_id: str, ticket: OrderTicket) -> OrderUpdate:
        """A new order in the old one's place, or with ``keeps_id`` the old one on new terms."""
        self._called("replace")
        self.replace_before()
        old = self.ledger[broker_order_id]
        if old.status not in (BrokerStatus.ROUTED, BrokerStatus.WORKING):
            raise Refused("Order is not editable", broker="tastytrade", broker_code="cannot_update_order")
        terms: dict[str, Any] = {"limit_price": ticket.limit_price, "stop_price": ticket.stop_price}
        terms |= {"order_type": ticket.order_type, "time_in_force": ticket.time_in_force}
        if self.keeps_id:
            done = [state.fills for state in old.legs]
            legs = tuple(
                LegState(leg, leg.quantity - sum((fill.quantity for fill in fills), Decimal(0)), fills)
                for leg, fills in zip(ticket.legs, done, strict=True)
            )
            new = self.move(broker_order_id, BrokerStatus.WORKING, "Live", legs=legs, **terms)
        else:
            number = str(next(self.ids))
            self.move(broker_order_id, BrokerStatus.CANCELLED, "Cancelled", replaced_by_order_id=number)
            new = replace(old, broker_order_id=number, replaces_order_id=broker_order_id, **terms)
            self.ledger[number] = replace(new, status=BrokerStatus.WORKING, version=next(self.versions))
        self.replace_after()
        return self.ledger[new.broker_order_id]

    def get_market_status(self) -> list[MarketStatus]:
        now = datetime.now(timezone.utc)
        return [MarketStatus(name, self.market_state, (), None, "", False, now) for name in ("Equity", "CME")]

    def preview_group(self, account_number: str, group: OrderGroup) -> Preview:
        return self.preview_order(account_number, group.tickets[0])

    def place_group(self, account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> PlacedGroup:
        self._called("place_group")
        self.before()
        made = [self._take(account_number, *pair) for pair in zip(group.tickets, client_refs, strict=True)]
        kin = made[0].broker_order_id
        with self.lock:
            for update in made:
                self.ledger[update.broker_order_id] = replace(update, group_id=kin)
        self.after()
        return PlacedGroup(kin, tuple(Placed(self.ledger[update.broker_order_id]) for update in made))

    def find_order(
        self,
        account_number: str,
        client_ref: str,
        ticket: OrderTicket,
        since: datetime,
        claimed: Collection[str] = (),
        *,
        grouped: bool = False,
    ) -> OrderUpdate | None:
        self._called("find")
        self.listing_fault()
        shown = [order for key, order in self.ledger.items() if key not in self.hidden]
        return next((order for order in shown if order.client_ref == client_ref), None)

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

    # what is in the account

    def get_restrictions(self, account_number: str) -> Restrictions:
        self.restrictions_fault()
        return Restrictions(account_number, datetime.now(timezone.utc), **self.restrictions)

    def get_balance(self, account_number: str) -> Balance:
        self._called("balance")
        figures = {"cash": "95217.34", "net_liquidating_value": "100012.84", "stock_buying_power": "190434.68"}
        figures |= {"option_buying_power": "95217.34", "maintenance_requirement": "2391.25", "pending_cash": "0.00"}
        amounts: dict[str, Any] = {name: Decimal(text) for name, text in (figures | self.figures).items()}
        return Balance(account_number, "USD", as_of=datetime.now(timezone.utc), **amounts)

    def get_opening_balance(self, account_number: str) -> PastBalance:
        today = datetime.now(timezone.utc).date()
        return PastBalance(account_number, today, True, Decimal("95217.34"), Decimal("100012.84"), Decimal("95217.34"))

    def get_positions(self, account_number: str) -> list[Position]:
        self._called("positions")
        return [self._position(account_number, one, quantity) for one, quantity in self.held.items()]

    def _position(self, account_number: str, instrument: Instrument, quantity: Decimal) -> Position:
        price, points = Decimal("190.00"), Decimal(100 if isinstance(instrument, Option) else 1)
        underlying = getattr(instrument, "root", str(instrument))
        return Position(
            account_number, instrument, underlying, quantity, points, price, price, price, None, Decimal(0), None,
            datetime.now(timezone.utc),
        )  # fmt: skip

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

    def with_strikes(self, underlying: Instrument, expirations: Sequence[Expiration]) -> list[Expiration]:
        return list(expirations)

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        now = datetime.now(timezone.utc)
        return {
            one: Quote(one, now, Decimal("189.98"), Decimal("190.02"), halted=one in self.halted) for one in instruments
        }

    def get_metrics(self, instruments: Collection[Instrument]) -> dict[Instrument, Metrics]:
        self._called("metrics")
        return {one: self.metrics[one] for one in instruments if one in self.metrics}

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
