"""The desk under uvicorn for test_bulkheads.py: ``python bulkhead_desk.py SIMULATOR PORT [sabotage]``.

It connects two people to the simulator, prints how each is signed in as one JSON line, and serves. What acts may take
minutes, so that a silent broker is silent for as long as the test likes.
"""

import json
import secrets
import sys
from decimal import Decimal
from functools import partial

import django
import requests

django.setup()

from bare_sending import without_controls  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402

from brokers import connections  # noqa: E402
from brokers.models import Account  # noqa: E402
from brokers.tastytrade import calls  # noqa: E402
from brokers.transport import Timeouts, Transport  # noqa: E402
from brokers.vault import Secret  # noqa: E402
from trading.safety import limits  # noqa: E402

LONG = Timeouts(connect=3.0, read=700.0, total=700.0)


def sign_in(sim_url: str, name: str) -> dict[str, str]:
    client = {"client_id": f"bulkhead-{name}", "client_secret": secrets.token_urlsafe(24)}
    wanted = client | {"broker": "tastytrade", "redirect_uris": ["http://localhost/cb"]}
    requests.post(f"{sim_url}/control/clients", json=wanted, timeout=30).raise_for_status()
    asked = {"client_id": client["client_id"], "user": name}
    grant = requests.post(f"{sim_url}/control/grants", json=asked, timeout=30).json()
    user = get_user_model().objects.create_user(name)
    sealed = Secret(client["client_secret"]), Secret(grant["refresh_token"])
    connections.connect_personal(user, "tastytrade", "sim", *sealed, "Bulkhead", client_id=client["client_id"])
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    account = Account.objects.of(user).order_by("number").first()
    return {"account": str(account.pk), "session": browser.cookies[settings.SESSION_COOKIE_NAME].value}


def serve(port: int) -> None:
    import uvicorn

    from config.asgi import application

    uvicorn.run(application, port=port, log_config=None, access_log=False, lifespan="off")


def main(sim_url: str, port: int, sabotage: str) -> None:
    without_controls(setattr)
    many = dict.fromkeys(("orders_a_second", "api_orders_a_minute"), Decimal(10**6))
    limits.change(many, by=None, reason="a test of something else")
    assert calls.Transport is Transport
    calls.Transport = partial(Transport, acting=LONG)  # type: ignore[assignment, misc]
    if sabotage == "keeps its connection":
        connections.accounts.give_back = lambda: None  # type: ignore[attr-defined]
    sys.stdout.write(json.dumps([sign_in(sim_url, "demo"), sign_in(sim_url, "other")]) + "\n")
    sys.stdout.flush()
    serve(port)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), " ".join(sys.argv[3:]))
