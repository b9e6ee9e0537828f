"""Values, gains and sums: exact, signed right, and never 0 for the unknown."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.accounts import Position
from brokers.domain.instruments import Crypto, Equity, Future, Instrument, Option, Right
from brokers.domain.market import Quote
from portfolio.valuation import Sum, add_up, days_to_expiry, group_by_underlying, total, value, value_all

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=timezone.utc)
AAPL = Equity("AAPL")
PUT = Option("SPY", date(2026, 12, 18), Right.PUT, Decimal(600))
MULTIPLIERS = {AAPL: Decimal(1), PUT: Decimal(100), Option("SPX", PUT.expiry, Right.CALL, Decimal(6000)): Decimal(100)}
D = Decimal


def holding(instrument: Instrument = AAPL, quantity: str = "25", **changes: Any) -> Position:
    position = Position(
        "5WT00042", instrument, str(instrument), D(quantity), MULTIPLIERS.get(instrument, D(1)), D("188.40"),
        D("190.10"), D("190.10"), None, D(0), NOON - timedelta(days=2), NOON,
    )  # fmt: skip
    return replace(position, **changes)


def quoted(bid: str | None = None, ask: str | None = None, instrument: Instrument = AAPL, **more: Decimal) -> Quote:
    return Quote(instrument, NOON, D(bid) if bid else None, D(ask) if ask else None, **more)


def test_shares_are_valued_at_the_middle_and_gain_against_cost_and_close() -> None:
    valued = value(holding(), quoted("191.29", "191.31", prev_close=D("190.00")), NOON)
    assert (valued.mark, valued.value, valued.cost) == (D("191.30"), D("4782.50"), D("4710.00"))
    assert (valued.gain_open, valued.gain_day) == (D("72.50"), D("30.00"))
    assert valued.gain_open_share == D("72.50") / D(4710)
    assert (valued.change, valued.change_share) == (D("1.30"), D("1.30") / D("190.00"))
    assert valued.marked_at == NOON


def test_a_short_option_that_got_cheaper_has_gained() -> None:
    short = holding(PUT, "-1", average_open_price=D("0.91"), day_open_price=D("0.88"))
    valued = value(short, quoted("0.80", "0.84", PUT), NOON)
    assert (valued.value, valued.cost) == (D("-82.00"), D("-91.00"))
    assert (valued.gain_open, valued.gain_day) == (D("9.00"), D("6.00"))
    assert valued.gain_open_share is not None
    assert valued.gain_open_share > 0


def test_day_gain_counts_what_was_closed_today() -> None:
    assert value(holding(realized_day=D("-12.34")), quoted("191.29", "191.31"), NOON).gain_day == D("17.66")


def test_what_was_opened_today_gains_against_its_opening_price() -> None:
    """The broker's own figure wins; without it, only a holding opened today has a known one."""
    opened_today = holding(day_open_price=None, opened_at=NOON - timedelta(hours=2))
    assert value(opened_today, quoted("191.29", "191.31"), NOON).gain_day == D("72.50")
    older = holding(day_open_price=None)
    assert value(older, quoted("191.29", "191.31"), NOON).gain_day is None


def test_today_is_the_exchanges_day() -> None:
    late_evening_utc = datetime(2026, 11, 21, 2, 0, tzinfo=timezone.utc)
    opened = holding(day_open_price=None, opened_at=NOON)
    assert value(opened, quoted("191.29", "191.31"), late_evening_utc).gain_day == D("72.50")


@pytest.mark.parametrize(
    ("changes", "quote", "unknown", "known"),
    [
        ({}, None, {"mark", "value", "gain_open", "gain_day", "change"}, {"cost": D("4710.00")}),
        ({"average_open_price": None}, quoted("191.29", "191.31"), {"cost", "gain_open"}, {"value": D("4782.50")}),
        ({"realized_day": None}, quoted("191.29", "191.31"), {"gain_day"}, {"gain_open": D("72.50")}),
        ({"close_price": None}, quoted("191.29", "191.31"), {"change", "change_share"}, {"gain_day": D("30.00")}),
        ({}, quoted("191.29", None), {"mark", "value", "gain_open"}, {}),
        ({"mark": D("191.00")}, quoted("191.29", None), set(), {"mark": D("191.00"), "marked_at": None}),
        ({"average_open_price": D(0)}, quoted("191.29", "191.31"), {"gain_open_share"}, {"gain_open": D("4782.50")}),
    ],
)
def test_the_unknown_stays_unknown(
    changes: dict[str, Any], quote: Quote | None, unknown: set[str], known: dict[str, Any]
) -> None:
    valued = value(holding(**changes), quote, NOON)
    assert {name for name in unknown if getattr(valued, name) is not None} == set()
    assert {name: getattr(valued, name) for name in known} == known


def test_a_price_of_zero_is_a_price() -> None:
    worthless = value(holding(PUT, "2", mark=D(0), average_open_price=D("0.91")), None, NOON)
    assert (worthless.mark, worthless.value, worthless.gain_open) == (D(0), D(0), D("-182.00"))


def test_what_was_closed_today_is_worth_nothing_and_has_its_gain() -> None:
    closed = value(holding(quantity="0", realized_day=D("41.50")), None, NOON)
    assert (closed.value, closed.cost, closed.gain_open, closed.gain_day) == (0, 0, 0, D("41.50"))


def test_a_future_costs_nothing_and_is_worth_its_move_since_the_last_settlement() -> None:
    future = Future("ES", 2026, 12)
    long = holding(
        future, "2", multiplier=D(50), average_open_price=D("6000.25"), day_open_price=D("6010.00"), mark=D("6012.50")
    )
    valued = value(long, None, NOON)
    assert (valued.cost, valued.value) == (D(0), D("250.00"))
    assert (valued.gain_open, valued.gain_open_share, valued.gain_day) == (D("1225.00"), None, D("250.00"))
    unsettled = value(replace(long, settles_daily=False), None, NOON)  # its gains are in no cash until it is closed
    assert (unsettled.cost, unsettled.value, unsettled.gain_day) == (D(0), D("1225.00"), D("250.00"))


def test_a_thousandth_of_a_coin_keeps_its_decimals() -> None:
    coin = holding(Crypto("BTC", "USD"), "0.00012345", average_open_price=D("90000.10"), mark=D("91234.56"))
    assert value(coin, None, NOON).value == D("0.00012345") * D("91234.56")


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        (datetime(2026, 11, 20, 17, tzinfo=timezone.utc), 28),
        (datetime(2026, 12, 18, 4, 59, tzinfo=timezone.utc), 1),
        (datetime(2026, 12, 18, 5, 0, tzinfo=timezone.utc), 0),
        (datetime(2026, 12, 19, 12, tzinfo=timezone.utc), -1),
    ],
)
def test_days_to_expiry_are_counted_in_exchange_time(moment: datetime, days: int) -> None:
    assert days_to_expiry(PUT, moment) == days
    assert days_to_expiry(AAPL, moment) is None


def test_a_sum_says_what_it_lacks() -> None:
    assert add_up([]) == Sum(D(0))
    assert add_up([D(1), D("-3")]) == Sum(D(-2))
    assert add_up([D(1), None, None]) == Sum(D(1), missing=2)
    assert add_up([D(1), None]).is_partial
    assert add_up([D(1), None]).whole is None
    assert add_up([None]) == Sum(None, missing=1)
    assert not add_up([None]).is_partial


def test_totals_with_an_unknown_part_give_no_percentage() -> None:
    valued = value_all([holding(), holding(PUT, "1")], {AAPL: quoted("191.29", "191.31")}, NOON)
    totals = total(valued)
    assert (totals.value, totals.gain_open_share) == (Sum(D("4782.50"), missing=1), None)
    assert totals.cost.whole == D("4710.00") + D("18840.00")


def test_holdings_of_an_underlying_stand_together_the_share_first() -> None:
    later = Option("SPY", date(2027, 1, 15), Right.CALL, Decimal(610))
    spy = Equity("SPY")
    listed = [holding(later, underlying="SPY"), holding(PUT, underlying="SPY"), holding(), holding(spy)]
    groups = group_by_underlying(value_all(listed, {}, NOON))
    assert [group.underlying for group in groups] == ["AAPL", "SPY"]
    assert [each.position.instrument for each in groups[1].holdings] == [spy, PUT, later]


cents = st.decimals(min_value="0.01", max_value="99999.99", places=2)
pairs = st.tuples(cents, cents).map(sorted)
instruments = st.sampled_from(list(MULTIPLIERS))
quantities = st.integers(-500, 500).filter(bool).map(Decimal)
books = st.dictionaries(instruments, st.tuples(quantities, cents, cents, pairs), min_size=0, max_size=3)


def portfolio(made_up: dict[Any, Any]) -> tuple[list[Position], dict[Instrument, Quote]]:
    positions = [
        holding(instrument, str(quantity), average_open_price=paid, day_open_price=day)
        for instrument, (quantity, paid, day, _) in made_up.items()
    ]
    quotes: dict[Instrument, Quote] = {
        instrument: Quote(instrument, NOON, bid, ask) for instrument, (_, _, _, (bid, ask)) in made_up.items()
    }
    return positions, quotes


@given(books, st.decimals(min_value="0", max_value="1000000", places=2))
def test_cash_and_holdings_make_net_liq_and_gains_make_the_difference(
    made_up: dict[Any, Any], deposit: Decimal
) -> None:
    """Deposit, buy and sell at made-up prices: net liq is cash plus value, and the gain is all that changed."""
    positions, quotes = portfolio(made_up)
    spent = sum(made_up[p.instrument][0] * p.multiplier * made_up[p.instrument][1] for p in positions)
    cash = deposit - spent
    totals = total(value_all(positions, quotes, NOON))
    worth = sum(
        p.quantity * p.multiplier * (quotes[p.instrument].bid + quotes[p.instrument].ask) / 2 for p in positions
    )
    assert totals.cost.whole == spent
    assert totals.value.whole is not None
    assert cash + totals.value.whole == cash + worth
    assert totals.gain_open.whole == cash + totals.value.whole - deposit


@given(books)
def test_the_other_side_of_each_trade_gains_what_this_one_loses(made_up: dict[Any, Any]) -> None:
    positions, quotes = portfolio(made_up)
    mirrored = [replace(position, quantity=-position.quantity) for position in positions]
    for one, other in zip(value_all(positions, quotes, NOON), value_all(mirrored, quotes, NOON), strict=True):
        for name in ("value", "cost", "gain_open", "gain_day"):
            assert getattr(one, name) == -getattr(other, name)
        assert one.gain_open_share == -other.gain_open_share


@given(books)
def test_groups_add_up_to_the_whole(made_up: dict[Any, Any]) -> None:
    positions, quotes = portfolio(made_up)
    valued = value_all(positions, quotes, NOON)
    groups = group_by_underlying(valued)
    for name in ("value", "cost", "gain_open", "gain_day"):
        parts = [getattr(group.totals, name).amount for group in groups]
        assert add_up(parts).amount == getattr(total(valued), name).amount


@given(st.lists(st.none() | st.decimals(min_value=-1000, max_value=1000, places=2)))
def test_nothing_unknown_is_counted_as_zero(parts: list[Decimal | None]) -> None:
    found = add_up(parts)
    known = [part for part in parts if part is not None]
    assert found.missing == len(parts) - len(known)
    assert found.amount == (sum(known) if known or not parts else None)
