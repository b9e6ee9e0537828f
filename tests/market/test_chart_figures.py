"""What the chart's axes and averages say, in the browser's own engine, against plain arithmetic here."""

import json
import math
import random
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from playwright._impl._driver import compute_driver_executable

SCRIPT = """
import { readFileSync } from "node:fs";
import * as scale from "./chart-scale.js";
const calls = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(calls.map(([name, ...given]) => scale[name](...given))));
"""
NEW_YORK = ZoneInfo("America/New_York")


def told(tmp_path: Path, *calls: list[Any]) -> Any:
    shutil.copy(settings.BASE_DIR / "static/js/chart-scale.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "script.js").write_text(SCRIPT)
    node = compute_driver_executable()[0]
    done = subprocess.run(
        [node, "script.js"], cwd=tmp_path, input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_an_average_is_the_mean_of_so_many_closes(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311
    closes = [chance.randint(1000, 20000) / 100 for _ in range(250)]
    bars = [{"close": close} for close in closes]
    for length, found in zip((1, 20, 200), told(tmp_path, *(["average", bars, n] for n in (1, 20, 200))), strict=True):
        assert found[: length - 1] == [None] * (length - 1)
        for index in range(length - 1, len(closes)):
            mean = sum(closes[index - length + 1 : index + 1]) / length
            assert abs(found[index] - mean) < 1e-6


def test_moments_are_new_yorks_over_the_change_of_the_clocks(tmp_path: Path) -> None:
    first = datetime(2026, 10, 30, tzinfo=timezone.utc)
    moments = [first + timedelta(minutes=97 * step) for step in range(80)]
    answers = told(tmp_path, *(["momentOf", round(at.timestamp() * 1000), False] for at in moments))
    for at, found in zip(moments, answers, strict=True):
        there = at.astimezone(NEW_YORK)
        assert (found["day"], found["hour"], found["minute"]) == (str(there.day), f"{there:%H}", f"{there:%M}")
        minutes = there.hour * 60 + there.minute
        assert found["minutes"] == minutes
        assert found["isExtended"] == (not 570 <= minutes < 960)


def test_a_days_bar_is_dated_by_its_own_day(tmp_path: Path) -> None:
    at = datetime(2026, 11, 20, tzinfo=timezone.utc)
    (found,) = told(tmp_path, ["momentOf", round(at.timestamp() * 1000), True])
    assert (found["day"], found["month"], found["isExtended"]) == ("20", "Nov", False)


def test_prices_on_the_axis_are_round_and_within(tmp_path: Path) -> None:
    chance = random.Random(9)  # noqa: S311
    cases = []
    for _ in range(100):
        low = chance.randint(1, 10**6) / 100
        cases.append((low, low + chance.randint(1, 10**5) / 100))
    for (low, high), found in zip(cases, told(tmp_path, *(["roundPrices", *case, 8] for case in cases)), strict=True):
        assert 2 <= len(found) <= 12, (low, high, found)
        assert all(low - 1e-9 <= price <= high + 1e-9 for price in found)
        step = found[1] - found[0]
        mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(mantissa - size) for size in (1, 2, 2.5, 5, 10)) < 1e-6


def test_labels_keep_their_distance_and_the_worthiest_win(tmp_path: Path) -> None:
    candidates = [{"x": 10 * place, "rank": 5 if place % 7 == 0 else 1} for place in range(60)]
    (chosen,) = told(tmp_path, ["spread", candidates, 65])
    places = sorted(one["x"] for one in chosen)
    assert all(after - before >= 65 for before, after in pairwise(places))
    assert sum(one["rank"] == 5 for one in chosen) == 9
