"""Frames between desk and page that get lost without a word: the count shows it, and the page asks for all anew."""

import random
import time

import pytest
from playwright.sync_api import Page, expect

from tests.brokers.live.test_scripts import HERE, Desk, page, site

__all__ = ["page", "site"]
pytestmark = pytest.mark.browser
IS_GAP = 'frame.type === "quotes" && seq !== this.#counts.get(connection) + 1'


def lose(page: Page, desk: Desk, frames: int, share: float) -> list[float]:
    """So many frames go out, a share of them is lost; each time the page shows what is true before it goes on. How long
    that took after the first frame behind a gap, in seconds."""
    dice = random.Random(6)  # noqa: S311
    seq, truth, took = 0, {"bid": "1", "mark": "1"}, []
    desk.quotes(seq, {"SPY": truth}, "snapshot")
    is_behind = False
    for number in range(1, frames + 1):
        seq += 1
        name = dice.choice(("bid", "mark"))
        truth[name] = f"{number}.25"
        if dice.random() < share:
            is_behind = True
            continue
        asked = len(desk.heard)
        desk.quotes(seq, {"SPY": {name: truth[name]}})
        if not is_behind:
            continue
        began = time.monotonic()
        again = desk.until_heard(asked + 1)[-1]
        assert (again["action"], again["connection"]) == ("subscribe", HERE)
        seq += 1
        desk.quotes(seq, {"SPY": truth}, "snapshot")
        shows(page, truth)
        took.append(time.monotonic() - began)
        is_behind = False
    shows(page, truth)
    return took


def shows(page: Page, truth: dict[str, str]) -> None:
    for name, figure in truth.items():
        value = figure if "." in figure else f"{figure}.00"
        expect(page.locator(f"#{name}")).to_have_text(f"{float(value):,.2f}", timeout=20_000)


@pytest.mark.parametrize(
    ("frames", "share"), [(40, 0.1), pytest.param(3000, 0.01, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])]
)
def test_after_each_lost_frame_the_page_shows_what_is_true(page: Page, site: str, frames: int, share: float) -> None:
    desk = Desk(page)
    page.goto(site)
    desk.until_heard(2)
    took = lose(page, desk, frames, share)
    assert len(took) > frames * share / 3
    print(f"{len(took)} gaps in {frames} frames: right again after {max(took):.2f} s at most")


@pytest.mark.nightly
def test_a_page_that_does_not_count_is_noticed(page: Page, site: str) -> None:
    def spoil(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        assert IS_GAP in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(IS_GAP, "false"))  # type: ignore[attr-defined]

    page.route("**/js/live.js", spoil)
    desk = Desk(page)
    page.goto(site)
    desk.until_heard(2)
    with pytest.raises(AssertionError, match="heard only"):
        lose(page, desk, 40, 0.1)
