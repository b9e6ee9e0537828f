"""A person's connection at the simulator, for whichever broker of the registry: ``Desk(sim, name)``, and its stream.

What a test must know of a broker and the port does not tell is an ``Entry``: a new broker adds one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import requests
from market_times import busy
from simulator_server import SimulatorServer
from ticks_apart import apart

from brokers import transport
from brokers.domain.instruments import Equity, Future, Instrument
from brokers.domain.market import Expiration, Tick
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.errors import NotAuthorized, Unavailable
from brokers.port import AccountChanged, Broker, Capabilities, Hosts, StatusChange, Stream, StreamEvent, StreamState
from brokers.registry import BROKERS, spec
from brokers.simulator.world import Switches, World
from brokers.tastytrade import sockets
from brokers.tradestation import lines

AAPL, SPY, NOSUCH = Equity("AAPL"), Equity("SPY"), Equity("NOSUCH")
CENT = Decimal("0.01")
ENDED = {BrokerStatus.FILLED, BrokerStatus.CANCELLED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED}
LIVE, RECONNECTING, STALE, SIGN_IN = (
    StreamState.LIVE,
    StreamState.RECONNECTING,
    StreamState.STALE,
    StreamState.SIGN_IN,
)
SWIFT: dict[str, Any] = {
    "first_delay": 0.05,
    "longest_delay": 0.3,
    "settled": 0.5,
    "quiet": 1.5,
    "answer": 4.0,
    "look": 0.05,
    "bustle": busy,
}
NUMBERS = count(1)


@dataclass(frozen=True)
class Entry:
    """``looking``: scopes of a grant that may not trade. ``page_size``: where the number of orders a page stands.

    ``timings``: the stream's, in test time. ``breaks``: by source, the fault at the simulator that breaks its
    connection; ``silence``: the one under which the connection stands and no price comes.
    """

    looking: str
    page_size: str
    timings: Any
    breaks: Mapping[str, Mapping[str, Any]]
    silence: Mapping[str, Any]
    switches: Mapping[str, Any] = field(default_factory=dict)


ENTRIES = {
    "tastytrade": Entry(
        looking="read openid",
        page_size="brokers.tastytrade.codec.orders.ORDERS_A_PAGE",
        timings=sockets.Timings(**SWIFT, heartbeat=5.0),
        breaks={"quotes": {"effect": "dxlink_close"}, "account": {"effect": "streamer_close"}},
        silence={"effect": "dxlink_silent"},
    ),
    "tradestation": Entry(
        looking="openid offline_access MarketData ReadAccount",
        page_size="brokers.tradestation.codec.orders.ORDERS_A_PAGE",
        timings=lines.Timings(**SWIFT, silence=5.0, limited=0.1, cool_down=0.4, gather=0.05, churn=0.1),
        breaks={
            "quotes": {"effect": "stream_close", "path": "*/marketdata/stream/*"},
            "account": {"effect": "stream_close", "path": "*/brokerage/stream/*"},
        },
        silence={"effect": "stream_heartbeats_only", "path": "*/marketdata/stream/*"},
        switches={"stream_heartbeat": 0.3},
    ),
}


class Token:
    """A token of the test's own: asks the token endpoint as the broker's entry says; tells a dead grant."""

    def __init__(self, broker: str, url: str, credentials: dict[str, str]) -> None:
        self._url, self._credentials = url, credentials
        self._headers = {"User-Agent": transport.USER_AGENT, **spec(broker).token_headers}
        self.value, self.fetched = "", 0

    def __call__(self, *, refused: str | None = None) -> str:
        if not self.value or refused == self.value:
            self.value = self._fetch()
        return self.value

    def _fetch(self) -> str:
        self.fetched += 1
        as_json = "json" in self._headers.get("Content-Type", "")
        body: dict[str, Any] = {"json" if as_json else "data": {"grant_type": "refresh_token", **self._credentials}}
        answer = requests.post(self._url, headers=self._headers, timeout=30, **body)
        if answer.status_code in (400, 403):
            raise NotAuthorized("The grant is gone. Connect again.", grant_is_dead=True)
        if answer.status_code != 200:
            raise Unavailable("The sign-in is not answering.")
        return str(answer.json()["access_token"])


def hosts_at(sim: SimulatorServer, broker: str) -> Hosts:
    """Where the simulator serves a broker."""
    paths = spec(broker).at_simulator
    assert paths is not None, "a broker of the registry is served by the simulator"
    socket = sim.url.replace("http://", "ws://")
    streamer = socket + paths.streamer if paths.streamer else ""
    return Hosts(sim.url + paths.api, sim.url + paths.authorize, sim.url + paths.token, streamer)


def calm(sim: SimulatorServer) -> None:
    """No faults, switches, fill schedules or revocations of an earlier test."""

    def act(world: World) -> None:
        world.switches = Switches()
        world.faults.clear()
        world.exchange.fills.clear()
        world.authority.revoked.clear()
        for kept in world.kept.values():
            if (limits := getattr(kept, "limits", None)) is not None:
                limits.buckets.clear()  # many tests within a broker's five minutes

    sim.inside(act)
    transport.forget_sessions()


class Desk:
    """A connection: port, token, accounts. ``account`` is new and holds 200,000 dollars and nothing else."""

    def __init__(self, sim: SimulatorServer, broker: str, *, user: str = "demo", looking: bool = False) -> None:
        self.sim, self.name, self.user = sim, broker, user
        self.entry, self.spec = ENTRIES[broker], spec(broker)
        self.can: Capabilities = self.spec.capabilities
        self._client = sim.add_client(broker=broker)
        scope = {"scope": self.entry.looking} if looking else {}
        made = self._grant(**scope)
        self.refresh_token, self.accounts = made["refresh_token"], made["accounts"]
        self.hosts = hosts_at(sim, broker)
        credentials = {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        self.token = Token(broker, self.hosts.token, credentials | {"refresh_token": self.refresh_token})
        self.broker: Broker = self.spec.make_broker(self.hosts, self.token)
        self.account = self.open_account("margin")
        if self.entry.switches:
            sim.faults(**self.entry.switches)

    def _grant(self, **scope: str) -> Any:
        return self.sim.control("grants", {"client_id": self._client.client_id, "user": self.user, **scope})

    def open_account(self, kind: str) -> str:
        """Another account of the person, with 200,000 dollars: its number on this broker's wire."""
        before = set(self._grant()["accounts"])
        number = f"5WT8{next(NUMBERS):04d}"

        def act(world: World) -> None:
            world.exchange.open_account(number, self.user, f"New {kind}", kind, Decimal(200_000))

        self.sim.inside(act)
        (made,) = set(self._grant()["accounts"]) - before
        return str(made)

    def revoke(self) -> None:
        self.sim.control("grants/revoke", {"refresh_token": self.refresh_token, "access_tokens": True})

    # orders

    def low_bid(self, instrument: Instrument = AAPL) -> Decimal:
        """A price at which nothing will be bought."""
        bid = self.broker.get_quotes([instrument])[instrument].bid
        assert bid is not None
        return (bid * Decimal("0.9")).quantize(CENT)

    def place(self, ticket: OrderTicket, account: str = "") -> str:
        """The number of the order."""
        return self.broker.place_order(account or self.account, ticket, uuid4().hex).order.broker_order_id

    def until(self, order_id: str, *wanted: BrokerStatus, account: str = "") -> OrderUpdate:
        """The order once it has one of these statuses."""
        deadline = time.monotonic() + 20
        while True:
            order = self.broker.get_order(account or self.account, order_id)
            if order.status in wanted:
                return order
            assert time.monotonic() < deadline, f"the order stayed {order.status} ({order.broker_status})"
            time.sleep(0.05)

    def resting(self, price: Decimal, quantity: int = 1) -> OrderUpdate:
        return self.until(self.place(buy(price, quantity)), BrokerStatus.WORKING)

    def listed(self, account: str = "") -> dict[str, OrderUpdate]:
        return {each.broker_order_id: each for each in self.broker.get_orders(account or self.account, since())}

    def with_a_past(self) -> str:
        """The number of an account that holds something."""
        return next(number for number in self.accounts if self.broker.get_positions(number))

    def a_future(self) -> Future:
        """The one that the person holds."""
        rows = (row.instrument for number in self.accounts for row in self.broker.get_positions(number))
        return next(each for each in rows if isinstance(each, Future))

    # stream

    def stream(self, accounts: Collection[str] | None = None) -> Stream:
        make: Callable[..., Stream] = self.spec.make_stream
        chosen = [self.account] if accounts is None else list(accounts)
        return make(self.hosts, self.token, chosen, timings=self.entry.timings)


def buy(price: Decimal | None, quantity: int | Decimal = 1, instrument: Instrument = AAPL, **rest: Any) -> OrderTicket:
    """At a price, or at the market."""
    action = Action.BUY if isinstance(instrument, Future) else Action.BUY_TO_OPEN
    terms: dict[str, Any] = {
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "limit_price": None if price is None else -price,
    }
    return OrderTicket((Leg(instrument, action, Decimal(quantity)),), **{**terms, **rest})


def expiration_at(broker: Broker, underlying: Instrument, place: int) -> Expiration:
    """An expiration of a chain, by its place in it, with its strikes."""
    (found,) = broker.with_strikes(underlying, [broker.get_chain(underlying).expirations[place]])
    return found


def credit_spread(broker: Broker) -> OrderTicket:
    """A put vertical at a price that nobody pays."""
    strikes = expiration_at(broker, SPY, 2).strikes
    middle = len(strikes) // 2
    short, long = strikes[middle].put, strikes[middle - 2].put
    assert short is not None
    assert long is not None
    legs = (Leg(short, Action.SELL_TO_OPEN, Decimal(1)), Leg(long, Action.BUY_TO_OPEN, Decimal(1)))
    price = ((strikes[middle].price - strikes[middle - 2].price) * Decimal("0.9")).quantize(CENT)
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.GTC, limit_price=price)


def executed(order: OrderUpdate) -> list[Decimal]:
    """What was done of each leg, told as executions or as a sum."""
    return [
        state.executed if state.executed is not None else sum((fill.quantity for fill in state.fills), Decimal(0))
        for state in order.legs
    ]


def since() -> date:
    return (datetime.now(timezone.utc) - timedelta(days=2)).date()


class Listener:
    """Reads a stream in a task of its own and waits for what is wanted."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.ended = stream, False
        self.events: list[StreamEvent] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for batch in self.stream.events():
            self.events.extend(apart(batch))
        self.ended = True

    async def until(self, wanted: Callable[[], object], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not wanted():  # noqa: ASYNC110 (a test looks, nobody tells it)
                await asyncio.sleep(0.02)

    def states(self, source: str) -> list[StreamState]:
        return [each.state for each in self.events if isinstance(each, StatusChange) and each.source == source]

    def is_live(self, *sources: str) -> bool:
        return all(self.states(source)[-1:] == [LIVE] for source in sources)

    def ticks(self, instrument: Instrument, since: int = 0) -> list[Tick]:
        return [each for each in self.events[since:] if isinstance(each, Tick) and each.instrument == instrument]

    def values(self, instrument: Instrument) -> dict[str, Decimal | None]:
        return {name: value for tick in self.ticks(instrument) for name, value in tick.values.items()}

    def orders(self, order_id: str) -> list[OrderUpdate]:
        return [each for each in self.events if isinstance(each, OrderUpdate) and each.broker_order_id == order_id]

    def is_filled(self, order_id: str) -> bool:
        return any(each.status is BrokerStatus.FILLED and any(executed(each)) for each in self.orders(order_id))

    def changes(self, account: str) -> set[str]:
        found = (each for each in self.events if isinstance(each, AccountChanged))
        return {each.what for each in found if each.account_number == account}


@asynccontextmanager
async def listening(
    desk: Desk, watch: Collection[Instrument] = (), accounts: Collection[str] | None = None
) -> AsyncIterator[Listener]:
    stream = desk.stream(accounts)
    stream.watch(watch)
    listener = Listener(stream)
    try:
        yield listener
    finally:
        await stream.close()
        await asyncio.wait_for(listener.task, 30)


def all_brokers() -> list[str]:
    return sorted(BROKERS)
