"""The pay-off curve as lines in a box of fixed size, for an inline drawing. Pure geometry: no colours, no words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trading.analytics import CurvePoint

WIDTH, HEIGHT = 600, 220
PAD = 14


@dataclass(frozen=True, slots=True)
class Chart:
    """``at_expiry``, ``today``: points of lines. ``zero``: the height of no profit. ``gain``, ``loss``: areas between
    the expiry line and zero. ``marks``: (x, what) of prices to mark."""

    width: int
    height: int
    at_expiry: str
    today: str
    zero: float
    gain: str
    loss: str
    marks: tuple[tuple[float, str], ...]
    lowest_price: float
    highest_price: float


def draw(curve: Sequence[CurvePoint], marks: Sequence[tuple[float, str]] = ()) -> Chart | None:
    """None where there is nothing to draw."""
    values = [value for point in curve for value in (point.at_expiry, point.today) if value is not None]
    if len(curve) < 2 or not values:
        return None
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    first, last = curve[0].price, curve[-1].price

    def across(price: float) -> float:
        return round(PAD + (price - first) / (last - first) * (WIDTH - 2 * PAD), 1)

    def up(value: float) -> float:
        return round(HEIGHT - PAD - (value - low) / span * (HEIGHT - 2 * PAD), 1)

    ends = [(across(point.price), point.at_expiry) for point in curve if point.at_expiry is not None]
    now = [(across(point.price), up(point.today)) for point in curve if point.today is not None]
    return Chart(
        WIDTH,
        HEIGHT,
        _line([(x, up(value)) for x, value in ends]),
        _line(now),
        up(0.0),
        _area(ends, up, 1),
        _area(ends, up, -1),
        tuple((across(price), what) for price, what in marks if first <= price <= last),
        first,
        last,
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _area(ends: Sequence[tuple[float, float]], up: Callable[[float], float], side: int) -> str:
    """What lies between the line and zero on one side of it."""
    if not ends:
        return ""
    body = [(x, up(max(value * side, 0.0) * side)) for x, value in ends]
    return _line([(ends[0][0], up(0.0)), *body, (ends[-1][0], up(0.0))])
