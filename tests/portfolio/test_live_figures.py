"""The browser values holdings exactly as the desk does: both are given the same portfolios."""

import json
import random
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright._impl._driver import compute_driver_executable
from talking_broker import NOW, a_holding, a_short_put

from brokers.domain.accounts import Position
from brokers.domain.instruments import Future
from brokers.domain.market import Quote
from portfolio.books import _row
from portfolio.valuation import add_up, value

SCRIPT = """
import { readFileSync } from "node:fs";
import { toText } from "./decimal.js";
import { addUp, fairPrice, value } from "./valuation.js";

const { holdings, sums } = JSON.parse(readFileSync(0, "utf8"));
const inText = (figures) => Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, toText(figure)]));
console.log(JSON.stringify({
  holdings: holdings.map(({ data, quote }) => inText(value(data, fairPrice(quote)))),
  sums: sums.map((parts) => addUp(parts)).map(({ amount, missing }) => ({ amount: toText(amount), missing })),
}));
"""
FIGURES = ("mark", "value", "cost", "gain_open", "gain_day")
PRICES = ("bid", "ask", "mark", "last")
chance = random.Random(7)  # noqa: S311


def in_the_browser(tmp_path: Path, cases: dict[str, Any]) -> Any:
    for name in ("decimal.js", "valuation.js"):
        shutil.copy(settings.BASE_DIR / "static/js" / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "script.js").write_text(SCRIPT)
    node = compute_driver_executable()[0]
    done = subprocess.run(
        [node, "script.js"], cwd=tmp_path, input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def some(low: int, high: int) -> Decimal | None:
    """A price, now and then an unknown one."""
    return None if chance.random() < 0.15 else Decimal(chance.randint(low, high)) / 100


def a_case() -> tuple[Position, Quote]:
    base = chance.choice([a_holding(), a_short_put(), a_holding(Future("ES", 2026, 12), multiplier=Decimal(50))])
    position = replace(
        base,
        quantity=Decimal(chance.choice([-3, -1, 0, 1, 25, 1000])),
        average_open_price=some(0, 90000),
        day_open_price=some(0, 90000),
        realized_day=some(-5000, 5000),
        opened_at=None,
        settles_daily=chance.random() < 0.5,
    )
    bid = some(0, 90000)
    ask = None if bid is None else bid + Decimal(chance.randint(-2, 50)) / 100
    return position, Quote(position.instrument, NOW, bid, ask, mark=some(1, 90000), last=some(1, 90000))


def as_text(figure: Decimal | None) -> str | None:
    return None if figure is None else f"{figure:f}"


def test_the_browser_values_what_it_is_given_as_the_desk_does(tmp_path: Path, account: Any) -> None:
    cases = [a_case() for _ in range(500)]
    expected = [value(position, quote, NOW) for position, quote in cases]
    camel = {"quantity": "quantity", "multiplier": "multiplier", "open-price": "openPrice"}
    camel |= {"day-open-price": "dayOpenPrice", "realized-day": "realizedDay", "settles": "settles"}
    holdings = []
    for valued, (_, quote) in zip(expected, cases, strict=True):
        data = {camel[name]: text for name, text in _row(account, valued).data.items() if name in camel}
        holdings.append({"data": data, "quote": {name: as_text(getattr(quote, name)) for name in PRICES}})
    found = in_the_browser(tmp_path, {"holdings": holdings, "sums": []})["holdings"]
    for figures, valued in zip(found, expected, strict=True):
        shown = {name: None if figures[name] is None else Decimal(figures[name]) for name in FIGURES}
        assert shown == {name: getattr(valued, name) for name in FIGURES}
        if valued.gain_open_share is None:
            assert figures["gain_open_share"] is None
        else:
            assert abs(Decimal(figures["gain_open_share"]) - valued.gain_open_share) < Decimal("1E-11")


@pytest.mark.parametrize("parts", [[], ["1.50"], ["1.50", None], [None], ["0.10", "0.20", "-0.30", None, None]])
def test_the_browser_adds_up_as_the_desk_does(tmp_path: Path, parts: list[str | None]) -> None:
    found = in_the_browser(tmp_path, {"holdings": [], "sums": [parts]})["sums"][0]
    expected = add_up(None if part is None else Decimal(part) for part in parts)
    assert found["missing"] == expected.missing
    assert (None if found["amount"] is None else Decimal(found["amount"])) == expected.amount
