"""A desk of several processes that are killed at random: senders and a reconciler, on one database and one broker.

``python doomed_desk.py <task> '<json>'`` with TEST_DATABASE_URL and LEDGER (the broker's socket) in the environment.
It loads the desk once and forks its processes from there; it prints one JSON line at the end.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

PER_ACCOUNT = 25
WIDE = (
    "orders_a_second", "web_orders_a_minute", "api_orders_a_minute", "orders_a_day", "open_orders",
    "open_orders_a_symbol", "order_notional", "position_notional",
)  # fmt: skip


def load(*, controls: bool) -> Any:
    """Django over the test's database; the broker in its own process; the watch's patience in seconds."""
    import django

    django.setup()
    from ledger_process import RemoteLedger

    from brokers import connections
    from trading import risk
    from trading.protocol import reconcile, sending
    from trading.safety import limits

    broker = RemoteLedger(os.environ["LEDGER"])
    connections.broker_for = lambda connection, **_: broker  # type: ignore[assignment]
    connections.access_token = lambda connection_id, refused=None: "made-up"  # type: ignore[assignment]
    if not controls:
        risk.check = lambda *_: []  # type: ignore[assignment]
    values = dict.fromkeys(WIDE, Decimal(10**7)) | dict.fromkeys(("gross_share", "concentration_share"), Decimal(999))
    limits.change(values, by=None, reason="a test of something else")
    sending.OWNER_TIME = timedelta(seconds=1)
    sending.SEND_WITHIN = timedelta(seconds=2)
    sending.FIRST_CHECK = reconcile.FIRST_CHECK = timedelta(seconds=0.2)
    reconcile.ATTEMPT_LIMIT = timedelta(seconds=1)
    reconcile.QUIET = reconcile.QUIET_UNHEARD = timedelta(seconds=1)
    reconcile.DELAYS = (0.2, 0.4, 0.8)  # type: ignore[assignment]
    reconcile.LATE_EVERY = timedelta(seconds=1)
    return broker


def open_accounts(how_many: int) -> list[Any]:
    from ledger_broker import open_account

    return [open_account(f"trader{number}", f"5WT{number:05d}") for number in range(how_many)]


def forget_connections() -> None:
    from django.db import connections as databases

    databases.close_all()


def fork(work: Callable[[], None]) -> int:
    """A process of its own for a piece of work. Nothing of the parent's is open in it."""
    forget_connections()
    if pid := os.fork():
        return pid
    try:
        work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def has_ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] != 0


# --- senders and the reconciler ---


def price_of(number: int) -> str:
    return f"{100 + number // 100}.{number % 100:02d}"


def submit(accounts: list[Any], numbers: list[int], done: Path) -> None:
    """Place these intents, each under its own key, as often as it takes: a client whose request broke off asks anew."""
    from django.db import Error
    from ledger_broker import a_ticket

    from brokers.errors import BrokerError
    from trading import orders
    from trading.models import Order

    out = os.open(done, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in numbers:
        account, ticket = accounts[number // PER_ACCOUNT], a_ticket("1", price_of(number))
        while True:
            try:
                orders.place(
                    account=account, ticket=ticket, idempotency_key=f"intent-{number}", source=Order.Source.API
                )
                break
            except (BrokerError, Error):
                forget_connections()
                time.sleep(0.05)
        os.write(out, f"{number}\n".encode())


def look_after_all() -> None:
    """The order watch without its feeds: whatever is due, again and again."""
    from django.db import Error

    from trading.protocol import watch

    while True:
        try:
            for account_id in watch.due_accounts():
                watch.look_after(account_id)
        except Error:
            forget_connections()
        time.sleep(0.05)


def read_done(done: Path) -> set[int]:
    return {int(line) for line in done.read_text().split()} if done.exists() else set()


def settle(seconds: float) -> None:
    """Look after everything until nothing is in doubt, then compare all accounts with the broker once more."""
    from brokers.models import Account
    from trading import lifecycle
    from trading.models import Order
    from trading.protocol import reconcile, watch

    until = time.monotonic() + seconds
    while time.monotonic() < until and Order.objects.filter(status__in=lifecycle.UNCERTAIN).exists():
        for account_id in watch.due_accounts():
            watch.look_after(account_id)
        time.sleep(0.1)
    for account in Account.objects.select_related("connection"):
        reconcile.refresh(account)


def compared(broker: Any, intents: int) -> dict[str, Any]:
    """The desk's rows against the broker's ledger, which is the truth."""
    from ledger_process import intent_of

    from trading import lifecycle
    from trading.models import Order
    from trading.protocol import reading

    stats = broker.stats()
    at_broker = {update.client_ref: update for update in stats["orders"]}
    rows = list(Order.objects.filter(is_external=False))
    mine = {row.client_ref: row for row in rows}
    lost = [ref for ref, update in at_broker.items() if not _same(mine.get(ref), update, reading)]
    claimed = [row for row in rows if row.status in lifecycle.SEEN and row.client_ref not in at_broker]
    return {
        "intents": intents,
        "rows": len(rows),
        "at_broker": len(stats["orders"]),
        "doubled": sum(count > 1 for count in Counter(map(intent_of, stats["orders"])).values()),
        "sent_twice": sum(count > 1 for count in stats["asked"].values()),
        "lost": len(lost),
        "invented": len(claimed),
        "external": Order.objects.shown().filter(is_external=True).count(),
        "unsettled": sum(row.status in lifecycle.UNCERTAIN for row in rows),
        "out_over_in": max(0, sum(stats["asked"].values()) - len(rows)),
        "befell": stats["befell"],
        "statuses": dict(Counter(row.status for row in rows)),
        "late": Order.objects.filter(events__kind="late").distinct().count(),
    }


def _same(row: Any, update: Any, reading: Any) -> bool:
    if row is None:
        return False
    filled = sum((fill.quantity for fill in update.fills), Decimal(0))
    told = (row.broker_order_id, row.status, row.filled_quantity)
    return bool(told == (update.broker_order_id, reading.status_of(update), filled))


# --- the tasks ---


def submissions(
    how_many: int,
    sabotage: str = "",
    senders: int = 2,
    deaths: bool = True,
    restarts: int = 0,
    pg_ctl: Sequence[str] = (),
) -> dict[str, Any]:
    """Intents in random lives. ``restarts`` are of the database, with the ``immediate`` mode: as if it had crashed."""
    broker = load(controls=False)
    broker.configure(faults=True, listing_faults=0.1, fill_every=3, latency=0.005)
    began = time.monotonic()
    accounts = open_accounts(-(-how_many // PER_ACCOUNT))
    spoil(sabotage)
    folder = Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"]))
    shares = [
        [n for n in range(how_many) if n // PER_ACCOUNT % senders == sender] for sender in range(senders)
    ]  # fmt: skip
    files = [folder / f"done-{sender}" for sender in range(senders)]
    jobs: list[Callable[[], None]] = [
        lambda s=sender: submit(accounts, [n for n in shares[s] if n not in read_done(files[s])], files[s])  # type: ignore[misc]
        for sender in range(senders)
    ]
    if sabotage != "no reconciler":
        jobs.append(look_after_all)
    pace = pace_of(lambda: submit(accounts, shares[0][:1], files[0]))
    chance = random.Random(4)  # noqa: S311
    pids = [fork(job) for job in jobs]
    died = restarted = 0
    while any(len(read_done(files[s])) < len(shares[s]) for s in range(senders)):
        time.sleep(chance.uniform(0.4, 2.4) * pace)
        victim = chance.randrange(len(jobs))
        if victim < senders and has_ended(pids[victim]):
            unfinished = len(read_done(files[victim])) < len(shares[victim])
            pids[victim] = fork(jobs[victim] if unfinished else lambda: time.sleep(600))
        elif deaths:
            kill(pids[victim])
            died += 1
            pids[victim] = fork(jobs[victim])
        if restarted < restarts and sum(len(read_done(f)) for f in files) > how_many * (restarted + 1) / (restarts + 1):
            restart_database(list(pg_ctl))
            restarted += 1
    sent_in = time.monotonic() - began
    for pid in pids:
        kill(pid)
    broker.configure(faults=False, listing_faults=0.0)
    time.sleep(5.2)  # whatever the broker takes late, it has taken by then
    settle(0 if sabotage == "no reconciler" else 60)
    found = compared(broker, how_many)
    return found | {
        "deaths": died, "restarts": restarted, "pace": round(pace, 2), "sent_in": round(sent_in, 1),
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def pace_of(life: Callable[[], None]) -> float:
    """How long a process needs here for its first order: lives are killed in proportion to that."""
    began = time.monotonic()
    os.waitpid(fork(life), 0)
    return max(0.05, time.monotonic() - began)


def restart_database(pg_ctl: list[str]) -> None:
    """As if it had crashed: whatever was not on the disk is gone."""
    user = "pgserver" if os.geteuid() == 0 else None
    command = [*pg_ctl, "-m", "immediate", "-w", "-t", "60", "restart"]
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def spoil(sabotage: str) -> None:
    """What this desk must never do; the harness has to see it."""
    if sabotage == "naive":
        _send_again_when_no_answer_comes()
    if sabotage == "forgetful":
        from trading.protocol import durability

        durability.check = lambda: None
    if sabotage == "keyless":
        _forget_keys()


def _send_again_when_no_answer_comes() -> None:
    from brokers.errors import OutcomeUnknown
    from trading.protocol import sending

    send = sending.send

    class Again:
        def __init__(self, broker: Any) -> None:
            self.broker = broker

        def place_order(self, *args: Any) -> Any:
            for _ in range(3):
                try:
                    return self.broker.place_order(*args)
                except OutcomeUnknown:
                    continue
            raise OutcomeUnknown("Given up.")

    sending.send = lambda order, ticket, broker: send(order, ticket, Again(broker))  # type: ignore[assignment, arg-type]


def _forget_keys() -> None:
    from trading.protocol import sending

    write_down = sending.write_down
    sending.write_down = (
        lambda account, ticket, key, *rest, **named: write_down(  # type: ignore[assignment]
            account, ticket, f"{key[:20]}-{os.urandom(8).hex()}", *rest, **named
        )
    )


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
        snapshots._figures(account, broker)  # nobody is written down before all have asked the broker
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


# --- one click that comes twenty times ---


def clicks(how_many: int, times: int = 20, sabotage: str = "") -> dict[str, Any]:
    """Each ticket is posted so many times at once to two server processes; answers are lost on the way."""
    broker = load(controls=False)
    import requests
    from django.conf import settings
    from django.test import Client

    broker.configure(faults=True)
    (account,) = open_accounts(1)
    spoil(sabotage)
    client = Client()
    client.force_login(account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session, secret = client.cookies[settings.SESSION_COOKIE_NAME].value, "a" * 32
    door = socket.create_server(("127.0.0.1", 0), backlog=256)
    pids = [fork(lambda: _serve(door)) for _ in range(2)]
    url = f"http://127.0.0.1:{door.getsockname()[1]}/api/v1/orders"
    http = requests.Session()
    http.cookies.update({settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: secret})
    http.headers.update({"X-CSRFToken": secret})
    http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=times))

    def post(number: int) -> tuple[int, str, str]:
        answer = http.post(url, json=_body(account, number), headers={"Idempotency-Key": f"click-{number}"}, timeout=60)
        told = answer.json()
        found = told.get("order", told)
        return answer.status_code, found.get("id", ""), answer.headers.get("Idempotency-Replayed", "")

    answers: list[list[tuple[int, str, str]]] = []
    with ThreadPoolExecutor(times) as pool:
        for number in range(how_many):
            answers.append(list(pool.map(post, [number] * times)))
    for pid in pids:
        kill(pid)
    from trading.models import Order

    stats = broker.stats()
    return {
        "rows": Order.objects.count(),
        "asked": sum(stats["asked"].values()),
        "agreed": sum(len({name for _, name, _ in told}) == 1 for told in answers),
        "first": sum(sum(not again for _, _, again in told) == 1 for told in answers),
        "statuses": dict(Counter(status for told in answers for status, _, _ in told)),
        "befell": stats["befell"],
    }


def _serve(door: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config("config.asgi:application", lifespan="off", log_level="critical")
    uvicorn.Server(config).run(sockets=[door])


def _body(account: Any, number: int) -> dict[str, Any]:
    legs = [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}]
    terms = {"order_type": "limit", "time_in_force": "day", "limit_price": price_of(number)}
    return {"account": str(account.pk), "legs": legs, **terms}


# --- a database that was set back ---


def work(first: int, last: int) -> dict[str, Any]:
    """Place these intents; the sender of the last three is killed while they are being sent."""
    broker = load(controls=False)
    from brokers.models import Account
    from trading.models import Order

    accounts = list(Account.objects.select_related("connection")) or open_accounts(1)
    folder = Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"]))
    os.waitpid(fork(lambda: submit(accounts, list(range(first, last - 3)), folder / "done")), 0)
    left = Order.objects.filter(status="sending").count()
    broker.configure(latency=1.5)
    pids = [fork(lambda n=number: submit(accounts, [n], folder / "cut off")) for number in range(last - 3, last)]  # type: ignore[misc]
    until = time.monotonic() + 30
    while Order.objects.filter(status="sending").count() < left + 3 and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.1)
    for pid in pids:
        kill(pid)
    broker.configure(latency=0.0)
    return {"sending": Order.objects.filter(status="sending").count(), "rows": Order.objects.count()}


def wake(sabotage: str = "") -> dict[str, Any]:
    """Start on a database that was restored: a new epoch, then the order watch, with nobody asking for anything."""
    broker = load(controls=False)
    from trading.models import Order
    from trading.protocol import epoch

    time.sleep(2)  # what was on its way has arrived
    before = sum(broker.stats()["asked"].values())
    if sabotage == "resume":
        for order in Order.objects.filter(status="sending").select_related("account"):
            broker.place_order(order.account.number, order.order_ticket, order.client_ref)
    _, doubted = epoch.bump("restored")
    statuses = dict(Counter(Order.objects.values_list("status", flat=True)))
    settle(60)
    found = compared(broker, 0)
    return found | {"doubted": doubted, "at_waking": statuses, "sent_by_itself": sum(broker.stats()["asked"].values()) - before}  # fmt: skip  # noqa: E501


# --- a reconciler that is killed all the time ---


def liveness(closed: int, doubtful: int, sabotage: str = "", seconds: float = 100) -> dict[str, Any]:
    """So many rows of which the late watch is due, and so many in doubt; the reconciler dies again and again."""
    broker = load(controls=False)
    from ledger_broker import a_ticket

    from trading.models import Order, new_client_ref
    from trading.protocol import reconcile, watch

    reconcile.LATE_EVERY = timedelta(seconds=0.05)  # the late watch is due all the time

    accounts = open_accounts(-(-(closed + doubtful) // PER_ACCOUNT))
    from django.utils import timezone

    long_ago = timezone.now() - timedelta(minutes=30)
    rows = []
    for number in range(closed + doubtful):
        account, ticket = accounts[number // PER_ACCOUNT], a_ticket("1", price_of(number))
        in_doubt = number >= closed
        reference = new_client_ref()
        if in_doubt:
            broker.place_order(account.number, ticket, reference)
        fields = _terms(ticket) | {"account": account, "user_id": account.connection.user_id, "source": "api"}
        fields |= {
            "client_ref": reference,
            "idempotency_key": f"k{number}",
            "sent_at": long_ago,
            "created_at": long_ago,
        }
        fields |= {"symbol": "AAPL", "underlying": "AAPL", "next_check_at": long_ago, "watch_until": None}
        if not in_doubt:
            fields["watch_until"] = timezone.now() + timedelta(hours=20)
        rows.append(Order(status="unknown" if in_doubt else "not_placed", seq=1, **fields))
    Order.objects.bulk_create(rows)
    if sabotage == "late first":
        due = watch.due_accounts
        watch.LATE_AT_ONCE = 10_000
        watch.due_accounts = lambda: list(reversed(due()))
    began, died, lives = time.monotonic(), 0, random.Random(5)  # noqa: S311
    pace = min(pace_of(lambda n=number: watch.look_after(accounts[n].pk)) for number in (0, 1))  # of the closed ones
    while Order.objects.filter(status="unknown").exists() and time.monotonic() - began < seconds:
        pid = fork(look_after_all)
        time.sleep(lives.uniform(0.2, 1.4) * pace)
        kill(pid)
        died += 1
    left = Order.objects.filter(status="unknown").count()
    return {"left": left, "deaths": died, "pace": round(pace, 2), "seconds": round(time.monotonic() - began, 1)}


def _terms(ticket: Any) -> dict[str, Any]:
    from trading.protocol import succession

    return succession.terms(ticket)


if __name__ == "__main__":
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "submissions": submissions, "cap": cap, "switch": switch, "clicks": clicks, "work": work, "wake": wake,
        "liveness": liveness,
    }  # fmt: skip
    print(json.dumps(tasks[sys.argv[1]](**json.loads(sys.argv[2]))))
