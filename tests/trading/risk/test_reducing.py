"""While only reducing is allowed, no order that gets out makes anything bigger, whatever fills first."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from risk_scene import CALL_110, CALL_120, ES, ES_CALL, LATER_CALL, PUT_80, PUT_90, XYZ, holding, scene

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option, Right
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from trading.risk import Snapshot, Working, grows

Check = Callable[[OrderTicket, Snapshot], str]
INSTRUMENTS = (XYZ, CALL_110, CALL_120, LATER_CALL, PUT_90, PUT_80, ES, ES_CALL)
SIZES = {XYZ: (50, 100, 150, 200)}


def quantity_of(instrument: Instrument) -> st.SearchStrategy[Decimal]:
    return st.sampled_from(SIZES.get(instrument, (1, 2, 3))).map(Decimal)  # type: ignore[call-overload]


@st.composite
def legs(draw: st.DrawFn, instrument: Instrument, held: Decimal) -> Leg:
    """Most often one that closes, for what opens is let out never."""
    if held and draw(st.integers(0, 9)) < 8:
        closing = (Action.SELL_TO_CLOSE, Action.BUY_TO_CLOSE)
        if isinstance(instrument, Future):
            closing = (Action.SELL, Action.BUY)
        return Leg(instrument, closing[held < 0], draw(quantity_of(instrument)))
    actions = (Action.BUY, Action.SELL) if isinstance(instrument, Future) else tuple(Action)[:4]
    return Leg(instrument, draw(st.sampled_from(actions)), draw(quantity_of(instrument)))


@st.composite
def orders(draw: st.DrawFn, book: dict[Instrument, Decimal]) -> OrderTicket:
    pool = list(book) if draw(st.integers(0, 9)) < 8 else list(INSTRUMENTS)
    chosen = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True))
    made = tuple(draw(legs(one, book.get(one, Decimal(0)))) for one in chosen)
    return OrderTicket(made, OrderType.MARKET, TimeInForce.DAY)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[dict[Instrument, Decimal], list[OrderTicket]]:
    book = draw(books())
    return book, draw(st.lists(orders(book), min_size=1, max_size=3))


@st.composite
def books(draw: st.DrawFn) -> dict[Instrument, Decimal]:
    chosen = draw(st.lists(st.sampled_from(INSTRUMENTS), min_size=1, max_size=5, unique=True))
    return {one: draw(quantity_of(one)) * draw(st.sampled_from((1, -1))) for one in chosen}


def naked(book: dict[Instrument, Decimal]) -> Decimal:
    """By brute force, apart from the code under test: the least number of short contracts left after any pairing."""
    total = Decimal(0)
    for kind, under, per in ((Option, XYZ, 100), (FutureOption, ES, 1)):
        for right, side in ((Right.CALL, 1), (Right.PUT, -1)):
            options = [(o, q) for o, q in book.items() if isinstance(o, kind) and o.right is right and q]
            shorts = [o for o, q in options if q < 0 for _ in range(int(-q))]
            longs = [o for o, q in options if q > 0 for _ in range(int(q))]
            cover = (
                max(0, int(side * book.get(under, Decimal(0)) // per)) if side * book.get(under, Decimal(0)) > 0 else 0
            )
            total += max(0, _fewest_left(sorted(shorts, key=lambda o: o.expiry), longs) - cover)
    return total


def _fewest_left(shorts: list[Option | FutureOption], longs: list[Option | FutureOption]) -> int:
    if not shorts:
        return 0
    best = 1 + _fewest_left(shorts[1:], longs)
    for index, long in enumerate(longs):
        if long.expiry >= shorts[0].expiry:
            best = min(best, _fewest_left(shorts[1:], longs[:index] + longs[index + 1 :]))
            if long.expiry == shorts[0].expiry:
                break
    return best


def filled(book: dict[Instrument, Decimal], order: OrderTicket) -> dict[Instrument, Decimal]:
    result = dict(book)
    for leg in order.legs:
        result[leg.instrument] = result.get(leg.instrument, Decimal(0)) + leg.action.sign * leg.quantity
    return result


def bigger(before: dict[Instrument, Decimal], now: dict[Instrument, Decimal]) -> str:
    for instrument, quantity in now.items():
        was = before.get(instrument, Decimal(0))
        if abs(quantity) > abs(was):
            return f"{instrument} grew from {was} to {quantity}"
        if quantity * was < 0:
            return f"{instrument} went through zero"
    return "more options uncovered" if naked(now) > naked(before) else ""


def working_of(order: OrderTicket, number: int) -> Working:
    return Working(f"w{number}", order.legs, order.order_type)


def out_in(book: dict[Instrument, Decimal], asked: list[OrderTicket], refuses: Check) -> list[OrderTicket]:
    """Those let out one after the other, each while the ones before it still work."""
    snapshot = scene(*(holding(one, str(quantity)) for one, quantity in book.items()))
    out: list[OrderTicket] = []
    for order in asked:
        working = tuple(working_of(each, number) for number, each in enumerate(out))
        if not refuses(order, replace(snapshot, working=working)):
            out.append(order)
    return out


def first_harm(book: dict[Instrument, Decimal], out: list[OrderTicket]) -> str:
    """Fill them in every sequence and stop anywhere: what got bigger on the way, if anything."""
    for sequence in permutations(out):
        now = book
        for order in sequence:
            now = filled(now, order)
            if harm := bigger(book, now):
                return harm
    return ""


def search(refuses: Check, examples: int) -> int:
    """Look for harm in so many scenes; → how many orders got out."""
    out_in_all = 0

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
    )
    @given(scenes())
    def one(drawn: tuple[dict[Instrument, Decimal], list[OrderTicket]]) -> None:
        nonlocal out_in_all
        book, asked = drawn
        out = out_in(book, asked, refuses)
        out_in_all += len(out)
        assert first_harm(book, out) == ""

    one()
    return out_in_all


@pytest.mark.parametrize("examples", [400, pytest.param(5_000, marks=pytest.mark.nightly)])
def test_nothing_grows_flips_or_is_uncovered(examples: int) -> None:
    assert search(grows, examples) > examples / 4, "a check that refuses everything would pass as well"


def forgets_working(order: OrderTicket, snapshot: Snapshot) -> str:
    return grows(order, replace(snapshot, working=()))


def looks_at_actions_alone(order: OrderTicket, snapshot: Snapshot) -> str:
    return "" if all(leg.action.value.endswith("_to_close") for leg in order.legs) else "opens"


def forgets_cover(order: OrderTicket, snapshot: Snapshot) -> str:
    """Each leg by itself."""
    for leg in order.legs:
        others = tuple(p for p in snapshot.positions or () if p.instrument == leg.instrument)
        alone = OrderTicket((leg,), OrderType.MARKET, TimeInForce.DAY)
        if words := grows(alone, replace(snapshot, positions=others)):
            return words
    return ""


@pytest.mark.parametrize("sabotaged", [forgets_working, looks_at_actions_alone, forgets_cover])
def test_a_careless_check_is_caught(sabotaged: Check) -> None:
    """The twin: the same search finds what each of these lets through."""
    with pytest.raises(AssertionError):
        search(sabotaged, 5_000)


def test_some_orders_do_get_out() -> None:
    """The control of the control: a check that refuses everything would pass the search as well."""
    close = OrderTicket((Leg(XYZ, Action.SELL_TO_CLOSE, Decimal(50)),), OrderType.MARKET, TimeInForce.DAY)
    assert out_in({XYZ: Decimal(100)}, [close, close, close], grows) == [close, close]
    assert isinstance(XYZ, Equity)
