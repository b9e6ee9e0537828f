"""The answer to a replacement and the stream's news of its order at the same moment, in two threads of one process."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from doomed.processes import be_ready, open_accounts


def meeting(how: str) -> dict[str, Any]:
    """``how`` is sound, or unlocked: then orders are not locked before something is recorded."""
    be_ready(controls=False)
    from ledger_broker import LedgerBroker, a_ticket

    from brokers import connections
    from trading import orders
    from trading.models import Order, Replacement
    from trading.protocol import known

    broker = LedgerBroker()
    connections.broker_for = lambda connection, **_: broker  # type: ignore[assignment]
    (account,) = open_accounts(1)
    placed, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.API)
    if how == "unlocked":
        known.locked = lambda pk: Order.objects.get(pk=pk)
    met = Meeting(placed, broker.replace_order, broker.ledger)
    broker.replace_order = met.answer  # type: ignore[method-assign]
    met.happen()
    shown = Order.objects.shown()
    return {
        "deadlocks": len(met.deadlocks),
        "replacement": Replacement.objects.get().status,
        "successors": sum(order.replaces_id == placed.pk for order in shown),
    }


@dataclass
class Meeting:
    """The stream tells of the order's end while the answer that names its successor is recorded. The answer goes on
    when the stream's statement is held up: it wants the record's end, which the answer has, and has the order's row
    itself, unless the answer has locked that, too."""

    order: Any
    replace_order: Any
    ledger: Any
    both_have_come: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))
    deadlocks: list[str] = field(default_factory=list)
    streams: list[threading.Thread] = field(default_factory=list)

    def happen(self) -> None:
        from ledger_broker import a_ticket

        from trading import orders
        from trading.models import Order

        try:
            orders.replace(self.order, a_ticket(price="191.00"), idempotency_key="r", source=Order.Source.API)
        except Exception as error:
            self.deadlocks.append(str(error))
        self.streams[0].join(60)

    def answer(self, number: str, order_id: str, ticket: Any) -> Any:
        """The broker's; the stream tells of it just before it arrives."""
        update = self.replace_order(number, order_id, ticket)
        self.make_both_wait()
        ended = self.ledger[order_id]
        self.streams.append(threading.Thread(target=self.stream, args=(replace(ended),)))
        self.streams[0].start()
        return update

    def make_both_wait(self) -> None:
        from trading.models import Order

        begin, write_event = Order.begin, Order._write_event

        def begin_and_wait(**fields: Any) -> Order:
            order = begin(**fields)
            self.wait()
            wait_until_somebody_is_held_up()
            return order

        def wait_and_write(order: Order, kind: str, *rest: Any) -> None:
            if threading.current_thread() is not threading.main_thread():
                self.wait()
            write_event(order, kind, *rest)

        Order.begin, Order._write_event = begin_and_wait, wait_and_write  # type: ignore[method-assign, assignment]

    def wait(self) -> None:
        with suppress(threading.BrokenBarrierError):
            self.both_have_come.wait(3)

    def stream(self, update: Any) -> None:
        from django.db import OperationalError
        from django.db import connections as databases

        from trading.protocol import news

        try:
            news.record(self.order.account.connection_id, [update], "stream")
        except OperationalError as error:
            self.deadlocks.append(str(error))
        finally:
            databases.close_all()


def wait_until_somebody_is_held_up() -> None:
    from django.db import connection

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
