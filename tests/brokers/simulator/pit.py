"""An exchange over a market that is quoted by hand, for tests of how orders live and trade."""

from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.orders import Action, Leg
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import Duration, Event, Exchange, Holding, OrderType, SimOrder, Ticket
from brokers.simulator.market.book import Book
from tests.brokers.simulator.still_market import StillMarket

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)  # a Friday, half an hour after the open
AAPL, F, SPY = Equity("AAPL"), Equity("F"), Equity("SPY")
ANN, BEN = "ANN", "BEN"


@dataclass
class QuotedMarket(StillMarket):
    """Quotes hold until the next one; fair prices of the past are their middles."""

    books: dict[Instrument, Book] = field(default_factory=dict)

    def book(self, instrument: Instrument) -> Book | None:
        return self.books.get(instrument)

    def quote(
        self, instrument: Instrument, bid: str, ask: str, last: str | None = None, bids: int = 1000, asks: int = 1000
    ) -> None:
        low, high = Decimal(bid), Decimal(ask)
        self.set(instrument, (low + high) / 2)
        price = Decimal(last) if last else (low + high) / 2
        sizes = (bids if low else 0, asks if high else 0)
        figures = (price, 1, price, price, price, price, 0)
        self.books[instrument] = Book(instrument, self.now, low, high, *sizes, *figures, version=self.version)
        under = self.listing(instrument).underlying
        if under is not None and under in self.books:
            self.books[under].version = self.version


class Pit:
    """Two rich margin accounts and the clock in the test's hand; ``seen`` is the order news as it came."""

    def __init__(self, start: datetime = MORNING) -> None:
        self.clock = ManualClock(start)
        self.market = QuotedMarket(start)
        self.exchange = Exchange(self.market, self.clock)
        for number in (ANN, BEN):
            self.exchange.open_account(number, number.lower(), "Pit", "margin", Decimal(1_000_000))
        for share, price in ((AAPL, "190"), (F, "12"), (SPY, "600")):
            self.quote(share, price, str(Decimal(price) + Decimal("0.02")))
        self.seen: list[tuple[int, str]] = []
        self.events: list[Event] = []
        self.exchange.listeners.append(self._hear)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event.value, SimOrder):
            self.seen.append((event.value.order_id, str(event.value.status)))

    def quote(self, instrument: Instrument, bid: str, ask: str, last: str | None = None, **sizes: int) -> None:
        self.market.quote(instrument, bid, ask, last, **sizes)

    def run(self, seconds: float = 1.0, pause: float = 0.1) -> None:
        for _ in range(round(seconds / pause)):
            self.clock.advance(pause)
            self.step()

    def step(self) -> None:
        self.market.now = self.clock.now()
        self.exchange.step(self.clock.now())

    def to(self, at: datetime) -> None:
        self.clock.advance((at - self.clock.now()).total_seconds())
        self.step()

    def place(self, ticket: Ticket, number: str = ANN, **more: object) -> SimOrder:
        return self.exchange.place(number, ticket, **more)

    def own(self, quantity: int, share: Instrument = AAPL, number: str = ANN) -> None:
        """Shares in an account that were there before."""
        action = Action.BUY_TO_OPEN if quantity > 0 else Action.SELL_TO_OPEN
        price = self.market.book(share).bid
        self.exchange.book(number, share, action, Decimal(abs(quantity)), price, self.clock.now())

    def held(self, instrument: Instrument = AAPL, number: str = ANN) -> Decimal:
        position = self.exchange.accounts[number].positions.get(instrument)
        return position.quantity if position else Decimal(0)

    def states(self, order: SimOrder) -> list[str]:
        return [status for order_id, status in self.seen if order_id == order.order_id]


def limit(action: Action, quantity: int | str, price: str, instrument: Instrument = AAPL, **more: object) -> Ticket:
    signed = -Decimal(price) if action.is_buy else Decimal(price)
    legs = (Leg(instrument, action, Decimal(quantity)),)
    return Ticket(legs, OrderType.LIMIT, more.pop("duration", Duration.DAY), limit_price=signed, **more)


def market(action: Action, quantity: int | str, instrument: Instrument = AAPL, **more: object) -> Ticket:
    legs = (Leg(instrument, action, Decimal(quantity)),)
    return Ticket(legs, OrderType.MARKET, more.pop("duration", Duration.DAY), **more)


def stop(
    action: Action, quantity: int | str, level: str | None, instrument: Instrument = AAPL, **more: object
) -> Ticket:
    legs = (Leg(instrument, action, Decimal(quantity)),)
    price = Decimal(level) if level else None
    return Ticket(legs, OrderType.STOP, more.pop("duration", Duration.DAY), stop_price=price, **more)


def option(strike: str, right: Right = Right.CALL, root: str = "AAPL", day: int = 18) -> Option:
    return Option(root, datetime(2026, 12, day, tzinfo=timezone.utc).date(), right, Decimal(strike))


__all__ = ["AAPL", "ANN", "BEN", "MORNING", "SPY", "F", "Holding", "Pit", "limit", "market", "option", "stop"]
