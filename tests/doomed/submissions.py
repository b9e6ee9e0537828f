"""Intents in random lives: senders and a reconciler die again and again, or the database does."""

import os
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doomed.comparing import RECONCILERS, compared, look_after_all, settle
from doomed.counting import Excess
from doomed.processes import Crew, Job, forget_connections, fork, kill, load, open_accounts, pace_of
from doomed.sabotages import spoil

PER_ACCOUNT = 4
LONGEST_LATE = 3.0
"""Seconds after which the broker takes an order that it did not answer: longer than this desk is in doubt."""


def price_of(number: int) -> str:
    """A price that names an intent."""
    return f"{100 + number // 100}.{number % 100:02d}"


def submit(accounts: list[Any], numbers: Sequence[int], done: Path, excess: Excess | None = None) -> None:
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
            finally:
                if excess is not None:
                    excess.look()
        os.write(out, f"{number}\n".encode())


@dataclass
class Plan:
    """Who sends what: each account's intents by one sender, and what each has said it did."""

    how_many: int
    senders: int
    folder: Path
    accounts: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = open_accounts(-(-self.how_many // PER_ACCOUNT))
        self.excess = Excess(self.folder)

    def share(self, sender: int) -> list[int]:
        return [number for number in range(self.how_many) if number // PER_ACCOUNT % self.senders == sender]

    def done(self, sender: int) -> Path:
        return self.folder / f"done-{sender}"

    def job(self, sender: int) -> Job:
        share, done = self.share(sender), self.done(sender)

        def send_the_rest() -> None:
            through = read_done(done)
            submit(self.accounts, [number for number in share if number not in through], done, self.excess)

        return send_the_rest

    def first_order(self) -> None:
        submit(self.accounts, self.share(0)[:1], self.done(0))

    @property
    def through(self) -> int:
        return sum(len(read_done(self.done(sender))) for sender in range(self.senders))


def read_done(done: Path) -> set[int]:
    return {int(line) for line in done.read_text().split()} if done.exists() else set()


def submissions(
    how_many: int,
    sabotage: str = "",
    senders: int = 3,
    deaths: bool = True,
    restarts: int = 0,
    pg_ctl: Sequence[str] = (),
) -> dict[str, Any]:
    """``restarts`` are of the database, with the ``immediate`` mode: as if it had crashed."""
    broker = load(controls=False)
    broker.configure(faults=True, listing_faults=0.1, fill_every=3, latency=0.004, longest_late=LONGEST_LATE)
    began = time.monotonic()
    plan = Plan(how_many, senders, Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"])))
    spoil(sabotage)
    pace = pace_of(plan.first_order)
    watcher = fork(lambda: plan.excess.watch(broker))
    jobs = [plan.job(sender) for sender in range(senders)]
    crew = Crew(jobs + ([look_after_all] * RECONCILERS if sabotage != "no reconciler" else []))
    restarted = live(crew, plan, pace if deaths else 0, restarts, pg_ctl)
    sent_in = time.monotonic() - began
    crew.end()
    broker.configure(faults=False, listing_faults=0.0)
    time.sleep(LONGEST_LATE + 0.2)  # whatever the broker takes late, it has taken by then
    settle(0 if sabotage == "no reconciler" else 120)
    kill(watcher)
    return compared(broker, how_many) | {
        "excess": plan.excess.times, "deaths": crew.deaths, "restarts": restarted, "pace": round(pace, 3),
        "sent_in": round(sent_in, 1), "seconds": round(time.monotonic() - began, 1),
        "cpu": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])),
    }  # fmt: skip


def live(crew: Crew, plan: Plan, pace: float, restarts: int, pg_ctl: Sequence[str]) -> int:
    """Until all is sent: a death every now and then, restarts of the database in between. → how many of those."""
    chance, restarted = random.Random(4), 0  # noqa: S311
    while plan.through < plan.how_many:
        if pace:
            time.sleep(chance.uniform(0.1, 1.5) * pace)
            crew.kill_one(chance)
        else:
            time.sleep(0.05)
            crew.revive()
        if restarted < restarts and plan.through > plan.how_many * (restarted + 1) / (restarts + 1):
            restart_database(pg_ctl)
            restarted += 1
    return restarted


def restart_database(pg_ctl: Sequence[str]) -> None:
    """As if it had crashed: whatever was not on the disk is gone."""
    user = "pgserver" if os.geteuid() == 0 else None
    command = [*pg_ctl, "-m", "immediate", "-w", "-t", "60", "restart"]
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
