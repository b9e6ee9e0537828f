"""What happens to positions by themselves: expiries, daily settlements, deliveries, dividends. Prices set by hand."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, Future, FutureOption, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange import OrderRefused
from brokers.simulator.exchange.settlement.settlement import next_due, settle
from brokers.simulator.market.company import Dividend
from tests.brokers.simulator.still_market import Delivers, Still, ny

BTO, STO, STC, BTC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE, Action.BUY_TO_CLOSE
START, FRIDAY = ny("2026-12-14", 11), date(2026, 12, 18)
AAPL, ES, CL, ZN = Equity("AAPL"), Future("ES", 2026, 12), Future("CL", 2027, 1), Future("ZN", 2027, 3)
CALL, PUT = Option("AAPL", FRIDAY, Right.CALL, Decimal(190)), Option("AAPL", FRIDAY, Right.PUT, Decimal(190))


def still(**options) -> Still:
    return Still(START, **options)


@pytest.mark.parametrize(
    ("option", "action", "spot", "kinds", "shares", "cash"),
    [
        (CALL, BTO, "200", ["exercise", "buy_to_open"], 100, -19_000),
        (CALL, STO, "200", ["assignment", "sell_to_open"], -100, 19_000),
        (PUT, BTO, "180", ["exercise", "sell_to_open"], -100, 19_000),
        (PUT, STO, "180", ["assignment", "buy_to_open"], 100, -19_000),
        (CALL, BTO, "190.01", ["exercise", "buy_to_open"], 100, -19_000),
        (CALL, BTO, "190", ["expiration"], 0, 0),
        (PUT, STO, "190", ["expiration"], 0, 0),
    ],
)
def test_an_option_on_shares_becomes_shares_at_the_strike_or_ends(option, action, spot, kinds, shares, cash):
    books = still()
    books.trade(option, action, 1, "1.00")
    before = books.account.cash
    books.market.set(AAPL, spot)
    books.to(ny("2026-12-18", 17))
    assert books.kinds()[1:] == kinds
    assert books.held() == ({AAPL: Decimal(shares)} if shares else {})
    assert books.account.cash - before == cash
    assert {entry.executed_at for entry in books.account.transactions[2:]} == {ny("2026-12-18", 16)}


def test_shares_that_cover_a_call_are_called_away_and_the_lot_tells_the_gain():
    books = still()
    books.trade(AAPL, BTO, 100, "180.00")
    books.trade(CALL, STO, 1, "2.50")
    books.market.set(AAPL, "200")
    books.to(ny("2026-12-18", 17))
    assert books.kinds()[-2:] == ["assignment", "sell_to_close"]
    assert not books.held()
    assert [(lot.instrument, lot.realized) for lot in books.account.closed_lots] == [(CALL, 250), (AAPL, 1_000)]


@pytest.mark.parametrize(
    ("action", "kind", "gain"), [(BTO, "cash_settled_exercise", 1_250), (STO, "cash_settled_assignment", -1_250)]
)
def test_an_index_option_is_settled_in_cash_at_its_own_fixing(action, kind, gain):
    books, morning = still(), ny("2026-12-18", 9, 30)
    option = Option("SPX", FRIDAY, Right.CALL, Decimal(6_000))
    books.market.ends[option] = morning
    under = books.market.listing(option).underlying
    books.market.set(under, "6000")
    books.trade(option, action, 1, "20.00")
    before = books.account.cash
    books.to(ny("2026-12-18", 9))
    books.market.set(under, "6012.50")
    books.to(ny("2026-12-18", 12))
    books.market.set(under, "5000")  # later, and of no matter
    books.to(ny("2026-12-18", 17))
    assert books.kinds()[1:] == [kind]
    assert books.account.transactions[-1].executed_at == morning
    assert books.account.cash - before == gain
    assert not books.held()


def test_an_adjusted_option_delivers_its_own_shares_and_cash():
    books = still()
    option = Option("AAPL1", FRIDAY, Right.CALL, Decimal(100))
    books.market.adjusted["AAPL1"] = Delivers(Decimal(150), Decimal("250.00"))
    books.trade(option, BTO, 2, "1.00")
    before = books.account.cash
    books.market.set(AAPL, "70")  # 150 × 70 + 250 = 10,750 for 10,000
    books.to(ny("2026-12-18", 17))
    assert books.held() == {AAPL: Decimal(300)}
    assert books.account.positions[AAPL].cost == 20_000
    assert books.account.cash - before == -20_000 + 500
    assert books.kinds()[1:] == ["exercise", "buy_to_open", "exercise"]


def test_an_adjusted_option_out_of_the_money_by_what_it_delivers_ends():
    books = still()
    option = Option("AAPL1", FRIDAY, Right.CALL, Decimal(100))
    books.market.adjusted["AAPL1"] = Delivers(Decimal(150), Decimal("250.00"))
    books.trade(option, BTO, 1, "1.00")
    books.market.set(AAPL, "65")  # 150 × 65 + 250 = 10,000
    books.to(ny("2026-12-18", 17))
    assert books.kinds()[1:] == ["expiration"]


def test_a_future_moves_no_cash_until_the_day_is_settled():
    books = still()
    books.trade(ES, Action.BUY, 2, "6000.00")
    fees = sum(sum(entry.fees.values()) for entry in books.account.transactions)
    assert fees < 0
    assert books.account.cash == 100_000 + fees
    books.market.set(ES, "6010.25")
    balance = books.balance()
    assert balance.open_trade_equity == Decimal("1025.00")
    assert balance.net_liquidating_value == 100_000 + fees + 1025
    assert (balance.futures_initial_margin, balance.futures_maintenance_margin) == (33_000, 30_000)
    books.to(ny("2026-12-14", 17))
    assert books.kinds() == ["buy", "mark_to_market"]
    assert books.account.cash == 100_000 + fees + 1025
    balance = books.balance()
    assert balance.open_trade_equity == 0
    assert balance.net_liquidating_value == 100_000 + fees + 1025
    assert books.account.positions[ES].average_open_price == 6_000
    assert balance.unrealized == 1025


def test_a_future_closed_during_the_day_counts_before_it_is_paid():
    books = still()
    books.trade(ES, Action.BUY, 1, "6000.00")
    books.trade(ES, Action.SELL, 1, "6020.00")
    balance, fees = books.balance(), sum(sum(entry.fees.values()) for entry in books.account.transactions)
    assert (balance.futures_realized, balance.open_trade_equity) == (1_000, 0)
    assert balance.cash == 100_000 + fees
    assert balance.net_liquidating_value == 101_000 + fees
    books.to(ny("2026-12-14", 17))
    assert books.balance().cash == 101_000 + fees
    assert books.account.closed_lots[0].realized == 1_000


def test_half_cents_of_a_note_never_get_lost():
    books = still()
    books.trade(ZN, Action.BUY, 3, "110.015625")
    for day, price in (("2026-12-14", "110.03125"), ("2026-12-15", "110.046875"), ("2026-12-16", "109.984375")):
        books.market.set(ZN, price)
        books.to(ny(day, 18))
    books.trade(ZN, Action.SELL, 3, "110.015625")
    books.to(ny("2026-12-17", 18))
    fees = sum(sum(entry.fees.values()) for entry in books.account.transactions)
    assert books.account.cash == 100_000 + fees
    assert books.account.closed_lots[0].realized == 0


def test_a_cash_settled_future_ends_at_its_last_price():
    books = still()
    books.trade(ES, Action.SELL, 1, "6000.00")
    books.market.ends[ES] = ny("2026-12-18", 9, 30)
    books.to(ny("2026-12-18", 9))
    books.market.set(ES, "5990.00")
    books.to(ny("2026-12-18", 10))
    assert not books.held()
    assert books.kinds()[-2:] == ["expiration", "mark_to_market"]
    fees = sum(sum(entry.fees.values()) for entry in books.account.transactions)
    assert books.account.cash == 100_500 + fees


@pytest.mark.parametrize(
    ("right", "action", "price", "change"),
    [
        (Right.CALL, BTO, "6050.00", 1),
        (Right.CALL, STO, "6050.00", -1),
        (Right.PUT, BTO, "5950.00", -1),
        (Right.PUT, STO, "5950.00", 1),
    ],
)
def test_an_option_on_a_future_becomes_the_future_at_the_strike(right, action, price, change):
    books = still()
    option = FutureOption(ES, "EW3Z26", date(2026, 12, 16), right, Decimal(6_000))
    books.market.set(ES, "6000.00")
    books.trade(option, action, 1, "10.00")
    paid = books.account.cash - 100_000
    books.market.set(ES, price)
    books.to(ny("2026-12-16", 16, 30))
    assert books.held() == {ES: Decimal(change)}
    gain = 2_500 if action is BTO else -2_500
    assert books.account.positions[ES].average_open_price == 6_000
    assert books.balance().open_trade_equity == gain
    books.to(ny("2026-12-16", 17))
    assert books.account.cash == 100_000 + paid + gain


def test_a_day_missed_is_settled_day_by_day():
    books = still()
    books.trade(CL, Action.BUY, 1, "70.00")
    for day, price in (("2026-12-14", "71.00"), ("2026-12-15", "69.50")):
        books.market.now = ny(day, 16)
        books.market.set(CL, price)
    books.to(ny("2026-12-16", 12))
    settled = [entry for entry in books.account.transactions if entry.sub_kind == "mark_to_market"]
    assert [(entry.date.day, entry.value) for entry in settled] == [(14, 1_000), (15, -1_500)]


def test_dividends_go_to_those_who_held_the_night_before():
    books = still()
    books.market.paid[AAPL] = [Dividend(date(2026, 12, 16), date(2026, 12, 18), Decimal("0.26"))]
    books.trade(AAPL, BTO, 100, "190.00")
    books.to(ny("2026-12-15", 12))
    books.trade(AAPL, BTO, 50, "190.00")
    books.to(ny("2026-12-16", 10))
    books.trade(AAPL, STC, 150, "190.00")
    before = books.account.cash
    books.to(ny("2026-12-17", 12))
    assert books.account.cash == before
    books.to(ny("2026-12-18", 12))
    assert books.account.cash - before == Decimal("39.00")
    assert books.account.transactions[-1].sub_kind == "dividend"


def test_who_is_short_pays_the_dividend():
    books = still()
    books.market.paid[AAPL] = [Dividend(date(2026, 12, 16), date(2026, 12, 18), Decimal("0.26"))]
    books.trade(AAPL, STO, 100, "190.00")
    before = books.account.cash
    books.to(ny("2026-12-21", 12))
    assert books.account.cash - before == -26


def test_a_deep_call_may_be_assigned_the_night_before_the_ex_date():
    option = Option("AAPL", date(2027, 1, 15), Right.CALL, Decimal(150))
    for chance, kinds in ((0.0, []), (1.0, ["assignment", "sell_to_open"])):
        books = still()
        books.market.paid[AAPL] = [Dividend(date(2026, 12, 16), date(2026, 12, 18), Decimal("0.26"))]
        books.market.set(AAPL, "190")
        books.trade(option, STO, 2, "40.10")  # time value 0.10, less than the dividend
        books.market.now = ny("2026-12-16", 9)
        settle(books.account, books.market, ny("2026-12-16", 9), books.exchange.ids, early=chance)
        assert books.kinds()[1:] == kinds


def test_long_options_are_exercised_when_asked():
    books = still()
    books.trade(CALL, BTO, 3, "5.00")
    changed = books.exchange.exercise("A", CALL, Decimal(2))
    assert {position.instrument for position in changed} == {CALL, AAPL}
    assert books.held() == {CALL: Decimal(1), AAPL: Decimal(200)}
    with pytest.raises(OrderRefused) as refused:
        books.exchange.exercise("A", CALL, Decimal(2))
    assert refused.value.code == "nothing_to_exercise"


def test_index_options_and_short_ones_are_not_exercised_early():
    books = still()
    option = Option("SPX", FRIDAY, Right.CALL, Decimal(6_000))
    books.trade(option, BTO, 1, "20.00")
    books.trade(PUT, STO, 1, "2.00")
    for what, code in ((option, "european_option"), (PUT, "nothing_to_exercise"), (AAPL, "nothing_to_exercise")):
        with pytest.raises(OrderRefused) as refused:
            books.exchange.exercise("A", what, Decimal(1))
        assert refused.value.code == code


def test_what_is_due_next_is_known():
    books = still()
    assert next_due(books.account, books.market).at == ny("2026-12-15", 0)
    books.trade(CALL, BTO, 1, "5.00")
    books.trade(ES, Action.BUY, 1, "6000.00")
    assert next_due(books.account, books.market).at == ny("2026-12-14", 17)
    assert next_due(books.account, books.market).instrument == ES


def test_one_long_jump_and_many_small_steps_end_alike():
    ended = []
    for hours in (1, 200):
        books = still()
        books.market.set(AAPL, "195")
        books.trade(CALL, STO, 1, "5.00")
        books.trade(ES, Action.BUY, 1, "6000.00")
        books.market.paid[AAPL] = [Dividend(date(2026, 12, 21), date(2026, 12, 22), Decimal("0.26"))]
        books.market.now = ny("2026-12-15", 12)
        books.market.set(ES, "6020.00")
        for hour in range(hours, 201, hours):
            books.to(START.replace() + hour * (ny("2026-12-14", 12) - START))
        ended.append(
            (books.held(), books.account.cash, [(e.sub_kind, e.executed_at) for e in books.account.transactions])
        )
    assert ended[0] == ended[1]
