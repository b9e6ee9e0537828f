"""A market whose prices are set by hand, for books that must come out to the cent."""

from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Future, FutureOption, Index, Instrument, Option
from brokers.domain.market import PriceIncrements
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import Exchange
from brokers.simulator.market.book import Book
from brokers.simulator.market.company import Dividend
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.sessions import Calendar, local_date, session_on

CENT = PriceIncrements(((None, Decimal("0.01")),))
INDEXES = {"SPX": Index("SPX"), "SPXW": Index("SPX")}


@dataclass(frozen=True)
class Margins:
    initial_margin: Decimal
    maintenance_margin: Decimal
    multiplier: Decimal
    cash_settled: bool


@dataclass(frozen=True)
class Delivers:
    shares: Decimal
    cash: Decimal
    standard: bool = False


PRODUCTS = {
    "ES": Margins(Decimal(16_500), Decimal(15_000), Decimal(50), True),
    "CL": Margins(Decimal(6_600), Decimal(6_000), Decimal(1000), False),
    "ZN": Margins(Decimal(2_200), Decimal(2_000), Decimal(1000), False),
}


@dataclass
class StillMarket:
    """Only what the exchange's money asks of a market. Prices hold from the moment they are set."""

    now: datetime
    seed: int = 1
    prices: dict[Instrument, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    paid: dict[Instrument, list[Dividend]] = field(default_factory=dict)
    adjusted: dict[str, Delivers] = field(default_factory=dict)
    ends: dict[Instrument, datetime] = field(default_factory=dict)
    hours: Calendar = field(default_factory=Calendar)
    version: int = 0

    def set(self, instrument: Instrument, price: str | Decimal) -> None:
        self.version += 1
        self.prices.setdefault(instrument, []).append((self.now, Decimal(price)))

    def price_at(self, instrument: Instrument, at: datetime) -> Decimal | None:
        known = self.prices.get(instrument, [])
        return next((price for since, price in reversed(known) if since <= at), known[0][1] if known else None)

    def book(self, instrument: Instrument) -> Book | None:
        price = self.price_at(instrument, self.now)
        if price is None:
            return None
        return Book(
            instrument, self.now, price, price, 100, 100, price, 1, price, price, price, price, 0, version=self.version
        )

    def listing(self, instrument: Instrument) -> Listing | None:
        multiplier, under = Decimal(1), None
        match instrument:
            case Option(root=root):
                multiplier, under = Decimal(100), INDEXES.get(root) or Equity(root.rstrip("123"))
            case Future(product=product):
                multiplier = PRODUCTS[product].multiplier
            case FutureOption(future=future):
                multiplier, under = PRODUCTS[future.product].multiplier, future
        return Listing(instrument, str(instrument), "XNYS", CENT, multiplier=multiplier, underlying=under)

    def calendar(self, instrument: Instrument | None = None) -> Calendar:
        return Calendar("cme" if isinstance(instrument, Future | FutureOption) else "equity")

    def expires_at(self, instrument: Option | Future | FutureOption) -> datetime:
        if instrument in self.ends:
            return self.ends[instrument]
        if isinstance(instrument, Future):
            return session_on(date(instrument.year, instrument.month, 18)).close_at
        return session_on(instrument.expiry).close_at

    def settlement(self, instrument: Option | Future | FutureOption) -> Decimal | None:
        match instrument:
            case Option():
                under = self.listing(instrument).underlying
            case FutureOption(future=future):
                under = future
            case _:
                under = instrument
        return self.price_at(under, self.expires_at(instrument))

    def settles_in_cash(self, instrument: Instrument) -> bool:
        match instrument:
            case Option(root=root):
                return root in INDEXES
            case Future(product=product):
                return PRODUCTS[product].cash_settled
            case _:
                return False

    def product(self, code: str) -> Margins | None:
        return PRODUCTS.get(code)

    def deliverable(self, root: str) -> Delivers | None:
        return self.adjusted.get(root)

    def dividends(self, instrument: Instrument) -> list[Dividend]:
        return self.paid.get(instrument, [])

    def trading_date(self, now: datetime) -> date:
        return self.hours.latest(now).date

    def session(self, now: datetime, instrument: Instrument | None = None) -> object:
        return self.calendar(instrument).session(now)

    def halted(self, instrument: Instrument) -> None:
        """Nothing ever is."""

    def is_open(self, now: datetime, instrument: Instrument | None = None) -> bool:
        return self.calendar(instrument).is_open(now)


class Still:
    """An exchange over such a market, with one account; time moves when it is told to."""

    def __init__(self, start: datetime, kind: str = "margin", cash: int = 100_000) -> None:
        self.clock = ManualClock(start)
        self.market = StillMarket(start)
        self.exchange = Exchange(self.market, self.clock)
        self.account = self.exchange.open_account("A", "ann", "Books", kind, Decimal(0))
        self.exchange.deposit("A", Decimal(cash))

    def to(self, at: datetime) -> None:
        self.clock.advance((at - self.clock.now()).total_seconds())
        self.market.now = self.clock.now()
        self.exchange.step(self.clock.now())

    def trade(self, instrument: Instrument, action, quantity: int | Decimal, price: str | Decimal) -> None:
        self.market.set(instrument, price)
        self.exchange.book("A", instrument, action, Decimal(quantity), Decimal(price), self.clock.now())

    def kinds(self) -> list[str]:
        """The sub kinds of the history, in the order of their entry, the deposit left out."""
        return [entry.sub_kind for entry in self.account.transactions[1:]]

    def held(self) -> dict[Instrument, Decimal]:
        return {i: p.quantity for i, p in self.account.positions.items() if p.quantity}

    def balance(self):
        return self.exchange.balance("A")


def ny(day: str, hour: int, minute: int = 0) -> datetime:
    """A moment in New York (November and December: UTC − 5)."""
    return datetime.fromisoformat(f"{day}T{hour:02d}:{minute:02d}:00-05:00").astimezone(timezone.utc)


__all__ = ["Delivers", "Still", "StillMarket", "local_date", "ny"]
