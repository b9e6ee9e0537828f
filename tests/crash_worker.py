"""A desk that is there to be killed: a process that places orders, once the desk's way and once a hasty way.

``python crash_worker.py <account id> <database name>`` loads the desk once and then forks a worker for each line of
its input, so that seconds of start are not paid for each death. A line is JSON: ``{"how": "desk" | "hasty",
"intents": [[key, price], …], "kill_after": seconds or null}``. It says ``done <key>`` for each order, then ``gone``.
"""

import json
import os
import signal
import sys
import time
import traceback
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

PATIENCE = timedelta(seconds=1)


def load(database_name: str) -> None:
    """Django on the same database as the test, with hosts and keys from the environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database_name
    import django

    django.setup()
    from bare_sending import strip

    from trading.protocol import sending

    strip(setattr)
    sending.OWNER_TIME = PATIENCE  # half a minute in life


def say(*words: Any) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def ticket(price: str) -> Any:
    from brokers.domain.instruments import Equity
    from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce

    legs = (Leg(Equity("AAPL"), Action.BUY_TO_OPEN, Decimal(1)),)
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, -Decimal(price))


def desk(account: Any, key: str, price: str) -> None:
    from trading import orders
    from trading.models import Order

    orders.place(account=account, ticket=ticket(price), idempotency_key=key, source=Order.Source.API)


def hasty(account: Any, key: str, price: str) -> None:
    """What the desk must never do: write the order down when the broker has answered."""
    from brokers import connections
    from trading.models import Order, new_client_ref
    from trading.protocol import sending
    from trading.safety import snapshots

    if Order.objects.filter(account=account, idempotency_key=key).exists():
        return
    broker, wanted = connections.broker_for(account.connection), ticket(price)
    broker.place_order(account.number, wanted, new_client_ref())
    sending.write_down(account, wanted, key, Order.Source.API, snapshots.take(account, wanted, broker))


def work(account_id: str, how: str, intents: list[list[str]]) -> None:
    from brokers.models import Account

    account = Account.objects.select_related("connection").get(pk=account_id)
    for key, price in intents:
        {"desk": desk, "hasty": hasty}[how](account, key, price)
        say("done", key)


def live(account_id: str, asked: dict[str, Any]) -> None:
    try:
        work(account_id, asked["how"], asked["intents"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def main(account_id: str, database_name: str) -> None:
    load(database_name)
    say("ready")
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if not (pid := os.fork()):
            live(account_id, asked)
        if asked["kill_after"] is not None:
            time.sleep(asked["kill_after"])
            os.kill(pid, signal.SIGKILL)  # nobody has waited for it yet, so the number is still its own
        os.waitpid(pid, 0)
        say("gone")


if __name__ == "__main__":
    main(*sys.argv[1:])
