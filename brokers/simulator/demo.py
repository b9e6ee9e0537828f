"""Two made-up people with accounts that have a past: what a newcomer sees, and what tests sign in as."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.market import Expiration
from brokers.domain.orders import Action
from brokers.simulator.exchange.exchange import Exchange
from brokers.simulator.exchange.settlement.settlement import start_day
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import NEW_YORK, local_date, previous_session

MARGIN, CASH, OTHER, FUTURES = "5WT00001", "5WT00002", "5WT00003", "5WT00004"
BUY, SELL, CLOSE = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE


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
    for number, make in ((MARGIN, _margin), (CASH, _cash), (OTHER, _other), (FUTURES, _futures)):
        if number not in exchange.accounts:
            make(exchange, now)
            start_day(exchange.accounts[number], exchange.market)  # what was closed then is not of today
    exchange.step(now)
    return users


def _margin(exchange: Exchange, now: datetime) -> None:
    """Shares, a covered call, an iron condor, a calendar and a future."""
    past = _Past(exchange, MARGIN, now)
    exchange.open_account(MARGIN, "demo", "Individual", "margin", Decimal(0), opened_at=past.at(30))
    spy, msft = Equity("SPY"), Equity("MSFT")
    near, far = past.monthlies(msft)
    past.deposit(30, "100000.00")
    past.trade(24, Equity("AAPL"), BUY, 100)
    past.trade(21, spy, BUY, 20)
    past.trade(18, Equity("NVDA"), BUY, 60)
    past.trade(15, msft, BUY, 10)
    past.trade(12, msft, CLOSE, 10)
    past.trade(9, Equity("F"), BUY, 300)
    past.trade(7, past.option(Equity("AAPL"), Right.CALL, "1.05"), SELL, 1)
    past.trade(6, past.option(msft, Right.CALL, "1", near), SELL, 1)
    past.trade(6, past.option(msft, Right.CALL, "1", far), BUY, 1)
    for right, share, action in (
        (Right.PUT, "0.93", BUY),
        (Right.PUT, "0.95", SELL),
        (Right.CALL, "1.04", SELL),
        (Right.CALL, "1.06", BUY),
    ):
        past.trade(5, past.option(spy, right, share), action, 1)
    past.trade(4, past.front("MES"), Action.BUY, 1)


def _cash(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, CASH, now)
    exchange.open_account(CASH, "demo", "Savings", "cash", Decimal(0), opened_at=past.at(28))
    past.deposit(28, "25000.00")
    past.trade(20, Equity("KO"), BUY, 100)
    past.trade(14, Equity("TLT"), BUY, 40)


def _other(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, OTHER, now)
    exchange.open_account(OTHER, "other", "Trading", "margin", Decimal(0), opened_at=past.at(10))
    past.deposit(10, "50000.00")
    past.trade(7, Equity("AMZN"), BUY, 30)


def _futures(exchange: Exchange, now: datetime) -> None:
    past = _Past(exchange, FUTURES, now)
    exchange.open_account(FUTURES, "demo", "Futures", "futures", Decimal(0), opened_at=past.at(12))
    past.deposit(12, "60000.00")
    past.trade(8, past.front("GC"), Action.SELL, 1)
    past.trade(3, past.front("GC"), Action.BUY, 1)
    past.trade(2, past.front("ES"), Action.BUY, 1)


@dataclass(frozen=True)
class _Past:
    """Writes an account's history, oldest first: times in sessions ago, prices those of the market then."""

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

    def trade(self, sessions: int, instrument: Instrument, action: Action, quantity: int) -> None:
        price = self.market.price_at(instrument, self.at(sessions))
        if price is None:
            raise LookupError(f"{instrument} had no price.")
        self.exchange.book(self.number, instrument, action, Decimal(quantity), price, self.at(sessions))

    def monthlies(self, underlying: Equity) -> tuple[Expiration, Expiration]:
        """The first monthly expiration that is three weeks away, and the next after it."""
        chain, soon = self.market.chain(underlying), local_date(self.now) + timedelta(days=21)
        found = [one for one in chain.expirations if one.kind == "regular" and one.expiry >= soon] if chain else []
        near, far, *_ = [one for one in found if one.root == underlying.symbol]
        return near, far

    def option(self, underlying: Equity, right: Right, share: str, expiration: Expiration | None = None) -> Option:
        """The option whose strike is nearest to a share of the spot, in the near monthly if no other is given."""
        wanted = Decimal(str(self.market.spot(underlying, self.at(5)))) * Decimal(share)
        strikes = (expiration or self.monthlies(underlying)[0]).strikes
        return _nearest((one.call if right is Right.CALL else one.put for one in strikes), wanted)

    def front(self, code: str) -> Instrument:
        """The month of a product that is traded most."""
        return next(one.future for one in self.market.contracts(code) if one.active_month)


def _nearest(options: Iterable[Instrument | None], price: Decimal) -> Option:
    return min((one for one in options if isinstance(one, Option)), key=lambda one: abs(one.strike - price))


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(10), NEW_YORK).astimezone(timezone.utc)
