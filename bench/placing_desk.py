"""The desk of the placing benchmark, in a process of its own: its traders, then either threads or the web server.

``python -m bench.placing_desk SIMULATOR_URL TRADERS``. It prints one JSON line about its traders, then does what it is
told by lines of JSON on its input, answering each with one line. The database is the environment's.
"""

import asyncio
import contextlib
import json
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 (the apps have to be loaded)
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection as database  # noqa: E402
from django.db import connections as databases  # noqa: E402
from django.test import Client  # noqa: E402

from bench.broker_clock import BrokerClock  # noqa: E402
from bench.desk import ask, serving  # noqa: E402
from brokers import connections  # noqa: E402
from brokers.domain.instruments import Equity  # noqa: E402
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce  # noqa: E402
from brokers.live import news  # noqa: E402
from brokers.models import Account  # noqa: E402
from brokers.vault import Secret  # noqa: E402
from trading import orders  # noqa: E402
from trading.models import Order  # noqa: E402
from trading.safety import limits  # noqa: E402

WIDE = (
    "orders_a_second", "web_orders_a_minute", "api_orders_a_minute", "orders_a_day", "open_orders",
    "open_orders_a_symbol", "order_notional", "position_notional",
)  # fmt: skip
CONFIRMED = ("DUPLICATE_LIKE", "PRICE_COLLAR")


@dataclass
class Trader:
    """One client: its account, how its calls to the broker are known, how it is signed in at the desk."""

    account: Account
    key: str
    cookies: dict[str, str]
    order: Order | None = None


def connect(sim_url: str, number: int) -> Trader:
    wanted = {"client_id": f"bench-{number}", "client_secret": secrets.token_urlsafe(24)}
    client = wanted | {"broker": "tastytrade", "redirect_uris": ["http://localhost/cb"]}
    made = ask(f"{sim_url}/control/clients", client)
    grant = ask(f"{sim_url}/control/grants", {"client_id": made["client_id"], "user": f"trader{number}"})
    user = get_user_model().objects.create_user(f"trader{number}")
    sealed = Secret(made["client_secret"]), Secret(grant["refresh_token"])
    connection = connections.connect_personal(
        user=user, broker="tastytrade", environment="sim", client_id=made["client_id"],
        client_secret=sealed[0], refresh_token=sealed[1], label="bench",
    )  # fmt: skip
    account = Account.objects.of(user).get()
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    csrf = "x" * 32
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: csrf}
    return Trader(account, f"Bearer {connections.access_token(connection.pk)}", cookies)


# --- without the web ---


def a_ticket(cents: int) -> OrderTicket:
    leg = Leg(Equity("F"), Action.BUY_TO_OPEN, Decimal(1))
    return OrderTicket((leg,), OrderType.LIMIT, TimeInForce.DAY, limit_price=-Decimal(cents) / 100)


def act(what: str, trader: Trader, number: int) -> None:
    """One action of one trader; orders and their successors are kept from one to the next."""
    cents = 100 + number % 90
    if what == "preview":
        orders.preview(trader.account, a_ticket(cents))
    elif what == "place":
        trader.order, _ = orders.place(
            account=trader.account, ticket=a_ticket(cents), idempotency_key=f"{trader.account.pk}-{number}"[-64:],
            source=Order.Source.API, confirmed=CONFIRMED,
        )  # fmt: skip
        check(trader.order)
    elif what == "replace":
        trader.order = orders.replace(
            there(trader), a_ticket(cents + 100), idempotency_key=f"r{number}", source=Order.Source.API,
            confirmed=CONFIRMED,
        )  # fmt: skip
        check(trader.order)
    else:
        orders.cancel(there(trader))


def there(trader: Trader) -> Order:
    if trader.order is None:
        raise SystemExit("there is no order yet")
    return trader.order


def check(order: Order) -> None:
    if not order.is_open:
        raise SystemExit(f"{order.status}: {order.last_error}")


def in_threads(traders: list[Trader], rounds: int, whats: list[str], clock: BrokerClock) -> dict[str, Any]:
    """Each trader in a thread of its own, all at the same action at the same time: spans of each action and call."""
    done: dict[str, list[tuple[str, float, float]]] = {what: [] for what in whats}
    spent = dict.fromkeys(whats, 0.0)
    cpu = dict.fromkeys(whats, 0.0)
    clock.spans.clear()

    def one(trader: Trader, what: str, number: int) -> None:
        begun = time.perf_counter()
        try:
            act(what, trader, number)
            done[what].append((trader.key, begun, time.perf_counter()))
        finally:
            databases.close_all()

    with ThreadPoolExecutor(len(traders)) as pool:
        for _ in range(rounds):
            for what in whats:
                begun, used = time.perf_counter(), time.process_time()
                jobs = [pool.submit(one, trader, what, next_number()) for trader in traders]
                for job in jobs:
                    job.result()
                spent[what] += time.perf_counter() - begun
                cpu[what] += time.process_time() - used
            hear_of_the_end(traders)
    return {"done": done, "spent": spent, "cpu": cpu, "spans": clock.spans}


def hear_of_the_end(traders: list[Trader]) -> None:
    """What was cancelled is heard of, as by the order watch of a desk at work: else each order would be judged beside
    all that came before it."""
    for trader in traders:
        orders.refresh(trader.account)
    databases.close_all()


_numbers = iter(range(1, 10**9))
_one_at_a_time = threading.Lock()


def next_number() -> int:
    with _one_at_a_time:
        return next(_numbers)


def queries(trader: Trader, what: str) -> dict[str, Any]:
    """What one action asks of the database and of the broker, one after the other or not."""
    told: Counter[str] = Counter()
    listed: list[str] = []

    def counted(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        told[sql.split(None, 1)[0].upper()] += 1
        listed.append(sql)
        return execute(sql, *rest)

    with database.execute_wrapper(counted):
        act(what, trader, next_number())
    return {"queries": sum(told.values()), "kinds": dict(told), "sql": listed}


# --- told what to do ---


def main(sim_url: str, how_many: int) -> None:
    clock = BrokerClock()
    traders = prepared(sim_url, how_many) if how_many else []
    tell([{"account": str(one.account.pk), "key": one.key, "cookies": one.cookies} for one in traders])
    with contextlib.ExitStack() as stack:
        for line in sys.stdin:
            told = json.loads(line)
            if told["do"] == "threads":
                serve_tabs()
                tell(in_threads(traders[: told["clients"]], told["rounds"], told["whats"], clock))
            elif told["do"] == "queries":
                tell({what: queries(traders[0], what) for what in told["whats"]})
            elif told["do"] == "serve":
                stack.enter_context(serving(settings.BASE_URL))
                tell({})
            elif told["do"] == "cpu":
                tell(time.process_time())
            elif told["do"] == "spans":
                tell(clock.spans)


def prepared(sim_url: str, how_many: int) -> list[Trader]:
    """A database with traders, whose accounts are compared and who have sent an order before."""
    call_command("migrate", verbosity=0)
    values = dict.fromkeys(WIDE, Decimal(10**7)) | dict.fromkeys(("gross_share", "concentration_share"), Decimal(999))
    limits.change(values, by=None, reason="a benchmark")
    traders = [connect(sim_url, number) for number in range(how_many)]
    for trader in traders:
        act("place", trader, next_number())  # compares the account first, fills what is kept
        act("cancel", trader, 0)
    return traders


def serve_tabs() -> None:
    """A desk at work has a loop from which its tabs are told."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="asyncio", daemon=True).start()
    news.serve_from(loop)


def tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
