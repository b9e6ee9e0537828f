"""The option chain page of an index (some 12,000 strikes), warm: the desk's time for it, and first paint in Chromium
where that is installed. Milliseconds.

The simulator runs beside it as a program of its own, the desk in this process under uvicorn. ``own`` is the time of
a request less that in which it waited for the broker.
"""

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.desk import BrokerClock, measure, prepare, serving, sign_in, simulator

SYMBOL = "$SPX"
VISITS = int(os.environ.get("BENCH_VISITS", "7"))
FLAGS = ["--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage"]
PAINT = """() => ({
  first_byte: performance.getEntriesByType("navigation")[0].responseStart,
  first_paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
})"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder)) as sim_url:
        prepare(Path(folder), sim_url)
        session, account, url = sign_in(sim_url)
        with serving(url):
            page = f"{url}/chains/{SYMBOL}?account={account.id}"
            clock = BrokerClock(url)
            measure("chain page", clock, lambda: session.get(f"{page}&strikes=20"))
            measure("chain page, all strikes", clock, lambda: session.get(f"{page}&strikes=all"))
            if (path := shutil.which("chromium")) is not None:
                in_chromium(path, page, session)


def in_chromium(path: str, page: str, session: Any) -> None:
    """Visits with a browser's cache that is warm, as of a person who works with the page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": cookie.name, "value": cookie.value, "url": page} for cookie in session.cookies])
        tab = context.new_page()
        tab.goto(f"{page}&strikes=20")
        tab.wait_for_timeout(1500)
        told = [visit(tab, page) for _ in range(VISITS)]
        browser.close()
    middle = {name: round(statistics.median(each[name] for each in told), 1) for name in told[0]}
    print(json.dumps({"bench": "chain_page", "what": "in Chromium", "visits": VISITS, **middle}), flush=True)


def visit(tab: Any, page: str) -> dict[str, float]:
    tab.goto(f"{page}&strikes=20")
    tab.wait_for_function('performance.getEntriesByName("first-contentful-paint").length > 0')
    times: dict[str, float] = tab.evaluate(PAINT)
    return times


if __name__ == "__main__":
    main()
