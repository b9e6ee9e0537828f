"""Quotes, chains, details and search through the port, at the simulator: the same of every broker."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from any_broker import AAPL, NOSUCH, SPY, Desk, all_brokers, calm
from simulator_server import SimulatorServer

from brokers.domain import hours
from brokers.domain.instruments import Future, Index
from brokers.domain.market import Interval, MarketState, SessionKind, Watchlist
from brokers.errors import OutcomeUnknown, Refused, Unavailable
from brokers.port import Broker

SPX = Index("SPX")


def test_quotes_chains_details_and_search_fit_together(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    days = [each.expiry for each in chain.expirations]
    assert len(days) >= 4
    assert days == sorted(days)
    assert {each.multiplier for each in chain.expirations} == {Decimal(100)}
    (first,) = desk.broker.with_strikes(SPY, chain.expirations[:1])
    prices = [strike.price for strike in first.strikes]
    assert prices == sorted(set(prices))
    call = first.strikes[len(first.strikes) // 2].call
    assert call is not None
    quotes = desk.broker.get_quotes([SPY, call, SPX, NOSUCH])
    assert set(quotes) == {SPY, call, SPX}
    assert all(quote.instrument == instrument for instrument, quote in quotes.items())
    spot, index = quotes[SPY], quotes[SPX]
    assert spot.bid is not None
    assert spot.ask is not None
    assert 0 < spot.bid < spot.ask
    assert quotes[call].ask is not None
    assert (index.bid, index.ask) == (None, None)
    assert index.last
    details = desk.broker.get_details(call)
    assert (details.multiplier, details.underlying) == (100, SPY)
    assert details.increments.at(Decimal(1)) is not None
    assert (first.multiplier, first.increments) == (details.multiplier, details.increments)
    assert desk.broker.get_details(SPY).tradeable
    assert any(match.instrument == SPY for match in desk.broker.search("SP"))
    assert desk.broker.search("  ") == []


def test_an_indexs_chain_names_options_that_are_quoted(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPX)
    assert {each.root for each in chain.expirations} <= {"SPX", "SPXW"}
    listed = desk.broker.with_strikes(SPX, chain.expirations[:8])
    calls = [each.strikes[len(each.strikes) // 2].call for each in listed]
    assert len(desk.broker.get_quotes([call for call in calls if call is not None])) >= len(calls) // 2


def test_more_than_a_hundred_quotes_come_in_one_go(desk: Desk) -> None:
    listed = desk.broker.with_strikes(SPY, desk.broker.get_chain(SPY).expirations[:6])
    strikes = [strike for expiration in listed for strike in expiration.strikes]
    wanted = [option for strike in strikes for option in (strike.call, strike.put) if option is not None][:230]
    assert len(wanted) == 230
    assert set(desk.broker.get_quotes(wanted)) == set(wanted)


def test_an_unknown_instrument_has_no_details_and_no_chain(desk: Desk) -> None:
    for call in (desk.broker.get_details, desk.broker.get_chain):
        with pytest.raises(Refused):
            call(NOSUCH)
    assert desk.broker.get_quotes([NOSUCH]) == {}
    assert desk.broker.get_quotes([]) == {}


def test_a_future_is_sized_by_its_point_value(desk: Desk) -> None:
    future = desk.a_future()
    if Future not in desk.can.classes:
        pytest.skip("no futures at this broker")
    details = desk.broker.get_details(future)
    assert details.multiplier > 1
    assert details.increments.at(Decimal(5000)) is not None
    held = [row for number in desk.accounts for row in desk.broker.get_positions(number) if row.instrument == future]
    assert {row.multiplier for row in held} == {details.multiplier}


@pytest.mark.parametrize(("interval", "back"), [("1d", timedelta(days=20)), (timedelta(minutes=5), timedelta(days=3))])
def test_bars_are_read_in_their_order(desk: Desk, interval: Interval, back: timedelta) -> None:
    now = datetime.now(timezone.utc)
    found = desk.broker.get_bars(SPY, interval, now - back)
    assert len(found) >= 8
    times = [each.at for each in found]
    assert times == sorted(set(times))
    later = timedelta(days=4) if interval == "1d" else timedelta()  # a weekend belongs to the next session
    assert all(now - back - timedelta(days=1) <= at <= now + later for at in times)
    assert all(0 < each.low <= min(each.open, each.close) <= max(each.open, each.close) <= each.high for each in found)
    assert all(each.is_closed for each in found[:-1])


# --- what not every broker has ------------------------------------------------------------------------------------

Ability = tuple[str, Callable[[Broker], object]]
MINE = Watchlist("", "Contract", (AAPL, SPY))
ABILITIES: tuple[Ability, ...] = (
    ("has_market_status", lambda broker: broker.get_market_status()),
    ("has_metrics", lambda broker: broker.get_metrics([AAPL])),
    ("has_watchlists", lambda broker: broker.get_watchlists()),
    ("has_watchlists", lambda broker: broker.save_watchlist(MINE)),
    ("has_watchlists", lambda broker: broker.delete_watchlist("own:Contract")),
)


def test_what_a_broker_says_that_it_has_it_has_and_the_rest_it_refuses_before_anything_is_sent(desk: Desk) -> None:
    """Whatever goes out is met by an outage."""
    desk.broker.get_quotes([SPY])
    desk.sim.faults({"effect": "status", "status": 503, "path": "*"})
    for name, act in ABILITIES:
        outage = (Unavailable, OutcomeUnknown)
        with pytest.raises(outage if getattr(desk.can, name) else Refused) as caught:
            act(desk.broker)
        assert caught.value.message, name
    calm(desk.sim)


def test_hours_metrics_and_lists_are_told_in_the_desks_words(desk: Desk) -> None:
    if desk.can.has_market_status:
        for status in desk.broker.get_market_status():
            assert status.state is not MarketState.UNKNOWN
            assert all(each.opens_at < each.closes_at for each in status.sessions)
            assert SessionKind.REGULAR in {each.kind for each in status.sessions}
    if desk.can.has_metrics:
        (found,) = desk.broker.get_metrics([AAPL, NOSUCH]).values()
        assert found.instrument == AAPL
        for fraction in (found.iv_rank, found.iv_percentile):
            assert fraction is None or 0 <= fraction <= 1
        assert desk.broker.get_metrics([]) == {}
    if desk.can.has_watchlists:
        made = desk.broker.save_watchlist(Watchlist("", "Told", (AAPL, SPY)))
        assert made in desk.broker.get_watchlists()
        changed = desk.broker.save_watchlist(Watchlist(made.id, "Told", (SPY,)))
        assert changed.instruments == (SPY,)
        desk.broker.delete_watchlist(changed.id)
        assert all(each.id != changed.id for each in desk.broker.get_watchlists())


@pytest.fixture(scope="module")
def keeping_hours() -> Iterator[SimulatorServer]:
    """A market that closes at night."""
    with SimulatorServer(always_open=False) as running:
        yield running


@pytest.mark.parametrize("broker", all_brokers())
def test_extended_hours_are_those_before_and_after_the_regular_ones(
    keeping_hours: SimulatorServer, broker: str
) -> None:
    mine = Desk(keeping_hours, broker).broker
    day = hours.next_trading_day((datetime.now(timezone.utc) - timedelta(days=12)).date())
    pre, regular, post = hours.sessions_on(day)
    span = timedelta(minutes=30), pre.opens_at, post.closes_at
    usual = {bar.at for bar in mine.get_bars(SPY, *span)}
    extended = {bar.at for bar in mine.get_bars(SPY, *span, extended=True)}
    assert min(usual) == regular.opens_at
    assert max(usual) < regular.closes_at
    assert usual < extended
    assert min(extended) < regular.opens_at
    assert max(extended) >= regular.closes_at
