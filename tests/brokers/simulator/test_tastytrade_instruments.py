"""tastytrade's wire on instruments and option chains."""

from datetime import datetime, timedelta
from decimal import Decimal

from tastytrade_questions import rows
from tastytrade_wire import Desk, check, differences, example

from brokers.simulator.tastytrade import daily
from brokers.simulator.tastytrade.symbols import find_streamed, listed
from brokers.simulator.world import World

# Instruments


def test_futures_are_listed_chosen_and_read_one_by_one(desk: Desk) -> None:
    answer = desk.get("/instruments/futures", **{"product-code[]": "ES"})
    check("E-FUTURE", answer, but={"roll-target-symbol", "spread-tick-sizes", "threshold"})
    assert [row["active-month"] for row in rows(answer)].count(True) == 1
    nearest, after = rows(answer)[:2]
    assert nearest["roll-target-symbol"] == after["symbol"]
    both = desk.get("/instruments/futures", **{"symbol[]": [nearest["symbol"], after["symbol"].removeprefix("/")]})
    assert [row["symbol"] for row in rows(both)] == [nearest["symbol"], after["symbol"]]
    for name in (nearest["symbol"], nearest["symbol"].removeprefix("/"), nearest["streamer-symbol"].split(":")[0]):
        assert desk.get(f"/instruments/futures/{name.replace('/', '%2F')}")["data"]["symbol"] == nearest["symbol"]
    by_id = desk.get("/instruments/futures", **{"security-id[]": after["security-id"]})
    assert [row["symbol"] for row in rows(by_id)] == [after["symbol"]]
    assert {row["exchange"] for row in rows(desk.get("/instruments/futures", exchange="CME"))} == {"CME"}
    assert rows(desk.get("/instruments/futures", exchange="SMALLS")) == []
    desk.call("GET", "/instruments/futures/NOSUCH", 404)
    crude = rows(desk.get("/instruments/futures", **{"product-code[]": "CL"}))[0]
    assert crude["first-notice-date"] >= crude["last-trade-date"][:7]


def test_future_products_and_their_options_are_read(desk: Desk) -> None:
    products = rows(desk.get("/instruments/future-products"))
    wanted = example("E-FUTURE")["data"]["items"][0]["future-product"]
    assert all(differences(wanted, row, set()) == [] for row in products)
    assert {"ES", "CL", "GC", "ZB", "6E"} <= {row["code"] for row in products}
    one = desk.get("/instruments/future-products/CME/ES")["data"]
    assert one in products
    desk.call("GET", "/instruments/future-products/CFE/ES", 404)
    series = rows(desk.get("/instruments/future-option-products"))
    shape = example("E-FUTURE-OPTION")["data"]["future-option-product"]
    assert all(differences(shape, row, set()) == [] for row in series)
    weekly = desk.get("/instruments/future-option-products/CME/EW3")["data"]
    assert weekly in series
    assert desk.get("/instruments/future-option-products/EW3")["data"] == weekly
    assert weekly["future-product"]["code"] == "ES"


def test_future_options_hang_together(desk: Desk) -> None:
    nested = desk.get("/futures-option-chains/ES/nested")
    check("E-FUTURES-CHAIN-NESTED", nested, but={"threshold"})
    flat = rows(desk.get("/futures-option-chains/ES"))
    expirations = [each for chain in nested["data"]["option-chains"] for each in chain["expirations"]]
    names = {strike[right] for each in expirations for strike in each["strikes"] for right in ("call", "put")}
    assert {row["symbol"] for row in flat} == names
    futures = {row["symbol"] for row in nested["data"]["futures"]}
    assert {each["underlying-symbol"] for each in expirations} == futures
    assert all({"streamer-symbol", "security-id"} <= row.keys() for row in flat)
    option = flat[0]
    answer = desk.get(f"/instruments/future-options/{option['symbol'].replace('/', '%2F')}")
    check("E-FUTURE-OPTION", answer)
    assert answer["data"] == option
    point = Decimal(option["notional-value"]) / Decimal(option["display-factor"])
    assert point == Decimal(
        desk.get("/instruments/futures/" + option["underlying-symbol"])["data"]["notional-multiplier"]
    )
    streamed = desk.sim.inside(lambda world: find_streamed(world.market, option["streamer-symbol"]))
    spelled = desk.sim.inside(lambda world: listed(world.market, option["symbol"]))
    assert spelled is not None
    assert streamed == spelled.instrument


def test_options_on_futures_listed_lately_may_have_no_streamer_symbol_yet(desk: Desk) -> None:
    everything = len(rows(desk.get("/futures-option-chains/ES")))
    desk.sim.faults(late_streamer_symbols=True)
    flat = rows(desk.get("/futures-option-chains/ES"))
    late = [row for row in flat if "streamer-symbol" not in row]
    assert len(flat) == everything
    assert 0 < len(late) < len(flat) / 2
    assert {row["expiration-date"] for row in late} == {max(row["expiration-date"] for row in flat)}
    nested = desk.get("/futures-option-chains/ES/nested")["data"]["option-chains"]
    strikes = [strike for chain in nested for each in chain["expirations"] for strike in each["strikes"]]
    assert {strike["call"] for strike in strikes if "call-streamer-symbol" not in strike} <= {
        row["symbol"] for row in late
    }
    alone = desk.get(f"/instruments/future-options/{late[0]['symbol'].replace('/', '%2F')}")["data"]
    assert alone == late[0]
    desk.call("GET", "/futures-option-chains/NOSUCH/nested", 404)
    desk.call("GET", "/instruments/future-options/NOSUCH", 404)


def test_crypto_pairs_are_read(desk: Desk) -> None:
    check("E-CRYPTO", desk.get("/instruments/cryptocurrencies/BTC%2FUSD"))
    everything = rows(desk.get("/instruments/cryptocurrencies"))
    assert {"BTC/USD", "ETH/USD"} <= {row["symbol"] for row in everything}
    some = desk.get("/instruments/cryptocurrencies", **{"symbol[]": ["ETH/USD"]})
    assert [row["symbol"] for row in rows(some)] == ["ETH/USD"]
    desk.call("GET", "/instruments/cryptocurrencies/AAPL", 404)


def test_equities_are_chosen_by_kind_and_paged(desk: Desk) -> None:
    everything = rows(desk.get("/instruments/equities"))
    for name, key in (("is-etf", "is-etf"), ("is-index", "is-index")):
        found = rows(desk.get("/instruments/equities", **{name: "true"}))
        assert found == [row for row in everything if row[key]] != []
    for lendability in {row["lendability"] for row in everything}:
        found = rows(desk.get("/instruments/equities/active", lendability=lendability))
        assert found == [row for row in everything if row["lendability"] == lendability]
    page = desk.get("/instruments/equities", **{"per-page": 7, "page-offset": 1})
    assert rows(page) == everything[7:14]
    assert page["pagination"]["total-items"] == len(everything)


def test_what_is_not_traded_here_is_an_empty_list(desk: Desk) -> None:
    assert rows(desk.get("/instruments/warrants")) == []
    desk.call("GET", "/instruments/warrants/NEPTW", 404)
    pairs = rows(desk.get("/instruments/currency-pairs"))
    assert all(row.keys() == {"id", "symbol", "instrument-type", "description", "dx-symbol"} for row in pairs)
    check("E-QTY-PRECISION", desk.get("/instruments/quantity-decimal-precisions"), but={"symbol"})


def test_instruments_are_found_by_words(desk: Desk) -> None:
    answer = desk.get("/instruments/search", query="crude")
    check("E-INSTRUMENT-SEARCH", answer, but={"stops-trading-at"})
    months = rows(desk.get("/instruments/search", query="CL", type="Future", limit=3))
    assert len(months) == 3
    assert {row["instrument-type"] for row in months} == {"Future"}
    later = (datetime.fromisoformat(months[0]["stops-trading-at"]) + timedelta(days=1)).date().isoformat()
    assert months[0] not in rows(desk.get("/instruments/search", query="CL", **{"from-date": later}))
    assert rows(desk.get("/instruments/search", query="CL", exchange="XNAS", type="Future")) == []
    desk.call("GET", "/instruments/search", 400)
    found = rows(desk.get("/symbols/search/AAP"))
    assert found[0]["symbol"] == "AAPL"
    assert desk.get("/symbols/search/zzzzzz")["data"]["items"] == []


# Chains


def test_spx_has_two_roots_that_settle_differently(desk: Desk) -> None:
    groups = {row["root-symbol"]: row for row in rows(desk.get("/option-chains/SPX/nested"))}
    assert groups.keys() == {"SPX", "SPXW"}
    settled = {root: {each["settlement-type"] for each in group["expirations"]} for root, group in groups.items()}
    assert settled == {"SPX": {"AM"}, "SPXW": {"PM"}}
    morning = groups["SPX"]["expirations"][0]["strikes"][0]["call"]
    body = desk.get(f"/instruments/equity-options/{morning}")["data"]
    assert body["exercise-style"] == "European"
    assert body["stops-trading-at"] < body["expires-at"]


def test_an_adjusted_root_says_what_it_delivers(desk: Desk) -> None:
    groups = rows(desk.get("/option-chains/T/nested"))
    odd = [row for row in groups if row["option-chain-type"] == "Non-standard"]
    assert odd
    assert {each["deliverable-type"] for each in odd[0]["deliverables"]} == {"Shares", "Cash"}
    assert odd[0]["root-symbol"] != odd[0]["underlying-symbol"]
    option = odd[0]["expirations"][0]["strikes"][0]["call"]
    assert desk.get(f"/instruments/equity-options/{option}")["data"]["option-chain-type"] == "Non-standard"


# Last, for the clock jumps and every token ends


def test_a_long_chain_is_made_once_a_day(fresh: Desk) -> None:
    def kept(world: World) -> set[tuple[str, str]]:
        return set(daily.KEPT[world.market][1])

    first = fresh.get("/option-chains/SPX/nested")
    before = fresh.sim.inside(kept)
    assert fresh.get("/option-chains/SPX/nested") == first
    assert fresh.sim.inside(kept) == before
    fresh.sim.clock(jump=86_400)
    fresh.session.headers["Authorization"] = f"Bearer {fresh.sim.token(fresh.grant)}"
    later = fresh.get("/option-chains/SPX/nested")
    day = {each["expiration-date"]: each["days-to-expiration"] for row in rows(first) for each in row["expirations"]}
    after = {each["expiration-date"]: each["days-to-expiration"] for row in rows(later) for each in row["expirations"]}
    shared = day.keys() & after.keys()
    assert shared
    assert all(after[each] == day[each] - 1 for each in shared)
