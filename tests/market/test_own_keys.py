"""Keys of one's own for the pages, in a real browser: changed, kept, never taken from another, back to the usual."""

import re

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Locator, Page, expect

from tests.brokers.live.test_scripts import page, site

__all__ = ["page", "site"]
pytestmark = pytest.mark.browser
EMPTY = '<!doctype html><title>t</title><link rel="icon" href="data:,">'
PLACES = {"g p": "Positions", "g o": "Orders", "t": "Trade"}


@pytest.fixture
def keys(page: Page, site: str) -> Locator:
    links = "".join(
        f'<a data-shortcut="{keys}" href="/empty?{name}"><span>{name}</span></a>' for keys, name in PLACES.items()
    )
    parts = f"<main><h1>Here</h1>{links}</main>{render_to_string('market/_finder.html')}"
    body = f'{EMPTY}{parts}<script type="module" src="/js/finder.js"></script>'
    page.route("**/start", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.route("**/empty?*", lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
    page.route("**/find?*", lambda route: route.fulfill(json={"query": "", "results": [], "problem": ""}))
    page.goto(f"{site}/start")
    return page.locator("#shortcuts")


def change(page: Page, keys: Locator, name: str, *pressed: str) -> None:
    page.keyboard.press("?")
    keys.get_by_role("button", name=f"Change the keys of {name}").click()
    for key in pressed:
        page.keyboard.press(key)


def test_keys_lead_where_they_were_put_and_stay_there(page: Page, site: str, keys: Locator) -> None:
    change(page, keys, "Positions", "g", "x")
    expect(keys.get_by_role("status")).to_have_text("Now it is g x.")
    expect(keys.get_by_role("button", name="Change the keys of Positions")).to_be_focused()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.reload()
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("/start$"))
    page.keyboard.press("g")
    page.keyboard.press("x")
    expect(page).to_have_url(re.compile("/empty.Positions$"))


def test_a_key_that_leads_elsewhere_already_or_that_is_none_is_refused_in_words(page: Page, keys: Locator) -> None:
    change(page, keys, "Trade", "g", "o")
    expect(keys.get_by_role("status")).to_contain_text("g o is Orders already.")
    page.keyboard.press("Enter")
    expect(keys.get_by_role("status")).to_contain_text("A letter or a digit")
    page.keyboard.press("Escape")
    expect(keys.get_by_role("status")).to_have_text("It stays as it is.")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/empty.Trade$"))


def test_the_usual_keys_come_back_and_all_can_be_turned_off(page: Page, keys: Locator) -> None:
    change(page, keys, "Orders", "7")
    keys.get_by_role("button", name="Usual keys").click()
    expect(keys.get_by_role("status")).to_have_text("The usual keys are back.")
    keys.get_by_label("Use keys without Ctrl").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/start$"))
    page.keyboard.press("Control+k")
    expect(page.locator("#finder")).to_be_visible()
