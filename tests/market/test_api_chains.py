"""The API's option chains and Greeks against the simulator, for either broker."""

from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from django.test import Client
from market_answers import a_future, has_source, is_recent, told
from simulator_server import SimulatorServer

from brokers.domain.instruments import FutureOption, Option, parse_instrument
from brokers.models import Account
from brokers.registry import spec


def test_a_chain_lists_all_its_options_by_expiration(account: Account, trader: Client) -> None:
    document = told(trader, f"chains/{quote('$SPX', safe='')}")
    assert has_source(document, account)
    assert document["symbol"] == "$SPX"
    listed = document["expirations"]
    assert [each["expiration"] for each in listed] == sorted(each["expiration"] for each in listed)
    assert {each["root"] for each in listed} == {"SPX", "SPXW"}
    for each in listed:
        assert each["settlement"] == ("AM" if each["root"] == "SPX" else "PM")
        prices = [Decimal(row["strike"]) for row in each["strikes"]]
        assert all(low < high for low, high in pairwise(prices))
        call = parse_instrument(each["strikes"][0]["call"])
        assert isinstance(call, Option)
        assert (call.root, call.expiry.isoformat(), call.strike) == (each["root"], each["expiration"], prices[0])
    assert told(trader, "chains/$SPX") == document


def test_one_expiration_is_told_by_day_and_by_name_and_titles_without_strikes(account: Account, trader: Client) -> None:
    whole = told(trader, "chains/SPY")["expirations"]
    chosen = whole[2]
    for expiry in (chosen["expiration"], chosen["name"]):
        assert told(trader, f"chains/SPY?expiry={expiry}")["expirations"] == [chosen]
    titles = told(trader, "chains/SPY?strikes=false")["expirations"]
    assert titles == [each | {"strikes": []} for each in whole]
    assert "No options on SPY expire then" in told(trader, "chains/SPY?expiry=2031-01-01", 404)["detail"]


def test_what_has_no_chain_is_refused_in_words(account: Account, trader: Client) -> None:
    for symbol in ("NOSUCH", "BTC/USD", "!!", "%20"):
        answer = trader.get(f"/api/v1/chains/{symbol}")
        assert answer.status_code in (404, 422)
        assert len(answer.json()["detail"]) > 10


def at_the_money(trader: Client, symbol: str, count: int) -> list[str]:
    """Calls and puts of the strikes next to the price, of an expiration some weeks off."""
    price = Decimal(told(trader, f"quotes?symbols={quote(symbol)}")["quotes"][0]["mark"])
    listed = told(trader, f"chains/{quote(symbol, safe='')}")["expirations"]
    chosen = next(each for each in listed if each["days_to_expiry"] >= 10)
    near = sorted(chosen["strikes"], key=lambda row: abs(Decimal(row["strike"]) - price))[:count]
    return [row[side] for row in near for side in ("call", "put")]


def test_greeks_that_no_stream_told_are_estimates_and_say_so(account: Account, trader: Client) -> None:
    wanted = at_the_money(trader, "$SPX", 6)
    document = told(trader, f"greeks?symbols={quote(','.join(wanted))}")
    assert has_source(document, account)
    assert document["unknown"] == []
    found = {each["symbol"]: each for each in document["greeks"]}
    assert list(found) == wanted
    for symbol, each in found.items():
        option = parse_instrument(symbol)
        assert isinstance(option, Option)
        assert each["estimate"] is True
        assert each["rho"] is None
        assert is_recent(each["as_of"])
        delta, theta = Decimal(each["delta"]), Decimal(each["theta"])
        assert (0 < delta < 1) if option.right == "C" else (-1 < delta < 0)
        assert theta < 0
        assert Decimal(each["gamma"]) > 0
        assert Decimal("0.02") < Decimal(each["volatility"]) < 3


def _greeks_at(sim: SimulatorServer, option: Any) -> Any:
    return sim.inside(lambda world: world.market.derivatives.greeks_of_many([option])[0])


def test_the_desks_estimate_is_near_what_the_market_was_made_with(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    wanted = at_the_money(trader, "SPY", 3)
    estimates = {each["symbol"]: each for each in told(trader, f"greeks?symbols={quote(','.join(wanted))}")["greeks"]}
    for symbol in wanted:
        option = parse_instrument(symbol)
        truth = _greeks_at(sim, option)
        assert abs(float(estimates[symbol]["delta"]) - truth.delta) < 0.03
        assert abs(float(estimates[symbol]["volatility"]) / truth.volatility - 1) < 0.05


def test_what_is_no_option_has_no_greeks(account: Account, trader: Client) -> None:
    assert told(trader, "greeks?symbols=SPY", 422)["errors"]["symbols"] == ["Options alone have Greeks."]


def test_of_adjusted_options_and_of_unknown_ones_nothing_is_estimated(account: Account, trader: Client) -> None:
    symbols = "SPY1  261218C00600000,NOSUCH261218C00600000"
    document = told(trader, f"greeks?symbols={quote(symbols)}")
    assert (document["greeks"], document["unknown"]) == ([], symbols.split(","))


def test_a_futures_options_are_listed_and_estimated_where_the_broker_has_them(account: Account, trader: Client) -> None:
    future = str(a_future())
    symbol = quote(future, safe="")
    if FutureOption not in spec(account.connection.broker).capabilities.classes:
        assert told(trader, f"chains/{symbol}", 422)["code"] == "broker_refused"
        return
    document = told(trader, f"chains/{symbol}")
    assert told(trader, f"chains/{symbol}?expiry={document['expirations'][-1]['name']}")["symbol"] == future
    wanted = at_the_money(trader, future, 3)
    found = told(trader, f"greeks?symbols={quote(','.join(wanted))}")["greeks"]
    assert [each["symbol"] for each in found] == wanted
    assert all(each["estimate"] and 0 < abs(Decimal(each["delta"])) < 1 for each in found)
