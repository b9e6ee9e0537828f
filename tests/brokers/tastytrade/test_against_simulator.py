"""Every call of the port, and the stream, against the simulator: the same wire, real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests
from simulator_server import SimGrant, SimulatorServer

from brokers import transport
from brokers.domain.instruments import Equity, Instrument, Option
from brokers.domain.market import QUOTE_FIELDS, Tick
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.errors import NotAuthorized, OrderRejected, OutcomeUnknown, RateLimited, Refused, Unavailable
from brokers.port import AccountChanged, Broker, Hosts, StatusChange, Stream, StreamEvent, StreamState
from brokers.registry import BROKERS, spec
from brokers.tastytrade.sockets import Timings
from brokers.tastytrade.stream import TastytradeStream

AAPL, SPY = Equity("AAPL"), Equity("SPY")
QUICK = Timings(first_delay=0.05, longest_delay=0.3, settled=0.5, quiet=1.0, heartbeat=0.4, answer=2.0, look=0.05)
BOTH = {"balance", "positions"}
Collected = Callable[[list[StreamEvent]], bool]


class Token:
    """A token of the test's own: posts to the token endpoint, tells a dead grant from bad minutes."""

    def __init__(self, sim: SimulatorServer, grant: SimGrant) -> None:
        self.sim, self.grant, self.value, self.fetched = sim, grant, "", 0

    def __call__(self, *, refused: str | None = None) -> str:
        if not self.value or refused == self.value:
            self.value = self._fetch()
        return self.value

    def _fetch(self) -> str:
        self.fetched += 1
        body = {"grant_type": "refresh_token", "refresh_token": self.grant.refresh_token}
        body["client_secret"] = self.grant.client.client_secret
        url, headers = f"{self.sim.api}/oauth/token", {"User-Agent": transport.USER_AGENT}
        answer = requests.post(url, json=body, headers=headers, timeout=5)
        if answer.status_code != 200:
            raise NotAuthorized("The grant is gone. Connect again.", grant_is_dead=True)
        return str(answer.json()["access_token"])


class Desk:
    """A connection of the user "demo": port, accounts, token."""

    def __init__(self, sim: SimulatorServer, user: str = "demo") -> None:
        self.sim = sim
        self.grant = sim.grant(user)
        self.token = Token(sim, self.grant)
        api, streamer = sim.api, f"{sim.ws}/streamer"
        self.hosts = Hosts(api=api, authorize=f"{api}/auth.html", token=f"{api}/oauth/token", streamer=streamer)
        self.broker: Broker = spec("tastytrade").make_broker(self.hosts, self.token)
        self.account = self.grant.accounts[0]

    def stream(self) -> TastytradeStream:
        return TastytradeStream(self.hosts, self.token, self.grant.accounts, timings=QUICK)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture
def desk(sim: SimulatorServer) -> Iterator[Desk]:
    sim.reset()
    yield Desk(sim)
    sim.faults(clear=True)


def buy(symbol: str, price: Decimal | None, quantity: int = 1, **rest: Any) -> OrderTicket:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else -price
    leg = Leg(Equity(symbol), Action.BUY_TO_OPEN, Decimal(quantity))
    return OrderTicket((leg,), kind, TimeInForce.DAY, limit_price=limit, **rest)


def low_bid(desk: Desk, symbol: str) -> Decimal:
    """A price at which nothing will be bought."""
    bid = desk.broker.get_quotes([Equity(symbol)])[Equity(symbol)].bid
    assert bid is not None
    return (bid * Decimal("0.9")).quantize(Decimal("0.01"))


def until(desk: Desk, order_id: str, *wanted: BrokerStatus) -> OrderUpdate:
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        order = desk.broker.get_order(desk.account, order_id)
        if order.status in wanted:
            return order
        time.sleep(0.05)
    raise AssertionError(f"the order stayed {order.status}")


def since() -> date:
    return (datetime.now(timezone.utc) - timedelta(days=2)).date()


# --- what is there ------------------------------------------------------------------------------------------------


def test_the_registry_knows_tastytrade() -> None:
    assert "tastytrade" in BROKERS
    assert spec("tastytrade").capabilities.max_legs == 4
    assert TimeInForce.FOK not in spec("tastytrade").capabilities.times_in_force


def test_accounts_and_what_they_hold_are_read(desk: Desk) -> None:
    accounts = desk.broker.get_accounts()
    assert [account.number for account in accounts] == desk.grant.accounts
    assert all(account.can_trade for account in accounts)
    for account in accounts:
        balance = desk.broker.get_balance(account.number)
        assert balance.net_liquidating_value
        assert balance.currency == "USD"
    positions = desk.broker.get_positions(desk.account)
    assert any(isinstance(position.instrument, Option) and position.quantity < 0 for position in positions)
    assert all(position.quantity and position.multiplier > 0 for position in positions)


def test_history_is_read_whole(desk: Desk) -> None:
    lines = desk.broker.get_transactions(desk.account, date(2020, 1, 1))
    assert {"Money Movement", "Trade"} <= {line.kind for line in lines}
    assert all(line.fees <= 0 for line in lines)
    assert len({line.transaction_id for line in lines}) == len(lines)
    assert desk.broker.get_transactions(desk.account, date(2020, 1, 1), date(2020, 1, 2)) == []


def test_a_strangers_account_is_refused(desk: Desk, sim: SimulatorServer) -> None:
    (other,) = sim.grant("other").accounts
    for call in (desk.broker.get_balance, desk.broker.get_positions):
        with pytest.raises(Refused):
            call(other)


# --- market -------------------------------------------------------------------------------------------------------


def test_quotes_chains_details_and_search_fit_together(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    assert len(chain.expirations) >= 4
    assert [expiration.expiry for expiration in chain.expirations] == sorted(e.expiry for e in chain.expirations)
    call = chain.expirations[0].strikes[len(chain.expirations[0].strikes) // 2].call
    assert call is not None
    quotes = desk.broker.get_quotes([SPY, call, Equity("NOSUCH")])
    assert set(quotes) == {SPY, call}
    spot, option = quotes[SPY], quotes[call]
    assert spot.bid is not None
    assert spot.ask is not None
    assert 0 < spot.bid < spot.ask
    assert option.ask is not None
    details = desk.broker.get_details(call)
    assert (details.multiplier, details.underlying) == (100, SPY)
    assert details.increments.at(Decimal(1)) is not None
    assert desk.broker.get_details(SPY).tradeable
    assert any(match.instrument == SPY for match in desk.broker.search("SP"))
    assert desk.broker.search("  ") == []


def test_more_than_a_hundred_quotes_come_in_one_go(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    strikes = [strike for expiration in chain.expirations for strike in expiration.strikes]
    wanted = [option for strike in strikes for option in (strike.call, strike.put) if option is not None][:230]
    assert len(wanted) == 230
    assert set(desk.broker.get_quotes(wanted)) == set(wanted)


def test_an_unknown_instrument_has_no_details(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.broker.get_details(Equity("NOSUCH"))


# --- orders -------------------------------------------------------------------------------------------------------


def test_an_order_rests_is_found_replaced_and_cancelled(desk: Desk) -> None:
    price, ref = low_bid(desk, "AAPL"), uuid4().hex
    ticket = buy("AAPL", price)
    preview = desk.broker.preview_order(desk.account, ticket)
    assert preview.buying_power_change is not None
    assert preview.buying_power_change < 0
    started = datetime.now(timezone.utc)
    placed = desk.broker.place_order(desk.account, ticket, ref)
    order_id = placed.order.broker_order_id
    assert placed.order.client_ref == ref
    working = until(desk, order_id, BrokerStatus.WORKING)
    assert working.limit_price == -price
    assert [state.leg for state in working.legs] == list(ticket.legs)
    found = desk.broker.find_order(desk.account, ref, ticket, started)
    assert found is not None
    assert found.broker_order_id == order_id
    assert desk.broker.find_order(desk.account, uuid4().hex, ticket, started) is None
    newer = desk.broker.replace_order(desk.account, order_id, buy("AAPL", price - 1))
    assert newer.replaces_order_id == order_id
    until(desk, newer.broker_order_id, BrokerStatus.WORKING)
    old = until(desk, order_id, BrokerStatus.CANCELLED)
    assert old.replaced_by_order_id == newer.broker_order_id
    cancelled = desk.broker.cancel_order(desk.account, newer.broker_order_id)
    assert cancelled.status in (BrokerStatus.CANCEL_REQUESTED, BrokerStatus.CANCELLED)
    until(desk, newer.broker_order_id, BrokerStatus.CANCELLED)
    listed = {order.broker_order_id: order.status for order in desk.broker.get_orders(desk.account, since())}
    assert listed[order_id] == listed[newer.broker_order_id] == BrokerStatus.CANCELLED
    with pytest.raises(OrderRejected) as caught:
        desk.broker.cancel_order(desk.account, newer.broker_order_id)
    assert caught.value.broker_code == "cannot_update_order"


def test_a_fill_shows_in_order_position_and_history(desk: Desk) -> None:
    def held() -> Decimal:
        rows = desk.broker.get_positions(desk.account)
        return sum((row.quantity for row in rows if row.instrument == AAPL), Decimal(0))

    before = held()
    placed = desk.broker.place_order(desk.account, buy("AAPL", None, 3), uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED)
    assert sum(fill.quantity for fill in order.fills) == 3
    assert [state.remaining for state in order.legs] == [0]
    assert held() - before == 3
    lines = desk.broker.get_transactions(desk.account, since())
    assert any(line.broker_order_id == order.broker_order_id and line.net_value < 0 for line in lines)


def test_a_spread_is_one_order(desk: Desk) -> None:
    strikes = desk.broker.get_chain(SPY).expirations[2].strikes
    middle = len(strikes) // 2
    short, long = strikes[middle].put, strikes[middle - 2].put
    assert short is not None
    assert long is not None
    legs = (Leg(short, Action.SELL_TO_OPEN, Decimal(1)), Leg(long, Action.BUY_TO_OPEN, Decimal(1)))
    width = strikes[middle].price - strikes[middle - 2].price
    ticket = OrderTicket(legs, OrderType.LIMIT, TimeInForce.GTC, limit_price=width * Decimal("0.9"))
    order = desk.broker.place_order(desk.account, ticket, uuid4().hex).order
    assert len(order.legs) == 2
    assert order.limit_price == ticket.limit_price
    desk.broker.cancel_order(desk.account, until(desk, order.broker_order_id, BrokerStatus.WORKING).broker_order_id)


def test_a_rejection_comes_in_the_brokers_words(desk: Desk) -> None:
    ticket = buy("AAPL", low_bid(desk, "AAPL"), quantity=1_000_000)
    for send in (
        lambda: desk.broker.preview_order(desk.account, ticket),
        lambda: desk.broker.place_order(desk.account, ticket, uuid4().hex),
    ):
        with pytest.raises(OrderRejected) as caught:
            send()
        assert caught.value.notices
        assert caught.value.broker == "tastytrade"


def test_all_pages_of_orders_are_joined(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokers.tastytrade.codec.orders.ORDERS_A_PAGE", 3)
    price = low_bid(desk, "AAPL")
    placed = [desk.broker.place_order(desk.account, buy("AAPL", price), uuid4().hex) for _ in range(8)]
    ids = {each.order.broker_order_id for each in placed}
    assert ids <= {order.broker_order_id for order in desk.broker.get_orders(desk.account, since())}


# --- when it goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "drop_answer", "when": "after"},
        {"effect": "cut_body", "when": "after"},
        {"effect": "garbage_json", "when": "after"},
        {"effect": "html_for_json", "when": "after"},
        {"effect": "status", "status": 502, "body": "html", "when": "after"},
    ],
)
def test_a_lost_answer_leaves_the_order_to_be_found(desk: Desk, fault: dict[str, Any]) -> None:
    price, ref, started = low_bid(desk, "AAPL"), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({**fault, "method": "POST", "path": "*/orders", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_order(desk.account, buy("AAPL", price), ref)
    found = desk.broker.find_order(desk.account, ref, buy("AAPL", price), started)
    assert found is not None
    mine = [order for order in desk.broker.get_orders(desk.account, since()) if order.client_ref == ref]
    assert len(mine) == 1


def test_a_throttled_order_was_not_taken_and_a_throttled_read_is_told(desk: Desk) -> None:
    price, ref, started = low_bid(desk, "AAPL"), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({"effect": "throttle", "method": "POST", "path": "*/orders", "retry_after": 3, "times": 1})
    with pytest.raises(RateLimited) as caught:
        desk.broker.place_order(desk.account, buy("AAPL", price), ref)
    assert caught.value.retry_after == 3
    assert desk.broker.find_order(desk.account, ref, buy("AAPL", price), started) is None
    desk.sim.faults({"effect": "throttle", "path": "*/positions"})
    with pytest.raises(RateLimited):
        desk.broker.get_positions(desk.account)


def test_a_broker_in_trouble_is_unavailable_and_one_hiccup_is_not_noticed(desk: Desk) -> None:
    desk.sim.faults({"effect": "status", "status": 503, "body": "html", "path": "*/positions", "times": 1})
    assert desk.broker.get_positions(desk.account)
    desk.sim.faults({"effect": "status", "status": 503, "body": "html", "path": "*/positions"})
    with pytest.raises(Unavailable):
        desk.broker.get_positions(desk.account)


def test_an_expired_token_is_renewed_on_the_way(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.token.value = "worn-out"
    assert desk.broker.get_accounts()
    assert desk.token.fetched == 2


def test_a_revoked_grant_is_told_as_dead(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.sim.revoke(desk.grant)
    with pytest.raises(NotAuthorized) as caught:
        desk.broker.get_accounts()
    assert caught.value.grant_is_dead


def test_a_grant_that_may_only_read_cannot_trade(desk: Desk) -> None:
    desk.token.grant = desk.sim.grant("demo", scope="read")
    with pytest.raises(Refused):
        desk.broker.place_order(desk.account, buy("AAPL", low_bid(desk, "AAPL")), uuid4().hex)


# --- the stream ---------------------------------------------------------------------------------------------------


class Listener:
    """Reads a stream in the background and waits for what is wanted."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.events, self.ended = stream, [], False
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for batch in self.stream.events():
            self.events.extend(batch)
        self.ended = True

    async def wait(self, wanted: Collected, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not wanted(self.events):  # noqa: ASYNC110 (a test looks, nobody tells it)
                await asyncio.sleep(0.02)

    def values(self, instrument: Instrument) -> dict[str, Decimal | None]:
        found: dict[str, Decimal | None] = {}
        for event in self.events:
            if isinstance(event, Tick) and event.instrument == instrument:
                found.update(event.values)
        return found

    def states(self, source: str) -> list[StreamState]:
        return [event.state for event in self.events if isinstance(event, StatusChange) and event.source == source]


@asynccontextmanager
async def listening(desk: Desk, watch: Collection[Instrument] = ()) -> AsyncIterator[Listener]:
    stream = desk.stream()
    stream.watch(watch)
    listener = Listener(stream)
    try:
        yield listener
    finally:
        await stream.close()
        await asyncio.wait_for(listener.task, 5)


async def test_prices_and_greeks_flow(desk: Desk) -> None:
    strikes = (await asyncio.to_thread(desk.broker.get_chain, SPY)).expirations[1].strikes
    call = strikes[len(strikes) // 2].call
    assert call is not None
    async with listening(desk, [SPY, call]) as heard:
        await heard.wait(lambda _: {"bid", "ask", "last", "volume", "prev_close"} <= set(heard.values(SPY)))
        await heard.wait(lambda _: {"delta", "theta", "vega", "bid"} <= set(heard.values(call)))
        assert heard.states("quotes") == [StreamState.LIVE]
        assert set(heard.values(call)) <= set(QUOTE_FIELDS)
        delta, spot = heard.values(call)["delta"], heard.values(SPY)["last"]
        assert delta is not None
        assert 0 < delta < 1
        assert spot is not None
        heard.stream.watch([AAPL])
        await heard.wait(lambda _: "bid" in heard.values(AAPL))


async def test_an_order_is_told_step_by_step(desk: Desk) -> None:
    async with listening(desk) as heard:
        await heard.wait(lambda _: heard.states("account") == [StreamState.LIVE])
        ref = uuid4().hex
        await asyncio.to_thread(desk.broker.place_order, desk.account, buy("AAPL", None, 2), ref)

        def filled(events: list[StreamEvent]) -> bool:
            return any(isinstance(e, OrderUpdate) and e.status is BrokerStatus.FILLED and e.fills for e in events)

        await heard.wait(filled)
        updates = [event for event in heard.events if isinstance(event, OrderUpdate)]
        assert {update.client_ref for update in updates} == {ref}
        assert [update.version for update in updates] == sorted(update.version for update in updates)
        await heard.wait(lambda events: {e.what for e in events if isinstance(e, AccountChanged)} >= BOTH)


@pytest.mark.parametrize(("effect", "source"), [("dxlink_close", "quotes"), ("streamer_close", "account")])
async def test_a_dropped_socket_is_remade(desk: Desk, effect: str, source: str) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.wait(lambda _: heard.states(source) == [StreamState.LIVE])
        await asyncio.to_thread(desk.sim.faults, {"effect": effect, "times": 1})
        await heard.wait(lambda _: heard.states(source)[-2:] == [StreamState.RECONNECTING, StreamState.LIVE])
        seen = len(heard.events)
        if source == "quotes":
            await heard.wait(lambda events: any(isinstance(event, Tick) for event in events[seen:]))


async def test_a_feed_that_falls_silent_is_called_stale_and_remade(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.wait(lambda _: "bid" in heard.values(SPY))
        await asyncio.to_thread(desk.sim.faults, {"effect": "dxlink_silent"})
        await heard.wait(lambda _: StreamState.STALE in heard.states("quotes"))
        await asyncio.to_thread(desk.sim.faults, clear=True)
        await heard.wait(lambda _: heard.states("quotes")[-1] is StreamState.LIVE)


async def test_a_dead_grant_ends_the_stream_and_says_so(desk: Desk) -> None:
    async with listening(desk, [SPY]) as heard:
        await heard.wait(lambda _: heard.states("account") == [StreamState.LIVE])
        await asyncio.to_thread(desk.sim.revoke, desk.grant)
        await asyncio.to_thread(desk.sim.faults, {"effect": "streamer_close", "times": 1})
        await heard.wait(lambda _: heard.ended)
        assert heard.states("account")[-1] is heard.states("quotes")[-1] is StreamState.SIGN_IN
