"""While only reducing is allowed, a working order may be made smaller, and nothing else about it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from ledger_broker import AAPL, LedgerBroker, a_ticket
from risk_scene import CALL_110, CALL_120, XYZ, holding, scene

from brokers import registry
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce, Trail
from brokers.models import Account
from brokers.port import Term
from trading import orders
from trading.models import Order
from trading.protocol import replaces
from trading.risk import Snapshot, Standing, TradingState, check, reducing
from trading.risk.bounds import Limits
from trading.risk.facts import HaltNote
from trading.safety import halts, limits

BUY = Action.BUY_TO_OPEN
REDUCING = Standing(TradingState.REDUCING, (HaltNote("account", TradingState.REDUCING, "a test"),))


def buy(quantity: str, price: str | None = "-100", **more: object) -> OrderTicket:
    kind = OrderType.LIMIT if price is not None else OrderType.MARKET
    limit = Decimal(price) if price is not None else None
    terms = {"order_type": kind, "time_in_force": TimeInForce.DAY, "limit_price": limit} | more
    return OrderTicket((Leg(XYZ, BUY, Decimal(quantity)),), **terms)  # type: ignore[arg-type]


def spread(long: str, short: str, price: str) -> OrderTicket:
    legs = (Leg(CALL_110, BUY, Decimal(long)), Leg(CALL_120, Action.SELL_TO_OPEN, Decimal(short)))
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, Decimal(price))


def a_stop(quantity: str, price: str) -> OrderTicket:
    return buy(quantity, None, order_type=OrderType.STOP, stop_price=Decimal(price))


CHANGES: list[tuple[str, OrderTicket, OrderTicket, bool]] = [
    ("fewer", buy("50"), buy("40"), True),
    ("fewer and cheaper", buy("50"), buy("40", "-99"), True),
    ("as many, cheaper", buy("50"), buy("50", "-99"), True),
    ("more", buy("50"), buy("51"), False),
    ("more and cheaper", buy("50"), buy("51", "-50"), False),
    ("fewer at a worse price", buy("50"), buy("10", "-101"), False),
    ("fewer to the market", buy("50"), buy("10", None), False),
    ("from the market to a limit", buy("50", None), buy("10"), False),
    ("fewer for longer", buy("50"), buy("40", time_in_force=TimeInForce.GTC), False),
    ("another stop", a_stop("50", "120"), a_stop("50", "110"), False),
    ("fewer at the same stop", a_stop("50", "120"), a_stop("40", "120"), True),
    (
        "a nearer trail",
        buy("5", None, order_type=OrderType.TRAILING_STOP, trail=Trail(Decimal(5))),
        buy("5", None, order_type=OrderType.TRAILING_STOP, trail=Trail(Decimal(2))),
        False,
    ),
    ("fewer spreads", spread("3", "3", "-1.00"), spread("2", "2", "-1.00"), True),
    ("for a smaller debit", spread("3", "3", "-1.00"), spread("3", "3", "-0.90"), True),
    ("for a larger debit", spread("3", "3", "-1.00"), spread("2", "2", "-1.10"), False),
    ("one leg alone", spread("3", "3", "-1.00"), spread("2", "3", "-1.00"), False),
]


def stopped(before: OrderTicket | None, after: OrderTicket) -> bool:
    snapshot = scene(standing=REDUCING, instead_of=before)
    return "KILL_SWITCH" in {finding.code for finding in check(after, snapshot, Limits())}


@pytest.mark.parametrize(("before", "after", "allowed"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_no_more_of_the_same_may_take_an_orders_place(before: OrderTicket, after: OrderTicket, allowed: bool) -> None:
    assert stopped(before, after) is not allowed
    assert stopped(None, after), "a new order like this makes something bigger"


def by_quantity_alone(ticket: OrderTicket, snapshot: Snapshot) -> bool:
    before = snapshot.instead_of
    return before is not None and ticket.legs[0].quantity <= before.legs[0].quantity


def by_price_alone(ticket: OrderTicket, snapshot: Snapshot) -> bool:
    before = snapshot.instead_of
    return before is not None and (ticket.limit_price or 0) >= (before.limit_price or 0)


def anything_goes(ticket: OrderTicket, snapshot: Snapshot) -> bool:
    return snapshot.instead_of is not None


@pytest.mark.parametrize("careless", [by_quantity_alone, by_price_alone, anything_goes])
def test_a_careless_rule_is_caught(
    careless: Callable[[OrderTicket, Snapshot], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: the same changes tell each of these."""
    monkeypatch.setattr(reducing, "shrinks", careless)
    assert any(not stopped(before, after) for _, before, after, allowed in CHANGES if not allowed)


def test_a_halt_lets_no_change_out_and_an_order_to_close_is_judged_as_ever() -> None:
    halted = Standing(TradingState.HALTED, (HaltNote("account", TradingState.HALTED, "a test"),))
    snapshot = scene(standing=halted, instead_of=buy("50"))
    assert "KILL_SWITCH" in {finding.code for finding in check(buy("40"), snapshot, Limits())}
    leg = Leg(XYZ, Action.SELL_TO_CLOSE, Decimal(50))
    sell = OrderTicket((leg,), OrderType.LIMIT, TimeInForce.DAY, Decimal(99))
    held = scene(holding(XYZ, "50"), standing=REDUCING, instead_of=replace(sell, limit_price=Decimal(110)))
    assert "KILL_SWITCH" not in {finding.code for finding in check(sell, held, Limits())}, "closing at a worse price"


# --- through the front door ---


@pytest.fixture
def changing_broker(controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch, db: None) -> LedgerBroker:
    """A broker that changes quantities too, and wide limits."""
    spec = registry.spec("tastytrade")
    able = replace(spec.capabilities, replaces=spec.capabilities.replaces | {Term.QUANTITY})
    monkeypatch.setitem(registry.BROKERS, "tastytrade", replace(spec, capabilities=able))
    controlled_broker.keeps_id = True
    wide = dict.fromkeys(("shares", "order_notional", "position_notional"), Decimal(10**6))
    limits.change(wide | {"gross_share": Decimal(999), "concentration_share": Decimal(999)}, by=None, reason="a test")
    return controlled_broker


def reduce_only(account: Account) -> None:
    halts.press(halts.Scope.of_account(account), TradingState.REDUCING, reason="a test")


def change(order: Order, key: str, *terms: str) -> Order:
    return orders.replace(order, a_ticket(*terms), idempotency_key=key, source=Order.Source.WEB)


@pytest.mark.django_db
def test_an_order_that_opens_is_made_smaller_and_never_larger(
    changing_broker: LedgerBroker, trading_account: Account
) -> None:
    order = orders.place(account=trading_account, ticket=a_ticket("10"), idempotency_key="k", source=Order.Source.WEB)[
        0
    ]
    reduce_only(trading_account)
    for number, terms in enumerate([("11",), ("10", "191.00"), ("5", "191.00")]):
        with pytest.raises(orders.Denied) as denied:
            change(order, f"larger-{number}", *terms)
        assert {finding.code for finding in denied.value.findings} == {"KILL_SWITCH"}
    with pytest.raises(orders.Denied):
        orders.place(account=trading_account, ticket=a_ticket("1"), idempotency_key="new", source=Order.Source.WEB)
    foreseen = {finding.code for finding in replaces.foresee(order, a_ticket("4"))}
    stands = change(order, "smaller", "4")
    assert "KILL_SWITCH" not in foreseen
    assert (stands.quantity, changing_broker.calls.count("replace")) == (Decimal(4), 1)


@pytest.mark.django_db
def test_of_an_order_that_filled_in_part_what_is_left_counts(
    changing_broker: LedgerBroker, trading_account: Account
) -> None:
    order = orders.place(account=trading_account, ticket=a_ticket("10"), idempotency_key="k", source=Order.Source.WEB)[
        0
    ]
    changing_broker.held[AAPL] = Decimal(6)
    changing_broker.fill(str(order.broker_order_id), "6")
    orders.refresh(trading_account)
    reduce_only(trading_account)
    with pytest.raises(orders.Denied):
        change(order, "larger", "11")
    assert change(order, "smaller", "8").quantity == Decimal(8)
