"""What tests share: one Chromium, whose tests run last, and of them the files that take long first."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.db import connection
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django import DjangoDbBlocker

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
]
LONG = (
    "test_chain",
    "test_journey",
    "test_symbol",
    "test_iron_condor",
    "test_every_page",
    "test_limits_obeyed",
    "test_outages",
    "test_watchlists",
    "test_two_brokers",
    "test_halt",
    "test_holdings_in_place",
    "test_ticket",
    "test_lost_answers",
    "test_orders",
    "test_spread_ticket",
)
"""The browser's files that take longer than half a minute, the longest first: one that came last would run alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's driver leaves an event loop running in this thread: no asynchronous test can come after it."""
    items.sort(key=turn)


def turn(item: pytest.Item) -> int:
    """When a test runs: 0 without a browser, then by how long the rest of its file takes."""
    if "chromium" not in getattr(item, "fixturenames", ()):
        return 0
    return 1 + (LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests empty the tables when they end; what is recorded for good would refuse that."""
    from trading.audit import triggers

    with django_db_blocker.unblock():
        triggers.remove(connection)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium where it is installed, else the driver's own."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Django sees that loop and would refuse the database
    expect.set_options(timeout=60_000)  # for busy machines; nothing here passes by waiting
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=flags, executable_path=shutil.which("chromium"))
        yield browser
        browser.close()
