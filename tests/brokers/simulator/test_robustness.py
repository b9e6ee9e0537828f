"""What no well-meaning client sends: wrong values in every field, bodies too big or too deep, broken connections."""

import contextlib
import copy
import json
import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from simulator_server import SimulatorServer, equity_order, wait_until
from starlette.routing import BaseRoute, Mount, Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from brokers.domain.instruments import Equity
from brokers.simulator.market import Market
from brokers.simulator.tastytrade import routes as tastytrade
from brokers.simulator.tastytrade.symbols import api_symbol
from brokers.simulator.tradestation import routes as tradestation
from brokers.simulator.tradestation.symbols import to_wire
from tests.brokers.simulator.in_process import Program

FRIDAY = datetime(2026, 11, 20, 15, tzinfo=timezone.utc)
NUMBERS = "5WT00001", "SIM5000001M"
GONE = object()
ODD: list[Any] = [
    *(GONE, None, True, 0, -1, 1.5, 1e308, 10**400, float("nan"), "", "x", "-1", "NaN", "1e999", "9" * 300, "１２"),
    *("\x00", "\ud800", "0001-01-01T00:00:00+14:00", "9999-12-31", "GTD", [], {}, [None], [[]], [{}] * 50),
]
ODD_TEXT = [
    *("", "0", "-1", "9" * 400, "é", "\x00", "null", "NaN", "1e999", "２", "[]", "aapl", "$SPX.X", "@ES", "/ESZ6", ","),
    *("a" * 3000, "2026-02-30", "0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "💩", "AAPL\r\nX:1"),
    *("./ESZ6 EW3Z6 261218P6300", "SPY   261218C00600000", "AAPL 261218C200", "C=SO&R=AAPL", "R=", "5WT00001", "%2F"),
]
RAW = [
    *(b"", b"\xff\xfe\x00", b"[" * 900, b"[" * 990 + b"]" * 990, b'{"legs":' * 45 + b"1" + b"}" * 45, b"null", b"[]"),
    *(b"1" * 5000, b'"x"', b'{"price": 1, "price": 2}', b'{"OSOs":[{"Type":"BRK","Orders":[' * 9 + b"]}]}" * 9),
]


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(FRIDAY, always_open=True)


@pytest.fixture(scope="module")
def tokens(program: Program) -> dict[str, str]:
    return {broker: program.token(broker) for broker in ("tastytrade", "tradestation")}


def variants(body: Any) -> Iterator[Any]:
    """The body with each of its parts replaced by each odd value, or taken out."""
    for place in places(body):
        for odd in ODD if place else ODD[1:]:
            yield with_part(body, place, odd)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*here, key))


def with_part(body: Any, place: tuple[Any, ...], odd: Any) -> Any:
    if not place:
        return odd
    body = inner = copy.deepcopy(body)
    for key in place[:-1]:
        inner = inner[key]
    if odd is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = odd
    return body


# Bodies


def tastytrade_bodies(market: Market) -> dict[str, Any]:
    chain = market.chain(Equity("SPY"))
    assert chain is not None
    strike = chain.expirations[3].strikes[20]
    plain = equity_order(price="100.00") | {"external-identifier": "a", "source": "b", "preflight-id": "c"}
    component = {"symbol": "SPY", "instrument-type": "Equity", "quantity": 1, "quantity-direction": "Long"}
    condition = {"action": "route", "symbol": "SPY", "instrument-type": "Equity", "indicator": "last"}
    condition |= {"comparator": "gte", "threshold": "1.0", "price-components": [component]}
    rules = {"route-after": "2026-11-30T00:00:00Z", "cancel-at": "2026-12-30T00:00:00Z", "conditions": [condition]}
    legs = [
        {"instrument-type": "Equity Option", "symbol": api_symbol(each), "quantity": 1, "action": "Buy to Open"}
        for each in (strike.call, strike.put)
    ]
    close = equity_order(action="Sell to Close", price="300.00")
    stop = equity_order(action="Sell to Close") | {"order-type": "Stop", "stop-trigger": "50.0"}
    notional = {"order-type": "Notional Market", "value": "100", "value-effect": "Debit", "time-in-force": "Day"}
    return {
        "ruled": plain | {"rules": rules, "advanced-instructions": {"strict-position-effect-validation": True}},
        "dated": plain | {"time-in-force": "GTD", "gtc-date": "2026-12-18"},
        "spread": plain | {"price": "0.01", "legs": legs},
        "notional": notional | {"legs": [{"instrument-type": "Equity", "symbol": "AAPL", "action": "Buy to Open"}]},
        "stop": stop,
        "otoco": {"type": "OTOCO", "trigger-order": plain, "orders": [close, stop]},
        "pairs": {"type": "PAIRS", "orders": [plain, equity_order("SPY", price="100.00")]}
        | {"ratio-price-threshold": "1.0", "ratio-price-comparator": "gte"}
        | {"ratio-price-is-threshold-based-on-notional": True},
    }


ALERT = {"symbol": "AAPL", "field": "Last", "operator": ">", "threshold": "200.00", "expires-at": "2026-12-01"}
LIST = {"name": "n", "watchlist-entries": [{"symbol": "AAPL"}], "group-name": "g", "order-index": 1}


def tradestation_bodies(market: Market) -> dict[str, Any]:
    chain = market.chain(Equity("SPY"))
    assert chain is not None
    strike = chain.expirations[3].strikes[20]
    plain = {"AccountID": NUMBERS[1], "Symbol": "AAPL", "Quantity": "1", "TradeAction": "BUY", "OrderType": "Limit"}
    plain |= {"LimitPrice": "100", "TimeInForce": {"Duration": "GTD", "Expiration": "2026-12-31T00:00:00Z"}}
    rule = {"RuleType": "Price", "Symbol": "SPY", "Predicate": "Lt", "TriggerKey": "STTN", "Price": "400.01"}
    advanced = {"AddLiquidity": False, "AllOrNone": False, "ShowOnlyQuantity": "1", "MarketActivationRules": [rule]}
    advanced |= {"TimeActivationRules": [{"TimeUtc": "0001-01-01T23:59:59Z"}]}
    exit_order = plain | {"TradeAction": "SELL", "LimitPrice": "400"}
    trailing = {"OrderType": "StopMarket", "AdvancedOptions": {"TrailingStop": {"Amount": "2.11", "Percent": None}}}
    legs = [
        {"Symbol": to_wire(each), "Quantity": "1", "TradeAction": "BUYTOOPEN"} for each in (strike.call, strike.put)
    ]
    return {
        "ruled": plain | {"AdvancedOptions": advanced, "OrderConfirmID": "abc", "BuyingPowerWarning": "Enforce"},
        "trailing": exit_order | trailing,
        "spread": {**plain, "Symbol": None, "Legs": legs},
        "bracket": plain | {"OSOs": [{"Type": "BRK", "Orders": [exit_order, exit_order | trailing]}]},
        "group": {"Type": "OCO", "Orders": [plain, plain | {"LimitPrice": "90"}]},
        "risk": {"SpreadPrice": 0.24, "Legs": [legs[0] | {"TradeAction": "BUY"}, legs[1] | {"TradeAction": "BUY"}]},
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *((name, "/orders/dry-run") for name in ("ruled", "dated", "spread", "notional", "stop")),
        *(("ruled", "/orders"), ("otoco", "/complex-orders/dry-run"), ("pairs", "/complex-orders")),
    ],
)
def test_no_value_in_an_order_breaks_tastytrades_wire(
    program: Program, tokens: dict[str, str], name: str, path: str
) -> None:
    for body in variants(tastytrade_bodies(program.world.market)[name]):
        status, answer = program.ask("POST", f"/tastytrade/accounts/{NUMBERS[0]}{path}", body, tokens["tastytrade"])
        assert status in (201, 400, 422), (status, answer)


def test_no_value_in_a_change_breaks_tastytrades_wire(program: Program, tokens: dict[str, str]) -> None:
    orders, token = f"/tastytrade/accounts/{NUMBERS[0]}/orders", tokens["tastytrade"]
    body = equity_order(price="100.00")
    number = program.ask("POST", orders, body, token)[1]["data"]["order"]["id"]
    for method in ("PUT", "PATCH"):
        for changed in variants(body | {"stop-trigger": None, "gtc-date": None}):
            status, answer = program.ask(method, f"{orders}/{number}", changed, token)
            assert status in (200, 400, 422), (status, answer)
            number = answer["data"]["id"] if status == 200 else number


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/watchlists", LIST),
        ("/quote-alerts", ALERT),
        ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "y", "scope": "read"}),
        (f"/margin/accounts/{NUMBERS[0]}/dry-run", equity_order(price="1.00")),
    ],
)
def test_no_value_in_another_body_breaks_tastytrades_wire(
    program: Program, tokens: dict[str, str], path: str, body: Any
) -> None:
    for changed in variants(body):
        program.ask("POST", f"/tastytrade{path}", changed, tokens["tastytrade"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *((name, "/orderexecution/orderconfirm") for name in ("ruled", "trailing", "spread", "bracket")),
        *(("ruled", "/orderexecution/orders"), ("bracket", "/orderexecution/orders")),
        *(("group", "/orderexecution/ordergroups"), ("risk", "/marketdata/options/riskreward")),
    ],
)
def test_no_value_in_a_body_breaks_tradestations_wire(
    program: Program, tokens: dict[str, str], name: str, path: str
) -> None:
    for body in variants(tradestation_bodies(program.world.market)[name]):
        program.world.kept["tradestation"].limits.buckets.clear()
        status, answer = program.ask("POST", f"/tradestation/v3{path}", body, tokens["tradestation"])
        assert status in (200, 400), (status, answer)


def test_no_value_in_a_replacement_breaks_tradestations_wire(program: Program, tokens: dict[str, str]) -> None:
    path, token = "/tradestation/v3/orderexecution/orders", tokens["tradestation"]
    plain = tradestation_bodies(program.world.market)["group"]["Orders"][0]
    number = program.ask("POST", path, plain, token)[1]["Orders"][0]["OrderID"]
    rules = {"ClearAll": True, "Rules": []}
    advanced = {"ShowOnlyQuantity": "1", "TrailingStop": {"Amount": "1"}, "MarketActivationRules": rules}
    for body in variants({"Quantity": "2", "LimitPrice": "90", "OrderType": "Limit", "AdvancedOptions": advanced}):
        assert program.ask("PUT", f"{path}/{number}", body, token)[0] in (200, 400)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clients", {"broker": "tastytrade", "redirect_uris": ["x"], "name": "n"}),
        ("grants/revoke", {"client_id": "c", "user": "nobody"}),
        ("fills", {"mode": "delayed", "account": "5WT00009", "symbol": "ZZZ", "delay": 1, "schedule": [[1, 0.5]]}),
        ("orders", {"action": "bust", "account": "5WT00001", "order_id": "1", "fill_id": "1", "price": "1"}),
        ("prices", {"symbol": "ZZZ", "price": "100"}),
        (
            "faults",
            {"faults": [{"name": "n", "effect": "throttle", "path": "/no", "times": 1, "after": 0, "kind": ""}]},
        ),
        ("faults", {"remove": ["n"], "switches": {"dxlink_keepalive": 60.0, "tradestation_quotas": {}}}),
    ],
)
def test_no_value_breaks_the_control_port_or_what_comes_after(
    program: Program, tokens: dict[str, str], path: str, body: Any
) -> None:
    for changed in variants(body):
        program.ask("POST", f"/control/{path}", changed)
        program.ask("GET", "/control/faults")
        program.ask("GET", "/tastytrade/customers/me", token=tokens["tastytrade"])
    program.world.faults.clear()
    program.world.exchange.fills.clear()


# Paths and queries


def gets() -> list[str]:
    """The paths of all reads; streams, which do not end, are not among them."""

    def walk(routes: list[BaseRoute], before: str = "") -> Iterator[str]:
        for route in routes:
            if isinstance(route, Mount):
                yield from walk(route.routes, before + route.path)
            elif isinstance(route, Route) and "GET" in (route.methods or ()):
                yield before + route.path

    found = walk([*tastytrade.routes(), *tradestation.routes()])
    return [path for path in found if "/stream/" not in path and "rest:path" not in path]


KNOWN = {"account": "5WT00001", "accounts": "SIM5000001M", "symbol": "AAPL", "symbols": "AAPL", "customer": "me"}
QUERIES = [
    *("start-date", "end-at", "per-page", "page-offset", "status[]", "time-of-day", "time-back", "start-time", "sort"),
    *("symbol[]", "equity", "future-option", "symbols", "from-date", "instrument-collection", "limit", "interval"),
    *("pageSize", "nextToken", "since", "unit", "barsback", "firstdate", "lastdate", "expiration", "strikePrice"),
    *("spreadType", "strikeInterval", "$top", "$filter"),
]


@pytest.mark.parametrize("path", gets())
def test_no_text_in_a_path_or_query_breaks_a_read(program: Program, tokens: dict[str, str], path: str) -> None:
    token = tokens[path.split("/")[1]]
    named = re.findall(r"{(\w+)(?::path)?}", path)

    def read(given: dict[str, str], **query: str) -> None:
        program.world.kept["tradestation"].limits.buckets.clear()
        whole = re.sub(r"{(\w+)(?::path)?}", lambda found: (KNOWN | given).get(found[1], "1"), path)
        with contextlib.suppress(json.JSONDecodeError):  # pages are HTML
            program.ask("GET", whole, token=token, **query)

    for odd in ODD_TEXT:
        for name in named:
            read({name: odd})
    for place, name in enumerate(QUERIES):
        read({}, **{name: ODD_TEXT[(place * 7 + len(path)) % len(ODD_TEXT)]})


# Over real connections

HEAD = "Host: localhost\r\nUser-Agent: tests/1\r\n"


def knock(sim: SimulatorServer, sent: bytes, wait: float = 5) -> bytes:
    """What comes back for these bytes, until the server closes or says no more for a while."""
    with socket.create_connection(("127.0.0.1", sim.port), timeout=wait) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(TimeoutError, ConnectionError):
            return connection.recv(65_536)
    return b""


def is_well(sim: SimulatorServer) -> bool:
    return sim.session().get(f"{sim.api}/customers/me", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
        f"GET /tastytrade/\xff HTTP/1.1\r\n{HEAD}\r\n".encode("latin-1"),
        f"GET /tastytrade/customers/me?a=\xe9 HTTP/1.1\r\n{HEAD}\r\n".encode("latin-1"),
        f"POST /tastytrade/oauth/token HTTP/1.1\r\n{HEAD}Content-Length: -5\r\n\r\nabc".encode(),
        f"POST /tastytrade/oauth/token HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\nZZ\r\n".encode(),
        b"GET /tastytrade/customers/me HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(sim: SimulatorServer, sent: bytes) -> None:
    assert knock(sim, sent).startswith(b"HTTP/1.1 400 ")
    assert is_well(sim)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "GET /tastytrade/customers/me HTTP/1.1\r\n",
        f"POST /tastytrade/accounts/5WT00001/orders HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n{{",
        f"GET /tastytrade/streamer HTTP/1.1\r\n{HEAD}Upgrade: websocket\r\n",
    ],
)
def test_half_open_connections_disturb_nobody(sim: SimulatorServer, sent: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", sim.port), timeout=30))
            connection.sendall(sent.encode())
        assert is_well(sim)
    assert is_well(sim)
    assert sim.ledger() == []


@pytest.mark.parametrize(
    "path",
    [
        "/tastytrade/accounts/5WT00001/orders",
        "/tastytrade/oauth/token",
        "/tradestation/v3/orderexecution/orders",
        "/tradestation/signin/oauth/token",
    ],
)
def test_a_body_of_ten_megabytes_is_not_taken(sim: SimulatorServer, path: str) -> None:
    answer = sim.session().post(f"{sim.url}{path}", data=b"x" * 10_485_760, timeout=20)
    assert answer.status_code == 413
    assert sim.ledger() == []


def test_a_body_without_end_is_hung_up_on(sim: SimulatorServer) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_048_576

    with pytest.raises(requests.ConnectionError):
        sim.session().post(f"{sim.api}/oauth/token", data=endless(), timeout=20)
    assert is_well(sim)


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: str(raw[:20]))
def test_what_is_not_a_sensible_json_object_is_refused(sim: SimulatorServer, raw: bytes) -> None:
    session = sim.session()
    for path in ("/tastytrade/accounts/5WT00001/orders", "/tastytrade/oauth/token", "/tastytrade/watchlists"):
        assert session.post(f"{sim.url}{path}", data=raw, timeout=30).status_code == 400
    for path in ("/tradestation/v3/orderexecution/orders", "/tradestation/signin/oauth/token", "/control/fills"):
        assert session.post(f"{sim.url}{path}", data=raw, timeout=30).status_code in (200, 400, 401)


def test_no_method_on_any_path_breaks_it(sim: SimulatorServer) -> None:
    session = sim.session()
    paths = [re.sub(r"{(\w+)(?::path)?}", lambda found: KNOWN.get(found[1], "1"), path) for path in gets()]
    for path in [*paths, "/tastytrade/streamer", "/tastytrade/dxlink", "/", "/control/", "/nowhere"]:
        for method in ("HEAD", "OPTIONS", "TRACE", "PATCH"):
            answer = session.request(method, f"{sim.url}{path}", timeout=30)
            assert answer.status_code < 500, (method, path, answer.status_code)


def test_the_same_key_twice_in_a_query_breaks_nothing(sim: SimulatorServer) -> None:
    session = sim.session()
    for query in (
        "per-page=1&per-page=2",
        "start-date=2026-01-01&start-date=x",
        "=&&=&a",
        "%00=%00",
        "status[]=" * 200,
    ):
        for path in ("orders", "transactions", "positions"):
            assert session.get(f"{sim.api}/accounts/5WT00001/{path}?{query}", timeout=30).status_code in (200, 400)


# Websockets


@pytest.mark.parametrize("path", ["streamer", "dxlink"])
def test_websocket_frames_that_say_nothing_are_answered_or_close_the_socket(sim: SimulatorServer, path: str) -> None:
    for frame in (b"\x00\xff", "", "[" * 5000, '{"type":' * 500, "null", '{"action": [], "request-id": {"a": [1]}}'):
        with connect(f"{sim.ws}/{path}", open_timeout=30) as socket_:
            socket_.send(frame)
            heard = json.loads(socket_.recv(timeout=30))
            assert heard.get("status", heard.get("type")).upper() == "ERROR"
    assert is_well(sim)


@pytest.mark.parametrize("size", [70_000, 5_000_000])
@pytest.mark.parametrize("path", ["streamer", "dxlink"])
def test_a_huge_websocket_frame_closes_the_socket(sim: SimulatorServer, path: str, size: int) -> None:
    with connect(f"{sim.ws}/{path}", open_timeout=30) as socket_:
        with contextlib.suppress(ConnectionClosed):
            socket_.send("x" * size)
        with pytest.raises(ConnectionClosed) as closed:
            socket_.recv(timeout=30)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert is_well(sim)


@pytest.mark.parametrize("path", ["streamer", "dxlink"])
def test_a_websocket_that_goes_without_a_word_is_forgotten(sim: SimulatorServer, path: str) -> None:
    before = listeners(sim)
    with connect(f"{sim.ws}/{path}", open_timeout=30) as socket_:
        socket_.send('{"type": "SETUP", "channel": 0}' if path == "dxlink" else '{"action": "heartbeat"}')
        socket_.recv(timeout=30)
        assert listeners(sim) != before
        socket_.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: listeners(sim) == before)


def listeners(sim: SimulatorServer) -> tuple[int, int]:
    return sim.inside(lambda world: (len(world.tick_listeners), len(world.event_listeners)))


def test_a_client_that_talks_and_never_reads_is_dropped_before_it_fills_the_memory(sim: SimulatorServer) -> None:
    before = listeners(sim)
    text = json.dumps({"action": "heartbeat", "request-id": "x" * 60_000})

    def talk(socket_: ClientConnection) -> None:
        for _ in range(3_000):  # 180 MB to be echoed
            socket_.send(text)

    with connect(f"{sim.ws}/streamer", open_timeout=30, max_queue=1, close_timeout=1) as socket_:
        with pytest.raises(ConnectionClosed):
            talk(socket_)
        wait_until(lambda: listeners(sim) == before)
    assert is_well(sim)


# HTTP streams


@pytest.fixture
def quotes(sim: SimulatorServer) -> str:
    """A request for a stream of quotes, up to its last header."""
    client = sim.add_client(broker="tradestation")
    body = {"client_id": client.client_id, "user": "demo"}
    values = {"grant_type": "refresh_token", "refresh_token": sim.control("grants", body)["refresh_token"]}
    values |= {"client_id": client.client_id, "client_secret": client.client_secret}
    token = requests.post(f"{sim.url}/tradestation/signin/oauth/token", data=values, timeout=30).json()["access_token"]
    path = "/tradestation/v3/marketdata/stream/quotes/AAPL,SPY,QQQ,MSFT,@ES"
    return f"GET {path} HTTP/1.1\r\n{HEAD}Authorization: Bearer {token}\r\n"


def test_streams_that_nobody_reads_disturb_nobody_and_end_with_their_clients(sim: SimulatorServer, quotes: str) -> None:
    before = listeners(sim)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            connection.connect(("127.0.0.1", sim.port))
            connection.sendall(f"{quotes}\r\n".encode())
        wait_until(lambda: listeners(sim)[0] >= before[0] + 20)
        time.sleep(1)
        assert is_well(sim)
    wait_until(lambda: listeners(sim) == before)


def test_a_request_for_a_stream_that_comes_byte_by_byte_is_served_when_it_is_whole(
    sim: SimulatorServer, quotes: str
) -> None:
    with socket.create_connection(("127.0.0.1", sim.port), timeout=30) as connection:
        for place in range(0, len(quotes), 60):
            connection.sendall(quotes[place : place + 60].encode())
            time.sleep(0.005)
        connection.sendall(b"\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 200 ")


def test_the_headers_of_a_stream_can_be_had_alone(sim: SimulatorServer, quotes: str) -> None:
    before = listeners(sim)
    with socket.create_connection(("127.0.0.1", sim.port), timeout=30) as connection:
        connection.sendall(f"{quotes.replace('GET', 'HEAD', 1)}Connection: close\r\n\r\n".encode())
        heard = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert heard.endswith(b"\r\n\r\n")
    assert listeners(sim) == before


# Our own mistakes


@pytest.mark.parametrize("path", ["/brokerage/accounts", "/brokerage/stream/accounts/SIM5000001M/positions"])
def test_a_mistake_of_tradestations_server_is_told_in_its_own_words_with_a_number(
    sim: SimulatorServer, quotes: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("brokers.simulator.tradestation.names.accounts_of", fail)
    monkeypatch.setattr("brokers.simulator.tradestation.names.find_account", fail)
    monkeypatch.setattr("brokers.simulator.tradestation.accounts.accounts_of", fail, raising=False)
    token = quotes.split("Bearer ")[1].strip()
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{sim.url}/tradestation/v3{path}", headers=headers, timeout=30)
    assert answer.status_code == 500
    assert answer.json()["Error"] == "InternalServerError"
    assert re.search(r"[0-9a-f]{32}$", answer.json()["Message"])
