"""Orders that hang together, reckoned: each at its own price, and with the first where it takes that off again."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, Future, Instrument, Option, Right
from brokers.domain.orders import Action, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from trading.analytics import Outcome, outcomes

XYZ, ES = Equity("XYZ"), Future("ES", 2026, 12)
CALLS = [Option("XYZ", date(2026, 12, 18), Right.CALL, Decimal(strike)) for strike in (110, 120)]
SIZES: dict[Instrument, Decimal | None] = {XYZ: Decimal(1), ES: Decimal(50)} | dict.fromkeys(CALLS, Decimal(100))
DAY = TimeInForce.DAY


def order(*legs: tuple[Instrument, Action, str], limit: str | None = None, stop: str | None = None) -> OrderTicket:
    """``limit`` is signed from the account's side."""
    kinds = {(True, False): OrderType.LIMIT, (False, True): OrderType.STOP, (True, True): OrderType.STOP_LIMIT}
    kind = kinds.get((limit is not None, stop is not None), OrderType.MARKET)
    made = tuple(Leg(one, action, Decimal(quantity)) for one, action, quantity in legs)
    prices = [None if text is None else Decimal(text) for text in (limit, stop)]
    return OrderTicket(made, kind, DAY, prices[0], prices[1])


def bracket(first: OrderTicket, *then: OrderTicket) -> OrderGroup:
    return OrderGroup(GroupKind.BRACKET if len(then) == 2 else GroupKind.OTO, then, first)


LONG, OFF = (XYZ, Action.BUY_TO_OPEN, "10"), (XYZ, Action.SELL_TO_CLOSE, "10")
SHORT, BACK = (XYZ, Action.SELL_TO_OPEN, "10"), (XYZ, Action.BUY_TO_CLOSE, "10")
SPREAD = [(CALLS[0], Action.BUY_TO_OPEN, "2"), (CALLS[1], Action.SELL_TO_OPEN, "2")]
UNSPREAD = [(CALLS[0], Action.SELL_TO_CLOSE, "2"), (CALLS[1], Action.BUY_TO_CLOSE, "2")]
EXITS = (order(OFF, limit="110"), order(OFF, stop="95"))


@pytest.mark.parametrize(
    ("group", "cash", "gain"),
    [
        (bracket(order(LONG, limit="-100"), *EXITS), ["-1000", "1100", "950"], [None, "100", "-50"]),
        (bracket(order(SHORT, limit="100"), order(BACK, limit="-90"), order(BACK, stop="105")),
         ["1000", "-900", "-1050"], [None, "100", "-50"]),
        (bracket(order(LONG), *EXITS), [None, "1100", "950"], [None, None, None]),
        (bracket(order(LONG, limit="-100"), order(OFF, limit="94", stop="95")), ["-1000", "940"], [None, "-60"]),
        (bracket(order(LONG, limit="-100"), order((XYZ, Action.SELL_TO_CLOSE, "4"), limit="110")),
         ["-1000", "440"], [None, None]),
        (bracket(order(*SPREAD, limit="-1.50"), order(*UNSPREAD, limit="2.25")), ["-300", "450"], [None, "150"]),
        (bracket(order((ES, Action.BUY, "1"), limit="-6300"), order((ES, Action.SELL, "1"), stop="6290")),
         [None, None], [None, "-500"]),
        (OrderGroup(GroupKind.OCO, EXITS), ["1100", "950"], [None, None]),
    ],
    ids=["long", "short", "at the market", "a stop limit", "a part", "a spread", "a future", "either or"],
)  # fmt: skip
def test_each_order_comes_to_its_own_price_and_what_takes_off_the_first_to_a_gain(
    group: OrderGroup, cash: list[str | None], gain: list[str | None]
) -> None:
    wanted = [
        Outcome(*(None if text is None else Decimal(text) for text in pair)) for pair in zip(cash, gain, strict=True)
    ]
    assert list(outcomes(group, SIZES)) == wanted


def test_what_is_not_known_of_a_contract_leaves_its_orders_unknown() -> None:
    group = bracket(order(*SPREAD, limit="-1.50"), order(*UNSPREAD, limit="2.25"))
    assert outcomes(group, SIZES | {CALLS[1]: None}) == (Outcome(None), Outcome(None))
