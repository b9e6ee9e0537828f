"""A broker in a process of its own: its ledger outlives every desk, and its faults come by chance from a seed.

``serve(<socket>)`` serves it, for ever; ``RemoteLedger(<socket>)`` is the port to it, in any process.
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from ledger_broker import LedgerBroker

from brokers import errors
from brokers.domain.orders import OrderUpdate
from brokers.transport import acting_watchers
from brokers.wire import Purpose, Request

PLACING = Request("POST", "/orders", acts=True, purpose=Purpose.PLACE)
MUTATING = frozenset({"place_order", "replace_order", "cancel_order", "place_group"})
BEFORE, RESET, AFTER, RESET_AFTER, LATE = "5xx before", "reset before", "5xx after", "reset after", "late"
PLAN = ((BEFORE, 0.04), (RESET, 0.04), (AFTER, 0.05), (RESET_AFTER, 0.05), (LATE, 0.04))
"""What happens to 22 of a hundred orders."""


class Reset(Exception):
    """The connection is to be cut without an answer."""


@dataclass
class Faulty:
    """The ledger, what befell the requests, and what it took when."""

    broker: LedgerBroker = field(default_factory=LedgerBroker)
    lock: threading.RLock = field(default_factory=threading.RLock)
    chance: random.Random = field(default_factory=lambda: random.Random(20260101))  # noqa: S311
    faults: bool = False
    listing_faults: float = 0.0
    fill_every: int = 0
    latency: float = 0.0
    longest_late: float = 5.0
    asked: Counter[str] = field(default_factory=Counter)
    befell: Counter[str] = field(default_factory=Counter)
    begun: list[tuple[str, float]] = field(default_factory=list)

    def call(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if hasattr(self, f"do_{name}"):
            with self.lock:
                return getattr(self, f"do_{name}")(*args, **named)
        if name == "place_order":
            return self.place(*args, **named)
        with self.lock:
            if name in ("get_orders", "get_order", "find_order") and self.chance.random() < self.listing_faults:
                self.befell["listing"] += 1
                raise errors.Unavailable("The listing failed.")
            return getattr(self.broker, name)(*args, **named)

    def place(self, number: str, ticket: Any, client_ref: str) -> Any:
        with self.lock:
            self.asked[client_ref] += 1
            self.begun.append((client_ref, time.monotonic()))
            fault = self._draw()
            if fault:
                self.befell[fault] += 1
            late = self.chance.uniform(0.1, self.longest_late)
        time.sleep(self.latency)
        if fault == BEFORE:
            raise errors.OutcomeUnknown("502")
        if fault == RESET:
            raise Reset
        if fault == LATE:
            threading.Timer(late, self._take, (number, ticket, client_ref)).start()
            raise errors.OutcomeUnknown("Timed out.")
        placed = self._take(number, ticket, client_ref)
        time.sleep(self.latency)
        if fault == AFTER:
            raise errors.OutcomeUnknown("502")
        if fault == RESET_AFTER:
            raise Reset
        return placed

    def _draw(self) -> str:
        drawn = self.chance.random()
        for name, share in PLAN if self.faults else ():
            if drawn < share:
                return name
            drawn -= share
        return ""

    def _take(self, number: str, ticket: Any, client_ref: str) -> Any:
        with self.lock:
            placed = self.broker.place_order(number, ticket, client_ref)
            if self.fill_every and len(self.broker.ledger) % self.fill_every == 0:
                self.broker.fill(placed.order.broker_order_id, str(ticket.legs[0].quantity))
            return placed

    # what a test asks of it

    def do_configure(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def do_out(self) -> int:
        """How many requests to place an order came."""
        return sum(self.asked.values())

    def do_figures(self, **figures: str) -> None:
        self.broker.figures = figures

    def do_stats(self) -> dict[str, Any]:
        return {
            "orders": list(self.broker.ledger.values()),
            "asked": dict(self.asked),
            "befell": dict(self.befell),
            "begun": list(self.begun),
        }


def serve(address: str) -> None:
    faulty = Faulty()
    with Listener(address, family="AF_UNIX", backlog=64) as listener:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            threading.Thread(target=_answer, args=(faulty, listener.accept()), daemon=True).start()


def _answer(faulty: Faulty, caller: Connection) -> None:
    try:
        while True:
            name, args, named = caller.recv()
            try:
                answer: tuple[str, Any] = ("ok", faulty.call(name, args, named))
            except Reset:
                caller.close()
                return
            except errors.BrokerError as error:
                answer = (type(error).__name__, error.message)
            except Exception as error:
                answer = ("bug", repr(error))
            caller.send(answer)
    except (EOFError, OSError):
        return  # the desk died, or hung up


class RemoteLedger:
    """The broker's port, over there. A connection cut while an order is being sent leaves its outcome unknown."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._mine = threading.local()

    def _line(self) -> Connection:
        if getattr(self._mine, "pid", None) != os.getpid():
            self._mine.line, self._mine.pid = Client(self._address, family="AF_UNIX"), os.getpid()
        line: Connection = self._mine.line
        return line

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **named: self._call(name, args, named)

    def _call(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        line = self._line()
        if name == "place_order":
            for watch in acting_watchers:  # as the transport does, whose place this takes
                watch(PLACING, 1)
        try:
            line.send((name, args, named))
            kind, value = line.recv()
        except (EOFError, OSError):
            self._mine.pid = None
            kind, value = ("OutcomeUnknown" if name in MUTATING else "Unavailable"), "The connection was cut."
        if kind == "ok":
            return value
        if kind == "bug":
            raise RuntimeError(value)
        raise getattr(errors, kind)(value)


def intent_of(update: OrderUpdate) -> tuple[str, Decimal]:
    """What an order was to be, by its account and price: tests give each intent a price of its own."""
    return update.account_number, abs(update.limit_price or Decimal(0))
