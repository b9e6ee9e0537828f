"""One broker is down or hangs, the other is not: pages, orders and streams of the other go on as if nothing were."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from chaos_proxy import ChaosProxy
from desk_at_work import in_thread, until
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connections as databases
from django.test import Client
from django.utils import timezone
from ledger_broker import a_ticket
from signing_in import BOTH, MARGIN_ACCOUNTS, connect, point_at
from simulator_server import SimulatorServer, wait_until
from talking_broker import forget_flights

from brokers.domain.instruments import Equity
from brokers.models import Account, Connection
from brokers.port import StreamState
from brokers.transport import forget_sessions
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import reconcile, watch

pytestmark = pytest.mark.django_db(transaction=True)
LIVE = StreamState.LIVE
SPY = Equity("SPY")
OTHER = dict(zip(BOTH, reversed(BOTH), strict=True))
EITHER_AWAY = pytest.mark.parametrize("away", BOTH)
TITLES = {"tastytrade": "tastytrade SIM", "tradestation": "TradeStation SIM"}


@dataclass
class Desk:
    """The demo person at both brokers, each behind a proxy of its own."""

    sim: SimulatorServer
    trader: Client
    proxies: dict[str, ChaosProxy]

    def account(self, broker: str) -> Account:
        rows = Account.objects.select_related("connection")
        return rows.get(connection__broker=broker, number=MARGIN_ACCOUNTS[broker])

    def page(self, address: str) -> Any:
        """Asked anew: nothing that was asked a moment ago answers."""
        forget_flights()
        answer = self.trader.get(address)
        assert answer.status_code == 200
        return answer

    def form(self, broker: str) -> dict[str, str]:
        form = {"account": str(self.account(broker).pk), "symbol": "F", "action": "buy_to_open", "quantity": "1"}
        return form | {"order_type": "limit", "time_in_force": "day", "limit_price": "1.00"}

    def place(self, broker: str) -> Order:
        review = self.trader.post("/trade", self.form(broker))
        assert review.status_code == 200, review.content
        self.trader.post("/trade/place", {"preview": review.context["token"]})
        order: Order = Order.objects.filter(account=self.account(broker)).latest("created_at")
        assert order.broker_order_id
        return order


@pytest.fixture
def desk(sim: SimulatorServer, settings: Any, transactional_db: None) -> Iterator[Desk]:
    point_at(settings, sim, *BOTH)
    sim.reset()
    sim.fills("never")
    cache.clear()
    forget_flights()
    trader = Client(raise_request_exception=False)
    trader.force_login(get_user_model().objects.create_user("trader"))
    for broker in BOTH:
        connect(trader, sim, broker)
    with ExitStack() as stack:
        proxies = {broker: stack.enter_context(ChaosProxy(sim.port)) for broker in BOTH}
        settings.BROKER_HOSTS = {
            context: {
                name: url.replace(f":{sim.port}/", f":{proxies[context[0]].port}/") for name, url in hosts.items()
            }
            for context, hosts in settings.BROKER_HOSTS.items()
        }
        yield Desk(sim, trader, proxies)
        sim.clear_faults()
    forget_sessions()


@dataclass
class Observer:
    """What the desk tells of a connection's streams, all the time: states that were not live, and prices that came."""

    connection: Connection
    bad: set[tuple[str, StreamState]] = field(default_factory=set)
    prices: set[Any] = field(default_factory=set)

    def states(self) -> dict[str, StreamState]:
        feed = watch.hub.feeds.get(self.connection.pk)
        return {source: change.state for source, change in feed.statuses.items()} if feed else {}

    @property
    def is_live(self) -> bool:
        return self.states() == {"quotes": LIVE, "account": LIVE}

    async def run(self) -> None:
        while True:
            self.bad |= {each for each in self.states().items() if each[1] is not LIVE}
            if quote := watch.hub.latest(self.connection.pk, [SPY]).get(SPY):
                self.prices.add((quote.as_of, quote.bid, quote.ask, quote.last))
            await asyncio.sleep(0.05)


async def outage(desk: Desk, away: str, harm: Callable[[], None]) -> None:
    """Both streams live, one broker away and back again: what must be true of either."""
    rows = {row.broker: row async for row in Connection.objects.select_related("user")}
    ill, well = Observer(rows[away]), Observer(rows[OTHER[away]])
    for row in rows.values():
        await watch.hub.keep(row.pk, [SPY], 600)
    tasks: list[asyncio.Task[None]] = []
    try:
        await until(lambda: ill.is_live and well.is_live)
        tasks = [asyncio.create_task(each.run()) for each in (ill, well)]
        await in_thread(lambda: desk.page("/portfolio/?account=all"))
        await asyncio.to_thread(harm)
        await until(lambda: {source for source, _ in ill.bad} == {"quotes", "account"})
        seen = len(well.prices)
        await in_thread(lambda: pages_say_it(desk, away))
        assert (await in_thread(lambda: desk.place(OTHER[away]))).phase in ("submitting", "working")
        told = watch.hub.feeds[ill.connection.pk].statuses
        assert all(change.detail for change in told.values()), "and it says why"
        await until(lambda: len(well.prices) >= seen + 5)
        assert well.bad == set(), "undisturbed"
        desk.proxies[away].is_down = False
        await until(lambda: ill.is_live)
        assert well.bad == set()
        await in_thread(
            lambda: wait_until(lambda: not desk.page("/portfolio/?account=all").context["troubles"], every=1)
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await watch.hub.close()


def pages_say_it(desk: Desk, away: str) -> None:
    """The failed one's last data with their age and the reason; the other's fresh."""
    answer = desk.page("/portfolio/?account=all")
    assert [trouble.who for trouble in answer.context["troubles"]] == [TITLES[away]]
    assert answer.context["troubles"][0].words
    assert {book.account.connection.broker: book.balance.is_stale for book in answer.context["books"]} == {
        away: True,
        OTHER[away]: False,
    }
    assert all(book.totals is not None for book in answer.context["books"]), "the last known stays"
    words = answer.content.decode()
    assert "as last read" in words
    assert TITLES[away] in words
    assert desk.trader.post("/trade", desk.form(away)).status_code == 422, "nothing is sent to it"
    assert not Order.objects.filter(account=desk.account(away)).exists()


@EITHER_AWAY
async def test_a_broker_that_is_down_leaves_pages_orders_and_streams_of_the_other_alone(desk: Desk, away: str) -> None:
    await outage(desk, away, desk.proxies[away].go_down)


async def test_the_same_eyes_see_it_when_the_other_is_disturbed(desk: Desk) -> None:
    """The sabotaged twin: both share the fate of one."""

    def both() -> None:
        for proxy in desk.proxies.values():
            proxy.go_down()

    with pytest.raises(AssertionError):
        await outage(desk, BOTH[0], both)


# It hangs


def hang(desk: Desk, away: str, seconds: float) -> None:
    """Whatever is asked of a broker is answered late; the order that is on its way most of all."""
    late = {"effect": "latency", "seconds": seconds, "path": f"/{away}/*"}
    desk.sim.faults(late | {"name": "reads", "method": "GET"})


@pytest.mark.parametrize("away", BOTH[:1])
def test_a_broker_that_hangs_leaves_the_other_free_and_its_order_in_doubt_and_found(desk: Desk, away: str) -> None:
    account, ended = desk.account(away), []
    desk.sim.faults({"effect": "latency", "seconds": 12, "method": "POST", "path": f"/{away}/*orders"})

    def act(work: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                ended.append(work())
            finally:
                databases.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def place() -> Order:
        ticket = a_ticket("1", "1.01")
        return orders.place(account=account, ticket=ticket, idempotency_key="one", source=Order.Source.API)[0]

    def is_out() -> bool:
        """Not its dry run, which is posted as well while the desk still asks for figures."""
        entries = desk.sim.ledger(account=account.number)
        return any(each["method"] == "POST" and each["path"].endswith("/orders") for each in entries)

    sending = act(place)
    wait_until(is_out)
    began = time.monotonic()
    hang(desk, away, 12)
    forget_flights()  # what the order's checks have just read would answer the pages
    address = f"/portfolio/positions?account={account.pk}"
    waiting = [act(lambda: desk.trader.get(address).status_code) for _ in range(3)]
    time.sleep(0.5)
    assert desk.place(OTHER[away]).phase in ("submitting", "working")
    assert desk.trader.get(f"/portfolio/positions?account={desk.account(OTHER[away]).pk}").status_code == 200
    assert not ended or time.monotonic() - began > 8, "all that while everything at the other hangs"
    sending.join(30)
    order = Order.objects.get(account=account)
    assert order.status == Status.UNKNOWN
    assert "looked up" in order.last_error
    for thread in waiting:
        thread.join(60)
    desk.sim.clear_faults()
    forget_flights()

    def is_found() -> bool:
        reconcile.look_up(account, timezone.now() + reconcile.QUIET / 4)
        order.refresh_from_db()
        return order.broker_order_id is not None

    wait_until(is_found, every=0.3)
    made = [entry["order_id"] for entry in desk.sim.ledger(account=account.number) if entry["made_order"]]
    assert made == [order.broker_order_id], "taken late, found, and never sent again"
