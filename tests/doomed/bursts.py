"""Several processes at once: at a limit, and at the switch that is pressed while they send."""

import os
import time
from decimal import Decimal
from typing import Any

from doomed.processes import fork, kill, load, open_accounts


def cap(how: str, processes: int = 5) -> dict[str, Any]:
    """Fifty orders from several processes, each a tenth of what may be used."""
    broker = load(controls=True)
    from burst_worker import ORDERS, sabotage
    from ledger_broker import a_ticket

    (account,) = open_accounts(1)
    sabotage(how)
    (gate_in, gate_out), (ready_in, ready_out) = os.pipe(), os.pipe()

    def place(process: int) -> None:
        from dataclasses import replace

        from trading import orders
        from trading.models import Order
        from trading.risk.facts import Effect
        from trading.safety import snapshots

        take = snapshots.take

        def effect(*args: Any, **named: Any) -> Any:
            found = take(*args, **named)
            power = Decimal(20_000)  # 95 % of it are ten times 1,900
            return replace(found, effect=Effect(Decimal(-1_900), power))

        snapshots.take = effect
        snapshots.FIGURES_KEPT = 600
        snapshots._figures(account, broker, anew=False)  # nobody is written down before all have asked the broker
        os.write(ready_out, b".")
        os.read(gate_in, 1)
        for number in range(process, ORDERS, processes):
            try:
                ticket = a_ticket(price=f"190.{number:02d}")
                orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.WEB)
            except orders.Denied:
                continue

    pids = [fork(lambda process=process: place(process)) for process in range(processes)]  # type: ignore[misc]
    heard = b""
    while len(heard) < processes:
        heard += os.read(ready_in, 1)
    os.write(gate_out, b"." * processes)
    for pid in pids:
        os.waitpid(pid, 0)
    from trading.models import Order

    rows = Order.objects.all()
    denied = [row for row in rows if row.status == "denied"]
    for_power = sum(any(f["code"] == "BUYING_POWER" for f in row.findings) for row in denied)
    return {"passed": len(broker.stats()["orders"]), "denied": len(denied), "for_power": for_power}


def switch(how: str, presses: int, processes: int = 4) -> dict[str, Any]:
    """Processes that send as fast as they can, and the switch pressed in another one, again and again."""
    broker = load(controls=True)
    from burst_worker import sabotage
    from ledger_broker import a_ticket

    from trading.patterns import raising

    (account,) = open_accounts(1)
    sabotage(how)
    raising._press = lambda *_: None  # type: ignore[assignment]  # senders that knock at a closed door

    def send(process: int) -> None:
        from trading import orders
        from trading.models import Order
        from trading.safety import limits

        holds = limits.for_account

        def slowly(*args: Any) -> Any:
            time.sleep(0.02)  # between the look at the halts and the commit
            return holds(*args)

        limits.for_account = slowly
        confirmed = {"DUPLICATE_LIKE", "PRICE_COLLAR"}
        for number in range(1, 100_000):
            ticket = a_ticket(quantity=str(1 + number // 100), price=f"{180 + process}.{number % 100:02d}")
            key = f"s{process}-{number}"
            try:
                orders.place(
                    account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB, confirmed=confirmed
                )
            except orders.Denied:
                time.sleep(0.005)

    pids = [fork(lambda process=process: send(process)) for process in range(processes)]  # type: ignore[misc]
    from trading.models import Order
    from trading.safety import halts

    late, slowest = 0, 0.0
    for _ in range(presses):
        wanted, until = len(broker.stats()["begun"]) + 3, time.monotonic() + 30
        while len(broker.stats()["begun"]) < wanted and time.monotonic() < until:
            time.sleep(0.01)
        begun = time.monotonic()
        pressed = halts.press(halts.Scope.of_account(account), halts.TradingState.HALTED, reason="a drill")
        done = time.monotonic()
        slowest = max(slowest, done - begun)
        time.sleep(0.4)
        on_their_way = {entry["order"] for entry in pressed.on_their_way}
        after = {ref for ref, at in broker.stats()["begun"] if at > done}
        late += sum(str(row.pk) not in on_their_way for row in Order.objects.filter(client_ref__in=after))
        halts.rearm(pressed, reason="the drill is over", user=None)
    for pid in pids:
        kill(pid)
    return {"late": late, "sent": len(broker.stats()["begun"]), "presses": presses, "slowest": round(slowest, 3)}
