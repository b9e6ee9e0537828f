"""The law of the books, to the cent, whatever is traded: random sequences held against an independent recount.

Shares, fractions, futures, options on shares, indexes and futures, through expiries, daily settlements, dividends
and restarts, in time steps of any length. Prices are set by hand so that a thousand days pass in a moment.
"""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import Exchange
from brokers.simulator.market import Market
from brokers.simulator.market.company import Dividend
from brokers.simulator.market.sessions import NEW_YORK
from tests.brokers.simulator.recount import audit, lines_of, recount
from tests.brokers.simulator.still_market import PRODUCTS, Delivers, Still, ny

START = ny("2026-12-07", 10)
SHARE, BITCOIN = Equity("AAPL"), Crypto("BTC", "USD")
TICKS = {"ES": Decimal("0.25"), "CL": Decimal("0.01"), "ZN": Decimal("0.015625")}
LEVELS = {"ES": Decimal(6000), "CL": Decimal(70), "ZN": Decimal(110)}
FUTURES = tuple(Future(code, 2026, 12) for code in PRODUCTS)
DAYS = (date(2026, 12, 11), date(2026, 12, 18))
OPTIONS = (
    *(Option("AAPL", day, right, Decimal(strike)) for day in DAYS for right in Right for strike in (185, 190, 195)),
    *(Option("AAPL1", day, Right.CALL, Decimal(190)) for day in DAYS),
    *(Option("SPXW", day, right, Decimal(6000)) for day in DAYS for right in Right),
    *(FutureOption(FUTURES[0], "EW2Z26", day, right, Decimal(6000)) for day in DAYS for right in Right),
)


class Life:
    """An account to which things happen."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.books = Still(START, cash=1_000_000)
        self.books.market.adjusted["AAPL1"] = Delivers(Decimal(133), Decimal("41.37"))
        self.books.market.paid[SHARE] = [Dividend(date(2026, 12, 10), date(2026, 12, 15), Decimal("0.255"))]
        self.move()

    def move(self) -> None:
        """New prices for everything, on their grids."""
        market, random = self.books.market, self.random
        market.set(SHARE, Decimal(random.randint(18_000, 20_000)) / 100)
        market.set(market.listing(OPTIONS[-5]).underlying, Decimal(random.randint(595_000, 605_000)) / 100)
        market.set(BITCOIN, Decimal(random.randint(5_900_000, 6_100_000)) / 100)
        for future in FUTURES:
            market.set(future, LEVELS[future.product] + random.randint(-200, 200) * TICKS[future.product])
        for option in OPTIONS:
            market.set(option, Decimal(random.randint(0, 1_000)) / 100)

    def trade(self) -> None:
        instrument = self.random.choice((SHARE, BITCOIN, *FUTURES, *OPTIONS))
        if not isinstance(instrument, Equity | Crypto) and self.books.market.expires_at(instrument) <= self.now:
            return
        price = self.books.market.price_at(instrument, self.books.clock.now())
        self.books.exchange.book("A", instrument, self.action(instrument), self.size(instrument), price, self.now)

    @property
    def now(self):
        return self.books.clock.now()

    def size(self, instrument: Instrument) -> Decimal:
        if isinstance(instrument, Crypto):
            return Decimal(self.random.randint(1, 99_999)) / 100_000
        if isinstance(instrument, Equity) and self.random.random() < 0.3:
            return Decimal(self.random.randint(1, 3_000_000)) / 100_000
        return Decimal(self.random.randint(1, 200 if isinstance(instrument, Equity) else 5))

    def action(self, instrument: Instrument) -> Action:
        buys = self.random.random() < 0.5
        if isinstance(instrument, Future):
            return Action.BUY if buys else Action.SELL
        held = self.books.held().get(instrument, Decimal(0))
        if buys:
            return Action.BUY_TO_CLOSE if held < 0 else Action.BUY_TO_OPEN
        return Action.SELL_TO_CLOSE if held > 0 else Action.SELL_TO_OPEN

    def wait(self) -> None:
        self.books.to(self.now + timedelta(minutes=self.random.choice((1, 7, 60, 400, 1_500, 4_000))))

    def restart(self) -> None:
        kept, again = self.books.exchange.snapshot(), Exchange(self.books.market, self.books.clock)
        again.restore(kept)
        self.books.exchange, self.books.account = again, again.account("A")

    def exercise(self) -> None:
        """Every long option on shares may be exercised at any time."""
        for option, quantity in list(self.books.held().items()):
            if isinstance(option, Option) and option.root != "SPXW" and quantity > 0:
                self.books.exchange.exercise("A", option, Decimal(1))
                return

    def check(self) -> None:
        market = self.books.market
        marks = {str(i): market.price_at(i, self.now) for i in self.books.held()}
        audit(self.books.account, self.books.balance(), marks)


@pytest.mark.parametrize("block", range(4))
def test_the_books_obey_the_law_through_everything_that_can_happen(block):
    happened: set[str] = set()
    for seed in range(block * 25, block * 25 + 25):
        life = Life(seed)
        for _ in range(40):
            step = life.random.choices(("trade", "move", "wait", "exercise", "restart"), (10, 3, 5, 1, 1))[0]
            getattr(life, step)()
            life.check()
        life.books.to(ny("2026-12-28", 12))
        life.check()
        assert not any(isinstance(i, Option | FutureOption | Future) for i in life.books.held())
        happened |= set(life.books.kinds())
    assert happened >= {
        *("mark_to_market", "dividend", "expiration", "exercise", "assignment"),
        *("cash_settled_exercise", "cash_settled_assignment", "buy", "sell"),
    }


def test_the_past_is_the_same_however_it_is_asked_for():
    """A year's worth of history and the recount agree at any moment, asked in any step."""
    life = Life(7)
    for _ in range(60):
        life.random.choice((life.trade, life.trade, life.move, life.wait))()
    end = life.now
    coarse = dict(life.books.exchange.net_liq_history("A", START, end, timedelta(hours=12)))
    fine = dict(life.books.exchange.net_liq_history("A", START, end, timedelta(hours=3)))
    assert coarse.items() <= fine.items()
    assert dict(life.books.exchange.net_liq_history("A", end, end, timedelta(1)))[end] == (
        life.books.balance().net_liquidating_value
    )


def test_every_class_lives_through_the_real_market_and_the_books_add_up():
    """Ten days with shares, index options of both fixings, futures, options on them and coins, marked by the market."""
    start = ny("2026-12-10", 11)
    clock, market = ManualClock(start), Market(3, start)
    exchange = Exchange(market, clock)
    exchange.open_account("A", "ann", "All", "margin", Decimal(0))
    exchange.deposit("A", Decimal(2_000_000))
    for instrument, action in _one_of_each(market, date(2026, 12, 18)):
        price = market.book(instrument).mark
        tick = market.listing(instrument).increments.at(price)
        exchange.book("A", instrument, action, Decimal(2), (price / tick).to_integral_value() * tick, start)
    for hours in (3, 24, 24, 72, 20, 30, 24, 48):
        clock.advance(hours * 3600)
        market.advance(clock.now())
        exchange.step(clock.now())
        marks = {str(one.instrument): one.mark for one in exchange.positions("A")}
        audit(exchange.account("A"), exchange.balance("A"), marks)
    kinds = {entry.sub_kind for entry in exchange.transactions("A")}
    assert kinds >= {"mark_to_market", "cash_settled_exercise"}
    assert not any(isinstance(i, Option | FutureOption) for i in (one.instrument for one in exchange.positions("A")))
    now = clock.now()
    days = dict(exchange.balance_snapshots("A", "EOD"))
    assert {date(2026, 12, day) for day in (10, 11, 14, 15, 16, 17, 18)} <= set(days)
    for day in days:
        lines = lines_of(e for e in exchange.transactions("A") if e.executed_at.astimezone(NEW_YORK).date() <= day)
        assert days[day].cash == recount(lines).cash
    assert next(at for at, _ in exchange.net_liq_history("A", start, now, timedelta(days=1))) == start


def _one_of_each(market: Market, expiry: date) -> list[tuple[Instrument, Action]]:
    """A little of everything: calls deep in the money, so that they are worth something at their end."""
    spx, future = market.chain(Index("SPX")), market.contracts("ES")[1].future
    found = [(SHARE, Action.BUY_TO_OPEN), (BITCOIN, Action.BUY_TO_OPEN), (future, Action.BUY)]
    for expiration in spx.expirations:
        if expiration.expiry == expiry:
            strike = expiration.strikes[len(expiration.strikes) // 4]
            found += [(strike.call, Action.BUY_TO_OPEN), (strike.put, Action.SELL_TO_OPEN)]
    series = next(one for one in market.future_chain("ES") if date(2026, 12, 12) <= one.expiry <= expiry)
    strike = series.strikes[len(series.strikes) // 4]
    return [*found, (strike.call, Action.BUY), (strike.put, Action.SELL)]
