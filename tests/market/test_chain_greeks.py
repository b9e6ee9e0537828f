"""Our own volatilities and Greeks of an expiration: prices made by a model are read back, whatever dividends do."""

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from brokers.domain.instruments import Instrument, Option, Right
from brokers.domain.market import Quote, Strike
from market import smile as chain_greeks
from market.smile import NOTHING, middle, smile
from trading.analytics import black_76, settle_moment

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
EXPIRY = date(2026, 12, 18)
ENDS = settle_moment(EXPIRY)
YEARS = (ENDS - NOW).total_seconds() / (365 * 86400)
SPOT = Decimal(600)
WIDE = Decimal("0.01")


def volatility_at(strike: float) -> float:
    return 0.18 + 0.5 * math.log(strike / 600) ** 2


def strike_at(price: int) -> Strike:
    call, put = (Option("SPY", EXPIRY, right, Decimal(price)) for right in (Right.CALL, Right.PUT))
    return Strike(Decimal(price), call, put)


def market(strikes: list[Strike], forward: float) -> dict[Instrument, Quote]:
    """Quotes as a market with this forward would make them, a cent wide."""
    quotes: dict[Instrument, Quote] = {}
    for strike in strikes:
        level = float(strike.price)
        for option, side in ((strike.call, 1.0), (strike.put, -1.0)):
            assert option is not None
            price = Decimal(str(round(float(black_76(forward, level, YEARS, volatility_at(level), side).price), 6)))
            quotes[option] = Quote(option, NOW, bid=max(price - WIDE, Decimal(0)), ask=price + WIDE)
    return quotes


STRIKES = [strike_at(price) for price in range(560, 645, 5)]


@pytest.mark.parametrize("forward", [600.0, 597.2, 604.9])
def test_volatilities_deltas_and_the_forward_are_read_back_from_prices(forward: float) -> None:
    told = smile(STRIKES, market(STRIKES, forward), SPOT, ENDS, NOW)
    assert told.forward == pytest.approx(forward, abs=0.02)
    for strike in STRIKES:
        level = float(strike.price)
        for option, side in ((strike.call, 1.0), (strike.put, -1.0)):
            assert option is not None
            true = black_76(forward, level, YEARS, volatility_at(level), side)
            found = told.options[option]
            assert found.volatility == pytest.approx(volatility_at(level), abs=0.002)
            assert found.delta == pytest.approx(float(true.delta), abs=0.005)
            assert found.theta == pytest.approx(float(true.theta), rel=0.02)
            assert found.vega == pytest.approx(float(true.vega), rel=0.02)


def test_taking_the_price_for_the_forward_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: with a dividend before expiry the deltas of such a desk are wrong by more than is allowed above."""
    monkeypatch.setattr(chain_greeks, "forward_of", lambda strikes, calls, puts, spot: spot)
    told = smile(STRIKES, market(STRIKES, 597.2), SPOT, ENDS, NOW)
    option = strike_at(600).call
    assert option is not None
    true = black_76(597.2, 600.0, YEARS, volatility_at(600.0), 1.0)
    assert abs(told.options[option].delta - float(true.delta)) > 0.005


def test_the_expected_move_is_one_standard_deviation() -> None:
    told = smile(STRIKES, market(STRIKES, 600.0), SPOT, ENDS, NOW)
    assert told.move is not None
    assert float(told.move) == pytest.approx(600 * 0.18 * math.sqrt(YEARS), rel=0.01)


def test_what_prices_do_not_tell_is_unknown_and_not_nothing() -> None:
    quotes = market(STRIKES, 600.0)
    silent = STRIKES[3]
    told = smile(
        STRIKES, {one: quote for one, quote in quotes.items() if one not in (silent.call, silent.put)}, SPOT, ENDS, NOW
    )
    assert silent.call not in told.options
    assert STRIKES[4].call in told.options


@pytest.mark.parametrize(
    ("strikes", "spot", "now"),
    [([], SPOT, NOW), (STRIKES, None, NOW), (STRIKES, Decimal(0), NOW), (STRIKES, SPOT, ENDS + timedelta(seconds=1))],
)
def test_without_strikes_a_price_or_time_nothing_is_told(
    strikes: list[Strike], spot: Decimal | None, now: datetime
) -> None:
    assert smile(strikes, market(STRIKES, 600.0), spot, ENDS, now) == NOTHING


def test_without_any_quote_all_is_unknown() -> None:
    nothing: Mapping[Instrument, Quote] = {}
    told = smile(STRIKES, nothing, SPOT, ENDS, NOW)
    assert (told.volatility, told.move, dict(told.options)) == (None, None, {})


@pytest.mark.parametrize(
    ("bid", "ask", "known"),
    [
        ("1", "1.10", True),
        ("0", "0.05", True),
        (None, "1", False),
        ("1", None, False),
        ("2", "1", False),
        ("0", "0", False),
    ],
)
def test_only_a_two_sided_market_has_a_middle(bid: str | None, ask: str | None, known: bool) -> None:
    quote = Quote(
        Option("SPY", EXPIRY, Right.CALL, Decimal(600)),
        NOW,
        bid=Decimal(bid) if bid is not None else None,
        ask=Decimal(ask) if ask is not None else None,
        last=Decimal(5),
    )
    assert (middle(quote) is not None) is known
