"""One click that comes twenty times, at two server processes."""

import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from doomed.processes import fork, kill, load, open_accounts
from doomed.sabotages import spoil
from doomed.submissions import price_of


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
