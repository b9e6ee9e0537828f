"""While a broker is away the badge stops saying "Live" at once, no frame says so, and old figures look old."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from desk_members import Member
from desk_process import DeskProcess
from desk_visits import expect_badge
from playwright.sync_api import Browser, Page, WebSocket, expect

WITHIN = 3.0
"""Seconds from the last price to the first word that it is not live."""
PROBE = """
() => {
  window.probes = [];
  setInterval(() => {
    const cells = document.querySelectorAll("[data-row] [data-stale], [data-row][data-stale]");
    window.probes.push({
      at: Date.now() / 1000,
      state: document.getElementById("stream-badge").dataset.state,
      stale: cells.length,
    });
  }, 100);
}
"""


class Recorder:
    """What came over the page's websockets, with the time."""

    def __init__(self, page: Page) -> None:
        self.frames: list[tuple[float, dict[str, Any]]] = []
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self.frames.append((time.time(), json.loads(payload))))

    def quotes(self) -> list[float]:
        return [at for at, frame in self.frames if frame["type"] == "quotes"]

    def live_said(self, since: float) -> list[float]:
        told = [(at, frame) for at, frame in self.frames if frame["type"] == "status" and at > since]
        return [at for at, frame in told if frame["source"] == "quotes" and frame["state"] == "live"]


@pytest.fixture
def trader(browser: Browser, demo: Member) -> Iterator[Page]:
    with demo.at(browser) as page:
        yield page


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_nothing_is_called_live_while_the_broker_is_away(desk: DeskProcess, trader: Page) -> None:
    recorder = Recorder(trader)
    trader.goto(f"{desk.url}/portfolio/positions")
    expect_badge(trader, "live")
    trader.evaluate(PROBE)
    trader.wait_for_timeout(2000)
    assert recorder.quotes(), "prices move"
    desk.kill_simulator()
    killed = time.time()
    try:
        expect(trader.locator("#stream-badge")).to_have_attribute("data-state", re.compile("reconnecting|stale"))
        trader.wait_for_timeout(20_000)
        probes = trader.evaluate("window.probes")
        last = max(recorder.quotes())
        dark = [each for each in probes if each["at"] > last]
        first = next(each["at"] for each in dark if each["state"] != "live")
        aged = next((each["at"] for each in dark if each["stale"]), None)
        print(f"last price to the badge: {first - last:.2f} s, to the first dimmed figure: {(aged or 0) - last:.2f} s")
        assert first - last <= WITHIN
        assert not [each for each in dark if each["at"] > first and each["state"] == "live"]
        assert not recorder.live_said(killed + 1)
        assert aged is not None, "figures are seen to be old"
        assert aged - last <= WITHIN
    finally:
        desk.start_simulator()
    expect_badge(trader, "live", 180)
    assert recorder.live_said(killed + 1), "the recorder would have seen it"
