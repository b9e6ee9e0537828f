"""Several processes at once: at a limit, and at the switch that is pressed while they send."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from multiprocessing import Barrier
from typing import Any

from doomed.processes import fork, kill, load, open_accounts

LIMIT, TAKES = Decimal(20_000), Decimal(-1_900)
"""Buying power, of which 95 % are ten times what an order takes."""
PRESS_AFTER = 3
"""Orders that begin to be sent between two presses."""
CONFIRMED = {"DUPLICATE_LIKE", "PRICE_COLLAR"}

# --- the limit ---


def cap(how: str, processes: int = 5) -> dict[str, Any]:
    """Fifty orders from several processes, each a tenth of what may be used."""
    broker = load(controls=True)
    from burst_worker import ORDERS, dismiss_the_guards, sabotage

    (account,) = open_accounts(1)
    dismiss_the_guards()
    sabotage(how)
    shares = [range(number, ORDERS, processes) for number in range(processes)]
    all_at_once([lambda wait, share=share: use_up(account, broker, share, wait) for share in shares])  # type: ignore[misc]
    from trading.models import Order

    denied = [row for row in Order.objects.all() if row.status == "denied"]
    for_power = sum(any(f["code"] == "BUYING_POWER" for f in row.findings) for row in denied)
    return {"passed": len(broker.stats()["orders"]), "denied": len(denied), "for_power": for_power}


def all_at_once(works: list[Callable[[Callable[[], None]], None]]) -> None:
    """A process for each, which calls what it is given when it is prepared: that returns when all are."""
    (gate_in, gate_out), (ready_in, ready_out) = os.pipe(), os.pipe()

    def wait() -> None:
        os.write(ready_out, b".")
        os.read(gate_in, 1)

    pids = [fork(lambda work=work: work(wait)) for work in works]  # type: ignore[misc]
    heard = b""
    while len(heard) < len(works):
        heard += os.read(ready_in, 1)
    os.write(gate_out, b"." * len(works))
    for pid in pids:
        os.waitpid(pid, 0)


def use_up(account: Any, broker: Any, numbers: range, wait: Callable[[], None]) -> None:
    """Nobody's order is written down before all processes have asked the broker for the account's figures."""
    from ledger_broker import a_ticket

    from trading import orders
    from trading.models import Order
    from trading.risk.facts import Effect
    from trading.safety import snapshots

    take = snapshots.take
    snapshots.take = lambda *args, **named: replace(take(*args, **named), effect=Effect(TAKES, LIMIT))
    snapshots.FIGURES_KEPT = 600
    snapshots._figures(account, broker, anew=False)
    wait()
    for number in numbers:
        try:
            ticket = a_ticket(price=f"190.{number:02d}")
            orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.WEB)
        except orders.Denied:
            continue


# --- all people together ---

PEOPLE, ROOM = 8, 3


def everybody(how: str) -> dict[str, Any]:
    """Eight people's orders, a process each, all written down before any leaves; the installation may send three.

    ``once``: it is not counted again before they leave. ``cautious``: who sees too much stays, and nobody waits for
    the others. ``counts on``: who is held back still counts for the next.
    """
    broker = load(controls=True)
    from burst_worker import dismiss_the_guards, sabotage

    from trading.safety import limits

    limits.change({"installation_dollars_a_minute": Decimal(ROOM * 191)}, by=None, reason="a test")
    accounts = open_accounts(PEOPLE)
    dismiss_the_guards()
    sabotage(how)
    all_have_looked = Barrier(PEOPLE, timeout=120)
    all_at_once([
        lambda wait, n=n: leave_together(accounts[n], n, wait, all_have_looked.wait)  # type: ignore[misc]
        for n in range(PEOPLE)
    ])  # fmt: skip
    from trading.models import Order

    statuses = list(Order.objects.values_list("status", flat=True))
    return {"passed": len(broker.stats()["orders"]), "not_sent": statuses.count("not_sent"), "rows": len(statuses)}


def leave_together(account: Any, number: int, wait: Callable[[], None], looked: Callable[[], Any]) -> None:
    """Judged as if nobody else were there; nobody looks before all are written down, nor leaves before all looked."""
    from ledger_broker import a_ticket

    from trading import orders
    from trading.models import Order
    from trading.protocol import sending
    from trading.risk.facts import SentByAll
    from trading.safety import last_count, snapshots

    sending.SEND_WITHIN = timedelta(minutes=5)
    renew, check = snapshots.renew, last_count.check
    snapshots.renew = lambda *args: replace(renew(*args), sent_by_all=SentByAll())

    def look(*args: Any) -> None:
        wait()
        try:
            check(*args)
        finally:
            looked()

    last_count.check = look
    ticket = a_ticket("1", f"190.{number:02d}")
    orders.place(account=account, ticket=ticket, idempotency_key="k", source=Order.Source.WEB)


# --- the switch ---


def switch(how: str, presses: int, processes: int = 4) -> dict[str, Any]:
    """Processes that send as fast as they can, and the switch pressed in another one, again and again.

    One that is not sound is pressed until it is caught, ``presses`` times at most.
    """
    broker = load(controls=True)
    from burst_worker import sabotage

    from trading.patterns import raising

    (account,) = open_accounts(1)
    sabotage(how)
    raising._press = lambda *_: None  # type: ignore[assignment]  # senders that knock at a closed door
    pids = [fork(lambda process=process: send_on(account, process)) for process in range(processes)]  # type: ignore[misc]
    drills: list[Drill] = []
    while len(drills) < presses and (how == "sound" or not any(each.late for each in drills)):
        drills.append(drill(account, broker))
    for pid in pids:
        kill(pid)
    late, slowest = sum(each.late for each in drills), max(each.seconds for each in drills)
    return {"late": late, "sent": broker.out(), "presses": presses, "slowest": round(slowest, 3)}


def send_on(account: Any, process: int) -> None:
    """For ever, with some time between the look at the halts and the commit."""
    from ledger_broker import a_ticket

    from trading import orders
    from trading.models import Order
    from trading.safety import limits

    holds = limits.for_account

    def slowly(*args: Any) -> Any:
        time.sleep(0.02)
        return holds(*args)

    limits.for_account = slowly
    for number in range(1, 100_000):
        ticket = a_ticket(quantity=str(1 + number // 100), price=f"{180 + process}.{number % 100:02d}")
        key = f"s{process}-{number}"
        try:
            orders.place(
                account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB, confirmed=CONFIRMED
            )
        except orders.Denied:
            time.sleep(0.005)


@dataclass(frozen=True)
class Drill:
    late: int
    seconds: float


def drill(account: Any, broker: Any) -> Drill:
    """One press while orders go out; what began to be sent after it and was not named to whoever pressed is late."""
    from trading.models import Order
    from trading.safety import halts

    wait_for(broker, broker.out() + PRESS_AFTER)
    begun = time.monotonic()
    pressed = halts.press(halts.Scope.of_account(account), halts.TradingState.HALTED, reason="a drill")
    done = time.monotonic()
    time.sleep(0.4)
    after = {ref for ref, at in broker.stats()["begun"] if at > done}
    on_their_way = {entry["order"] for entry in pressed.on_their_way}
    late = sum(str(row.pk) not in on_their_way for row in Order.objects.filter(client_ref__in=after))
    halts.rearm(pressed, reason="the drill is over", user=None)
    return Drill(late, done - begun)


def wait_for(broker: Any, how_many: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while broker.out() < how_many and time.monotonic() < until:
        time.sleep(0.01)
