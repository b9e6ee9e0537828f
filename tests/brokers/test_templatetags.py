"""Figures as people read them: exact, with a true minus, and a dash for what is not known."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from brokers.domain.instruments import Equity, parse_instrument
from brokers.models import Account, Connection
from brokers.templatetags import desk

NOON = datetime(2026, 12, 18, 17, 0, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1234.5", "$1,234.50"),
        ("-1234.5", "−$1,234.50"),
        ("0", "$0.00"),
        ("-0.004", "$0.00"),
        ("0.005", "$0.01"),
        ("-0.005", "−$0.01"),
        ("1E+6", "$1,000,000.00"),
        ("99999999999999999.99", "$99,999,999,999,999,999.99"),
    ],
)
def test_money_is_dollars_and_cents_with_a_true_minus(value: str, words: str) -> None:
    assert desk.money(Decimal(value)) == words


@pytest.mark.parametrize(
    ("value", "words"), [("25", "+$25.00"), ("-25", "−$25.00"), ("0", "$0.00"), ("0.001", "$0.00"), ("-0.001", "$0.00")]
)
def test_a_gain_says_its_sign_unless_it_rounds_to_nothing(value: str, words: str) -> None:
    assert desk.gain(Decimal(value)) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("187.2", "187.20"),
        ("187", "187.00"),
        ("1.2345", "1.2345"),
        ("1.2300", "1.23"),
        ("110.015625", "110.015625"),
        ("0.0067125", "0.0067125"),
        ("0.00001234", "0.00001234"),
        ("-37.63", "−37.63"),
        ("1E+3", "1,000.00"),
        ("0", "0.00"),
    ],
)
def test_a_price_keeps_all_its_decimals_and_has_two_at_least(value: str, words: str) -> None:
    assert desk.price(Decimal(value)) == words


def test_an_average_price_is_rounded_to_four_decimals() -> None:
    assert desk.price(Decimal(100) / 3) == "33.3333"
    assert desk.price(Decimal(2) / 3) == "0.6667"


@pytest.mark.parametrize(
    ("value", "words"),
    [("25", "+25"), ("-1", "−1"), ("0", "0"), ("0.50", "+0.5"), ("-1200", "−1,200"), ("9", "+9")],
)
def test_a_holding_says_long_or_short(value: str, words: str) -> None:
    assert desk.quantity(Decimal(value)) == words


def test_a_count_has_no_plus() -> None:
    assert desk.count(Decimal("1200")) == "1,200"
    assert desk.count(3) == "3"


def test_percent_reads_a_fraction() -> None:
    assert desk.percent(Decimal("0.1725")) == "17.3 %"
    assert desk.percent(Decimal("0.5"), 0) == "50 %"
    assert desk.percent_gain(Decimal("0.042")) == "+4.2 %"
    assert desk.percent_gain(Decimal("-0.042"), 2) == "−4.20 %"
    assert desk.percent_gain(Decimal("-0.0001")) == "0.0 %"


FIGURES = [desk.money, desk.gain, desk.price, desk.quantity, desk.count, desk.percent, desk.percent_gain]


@pytest.mark.parametrize("show", FIGURES)
@pytest.mark.parametrize("value", [None, "", "n/a", Decimal("NaN"), Decimal("Infinity")])
def test_the_unknown_is_a_dash_and_never_nought(show: desk.Any, value: object) -> None:
    assert show(value) == "—"


@pytest.mark.parametrize("show", [desk.when, desk.age, desk.instrument])
def test_unknown_times_and_instruments_are_a_dash(show: desk.Any) -> None:
    assert show(None) == show("") == "—"


@pytest.mark.parametrize("show", FIGURES)
def test_a_float_is_refused(show: desk.Any) -> None:
    with pytest.raises(TypeError):
        show(0.1)


def test_figures_may_come_as_text_from_a_document() -> None:
    assert desk.money("1234.5") == "$1,234.50"
    assert desk.trend("-0.01") == "down"


def test_the_trend_of_nothing_is_no_colour() -> None:
    assert (desk.trend(Decimal(2)), desk.trend(Decimal(-2))) == ("up", "down")
    assert desk.trend(Decimal(0)) == desk.trend(None) == ""


def test_a_time_of_today_is_exchange_time_alone() -> None:
    assert desk.exchange_time(NOON, NOON + timedelta(hours=3)) == "12:00:05 ET"


def test_a_time_of_another_day_has_its_date_and_of_another_year_the_year() -> None:
    assert desk.exchange_time(NOON, NOON + timedelta(days=1)) == "18 Dec, 12:00:05 ET"
    assert desk.exchange_time(NOON, NOON + timedelta(days=30)) == "18 Dec 2026, 12:00:05 ET"


def test_today_is_the_day_at_the_exchange_and_not_in_utc() -> None:
    late = datetime(2026, 7, 2, 2, 30, tzinfo=timezone.utc)  # 22:30 on 1 July in New York
    assert desk.exchange_time(late, datetime(2026, 7, 2, 3, 59, tzinfo=timezone.utc)) == "22:30:00 ET"
    assert desk.exchange_time(late, datetime(2026, 7, 2, 4, 1, tzinfo=timezone.utc)) == "1 Jul, 22:30:00 ET"


def test_machines_read_the_time_in_utc() -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5)))
    assert 'datetime="2020-01-01T22:04:05Z"' in desk.when(moment)
    assert desk.when(date(2026, 12, 18)) == '<time datetime="2026-12-18">18 Dec 2026</time>'


@pytest.mark.parametrize(
    ("back", "words"),
    [(0.4, "just now"), (3, "3 s ago"), (119, "1 min ago"), (7200, "2 h ago"), (200000, "2 d ago"), (-300, "in 5 min")],
)
def test_an_age_is_told_in_its_greatest_unit(back: float, words: str) -> None:
    assert desk.elapsed(NOON - timedelta(seconds=back), NOON) == words


def test_an_option_reads_as_traders_say_it() -> None:
    assert desk.instrument(parse_instrument("SPY   261218C00600000")) == "SPY 18 Dec 26 600 C"
    assert desk.instrument("SPY   261218P00580500") == "SPY 18 Dec 26 580.5 P"
    assert desk.instrument(Equity("AAPL")) == "AAPL"
    assert desk.instrument("not a symbol!") == "not a symbol!"


def test_what_names_no_instrument_is_escaped_on_the_page() -> None:
    assert Template("{{ x|instrument }}").render(Context({"x": "<b>"})) == "&lt;b&gt;"


def test_times_on_a_page_are_markup() -> None:
    page = Template("{{ x|when }} {{ x|age }}").render(Context({"x": datetime(2020, 1, 2, tzinfo=timezone.utc)}))
    assert page.count("<time ") == 2
    assert "1 Jan 2020, 19:00:00 ET" in page


def worlds(*environments: str) -> list[Connection]:
    return [Connection(environment=environment) for environment in environments]


def test_a_page_that_knows_its_environment_wins() -> None:
    assert desk.desk_environment({"environment": "live", "desk_connections": worlds("sim")}) == "live"
    assert desk.desk_environment({"environment": "", "desk_connections": worlds("sim")}) == ""


def test_else_the_account_decides() -> None:
    account = Account(connection=Connection(environment="live"))
    assert desk.desk_environment({"account": account, "desk_connections": worlds("sim", "live")}) == "live"


def test_else_all_that_is_connected() -> None:
    assert desk.desk_environment({"desk_connections": worlds("sim", "sim")}) == "sim"
    assert desk.desk_environment({"desk_connections": worlds("sim", "live")}) == "mixed"
    assert desk.desk_environment({"desk_connections": []}) == desk.desk_environment({}) == ""


def test_only_an_account_of_ones_own_is_carried_along() -> None:
    mine, other = Account(number="1"), Account(number="2")

    def chosen(asked: str) -> str:
        request = RequestFactory().get("/", {"account": asked})
        return desk.chosen_account({"request": request, "desk_accounts": [mine]})

    assert chosen(str(mine.pk)) == str(mine.pk)
    assert chosen("all") == "all"
    assert chosen(str(other.pk)) == chosen('"><script>') == ""
    assert desk.chosen_account({"request": SimpleNamespace(GET={}), "account": mine}) == str(mine.pk)


def test_a_page_without_one_account_shows_all() -> None:
    assert desk.chosen_account({"account": None}) == "all"
    assert desk.chosen_account({}) == ""
