"""The desk's own layers at work on one account, its broker behind a proxy: front door, order watch, live feed.

``async with at_work(account, sim, proxy) as run`` keeps them running and notes when the desk's rows are right.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from chaos_proxy import ChaosProxy
from django.db import connections as databases
from simulator_server import SimulatorServer

from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from brokers.port import AccountChanged, StreamState
from brokers.signals import account_changed
from brokers.simulator.world import World
from brokers.tastytrade.second_look import SecondLook
from brokers.tradestation.sweep import Sweep
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import news, reconcile, watch
from trading.risk import money
from trading.safety import limits

SYMBOLS = ("F", "AMD", "SPY", "MSFT")
WITHIN = 10.0
AT_MOST = 45.0
"""On a machine that has much else to do; less than the minute after which every order is looked at."""


def put_between(settings: Any, sim: SimulatorServer, proxy: ChaosProxy) -> None:
    """The desk finds its brokers behind the proxy from now on."""
    ports = f":{sim.port}/", f":{proxy.port}/"
    settings.BROKER_HOSTS = {
        context: {name: url.replace(*ports) for name, url in found.items()}
        for context, found in settings.BROKER_HOSTS.items()
    }


@dataclass
class Run:
    """One account at a desk whose broker is behind a proxy. Times are of ``time.monotonic``.

    ``right_at``: when the desk's row of a broker's order was first seen filled; ``positions_told``: when the account's
    positions were said to have changed.
    """

    account: Account
    sim: SimulatorServer
    proxy: ChaosProxy
    placed: list[str] = field(default_factory=list)
    right_at: dict[str, float] = field(default_factory=dict)
    positions_told: list[float] = field(default_factory=list)

    def place(self, symbol: str, quantity: int) -> str:
        legs = (Leg(Equity(symbol), Action.BUY_TO_OPEN, Decimal(quantity)),)
        ticket = OrderTicket(legs, OrderType.MARKET, TimeInForce.DAY)
        key = f"key-{len(self.placed)}"
        order, _ = orders.place(account=self.account, ticket=ticket, idempotency_key=key, source=Order.Source.API)
        assert order.broker_order_id, order.last_error
        self.placed.append(order.broker_order_id)
        return order.broker_order_id

    def look(self) -> None:
        """Note which rows are right by now."""
        rows = Order.objects.filter(account=self.account, status=Status.FILLED)
        for number in rows.values_list("broker_order_id", flat=True):
            self.right_at.setdefault(number, time.monotonic())

    def fill_times(self) -> dict[str, float]:
        """When the broker filled each order, all of it."""

        def read(world: World) -> dict[str, float]:
            now, clock = world.clock.now(), time.monotonic()
            return {
                str(order.order_id): clock - (now - order.terminal_at).total_seconds()
                for number in world.exchange.accounts
                for order in world.exchange.orders(number)
                if order.terminal_at is not None
            }

        return self.sim.inside(read)

    @property
    def all_are_right(self) -> bool:
        return set(self.placed) <= self.right_at.keys()

    def delays(self) -> list[float]:
        """From each fill to its being right here, in seconds."""
        filled = self.fill_times()
        return sorted(self.right_at[number] - filled[number] for number in self.placed)

    def check_orders(self, count: int) -> None:
        """Each order once, at the broker and here, and whole."""
        made = [entry for entry in self.sim.ledger(account=self.account.number) if entry["made_order"]]
        assert len(self.placed) == len(set(self.placed)) == len(made) == count
        shown = Order.objects.shown().filter(account=self.account)
        assert shown.count() == count
        assert not shown.filter(is_external=True).exists()
        assert all(order.filled_quantity == order.quantity for order in shown)


@asynccontextmanager
async def at_work(account: Account, sim: SimulatorServer, proxy: ChaosProxy) -> AsyncIterator[Run]:
    """The order watch and the account's feed run; ``Run.look`` is called all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money, "FIGURES_SECONDS", 120)  # a busy machine is slow to read
        async with _at_work(Run(account, sim, proxy)) as run:
            yield run


@asynccontextmanager
async def _at_work(run: Run) -> AsyncIterator[Run]:
    account, sim = run.account, run.sim

    def told(change: AccountChanged, **_: Any) -> None:
        if change.what == "positions" and change.account_number == account.number:
            run.positions_told.append(time.monotonic())

    async def looking() -> None:
        while True:
            await in_thread(run.look)
            await asyncio.sleep(0.1)

    await in_thread(widen_limits)
    much = Decimal(50_000_000)
    sim.inside(lambda world: [world.exchange.deposit(number, much) for number in world.exchange.accounts])
    account_changed.connect(told)
    await watch.hub.keep(account.connection_id, [], 600)
    tasks = [asyncio.create_task(watch.watch_orders(pause=0.05)), asyncio.create_task(looking())]
    try:
        await until(lambda: account_state() is StreamState.LIVE)
        yield run
    finally:
        account_changed.disconnect(told)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await watch.hub.close()


def widen_limits() -> None:
    """So many orders in so short a time are no person's; on a busy machine the quotes are old, too."""
    many = Decimal(10**7)
    names = ("orders_a_second", "api_orders_a_minute", "orders_a_day", "open_orders", "open_orders_a_symbol")
    wide = dict.fromkeys((*names, "shares", "order_notional", "position_notional"), many)
    wide |= dict.fromkeys(("gross_share", "concentration_share"), Decimal(999))
    limits.change(wide | {"quote_seconds": Decimal(60)}, by=None, reason="a test of something else")


async def in_thread(work: Callable[[], Any]) -> Any:
    def act() -> Any:
        try:
            return work()
        finally:
            databases.close_all()

    return await asyncio.to_thread(act)


async def until(ready: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not ready():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def account_state() -> StreamState | None:
    told = [feed.statuses.get("account") for feed in watch.hub.feeds.values()]
    return told[0].state if told and told[0] else None


async def trade(run: Run, count: int) -> None:
    """Orders that fill at once, late, or in slices; no two alike, for a twin would want a confirmation."""
    dice = random.Random(3)  # noqa: S311 (which orders, not a secret)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("immediate", {}),
        ("delayed", {"delay": 0.5}),
        ("partial", {"fraction": 0.5, "interval": 0.2}),
    ]
    for number in range(count):
        if number % 5 == 0:
            mode, how = dice.choice(ways)
            run.sim.fills(mode, **how)
        symbol, quantity = SYMBOLS[number % len(SYMBOLS)], 2 + number // len(SYMBOLS)
        await in_thread(partial(run.place, symbol, quantity))
        await asyncio.sleep(dice.random() * 0.05)


async def settle(run: Run, count: int, within: float = AT_MOST) -> list[float]:
    """All orders are right soon after their fill; the delays."""
    await until(lambda: len(run.fill_times().keys() & set(run.placed)) == count)
    await until(lambda: run.all_are_right, within + 15)
    delays = run.delays()
    assert delays[-1] < within, f"the last was right after {delays[-1]:.1f} s"
    await in_thread(lambda: run.check_orders(count))
    return delays


def trust_the_stream(patch: pytest.MonkeyPatch) -> None:
    """Sabotage: nobody looks at a listing soon, whatever the stream may have kept back."""

    async def never(self: object) -> None:
        await asyncio.Event().wait()

    patch.setattr(Sweep, "run", never)
    patch.setattr(SecondLook, "run", never)
    patch.setattr(news, "LOOKS", ())
    patch.setattr(reconcile, "hasten", lambda orders: None)


def tell(what: str, delays: list[float], lost: int) -> None:
    middle, last = delays[len(delays) // 2], delays[-1]
    print(f"{what}: {len(delays)} orders, {lost} frames lost; right {middle:.1f} s after the fill, at most {last:.1f}")
