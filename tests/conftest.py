"""What tests share: one Chromium, whose tests run last."""

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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's driver leaves an event loop running in this thread: no asynchronous test can come after it."""
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


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
