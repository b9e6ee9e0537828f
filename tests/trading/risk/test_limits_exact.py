"""Each control just below, at and just above its limit, with its code, its kind and its exact numbers."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    CALL_120,
    ES,
    FREE,
    NOW,
    PUT_80,
    PUT_90,
    RICH,
    WIDE,
    XYZ,
    a_balance,
    ago,
    buy,
    found,
    holding,
    kinds,
    leg,
    scene,
    sell,
    ticket,
    working,
)

from brokers.domain.market import MarketState
from brokers.domain.orders import Action, OrderTicket
from trading import risk
from trading.patterns.confirming import Last
from trading.risk import (
    Effect,
    Habits,
    Limits,
    Sent,
    SentByAll,
    Snapshot,
    Twin,
    check,
)
from trading.risk.bounds import NUMBERS, OF_ALL

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def after(quantity: str, price: str, instrument: Any = XYZ) -> Habits:
    """The last order about an instrument."""
    return Habits(last={frozenset({instrument}): Last(Decimal(quantity), Decimal(price))})


def day_trader(count: int | None, equity: str, opened: Any = NOW) -> Snapshot:
    value = Decimal(equity)
    balance = a_balance(net_liquidating_value=value, day_trades=count)
    return scene(holding(XYZ, "10", opened_at=opened), balance=balance, opening_value=value)


def test_an_ordinary_order_finds_nothing() -> None:
    assert check(buy(), scene(), Limits()) == []


def test_every_days_orders_find_nothing() -> None:
    covered_call = ticket(leg(CALL_110, STO), limit="2.00")
    assert kinds(covered_call, scene(holding(XYZ, "100"))) == {}
    condor = ticket(leg(PUT_80, BTO), leg(PUT_90, STO), leg(CALL_110, STO), leg(CALL_120, BTO), limit="2.00")
    assert kinds(condor, scene()) == {}
    assert kinds(ticket(leg(ES, Action.BUY), limit="6300.00"), scene(effect=Effect(Decimal(-15_000)))) == {}
    assert kinds(buy("1", "2.00", PUT_90), scene()) == {}


FUTURES = replace(RICH, effect=Effect(Decimal(-1)))
"""What a future takes of buying power is told by the dry run."""
TWO_FUTURES = replace(FREE, futures=Decimal(2), installation_dollars_a_minute=Decimal(10**9))


def buy_es(quantity: str) -> OrderTicket:
    return ticket(leg(ES, Action.BUY, quantity), limit="6300.00")


# order, setting, limits → what is found. The limit's own value is in each name.
STATES: list[tuple[str, OrderTicket, Snapshot, Limits, dict[str, str]]] = [
    ("shares 999", buy("999", "0.50"), RICH, FREE, {}),
    ("quantity at 1,000", buy("1000"), RICH, replace(FREE, shares=Decimal(1000)), {}),
    ("quantity at 1,001", buy("1001"), RICH, replace(FREE, shares=Decimal(1000)), {"ORDER_QTY": "soft"}),
    ("quantity at 10,000", buy("10000"), RICH, replace(FREE, shares=Decimal(1000)), {"ORDER_QTY": "soft"}),
    ("quantity at 10,001", buy("10001"), RICH, replace(FREE, shares=Decimal(1000)), {"ORDER_QTY": "hard"}),
    ("10 contracts", buy("10", "2.00", CALL_110), RICH, replace(FREE, contracts=Decimal(10)), {}),
    ("11 contracts", buy("11", "2.00", CALL_110), RICH, replace(FREE, contracts=Decimal(10)), {"ORDER_QTY": "soft"}),
    ("101 contracts", buy("101", "2.00", CALL_110), RICH, replace(FREE, contracts=Decimal(10)), {"ORDER_QTY": "hard"}),
    ("notional 25,000", buy("250"), RICH, replace(FREE, order_notional=Decimal(25_000)), {}),
    ("notional 25,002.50", buy("250", "100.01"), RICH, replace(FREE, order_notional=Decimal(25_000)),
     {"ORDER_NOTIONAL": "soft"}),
    ("notional 250,000", buy("2500"), RICH, replace(FREE, order_notional=Decimal(25_000)), {"ORDER_NOTIONAL": "soft"}),
    ("notional 250,025", buy("2500", "100.01"), RICH, replace(FREE, order_notional=Decimal(25_000)),
     {"ORDER_NOTIONAL": "hard"}),
    ("position 50,000", buy("500"), RICH, replace(FREE, position_notional=Decimal(50_000)), {}),
    ("position 50,100", buy("501"), RICH, replace(FREE, position_notional=Decimal(50_000)), {"POSITION_LIMIT": "soft"}),
    ("position 100,000", buy("1000"), RICH, replace(FREE, position_notional=Decimal(50_000)),
     {"POSITION_LIMIT": "soft"}),
    ("position 100,100", buy("1001"), RICH, replace(FREE, position_notional=Decimal(50_000)),
     {"POSITION_LIMIT": "hard"}),
    ("with 499 held", buy("1"), replace(RICH, positions=(holding(XYZ, "499"),)),
     replace(FREE, position_notional=Decimal(50_000)), {}),
    ("with 500 held", buy("1"), replace(RICH, positions=(holding(XYZ, "500"),)),
     replace(FREE, position_notional=Decimal(50_000)), {"POSITION_LIMIT": "soft"}),
    ("with 500 on order", buy("1"), replace(RICH, working=(working(leg(XYZ, BTO, "500"), limit="-99.00"),)),
     replace(FREE, position_notional=Decimal(50_000)), {"POSITION_LIMIT": "soft"}),
    ("2 futures", buy_es("2"), FUTURES, TWO_FUTURES, {}),
    ("3 futures", buy_es("3"), FUTURES, TWO_FUTURES, {"ORDER_QTY": "soft"}),
    ("20 futures", buy_es("20"), FUTURES, TWO_FUTURES, {"ORDER_QTY": "soft"}),
    ("21 futures", buy_es("21"), FUTURES, TWO_FUTURES, {"ORDER_QTY": "hard"}),
    ("a future's notional 315,000", buy_es("1"), FUTURES, replace(FREE, future_notional=Decimal(315_000)), {}),
    ("a future's notional above", buy_es("1"), FUTURES, replace(FREE, future_notional=Decimal("314999.99")),
     {"ORDER_NOTIONAL": "soft"}),
    ("a future's notional at ten times", buy_es("1"), FUTURES, replace(FREE, future_notional=Decimal(31_500)),
     {"ORDER_NOTIONAL": "soft"}),
    ("a future's notional above ten times", buy_es("1"), FUTURES, replace(FREE, future_notional=Decimal("31499.99")),
     {"ORDER_NOTIONAL": "hard"}),
    ("a future's position 315,000", buy_es("1"), FUTURES, replace(FREE, future_position_notional=Decimal(315_000)), {}),
    ("a future's position above", buy_es("1"), FUTURES, replace(FREE, future_position_notional=Decimal("314999.99")),
     {"POSITION_LIMIT": "soft"}),
    ("a future's position above twice", buy_es("1"), FUTURES,
     replace(FREE, future_position_notional=Decimal("157499.99")), {"POSITION_LIMIT": "hard"}),
    ("concentration 40 %", buy("400"), scene(), replace(WIDE, concentration_share=Decimal("0.4")), {}),
    ("concentration 40.1 %", buy("401"), scene(), replace(WIDE, concentration_share=Decimal("0.4")),
     {"CONCENTRATION": "soft"}),
    ("gross 100 %", buy("100"), scene(holding(XYZ, "900")), replace(WIDE, gross_share=Decimal(1)), {}),
    ("gross 100.1 %", buy("101"), scene(holding(XYZ, "900")), replace(WIDE, gross_share=Decimal(1)),
     {"POSITION_LIMIT": "soft"}),
    ("gross 200.1 %", buy("101"), scene(holding(XYZ, "1900")), replace(WIDE, gross_share=Decimal(1)),
     {"POSITION_LIMIT": "hard"}),
    ("buying power 95 %", buy("950"), scene(), WIDE, {}),
    ("buying power 95.1 %", buy("951"), scene(), WIDE, {"BUYING_POWER": "hard"}),
    ("with 50,000 reserved", buy("450"), scene(reserved=Decimal(50_000)), WIDE, {}),
    ("with 50,001 reserved", buy("450"), scene(reserved=Decimal(50_001)), WIDE, {"BUYING_POWER": "hard"}),
    ("by the dry run", buy("1"), scene(effect=Effect(Decimal(-95_001), Decimal(100_000))), WIDE,
     {"BUYING_POWER": "hard"}),
    ("by the dry run at 95 %", buy("1"), scene(effect=Effect(Decimal(-95_000), Decimal(100_000))), WIDE, {}),
    ("collar 5 %", buy("1", "105.00"), RICH, FREE, {}),
    ("collar 5.01 %", buy("1", "105.01"), RICH, FREE, {"PRICE_COLLAR": "soft"}),
    ("collar 10 %", buy("1", "110.00"), RICH, FREE, {"PRICE_COLLAR": "soft"}),
    ("collar 10.01 %", buy("1", "110.01"), RICH, FREE, {"PRICE_COLLAR": "hard"}),
    ("far below is harmless", buy("1", "10.00"), RICH, FREE, {}),
    ("collar of a sale", sell("1", "94.99"), replace(RICH, positions=(holding(XYZ, "10"),)), FREE,
     {"PRICE_COLLAR": "soft"}),
    ("option collar 20 %", buy("1", "2.40", CALL_110), RICH, FREE, {}),
    ("option collar 22.5 %", buy("1", "2.45", CALL_110), RICH, FREE, {"PRICE_COLLAR": "soft"}),
    ("option collar 50 %", buy("1", "3.00", CALL_110), RICH, FREE, {"PRICE_COLLAR": "soft"}),
    ("option collar 55 %", buy("1", "3.10", CALL_110), RICH, FREE, {"PRICE_COLLAR": "hard"}),
    ("rate 4 a second", buy("1"), scene(sent=Sent(4, 4, 4)), WIDE, {}),
    ("rate 5 a second", buy("1"), scene(sent=Sent(5, 5, 5)), WIDE, {"RATE_SHORT": "hard"}),
    ("rate 29 a minute by hand", buy("1"), scene(sent=Sent(0, 29, 29)), WIDE, {}),
    ("rate 30 a minute by hand", buy("1"), scene(sent=Sent(0, 30, 30)), WIDE, {"RATE_SHORT": "hard"}),
    ("rate 59 a minute by program", buy("1"), scene(source="api", sent=Sent(0, 59, 59)), WIDE, {}),
    ("rate 60 a minute by program", buy("1"), scene(source="api", sent=Sent(0, 60, 60)), WIDE, {"RATE_SHORT": "hard"}),
    ("rate 499 a day", buy("1"), scene(sent=Sent(0, 0, 499)), WIDE, {}),
    ("rate 500 a day", buy("1"), scene(sent=Sent(0, 0, 500)), WIDE, {"RATE_SHORT": "hard"}),
    ("49 a second of all", buy("1"), scene(sent_by_all=SentByAll(49)), WIDE, {}),
    ("50 a second of all", buy("1"), scene(sent_by_all=SentByAll(50)), WIDE, {"PLATFORM_CAP": "hard"}),
    ("5,000,000 a minute of all", buy("1"), scene(sent_by_all=SentByAll(1, Decimal(4_999_900))), WIDE, {}),
    ("5,000,000.01 a minute of all", buy("1"), scene(sent_by_all=SentByAll(1, Decimal("4999900.01"))), WIDE,
     {"PLATFORM_CAP": "hard"}),
    ("ten times the usual", buy("10"), scene(habits=Habits((Decimal(100),) * 10)), WIDE, {}),
    ("above ten times the usual", buy("11"), scene(habits=Habits((Decimal(100),) * 10)), WIDE, {"SIZE_JUMP": "soft"}),
    ("too little is usual", buy("11"), scene(habits=Habits((Decimal(100),) * 9)), WIDE, {}),
    ("a large close is no jump", sell("500"), scene(holding(XYZ, "500"), habits=Habits((Decimal(9),) * 10)), WIDE, {}),
    ("11.01 times the price", buy("1", "11.01", XYZ), scene(habits=after("1", "1.00")), WIDE, {}),
    ("11 times the price", buy("1", "11.00", XYZ), scene(habits=after("1", "1.00")), WIDE, {"FAT_FINGER": "soft"}),
    ("9 times the price", buy("1", "9.00", XYZ), scene(habits=after("1", "1.00")), WIDE, {"FAT_FINGER": "soft"}),
    ("8.99 times the price", buy("1", "8.99", XYZ), scene(habits=after("1", "1.00")), WIDE, {}),
    ("a tenth of the price", buy("1", "10.00", XYZ), scene(habits=after("1", "100.00")), WIDE, {"FAT_FINGER": "soft"}),
    ("a hundred times the quantity", buy("100", "10.00"), scene(habits=after("1", "10.50")), WIDE,
     {"FAT_FINGER": "soft"}),
    ("110 times the quantity", buy("110", "10.00"), scene(habits=after("1", "10.50")), WIDE, {"FAT_FINGER": "soft"}),
    ("111 times the quantity", buy("111", "10.00"), scene(habits=after("1", "10.50")), WIDE, {}),
    ("89 times the quantity", buy("89", "10.00"), scene(habits=after("1", "10.50")), WIDE, {}),
    ("a stop's price counts", sell("1", None, stop="9.00"), scene(holding(XYZ, "1"), habits=after("1", "90.00")), WIDE,
     {"FAT_FINGER": "soft"}),
    ("a spread is not its leg", ticket(leg(CALL_110, BTO), leg(CALL_120, STO), limit="-1.00"),
     scene(habits=after("1", "10.00", CALL_110)), WIDE, {}),
    ("2 day trades", sell("1"), day_trader(2, "24999.99"), WIDE, {}),
    ("3 day trades", sell("1"), day_trader(3, "24999.99"), WIDE, {"PDT": "soft"}),
    ("3 day trades of one with 25,000", sell("1"), day_trader(3, "25000"), WIDE, {}),
    ("3 day trades, opened the day before", sell("1"), day_trader(3, "24999.99", opened=ago(86400)), WIDE, {}),
    ("3 day trades, nobody knows since when", sell("1"), day_trader(3, "24999.99", opened=None), WIDE, {"PDT": "soft"}),
    ("3 day trades, opening", buy("1"), day_trader(3, "24999.99"), WIDE, {}),
    ("day trades that nobody counts", sell("1"), day_trader(None, "24999.99"), WIDE, {}),
    ("to an open market", buy("1", None), RICH, FREE, {}),
    ("to a closed market", buy("1", None), replace(RICH, hours={XYZ: MarketState.CLOSED}), FREE,
     {"MARKET_ORDER_GUARD": "hard"}),
    ("before hours", buy("1", None), replace(RICH, hours={XYZ: MarketState.PRE}), FREE, {"MARKET_ORDER_GUARD": "hard"}),
    ("after hours", buy("1", None), replace(RICH, hours={XYZ: MarketState.POST}), FREE, {"MARKET_ORDER_GUARD": "hard"}),
    ("a limit order to a closed market", buy("1"), replace(RICH, hours={XYZ: MarketState.CLOSED}), FREE, {}),
    ("4 refusals", buy("1"), scene(refusals=4), WIDE, {}),
    ("5 refusals", buy("1"), scene(refusals=5), WIDE, {"RATE_REJECTS": "hard"}),
    ("19 open in the symbol", buy("1"), scene(working=(working(leg(XYZ, BTO), limit="-9.00"),) * 19), WIDE, {}),
    ("20 open in the symbol", buy("1"), scene(working=(working(leg(XYZ, BTO), limit="-9.00"),) * 20), WIDE,
     {"OPEN_ORDERS": "hard"}),
    ("199 open", buy("1"), scene(working=(working(leg(CALL_110, BTC), limit="-0.05"),) * 199), WIDE, {}),
    ("200 open", buy("1"), scene(working=(working(leg(CALL_110, BTC), limit="-0.05"),) * 200), WIDE,
     {"OPEN_ORDERS": "hard"}),
    ("quote of 5 s", buy("1"), scene(quotes_at=ago(5)), WIDE, {}),
    ("quote of 5.001 s", buy("1"), scene(quotes_at=ago(5.001)), WIDE, {"QUOTE_STALE": "soft"}),
    ("quote of 5.001 s to market", buy("1", None), scene(quotes_at=ago(5.001)), WIDE, {"QUOTE_STALE": "hard"}),
    ("signal of 60 s", buy("1"), scene(signal_at=ago(60)), WIDE, {}),
    ("signal of 60.001 s", buy("1"), scene(signal_at=ago(60.001)), WIDE, {"SIGNAL_AGE": "hard"}),
    ("signal 5 s ahead", buy("1"), scene(signal_at=ago(-5)), WIDE, {}),
    ("signal 5.001 s ahead", buy("1"), scene(signal_at=ago(-5.001)), WIDE, {"SIGNAL_AGE": "hard"}),
    ("twin of 10 s", buy("1"), scene(twins=(Twin("o", ago(10), False),)), WIDE, {"DUPLICATE_LIKE": "soft"}),
    ("twin of 10.001 s", buy("1"), scene(twins=(Twin("o", ago(10.001), False),)), WIDE, {}),
    ("twin in doubt", buy("1"), scene(twins=(Twin("o", ago(3600), True),)), WIDE, {"DUPLICATE_LIKE": "hard"}),
    ("balance of 15 s", buy("1"), scene(figures_at=ago(15)), WIDE, {}),
    ("balance of 15.001 s", buy("1"), scene(figures_at=ago(15.001)), WIDE, {"BUYING_POWER": "hard"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "setting", "limits", "expected"), [row[1:] for row in STATES], ids=[r[0] for r in STATES]
)
def test_a_limit_holds_exactly(order: OrderTicket, setting: Snapshot, limits: Limits, expected: dict[str, str]) -> None:
    assert kinds(order, setting, limits) == expected


@pytest.mark.parametrize("way", [1, -1], ids=["looser", "tighter"])
@pytest.mark.parametrize("name", sorted({*NUMBERS, *OF_ALL} - {"daily_loss_share"}))
def test_a_limit_that_is_a_little_off_is_caught(name: str, way: int) -> None:
    """The twin: one in a hundred, or one, too much or too little. The day's loss has a table of its own."""

    def off(limits: Limits) -> Limits:
        value = getattr(limits, name)
        return replace(limits, **{name: value + way * (max(Decimal(1), value / 100) if value > 1 else value / 100)})

    assert any(kinds(order, setting, off(limits)) != expected for _, order, setting, limits, expected in STATES)


@pytest.mark.parametrize("control", ["check_prices", "check_sizes", "check_money", "check_flow", "check_habits"])
def test_a_desk_that_leaves_a_control_out_is_caught(control: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tuple(one for one in risk.CONTROLS if getattr(one, "__name__", "") != control)
    assert len(left) == len(risk.CONTROLS) - 1
    monkeypatch.setattr(risk, "CONTROLS", left)
    assert any(kinds(order, setting, limits) != expected for _, order, setting, limits, expected in STATES)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("97000.01", {}), ("97000.00", {"DAILY_LOSS": "soft"}), ("94000.01", {"DAILY_LOSS": "soft"}),
     ("94000.00", {"DAILY_LOSS": "hard"})],
)  # fmt: skip
def test_the_days_loss_stops_what_makes_something_bigger(value: str, expected: dict[str, str]) -> None:
    setting = scene(balance=a_balance(net_liquidating_value=Decimal(value)))
    assert kinds(buy("1"), setting, WIDE) == expected
    reducing = replace(setting, positions=(holding(XYZ, "10"),))
    assert kinds(sell("10"), reducing, WIDE) == {}


def test_without_an_opening_value_the_days_gain_is_reckoned_from_positions() -> None:
    lost = holding(XYZ, "100", day_open_price=Decimal(130), realized_day=Decimal("-50"))
    setting = scene(lost, opening_value=None, balance=a_balance(net_liquidating_value=Decimal(96_950)))
    assert found(buy("1"), setting, WIDE)["DAILY_LOSS"].numbers == {"loss": "3050", "limit": "3000"}


@pytest.mark.parametrize(
    ("order", "setting", "code", "numbers"),
    [
        (buy("1001"), RICH, "ORDER_QTY", {"order": "1001", "limit": "1000"}),
        (buy("251"), RICH, "ORDER_NOTIONAL", {"order": "25100", "limit": "25000"}),
        (buy("10", None), RICH, None, {}),
        (buy("501"), RICH, "POSITION_LIMIT", {"position": "50100", "limit": "50000"}),
        (buy("1", "105.01"), RICH, "PRICE_COLLAR", {"worse": "5.01", "limit": "5", "middle": "100"}),
        (buy("1"), scene(sent=Sent(5, 5, 5)), "RATE_SHORT", {"sent": "5", "limit": "5"}),
        (buy("960"), scene(reserved=Decimal("12.50")), "BUYING_POWER",
         {"order": "96000", "reserved": "12.5", "limit": "95000"}),
        (buy("1"), scene(sent_by_all=SentByAll(9, Decimal("4999900.5"))), "PLATFORM_CAP",
         {"sent": "4999900.5", "order": "100", "limit": "5000000"}),
        (buy("11"), scene(habits=Habits((Decimal(100),) * 10)), "SIZE_JUMP", {"notional": "1100", "usual": "100"}),
        (buy("1", "9.50"), scene(habits=after("1", "1.00")), "FAT_FINGER", {"price": "9.5", "last_price": "1"}),
        (sell("1"), day_trader(4, "20000.50"), "PDT", {"day_trades": "4", "limit": "3", "equity": "20000.5"}),
        (sell("11"), scene(holding(XYZ, "10")), "OVERSELL", {"held": "10", "working": "0", "order": "11"}),
    ],
)  # fmt: skip
def test_a_finding_carries_its_exact_numbers(
    order: OrderTicket, setting: Snapshot, code: str | None, numbers: dict[str, str]
) -> None:
    findings = found(order, setting)
    if code is None:
        assert findings == {}
    else:
        assert dict(findings[code].numbers) == numbers
        assert findings[code].line == f"{code}: {' '.join(f'{k}={v}' for k, v in numbers.items())}"


def test_a_market_order_is_reckoned_five_percent_beyond_the_other_side() -> None:
    limits = replace(FREE, order_notional=Decimal("1050.20"))
    assert found(buy("10", None), RICH, limits)["ORDER_NOTIONAL"].numbers["order"] == "1050.21"
