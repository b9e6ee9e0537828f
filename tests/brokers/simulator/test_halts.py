"""Trading halts: what stands still, what goes on beneath, and what becomes of orders."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, Future, Index, Instrument, Option
from brokers.domain.orders import Action, Leg
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import Duration, Exchange, Holding, OrderStatus, OrderType, SimOrder, Ticket
from brokers.simulator.exchange.floor.trading import Trading
from brokers.simulator.market import Market
from brokers.simulator.market.paths.tape import Tape

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
SPY, AAPL = Equity("SPY"), Equity("AAPL")


def an_option(market: Market, under: Instrument) -> Option:
    chain = market.chain(under)
    assert chain is not None
    expiration = chain.expirations[3]
    return expiration.strikes[len(expiration.strikes) // 2].call


def months(market: Market, code: str) -> list[Instrument]:
    return [one.future for one in market.contracts(code)]


def go(market: Market, seconds: int) -> set[Instrument]:
    """Move on by tenths of a second; the answer is what changed."""
    start, changed = market.now, set[Instrument]()
    for tenth in range(1, seconds * 10 + 1):
        changed |= market.advance(start + timedelta(seconds=tenth / 10))
    return changed


def test_what_is_halted_stands_still_with_all_that_hangs_on_it_and_nothing_else_does() -> None:
    market = Market(5, MORNING)
    halted = [SPY, an_option(market, SPY)]
    market.halt(SPY)
    go(market, 1)
    stood = [market.book(one) for one in halted]
    changed = go(market, 30)
    assert [market.book(one) for one in halted] == stood
    assert AAPL in changed
    assert not {SPY} & changed
    assert not [one for one in market.prints if one.instrument == SPY]
    assert [market.halted(one) is not None for one in (*halted, AAPL, Index("SPX"))] == [True, True, False, False]


def test_all_months_of_a_future_stand_still() -> None:
    market = Market(5, MORNING)
    front = months(market, "CL")[0]
    assert isinstance(front, Future)
    market.halt(front)
    go(market, 1)
    stood = [market.book(one) for one in months(market, "CL")]
    assert not set(months(market, "CL")) & go(market, 30)
    assert [market.book(one) for one in months(market, "CL")] == stood
    assert all(market.halted(one) for one in months(market, "CL"))


def test_a_tape_that_forgets_halts_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin."""
    real = Tape._walk

    def forgetful(self: Tape, now: datetime, seconds: float) -> object:
        kept, self.halts.found = self.halts.found, {}
        try:
            return real(self, now, seconds)
        finally:
            self.halts.found = kept

    monkeypatch.setattr(Tape, "_walk", forgetful)
    with pytest.raises(AssertionError):
        test_what_is_halted_stands_still_with_all_that_hangs_on_it_and_nothing_else_does()


def test_beginning_and_end_are_told_as_changes_and_trading_goes_on_where_the_fair_price_is() -> None:
    market = Market(5, MORNING)
    market.halt(AAPL)
    assert AAPL in market.advance(MORNING + timedelta(seconds=0.1))
    market.put(AAPL, Decimal(500))
    go(market, 5)
    book = market.book(AAPL)
    assert book is not None
    assert book.last is not None
    assert book.last < 400
    market.resume(AAPL)
    assert market.halted(AAPL), "until the next look"
    assert AAPL in market.advance(market.now + timedelta(seconds=0.1))
    assert market.halted(AAPL) is None
    after = market.book(AAPL)
    assert after is not None
    assert after.last is not None
    assert abs(after.last - 500) < 25
    assert after.version > book.version
    assert [one.instrument for one in market.prints].count(AAPL) == 1


def test_a_halt_with_an_end_is_over_by_itself_be_it_days_later() -> None:
    market = Market(5, MORNING)
    halt = market.halt(AAPL, MORNING + timedelta(minutes=5), "LUDP")
    assert (halt.since, halt.reason) == (MORNING, "LUDP")
    market.advance(MORNING + timedelta(minutes=4, seconds=59))
    assert market.halted(AAPL) == halt
    market.advance(MORNING + timedelta(days=3, hours=1))
    assert market.halted(AAPL) is None
    book = market.book(AAPL)
    assert book is not None
    assert book.at == MORNING + timedelta(days=3, hours=1)


def test_halts_survive_a_restart() -> None:
    market = Market(5, MORNING)
    market.halt(AAPL, reason="T1")
    market.halt(months(market, "ES")[0], MORNING + timedelta(hours=1))
    again = Market(5, MORNING)
    again.restore(json.loads(json.dumps(market.snapshot())))
    for one in (AAPL, *months(market, "ES")):
        assert again.halted(one) == market.halted(one) is not None


def test_what_is_not_listed_can_not_be_halted() -> None:
    market = Market(5, MORNING)
    with pytest.raises(KeyError):
        market.halt(Equity("ZZZZQ"))
    market.halt(AAPL)
    assert market.halted(Equity("ZZZZQ")) is None


class Pit:
    """A rich account at a real market, and time in the test's hand."""

    def __init__(self) -> None:
        self.clock = ManualClock(MORNING)
        self.market = Market(5, MORNING)
        self.exchange = Exchange(self.market, self.clock)
        held = [Holding(AAPL, Decimal(100), Decimal(100), MORNING)]
        self.exchange.open_account("ANN", "ann", "Pit", "margin", Decimal(1_000_000), held)

    def go(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.market.advance(self.clock.now())
            self.exchange.step(self.clock.now())

    def place(self, kind: OrderType, action: Action = Action.BUY_TO_OPEN, **more: object) -> SimOrder:
        legs = (Leg(AAPL, action, Decimal(10)),)
        ticket = Ticket(legs, kind, **{"duration": Duration.DAY, **more})  # type: ignore[arg-type]
        return self.exchange.place("ANN", ticket)


@pytest.mark.parametrize("is_watched", [True, False], ids=["as it is", "sabotaged"])
def test_orders_are_taken_wait_and_trade_when_it_is_over(monkeypatch: pytest.MonkeyPatch, is_watched: bool) -> None:
    if not is_watched:
        monkeypatch.setattr(Trading, "_is_halted", lambda self, order: False)
    pit = Pit()
    resting = pit.place(OrderType.MARKET)
    pit.market.halt(AAPL)
    at_once = pit.place(OrderType.MARKET, duration=Duration.IOC)
    pit.go(20)
    traded = bool(resting.filled or at_once.filled)
    assert traded is not is_watched
    if not is_watched:
        return
    assert resting.status is OrderStatus.LIVE
    assert at_once.status is OrderStatus.CANCELLED
    pit.market.resume(AAPL)
    pit.go(20)
    assert resting.status is OrderStatus.FILLED


def test_an_order_can_be_cancelled_in_a_halt_and_a_stop_is_not_hit() -> None:
    pit = Pit()
    pit.market.halt(AAPL)
    stop = pit.place(OrderType.STOP, Action.SELL_TO_CLOSE, stop_price=Decimal("1.00"))
    order = pit.place(OrderType.MARKET)
    pit.go(5)
    pit.market.put(AAPL, Decimal("0.50"))
    pit.exchange.cancel("ANN", order.order_id)
    pit.go(10)
    assert order.status is OrderStatus.CANCELLED
    assert (stop.status, stop.triggered) == (OrderStatus.LIVE, False)
    pit.market.resume(AAPL)
    pit.go(10)
    assert stop.triggered
