"""Bursts of orders against limits and the kill switch, in threads over a database of its own.

``python burst_worker.py cap|halt|everybody sound|early|ungated|once`` with the database's URL in TEST_DATABASE_URL; it
prints one JSON line. ``early`` judges before the transaction and not in it; ``ungated`` reads halts without their gate;
``once`` looks at the installation's cap in the transaction alone, ``cautious`` turns away all who see too much.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

ORDERS = 50
SENDERS = 8
PRESSES = 6


def prepare() -> Any:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from ledger_broker import LedgerBroker, open_account

    from brokers import connections
    from trading.safety import limits

    broker = LedgerBroker()
    connections.broker_for = lambda connection, **_: broker  # type: ignore[assignment]
    connections.access_token = lambda connection_id, refused=None: "made-up"  # type: ignore[assignment]
    many = Decimal(10_000_000)
    names = ("orders_a_second", "web_orders_a_minute", "orders_a_day", "open_orders", "open_orders_a_symbol")
    values = dict.fromkeys(names, many) | {
        "position_notional": many,
        "gross_share": Decimal(999),
        "concentration_share": Decimal(999),
    }
    limits.change(values, by=None, reason="a test of something else")
    return broker, open_account("trader", "5WT00042")


def sabotage(how: str) -> None:
    from trading.safety import halts, last_count, snapshots

    if how == "ungated":
        halts._hold_gate = lambda *, alone: None
    if how == "once":
        last_count.check = lambda *_: None
    if how == "cautious":
        last_count.check = turn_away_whoever_sees_too_much  # type: ignore[assignment]
    if how == "counts on":
        check = last_count.check
        last_count.check = lambda since, until, _hold_back: check(since, until)
    if how == "early":
        take, renew = snapshots.take, snapshots.renew
        snapshots.take = lambda account, *rest, **named: renew(take(account, *rest, **named), account)
        snapshots.renew = lambda snapshot, account: snapshot


def turn_away_whoever_sees_too_much(since: Any, until: Any, _hold_back: Any) -> None:
    from trading.safety import last_count

    if last_count._may_be_over(since, until):
        raise last_count.CapReached("Too much.")


def together(workers: list[Callable[[], None]]) -> None:
    from django.db import connections as databases

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            databases.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(500)


def cap(how: str) -> dict[str, Any]:
    """Fifty orders at once, each a tenth of the buying power that may be used; every other answer is lost."""
    from ledger_broker import a_ticket

    from brokers.errors import OutcomeUnknown
    from trading import orders
    from trading.models import Order
    from trading.safety import snapshots

    broker, account = prepare()
    preview = broker.preview_order
    power = Decimal(20_000)  # 95 % of it are ten times 1,900
    broker.preview_order = lambda number, ticket: replace(
        preview(number, ticket), buying_power_before=power, buying_power_change=Decimal(-1_900)
    )

    def lose_every_other() -> None:
        if len(broker.ledger) % 2:
            raise OutcomeUnknown("The answer was lost.")

    broker.after = lose_every_other
    dismiss_the_guards()
    sabotage(how)
    started, take = threading.Barrier(ORDERS, timeout=300), snapshots.take

    def take_together(*args: Any, **named: Any) -> Any:
        found = take(*args, **named)
        started.wait()  # nobody is written down before all have asked the broker
        return found

    snapshots.take = take_together
    failures: list[str] = []

    def place(number: int) -> None:
        try:
            ticket = a_ticket(price=f"190.{number:02d}")
            orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.WEB)
        except orders.Denied:
            pass
        except Exception as error:
            failures.append(repr(error))

    together([lambda number=number: place(number) for number in range(ORDERS)])  # type: ignore[misc]
    rows = Order.objects.all()
    denied = rows.filter(status="denied")
    return {
        "passed": len(broker.ledger),
        "unknown": rows.filter(status="unknown").count(),
        "denied": denied.count(),
        "for_power": sum(any(f["code"] == "BUYING_POWER" for f in row.findings) for row in denied),
        "failures": failures,
    }


def everybody(how: str) -> dict[str, Any]:
    """Twenty people's orders at once; the installation may send five."""
    from ledger_broker import a_ticket, open_account

    from trading import orders
    from trading.models import Order
    from trading.safety import limits

    broker, first = prepare()
    limits.change({"installation_dollars_a_minute": Decimal(5 * 191)}, by=None, reason="a test")
    accounts = [first, *(open_account(f"trader{number}", f"5WT{number:05}") for number in range(100, 119))]
    sabotage(how)
    holds, failures = limits.for_account, []
    started = threading.Barrier(len(accounts), timeout=300)

    def slowly(*args: Any) -> Any:
        time.sleep(0.3)  # between the look at what all have sent and the commit
        return holds(*args)

    limits.for_account = slowly

    def place(number: int) -> None:
        try:
            started.wait()
            ticket, key = a_ticket("1", f"190.{number:02d}"), f"k{number}"
            orders.place(account=accounts[number], ticket=ticket, idempotency_key=key, source=Order.Source.WEB)
        except orders.Denied:
            pass
        except Exception as error:
            failures.append(repr(error))

    together([lambda number=number: place(number) for number in range(len(accounts))])  # type: ignore[misc]
    statuses = list(Order.objects.values_list("status", flat=True))
    kept = {status: statuses.count(status) for status in ("denied", "not_sent", "unknown")}
    return {"passed": len(broker.ledger), "failures": failures, **kept}


def halt(how: str) -> dict[str, Any]:
    """Senders at full speed, and the switch pressed again and again: what is sent after it was pressed?"""
    broker, account = prepare()
    sabotage(how)
    let_them_race()
    scene = Scene(account, broker)
    together([scene.press_often, *(lambda sender=sender: scene.send(sender) for sender in range(SENDERS))])  # type: ignore[misc]
    return {
        "late": len(scene.late),
        "sent": len(broker.ledger),
        "presses": PRESSES,
        "slowest_press": round(scene.slowest, 3),
        "failures": scene.failures[:3],
    }


def dismiss_the_guards() -> None:
    """They would halt such a burst by themselves, for good, and sooner on a slow machine."""
    from trading.models import order_changed

    for watcher in ("trading.patterns", "trading.runaway"):
        order_changed.disconnect(dispatch_uid=watcher)


def let_them_race() -> None:
    """Time between the look at the halts and the commit."""
    from trading.safety import limits

    dismiss_the_guards()
    holds = limits.for_account

    def slowly(*args: Any) -> Any:
        time.sleep(0.02)
        return holds(*args)

    limits.for_account = slowly


class Scene:
    """Senders, and whoever presses; all that began to be sent, with its time."""

    def __init__(self, account: Any, broker: Any) -> None:
        self.account = account
        self.sends: list[tuple[str, float]] = []
        self.late: list[str] = []
        self.failures: list[str] = []
        self.slowest = 0.0
        self.over = threading.Event()
        place_order = broker.place_order

        def noted(number: str, ticket: Any, client_ref: str) -> Any:
            self.sends.append((client_ref, time.monotonic()))
            return place_order(number, ticket, client_ref)

        broker.place_order = noted

    def send(self, sender: int) -> None:
        from trading import orders

        number = 0
        while not self.over.is_set():
            number += 1
            try:
                self.place(sender, number)
            except orders.Denied:
                time.sleep(0.005)
            except Exception as error:
                self.failures.append(repr(error))

    def place(self, sender: int, number: int) -> None:
        from ledger_broker import a_ticket

        from trading import orders
        from trading.models import Order

        orders.place(
            account=self.account,
            ticket=a_ticket(quantity=str(1 + number // 100), price=f"{180 + sender}.{number % 100:02d}"),
            idempotency_key=f"s{sender}-{number}",
            source=Order.Source.WEB,
            confirmed={"DUPLICATE_LIKE", "PRICE_COLLAR"},
        )

    def press_often(self) -> None:
        for _ in range(PRESSES):
            self.wait_for(len(self.sends) + 3)
            self.press()
        self.over.set()

    def wait_for(self, count: int) -> None:
        until = time.monotonic() + 20
        while len(self.sends) < count and time.monotonic() < until:
            time.sleep(0.005)

    def press(self) -> None:
        """Once; whatever begins afterwards and was not told to be on its way is late."""
        from trading.models import Order
        from trading.safety import halts

        begun = time.monotonic()
        pressed = halts.press(halts.Scope.of_account(self.account), halts.TradingState.HALTED, reason="a drill")
        done = time.monotonic()
        self.slowest = max(self.slowest, done - begun)
        time.sleep(0.5)
        on_their_way = {entry["order"] for entry in pressed.on_their_way}
        after = {ref for ref, at in self.sends if at > done}
        rows = Order.objects.filter(client_ref__in=after)
        self.late.extend(str(row.pk) for row in rows if str(row.pk) not in on_their_way)
        halts.rearm(pressed, reason="the drill is over", user=None)


if __name__ == "__main__":
    import django

    django.setup()
    result = {"cap": cap, "halt": halt, "everybody": everybody}[sys.argv[1]](sys.argv[2])
    print(json.dumps(result))
