"""Accounts as the exchange keeps them: cash, positions, lots, orders, history. Dollars from the account's side."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.standing import Standing
from brokers.simulator.exchange.orders.orders import SimOrder

if TYPE_CHECKING:
    from brokers.simulator.exchange.margin.valuation import Weighed
    from brokers.simulator.exchange.orders.groups import SimGroup

BASIS_PLACES = Decimal("0.0001")
ZERO = Decimal(0)
Kind = Literal["margin", "cash", "futures"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position an account is opened with: signed quantity, price per unit."""

    instrument: Instrument
    quantity: Decimal
    average_open_price: Decimal
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedWith:
    """A holding an account was opened with, as it was entered then."""

    holding: Holding
    underlying: str
    multiplier: Decimal


@dataclass(slots=True)
class Lot:
    """What one opening trade left: signed quantity, the price traded and the exact dollars it stands for (signed).

    ``carried`` are the dollars from which a future's gain is still owed: the cost, then the last daily settlement's.
    ``transaction_id`` names the entry that opened it; None for what an account was opened with.
    """

    quantity: Decimal
    price: Decimal
    cost: Decimal
    carried: Decimal
    opened_at: datetime
    transaction_id: int | None = None


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """What closing (a part of) a lot realized, before fees; ``quantity`` is signed as it was held."""

    instrument: Instrument
    quantity: Decimal
    open_price: Decimal
    close_price: Decimal
    realized: Decimal
    opened_at: datetime
    closed_at: datetime
    transaction_id: int


@dataclass(slots=True)
class SimPosition:
    """A holding; quantity signed, always the sum of its lots (first in, first out). ``cost`` is the exact dollars
    it stands for: positive long, negative short.

    ``close_price`` (yesterday's close) and ``mark`` are per unit and as of the last look. A flat position has
    quantity 0 and is kept until the day ends for what it realized: ``realized_day`` counts from
    ``day_open_price`` (so that it adds up to the day's P/L), ``realized_today`` from the cost.
    Futures: ``variation`` is what closed contracts made since the last daily settlement and is not in cash yet;
    ``settled_at`` is that settlement. ``seen`` is the version of the underlying's book behind the mark.
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
    realized_day: Decimal = ZERO
    realized_today: Decimal = ZERO
    lots: list[Lot] = field(default_factory=list)
    variation: Decimal = ZERO
    settled_at: datetime | None = None
    seen: int | None = field(default=None, compare=False)

    @property
    def average_open_price(self) -> Decimal:
        """Price per unit paid or received, unsigned, to four places."""
        if not self.quantity:
            return ZERO
        found = self.cost / (self.quantity * self.multiplier)
        return abs(found).quantize(BASIS_PLACES)

    @property
    def open_equity(self) -> Decimal:
        """A future's gain since the last daily settlement at the mark, closed contracts' included; else 0."""
        return self.variation + self.open_gain

    @property
    def open_gain(self) -> Decimal:
        """What open contracts of a future made since the last daily settlement, at the mark."""
        if self.mark is None:
            return ZERO
        carried = sum((lot.carried for lot in self.lots), ZERO)
        return self.quantity * self.mark * self.multiplier - carried


@dataclass(slots=True)
class SimTransaction:
    """One line of history. ``kind``: trade, receive_deliver, money_movement; ``sub_kind`` the action's value, or
    deposit, withdrawal, dividend, mark_to_market, expiration, exercise, assignment, cash_settled_exercise,
    cash_settled_assignment. ``net_value`` is ``value`` after ``fees`` and what the cash changed by: a future's trade
    has value 0. ``multiplier`` is the instrument's.
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
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class DividendDue:
    """A dividend an account was entitled to (or, short, owes) on its ex date; dollars, signed."""

    instrument: Instrument
    ex_date: date
    pay_date: date
    amount: Decimal


@dataclass(slots=True)
class SimBalance:
    """An account's figures. Values of shorts are unsigned; requirements are positive; ``reserved`` is what working
    orders hold back, already taken off buying power. ``initial_requirement`` is what new trades are measured by.

    ``long_derivative_value`` counts every option; of these ``…index_option…`` and ``…future_option…`` are told apart.
    ``open_trade_equity`` is the open futures' gain since the last daily settlement, ``futures_realized`` that of
    contracts closed since: both are in net liq and not yet in cash. ``unsettled``: proceeds of today's sales.
    Calls are what is missing, 0 when nothing is.
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
    futures_initial_margin: Decimal = ZERO
    futures_maintenance_margin: Decimal = ZERO
    long_futures_value: Decimal = ZERO
    short_futures_value: Decimal = ZERO
    long_future_option_value: Decimal = ZERO
    short_future_option_value: Decimal = ZERO
    long_crypto_value: Decimal = ZERO
    long_index_option_value: Decimal = ZERO
    short_index_option_value: Decimal = ZERO
    open_trade_equity: Decimal = ZERO
    futures_realized: Decimal = ZERO
    realized_today: Decimal = ZERO
    unrealized: Decimal = ZERO
    unrealized_today: Decimal = ZERO
    maintenance_call: Decimal = ZERO
    initial_call: Decimal = ZERO
    day_trades: int = 0
    unsettled: Decimal = ZERO
    commissions_today: Decimal = ZERO


@dataclass(slots=True)
class SimAccount:
    """``kind`` margin, cash or futures; ``option_level`` 0 (none) to 5 (everything); ``schedule`` names its fees.

    ``settled_at`` is the last New York midnight up to which dividends have been entered, at first the opening.
    ``opening…``: the cash, holdings and number of entries it was opened with, before all other entries.
    """

    number: str
    owner: str
    nickname: str
    kind: Kind
    cash: Decimal
    opened_at: datetime
    positions: dict[Instrument, SimPosition] = field(default_factory=dict)
    orders: dict[int, SimOrder] = field(default_factory=dict)
    transactions: list[SimTransaction] = field(default_factory=list)
    groups: dict[int, SimGroup] = field(default_factory=dict)
    closed_lots: list[ClosedLot] = field(default_factory=list)
    dividends_due: list[DividendDue] = field(default_factory=list)
    option_level: int = 5
    standing: Standing = Standing.ACTIVE
    schedule: str = "standard"
    settled_at: datetime | None = None
    opening_cash: Decimal = ZERO
    opening: list[OpenedWith] = field(default_factory=list)
    opening_entries: int = 0
    weighed: Weighed | None = field(default=None, compare=False, repr=False)

    @property
    def margin(self) -> bool:
        """Whether it may owe: everything but a cash account."""
        return self.kind != "cash"

    @property
    def working(self) -> list[SimOrder]:
        """Orders that are not done, oldest first."""
        return [order for order in self.orders.values() if not order.is_terminal]
