"""Several legs in a real browser: picked, moved by buttons, priced, reviewed, filled; without a script; on a phone."""

import re
from decimal import Decimal

from desk_members import Member
from desk_process import DeskProcess
from desk_visits import let_go, order_status, press_review, send
from page_faults import faults_of
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

WORDS = re.compile(r"^SPY \d+ \w{3} \d\d [\d./]+ iron condor$")


def pick(page: Page, desk: DeskProcess, strategy: str, **picked: str) -> None:
    """A strategy on SPY, into the ticket."""
    page.goto(f"{desk.url}/trade?symbol=SPY")
    expect(page.locator("#symbol-name")).to_contain_text("S&P")
    page.get_by_role("button", name="Choose an option").click()
    page.locator("#option-chooser .tabs a").nth(8).click()
    expect(page.locator("#option-chooser .tabs a").nth(8)).to_have_attribute("aria-current", "page")
    page.locator("#pick").select_option(strategy)
    for name, value in picked.items():
        field = page.locator(f"#pick_{name}")
        (field.select_option if name in ("side", "right") else field.fill)(value)
    page.get_by_role("button", name="Put into the ticket").click()
    expect(page.locator("#strategy")).to_be_visible()


def nets(page: Page, *names: str) -> list[Decimal]:
    """Net prices that the page shows, from the account's side; they move, so they are read together."""
    for name in names:
        expect(page.locator(f"[data-net={name}]")).not_to_have_text("—")
    read = "names => names.map((name) => document.querySelector(`[data-net=${name}]`).textContent.trim())"
    shown = [text.partition(" ") for text in page.evaluate(read, list(names))]
    return [Decimal(price) * (-1 if side == "db" else 1) for price, _, side in shown]


def test_an_iron_condor_is_sold_and_filled(trader: Page, desk: DeskProcess) -> None:
    pick(trader, desk, "iron_condor")
    expect(trader.locator("#strategy")).to_have_text(WORDS)
    expect(trader.get_by_role("combobox", name="Action")).to_have_count(4)
    natural, mid, far = nets(trader, "natural", "mid", "far")
    assert natural < mid < far
    expect(trader.locator("#pop")).to_have_text(re.compile(r"^\s*\d+ %\s*$"))
    expect(trader.locator("#max-loss")).to_have_text(re.compile(r"^\s*−\$"))
    trader.get_by_role("button", name="Natural").click()
    expect(trader.locator("[name=effect]")).to_have_value("credit")
    for _ in range(30):  # the market moves on until the order is there
        trader.get_by_role("button", name="One tick down").click()
    press_review(trader)
    sentence = trader.locator(".sentence")
    expect(sentence).to_contain_text(re.compile(r"^Sell 1 SPY .* iron condor for a [\d.]+ credit or better"))
    expect(trader.locator(".review table tbody tr")).to_have_count(4)
    send(trader)
    expect(order_status(trader)).to_have_text("Filled")


def test_buttons_move_a_leg_and_keep_the_focus(trader: Page, desk: DeskProcess) -> None:
    pick(trader, desk, "vertical", right="P")
    name = trader.locator("#strategy")
    before = name.inner_text()
    higher = trader.get_by_role("button", name="Higher strike of leg 1")
    higher.focus()
    trader.keyboard.press("Enter")
    expect(name).not_to_have_text(before)
    expect(trader.get_by_role("button", name="Higher strike of leg 1")).to_be_focused()
    trader.get_by_role("button", name="Flip all").click()
    expect(trader.get_by_label("Action", exact=True)).to_have_value("buy_to_open")
    expect(trader.locator("[name=effect]")).to_have_value("debit")
    trader.get_by_role("button", name="Once more, ratios kept").click()
    expect(trader.get_by_label("Quantity of leg 2")).to_have_value("2")
    trader.get_by_role("button", name="Remove leg 2").click()
    expect(trader.get_by_role("heading", name="One leg")).to_be_visible()


def test_a_price_between_two_steps_is_put_right_with_a_note(trader: Page, desk: DeskProcess) -> None:
    pick(trader, desk, "vertical", right="P")
    expect(trader.get_by_label("Limit price", exact=True)).not_to_have_value("")
    trader.get_by_label("Limit price", exact=True).fill("1.238")
    trader.get_by_label("Limit price", exact=True).blur()
    expect(trader.get_by_label("Limit price", exact=True)).to_have_value("1.24")
    expect(trader.locator("#tick-note")).to_contain_text("1.238 was put right to 1.24")


def test_what_is_typed_while_the_desk_answers_is_kept(trader: Page, desk: DeskProcess) -> None:
    pick(trader, desk, "vertical", right="P")
    held: list[Route] = []
    trader.route("**/trade", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    trader.get_by_role("button", name="Higher strike of leg 1").click()
    trader.get_by_label("Quantity", exact=True).fill("7")
    let_go(trader, held, "**/trade")
    expect(trader.locator("[data-leg='1']")).to_have_attribute("data-multiplier", "100")
    expect(trader.get_by_label("Quantity", exact=True)).to_have_value("7")


def test_an_answer_that_is_lost_changes_nothing_and_says_so(
    context: BrowserContext, desk: DeskProcess, demo: Member
) -> None:
    context.add_cookies(demo.cookies)
    page = context.new_page()  # it complains of the request that is cut off here
    pick(page, desk, "vertical", right="P")
    before = page.locator("#strategy").inner_text()
    page.route("**/trade", lambda route: route.abort())
    page.get_by_role("button", name="Flip all").click()
    expect(page.get_by_role("alert").filter(has_text="nothing was changed")).to_be_visible()
    expect(page.locator("#strategy")).to_have_text(before)
    page.unroute("**/trade")


def test_a_spread_is_made_without_a_script(browser: Browser, desk: DeskProcess, demo: Member) -> None:
    with demo.at(browser, java_script_enabled=False) as page:
        make_spread_without_a_script(page, desk)


def make_spread_without_a_script(page: Page, desk: DeskProcess) -> None:
    page.goto(f"{desk.url}/trade?symbol=SPY")
    page.get_by_role("button", name="Choose an option").click()
    page.locator(".tabs a").nth(8).click()
    page.locator("#pick").select_option("vertical")
    page.get_by_role("button", name="Put into the ticket").click()
    expect(page.locator("#strategy")).to_contain_text("put vertical")
    page.get_by_role("button", name="Lower strike of leg 2").click()
    page.get_by_role("button", name="Add a leg").click()
    expect(page.get_by_role("button", name="Remove leg 3")).to_be_visible()
    page.get_by_role("button", name="Remove leg 3").click()
    page.get_by_label("Limit price", exact=True).fill("0.50")
    page.locator("[name=effect]").select_option("credit")
    page.get_by_role("button", name="Show figures").click()
    expect(page.locator("#max-profit")).to_have_text("+$50.00")
    press_review(page)
    expect(page.locator(".sentence")).to_contain_text("put vertical for a 0.50 credit or better")


def test_a_spread_fits_a_phone(browser: Browser, desk: DeskProcess, demo: Member) -> None:
    with demo.at(browser, viewport={"width": 360, "height": 780}) as page:
        pick(page, desk, "iron_condor")
        expect(page.locator("#pop")).to_have_text(re.compile(r"^\s*\d+ %\s*$"))
        assert faults_of(page) == []
        small = page.evaluate(
            """() => [...document.querySelectorAll("#ticket button, #ticket select, #ticket input:not([type=hidden])")]
              .map((one) => [one.name || one.textContent.trim(), (one.closest("label") ?? one).getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([name]) => name)"""
        )
        assert small == []
        for box in page.locator("#ticket .leg-buttons button").all():
            expect(box).to_be_visible()
        press_review(page)
        assert faults_of(page) == []
