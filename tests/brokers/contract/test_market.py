"""Quotes, chains, details and search through the port, at the simulator: the same of every broker."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from any_broker import NOSUCH, SPY, Desk

from brokers.domain.instruments import Future, Index
from brokers.domain.market import Interval
from brokers.errors import Refused

SPX = Index("SPX")


def test_quotes_chains_details_and_search_fit_together(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    days = [each.expiry for each in chain.expirations]
    assert len(days) >= 4
    assert days == sorted(days)
    assert {each.multiplier for each in chain.expirations} == {Decimal(100)}
    call = chain.expirations[0].strikes[len(chain.expirations[0].strikes) // 2].call
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
    assert desk.broker.get_details(SPY).tradeable
    assert any(match.instrument == SPY for match in desk.broker.search("SP"))
    assert desk.broker.search("  ") == []


def test_an_indexs_chain_names_options_that_are_quoted(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPX)
    assert {each.root for each in chain.expirations} <= {"SPX", "SPXW"}
    calls = [each.strikes[len(each.strikes) // 2].call for each in chain.expirations[:40]]
    assert len(desk.broker.get_quotes([call for call in calls if call is not None])) >= len(calls) // 2


def test_more_than_a_hundred_quotes_come_in_one_go(desk: Desk) -> None:
    strikes = [strike for expiration in desk.broker.get_chain(SPY).expirations for strike in expiration.strikes]
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
