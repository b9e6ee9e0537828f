"""TradeStation's option chain and option quote streams."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from simulator_server import SimulatorServer
from stream_reader import OpenStream
from tradestation_wire import PAYLOADS, TradeStation, differences

CHAIN = "marketdata/stream/options/chains"
QUOTES = "marketdata/stream/options/quotes"
GREEKS = {
    "Delta", "Theta", "Gamma", "Rho", "Vega", "ImpliedVolatility", "IntrinsicValue", "ExtrinsicValue",
    "TheoreticalValue", "ProbabilityITM", "ProbabilityOTM", "ProbabilityBE", "ProbabilityITM_IV", "ProbabilityOTM_IV",
    "ProbabilityBE_IV", "TheoreticalValue_IV", "StandardDeviation",
}  # fmt: skip


def published() -> dict[str, Any]:
    text = (PAYLOADS / "S-option-chain.txt").read_text()
    found: dict[str, Any] = json.loads(text.split("⏎")[0])
    return found


def chain(ts: TradeStation, count: int, underlying: str = "MSFT", **query: Any) -> list[dict[str, Any]]:
    """The first objects of a chain's stream."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    with OpenStream(ts, f"{CHAIN}/{underlying}?{text}") as stream:
        assert stream.status == 200, stream.error()
        return [stream.next() for _ in range(count)]


def expirations(ts: TradeStation, underlying: str = "MSFT") -> list[str]:
    return [each["Date"] for each in ts.get(f"/marketdata/options/expirations/{underlying}")["Expirations"]]


def test_a_chain_is_shaped_as_published(ts: TradeStation) -> None:
    puts = chain(ts, 4, strikeProximity=2, optionType="Put", expiration=expirations(ts)[2][:10])
    for each in puts:
        assert differences(published(), each, frozenset({"NetChangePct"})) == []
        assert each["Side"] == each["Legs"][0]["OptionType"] == "Put"


def test_the_strikes_lie_around_the_underlying_so_many_each_side(ts: TradeStation) -> None:
    found = chain(ts, 12, strikeProximity=3, expiration=expirations(ts)[2][:10])
    strikes = sorted({float(each["Strikes"][0]) for each in found})
    assert len(strikes) == 6
    last = ts.price("MSFT")
    assert strikes[2] < last * 1.002
    assert strikes[3] > last * 0.998
    assert [each["Side"] for each in found] == ["Call", "Put"] * 6


def test_a_centre_can_be_given(ts: TradeStation) -> None:
    strikes = ts.get("/marketdata/options/strikes/MSFT")["Strikes"]
    center = float(strikes[5][0])
    found = chain(ts, 2, strikeProximity=1, optionType="Call", priceCenter=center)
    assert [each["Strikes"][0] for each in found] == [strikes[4][0], strikes[5][0]]


@pytest.mark.parametrize(("range_", "sign"), [("ITM", 1), ("OTM", -1)])
def test_a_range_of_strikes_is_in_or_out_of_the_money(ts: TradeStation, range_: str, sign: int) -> None:
    for each in chain(ts, 6, strikeProximity=6, strikeRange=range_):
        away = ts.price("MSFT") - float(each["Strikes"][0])
        inside = away if each["Side"] == "Call" else -away
        assert inside * sign > -0.01 * abs(ts.price("MSFT"))


def test_without_greeks_only_prices_are_told(ts: TradeStation) -> None:
    (each,) = chain(ts, 1, enableGreeks="false")
    assert GREEKS.isdisjoint(each)
    assert set(published()) >= GREEKS
    assert set(published()) - GREEKS - {"NetChangePct"} <= set(each)


def test_figures_of_an_option_agree_with_each_other(ts: TradeStation) -> None:
    for each in chain(ts, 10, strikeProximity=3, expiration=expirations(ts)[3][:10]):
        bid, ask, mid = float(each["Bid"]), float(each["Ask"]), float(each["Mid"])
        assert mid == pytest.approx((bid + ask) / 2)
        assert float(each["ExtrinsicValue"]) == pytest.approx(mid - float(each["IntrinsicValue"]), abs=1e-3)
        assert float(each["TheoreticalValue_IV"]) == pytest.approx(mid, abs=max(0.05, 0.03 * mid))
        for suffix in ("", "_IV"):
            inside, outside = (float(each[f"Probability{side}{suffix}"]) for side in ("ITM", "OTM"))
            assert inside + outside == pytest.approx(1, abs=2e-4)
            assert 0 <= float(each[f"ProbabilityBE{suffix}"]) <= inside + 1e-4
        sign = 1 if each["Side"] == "Call" else -1
        assert 0 <= float(each["Delta"]) * sign <= 1
        assert abs(float(each["ProbabilityITM_IV"]) - abs(float(each["Delta"]))) < 0.15


def test_calls_and_puts_of_a_strike_are_chances_that_exclude_each_other(ts: TradeStation) -> None:
    found = chain(ts, 4, strikeProximity=1, expiration=expirations(ts)[3][:10])
    for call, put in (found[0:2], found[2:4]):
        assert float(call["ProbabilityITM"]) + float(put["ProbabilityITM"]) == pytest.approx(1, abs=1e-3)


def test_an_expiration_is_taken_in_every_spelling(ts: TradeStation) -> None:
    day = expirations(ts)[1]
    year, month, number = day[:10].split("-")
    for text in (day[:10], day, f"{month}-{number}-{year}"):
        (each,) = chain(ts, 1, expiration=text)
        assert each["Legs"][0]["Expiration"] == day
    (each,) = chain(ts, 1)
    assert each["Legs"][0]["Expiration"] == expirations(ts)[0]


@pytest.mark.parametrize(
    ("name", "ratios", "side"),
    [
        ("Straddle", [1, 1], "Both"),
        ("Vertical", [1, -1], "Call"),
        ("Butterfly", [1, -2, 1], "Call"),
        ("IronCondor", [1, -1, -1, 1], "Both"),
        ("RatioBack1x2", [-1, 2], "Call"),
        ("Covered", [100, -1], "Call"),
        ("Calendar", [-1, 1], "Call"),
    ],
)
def test_spreads_are_priced_by_their_legs(ts: TradeStation, name: str, ratios: list[int], side: str) -> None:
    each = chain(ts, 1, spreadType=name)[0]
    assert [leg["Ratio"] for leg in each["Legs"]] == ratios
    assert each["Side"] == side
    symbols = ",".join(leg["Symbol"] for leg in each["Legs"])
    quotes = {row["Symbol"]: row for row in ts.get(f"/marketdata/quotes/{quote(symbols)}")["Quotes"]}
    weights = [leg["Ratio"] / (100 if leg["AssetType"] == "Stock" else 1) for leg in each["Legs"]]
    mids = [(float(quotes[leg["Symbol"]]["Bid"]) + float(quotes[leg["Symbol"]]["Ask"])) / 2 for leg in each["Legs"]]
    wanted = sum(weight * mid for weight, mid in zip(weights, mids, strict=True))
    assert float(each["Mid"]) == pytest.approx(wanted, abs=0.25 + 0.02 * abs(wanted))
    assert float(each["Bid"]) <= float(each["Mid"]) <= float(each["Ask"])


def test_a_spread_for_a_credit_has_a_negative_price(ts: TradeStation) -> None:
    found = chain(ts, 3, spreadType="IronButterfly", strikeProximity=2)
    assert any(float(each["Mid"]) > 0 or float(each["Mid"]) < 0 for each in found)
    assert min(float(each["Mid"]) for each in found) < 0


def test_strikes_may_lie_further_apart(ts: TradeStation) -> None:
    narrow = chain(ts, 1, spreadType="Vertical", strikeProximity=1)[0]["Strikes"]
    wide = chain(ts, 1, spreadType="Vertical", strikeProximity=1, strikeInterval=3)[0]["Strikes"]
    assert float(wide[1]) - float(wide[0]) > float(narrow[1]) - float(narrow[0])


def test_options_on_an_index_are_index_options(ts: TradeStation) -> None:
    (each,) = chain(ts, 1, "$SPX.X", strikeProximity=1)
    assert each["Legs"][0]["AssetType"] == "IndexOption"
    assert re.fullmatch(r"SPXW? \d{6}[CP]\d+(\.\d+)?", each["Legs"][0]["Symbol"])


def test_a_chain_moves_with_its_underlying(ts: TradeStation) -> None:
    with OpenStream(ts, f"{CHAIN}/SPY?strikeProximity=1&optionType=Call") as stream:
        first = [stream.next(), stream.next()]
        keys = {each["Legs"][0]["Symbol"] for each in first}
        later = [stream.until(lambda each: "Legs" in each) for _ in range(4)]
        assert {each["Legs"][0]["Symbol"] for each in later} <= keys
        assert all(set(each) >= set(first[0]) - {"NetChangePct"} for each in later)


def test_a_riskless_rate_of_its_own_moves_the_chances(ts: TradeStation) -> None:
    day = expirations(ts)[-1][:10]
    low = chain(ts, 1, expiration=day, riskFreeRate="0", optionType="Call")[0]
    high = chain(ts, 1, expiration=day, riskFreeRate="0.2", optionType="Call")[0]
    assert float(high["ProbabilityITM"]) > float(low["ProbabilityITM"])


@pytest.mark.parametrize(
    "query",
    [
        "spreadType=Ladder", "expiration=01-01-2031", "expiration=soon", "strikeProximity=0", "optionType=Maybe",
        "strikeRange=Some", "enableGreeks=perhaps", "riskFreeRate=5", "priceCenter=x",
    ],
)  # fmt: skip
def test_chains_that_cannot_be_are_bad_requests(ts: TradeStation, query: str) -> None:
    with OpenStream(ts, f"{CHAIN}/MSFT?{query}") as stream:
        assert (stream.status, stream.error()["Error"]) == (400, "BadRequest")


def test_a_chain_of_what_has_no_options_is_not_found(ts: TradeStation) -> None:
    for symbol in ("ZZZZQ", "BTCUSD"):
        with OpenStream(ts, f"{CHAIN}/{symbol}") as stream:
            assert stream.status == 404


# Option quotes


def legs(*given: tuple[str, int | None], encoded: bool = True) -> str:
    parts = []
    for number, (symbol, ratio) in enumerate(given):
        left, right = ("%5B", "%5D") if encoded else ("[", "]")
        parts.append(f"legs{left}{number}{right}.Symbol={quote(symbol)}")
        if ratio is not None:
            parts.append(f"legs{left}{number}{right}.Ratio={ratio}")
    return "&".join(parts)


def pair(ts: TradeStation) -> list[str]:
    """Two calls of one expiration."""
    return [each["Legs"][0]["Symbol"] for each in chain(ts, 2, optionType="Call", strikeProximity=1)]


@pytest.mark.parametrize("encoded", [True, False])
def test_one_option_is_quoted_as_in_its_chain(ts: TradeStation, encoded: bool) -> None:
    symbol = pair(ts)[0]
    with OpenStream(ts, f"{QUOTES}?{legs((symbol, None), encoded=encoded)}") as stream:
        each = stream.next()
    assert differences(published(), each, frozenset({"NetChangePct"})) == []
    assert each["Legs"][0] | {"Symbol": symbol, "Ratio": 1} == each["Legs"][0]


def test_legs_are_taken_in_any_order_of_parameters(ts: TradeStation) -> None:
    low, high = pair(ts)
    parameters = legs((low, 1), (high, -1)).split("&")
    with OpenStream(ts, f"{QUOTES}?{'&'.join(reversed(parameters))}&enableGreeks=true") as stream:
        each = stream.next()
    assert [(leg["Symbol"], leg["Ratio"]) for leg in each["Legs"]] == [(low, 1), (high, -1)]
    assert float(each["Mid"]) > 0
    assert 0 < float(each["Delta"]) < 1


@pytest.mark.parametrize(
    "query",
    [
        "", "legs[1].Symbol=MSFT", "legs[0].Symbol=ZZZZQ", "legs[0].Symbol=MSFT&legs[0].Ratio=0",
        "legs[0].Symbol=MSFT&legs[0].Ratio=x", "legs[0].Symbol=MSFT&legs[1].Symbol=AAPL",
    ],
)  # fmt: skip
def test_option_quotes_that_cannot_be_are_bad_requests(ts: TradeStation, query: str) -> None:
    with OpenStream(ts, f"{QUOTES}?{query}") as stream:
        assert (stream.status, stream.error()["Error"]) == (400, "BadRequest")


def test_data_that_are_not_the_callers_to_see_are_told_so(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "not_entitled", "symbol": "MSFT"})
    assert chain(ts, 1)[0] == {"Symbol": "MSFT", "Error": "FAILED, EX_NOT_ENTITLED"}


def test_a_whole_chain_of_the_widest_index_opens_at_once(ts: TradeStation) -> None:
    found = chain(ts, 200, "$SPX.X", strikeProximity=50)
    assert len({each["Legs"][0]["Symbol"] for each in found}) == 200
