"""What hands do to the chart, in a real browser: keys, wheel, pointer; and what it says in words."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.brokers.live.test_scripts import page, site

__all__ = ["page", "site"]
pytestmark = pytest.mark.browser
DAY = 86_400_000
BARS = 300
HTML = """<!doctype html><title>t</title><link rel="icon" href="data:,">
<section id="panel"><p id="chart-legend"></p><p id="chart-told"></p>
<div><canvas tabindex="0"></canvas></div></section>"""
MAKE = """async (bars) => {
  const { Chart } = await import("/js/chart.js");
  const { ChartWords } = await import("/js/chart-words.js");
  const canvas = document.querySelector("canvas");
  Object.assign(canvas.style, { width: "800px", height: "300px", display: "block" });
  window.hovered = []; window.earlier = 0;
  window.chart = new Chart(canvas, {
    onHover: (bar, byKey) => hovered.push([bar?.close ?? null, byKey]), onEarlier: () => (earlier += 1) });
  window.words = new ChartWords(document.getElementById("panel"), chart);
  chart.setBars(bars, { isDaily: true });
}"""


def bar(number: int) -> dict[str, Any]:
    close = 100 + number
    figures = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close, "volume": 1000 * number}
    return {"at": DAY * (20_000 + number), **figures, "text": {name: f"{value}.00" for name, value in figures.items()}}


@pytest.fixture
def drawn(page: Page, site: str) -> Page:
    page.route("**/chart", lambda route: route.fulfill(body=HTML, content_type="text/html; charset=utf-8"))
    page.goto(f"{site}/chart")
    page.evaluate(MAKE, [bar(number) for number in range(BARS)])
    return page


def state(page: Page) -> dict[str, Any]:
    told: str = page.evaluate("JSON.stringify({count: chart.count, pitch: chart.pitch, left: chart.indexAt(0)})")
    found: dict[str, Any] = json.loads(told)
    return found


def test_arrow_keys_step_through_the_bars_and_shift_moves_the_chart(drawn: Page) -> None:
    drawn.locator("canvas").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "Home"):
        drawn.keyboard.press(key)
    assert drawn.evaluate("hovered") == [[399, True], [398, True], [399, True], [100, True]]
    drawn.keyboard.press("Escape")
    assert drawn.evaluate("hovered.at(-1)") == [None, False]
    drawn.keyboard.press("End")
    before = state(drawn)
    drawn.keyboard.press("Shift+ArrowLeft")
    assert state(drawn)["left"] < before["left"]
    drawn.keyboard.press("+")
    assert state(drawn)["count"] < before["count"]
    for _ in range(40):
        drawn.keyboard.press("Shift+ArrowLeft")
    assert drawn.evaluate("earlier") > 0


def test_wheel_and_pointer_move_it_when_it_was_chosen(drawn: Page) -> None:
    canvas = drawn.locator("canvas")
    canvas.hover(position={"x": 200, "y": 100})
    assert drawn.evaluate("hovered.at(-1)[0]") == 100 + drawn.evaluate("chart.indexAt(200)")
    before = state(drawn)
    drawn.mouse.wheel(0, 300)  # the page's, for the chart was not chosen
    assert state(drawn)["count"] == before["count"]
    canvas.focus()
    drawn.mouse.wheel(0, -300)
    drawn.wait_for_function("count => chart.count < count", arg=before["count"])
    zoomed = state(drawn)
    drawn.mouse.down()
    drawn.mouse.move(500, 100, steps=5)
    drawn.mouse.up()
    assert state(drawn)["left"] < zoomed["left"]


def test_the_words_tell_a_bar_its_averages_and_what_was_done_in_it(drawn: Page) -> None:
    drawn.evaluate("""() => {
      chart.set({ averages: [20] });
      words.fills = [{ at: chart.bars[250].at, side: "buy", words: "Bought 5" }];
      words.show(chart.bars[250], true);
      words.tell(chart.bars[250]);
    }""")
    legend = drawn.locator("#chart-legend").inner_text()
    for part in ("O 349.00", "H 352.00", "L 348.00", "C 350.00", "MA 20 340.50", "▲ Bought 5"):
        assert part in legend
    drawn.evaluate("""() => {
      chart.setBars(chart.bars.map((bar) => ({ ...bar, close: bar.close + 9000 })), { isDaily: true });
      words.show(chart.bars[250]);
    }""")
    assert "MA 20 9,340.50" in drawn.locator("#chart-legend").inner_text()
    told = drawn.locator("#chart-told").inner_text()
    assert "open 349.00, high 352.00, low 348.00, close 350.00, volume 250,000" in told
    assert told.endswith(". Bought 5")


LEVELS = """() => {
  const told = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (String(text).includes("@")) told.push({ text, x, y, right: x + this.measureText(text).width });
    fillText.call(this, text, x, y);
  };
  const close = chart.bars.at(-1).close;
  const level = (words, price) => ({ words: `@${words}`, price, text: price.toFixed(2) });
  const orders = [level("one", close - 0.5), level("two", close - 40)];
  chart.set({ marks: { fills: [], orders, cost: level("cost", close) } });
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(told))));
}"""


def test_levels_near_each_other_are_told_side_by_side_with_their_prices(drawn: Page) -> None:
    """The tags on the axis cover each other: a price that stands only there could not be read."""
    cost, one, two = drawn.evaluate(LEVELS)
    assert (cost["text"], one["text"], two["text"]) == ("@cost 399.00", "@one 398.50", "@two 359.00")
    assert one["x"] > cost["right"]
    assert abs(one["y"] - cost["y"]) < 18 < abs(two["y"] - cost["y"])
    assert two["x"] == cost["x"]
