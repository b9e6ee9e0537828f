"""Accounts and what is in them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action


class AccountKind(StrEnum):
    CASH = "cash"
    MARGIN = "margin"
    FUTURES = "futures"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """One account of a connection. ``can_trade`` is False where the login may only look."""

    number: str
    nickname: str
    kind: AccountKind
    type_name: str
    is_closed: bool = False
    can_trade: bool = True


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What the broker keeps an account from, as told at ``as_of`` by the desk's clock.

    ``is_frozen``: it takes no orders at all. ``closing_only``: only orders that make nothing bigger;
    ``futures_closing_only``: so with futures and their options. ``words`` are the broker's own for it, "" where
    nothing is kept from the account.
    """

    account_number: str
    as_of: datetime
    is_frozen: bool = False
    closing_only: bool = False
    futures_closing_only: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Dollars; None is "the broker does not say". ``as_of`` is the broker's time for these figures."""

    account_number: str
    currency: str
    cash: Decimal | None
    net_liquidating_value: Decimal | None
    stock_buying_power: Decimal | None
    option_buying_power: Decimal | None
    maintenance_requirement: Decimal | None
    pending_cash: Decimal | None
    as_of: datetime
    day_trades: int | None = None
    """Those of the last five trading days, where the balance tells."""


@dataclass(frozen=True, slots=True)
class Position:
    """A holding. ``quantity`` is signed: long positive. Prices per unit; ``multiplier`` dollars per point and unit.

    ``average_open_price`` is what was paid or received; ``day_open_price`` what day P/L is counted from
    (yesterday's close, or today's fill for what was opened today); ``realized_day`` dollars closed today.
    ``day_gain`` is what the broker itself says that the held units moved today, in dollars at its ``mark``.
    ``settles_daily``: a future's gains go into the account's cash each day; else they stay with the position until
    it is closed.
    """

    account_number: str
    instrument: Instrument
    underlying: str
    quantity: Decimal
    multiplier: Decimal
    average_open_price: Decimal | None
    day_open_price: Decimal | None
    close_price: Decimal | None
    mark: Decimal | None
    realized_day: Decimal | None
    opened_at: datetime | None
    as_of: datetime
    day_gain: Decimal | None = None
    settles_daily: bool = True


@dataclass(frozen=True, slots=True)
class PastBalance:
    """An account's figures at the start or the end of a trading day; dollars, None is "the broker does not say"."""

    account_number: str
    day: date
    is_opening: bool
    cash: Decimal | None
    net_liquidating_value: Decimal | None
    option_buying_power: Decimal | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One line of an account's history. Dollars from the account's side; ``fees`` is negative or zero."""

    account_number: str
    transaction_id: str
    kind: str
    sub_kind: str
    description: str
    instrument: Instrument | None
    action: Action | None
    quantity: Decimal | None
    price: Decimal | None
    value: Decimal
    net_value: Decimal
    fees: Decimal
    executed_at: datetime
    date: date
    broker_order_id: str | None = None
