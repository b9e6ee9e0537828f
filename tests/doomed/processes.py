"""The desk loaded once, its patience in seconds where it has minutes in life; processes forked from it and killed."""

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

Job = Callable[[], None]
WIDE = (
    "orders_a_second", "web_orders_a_minute", "api_orders_a_minute", "orders_a_day", "open_orders",
    "open_orders_a_symbol", "order_notional", "position_notional",
)  # fmt: skip


def load(*, controls: bool) -> Any:
    """The desk over the test's database. → the broker, which is in its own process."""
    from ledger_process import RemoteLedger

    from brokers import connections

    broker = RemoteLedger(os.environ["LEDGER"])
    connections.broker_for = lambda connection, **_: broker  # type: ignore[assignment]
    be_ready(controls=controls)
    return broker


def be_ready(*, controls: bool) -> None:
    """Brisk, with a token that is as good as any, and with or without what judges orders."""
    from brokers import connections

    connections.access_token = lambda connection_id, refused=None: "made-up"  # type: ignore[assignment]
    if controls:
        widen_limits()
    else:
        leave_out_the_controls()
    be_brisk()


def leave_out_the_controls() -> None:
    """What judges an order, and who else hears of it: the protocol alone is on trial, and it is on trial often."""
    from bare_sending import without_controls

    from trading.models import order_changed

    without_controls(setattr)
    for listener in ("trading.tell_tabs", "trading.patterns", "trading.runaway"):
        assert order_changed.disconnect(dispatch_uid=listener), listener


def widen_limits() -> None:
    from trading.safety import limits

    values = dict.fromkeys(WIDE, Decimal(10**7)) | dict.fromkeys(("gross_share", "concentration_share"), Decimal(999))
    limits.change(values, by=None, reason="a test of something else")


def be_brisk() -> None:
    """Doubts are brought up in a second; looks at orders that just work wait for the end, where all are compared."""
    from trading.protocol import news, reconcile, sending

    news.LOOKS = (3_600,)  # type: ignore[assignment]

    sending.OWNER_TIME = timedelta(seconds=1)
    sending.SEND_WITHIN = timedelta(seconds=2)
    sending.FIRST_CHECK = reconcile.FIRST_CHECK = timedelta(seconds=0.2)
    reconcile.ATTEMPT_LIMIT = timedelta(seconds=1)
    reconcile.QUIET = reconcile.QUIET_UNHEARD = timedelta(seconds=1)
    reconcile.DELAYS = (0.2, 0.4, 1.0)  # type: ignore[assignment]
    reconcile.LATE_EVERY = timedelta(seconds=1)


def open_accounts(how_many: int) -> list[Any]:
    from ledger_broker import open_account

    return [open_account(f"trader{number}", f"5WT{number:05d}") for number in range(how_many)]


def forget_connections() -> None:
    from django.db import connections as databases

    databases.close_all()


# --- processes ---


def fork(work: Job) -> int:
    """A process of its own for a piece of work. Nothing of the parent's is open in it."""
    forget_connections()
    if pid := os.fork():
        return pid
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def pace_of(life: Job) -> float:
    """How long a process needs here for its first order: lives are killed in proportion to that."""
    began = time.monotonic()
    os.waitpid(fork(life), 0)
    return max(0.02, time.monotonic() - began)


class Crew:
    """Processes with a job each; whoever dies is followed by another one with the same job, until that is done."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = dict(enumerate(jobs))
        self.pids = {number: fork(job) for number, job in self.jobs.items()}
        self.deaths = 0

    def kill_one(self, chance: random.Random, among: Sequence[int] = ()) -> None:
        """Any, or one of those that are named."""
        self.revive()
        if not self.pids:
            return
        victim = chance.choice(among or list(self.pids))
        kill(self.pids[victim])
        self.deaths += 1
        self.pids[victim] = fork(self.jobs[victim])

    def revive(self) -> None:
        """Whose work broke off begins again; who is through leaves."""
        for number, pid in list(self.pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            if status:
                self.pids[number] = fork(self.jobs[number])
            else:
                del self.pids[number]

    def end(self) -> None:
        for pid in self.pids.values():
            kill(pid)
