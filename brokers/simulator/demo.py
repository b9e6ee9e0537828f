"""Two made-up people with accounts that have a past: what a newcomer sees, and what tests sign in as."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange.exchange import Exchange
from brokers.simulator.exchange.settlement import start_day
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import NEW_YORK, local_date, previous_session

MARGIN, CASH, OTHER = "5WT00001", "5WT00002", "5WT00003"


@dataclass
class Users:
    """Names and passwords; the passwords are made anew at each start."""

    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.passwords)

    def add(self, name: str) -> None:
        self.passwords[name] = secrets.token_urlsafe(12)

    def knows(self, name: str, password: str) -> bool:
        kept = self.passwords.get(name, "")
        return bool(kept) and secrets.compare_digest(kept.encode(), password.encode())


def fill(exchange: Exchange, now: datetime) -> Users:
    """Make the people, and their accounts where the exchange does not have them yet (from a restored state)."""
    users = Users()
    users.add("demo")
    users.add("other")
    for number, make in ((MARGIN, _margin), (CASH, _cash), (OTHER, _other)):
        if number not in exchange.accounts:
            make(exchange, now)
            start_day(exchange.accounts[number], exchange.market)  # what was closed then is not of today
    return users


def _margin(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, MARGIN, now)
    exchange.open_account(MARGIN, "demo", "Individual", True, Decimal(0), opened_at=past.at(30))
    past.deposit(30, "100000.00")
    past.buy(24, Equity("AAPL"), 25, "0.985")
    past.buy(21, Equity("SPY"), 20, "0.97")
    past.buy(18, Equity("NVDA"), 60, "1.04")
    past.buy(15, Equity("MSFT"), 10, "1.01")
    past.sell(12, Equity("MSFT"), 10, "1.025")
    past.buy(9, Equity("F"), 300, "1.02")
    exchange.deposit(MARGIN, Decimal("45.00"), past.at(6), "dividend", "Cash dividend on F", Equity("F"))
    spy, nvda = past.option(Equity("SPY"), Right.PUT, "0.95"), past.option(Equity("NVDA"), Right.CALL, "1.05")
    past.trade(5, spy, Action.SELL_TO_OPEN, 1, "1.15")
    past.trade(4, nvda, Action.BUY_TO_OPEN, 2, "0.9")


def _cash(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, CASH, now)
    exchange.open_account(CASH, "demo", "Savings", False, Decimal(0), opened_at=past.at(28))
    past.deposit(28, "25000.00")
    past.buy(20, Equity("KO"), 100, "0.99")
    past.buy(14, Equity("TLT"), 40, "1.01")
    exchange.deposit(CASH, Decimal("49.00"), past.at(8), "dividend", "Cash dividend on KO", Equity("KO"))


def _other(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, OTHER, now)
    exchange.open_account(OTHER, "other", "Trading", True, Decimal(0), opened_at=past.at(10))
    past.deposit(10, "50000.00")
    past.buy(7, Equity("AMZN"), 30, "0.98")


@dataclass(frozen=True)
class _Past:
    """Writes an account's history: times in sessions ago, prices as shares of today's."""

    exchange: Exchange
    number: str
    now: datetime

    @property
    def market(self) -> Market:
        return self.exchange.market

    def at(self, sessions: int) -> datetime:
        """A minute in the morning, so many sessions ago."""
        day = local_date(self.now)
        for _ in range(sessions):
            day = previous_session(day)
        return _morning(day) + timedelta(minutes=sessions)

    def deposit(self, sessions: int, amount: str) -> None:
        self.exchange.deposit(self.number, Decimal(amount), self.at(sessions))

    def buy(self, sessions: int, instrument: Instrument, quantity: int, share: str) -> None:
        self.trade(sessions, instrument, Action.BUY_TO_OPEN, quantity, share)

    def sell(self, sessions: int, instrument: Instrument, quantity: int, share: str) -> None:
        self.trade(sessions, instrument, Action.SELL_TO_CLOSE, quantity, share)

    def trade(self, sessions: int, instrument: Instrument, action: Action, quantity: int, share: str) -> None:
        book, listing = self.market.book(instrument), self.market.listing(instrument)
        if book is None or book.prev_close is None or listing is None:
            raise LookupError(f"{instrument} has no price.")
        rough = book.prev_close * Decimal(share)
        step = listing.increments.at(rough) or Decimal("0.01")
        price = max(step, (rough / step).quantize(Decimal(1)) * step)
        self.exchange.book(self.number, instrument, action, Decimal(quantity), price, self.at(sessions))

    def option(self, underlying: Equity, right: Right, share: str) -> Option:
        """An option of the first monthly expiry that is three weeks away, its strike near a share of the spot."""
        chain, book = self.market.chain(underlying), self.market.book(underlying)
        if chain is None or book is None or book.last is None:
            raise LookupError(f"{underlying} has no options.")
        wanted, soon = book.last * Decimal(share), local_date(self.now) + timedelta(days=21)
        expiration = next(one for one in chain.expirations if one.kind == "regular" and one.expiry >= soon)
        strike = min(expiration.strikes, key=lambda one: abs(one.price - wanted))
        found = strike.call if right is Right.CALL else strike.put
        if found is None:
            raise LookupError(f"{underlying} has no such option.")
        return found


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(10), NEW_YORK).astimezone(timezone.utc)
