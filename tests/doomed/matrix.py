"""Orders through every failpoint, at both brokers of a simulator: one order per cell, then all are found out."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from doomed.cells import Cell
from doomed.counting import Excess
from doomed.failpoints import FAULTS, HITS, POINTS, arm
from doomed.processes import fork
from doomed.reconcilers import reconcilers
from doomed.two_brokers import connected, made_ready
from doomed.verdict import judged, settle

TOGETHER = 12
"""Cells whose processes run at the same time."""
CUT_OFF = POINTS[11]
"""Where the sender is killed whose order a failing reconciler is to find."""


def matrix(
    url: str, repeats: int, points: Sequence[int] = (), faults: Sequence[str] = FAULTS, sabotage: str = ""
) -> dict[str, Any]:
    """Each point, each fault (or those that are named), both brokers, so often. ``resume`` sends what was cut off."""
    accounts = connected(url)
    made_ready()
    folder = Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"]))
    os.environ[HITS] = str(folder / "hits")
    began = time.monotonic()
    chosen = [point for point in POINTS if not points or point.number in points]
    kinds = [(fault, point, of) for fault in faults for _ in range(repeats) for point in chosen for of in accounts]
    cells = [
        Cell(of[number // len(accounts) % len(of)], point, fault, number)
        for number, (fault, point, of) in enumerate(kinds)
    ]
    excess = Excess(folder)
    run(cells, excess, sabotage)
    everywhere = [account for of in accounts for account in of]
    settled = settle(everywhere, 10 if sabotage else 90)
    hits = Path(os.environ[HITS])
    return judged(cells, everywhere, url) | {
        "cells": len(cells), "struck": hits.stat().st_size if hits.exists() else 0, "excess": excess.times,
        "settled": settled, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


# --- the cells ---


def run(cells: Sequence[Cell], excess: Excess, sabotage: str) -> None:
    """All senders, some at a time; each client whose answer did not come asks again. Reconcilers fail in their turn."""
    with reconcilers(1):
        for some in batches([cell for cell in cells if not cell.point.reconciler]):
            side_by_side(lambda cell=cell: send(cell, excess, armed=True) for cell in some)  # type: ignore[misc]
            side_by_side(lambda cell=cell: again(cell, excess, sabotage) for cell in some)  # type: ignore[misc]
    for some in one_an_account([cell for cell in cells if cell.point.reconciler]):
        side_by_side(lambda cell=cell: cut_off(cell, excess) for cell in some)  # type: ignore[misc]
        let_time_pass(some)
        side_by_side(lambda cell=cell: look_after(cell) for cell in some)  # type: ignore[misc]


def batches(cells: Sequence[Cell], size: int = TOGETHER) -> Iterator[Sequence[Cell]]:
    for start in range(0, len(cells), size):
        yield cells[start : start + size]


def one_an_account(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    """As many at a time as are of different accounts: an account's orders are looked up by one at a time."""
    some: dict[Any, Cell] = {}
    for cell in cells:
        if cell.account.pk in some:
            yield list(some.values())
            some = {}
        some[cell.account.pk] = cell
    if some:
        yield list(some.values())


def side_by_side(jobs: Iterable[Any]) -> None:
    for pid in [fork(_quiet(job)) for job in jobs]:
        os.waitpid(pid, 0)


def _quiet(job: Any) -> Any:
    def run() -> None:
        from doomed.failpoints import Injected

        try:
            job()
        except Injected:
            os._exit(1)

    return run


def send(cell: Cell, excess: Excess, *, armed: bool = False) -> Any:
    from ledger_broker import a_ticket

    from trading import orders
    from trading.models import Order

    if armed:
        arm(cell.point, cell.fault)
    try:
        return orders.place(
            account=cell.account,
            ticket=a_ticket("1", str(cell.price)),
            idempotency_key=f"cell-{cell.number}",
            source=Order.Source.API,
        )[0]
    finally:
        excess.look()


def again(cell: Cell, excess: Excess, sabotage: str) -> None:
    """The client asks once more, under the same key."""
    order = send(cell, excess)
    if sabotage == "resume" and order.status in ("sending", "unknown"):
        from brokers import connections

        broker = connections.broker_for(order.account.connection)
        broker.place_order(order.account.number, order.order_ticket, order.client_ref)


# --- reconcilers that fail ---


def cut_off(cell: Cell, excess: Excess) -> None:
    send(replace(cell, point=CUT_OFF, fault="kill"), excess, armed=True)


def let_time_pass(cells: Sequence[Cell]) -> None:
    """As if their senders' time were over."""
    from django.utils import timezone

    from trading.models import Order

    for cell in cells:
        mine = Order.objects.filter(account=cell.account, idempotency_key=f"cell-{cell.number}")
        mine.update(next_check_at=timezone.now())


def look_after(cell: Cell) -> None:
    from trading.protocol import watch

    arm(cell.point, cell.fault)
    for _ in range(2):  # the doubt, then the listing
        watch.look_after(cell.account.pk)
        time.sleep(0.25)
