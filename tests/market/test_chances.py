"""How likely an option expires in the money: read back from prices that a known distribution has made."""

from decimal import Decimal

import numpy as np
import pytest

from market.chain.board import VIEWS, board, figure_text
from market.smile import smile
from tests.market.test_chain_board import TENS, scene
from tests.market.test_chain_greeks import ENDS, NOW, SPOT, STRIKES, YEARS, market, volatility_at


def simulated(strike: float, forward: float) -> float:
    """The share of a million ends above the strike, of a price that moves by the strike's own volatility."""
    volatility = volatility_at(strike)
    steps = np.random.default_rng(4).standard_normal(1_000_000)
    ends = forward * np.exp(volatility * YEARS**0.5 * steps - volatility**2 * YEARS / 2)
    return float(np.mean(ends > strike))


@pytest.mark.parametrize("forward", [600.0, 604.9])
def test_the_chance_is_that_of_the_prices_distribution(forward: float) -> None:
    told = smile(STRIKES, market(STRIKES, forward), SPOT, ENDS, NOW)
    for strike in STRIKES[::4]:
        assert strike.call is not None
        assert strike.put is not None
        above, below = told.options[strike.call].in_money, told.options[strike.put].in_money
        assert above is not None
        assert below is not None
        assert above == pytest.approx(simulated(float(strike.price), forward), abs=0.01)
        assert above + below == pytest.approx(1, abs=1e-6)


def test_delta_is_not_that_chance() -> None:
    """The twin: far from expiry or with much volatility who takes delta for it is off by more than is allowed above."""
    told = smile(STRIKES, market(STRIKES, 600.0), SPOT, ENDS, NOW)
    found = [told.options[strike.call] for strike in STRIKES if strike.call is not None]
    assert max(abs(each.delta - (each.in_money or 0)) for each in found) > 0.01


def test_the_column_is_an_estimate_in_whole_percent_and_unknown_without_one() -> None:
    assert VIEWS["chances"][1] == "in_money"
    assert [figure_text("in_money", each) for each in (Decimal("0.345"), Decimal("0.004"), None)] == ["35", "0", "—"]
    told = smile(STRIKES, market(STRIKES, 600.0), SPOT, ENDS, NOW)
    rows = board(TENS.strikes, scene(view="chances", told=told))
    cells = {row.strike: row.call.cells[1] for row in (*rows.below, *rows.above) if row.call is not None}
    known = [cell for cell in cells.values() if cell.text != "—"]
    assert known
    assert all(cell.is_estimate for cell in known)
    assert (cells[Decimal(500)].text, cells[Decimal(500)].is_estimate) == ("—", False)
    assert rows.has_estimates
