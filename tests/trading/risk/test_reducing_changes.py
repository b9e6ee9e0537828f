"""A working order may be made smaller while only reducing is allowed, and whatever limits were set since."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from ledger_broker import AAPL, LedgerBroker, a_ticket
from risk_scene import CALL_110, CALL_120, NOW, XYZ, holding, scene

from brokers import registry
from brokers.domain.market import Quote
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce, Trail
from brokers.models import Account
from brokers.port import Term
from trading import orders
from trading.models import Order
from trading.protocol import replaces
from trading.risk import Habits, Sent, SentByAll, Snapshot, Standing, TradingState, Twin, Working, check, reducing
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


# --- what a change to no more of the same is spared ---

LESS = buy("40")
BARE = OrderTicket((Leg(CALL_110, Action.SELL_TO_OPEN, Decimal(2)),), OrderType.LIMIT, TimeInForce.DAY, Decimal("2.00"))
CLOSING = OrderTicket((Leg(XYZ, Action.SELL_TO_CLOSE, Decimal(40)),), OrderType.LIMIT, TimeInForce.DAY, Decimal(100))
OTHER_SIDE = Working("w", (Leg(XYZ, Action.SELL_TO_CLOSE, Decimal(1)),), OrderType.LIMIT, Decimal(90))
SPARED: list[tuple[str, OrderTicket, Snapshot, Limits]] = [
    ("INSTRUMENT_UNKNOWN", LESS, scene(details={}), Limits()),
    ("NOT_ALLOWED", LESS, scene(), Limits(denied_symbols=frozenset({"XYZ"}))),
    ("ORDER_QTY", LESS, scene(), Limits(shares=Decimal(3))),
    ("ORDER_NOTIONAL", LESS, scene(), Limits(order_notional=Decimal(100))),
    ("PRICE_COLLAR", buy("40", "-120"), scene(), Limits()),
    ("MARKET_ORDER_GUARD", buy("40", None), scene(hours={}), Limits()),
    ("QUOTE_STALE", a_stop("40", "120"), scene(quotes={}, quotes_at=None), Limits()),
    ("QUOTE_CROSSED", LESS, scene(quotes={XYZ: Quote(XYZ, NOW, Decimal(101), Decimal(100), halted=False)}), Limits()),
    ("DUPLICATE_LIKE", LESS, scene(twins=(Twin("o", NOW, True),)), Limits()),
    ("OPEN_ORDERS", LESS, scene(), Limits(open_orders=Decimal(0))),
    ("BUYING_POWER", LESS, scene(reserved=Decimal(10**9)), Limits()),
    ("POSITION_LIMIT", LESS, scene(positions=None), Limits()),
    ("CONCENTRATION", LESS, scene(), Limits(concentration_share=Decimal("0.01"))),
    ("SHORT_OPTION", BARE, scene(), Limits()),
    ("OVERSELL", CLOSING, scene(holding(XYZ, "10")), Limits()),
    ("SIZE_JUMP", LESS, scene(habits=Habits((Decimal(10),) * 10)), Limits()),
    ("SELF_CROSS", LESS, scene(working=(OTHER_SIDE,)), Limits()),
    ("BAD_PRICE", a_stop("40", "99"), scene(), Limits()),
    ("PLATFORM_CAP", LESS, scene(sent_by_all=SentByAll(1, Decimal(4_999_999))), Limits()),
    ("DAILY_LOSS", LESS, scene(opening_value=Decimal(200_000)), Limits()),
]
HELD: list[tuple[str, OrderTicket, Snapshot, Limits]] = [
    ("KILL_SWITCH", LESS, scene(standing=None), Limits()),
    ("CONNECTION_NOT_READY", LESS, scene(not_ready=None), Limits()),
    ("ACCOUNT_NOT_ALLOWED", LESS, scene(not_allowed="Closed."), Limits()),
    ("RATE_SHORT", LESS, scene(sent=Sent(5, 5, 5)), Limits()),
    ("RATE_REJECTS", LESS, scene(refusals=5), Limits()),
    ("PLATFORM_CAP", LESS, scene(sent_by_all=SentByAll(50)), Limits()),
    ("BAD_PRICE", buy("40", "-99.999"), scene(), Limits()),
    ("BAD_QUANTITY", buy("39.5", time_in_force=TimeInForce.GTC), scene(), Limits()),
    ("COMBINATION", buy("40", time_in_force=TimeInForce.IOC), scene(capabilities=None), Limits()),
]


def larger(ticket: OrderTicket) -> OrderTicket:
    return replace(ticket, legs=tuple(replace(leg, quantity=leg.quantity * 2) for leg in ticket.legs))


def codes_of(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> set[str]:
    return {finding.code for finding in check(ticket, snapshot, limits)}


@pytest.mark.parametrize(("code", "less", "setting", "limits"), SPARED, ids=[row[0] for row in SPARED])
def test_what_is_said_of_what_an_order_adds_does_not_stop_less_of_the_same(
    code: str, less: OrderTicket, setting: Snapshot, limits: Limits
) -> None:
    assert code not in codes_of(less, replace(setting, instead_of=larger(less)), limits)
    assert code in codes_of(less, setting, limits), "a new order like it is stopped"
    assert code in codes_of(larger(less), replace(setting, instead_of=less), limits), "and so is a change to more"


@pytest.mark.parametrize(("code", "less", "setting", "limits"), HELD, ids=[row[0] for row in HELD])
def test_who_how_often_and_in_what_form_holds_for_less_of_the_same_too(
    code: str, less: OrderTicket, setting: Snapshot, limits: Limits
) -> None:
    assert code in codes_of(less, replace(setting, instead_of=larger(less)), limits)


def test_all_that_is_spared_was_tried() -> None:
    tried = {row[0] for row in SPARED}
    assert tried - reducing.OF_WHAT_IS_ADDED == {"BAD_PRICE", "PLATFORM_CAP", "DAILY_LOSS"}
    assert tried > reducing.OF_WHAT_IS_ADDED


@pytest.mark.parametrize("careless", [by_quantity_alone, by_price_alone, anything_goes])
def test_a_rule_that_spares_too_much_is_caught(
    careless: Callable[[OrderTicket, Snapshot], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: more, or dearer, would pass the limits of size in the place of an order that is there."""
    monkeypatch.setattr(reducing, "shrinks", careless)
    changes = [(before, after) for _, before, after, allowed in CHANGES if not allowed]
    limits = Limits(shares=Decimal(1), contracts=Decimal(0))
    let_out = [after for before, after in changes if not codes_of(after, scene(instead_of=before), limits)]
    assert let_out


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


@pytest.mark.django_db
def test_an_order_above_a_limit_that_was_set_since_is_made_smaller_and_never_larger(
    changing_broker: LedgerBroker, trading_account: Account
) -> None:
    order = orders.place(
        account=trading_account, ticket=a_ticket("40"), idempotency_key="k", source=Order.Source.WEB
    )[0]  # fmt: skip
    limits.change({"shares": Decimal(1), "order_notional": Decimal(10)}, by=None, reason="a test")
    with pytest.raises(orders.Denied) as denied:
        change(order, "larger", "41")
    assert {finding.code for finding in denied.value.findings if finding.hard} >= {"ORDER_QTY", "ORDER_NOTIONAL"}
    assert replaces.foresee(order, a_ticket("30")) == []
    assert change(order, "smaller", "30").quantity == Decimal(30)
    assert changing_broker.calls.count("replace") == 1
