"""Web servers that are killed while orders are posted to them, each followed at once by another one at its port."""

import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers

from doomed.clicks import request_for, signed_in
from doomed.comparing import compared, settle
from doomed.counting import Excess
from doomed.posting import Clients, Tally, through
from doomed.processes import Crew, fork, kill, load, open_accounts
from doomed.sabotages import spoil
from doomed.submissions import LONGEST_LATE, PER_ACCOUNT

SERVERS = 2
FEWEST, MOST = 2, 6
"""Orders begun between two deaths."""
LATENCY = 0.05
"""Seconds on either side of the broker's taking an order: as in life, a good part of a request's time."""


def dead_servers(how_many: int, sabotage: str = "") -> dict[str, Any]:
    """Each order is posted under its own key until an answer names it. The servers have the order watch in them, and
    nobody else looks up what is in doubt."""
    broker = load(controls=False)
    broker.configure(faults=True, listing_faults=0.1, fill_every=3, latency=LATENCY, longest_late=LONGEST_LATE)
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(dir=os.environ["VAR_DIR"]))
    posts = Posts(_requests(how_many), folder)
    spoil(sabotage)
    excess = Excess(folder)
    watcher = fork(lambda: excess.watch(broker))
    crew = Crew([_server(port, sabotage) for port in posts.ports])
    _live(crew, posts.tally, posts.start("told", posts.tally))
    sent_in, deaths = time.monotonic() - began, crew.deaths
    broker.configure(faults=False, listing_faults=0.0)
    time.sleep(LONGEST_LATE + 0.2)  # whatever the broker takes late, it has taken by then
    settled = _settled(crew, 120)
    settle(0)
    result = compared(broker, how_many) | {"agreed": posts.agreed(), "answers": posts.came("told")["statuses"]}
    if not sabotage:
        result |= _asked_again(posts, broker)
    kill(watcher)
    crew.end()
    return result | {
        "deaths": deaths, "cut": posts.tally.cut, "refused": posts.tally.refused, "settled": settled,
        "excess": excess.times, "halts": _halts_by_count(), "broken_off": _broken_off(),
        "pace": round(posts.tally.pace, 3), "sent_in": round(sent_in, 1), "seconds": round(time.monotonic() - began, 1),
        "cpu": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])),
    }  # fmt: skip


@dataclass
class Posts:
    """The clients' orders, and which orders they were told."""

    requests: Sequence[bytes]
    folder: Path
    ports: list[int] = field(default_factory=lambda: [servers.free_port() for _ in range(SERVERS)])
    tally: Tally = field(default_factory=lambda: Tally(SERVERS))

    def start(self, name: str, tally: Tally) -> int:
        return fork(lambda: Clients(self.requests, self.ports, tally).post_all(self.folder / name))

    def came(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_text())
        return found

    def agreed(self) -> int:
        """How many clients were told the order that stands under their key."""
        from trading.models import Order

        rows = {row.idempotency_key: str(row.pk) for row in Order.objects.filter(is_external=False)}
        names = self.came("told")["names"]
        return sum(rows.get(f"click-{number}") == name for number, name in enumerate(names))


def _requests(how_many: int) -> list[bytes]:
    accounts = open_accounts(-(-how_many // PER_ACCOUNT))
    cookies = [signed_in(account.connection.user) for account in accounts]
    return [
        request_for(accounts[number // PER_ACCOUNT], number, cookies[number // PER_ACCOUNT])
        for number in range(how_many)
    ]


# --- what dies ---


def _live(crew: Crew, tally: Tally, clients: int) -> None:
    """Until the clients are through: each second to sixth order a server dies that owes somebody an answer."""
    chance = random.Random(11)  # noqa: S311
    due = chance.randint(FEWEST, MOST)
    while not through(clients):
        crew.revive()
        if tally.begun < due:
            time.sleep(0.002)
            continue
        time.sleep(chance.uniform(0, 1.2) * tally.pace)
        if busy := tally.busy:
            crew.kill_one(chance, busy)
            due += chance.randint(FEWEST, MOST)


def _server(port: int, sabotage: str) -> Callable[[], None]:
    def serve() -> None:
        import uvicorn

        from trading.protocol import watch

        watch.wanted_feeds = dict  # this broker has no streams
        if sabotage == "resends":
            _send_what_is_being_sent()
        uvicorn.run("config.asgi:application", port=port, lifespan="on", access_log=False, log_config=None)

    return serve


def _send_what_is_being_sent() -> None:
    """What this desk must never do: its start takes rows that somebody was sending for rows that were not sent."""
    from brokers import connections
    from trading.models import Order
    from trading.protocol import sending

    for order in Order.objects.filter(status="sending").select_related("account__connection"):
        sending.send(order, order.order_ticket, connections.broker_for(order.account.connection))


# --- what came of it ---


def _settled(crew: Crew, seconds: float) -> bool:
    """Until the servers' own order watch has found out all that was in doubt; whether it has."""
    from trading import lifecycle
    from trading.models import Order

    doubtful, until = Order.objects.filter(status__in=lifecycle.UNCERTAIN), time.monotonic() + seconds
    while doubtful.exists() and time.monotonic() < until:
        crew.revive()
        time.sleep(0.1)
    return not doubtful.exists()


def _asked_again(posts: Posts, broker: Any) -> dict[str, int]:
    """All keys once more when all is over: how many are told the same order, and what the broker hears of it."""
    before, clients = broker.out(), posts.start("again", Tally(SERVERS))
    while not through(clients):
        time.sleep(0.05)
    pairs = zip(posts.came("told")["names"], posts.came("again")["names"], strict=True)
    return {"same": sum(first == second for first, second in pairs), "sent_again": broker.out() - before}


def _broken_off() -> int:
    """Orders that were written down and of which no sender wrote down an answer: their server died in between."""
    from trading.models import Order, OrderEvent

    return Order.objects.filter(is_external=False).exclude(events__source=OrderEvent.Source.POST).count()


def _halts_by_count() -> int:
    """More out than in, as a server's own watch saw it."""
    from trading.models import Halt

    return Halt.objects.filter(cause=Halt.Cause.COUNTER).count()
