"""The answer to a replacement and the stream's news of it at the same moment: ``python lock_order_worker.py how``.

``how`` is sound, or unlocked: then orders are not locked before something is recorded. It prints one JSON line.
"""

import json
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import django

django.setup()

from bare_sending import without_controls  # noqa: E402
from django.db import OperationalError  # noqa: E402
from django.db import connections as databases  # noqa: E402
from ledger_broker import LedgerBroker, a_ticket, open_account  # noqa: E402

from brokers import connections  # noqa: E402
from trading import orders  # noqa: E402
from trading.models import Order, Replacement  # noqa: E402
from trading.protocol import news  # noqa: E402


def main(how: str) -> dict[str, Any]:
    without_controls(setattr)
    broker = LedgerBroker()
    connections.broker_for = lambda connection, **_: broker  # type: ignore[assignment]
    connections.access_token = lambda connection_id, refused=None: "made-up"  # type: ignore[assignment]
    account = open_account("trader", "5WT00042")
    placed, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.API)
    both_hold_something = threading.Barrier(2)
    deadlocks: list[str] = []
    begin, write_event = Order.begin, Order._write_event

    def wait() -> None:
        with suppress(threading.BrokenBarrierError):
            both_hold_something.wait(3)

    def begin_and_wait(**fields: Any) -> Order:
        order = begin(**fields)
        wait()
        return order

    def wait_and_write(order: Order, kind: str, *rest: Any) -> None:
        if (
            kind == "replace"
            and threading.current_thread() is threading.main_thread()
            and order.replace_pending is False
        ):
            wait()
        write_event(order, kind, *rest)

    def stream(update: Any) -> None:
        try:
            news.record(account.connection_id, [update], "stream")
        except OperationalError as error:
            deadlocks.append(str(error))
        finally:
            databases.close_all()

    told: list[threading.Thread] = []
    replace_order = broker.replace_order

    def answer(number: str, order_id: str, ticket: Any) -> Any:
        update = replace_order(number, order_id, ticket)
        Order.begin, Order._write_event = begin_and_wait, wait_and_write  # type: ignore[method-assign, assignment]
        told.append(threading.Thread(target=stream, args=(replace(update),)))
        told[0].start()
        return update

    broker.replace_order = answer  # type: ignore[method-assign]
    if how == "unlocked":
        news.locked = lambda pk: Order.objects.get(pk=pk)
    try:
        orders.replace(placed, a_ticket(price="191.00"), idempotency_key="r", source=Order.Source.API)
    except Exception as error:
        deadlocks.append(str(error))
    told[0].join(60)
    shown = Order.objects.shown().order_by("created_at")
    return {
        "deadlocks": len(deadlocks),
        "replacement": Replacement.objects.get().status,
        "successors": sum(order.replaces_id == placed.pk for order in shown),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
