"""Market hours, metrics and watchlists: the codecs fed by hand, and the port against the simulator."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from market_answers import a_future
from simulator_server import SimulatorServer

from brokers import transport
from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Other, parse_instrument
from brokers.domain.market import MarketState, SessionKind, Watchlist
from brokers.errors import OutcomeUnknown, Refused
from brokers.tastytrade.candles import candle_symbol
from brokers.tastytrade.codec import hours, metrics, watchlists
from brokers.tastytrade.codec.future_chains import read_future_chain
from brokers.wire import Node

from .test_against_simulator import Desk

AAPL, SPY, ES = Equity("AAPL"), Equity("SPY"), Future("ES", 2026, 12)
UTC = timezone.utc
TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture
def desk(sim: SimulatorServer) -> Iterator[Desk]:
    sim.reset()
    yield Desk(sim)
    sim.faults(clear=True)


# --- hours --------------------------------------------------------------------------------------------------------

DAYS = {"Equity": hours.Days(frozenset({date(2026, 11, 26)}), frozenset({date(2026, 11, 27)}))}


def moment(text: str) -> str:
    return f"2026-11-{text}:00.000+00:00"


def a_day(number: int, close: str = "21:00", late: str = "01:00") -> dict[str, Any]:
    times = {"start-at": moment(f"{number}T13:15"), "open-at": moment(f"{number}T14:30")}
    after = number if late > close else number + 1
    return times | {"close-at": moment(f"{number}T{close}"), "close-at-ext": moment(f"{after}T{late}")}


def told(state: str, now: str, top: dict[str, Any], following: dict[str, Any] | None = None) -> Any:
    item = {"instrument-collection": "Equity", "state": state, **top}
    if following is not None:
        item["next-session"] = following
    at = datetime.fromisoformat(moment(now))
    (status,) = hours.read_sessions(Node({"data": {"items": [item]}}, ""), DAYS, at)
    return status


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Open", MarketState.OPEN),
        ("Closed", MarketState.CLOSED),
        ("Pre-market", MarketState.PRE),
        ("Extended", MarketState.POST),
        ("Half-Asleep", MarketState.UNKNOWN),
    ],
)
def test_a_state_is_the_brokers_and_one_that_is_not_known_is_not_guessed(word: str, state: MarketState) -> None:
    assert told(word, "20T21:30", a_day(20), a_day(23)).state is state


def test_extended_hours_before_the_open_are_those_before_it() -> None:
    assert told("Extended", "20T13:30", a_day(20)).state is MarketState.PRE


def test_a_closed_markets_next_session_counts_once() -> None:
    status = told("Closed", "21T12:00", a_day(23), a_day(23))
    assert [each.kind for each in status.sessions] == list(SessionKind)
    assert status.next_change_at == status.sessions[0].opens_at


def test_parts_of_a_day_without_length_are_left_out() -> None:
    top = a_day(20) | {"start-at": moment("20T14:30"), "close-at-ext": moment("20T21:00")}
    status = told("Open", "20T15:00", top)
    assert [each.kind for each in status.sessions] == [SessionKind.REGULAR]
    assert status.next_change_at == datetime(2026, 11, 20, 21, tzinfo=UTC)


def test_after_the_last_session_told_nothing_is_made_up() -> None:
    assert told("Closed", "24T12:00", a_day(20), a_day(23)).next_change_at is None


def test_a_holiday_and_a_half_day_are_told_by_new_yorks_date() -> None:
    late = told("Closed", "27T04:59", a_day(27, "18:00", "22:00"))
    assert (late.holiday, late.early_close) == ("Thanksgiving Day", False)
    early = told("Closed", "27T05:00", a_day(27, "18:00", "22:00"))
    assert (early.holiday, early.early_close) == ("", True)


def test_the_simulators_markets_are_told(desk: Desk) -> None:
    found = {each.exchange: each for each in desk.broker.get_market_status()}
    assert set(found) == {"Equity", "CME", "CFE"}
    for status in found.values():
        assert status.state in set(MarketState) - {MarketState.UNKNOWN}
        edges = [(each.opens_at, each.closes_at) for each in status.sessions]
        assert edges == sorted(edges)
        assert status.next_change_at is not None
        assert status.next_change_at > status.at


# --- metrics ------------------------------------------------------------------------------------------------------


def one_metrics(**item: Any) -> Any:
    node = Node(
        {"data": {"items": [{"symbol": "AAPL", **{key.replace("_", "-"): value for key, value in item.items()}}]}}, ""
    )
    return metrics.read_metrics(node, [AAPL])[AAPL]


def test_what_is_not_told_is_unknown_and_a_zero_stays_one() -> None:
    bare = one_metrics()
    names = ("iv_index", "iv_rank", "iv_percentile", "hv30", "beta", "earnings_date", "dividend_amount", "market_cap")
    assert [getattr(bare, name) for name in names] == [None] * len(names)
    assert dict(bare.expiration_ivs) == {}
    zero = one_metrics(implied_volatility_index_rank="0.0", beta="0", historical_volatility_30_day="0.0", market_cap=0)
    assert (zero.iv_rank, zero.beta, zero.hv30) == (0, 0, 0)
    assert zero.market_cap is None


def test_the_time_of_a_report_is_told_and_one_that_is_hidden_is_not() -> None:
    report = {"expected-report-date": "2027-01-28", "visible": True, "time-of-day": "AMC"}
    found = one_metrics(earnings=report)
    assert (found.earnings_date, found.earnings_time) == (date(2027, 1, 28), "after")
    assert one_metrics(earnings=report | {"time-of-day": "BTO"}).earnings_time == "before"
    assert one_metrics(earnings=report | {"time-of-day": "noon"}).earnings_time == ""
    assert one_metrics(earnings=report | {"visible": False}).earnings_date is None


def test_of_a_day_with_several_expirations_the_standard_one_of_the_evening_counts() -> None:
    def row(kind: str, settles: str, volatility: str) -> dict[str, str]:
        return {
            "expiration-date": "2026-12-18",
            "option-chain-type": kind,
            "settlement-type": settles,
            "implied-volatility": volatility,
        }

    rows = [row("Non-standard", "PM", "0.9"), row("Standard", "AM", "0.2"), row("Standard", "PM", "0.25")]
    for order in (rows, rows[::-1]):
        found = one_metrics(option_expiration_implied_volatilities=order)
        assert found.expiration_ivs == {date(2026, 12, 18): Decimal("0.25")}


def test_only_shares_and_indexes_are_asked_about_a_hundred_at_a_time() -> None:
    many: list[Instrument] = [Equity(f"A{letter}{other}") for letter in "ABCDEFGHIJKL" for other in "ABCDEFGHIJ"]
    asked = list(metrics.metrics_requests([*many, ES, Crypto("BTC", "USD"), Index("SPX"), Equity("BRK.B")]))
    assert [len(group) for _, group in asked] == [100, 22]
    assert asked[1][0].params[0][1].endswith("SPX,BRK/B")
    assert list(metrics.metrics_requests([ES])) == []


def test_the_simulators_metrics_are_told(desk: Desk) -> None:
    found = desk.broker.get_metrics([AAPL, Index("SPX"), Equity("NOSUCH"), ES])
    assert set(found) == {AAPL, Index("SPX")}
    share = found[AAPL]
    assert share.iv_index is not None
    assert share.hv30 is not None
    assert 0 < share.iv_index < 3
    assert 0 < share.hv30 < 3
    assert share.iv_rank is not None
    assert 0 <= share.iv_rank <= 1
    assert share.expiration_ivs
    assert share.earnings_date is not None
    assert found[Index("SPX")].earnings_date is None


# --- watchlists ---------------------------------------------------------------------------------------------------


def own(desk: Desk) -> dict[str, Watchlist]:
    return {each.name: each for each in desk.broker.get_watchlists() if each.writable}


def test_a_list_is_made_changed_renamed_and_removed(desk: Desk) -> None:
    for kept in own(desk).values():
        desk.broker.delete_watchlist(kept.id)
    wanted = (
        AAPL,
        Index("SPX"),
        ES,
        Crypto("BTC", "USD"),
        parse_instrument("SPY   261218C00600000"),
    )
    made = desk.broker.save_watchlist(Watchlist("", "Mine: a/b c%", wanted))
    assert (made.name, made.instruments, made.writable) == ("Mine: a/b c%", wanted, True)
    assert own(desk) == {made.name: made}
    changed = desk.broker.save_watchlist(Watchlist(made.id, "Others", (SPY, AAPL)))
    assert own(desk) == {"Others": changed}
    assert changed.instruments == (SPY, AAPL)
    desk.broker.delete_watchlist(changed.id)
    assert own(desk) == {}


def test_the_brokers_own_lists_are_read_and_not_changed(desk: Desk) -> None:
    public = [each for each in desk.broker.get_watchlists() if not each.writable]
    assert public
    assert all(each.instruments for each in public)
    desk.sim.faults({"effect": "status", "status": 503, "path": "*"})  # what goes out is met by an outage
    for act in (lambda: desk.broker.save_watchlist(public[0]), lambda: desk.broker.delete_watchlist(public[0].id)):
        with pytest.raises(Refused, match="can be read, not changed"):
            act()


def test_a_name_that_is_taken_is_refused_in_the_brokers_words(desk: Desk) -> None:
    desk.broker.save_watchlist(Watchlist("", "Taken", (AAPL,)))
    with pytest.raises(Refused, match="Taken"):
        desk.broker.save_watchlist(Watchlist("", "Taken", (SPY,)))
    assert own(desk)["Taken"].instruments == (AAPL,)


def test_a_list_that_is_gone_is_refused(desk: Desk) -> None:
    for act in (
        lambda: desk.broker.save_watchlist(Watchlist("own:Nowhere", "Nowhere", (AAPL,))),
        lambda: desk.broker.delete_watchlist("own:Nowhere"),
    ):
        with pytest.raises(Refused):
            act()


def test_a_lost_answer_to_a_change_is_said_to_be_unknown(desk: Desk) -> None:
    desk.sim.faults({"effect": "drop_answer", "method": "POST", "path": "*/watchlists", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.save_watchlist(Watchlist("", "Lost", (AAPL,)))
    assert own(desk)["Lost"].instruments == (AAPL,)


def test_what_the_desk_does_not_know_of_a_list_goes_back_as_it_came() -> None:
    kept = {"symbol": "AAPL", "instrument-type": "Equity", "note": "mine"}
    bond = {"symbol": "912797KX4", "instrument-type": "Bond"}
    before = {"name": "Old", "group-name": "long term", "order-index": 3, "watchlist-entries": [kept, bond]}
    read = watchlists.read_watchlist(Node(before, ""), TODAY, writable=True)
    assert read.instruments == (AAPL, Other("bond", "912797KX4"))
    request = watchlists.replacing(
        Node({"data": before}, ""), "Old", Watchlist(read.id, "New", (SPY, *read.instruments))
    )
    assert request.path == "/watchlists/Old"
    assert request.acts
    assert request.body == {
        "name": "New",
        "group-name": "long term",
        "order-index": 3,
        "watchlist-entries": [{"symbol": "SPY", "instrument-type": "Equity"}, kept, bond],
    }


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_name_that_cannot_be_is_refused_before_anything_is_sent(name: str) -> None:
    with pytest.raises(Refused, match="1 to 100"):
        watchlists.create_request(Watchlist("", name, (AAPL,)))


@pytest.mark.parametrize(
    "symbol", ["AAPL", "BRK.B", "/ESZ26", "BTC/USD", "SPY   261218C00600000", "./ESZ26 EW3Z26 261218P6300"]
)
def test_an_entry_without_its_class_is_told_by_its_spelling(symbol: str) -> None:
    instrument = parse_instrument(symbol)
    (entry,) = watchlists.create_request(Watchlist("", "A", (instrument,))).body["watchlist-entries"]  # type: ignore[index]
    bare = Node({"name": "A", "watchlist-entries": [{"symbol": entry["symbol"]}]}, "")
    assert watchlists.read_watchlist(bare, TODAY, writable=True).instruments == (instrument,)


# --- options on futures -------------------------------------------------------------------------------------------


def test_a_futures_options_are_listed_sized_and_quoted(desk: Desk) -> None:
    future = a_future()
    chain = desk.broker.get_chain(future)
    assert chain.underlying == future
    days = [each.expiry for each in chain.expirations]
    assert len(days) >= 2
    assert days == sorted(days)
    size = desk.broker.get_details(future).multiplier
    for each in chain.expirations:
        assert each.multiplier == size
        assert each.increments.at(Decimal(1)) is not None
        prices = [row.price for row in each.strikes]
        assert prices == sorted(set(prices))
        for row in each.strikes:
            for option in (row.call, row.put):
                assert isinstance(option, FutureOption)
                assert (option.future, option.contract, option.expiry) == (future, each.root, each.expiry)
                assert option.strike == row.price
    middle = chain.expirations[0].strikes[len(chain.expirations[0].strikes) // 2]
    assert middle.call is not None
    assert desk.broker.get_details(middle.call).multiplier == size
    assert middle.call in desk.broker.get_quotes([middle.call])


def test_options_on_another_month_are_left_out() -> None:
    def row(under: str, code: str) -> dict[str, Any]:
        return {
            "underlying-symbol": under,
            "expiration-date": "2026-12-18",
            "expiration-type": "Weekly",
            "notional-value": "0.5",
            "display-factor": "0.01",
            "strikes": [{"strike-price": "6300.0", "call": f".{under} {code} 261218C6300"}],
        }

    listed = {"expirations": [row("/ESH7", "EW3Z6"), row("/ESZ6", "EW3Z6"), row("/ESZ6", "EW4Z6") | {"strikes": []}]}
    node = Node({"data": {"futures": [], "option-chains": [listed]}}, "")
    (found,) = read_future_chain(node, ES, TODAY).expirations
    (strike,) = found.strikes
    assert (found.root, strike.put) == ("EW3Z26", None)
    assert str(strike.call) == "./ESZ26 EW3Z26 261218C6300"


# --- bars ---------------------------------------------------------------------------------------------------------


def test_extended_hours_are_asked_for_by_leaving_the_regular_ones_unsaid() -> None:
    minutes = timedelta(minutes=5)
    assert candle_symbol(AAPL, minutes) == "AAPL{=5m,tho=true}"
    assert candle_symbol(AAPL, minutes, extended=True) == "AAPL{=5m}"
    assert candle_symbol(AAPL, "1d", extended=True) == candle_symbol(AAPL, "1d")
    assert candle_symbol(ES, minutes, extended=True) == candle_symbol(ES, minutes)


def test_a_share_is_not_described_as_an_index(desk: Desk) -> None:
    """The broker files both together: what is asked for as an index could be shown at a share's price."""
    assert desk.broker.get_details(AAPL).tradeable
    assert not desk.broker.get_details(Index("SPX")).tradeable
    with pytest.raises(Refused, match="no index"):
        desk.broker.get_details(Index("AAPL"))
