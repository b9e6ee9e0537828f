"""A process of the desk whose threads all want the same token at the same moment.

``python token_worker.py prepare`` makes the tables, a person and a connection whose refresh token is on its standard
input, and says the connection's id. ``python token_worker.py serve <connection id> <threads>`` says ``ready`` and then,
for each line of JSON ``{"at": seconds since the epoch, "how": "desk" | "careless"}``, what its threads were given.
Where the database and the broker are, the environment says.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID


def load() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import django

    django.setup()


def prepare() -> str:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from brokers import connections
    from brokers.vault import Secret

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("ann")
    secret, refresh = Secret("canary-own-secret"), Secret(sys.stdin.readline().strip())
    return str(connections.connect_personal(user, "tastytrade", "sim", secret, refresh).pk)


def desk(connection_id: str) -> str:
    from brokers import connections

    return connections.access_token(UUID(connection_id))


class Forgetful:
    """A ledger that keeps nothing, so that nobody is held back."""

    def read(self, key: str) -> str:
        return ""

    def change(self, key: str, step: Any) -> Any:
        return step("")[1]


def careless(connection_id: str) -> str:
    """What the desk must never do: renew without asking who else does."""
    from brokers import oauth
    from brokers.connections.sealing import unseal_from
    from brokers.connections.tokens import client_of, current_token, needed_life
    from brokers.models import Connection
    from brokers.transport.refusals import Doorstep

    row = Connection.objects.get(pk=connection_id)
    token = current_token(row, None, needed_life(row))
    if token is not None:
        return token
    provider = oauth.provider_for(row.broker, row.environment)
    oauth.doorstep = lambda provider: Doorstep(provider.hosts.token, provider.title, Forgetful())  # type: ignore
    return oauth.refresh(
        provider, client_of(row, provider), unseal_from(row, "sealed_refresh_token")
    ).access_token.reveal()


def answer(pool: ThreadPoolExecutor, connection_id: str, threads: int, asked: dict[str, Any]) -> dict[str, Any]:
    act = {"desk": desk, "careless": careless}[asked["how"]]
    ready = threading.Barrier(threads)

    def ask(_: int) -> tuple[str, float]:
        ready.wait(60)
        time.sleep(max(0.0, asked["at"] - time.time()))
        began = time.monotonic()
        try:
            return act(connection_id), time.monotonic() - began
        except Exception as error:
            return f"{type(error).__name__}: {error}", time.monotonic() - began
        finally:
            give_back()

    given = list(pool.map(ask, range(threads)))
    return {"given": Counter(token for token, _ in given), "longest": max(seconds for _, seconds in given)}


def give_back() -> None:
    """As the end of a request does: the pool of a process has fewer connections than it has threads."""
    from django.db import connection

    connection.close()


def touch(_: int) -> None:
    """The pool is filled, and each thread has had a connection to the database, before it counts."""
    from django.db import connection

    connection.ensure_connection()
    time.sleep(0.05)
    give_back()


def serve(connection_id: str, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(touch, range(threads)))
        print("ready", flush=True)
        for line in iter(sys.stdin.readline, ""):
            print(json.dumps(answer(pool, connection_id, threads, json.loads(line))), flush=True)


if __name__ == "__main__":
    load()
    if sys.argv[1] == "prepare":
        print(prepare(), flush=True)
    else:
        serve(sys.argv[2], int(sys.argv[3]))
