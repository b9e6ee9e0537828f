"""A page that must stay free of errors, and one desk as a process of its own for all that visit it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_members import Member, joined_as_demo
from desk_process import DeskProcess
from desk_visits import new_visitor
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page

LONGEST = 400
"""Seconds after which a visit hangs: on a busy machine each wait may take a minute, and only one of them fails."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(LONGEST))


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_visitor(browser)
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

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not refused(message):
            complaints.append(f"console: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(f"thrown: {error}"))
    return complaints


def refused(message: ConsoleMessage) -> bool:
    """Whether it is only the status of a ticket that says what is wrong with it."""
    return "status of 422" in message.text and "/trade" in str(message.location.get("url", ""))


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    """One desk with SQLite and in-memory layers for the session's browser tests."""
    process = DeskProcess(tmp_path_factory.mktemp("desk"))
    try:
        yield process.start()
    finally:
        process.kill()


@pytest.fixture(autouse=True)
def armed(request: pytest.FixtureRequest) -> None:
    """Nobody's account is halted for what the tests before did in it."""
    if "desk" in request.fixturenames:
        request.getfixturevalue("desk").arm_again()


@pytest.fixture(scope="session")
def demo(desk: DeskProcess) -> Member:
    """The demo person, who has connected the session's desk to the first broker."""
    return joined_as_demo(desk)


@pytest.fixture
def trader(context: BrowserContext, demo: Member, page: Page) -> Page:
    """A page of the demo person's, signed in."""
    context.add_cookies(demo.cookies)
    return page


@pytest.fixture
def shots() -> Path | None:
    """Where journeys leave pictures of the pages; there only for who asks for them."""
    if "SHOTS_DIR" not in os.environ:
        return None
    folder = Path(os.environ["SHOTS_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder
