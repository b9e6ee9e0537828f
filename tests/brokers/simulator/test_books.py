"""Whatever is ordered, the books add up: an independent recount of fills gives the same cash and positions."""

from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.orders import Action, Leg
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import (
    Duration,
    Event,
    Exchange,
    FillRule,
    OrderRefused,
    OrderStatus,
    OrderType,
    SimOrder,
    Ticket,
)
from brokers.simulator.exchange.books.fees import charge
from brokers.simulator.exchange.orders.orders import unit_ratios
from brokers.simulator.market import Market
from tests.brokers.simulator.recount import audit

START = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
DEPOSIT = Decimal(100_000)
CENT = Decimal("0.01")
SHARES = (Equity("AAPL"), Equity("F"), Equity("SPY"))
ENDED = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
NEXT = {
    "received": {"routed", "cancelled", "expired"},
    "contingent": {"received", "cancelled", "expired"},
    "routed": {"in_flight", "cancel_requested", "replace_requested", "expired"},
    "in_flight": {"live", "cancel_requested", "replace_requested", "expired"},
    "live": {"live", "filled", "cancelled", "expired", "cancel_requested", "replace_requested"},
    "cancel_requested": {"cancel_requested", "cancelled", "filled", "expired"},
    "replace_requested": {"replace_requested", "cancelled", "filled", "expired"},
}

orders = st.fixed_dictionaries(
    {
        "do": st.just("order"),
        "what": st.integers(0, 5),
        "action": st.sampled_from([a for a in Action if a not in (Action.BUY, Action.SELL)]),
        "quantity": st.integers(1, 120),
        "away": st.integers(-20, 60),
        "kind": st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT]),
        "tif": st.sampled_from([Duration.DAY, Duration.GTC, Duration.IOC, Duration.FOK]),
    }
)
closes = st.fixed_dictionaries({"do": st.just("close"), "which": st.integers(0, 5), "share": st.integers(1, 3)})
waits = st.fixed_dictionaries({"do": st.just("wait"), "steps": st.integers(3, 8), "pause": st.sampled_from([0.1, 0.4])})
others = st.one_of(
    st.fixed_dictionaries({"do": st.just("cancel"), "which": st.integers(0, 30)}),
    st.fixed_dictionaries({"do": st.just("replace"), "which": st.integers(0, 30), "away": st.integers(-60, 60)}),
    st.fixed_dictionaries({"do": st.just("plan"), "mode": st.sampled_from(["immediate", "never", "partial"])}),
    st.fixed_dictionaries({"do": st.just("sleep"), "hours": st.sampled_from([5, 72])}),
    st.just({"do": "restart"}),
)

quiet = st.just({"do": "wait", "steps": 1, "pause": 0.1})
moments = st.tuples(orders, waits, st.one_of(quiet, others), orders, closes, waits)
sequences = st.lists(moments, min_size=3, max_size=20).map(lambda found: [step for moment in found for step in moment])


class Trading:
    """A second set of books, kept from nothing but the orders' fills and the exchange's transactions."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.market = Market(9, START)
        chain = self.market.chain(Equity("SPY"))
        strikes = [s for s in chain.expirations[1].strikes if 585 <= s.price <= 610]
        self.instruments = (*SHARES, strikes[0].call, strikes[-1].put, strikes[len(strikes) // 2].call)
        self.spread = (strikes[0].call, strikes[-1].call)
        self.seen: dict[int, str] = {}
        self.versions: dict[int, datetime] = {}
        self.shown: dict[tuple[object, bool, int], Decimal] = defaultdict(Decimal)
        self.counted: set[str] = set()
        self.exchange = self.start()
        self.exchange.open_account("A", "ann", "Books", "margin", Decimal(0))
        self.exchange.deposit("A", DEPOSIT)

    def start(self) -> Exchange:
        exchange = Exchange(self.market, self.clock)
        exchange.listeners.append(self.hear)
        return exchange

    def hear(self, event: Event) -> None:
        order = event.value
        if not isinstance(order, SimOrder):
            return
        before = self.seen.get(order.order_id)
        assert before is None or order.status in NEXT.get(before, set()), f"{before} → {order.status}"
        assert order.order_id not in self.versions or order.updated_at > self.versions[order.order_id]
        self.seen[order.order_id], self.versions[order.order_id] = str(order.status), order.updated_at
        self.check_fills(order)

    def check_fills(self, order: SimOrder) -> None:
        """Each new fill is at the touch of the book on show (where the clock jumped: of then), within the sizes shown,
        and within the order."""
        for leg in order.legs:
            wanted = leg.leg
            assert sum((f.quantity for f in leg.fills), Decimal(0)) == leg.filled <= wanted.quantity
            for fill in leg.fills:
                if fill.fill_id in self.counted:
                    continue
                self.counted.add(fill.fill_id)
                if fill.at < self.clock.now():  # the clock has jumped over it: it has the price of then
                    fair = self.market.price_at(wanted.instrument, fill.at)
                    assert abs(fill.price - fair) <= self.market.listing(wanted.instrument).increments.at(fair)
                    continue
                book = self.market.book(wanted.instrument)
                touch, size = (book.ask, book.ask_size) if wanted.action.is_buy else (book.bid, book.bid_size)
                assert fill.price == touch
                key = (wanted.instrument, wanted.action.is_buy, book.version)
                self.shown[key] += fill.quantity
                assert self.shown[key] <= size
        self.check_limit(order)

    def check_limit(self, order: SimOrder) -> None:
        limit = order.ticket.limit_price
        if limit is None or not order.fills:
            return
        ratios = unit_ratios([leg.leg.quantity for leg in order.legs])
        for round_ in zip(*(leg.fills for leg in order.legs), strict=True):
            legs = zip(order.legs, round_, ratios, strict=True)
            assert sum(-leg.leg.action.sign * fill.price * ratio for leg, fill, ratio in legs) >= limit
            assert len({fill.quantity / ratio for fill, ratio in zip(round_, ratios, strict=True)}) == 1

    # What is done

    def do(self, step: dict) -> None:
        with suppress(OrderRefused):
            getattr(self, step["do"])(**{key: value for key, value in step.items() if key != "do"})

    def order(self, what, action, quantity, away, kind, tif) -> None:
        if what == 5:
            self.exchange.place("A", self.spread_ticket(quantity % 5 + 1, away, tif, action.is_buy))
            return
        instrument = self.instruments[what]
        price = self.price(instrument, action, away)
        signed = -price if action.is_buy else price
        ticket = Ticket(
            (Leg(instrument, action, Decimal(quantity if what < 3 else quantity % 7 + 1)),),
            kind,
            tif,
            limit_price=signed if kind.has_limit else None,
            stop_price=price if kind.has_stop else None,
        )
        self.exchange.place("A", ticket)

    def spread_ticket(self, units: int, away: int, tif: Duration, buys: bool) -> Ticket:
        low, high = self.spread
        first, second = (Action.BUY_TO_OPEN, Action.SELL_TO_OPEN) if buys else (Action.SELL_TO_OPEN, Action.BUY_TO_OPEN)
        legs = (Leg(low, first, Decimal(units)), Leg(high, second, Decimal(units * 2)))
        return Ticket(legs, OrderType.LIMIT, tif, limit_price=Decimal(away) / 5 + Decimal("0.01"))

    def price(self, instrument: Equity | Option, action: Action, away: int) -> Decimal:
        book = self.market.book(instrument)
        touch = (book.ask if action.is_buy else book.bid) if book else Decimal(5)
        return max(CENT, touch + Decimal(away if action.is_buy else -away) / 100)

    def close(self, which: int, share: int) -> None:
        held = self.exchange.positions("A")
        if held:
            position = held[which % len(held)]
            action = Action.SELL_TO_CLOSE if position.quantity > 0 else Action.BUY_TO_CLOSE
            quantity = max(abs(position.quantity) // share, Decimal(1))
            leg = Leg(position.instrument, action, quantity)
            self.exchange.place("A", Ticket((leg,), OrderType.MARKET, Duration.DAY))

    def cancel(self, which: int) -> None:
        placed = self.exchange.orders("A")
        if placed:
            self.exchange.cancel("A", placed[which % len(placed)].order_id)

    def replace(self, which: int, away: int) -> None:
        placed = [o for o in self.exchange.orders("A") if o.ticket.order_type is OrderType.LIMIT and len(o.legs) == 1]
        if placed:
            old = placed[which % len(placed)]
            leg = old.ticket.legs[0]
            price = self.price(leg.instrument, leg.action, away)
            signed = -price if leg.action.is_buy else price
            self.exchange.replace("A", old.order_id, Ticket((leg,), OrderType.LIMIT, Duration.DAY, limit_price=signed))

    def wait(self, steps: int, pause: float) -> None:
        for _ in range(steps):
            self.clock.advance(pause)
            self.market.advance(self.clock.now())
            self.exchange.step(self.clock.now())

    def plan(self, mode: str) -> None:
        self.exchange.fills.set(FillRule(mode, fraction=Decimal("0.4"), interval=0.3))

    def sleep(self, hours: int) -> None:
        self.wait(1, hours * 3600)

    def restart(self) -> None:
        kept, again = self.exchange.snapshot(), self.start()
        again.restore(kept)
        # the displayed sizes are the market's, which goes on: a new program sees a new book
        self.market.advance(self.clock.now())
        self.shown.clear()
        self.exchange = again

    # What must hold

    def check(self) -> None:
        account, balance = self.exchange.accounts["A"], self.exchange.balance("A")
        marks = {str(position.instrument): position.mark for position in self.exchange.positions("A")}
        audit(account, balance, marks)
        for entry in account.transactions:
            self.check_entry(entry, account.orders)
        self.check_orders(account.orders)
        assert balance.derivative_buying_power >= 0

    def check_entry(self, entry, placed: dict[int, SimOrder]) -> None:
        """A trade is the fill of its order."""
        if entry.kind == "trade":
            legs = [leg for leg in placed[entry.order_id].legs if leg.leg.instrument == entry.instrument]
            (fill,) = [f for leg in legs for f in leg.fills if f.fill_id == entry.fill_id]
            assert (fill.quantity, fill.price) == (entry.quantity, entry.price)
        else:
            assert entry.order_id is None

    def check_orders(self, placed: dict[int, SimOrder]) -> None:
        fills = {e.fill_id for e in self.exchange.accounts["A"].transactions if e.fill_id}
        assert fills == {fill.fill_id for order in placed.values() for fill in order.fills}
        for order in placed.values():
            assert order.is_terminal == (order.status in ENDED)
            assert (order.terminal_at is not None) == order.is_terminal
            assert (order.remaining == 0) == (order.status is OrderStatus.FILLED)
            for leg in order.legs:
                before, total = Decimal(0), Decimal(0)
                for fill in leg.fills:
                    parts = charge(leg.leg.instrument, leg.leg.action, fill.quantity, fill.price, before)
                    total += parts["commission"]["brokerage"]
                    before += fill.quantity
                assert total >= -10


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences)
def test_the_books_add_up_whatever_is_ordered(sequence):
    books = Trading()
    for step in sequence:
        books.do(step)
    books.check()
    books.wait(10, 0.1)
    books.check()
    books.sleep(24 * 12)
    books.check()
    assert all(books.seen[i] == str(order.status) for i, order in books.exchange.accounts["A"].orders.items())


def test_a_long_busy_day_adds_up():
    books = Trading()
    actions = (Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE, Action.BUY_TO_OPEN, Action.SELL_TO_OPEN)
    for count in range(300):
        books.do(
            {
                "do": "order",
                "what": count % 6,
                "action": actions[count // 6 % 4],
                "quantity": 1 + count * 13 % 60,
                "away": 10 if actions[count // 6 % 4].is_buy else -10,
                "kind": OrderType.LIMIT,
                "tif": Duration.DAY,
            }
        )
        books.wait(2, 0.1)
    books.check()
    filled = [o for o in books.exchange.orders("A") if o.status is OrderStatus.FILLED]
    assert len(filled) > 50
    rights = {
        p.instrument.right for p in books.exchange.positions("A", closed=True) if isinstance(p.instrument, Option)
    }
    assert Right.CALL in rights
