"""Each control just below, at and just above its limit, with its code, its kind and its exact numbers."""

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    ABLE,
    CALL_110,
    CALL_120,
    ES,
    ES_CALL,
    LATER_CALL,
    NOW,
    PUT_80,
    PUT_90,
    WIDE,
    XYZ,
    a_balance,
    ago,
    buy,
    found,
    holding,
    kinds,
    leg,
    quotes,
    scene,
    sell,
    ticket,
    working,
)

from brokers.domain.instruments import Equity, Option
from brokers.domain.market import MarketState
from brokers.domain.orders import Action, GroupKind, OrderGroup, OrderTicket, OrderType, TimeInForce
from trading.patterns.confirming import Last
from trading.risk import (
    Effect,
    Habits,
    HaltNote,
    Limits,
    Sent,
    SentByAll,
    Snapshot,
    Standing,
    TradingState,
    Twin,
    check,
    check_group,
    takes,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE
FREE = replace(WIDE, buying_power_share=Decimal(10**6))
RICH = scene(
    balance=a_balance(
        stock_buying_power=Decimal(10**12), option_buying_power=Decimal(10**12), net_liquidating_value=Decimal(10**12)
    ),
    opening_value=Decimal(10**12),
)


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


# --- terms ---


def test_what_a_broker_does_not_take_is_said_before_it_is_tried() -> None:
    shares_only = scene(capabilities=replace(ABLE, classes=frozenset({Equity, Option})))
    assert kinds(ticket(leg(ES, Action.BUY), limit="6300.00"), shares_only, WIDE)["NOT_ALLOWED"] == "hard"
    only_limits = scene(capabilities=replace(ABLE, order_types=frozenset({OrderType.LIMIT})))
    assert kinds(buy("1", None), only_limits, WIDE)["COMBINATION"] == "hard"
    no_gtc = scene(capabilities=replace(ABLE, times_in_force=frozenset({TimeInForce.DAY})))
    assert kinds(buy("1", time=TimeInForce.GTC), no_gtc, WIDE)["COMBINATION"] == "hard"
    two_legs = scene(capabilities=replace(ABLE, max_legs=1))
    assert kinds(ticket(leg(CALL_110, BTO), leg(CALL_120, STO), limit="-1.00"), two_legs, WIDE)["COMBINATION"] == "hard"


@pytest.mark.parametrize(
    "order",
    [
        buy("1", None, time=TimeInForce.GTC),
        buy("1", None, time=TimeInForce.EXT),
        buy("1", time=TimeInForce.GTD, gtd=date(2026, 11, 19)),
        buy("1", "2.00", Option("XYZ", date(2026, 11, 19), CALL_110.right, Decimal(110))),
        buy("1", None, stop="110.00", time=TimeInForce.IOC),
        ticket(leg(CALL_110, BTO), leg(CALL_120, STO)),
        ticket(leg(CALL_110, BTO), leg(Option("ABC", CALL_110.expiry, CALL_110.right, Decimal(1)), STO), limit="-1.00"),
        ticket(leg(XYZ, BTO, "100"), leg(ES, Action.SELL), limit="-1.00"),
    ],
)
def test_what_does_not_go_together_is_refused(order: OrderTicket) -> None:
    assert kinds(order, RICH, FREE)["COMBINATION"] == "hard"


def test_a_last_day_of_today_and_an_option_that_expires_today_are_taken() -> None:
    assert "COMBINATION" not in kinds(buy("1", time=TimeInForce.GTD, gtd=NOW.date()), RICH, FREE)
    assert "COMBINATION" not in kinds(buy("1", "2.00", replace(CALL_110, expiry=NOW.date())), RICH, FREE)


def test_a_ratio_of_three_to_one_is_usual_and_a_wider_one_asks() -> None:
    usual = ticket(leg(CALL_110, BTO, "3"), leg(CALL_120, STO, "1"), limit="-5.00")
    wide = ticket(leg(CALL_110, BTO, "4"), leg(CALL_120, STO, "1"), limit="-7.00")
    assert "COMBINATION" not in kinds(usual, RICH, FREE)
    assert kinds(wide, RICH, FREE)["COMBINATION"] == "soft"


@pytest.mark.parametrize(
    ("order", "able", "expected"),
    [
        (buy("1.5", "2.00", CALL_110), ABLE, True),
        (ticket(leg(ES, Action.BUY, "1.5"), limit="6300.00"), ABLE, True),
        (buy("1.5"), ABLE, False),
        (buy("1.5"), replace(ABLE, fractional=False), True),
        (buy("1.5", time=TimeInForce.GTC), ABLE, True),
    ],
)
def test_fractions_go_where_the_broker_takes_them(order: OrderTicket, able: Any, expected: bool) -> None:
    assert ("BAD_QUANTITY" in kinds(order, replace(RICH, capabilities=able), FREE)) is expected


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (buy("1", "100.005"), "limit_price"),
        (buy("1", "2.02", CALL_110), "limit_price"),
        (buy("1", "3.15", CALL_110), "limit_price"),
        (buy("1", None, stop="110.005"), "stop_price"),
        (ticket(leg(ES, Action.BUY), limit="6300.10"), "limit_price"),
    ],
)
def test_a_price_off_the_steps_is_refused_with_its_neighbours(order: OrderTicket, field: str) -> None:
    finding = found(order, RICH, FREE)["BAD_PRICE"]
    assert finding.hard
    assert finding.field == field
    assert "Prices go in steps of" in finding.words


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (buy("1", None, stop="100.01"), None),
        (buy("1", None, stop="100.00"), "hard"),
        (sell("1", None, stop="99.99"), None),
        (sell("1", None, stop="100.00"), "hard"),
        (buy("1", "110.00", stop="110.00"), None),
        (buy("1", "109.99", stop="110.00"), "soft"),
    ],
)
def test_a_stop_goes_on_its_side_of_the_market(order: OrderTicket, expected: str | None) -> None:
    setting = replace(RICH, positions=(holding(XYZ, "1"),))
    assert kinds(order, setting, FREE).get("BAD_PRICE") == expected


# --- the market ---


def with_quote(instrument: Any, bid: str, ask: str, **more: Any) -> Snapshot:
    changed = replace(quotes()[instrument], bid=Decimal(bid), ask=Decimal(ask), **more)
    return replace(RICH, quotes=quotes() | {instrument: changed})


@pytest.mark.parametrize(
    ("instrument", "bid", "ask", "expected"),
    [(XYZ, "97.50", "102.50", False), (XYZ, "97.49", "102.51", True), (CALL_110, "1.75", "2.25", False),
     (CALL_110, "1.74", "2.26", True)],
)  # fmt: skip
def test_no_market_order_into_a_wide_market(instrument: Any, bid: str, ask: str, expected: bool) -> None:
    setting = with_quote(instrument, bid, ask)
    assert ("MARKET_ORDER_GUARD" in kinds(buy("1", None, instrument), setting, FREE)) is expected


def test_no_market_order_into_a_market_that_is_silent_for_a_minute() -> None:
    assert kinds(buy("1", None), with_quote(XYZ, "99.98", "100.02", as_of=ago(60)), FREE) == {}
    silent = with_quote(XYZ, "99.98", "100.02", as_of=ago(60.001))
    assert kinds(buy("1", None), silent, FREE) == {"MARKET_ORDER_GUARD": "hard"}
    assert kinds(buy("1"), silent, FREE) == {}


def test_a_crossed_or_one_sided_market_asks() -> None:
    assert kinds(buy("1"), with_quote(XYZ, "100.03", "100.02"), FREE)["QUOTE_CROSSED"] == "soft"
    assert kinds(buy("1", "0.05", CALL_110), with_quote(CALL_110, "0", "0.10"), FREE) == {"QUOTE_CROSSED": "soft"}


def test_a_spread_is_held_against_its_own_middle() -> None:
    spread = (leg(CALL_110, BTO), leg(CALL_120, STO))  # 1.00 in the middle
    assert kinds(ticket(*spread, limit="-1.50"), RICH, FREE) == {}  # five steps a leg: 0.50
    assert kinds(ticket(*spread, limit="-1.51"), RICH, FREE) == {"PRICE_COLLAR": "hard"}


# --- what is held ---


@pytest.mark.parametrize(
    ("order", "held", "open_orders", "expected"),
    [
        (sell("10"), [holding(XYZ, "10")], [], False),
        (sell("11"), [holding(XYZ, "10")], [], True),
        (sell("1"), [], [], True),
        (sell("6"), [holding(XYZ, "10")], [working(leg(XYZ, STC, "4"), limit="120.00")], False),
        (sell("7"), [holding(XYZ, "10")], [working(leg(XYZ, STC, "4"), limit="120.00")], True),
        (ticket(leg(ES, Action.SELL, "2"), limit="6300.00"), [holding(ES, "2")], [], False),
        (ticket(leg(ES, Action.SELL, "3"), limit="6300.00"), [holding(ES, "2")], [], True),
        (ticket(leg(ES, Action.SELL, "3"), limit="6300.00"), [], [], False),
        (buy("1"), [holding(XYZ, "-5")], [], True),
        (ticket(leg(XYZ, BTC, "5"), limit="100.00"), [holding(XYZ, "-5")], [], False),
    ],
)
def test_no_more_is_closed_than_is_there(order: OrderTicket, held: Any, open_orders: Any, expected: bool) -> None:
    setting = replace(RICH, positions=tuple(held), working=tuple(open_orders))
    assert ("OVERSELL" in kinds(order, setting, FREE)) is expected


def test_turning_a_future_round_can_be_allowed() -> None:
    setting = replace(RICH, positions=(holding(ES, "2"),))
    order = ticket(leg(ES, Action.SELL, "3"), limit="6300.00")
    assert "OVERSELL" not in kinds(order, setting, replace(FREE, allow_flip=True))


def test_of_two_orders_that_cancel_each_other_one_counts() -> None:
    profit = working(leg(XYZ, STC, "10"), limit="120.00", order_id="p", group="g")
    stop = working(leg(XYZ, STC, "10"), limit=None, order_id="s", group="g", stop_price=Decimal(90))
    setting = replace(RICH, positions=(holding(XYZ, "15"),), working=(profit, stop))
    assert "OVERSELL" not in kinds(sell("5"), setting, FREE)
    assert "OVERSELL" in kinds(sell("6"), setting, FREE)


@pytest.mark.parametrize(
    ("order", "held", "expected"),
    [
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "99")], True),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "100")], False),
        (ticket(leg(CALL_110, STO, "2"), limit="2.00"), [holding(XYZ, "100")], True),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(LATER_CALL, "1")], False),
        (ticket(leg(LATER_CALL, STO), limit="3.00"), [holding(CALL_110, "1")], True),
        (ticket(leg(CALL_110, STO), leg(CALL_120, BTO), limit="1.00"), [], False),
        (ticket(leg(CALL_110, STO, "2"), leg(CALL_120, BTO, "1"), limit="3.00"), [], True),
        (sell("100"), [holding(XYZ, "100"), holding(CALL_110, "-1")], True),
        (sell("1", "1.00", CALL_120), [holding(CALL_120, "1"), holding(CALL_110, "-1")], True),
        (ticket(leg(ES_CALL, STO), limit="40.00"), [], True),
        (ticket(leg(ES_CALL, STO), limit="40.00"), [holding(ES, "1")], False),
    ],
)
def test_no_short_option_is_left_uncovered(order: OrderTicket, held: Any, expected: bool) -> None:
    assert ("SHORT_OPTION" in kinds(order, replace(RICH, positions=tuple(held)), FREE)) is expected


def test_a_working_sale_of_the_cover_counts_as_done() -> None:
    setting = replace(RICH, positions=(holding(XYZ, "100"),), working=(working(leg(XYZ, STC, "1"), limit="120.00"),))
    assert "SHORT_OPTION" in kinds(ticket(leg(CALL_110, STO), limit="2.00"), setting, FREE)


def test_a_put_is_covered_by_cash_for_its_assignment() -> None:
    order = ticket(leg(PUT_90, STO), limit="2.00")
    assert "SHORT_OPTION" not in kinds(order, scene(balance=a_balance(cash=Decimal(9_000))), WIDE)
    finding = found(order, scene(balance=a_balance(cash=Decimal("8999.99"))), WIDE)["SHORT_OPTION"]
    assert finding.numbers == {"uncovered": "1", "assignment": "9000", "cash": "8999.99"}


def test_uncovered_options_can_be_allowed_and_ask_when_assignment_is_more_than_the_account() -> None:
    allowed = replace(WIDE, allow_naked_options=True)
    order = ticket(leg(CALL_110, STO), limit="2.00")
    poor = scene(effect=Effect(Decimal(-100)), balance=a_balance(net_liquidating_value=Decimal(10_999)))
    assert kinds(order, scene(effect=Effect(Decimal(-100))), allowed) == {}
    assert kinds(order, replace(poor, opening_value=Decimal(10_999)), allowed) == {"SHORT_OPTION": "soft"}


def test_an_order_that_would_meet_ones_own_asks() -> None:
    mine = working(leg(XYZ, STC, "10"), limit="100.00")
    setting = replace(RICH, working=(mine,))
    assert kinds(buy("1", "99.99"), setting, FREE) == {}
    assert kinds(buy("1", "100.00"), setting, FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1", None), setting, FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1"), replace(RICH, working=(replace(mine, same_account=False),)), FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1"), replace(RICH, working=(replace(mine, stop_price=Decimal(90)),)), FREE) == {}


# --- who ---


def test_a_halt_stops_everything_and_says_why() -> None:
    halted = Standing(TradingState.HALTED, (HaltNote("tastytrade", TradingState.HALTED, "odd fills"),))
    finding = found(buy("1"), scene(standing=halted), WIDE)["KILL_SWITCH"]
    assert finding.hard
    assert "odd fills" in finding.words
    assert "KILL_SWITCH" in kinds(sell("1"), scene(holding(XYZ, "1"), standing=halted), WIDE)


def test_reducing_lets_only_smaller_things_out() -> None:
    reducing = Standing(TradingState.REDUCING)
    setting = scene(holding(XYZ, "10"), standing=reducing)
    assert kinds(sell("10"), setting, WIDE) == {}
    assert kinds(buy("1"), setting, WIDE) == {"KILL_SWITCH": "hard"}


def test_connection_account_and_first_live_order_are_looked_at() -> None:
    assert kinds(buy("1"), scene(not_ready="Sign in again."), WIDE) == {"CONNECTION_NOT_READY": "hard"}
    assert kinds(buy("1"), scene(not_allowed="It is closed."), WIDE) == {"ACCOUNT_NOT_ALLOWED": "hard"}
    assert kinds(buy("1"), scene(first_live_order=True), WIDE) == {"NEW_DESTINATION": "soft"}


def test_denied_symbols_take_their_options_with_them() -> None:
    limits = replace(FREE, denied_symbols=frozenset({"XYZ"}))
    assert kinds(buy("1"), RICH, limits) == {"NOT_ALLOWED": "hard"}
    assert kinds(buy("1", "2.00", CALL_110), RICH, limits) == {"NOT_ALLOWED": "hard"}


def test_all_findings_are_told_at_once() -> None:
    setting = scene(refusals=5, sent=Sent(9, 9, 9), not_ready="Sign in again.")
    assert set(kinds(buy("20000", "200.00"), setting)) == {
        "CONNECTION_NOT_READY", "ORDER_QTY", "ORDER_NOTIONAL", "POSITION_LIMIT", "PRICE_COLLAR", "RATE_SHORT",
        "RATE_REJECTS", "BUYING_POWER", "CONCENTRATION",
    }  # fmt: skip


# --- groups ---


def test_a_brackets_closing_orders_are_judged_as_if_the_first_had_filled() -> None:
    first, profit, stop = buy("10"), sell("10", "120.00"), sell("10", None, stop="90.00")
    bracket = OrderGroup(GroupKind.BRACKET, (profit, stop), first)
    assert check_group(bracket, scene(), Limits()) == []
    assert {one.code for one in check_group(OrderGroup(GroupKind.OCO, (profit, stop)), scene(), Limits())} == {
        "OVERSELL"
    }
    assert check_group(OrderGroup(GroupKind.OCO, (profit, stop)), scene(holding(XYZ, "10")), Limits()) == []


def test_what_waits_for_an_order_finds_its_buying_power_taken() -> None:
    first = buy("600")
    assert check_group(OrderGroup(GroupKind.OTO, (buy("350", "99.00"),), first), scene(), WIDE) == []
    both = check_group(OrderGroup(GroupKind.OTO, (buy("360", "99.00"),), first), scene(), WIDE)
    assert [(one.code, one.numbers["reserved"]) for one in both] == [("BUYING_POWER", "60000")]
    unknown = check_group(OrderGroup(GroupKind.OTO, (buy("1"),), buy("1", "2.00", ES_CALL)), scene(), WIDE)
    assert "BUYING_POWER" in {one.code for one in unknown}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sent": Sent(3, 3, 3)}, None),
        ({"sent": Sent(4, 4, 4)}, "RATE_SHORT"),
        ({"sent_by_all": SentByAll(48)}, None),
        ({"sent_by_all": SentByAll(49)}, "PLATFORM_CAP"),
        ({"working": (working(leg(CALL_110, BTC), limit="-0.05"),) * 198}, None),
        ({"working": (working(leg(CALL_110, BTC), limit="-0.05"),) * 199}, "OPEN_ORDERS"),
        ({"working": (working(leg(XYZ, BTO), limit="-9.00"),) * 18}, None),
        ({"working": (working(leg(XYZ, BTO), limit="-9.00"),) * 19}, "OPEN_ORDERS"),
    ],
)
def test_a_group_counts_as_many_orders_as_it_has(changes: dict[str, Any], code: str | None) -> None:
    two = OrderGroup(GroupKind.OCO, (buy("1", "90.00"), buy("1", "91.00")))
    found_here = {one.code for one in check_group(two, scene(fingerprints=("a", "b"), **changes), WIDE)}
    assert found_here == ({code} if code else set())


def test_a_sale_is_worth_what_it_brings_and_not_what_it_asks_at_the_least() -> None:
    order = ticket(leg(XYZ, STO, "1000"), limit="96.00")
    assert found(order, RICH, replace(FREE, order_notional=Decimal("99979.99")))["ORDER_NOTIONAL"].numbers["order"] == (
        "99980"
    )
    assert "ORDER_NOTIONAL" not in found(order, RICH, replace(FREE, order_notional=Decimal(99_980)))


@pytest.mark.parametrize(
    ("order", "held", "expected"),
    [
        # ten puts sold over ten that are ten dollars lower: the width, less what they bring
        (ticket(leg(PUT_90, STO, "10"), limit="2.00"), [holding(PUT_80, "10")], "8000"),
        (ticket(leg(PUT_90, STO, "10"), limit="2.00"), [holding(PUT_80, "5")], "48000"),
        (ticket(leg(PUT_90, STO), limit="2.00"), [], "8800"),
        (ticket(leg(PUT_80, STO), limit="1.00"), [holding(PUT_90, "1")], "0"),
        (ticket(leg(PUT_80, STO), limit="1.00"), [holding(XYZ, "-100")], "0"),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "100")], "0"),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(CALL_120, "1")], "800"),
        # a roll takes what it costs; a second spread what a spread takes
        (
            ticket(leg(CALL_110, BTC), leg(LATER_CALL, STO), limit="0.50"),
            [holding(XYZ, "100"), holding(CALL_110, "-1")],
            "0",
        ),
        (
            ticket(leg(CALL_110, BTC), leg(LATER_CALL, STO), limit="-0.50"),
            [holding(XYZ, "100"), holding(CALL_110, "-1")],
            "50",
        ),
        (
            ticket(leg(CALL_110, STO), leg(CALL_120, BTO), limit="1.00"),
            [holding(CALL_110, "-1"), holding(CALL_120, "1")],
            "900",
        ),
        (ticket(leg(PUT_80, BTO), leg(PUT_90, STO), leg(CALL_110, STO), leg(CALL_120, BTO), limit="2.00"), [], "800"),
        # a long one that is gone before the short one covers nothing
        (ticket(leg(LATER_CALL, STO), leg(CALL_110, BTO), limit="1.00"), [], "11000"),
        (ticket(leg(LATER_CALL, BTO), leg(CALL_110, STO), limit="-1.00"), [], "100"),
        (buy("10"), [], "1000"),
        (ticket(leg(XYZ, STO, "10"), limit="100.00"), [holding(CALL_110, "1")], "1000"),
    ],
)
def test_what_an_order_takes_by_the_desks_own_reckoning(order: OrderTicket, held: Any, expected: str) -> None:
    assert takes(order, scene(*held)) == Decimal(expected)


def test_a_market_sale_is_reckoned_to_bring_five_percent_less() -> None:
    order = ticket(leg(PUT_90, STO))  # bid 1.90
    assert takes(order, scene()) == Decimal(9000) - Decimal("190") * Decimal("0.95")


EVENING = datetime(2026, 11, 21, 1, 30, tzinfo=timezone.utc)  # Friday, 20:30 in New York
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("now", "order", "expected"),
    [
        (EVENING, buy("1", time=TimeInForce.GTD, gtd=TODAY), False),
        (EVENING, buy("1", time=TimeInForce.GTD, gtd=date(2026, 11, 19)), True),
        (EVENING, buy("1", "2.00", replace(CALL_110, expiry=TODAY)), True),
        (NOW.replace(hour=21, minute=59), buy("1", "2.00", replace(CALL_110, expiry=TODAY)), False),
        (NOW.replace(hour=22, minute=0), buy("1", "2.00", replace(CALL_110, expiry=TODAY)), True),
        (NOW.replace(hour=22, minute=0), buy("1", "2.00", replace(CALL_110, expiry=date(2026, 11, 21))), False),
        (datetime(2026, 7, 17, 20, 59, tzinfo=timezone.utc),
         buy("1", "2.00", replace(CALL_110, expiry=date(2026, 7, 17))), False),
        (datetime(2026, 7, 17, 21, 0, tzinfo=timezone.utc),
         buy("1", "2.00", replace(CALL_110, expiry=date(2026, 7, 17))), True),
    ],
)  # fmt: skip
def test_days_are_those_of_the_exchange(now: datetime, order: OrderTicket, expected: bool) -> None:
    findings = check(order, scene(now=now, quotes_at=now, figures_at=now), WIDE)
    assert ("COMBINATION" in {one.code for one in findings}) is expected
