"""Accounts as the exchange keeps them: cash, positions, orders, history. Dollars from the account's side."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action
from brokers.simulator.exchange.orders import SimOrder

BASIS_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Holding:
    """A position an account is opened with: signed quantity, price per unit."""

    instrument: Instrument
    quantity: Decimal
    average_open_price: Decimal
    opened_at: datetime


@dataclass(slots=True)
class SimPosition:
    """A holding; quantity signed. ``cost`` is the exact dollars it stands for: positive long, negative short.

    ``close_price`` (yesterday's close) and ``mark`` are per unit and as of the last look. A flat position has
    quantity 0 and is kept until the day ends for what it realized: ``realized_day`` counts from
    ``day_open_price`` (so that it adds up to the day's P/L), ``realized_today`` from the cost.
    """

    account_number: str
    instrument: Instrument
    underlying: str
    quantity: Decimal
    multiplier: Decimal
    cost: Decimal
    day_open_price: Decimal | None
    created_at: datetime
    updated_at: datetime
    close_price: Decimal | None = None
    mark: Decimal | None = None
    realized_day: Decimal = Decimal(0)
    realized_today: Decimal = Decimal(0)

    @property
    def average_open_price(self) -> Decimal:
        """Price per unit paid or received, unsigned, to four places."""
        if not self.quantity:
            return Decimal(0)
        return abs(self.cost / (self.quantity * self.multiplier)).quantize(BASIS_PLACES)


@dataclass(slots=True)
class SimTransaction:
    """One line of history. ``kind``: trade, receive_deliver, money_movement; ``sub_kind`` the action's value, or
    deposit, withdrawal, dividend, expiration, exercise, assignment. ``net_value`` is ``value`` after ``fees``.
    """

    transaction_id: int
    account_number: str
    kind: str
    sub_kind: str
    description: str
    value: Decimal
    net_value: Decimal
    executed_at: datetime
    date: date
    instrument: Instrument | None = None
    underlying: str | None = None
    action: Action | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    fees: dict[str, Decimal] = field(default_factory=dict)
    order_id: int | None = None
    fill_id: str | None = None
    leg_count: int = 1


@dataclass(slots=True)
class SimBalance:
    """An account's figures. Values of shorts are unsigned; requirements are positive; ``reserved`` is what working
    orders hold back, already taken off buying power. ``initial_requirement`` is what new trades are measured by.
    """

    account_number: str
    currency: str
    cash: Decimal
    net_liquidating_value: Decimal
    equity_buying_power: Decimal
    derivative_buying_power: Decimal
    day_trading_buying_power: Decimal
    initial_requirement: Decimal
    maintenance_requirement: Decimal
    maintenance_excess: Decimal
    margin_equity: Decimal
    long_equity_value: Decimal
    short_equity_value: Decimal
    long_derivative_value: Decimal
    short_derivative_value: Decimal
    reserved: Decimal
    pending_cash: Decimal
    updated_at: datetime


@dataclass(slots=True)
class SimAccount:
    number: str
    owner: str
    nickname: str
    margin: bool
    cash: Decimal
    opened_at: datetime
    positions: dict[Instrument, SimPosition] = field(default_factory=dict)
    orders: dict[int, SimOrder] = field(default_factory=dict)
    transactions: list[SimTransaction] = field(default_factory=list)

    @property
    def working(self) -> list[SimOrder]:
        """Orders that are not done, oldest first."""
        return [order for order in self.orders.values() if not order.is_terminal]
