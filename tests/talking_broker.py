"""A broker that answers what a test tells it to, and the figures it starts with."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from brokers.domain.accounts import Balance, Position
from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.market import Quote
from brokers.models import Account, Connection
from portfolio import holdings

NOW = datetime.now(timezone.utc)
AAPL = Equity("AAPL")
SPY_PUT = Option("SPY", date(2026, 12, 18), Right.PUT, Decimal(600))


def a_balance(**changes: Any) -> Balance:
    figures = {"cash": "95217.34", "net_liquidating_value": "100012.84", "stock_buying_power": "190434.68"}
    figures |= {"option_buying_power": "95217.34", "maintenance_requirement": "2391.25", "pending_cash": "0.00"}
    amounts: dict[str, Any] = {name: Decimal(text) for name, text in figures.items()}
    return replace(Balance("5WT00042", "USD", as_of=NOW, **amounts), **changes)


def a_holding(instrument: Instrument = AAPL, **changes: Any) -> Position:
    """25 shares of Apple at 188.40, unless it is told otherwise."""
    position = Position(
        account_number="5WT00042",
        instrument=instrument,
        underlying=getattr(instrument, "root", getattr(instrument, "symbol", "")),
        quantity=Decimal(25),
        multiplier=Decimal(1),
        average_open_price=Decimal("188.40"),
        day_open_price=Decimal("190.10"),
        close_price=Decimal("190.10"),
        mark=None,
        realized_day=Decimal(0),
        opened_at=NOW - timedelta(days=3),
        as_of=NOW - timedelta(days=1),
    )
    return replace(position, **changes)


def a_short_put(**changes: Any) -> Position:
    figures = {"quantity": "-1", "multiplier": "100", "average_open_price": "0.91", "day_open_price": "0.88"}
    amounts: dict[str, Any] = {name: Decimal(text) for name, text in figures.items()}
    return replace(a_holding(SPY_PUT, close_price=Decimal("0.88"), **amounts), **changes)


def a_quote(instrument: Instrument, bid: str | None, ask: str | None, **more: Any) -> Quote:
    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return Quote(instrument, more.pop("as_of", NOW), number(bid), number(ask), **more)


@dataclass
class TalkingBroker:
    """Answers by account number; an exception among the answers is raised. Counts what it was asked."""

    balances: dict[str, Any] = field(default_factory=dict)
    positions: dict[str, Any] = field(default_factory=dict)
    quotes: Any = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda name: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get_balance(self, account_number: str) -> Any:
        return self._answer(f"balance {account_number}", self.balances[account_number])

    def get_positions(self, account_number: str) -> Any:
        return self._answer(f"positions {account_number}", self.positions[account_number])

    def get_quotes(self, instruments: Collection[Instrument]) -> Any:
        found = self._answer("quotes", self.quotes)
        return {instrument: found[instrument] for instrument in instruments if instrument in found}

    def fail(self, error: Exception) -> None:
        """From now on every question meets this error."""
        self.balances = dict.fromkeys(self.balances, error)
        self.positions = dict.fromkeys(self.positions, error)
        self.quotes = error

    def _answer(self, name: str, answer: Any) -> Any:
        with self.lock:
            self.calls.append(name)
        self.before(name)
        if isinstance(answer, Exception):
            raise answer
        return answer


def connect(user: Any, environment: str = "sim", **more: Any) -> Connection:
    return Connection.objects.create(
        user=user, broker="tastytrade", environment=environment, grant_kind=Connection.GrantKind.PERSONAL, **more
    )


def add_account(connection: Connection, number: str = "5WT00042", **more: Any) -> Account:
    return Account.objects.create(connection=connection, number=number, kind="margin", **more)


def forget_flights() -> None:
    """As if the moment within which questions share an answer had passed."""
    holdings._flights.clear()
