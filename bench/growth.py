"""What live quotes cost when there are more people, tabs, symbols or ticks: one at a time from the same start, drawn.

The cost is the hub's CPU, without what making the ticks takes. The drawing goes to ``var/growth.svg``, or where
``BENCH_DRAWING`` says. *Linear* in it is a cost that grows as fast as what is counted; the goal is not to be above it.
"""

import math
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import live
from bench.desk_load import Load, run
from bench.live import say

SECONDS = float(os.environ.get("BENCH_GROWTH_SECONDS", "4"))
ROUNDS = max(1, int(os.environ.get("BENCH_GROWTH_ROUNDS", "1")))
DRAWING = Path(os.environ.get("BENCH_DRAWING", "var/growth.svg"))
BASE = Load(people=10, tabs=5, symbols=50, ticks=1000, seconds=SECONDS)
STEPS = {
    "people": (10, 20, 50, 100),
    "tabs": (5, 10, 20, 40),
    "symbols": (50, 100, 200, 400),
    "ticks": (1000, 2000, 4000, 8000),
}
MEANING = {
    "people": "people, each with an upstream of their own",
    "tabs": "tabs of each person",
    "symbols": "symbols of each tab",
    "ticks": "ticks a second in all",
}
GOAL = 1.1
WIDTH, HEIGHT, EDGE = 300, 220, 44


@dataclass(frozen=True)
class Curve:
    """``costs``: percent of a core at each of ``counts``."""

    name: str
    counts: Sequence[int]
    costs: Sequence[float]

    @property
    def power(self) -> float:
        """1 is linear, 0 is no growth: the slope where both axes are logarithmic."""
        across, up = [math.log(count) for count in self.counts], [math.log(cost) for cost in self.costs]
        return statistics.linear_regression(across, up).slope


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        live.prepare(folder, max(STEPS["people"]))
        start = [cost(folder, BASE) for _ in range(ROUNDS)]
        curves = [measure(folder, name, statistics.median(start)) for name in STEPS]
    DRAWING.parent.mkdir(exist_ok=True)
    DRAWING.write_text(draw(curves))
    say({"bench": "growth", "what": "drawing", "says": f"Drawn in {DRAWING}"})


def measure(folder: str, name: str, start: float) -> Curve:
    first, *rest = STEPS[name]
    costs = [statistics.median(cost(folder, replace(BASE, **{name: count})) for _ in range(ROUNDS)) for count in rest]
    curve = Curve(name, (first, *rest), (start, *costs))
    times = curve.costs[-1] / curve.costs[0]
    words = f"{rest[-1] / first:.0f} times the {name} cost {times:.1f} times the CPU: a power of {curve.power:.2f}"
    line = {"bench": "growth", "what": name, "says": f"{words} (1 is linear; goal: {GOAL} or less)", **asdict(curve)}
    say(line | {"power": round(curve.power, 2), "goal": GOAL, "ok": curve.power <= GOAL})
    return curve


def cost(folder: str, load: Load) -> float:
    """Percent of a core that the hub takes."""
    found = run(folder, load)
    share = found["hub_us_per_quote"] / found["cpu_us_per_quote"]
    return round(max(float(found["core_percent"] * share), 0.01), 2)


# The drawing


def draw(curves: Sequence[Curve]) -> str:
    parts = "".join(part for place, curve in enumerate(curves) for part in panel(curve, place))
    size = f'width="{2 * WIDTH}" height="{2 * HEIGHT}" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}"'
    style = "text{font:11px sans-serif;fill:#333}.a{stroke:#999}.l{stroke:#999;stroke-dasharray:4}.c{stroke:#1668b8}"
    style += ".l,.c{fill:none;stroke-width:2}circle{fill:#1668b8}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{parts}</svg>\n'
    )


def panel(curve: Curve, place: int) -> Iterator[str]:
    """Both axes logarithmic; the dashed line is linear growth from the same start."""
    left, top = place % 2 * WIDTH + EDGE, place // 2 * HEIGHT + EDGE // 2
    wide, high = WIDTH - EDGE - 24, HEIGHT - 2 * EDGE
    most = curve.counts[-1] / curve.counts[0]
    lowest = min(1.0, *(one / curve.costs[0] for one in curve.costs))
    highest = max(most, *(one / curve.costs[0] for one in curve.costs))

    def at(times: float, dearer: float) -> tuple[float, float]:
        up = math.log(dearer / lowest) / math.log(highest / lowest)
        return round(left + wide * math.log(times) / math.log(most), 1), round(top + high * (1 - up), 1)

    points = [
        at(count / curve.counts[0], one / curve.costs[0]) for count, one in zip(curve.counts, curve.costs, strict=True)
    ]
    yield f'<path class="a" fill="none" d="M{left},{top}V{top + high}H{left + wide}"/>'
    yield _line("l", [at(1, 1), at(most, most)])
    yield _line("c", points)
    for (x, y), count, one in zip(points, curve.counts, curve.costs, strict=True):
        yield f'<circle cx="{x}" cy="{y}" r="3"/><text x="{x}" y="{y - 7}" text-anchor="middle">{one:.1f} %</text>'
        yield f'<text x="{x}" y="{top + high + 14}" text-anchor="middle">{count:,}</text>'
    title = f"{MEANING[curve.name]} (power {curve.power:.2f})"
    yield f'<text x="{left + wide / 2}" y="{top + high + 29}" text-anchor="middle">{title}</text>'


def _line(kind: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<path class="{kind}" d="M{" L".join(f"{x},{y}" for x, y in points)}"/>'


if __name__ == "__main__":
    main()
