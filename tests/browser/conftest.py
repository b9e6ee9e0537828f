"""A page that must stay free of errors, and the desk as a process of its own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_process import DeskProcess
from desk_visits import connect, new_visitor, sign_in
from playwright.sync_api import Browser, BrowserContext, Error, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


def new_context(browser: Browser, **options: object) -> BrowserContext:
    settings = {"locale": "en-US", "timezone_id": "America/New_York", "color_scheme": "dark"} | options
    context = browser.new_context(**settings)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    return context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed visit tells what the person saw, and the last words of the desk."""
    report = yield
    if report.failed and call.when == "call":  # type: ignore[attr-defined]
        seen = getattr(item, "funcargs", {})
        if isinstance(page := seen.get("page"), Page):
            with contextlib.suppress(Error):
                report.sections.append(("the page", f"{page.url}\n{page.locator('body').inner_text(timeout=5_000)}"))  # type: ignore[attr-defined]
        if isinstance(desk := seen.get("desk"), DeskProcess):
            lines = desk.log.read_text(errors="replace").splitlines()[-60:]
            report.sections.append(("the desk", "\n".join(lines)))  # type: ignore[attr-defined]
    return report


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; anything it complains of (refused by the content policy, failed, thrown) fails the test."""
    page = context.new_page()
    complaints = collect_complaints(page)
    yield page
    assert complaints == []


def collect_complaints(page: Page) -> list[str]:
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(f"thrown: {error}"))
    return complaints


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    """One desk with SQLite and in-memory layers for the session's browser tests."""
    process = DeskProcess(tmp_path_factory.mktemp("desk"))
    try:
        yield process.start()
    finally:
        process.kill()


@pytest.fixture(scope="session")
def connected(desk: DeskProcess, browser: Browser) -> None:
    """The demo person has connected the session's desk to the broker."""
    visitor = new_visitor(browser)
    page = visitor.new_page()
    sign_in(page, desk)
    connect(page, desk)
    visitor.close()


@pytest.fixture
def shots() -> Path:
    """Where a journey leaves its screenshots, for people to look at."""
    folder = Path(os.environ.get("SHOTS_DIR", "var/shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
