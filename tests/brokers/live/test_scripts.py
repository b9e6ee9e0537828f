"""The page's scripts in a real browser: exact decimals, live cells, the badge, and a socket that comes and goes."""

import json
import random
import threading
from collections.abc import Iterator
from decimal import Context, Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from brokers.templatetags import desk

pytestmark = pytest.mark.browser

HERE, THERE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CALL = "SPY   261218C00600000"
BLANK = '<!doctype html><title>t</title><link rel="icon" href="data:,">'
PAGE = f"""{BLANK}
<span id="stream-badge" role="status"></span><button id="stream-pause"></button>
<table><tr data-connection="{HERE}" data-symbol="SPY"><td id="bid" data-field="bid">1.00</td>
<td id="mark" data-field="mark">—</td><td id="volume" data-field="volume">—</td></tr></table>
<p data-connection="{HERE}" data-symbol="{CALL}"><b id="call" data-field="bid">—</b></p>
<p data-connection="{THERE}" data-symbol="SPY"><b id="there" data-field="bid">—</b></p>
<script type="module" src="/js/live.js"></script><script type="module" src="/js/badge.js"></script>"""


class StaticFiles(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path not in ("/", "/empty"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode() if self.path == "/" else BLANK.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(StaticFiles, directory=settings.BASE_DIR / "static"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="en-US", timezone_id="America/New_York")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert problems == []


class Desk:
    """The other end of the page's socket, in the test's hand."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[dict] = []
        page.route_web_socket("**/ws/v1/", self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.heard.append(json.loads(text)))

    def say(self, **frame: object) -> None:
        self.sockets[-1].send(json.dumps(frame))

    def live(self) -> None:
        for connection in (HERE, THERE):
            self.say(type="status", connection=connection, source="quotes", state="live", detail="")

    def quotes(self, seq: int, quotes: dict, kind: str = "quotes", connection: str = HERE) -> None:
        now = self.page.evaluate("new Date().toISOString()")
        stamped = {symbol: {"as_of": now, **figures} for symbol, figures in quotes.items()}
        self.say(type=kind, seq=seq, connection=connection, quotes=stamped)

    def until_heard(self, count: int) -> list[dict]:
        for _ in range(300):
            if len(self.heard) >= count:
                return self.heard
            self.page.wait_for_timeout(10)
        raise AssertionError(f"heard only {self.heard}")


@pytest.fixture
def opened(page: Page, site: str) -> Desk:
    desk = Desk(page)
    page.goto(site)
    desk.until_heard(2)
    return desk


def on_page(page: Page, site: str, script: str, argument: object = None) -> object:
    page.goto(f"{site}/empty")
    return page.evaluate(f"async (given) => {{ const d = await import('/js/decimal.js'); {script} }}", argument)


def figures(count: int) -> list[str]:
    rng = random.Random(11)  # noqa: S311
    made = [f"{rng.choice(['', '-'])}{rng.randrange(10 ** rng.randrange(1, 16))}" for _ in range(count)]
    return [text + (f".{rng.randrange(10**12):012d}"[: rng.randrange(2, 14)]) * rng.randrange(2) for text in made] + [
        "0", "-0", "0.005", "-0.005", "0.004999", "1E+7", "1e-9", ".5", "999.995", "1234567.891", "0.0067125",
    ]  # fmt: skip


def test_figures_are_written_just_as_the_server_writes_them(page, site):
    given = figures(300)
    names = ["money", "gain", "price", "quantity", "count", "percent", "percent_gain"]
    script = "return given[0].map((x) => given[1].map((name) => d.format[name](x)));"
    expected = [[getattr(desk, name)(text) for name in names] for text in given]
    assert on_page(page, site, script, [given, names]) == expected


def test_sums_and_products_are_exact(page, site):
    given = figures(200)
    pairs = list(zip(given, reversed(given), strict=True))
    script = """return given.map(([a, b]) =>
      [d.add(a, b), d.sub(a, b), d.mul(a, b)].map(d.toText).concat(d.compare(a, b)));"""
    exact = Context(prec=80)
    for (left, right), (total, difference, product, order) in zip(
        pairs, on_page(page, site, script, pairs), strict=True
    ):
        a, b = Decimal(left), Decimal(right)
        assert Decimal(total) == exact.add(a, b)
        assert Decimal(difference) == exact.subtract(a, b)
        assert Decimal(product) == exact.multiply(a, b)
        assert order == int(a.compare(b))


def test_the_unknown_stays_unknown_and_a_number_is_refused(page, site):
    script = """const refuses = (f) => { try { f(); return false; } catch { return true; } };
      return [d.add("1", null), d.mul(undefined, "2"), d.compare("", "1"), d.parse("1.2.3"), d.div("1", "0"),
              d.format.money(null), d.format.price("?"), refuses(() => d.add(0.1, "1"))];"""
    assert on_page(page, site, script) == [None, None, None, None, None, "—", "—", True]


def test_the_page_asks_for_what_it_shows(opened):
    asked = {(message["action"], message["connection"], tuple(message["symbols"])) for message in opened.heard}
    assert asked == {("subscribe", HERE, ("SPY", CALL)), ("subscribe", THERE, ("SPY",))}


def test_values_go_to_their_own_cells_and_nowhere_else(opened, page):
    opened.quotes(0, {"SPY": {"bid": "600.10", "volume": "1234567", "mark": "600.125"}}, "snapshot")
    opened.quotes(1, {CALL: {"bid": "2.5"}})
    expect(page.locator("#bid")).to_have_text("600.10")
    expect(page.locator("#mark")).to_have_text("600.125")
    expect(page.locator("#volume")).to_have_text("1,234,567")
    expect(page.locator("#call")).to_have_text("2.50")
    expect(page.locator("#there")).to_have_text("—")
    opened.quotes(0, {"SPY": {"bid": "7"}}, "snapshot", THERE)
    expect(page.locator("#there")).to_have_text("7.00")
    expect(page.locator("#bid")).to_have_text("600.10")
    opened.quotes(2, {"SPY": {"bid": None}})
    expect(page.locator("#bid")).to_have_text("—")


def test_a_cell_is_touched_only_when_it_changes_and_flashes_by_its_direction(opened, page):
    opened.quotes(0, {"SPY": {"bid": "1.00", "volume": "5"}}, "snapshot")
    expect(page.locator("#volume")).to_have_text("5")
    page.evaluate(
        """() => { window.touched = []; window.flashes = [];
        new MutationObserver((all) => all.forEach((m) => m.type === "childList"
            ? touched.push(m.target.id)
            : m.target.className && flashes.push(m.target.id + " " + m.target.className)))
          .observe(document.querySelector("table"), {subtree: true, childList: true, attributeFilter: ["class"]}); }"""
    )
    opened.quotes(1, {"SPY": {"bid": "1.01", "volume": "5"}})
    expect(page.locator("#bid")).to_have_text("1.01")
    for number in range(2, 12):
        opened.quotes(number, {"SPY": {"bid": f"0.{99 - number}"}})
    expect(page.locator("#bid")).to_have_text("0.88")
    assert set(page.evaluate("touched")) == {"bid"}
    flashes = page.evaluate("flashes")
    assert flashes[0] == "bid flash-up"
    assert len(flashes) <= 3
    expect(page.locator("#bid")).not_to_have_class("flash-up")


def test_nothing_flashes_for_those_who_asked_for_calm(page, site):
    page.emulate_media(reduced_motion="reduce")
    desk = Desk(page)
    page.goto(site)
    desk.until_heard(2)
    desk.quotes(0, {"SPY": {"bid": "1"}}, "snapshot")
    expect(page.locator("#bid")).to_have_text("1.00")
    desk.quotes(1, {"SPY": {"bid": "2"}})
    expect(page.locator("#bid")).to_have_text("2.00")
    assert page.locator(".flash-up").count() == 0


def test_a_lost_frame_is_noticed_and_the_snapshot_asked_again(opened):
    opened.quotes(0, {"SPY": {"bid": "1"}}, "snapshot")
    opened.quotes(1, {"SPY": {"bid": "2"}})
    opened.quotes(3, {"SPY": {"bid": "4"}})
    again = opened.until_heard(3)[2]
    assert (again["action"], again["connection"], again["symbols"]) == ("subscribe", HERE, ["SPY", CALL])


def test_the_badge_says_how_fresh_the_prices_are(opened, page):
    badge = page.locator("#stream-badge")
    expect(badge).to_have_text("Connecting")
    opened.live()
    expect(badge).to_have_text("Live")
    told = {"delayed": "Delayed", "stale": "Stale", "not_allowed": "Not allowed", "sign_in_needed": "Sign-in needed"}
    for state, words in told.items():
        opened.say(type="status", connection=THERE, source="quotes", state=state, detail="Because.")
        expect(badge).to_have_text(words)
        expect(badge).to_have_attribute("data-state", state)
        expect(badge).to_have_attribute("title", "Because.")


def test_a_lost_socket_is_opened_again_and_everything_asked_anew(opened, page):
    opened.live()
    opened.sockets[-1].close(code=1011)
    expect(page.locator("#stream-badge")).to_contain_text("Reconnecting")
    opened.until_heard(4)
    assert len(opened.sockets) > 1
    assert {message["connection"] for message in opened.heard[2:]} == {HERE, THERE}
    for _ in range(200):  # on a busy machine a socket may seem silent before its first frame: then there is another
        opened.live()
        opened.quotes(0, {"SPY": {"bid": "9"}}, "snapshot")
        if page.locator("#stream-badge").inner_text() == "Live":
            break
        page.wait_for_timeout(100)
    expect(page.locator("#stream-badge")).to_have_text("Live")
    expect(page.locator("#bid")).to_have_text("9.00")


def test_a_socket_closed_for_want_of_a_sign_in_is_left_closed(opened, page):
    opened.sockets[-1].close(code=4401)
    expect(page.locator("#stream-badge")).to_have_text("Sign-in needed")
    page.wait_for_timeout(900)
    assert len(opened.sockets) == 1


def test_pausing_stops_the_prices_and_going_on_asks_for_them_anew(opened, page):
    opened.live()
    page.locator("#stream-pause").click()
    expect(page.locator("#stream-badge")).to_have_text("Paused")
    expect(page.locator("#stream-pause")).to_have_attribute("aria-pressed", "true")
    assert {(m["action"], m["connection"]) for m in opened.until_heard(4)[2:]} == {
        ("unsubscribe", HERE),
        ("unsubscribe", THERE),
    }
    page.locator("#stream-pause").click()
    assert {m["action"] for m in opened.until_heard(6)[4:]} == {"subscribe"}
    expect(page.locator("#stream-badge")).to_have_text("Live")


def test_old_figures_are_dimmed_while_their_source_is_not_live(opened, page):
    opened.quotes(0, {"SPY": {"bid": "1", "as_of": "2026-01-02T15:00:00.000Z"}}, "snapshot")
    expect(page.locator("#bid")).to_have_class("stale")
    opened.live()
    expect(page.locator("#bid")).not_to_have_class("stale")
    opened.say(type="status", connection=HERE, source="quotes", state="reconnecting", detail="")
    expect(page.locator("#bid")).to_have_class("stale")
    expect(page.locator("#there")).not_to_have_class("stale")


def test_a_page_that_takes_every_source_for_live_is_noticed(page, site):
    """The sabotaged twin: it goes by the socket alone."""
    trusted = "this.#cells.age((connection) => this.#isFlowing(connection));"

    def spoil(route):
        answer = route.fetch()
        assert trusted in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(trusted, "this.#cells.age(() => true);"))

    page.route("**/js/live.js", spoil)
    desk = Desk(page)
    page.goto(site)
    desk.until_heard(2)
    desk.live()
    desk.quotes(0, {"SPY": {"bid": "1", "as_of": "2026-01-02T15:00:00.000Z"}}, "snapshot")
    expect(page.locator("#bid")).to_have_text("1.00")
    desk.say(type="status", connection=HERE, source="quotes", state="reconnecting", detail="")
    expect(page.locator("#stream-badge")).to_have_text("Reconnecting")
    page.wait_for_timeout(2500)  # more than the second after which a right page has dimmed it
    expect(page.locator("#bid")).not_to_have_class("stale")


def test_modules_hear_quotes_orders_and_portfolio_and_one_that_fails_harms_no_other(page, site):
    desk = Desk(page)
    page.goto(site)
    page.evaluate(
        """async () => { const { live } = await import("/js/live.js"); window.heard = []; window.failures = 0;
        console.error = () => failures++;
        live.onOrders(() => { throw new Error("a bug"); });
        live.onOrders((orders) => heard.push(["orders", orders]));
        live.onPortfolio(({account, what}) => heard.push(["portfolio", account, what]));
        live.onQuote((connection, symbol, quote) => heard.push([connection, symbol, quote.bid, quote.ask]));
        window.end = live.watch(connection = "x", ["QQQ"]); }"""
    )
    desk.until_heard(3)
    desk.quotes(0, {"QQQ": {"bid": "1", "ask": "2"}}, "snapshot", "x")
    desk.quotes(1, {"QQQ": {"bid": "3"}}, connection="x")
    desk.say(type="orders", orders=[{"id": "o"}])
    desk.say(type="portfolio", account="a", what="balance")
    page.wait_for_function("heard.length >= 3 && heard.some((h) => h[0] === 'x' && h[2] === '3')")
    heard = page.evaluate("heard")
    assert ["orders", [{"id": "o"}]] in heard
    assert ["portfolio", "a", "balance"] in heard
    assert [one for one in heard if one[0] == "x"][-1] == ["x", "QQQ", "3", "2"]
    assert page.evaluate("failures") == 1
    page.evaluate("end()")
    assert desk.until_heard(4)[-1] == {"action": "unsubscribe", "id": 4, "connection": "x", "symbols": ["QQQ"]}
