"""A whole chain at once against one option after the other: implied volatility and Greeks of 20,000 options."""

import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.machine import pin
from trading.analytics import black_scholes, implied_volatility

OPTIONS = 20_000
ONE_BY_ONE = 2_000  # of them, for the loop is slow; its time is scaled up
RUNS = 5
SPOT, RATE = 600.0, 0.04
GOAL_MS, GOAL_RATIO = 50, 20


def main() -> None:
    pin(1)
    strikes = np.linspace(400.0, 800.0, OPTIONS)
    years = np.where(np.arange(OPTIONS) % 2, 0.08, 0.5)
    side = np.where(strikes < SPOT, -1.0, 1.0)
    smile = 0.18 + 0.4 * np.log(strikes / SPOT) ** 2
    prices = black_scholes(SPOT, strikes, years, smile, side, RATE).price

    def at_once() -> Any:
        found = implied_volatility(prices, SPOT, strikes, years, side, RATE)
        return found, black_scholes(SPOT, strikes, years, found, side, RATE)

    rows = list(zip(prices.tolist(), strikes.tolist(), years.tolist(), side.tolist(), strict=True))
    some = rows[:: OPTIONS // ONE_BY_ONE]

    def one_by_one() -> Any:
        return [greeks(strike, left, solve(price, strike, left, way), way) for price, strike, left, way in some]

    together = timed(at_once)
    apart = timed(one_by_one) * OPTIONS / len(some)
    off = float(np.nanmax(np.abs(at_once()[0] - smile)[prices > 1e-3]))
    figures = {
        "options": OPTIONS,
        "milliseconds": round(together * 1000, 1),
        "loop_milliseconds": round(apart * 1000, 1),
    }
    ratio = round(apart / together, 1)
    words = (
        f"{OPTIONS:,} options: volatility and Greeks within {figures['milliseconds']} ms (goal: {GOAL_MS}), "
        f"{ratio} times as fast as one after the other (goal: {GOAL_RATIO})"
    )
    line = {"bench": "options", "says": words, **figures, "ratio": ratio, "largest_error": off}
    goals = {"goal_ms": GOAL_MS, "goal_ratio": GOAL_RATIO}
    print(json.dumps(line | goals | {"ok": figures["milliseconds"] <= GOAL_MS and ratio >= GOAL_RATIO}), flush=True)


def timed(act: Callable[[], Any]) -> float:
    """Seconds of CPU, the middle one of some runs."""
    took = []
    for _ in range(RUNS):
        started = time.process_time()
        act()
        took.append(time.process_time() - started)
    return statistics.median(took)


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def model(strike: float, years: float, volatility: float, side: float) -> tuple[float, float, float]:
    """Price, the upper point, and the discounted density there: the same formula for one option."""
    spread = volatility * math.sqrt(years)
    upper = (math.log(SPOT / strike) + RATE * years) / spread + spread / 2
    dense = math.exp(-upper * upper / 2) / math.sqrt(2 * math.pi)
    later = strike * math.exp(-RATE * years) * normal(side * (upper - spread))
    return side * (SPOT * normal(side * upper) - later), upper, dense


def solve(price: float, strike: float, years: float, side: float) -> float:
    """Newton's method from the point of inflection, as the array does it."""
    guess = max(math.sqrt(2 * abs(math.log(SPOT / strike) + RATE * years) / years), 0.05)
    low, high = 1e-4, 20.0
    for _ in range(64):
        found, _, dense = model(strike, years, guess, side)
        low, high = (low, guess) if found > price else (guess, high)
        slope = SPOT * dense * math.sqrt(years)
        following = guess - (found - price) / slope if slope else 0.0
        following = following if low < following < high else (low + high) / 2
        if abs(following - guess) <= 1e-9 * guess:
            return following
        guess = following
    return guess


def greeks(strike: float, years: float, volatility: float, side: float) -> tuple[float, ...]:
    price, upper, dense = model(strike, years, volatility, side)
    root = math.sqrt(years)
    later = strike * math.exp(-RATE * years) * normal(side * (upper - volatility * root))
    theta = -SPOT * dense * volatility / (2 * root) - side * RATE * later
    return (
        price,
        side * normal(side * upper),
        dense / (SPOT * volatility * root),
        theta / 365,
        SPOT * dense * root / 100,
    )


if __name__ == "__main__":
    main()
