"""TradeStation's market data by request: quotes, bars, symbols, options, search."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import TradeStation, check, differences, example

NEW_YORK = ZoneInfo("America/New_York")
SCHEDULED = "KO"  # its options go by cents below 3 dollars, by nickels above


@pytest.fixture(scope="module")
def ts(running: SimulatorServer) -> TradeStation:
    """One reader for the whole file: nothing here changes the market."""
    running.reset()
    running.faults(
        tradestation_quotas={f"option-{name}": [900, 60] for name in ("expirations", "strikes", "riskreward")}
    )
    return TradeStation(running)


@pytest.fixture
def spoiling(running: SimulatorServer) -> Iterator[SimulatorServer]:
    yield running
    running.clear_faults()


def option_of(ts: TradeStation, underlying: str = "MSFT", expiration: int = 3) -> tuple[str, str]:
    """An expiration (as in answers) and a strike near the money."""
    expiry = ts.get(f"/marketdata/options/expirations/{underlying}")["Expirations"][expiration]["Date"]
    strikes = ts.get(f"/marketdata/options/strikes/{underlying}", expiration=expiry[:10])["Strikes"]
    last = ts.price(underlying)
    return expiry, min((each[0] for each in strikes), key=lambda strike: abs(float(strike) - last))


def symbol_of(root: str, expiry: str, right: str, strike: str) -> str:
    return f"{root} {datetime.fromisoformat(expiry):%y%m%d}{right}{strike}"


# Quotes


def test_quotes_have_the_shape_of_the_example(ts: TradeStation) -> None:
    check("M1-quotes", ts.get("/marketdata/quotes/TLT"))


def test_bad_symbols_are_errors_beside_the_quotes(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/quotes/TLT,ZZZZQ")
    check("M1-quotes-partial", answer)
    assert answer["Errors"] == [{"Symbol": "ZZZZQ", "Error": "FAILED, INVALID SYMBOL"}]


def test_when_all_symbols_are_bad_there_are_only_errors_and_still_200(ts: TradeStation) -> None:
    assert ts.get("/marketdata/quotes/ZZZZQ") == {"Errors": [{"Symbol": "ZZZZQ", "Error": "FAILED, INVALID SYMBOL"}]}


def test_quotes_are_sorted_by_symbol_and_symbols_taken_in_any_case(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/quotes/spy%2Caapl,MSFT,aapl")
    assert [quote["Symbol"] for quote in answer["Quotes"]] == ["AAPL", "MSFT", "SPY"]


def test_the_change_is_a_percentage_of_the_previous_close(ts: TradeStation) -> None:
    for quote in ts.get("/marketdata/quotes/AAPL,MSFT,ESZ26,BTCUSD")["Quotes"]:
        last, before = float(quote["Last"]), float(quote["PreviousClose"])
        assert float(quote["NetChange"]) == pytest.approx(last - before, abs=1e-6)
        assert float(quote["NetChangePct"]) == pytest.approx(100 * (last - before) / before, abs=1e-6)


def test_the_years_extremes_enclose_the_days(ts: TradeStation) -> None:
    for quote in ts.get("/marketdata/quotes/AAPL,TLT,$SPX.X")["Quotes"]:
        assert float(quote["Low52Week"]) <= float(quote["Low"]) <= float(quote["High"]) <= float(quote["High52Week"])


def test_an_index_has_neither_bid_nor_ask(ts: TradeStation) -> None:
    quote = ts.get("/marketdata/quotes/$SPX.X")["Quotes"][0]
    assert quote["Symbol"] == "$SPX.X"
    assert {"Bid", "Ask", "BidSize", "AskSize"}.isdisjoint(quote)
    assert float(quote["Last"]) > 0


def test_a_future_tells_its_last_days_and_limits(ts: TradeStation) -> None:
    quote = ts.get("/marketdata/quotes/@ES")["Quotes"][0]
    assert quote["Symbol"] == "@ES"
    assert float(quote["MinPrice"]) < float(quote["Last"]) < float(quote["MaxPrice"])
    assert quote["LastTradingDate"].endswith("T00:00:00Z")


def test_a_future_stands_behind_its_continuous_symbol(ts: TradeStation) -> None:
    month = ts.get("/marketdata/symbols/@ES")["Symbols"][0]["Underlying"]
    both = ts.get(f"/marketdata/quotes/@ES,{month}")["Quotes"]
    assert both[0]["LastTradingDate"] == both[1]["LastTradingDate"]


def test_options_are_quoted(ts: TradeStation) -> None:
    expiry, strike = option_of(ts)
    quote = ts.get(f"/marketdata/quotes/{symbol_of('MSFT', expiry, 'C', strike)}")["Quotes"][0]
    assert 0 < float(quote["Bid"]) < float(quote["Ask"])
    assert quote["LastVenue"] == "OPRA"


def test_a_hundred_symbols_are_the_most(ts: TradeStation) -> None:
    assert ts.get("/marketdata/quotes/" + ",".join(f"A{n}" for n in range(101)), 400)["Error"] == "BadRequest"
    assert len(ts.get("/marketdata/quotes/" + ",".join(f"A{n}" for n in range(100)))["Errors"]) == 100


def test_what_is_not_the_callers_to_see_is_not_entitled(spoiling: SimulatorServer, ts: TradeStation) -> None:
    spoiling.faults({"effect": "not_entitled", "symbol": "AAPL"})
    answer = ts.get("/marketdata/quotes/AAPL,MSFT")
    assert [quote["Symbol"] for quote in answer["Quotes"]] == ["MSFT"]
    assert answer["Errors"] == [{"Symbol": "AAPL", "Error": "FAILED, NOT ENTITLED"}]


def test_market_data_need_their_scope(running: SimulatorServer) -> None:
    reader = TradeStation(running, scope="openid ReadAccount")
    assert reader.get("/marketdata/quotes/AAPL", 403)["Error"] == "Forbidden"


# Symbols


def test_symbol_details_have_the_shape_of_the_examples(ts: TradeStation) -> None:
    expiry, strike = option_of(ts, SCHEDULED)
    option = symbol_of(SCHEDULED, expiry, "P", strike)
    answer = ts.get(f"/marketdata/symbols/MSFT,{option},@TY")
    wanted = example("M3-symbols")
    assert answer["Errors"] == []
    for number, symbol in enumerate(("MSFT", option, "@TY")):
        given = next(each for each in answer["Symbols"] if each["Symbol"] == symbol)
        assert differences(wanted["Symbols"][number], given, frozenset({"IncrementSchedule"})) == []


def test_option_details_say_what_the_symbol_says(ts: TradeStation) -> None:
    expiry, strike = option_of(ts, "TLT")
    details = ts.get(f"/marketdata/symbols/{symbol_of('TLT', expiry, 'P', strike)}")["Symbols"][0]
    month = f"{datetime.fromisoformat(expiry):%b %Y}"
    assert details["Description"] == f"TLT [TLT] {month} {float(strike):.3f} Put"
    assert (details["OptionType"], details["StrikePrice"], details["Underlying"]) == ("PUT", strike, "TLT")
    assert details["PriceFormat"]["PointValue"] == "100"
    assert details["ExpirationDate"] == expiry


def test_a_schedule_of_increments_starts_at_zero_and_grows(ts: TradeStation) -> None:
    expiry, strike = option_of(ts, SCHEDULED)
    shape = ts.get(f"/marketdata/symbols/{symbol_of(SCHEDULED, expiry, 'C', strike)}")["Symbols"][0]["PriceFormat"]
    assert shape["IncrementSchedule"] == [
        {"StartsAt": "0", "Increment": "0.01"},
        {"StartsAt": "3", "Increment": "0.05"},
    ]


def test_futures_are_written_in_their_fractions(ts: TradeStation) -> None:
    found = {each["Root"]: each for each in ts.get("/marketdata/symbols/@US,@TY,@ES,@EC")["Symbols"]}
    assert found["US"]["PriceFormat"]["Format"] == "Fraction"
    assert (found["TY"]["PriceFormat"]["Fraction"], found["TY"]["PriceFormat"]["SubFraction"]) == ("32", "2")
    assert found["ES"]["PriceFormat"]["PointValue"] == "50"
    assert (found["ES"]["PriceFormat"]["Increment"], found["ES"]["PriceFormat"]["Decimals"]) == ("0.25", "2")
    assert found["EC"]["PriceFormat"]["Increment"] == "0.00005"
    assert found["TY"]["Underlying"].startswith("TY")


def test_an_unknown_symbol_is_an_error_of_its_own(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/symbols/MSFT,ZZZZQ")
    assert [each["Symbol"] for each in answer["Symbols"]] == ["MSFT"]
    assert [each["Symbol"] for each in answer["Errors"]] == ["ZZZZQ"]
    assert set(answer["Errors"][0]) == {"Symbol", "Error", "Message"}


def test_fifty_symbols_are_the_most_for_details(ts: TradeStation) -> None:
    ts.get("/marketdata/symbols/" + ",".join(f"A{n}" for n in range(51)), 400)


def test_the_crypto_pairs_are_listed(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/symbollists/cryptopairs/symbolnames")
    check("M4-crypto-pairs", answer)
    assert set(example("M4-crypto-pairs")["SymbolNames"]) <= set(answer["SymbolNames"])


# Bars


def bars(ts: TradeStation, symbol: str = "MSFT", **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ts.get(f"/marketdata/barcharts/{symbol}", **query)["Bars"]
    return found


def test_bars_have_the_shape_of_the_example(ts: TradeStation) -> None:
    check("M2-bars", ts.get("/marketdata/barcharts/MSFT", barsback=5))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"unit": "minute", "interval": 5, "barsback": 40},
        {"unit": "Daily", "barsback": 30},
        {"unit": "WEEKLY", "barsback": 8},
        {"unit": "Monthly", "barsback": 6},
    ],
)
def test_as_many_bars_as_asked_for_ascending_the_last_one_marked(ts: TradeStation, query: dict[str, Any]) -> None:
    found = bars(ts, **query)
    assert len(found) == query.get("barsback", 1)
    assert [bar["Epoch"] for bar in found] == sorted({bar["Epoch"] for bar in found})
    assert [bar["IsEndOfHistory"] for bar in found] == [False] * (len(found) - 1) + [True]


def test_the_epoch_is_the_time_stamp_in_milliseconds(ts: TradeStation) -> None:
    for bar in bars(ts, unit="Minute", barsback=3):
        assert datetime.fromisoformat(bar["TimeStamp"]).timestamp() * 1000 == bar["Epoch"]


def test_the_bar_in_progress_is_open_and_ends_in_the_future(ts: TradeStation) -> None:
    asked = datetime.now(timezone.utc)
    closed, running = bars(ts, unit="Minute", barsback=2)
    assert (closed["BarStatus"], closed["IsRealtime"]) == ("Closed", False)
    assert (running["BarStatus"], running["IsRealtime"]) == ("Open", True)
    assert datetime.fromisoformat(running["TimeStamp"]) > asked - timedelta(seconds=2)


def test_ticks_and_volumes_of_a_bar_add_up(ts: TradeStation) -> None:
    for bar in bars(ts, unit="Minute", barsback=20):
        assert bar["UpTicks"] + bar["DownTicks"] + bar["UnchangedTicks"] == bar["TotalTicks"]
        assert bar["UpVolume"] + bar["DownVolume"] + bar["UnchangedVolume"] == int(bar["TotalVolume"])
        assert float(bar["Low"]) <= float(bar["Open"]) <= float(bar["High"])


def test_a_daily_bar_of_shares_ends_at_four_in_new_york() -> None:
    with SimulatorServer(always_open=False) as sim:
        found = bars(TradeStation(sim), barsback=200, lastdate="2026-11-13")
    closes = [datetime.fromisoformat(bar["TimeStamp"]).astimezone(NEW_YORK) for bar in found]
    assert {close.strftime("%H:%M") for close in closes} == {"16:00"}
    assert {datetime.fromisoformat(bar["TimeStamp"]).hour for bar in found} == {20, 21}
    assert all(bar["BarStatus"] == "Closed" for bar in found)


def test_bars_between_two_dates_lie_between_them(ts: TradeStation) -> None:
    found = bars(ts, unit="Daily", firstdate="2026-10-05", lastdate="2026-10-16T23:00:00Z")
    assert len(found) >= 10
    assert found[0]["TimeStamp"] >= "2026-10-05"
    assert found[-1]["TimeStamp"] <= "2026-10-17T05"  # this market's days last until midnight in New York


def test_templates_add_the_hours_before_and_after() -> None:
    with SimulatorServer(always_open=False) as sim:
        ts = TradeStation(sim)
        day = {
            "unit": "Minute",
            "interval": 30,
            "firstdate": "2026-11-10T05:00:00Z",
            "lastdate": "2026-11-11T04:00:00Z",
        }
        counts = {
            name: len(bars(ts, sessiontemplate=name, **day))
            for name in ("Default", "USEQPre", "USEQPost", "USEQPreAndPost", "USEQ24Hour")
        }
    assert counts["Default"] == 13
    assert counts["USEQPre"] > 13 < counts["USEQPost"]
    assert counts["USEQPreAndPost"] == counts["USEQPre"] + counts["USEQPost"] - 13
    assert counts["USEQ24Hour"] >= counts["USEQPreAndPost"]


@pytest.mark.parametrize(
    "query",
    [
        {"unit": "Hourly"},
        {"unit": "Minute", "interval": 1441},
        {"unit": "Minute", "interval": 0},
        {"unit": "Daily", "interval": 2},
        {"interval": "x"},
        {"barsback": 0},
        {"barsback": 57_601, "unit": "Minute"},
        {"barsback": 5, "firstdate": "2026-01-05"},
        {"lastdate": "2026-01-05", "startdate": "2026-01-05"},
        {"firstdate": "2026-02-05", "lastdate": "2026-01-05"},
        {"firstdate": "yesterday"},
        {"unit": "Minute", "interval": 60, "barsback": 10_000},
        {"unit": "Minute", "firstdate": "2022-01-05"},
        {"sessiontemplate": "Lunch"},
    ],
)
def test_charts_that_cannot_be_are_bad_requests(ts: TradeStation, query: dict[str, Any]) -> None:
    assert ts.get("/marketdata/barcharts/MSFT", 400, **query)["Error"] == "BadRequest"


def test_a_chart_of_an_unknown_symbol_is_not_found(ts: TradeStation) -> None:
    assert ts.get("/marketdata/barcharts/ZZZZQ", 404)["Error"] == "NotFound"


def test_bars_that_are_not_the_callers_to_see_are_refused_with_200(spoiling: SimulatorServer, ts: TradeStation) -> None:
    spoiling.faults({"effect": "not_entitled", "symbol": "MSFT"})
    assert ts.get("/marketdata/barcharts/MSFT") == example("M2-not-entitled")


def test_credits_run_out_when_charts_are_long(ts: TradeStation) -> None:
    """Each costs 4.99 of 200 credits, which come back at 3.3 a second."""
    chart = {"unit": "Minute", "interval": 1440, "barsback": 347}
    statuses = [ts.raw("GET", "/marketdata/barcharts/MSFT", params=chart).status_code for _ in range(60)]
    assert statuses[:30] == [200] * 30
    assert 429 in statuses
    short = ts.raw("GET", "/marketdata/barcharts/MSFT", params={"unit": "Minute", "barsback": 100})
    assert short.status_code == 200  # a quarter of a credit and less is free


def test_the_chart_of_a_day_agrees_with_the_quote(ts: TradeStation) -> None:
    bar, quote = bars(ts, "AAPL")[0], ts.get("/marketdata/quotes/AAPL")["Quotes"][0]
    assert float(bar["Open"]) == pytest.approx(float(quote["Open"]), rel=1e-3)
    assert float(bar["Low"]) * 0.999 <= float(quote["Last"]) <= float(bar["High"]) * 1.001


# Options


def test_expirations_have_the_shape_of_the_example_and_ascend(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/options/expirations/MSFT")
    check("M5-expirations", answer)
    dates = [each["Date"] for each in answer["Expirations"]]
    assert dates == sorted(dates)
    assert {each["Type"] for each in answer["Expirations"]} <= {"Weekly", "Monthly", "Quarterly", "EOM", "Other"}


def test_an_index_has_expirations_of_several_kinds(ts: TradeStation) -> None:
    kinds = {each["Type"] for each in ts.get("/marketdata/options/expirations/$SPX.X")["Expirations"]}
    assert {"Weekly", "Monthly"} <= kinds


def test_expirations_of_one_strike_are_those_that_list_it(ts: TradeStation) -> None:
    path = "/marketdata/options/expirations/MSFT"
    everything = ts.get(path)["Expirations"]
    _, strike = option_of(ts, expiration=0)
    assert 0 < len(ts.get(path, strikePrice=strike)["Expirations"]) <= len(everything)
    assert ts.get(path, strikePrice="0.13")["Expirations"] == []


def test_strikes_have_the_shape_of_the_example(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/options/strikes/MSFT")
    check("M6-strikes", answer)
    strikes = [float(each[0]) for each in answer["Strikes"]]
    assert strikes == sorted(strikes)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("Single", 1),
        ("Straddle", 1),
        ("Vertical", 2),
        ("Butterfly", 3),
        ("IronCondor", 4),
        ("Calendar", 1),
        ("Diagonal", 2),
    ],
)
def test_spreads_have_as_many_strikes_as_they_need(ts: TradeStation, name: str, length: int) -> None:
    answer = ts.get("/marketdata/options/strikes/MSFT", spreadType=name, strikeInterval=2)
    assert answer["SpreadType"] == name
    assert answer["Strikes"]
    assert {len(each) for each in answer["Strikes"]} == {length}


def test_strikes_of_a_day_without_expiration_are_none(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/options/strikes/MSFT", expiration="01-01-2031")
    assert answer == {"SpreadType": "Single", "Strikes": []}


@pytest.mark.parametrize(
    "query", [{"spreadType": "Ladder"}, {"expiration": "soon"}, {"strikeInterval": "0"}, {"strikeInterval": "x"}]
)
def test_strikes_that_cannot_be_asked_for_are_bad_requests(ts: TradeStation, query: dict[str, str]) -> None:
    ts.get("/marketdata/options/strikes/MSFT", 400, **query)


def test_what_has_no_options_is_not_found(ts: TradeStation) -> None:
    assert ts.get("/marketdata/options/expirations/ZZZZQ", 404)["Error"] == "NotFound"
    assert ts.get("/marketdata/options/strikes/BTCUSD", 404)["Error"] == "NotFound"


def test_the_spread_types_are_the_brokers_sixteen(ts: TradeStation) -> None:
    answer = ts.get("/marketdata/options/spreadtypes")
    check("M7-spread-types", answer)
    flags = {each["Name"]: (each["StrikeInterval"], each["ExpirationInterval"]) for each in answer["SpreadTypes"]}
    assert flags == {
        "Single": (False, False), "Straddle": (False, False), "Vertical": (True, False), "Strangle": (True, False),
        "RatioBack1x2": (True, False), "RatioBack1x3": (True, False), "RatioBack2x3": (True, False),
        "Butterfly": (True, False), "IronButterfly": (True, False), "Condor": (True, False),
        "IronCondor": (True, False), "Covered": (False, False), "Collar": (True, False), "Combo": (False, False),
        "Calendar": (False, True), "Diagonal": (True, True),
    }  # fmt: skip


def risk(ts: TradeStation, price: float, *legs: tuple[str, str, int, str]) -> Any:
    """The answer for legs of (action, right, quantity, strike), all of one expiration."""
    expiry = ts.get("/marketdata/options/expirations/MSFT")["Expirations"][3]["Date"]
    given = [
        {"Symbol": symbol_of("MSFT", expiry, right, strike), "Quantity": quantity, "TradeAction": action}
        for action, right, quantity, strike in legs
    ]
    return ts.call("POST", "/marketdata/options/riskreward", json={"SpreadPrice": price, "Legs": given})


def strikes_near(ts: TradeStation, count: int) -> list[str]:
    expiry = ts.get("/marketdata/options/expirations/MSFT")["Expirations"][3]["Date"]
    found = [each[0] for each in ts.get("/marketdata/options/strikes/MSFT", expiration=expiry[:10])["Strikes"]]
    middle = len(found) // 2
    return found[middle : middle + count]


def test_risk_of_a_long_call_is_what_it_costs(ts: TradeStation) -> None:
    (strike,) = strikes_near(ts, 1)
    answer = risk(ts, 2.5, ("BUY", "C", 2, strike))
    assert differences(example("M8-riskreward"), answer) == []
    assert answer == {
        "MaxGainIsInfinite": True,
        "AdjustedMaxGain": "0",
        "MaxLossIsInfinite": False,
        "AdjustedMaxLoss": "-500",
        "BreakevenPoints": [f"{float(strike) + 2.5:g}"],
    }


def test_risk_of_a_vertical_for_a_credit(ts: TradeStation) -> None:
    low, high = strikes_near(ts, 2)
    width = float(high) - float(low)
    answer = risk(ts, -1.0, ("SELL", "P", 3, high), ("BUY", "P", 3, low))
    assert (answer["MaxGainIsInfinite"], answer["MaxLossIsInfinite"]) == (False, False)
    assert float(answer["AdjustedMaxGain"]) == 300
    assert float(answer["AdjustedMaxLoss"]) == pytest.approx(-300 * (width - 1))
    assert [float(point) for point in answer["BreakevenPoints"]] == [float(high) - 1]


def test_a_sold_call_can_lose_without_limit(ts: TradeStation) -> None:
    (strike,) = strikes_near(ts, 1)
    answer = risk(ts, -2, ("SELL", "C", 1, strike))
    assert (answer["MaxLossIsInfinite"], answer["AdjustedMaxGain"]) == (True, "200")


@pytest.mark.parametrize(
    "change",
    [
        {"SpreadPrice": "much"},
        {"Legs": []},
        {"Legs": [{"Symbol": "ZZZZQ", "Quantity": 1, "TradeAction": "BUY"}]},
        {"Legs": [{"Symbol": "MSFT", "Quantity": 0, "TradeAction": "BUY"}]},
        {"Legs": [{"Symbol": "MSFT", "Quantity": 1.5, "TradeAction": "BUY"}]},
        {"Legs": [{"Symbol": "MSFT", "Quantity": 1, "TradeAction": "BUYTOOPEN"}]},
    ],
)
def test_risks_that_cannot_be_worked_out_are_bad_requests(ts: TradeStation, change: dict[str, Any]) -> None:
    body = {"SpreadPrice": 1, "Legs": [{"Symbol": "MSFT", "Quantity": 100, "TradeAction": "BUY"}]}
    ts.call("POST", "/marketdata/options/riskreward", 200, json=body)
    ts.call("POST", "/marketdata/options/riskreward", 400, json=body | change)


def test_legs_of_two_expirations_have_no_risk_to_tell(ts: TradeStation) -> None:
    days = ts.get("/marketdata/options/expirations/MSFT")["Expirations"]
    legs = []
    for number in (2, 3):
        expiry, strike = option_of(ts, expiration=number)
        assert expiry == days[number]["Date"]
        legs.append({"Symbol": symbol_of("MSFT", expiry, "C", strike), "Quantity": 1, "TradeAction": "BUY"})
    ts.call("POST", "/marketdata/options/riskreward", 400, json={"SpreadPrice": 1, "Legs": legs})


# The old version


def old(ts: TradeStation, path: str, status: int = 200, **query: str) -> Any:
    answer = ts.session.get(f"{ts.sim.url}/tradestation/v2/data/symbols/{path}", params=query, timeout=30)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_suggestions_have_the_shape_of_the_example(ts: TradeStation) -> None:
    found = old(ts, "suggest/mic", **{"$top": "5", "$filter": "Category eq 'Stock'"})
    assert found
    assert differences(example("V1-suggest"), found, frozenset({"ExpirationDate"})) == []


def test_suggestions_are_filtered_and_cut(ts: TradeStation) -> None:
    everything = old(ts, "suggest/s", **{"$top": "1000"})
    stocks = old(ts, "suggest/s", **{"$top": "1000", "$filter": "Category neq 'Index' and Country eq 'US'"})
    assert {each["Category"] for each in everything} > {each["Category"] for each in stocks}
    assert len(old(ts, "suggest/s", **{"$top": "2"})) == 2
    assert old(ts, "suggest/s", **{"$filter": "Country eq 'DE'"}) == []


def test_search_finds_each_category(ts: TradeStation) -> None:
    assert [each["Name"] for each in old(ts, "search/C=Stock&N=MSF")] == ["MSFT"]
    assert "$SPX.X" in [each["Name"] for each in old(ts, "search/C=IDX")]
    futures = old(ts, "search/C=FU&R=ES")
    assert futures
    assert {each["Root"] for each in futures} == {"ES"}
    options = old(ts, "search/C=SO&R=AAPL&Stk=5&Exd=2&OT=Call")
    assert {each["Underlying"] for each in options} == {"AAPL"}
    assert {each["OptionType"] for each in options} == {"Call"}
    assert len({each["ExpirationDate"] for each in options}) == 2
    assert len(options) == 20
    assert {each["Category"] for each in old(ts, "search/C=IO&R=$SPX.X&Exd=1")} == {"IndexOption"}
    assert {each["Category"] for each in old(ts, "search/C=FO&R=ES&Exd=1")} == {"FutureOption"}
    assert old(ts, "search/C=MF&N=A") == []


def test_option_searches_go_by_strikes_and_dates(ts: TradeStation) -> None:
    last = ts.price("AAPL")
    low, high = int(last) - 10, int(last) + 10
    found = old(ts, f"search/C=SO&R=AAPL&Spl={low}&Sph={high}&Exd=1&OT=Put")
    assert found
    assert all(low <= each["StrikePrice"] <= high for each in found)
    assert old(ts, "search/C=SO&R=AAPL&Edl=01-01-2031&Edh=12-31-2031") == []


@pytest.mark.parametrize("criteria", ["C=XX", "AAPL", "C=SO", "C=SO&R=AAPL&OT=Maybe", "C=SO&R=AAPL&Stk=x"])
def test_searches_that_make_no_sense_have_the_old_envelope(ts: TradeStation, criteria: str) -> None:
    answer = old(ts, f"search/{criteria}", 400)
    assert set(answer) == {"TraceId", "StatusCode", "Message"}
    assert answer["StatusCode"] == 400


def test_the_old_version_refuses_without_a_token_in_its_own_envelope(running: SimulatorServer) -> None:
    answer = running.http.get(f"{running.url}/tradestation/v2/data/symbols/suggest/a", timeout=30)
    assert answer.status_code == 401
    assert answer.json()["StatusCode"] == 401
