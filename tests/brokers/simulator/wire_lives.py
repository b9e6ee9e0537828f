"""Random lives of an account at a broker's wire, each held against recounts of its own."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from brokers.domain.instruments import Equity, Future, Option, Right
from brokers.simulator.exchange import Bond
from tests.brokers.simulator.in_process import Program
from tests.brokers.simulator.recount import audit, recount
from tests.brokers.simulator.wire_desks import Names, Seen, StationDesk, TastyDesk, multiplier
from tests.brokers.simulator.wishes import OPTIONED, SHARES, Part, Wish, Wisher

DEPOSIT = Decimal(250_000)
CENT = Decimal("0.01")
STARTS = (  # New York is 5 hours behind: mornings, the last minutes of a session, nights, a Sunday
    *("2026-11-20T15:00", "2026-11-20T20:57", "2026-11-23T14:29", "2026-11-24T16:00", "2026-11-25T19:30"),
    *("2026-11-27T17:55", "2026-11-29T23:01", "2026-12-04T20:50", "2026-12-08T13:00"),
)
PAUSES = (0.05, 0.1, 0.2, 0.3, 1, 1, 3, 10, 45, 70, 900, 3600, 4 * 3600)
PLANS: tuple[dict[str, Any], ...] = (
    {"mode": "immediate"},
    {"mode": "partial", "fraction": "0.4", "interval": 2},
    {"mode": "partial", "fraction": "0.1", "interval": 0.3},
    {"mode": "delayed", "delay": 1.5},
    {"mode": "never"},
    {"mode": "legs", "interval": 0.7},
    {"mode": "schedule", "schedule": [[0, "0.3"], [2, "0.5"], [20, "1"]]},
)
ACTIONS = {
    "place": 10,
    "group": 3,
    "change": 5,
    "cancel": 2,
    "wait": 9,
    "jump": 2,
    "move": 3,
    "plan": 2,
    "again": 1,
    "race": 1,
}


class Block:
    """A program and the lives that are led in it one after the other; all of it follows from the block's number."""

    def __init__(self, broker: str, number: int) -> None:
        self.broker, self.number = broker, number
        self.random = Random(f"{broker}/{number}")  # noqa: S311
        start = datetime.fromisoformat(STARTS[number % len(STARTS)]).replace(tzinfo=timezone.utc)
        self.program = Program(start, always_open=number % 7 == 6)
        self.tokens = {wire: self.program.token(wire) for wire in ("tastytrade", "tradestation")}
        self.names = Names()

    def lead(self, lives: int, happened: Counter[str]) -> None:
        for place in range(lives):
            life = Life(self, place)
            try:
                life.lead()
            except Exception as error:
                life.done.append(f"now {self.program.clock.now()}")
                error.add_note(f"{self.broker}, block {self.number}, life {place}: " + "; ".join(life.done))
                raise
            happened.update(life.happened)


class Life:
    """One account: what is done to it, and what must hold whatever is done."""

    def __init__(self, block: Block, place: int) -> None:
        self.block, self.program, self.random = block, block.program, block.random
        self.world = self.program.world
        self.exchange = self.world.exchange
        kinds = ("margin", "margin", "cash") if block.broker == "tastytrade" else ("margin", "futures", "cash")
        self.kind = kinds[place % 3]
        self.number = f"5WT{10_000 + place:05d}"
        self.exchange.open_account(self.number, "demo", "Life", self.kind, Decimal(0))
        self.exchange.deposit(self.number, DEPOSIT)
        self.tasty = TastyDesk(self.program, block.tokens["tastytrade"], self.number, block.names)
        self.station = StationDesk(self.program, block.tokens["tradestation"], self.number, block.names, self.kind)
        self.desk: TastyDesk | StationDesk = self.tasty if block.broker == "tastytrade" else self.station
        self.wisher = Wisher(self.world.market, self.random, self.kind, OPTIONED[block.number % len(OPTIONED)])
        self.placed: list[str] = []
        self.ended: dict[str, Any] = {}
        self.limits: dict[str, Decimal] = {}
        self.done: list[str] = []
        self.happened: Counter[str] = Counter()
        self.opened = self.world.clock.now()
        self.first_entry = self.world.ledger.next_number

    def lead(self) -> None:
        if not self.world.market.is_open(self.world.clock.now()) and self.random.random() < 0.8:
            self.jump()
        for _ in range(self.random.randint(6, 14)):
            action = self.random.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            self.done.append(action)
            getattr(self, action)()
            if self.random.random() < 0.3:
                self.check()
        self.check()
        self.program.control("fills", {"clear": True})
        self.let_options_end()
        for order in self.desk.orders():
            if not order.end:
                self.desk.cancel(order.number)
        self.program.wait(1)
        self.check()
        self.check_end()

    # What is done

    @property
    def held(self) -> dict[Any, Decimal]:
        return {i: p.quantity for i, p in self.exchange.accounts[self.number].positions.items() if p.quantity}

    def wish(self) -> Wish:
        wish = self.wisher.wish(self.held, self.desk.kinds, self.desk.lives)
        if self.random.random() < 0.12:
            wish = self.with_rules(wish)
        return wish

    def with_rules(self, wish: Wish) -> Wish:
        now, share = self.world.clock.now(), self.random.choice(SHARES)
        last = self.world.market.book(share).last
        threshold = last + self.random.choice((-1, 0, 1)) * Decimal("0.02")
        condition = {"symbol": share.symbol, "comparator": self.random.choice(("gte", "lte")), "threshold": threshold}
        at = now + timedelta(seconds=self.random.choice((2, 60, 900)))
        pick = self.random.random()
        rules = self.desk.rules(condition if pick < 0.7 else None, at if pick > 0.5 else None)
        return Wish(wish.parts, wish.kind, wish.price, wish.stop, wish.life, rules)

    def place(self) -> None:
        self.send(self.wish())

    def again(self) -> None:
        """The same twice: two orders, and both claim what one of them may have."""
        wish = self.wish()
        self.send(wish)
        self.send(wish)

    def send(self, wish: Wish) -> None:
        made = self.desk.place(wish)
        self.placed += made
        self.done[-1] += f" {wish.kind} {wish.life} {[(str(p.instrument), p.sign * p.quantity) for p in wish.parts]} "
        self.done[-1] += f"{wish.price} {wish.stop} -> {','.join(made)}"
        self.happened["placed" if made else "refused"] += 1
        if made and wish.price is not None:
            self.limits[made[0]] = wish.price

    def group(self) -> None:
        """An entry with exits behind it, or the exits alone."""
        random = self.random
        share, size = random.choice(SHARES), Decimal(random.choice((10, 100)))
        futures = self.kind == "futures"
        if futures:
            share, size = self.wisher.future().instrument, Decimal(random.choice((1, 2, 4)))
        held = self.held.get(share, Decimal(0))
        bond = random.choice(("oco", "bracket", "normal") if self.desk is self.station else ("oco", "normal"))
        alone = held > 0 and random.random() < 0.5
        size = min(size, held) if alone else size
        exits = Part(share, False, None if futures else False, size)
        entry = Part(share, True, None if futures else True, size)
        target = self.wisher.priced((exits,), "limit", random.choice(("day", "gtc")), random.choice((-2, 1, 20)))
        guard = self.wisher.priced((exits,), "stop", "day")
        if random.random() < 0.3:
            guard = self.wisher.priced((exits,), "limit", "gtc", random.choice((0, 3)))
        parent = None if alone else self.wisher.priced((entry,), random.choice(("limit", "market")), "day")
        if alone and bond == "normal":
            bond = "oco"
        made = self.desk.group(bond, [target, guard], parent)
        self.done[-1] += f" {bond} {share} {size} {'alone' if alone else 'behind'} -> {','.join(made)}"
        self.placed += made
        self.happened[f"group {bond}" if made else "group refused"] += 1

    def change(self) -> None:
        working = [order for order in self.desk.orders() if not order.end]
        if not working:
            return
        chosen = self.random.choice(working)
        order = self.exchange.accounts[self.number].orders[int(chosen.number)]
        parts = tuple(
            Part(s.leg.instrument, s.leg.action.is_buy, s.leg.action.opens, s.leg.quantity) for s in order.legs
        )
        if isinstance(parts[0].instrument, Future):
            parts = (Part(parts[0].instrument, parts[0].buys, None, parts[0].quantity),)
        if self.desk is self.station and len(parts) == 1 and self.random.random() < 0.5:
            size = max(Decimal(1), parts[0].quantity + self.random.choice((-50, -1, 1, 10)))
            parts = (Part(parts[0].instrument, parts[0].buys, parts[0].opens, size),)
        kind = str(order.ticket.order_type) if self.random.random() < 0.7 else self.random.choice(("limit", "market"))
        kind = kind if kind in self.desk.types else "limit"
        if kind == "notional":
            return
        wish = self.wisher.priced(parts, kind, self.random.choice(("day", "gtc")))
        if self.random.random() < 0.2:
            wish = self.with_rules(wish)
        for one in (chosen.number, *self.descendants(order)):
            self.limits.pop(one, None)
        before = order.amended
        made = self.desk.change(chosen.number, wish, self.random.random() < 0.6)
        self.placed += made
        self.happened["changed"] += bool(made) or order.amended > before
        self.done[-1] += f" {chosen.number} {wish.kind} {wish.price} {wish.stop} -> {','.join(made)}"

    def descendants(self, order: Any) -> list[str]:
        return [str(order.replaced_by_order_id)] if order.replaced_by_order_id else []

    def cancel(self) -> None:
        working = [order.number for order in self.desk.orders() if not order.end]
        if working:
            self.desk.cancel(self.random.choice(working))

    def wait(self) -> None:
        seconds = self.random.choice(PAUSES)
        for _ in range(self.random.choice((1, 1, 2, 4)) if seconds < 4 else 1):
            self.program.wait(seconds)

    def jump(self) -> None:
        """Over the end of the session or over days, so that orders and contracts end; or to the next open."""
        now, market = self.world.clock.now(), self.world.market
        session = market.session(now)
        next_turn = session.close_at if market.is_open(now) else session.open_at
        far = self.random.random() < 0.1
        seconds = (next_turn - now).total_seconds() + self.random.choice((0, 1, 600))
        self.program.wait(self.random.choice((1, 2, 4)) * 86_400 if far else seconds)
        self.happened["jumped"] += 1

    def move(self) -> None:
        self.program.wait(0.1)
        share = self.random.choice(SHARES)
        last = self.world.market.book(share).last
        price = (last * self.random.choice((97, 99, 100, 101, 103)) / 100).quantize(CENT)
        self.program.control("prices", {"symbol": share.symbol, "price": str(price)})
        self.program.wait(0.1)

    def race(self) -> None:
        """The price comes to an order while a change or a cancel is on its way to it; it trades bit by bit."""
        self.program.control("fills", {"mode": "partial", "fraction": "0.3", "interval": 0.02, "account": self.number})
        part = Part(Equity("F"), True, True, Decimal(100))
        wish = self.wisher.priced((part,), "limit", "day", 12)
        made = self.desk.place(wish)
        self.placed += made
        self.program.wait(0.5)
        self.program.wait(0.5)
        if not made:
            return
        if self.random.random() < 0.7:
            self.placed += self.desk.change(made[0], self.wisher.priced((part,), "limit", "day", 10), True)
        else:
            self.desk.cancel(made[0])
        price = (self.world.market.book(Equity("F")).last * Decimal("0.97")).quantize(CENT)
        self.program.control("prices", {"symbol": "F", "price": str(price)})
        self.done[-1] += f" {made}"
        for seconds in (0.03, 0.03, 0.5, 0.5):
            self.program.wait(seconds)
        self.happened["raced"] += 1

    def let_options_end(self) -> None:
        """Now and then wait for the first of the options that are held."""
        ends = [self.world.market.expires_at(one) for one in self.held if isinstance(one, Option)]
        if ends and self.random.random() < 0.4:
            self.program.wait((min(ends) - self.world.clock.now()).total_seconds() + 60)

    def plan(self) -> None:
        plan = self.random.choice(PLANS)
        self.done[-1] += f" {plan['mode']}"
        self.program.control("fills", plan | {"account": self.number})

    # What must hold

    def check(self) -> None:
        orders = self.desk.orders()
        self.check_orders(orders)
        if self.desk is self.tasty:
            self.check_history(orders)
        else:
            self.check_fills(orders)
        self.check_commitments()
        self.check_law()

    def check_orders(self, orders: list[Seen]) -> None:
        """All that was answered for is there; nothing fills beyond its size; what is over stays as it was."""
        assert {order.number for order in orders} >= set(self.placed)
        account = self.exchange.accounts[self.number]
        for order in orders:
            known = account.orders[int(order.number)]
            for leg in order.legs:
                assert 0 <= leg.done <= leg.quantity, order
            new = account.orders.get(known.replaced_by_order_id or 0)
            if new is not None and order.end:
                assert (new.size if new.live_at else new.filled) + known.filled <= known.size, order
            if order.number in self.ended:
                assert order.told == self.ended[order.number], order
            elif order.end and known.report_at is None:
                self.ended[order.number] = order.told
                self.happened[order.end] += 1
                for leg in order.legs:
                    assert (leg.done == leg.quantity) or order.end != "filled", order
            self.check_limit(order)

    def check_limit(self, order: Seen) -> None:
        """An order that was never changed trades at its limit or better."""
        limit = self.limits.get(order.number)
        if limit is None or not order.legs[0].done or len(order.legs) > 1:
            return
        assert -order.legs[0].sign * order.legs[0].price >= limit - Decimal("0.000001"), order

    def check_history(self, orders: list[Seen]) -> None:
        """tastytrade tells every entry: cash, positions, worth and every single fill follow from them."""
        assert isinstance(self.desk, TastyDesk)
        found, seen = recount(self.desk.lines()), self.desk.account()
        self.agree(found, seen)
        assert found.worth(seen.prices) == seen.worth
        told = {
            fill: (order.number, quantity, price)
            for order in orders
            for leg in order.legs
            for fill, quantity, price in leg.fills
        }
        history = self.desk.fills_in_history()
        untold = {fill.fill_id for order in self.untold() for leg in order.legs for fill in leg.unreported}
        assert {fill: each for fill, each in history.items() if fill not in untold} == told
        self.happened["fills"] += len(told)

    def untold(self) -> list[Any]:
        return [one for one in self.exchange.accounts[self.number].orders.values() if one.report_at is not None]

    def agree(self, found: Any, seen: Any) -> None:
        assert seen.cash == found.cash, (seen.cash, found.cash)
        held = {symbol: quantity for symbol, quantity in found.held.items() if quantity}
        assert seen.positions == held

    def check_fills(self, orders: list[Seen]) -> None:
        """TradeStation tells fills by orders only: cash and positions follow from them, while nothing else happens."""
        entries = self.exchange.transactions(self.number)
        others = [each for each in entries if each.kind != "trade" and each.sub_kind != "deposit"]
        seen = self.station.account()
        held: dict[str, Decimal] = defaultdict(Decimal)
        cash, paid = DEPOSIT, Decimal(0)
        for order in orders:
            assert order.fee is not None
            paid += order.fee
            for leg in order.legs:
                held[leg.symbol] += leg.sign * leg.done
                dollars = leg.sign * leg.done * leg.price * multiplier(leg.symbol)
                cash -= Decimal(0) if leg.symbol.startswith("/") else dollars.quantize(CENT)
        if others or self.untold():
            return
        closed = sum((p.variation for p in self.exchange.accounts[self.number].positions.values()), Decimal(0))
        assert seen.cash == cash - paid + closed, (seen.cash, cash, paid)
        assert seen.positions == {symbol: quantity for symbol, quantity in held.items() if quantity}
        self.happened["fills"] += sum(1 for order in orders for leg in order.legs if leg.done)

    def check_commitments(self) -> None:
        """What working orders hold back, added up anew; requirements and buying power where a child can tell them."""
        account = self.exchange.accounts[self.number]
        most: dict[Any, Decimal] = defaultdict(Decimal)
        for order in account.working:
            if order.status == "contingent" and order.due_at is None:
                continue
            share = order.reserve * order.remaining / order.size
            group = account.groups.get(order.group_id or 0)
            if group is not None and group.bond in (Bond.OCO, Bond.BRACKET):
                most[group.group_id] = max(most[group.group_id], share)
            else:
                most[-order.order_id] = share
        balance = self.exchange.balance(self.number)
        assert balance.reserved == sum(most.values(), Decimal(0)).quantize(CENT, ROUND_HALF_UP)
        needed = self.simple_requirement()
        if needed is not None:
            self.happened["simple requirement"] += 1
            assert abs(balance.initial_requirement - needed) <= CENT
            base = balance.cash + balance.futures_realized + balance.open_trade_equity
            shares = balance.long_equity_value - balance.short_equity_value
            free = max(Decimal(0), base + shares - needed - balance.reserved)
            assert abs(self.desk.account().buying_power - free) <= 2 * CENT

    def simple_requirement(self) -> Decimal | None:
        """Shares, futures and long options need no theory; None for all that does."""
        needed = Decimal(0)
        for position in self.exchange.positions(self.number):
            instrument, quantity = position.instrument, position.quantity
            if isinstance(instrument, Option) and quantity < 0:
                return None
            if isinstance(instrument, Equity):
                needed += abs(quantity) * position.mark / (1 if self.kind == "cash" else 2)
            if isinstance(instrument, Future):
                needed += abs(quantity) * self.world.market.product(instrument.product).initial_margin
        return needed

    def check_law(self) -> None:
        account = self.exchange.accounts[self.number]
        marks = {str(p.instrument): p.mark for p in self.exchange.positions(self.number)}
        audit(account, self.exchange.balance(self.number), marks)
        delivered = any(each.kind == "receive_deliver" for each in account.transactions)  # exercise asks for no money
        if self.kind == "cash" and not delivered:
            assert account.cash >= -1, account.cash
        for group in account.groups.values():
            self.check_group(account, group)

    def check_group(self, account: Any, group: Any) -> None:
        """Of orders that exclude each other one has filled; what waits has not traded."""
        members = [account.orders[one] for one in group.member_ids]
        if group.parent_id is not None and account.orders[group.parent_id].status != "filled":
            assert not any(member.filled for member in members)
            if account.orders[group.parent_id].is_terminal:
                assert {str(member.status) for member in members} == {"cancelled"}
        if group.bond is Bond.OCO:
            filled = [one for one in members if one.filled and account.orders.get(one.replaces_order_id or 0) is None]
            assert len(filled) <= 1
        if group.bond is Bond.BRACKET:
            sizes = max(one.size + one.cancelled_size for one in members)
            assert sum(one.filled for one in members) <= sizes

    def check_end(self) -> None:
        """All is over, the ledger names every order, and both wires show the same account."""
        assert not self.exchange.accounts[self.number].working
        tasty, station = self.tasty.account(), self.station.account()
        mine = {order.number: order for order in self.tasty.orders()}
        theirs = {order.number: order for order in self.station.orders()}
        assert mine.keys() == theirs.keys() == {str(one) for one in self.exchange.accounts[self.number].orders}
        for number, order in mine.items():
            other = theirs[number]
            assert order.end == other.end, (order, other)
            for leg, same in zip(order.legs, other.legs, strict=True):
                assert (leg.symbol, leg.sign, leg.quantity, leg.done) == (
                    same.symbol,
                    same.sign,
                    same.quantity,
                    same.done,
                )
                assert abs(leg.price - same.price) < Decimal("0.000001")
        assert (tasty.worth, tasty.positions, tasty.buying_power) == (
            station.worth,
            station.positions,
            station.buying_power,
        )
        realized = self.exchange.balance(self.number).futures_realized
        assert station.cash == tasty.cash + realized
        self.check_ledger(set(mine))
        self.check_endings()

    def check_endings(self) -> None:
        """Options end by what they are worth at their fixing: for nothing, for that much cash, or at the strike."""
        entries = self.exchange.accounts[self.number].transactions
        ended = [each for each in entries if each.kind == "receive_deliver" and isinstance(each.instrument, Option)]
        for each in ended:
            option, held = each.instrument, -1 if each.action.is_buy else 1
            inside = self.world.market.settlement(option) - option.strike
            inside = max(Decimal(0), inside if option.right is Right.CALL else -inside)
            self.happened[each.sub_kind] += 1
            if each.sub_kind == "expiration":
                assert (each.price, inside < CENT) == (0, True)
            elif each.sub_kind.startswith("cash_settled"):
                assert each.value == held * inside * 100 * each.quantity
            else:
                assert inside >= CENT
                shares = next(one for one in entries if one.transaction_id > each.transaction_id)
                bought = (option.right is Right.CALL) == (held > 0)
                assert (shares.quantity, shares.price) == (100 * each.quantity, option.strike)
                assert shares.value == (-1 if bought else 1) * 100 * each.quantity * option.strike

    def check_ledger(self, listed: set[str]) -> None:
        named: set[str] = set()
        for entry in self.world.ledger.since(self.first_entry - 1):
            if entry["made_order"]:
                assert entry["status"] in (200, 201)
                named |= set(entry["order_id"].split(","))
        assert named <= listed
        made = {*self.placed, *self.station.made}
        assert listed == made, listed ^ made
        if self.desk is self.station:
            assert named == listed
