"""Planted secrets are looked for everywhere afterwards: pages, API, admin, logs, the database and its very file."""

import io
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections as databases
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers.connections.sealing import SEALED_COLUMNS, unseal_from
from brokers.errors import BrokerError
from brokers.models import ConnectAttempt, Connection
from brokers.redaction import RedactionFilter

CANARY = "canary"
Paths = list[str]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything logged, at the finest level, as the console would get it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactionFilter())
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "urllib3", "django", "authlib", "brokers")}
    root.addHandler(handler)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def live_through_everything(tokens: TokenServer, browser: Client, person: User) -> Paths:
    """Connect both ways, renew, fail, crash, lose the grant; what every answer on the way showed."""
    seen = []

    def note(answer: Any) -> Any:
        seen.append(answer.content.decode() + repr(dict(answer.headers.items())))
        return answer

    form = {"client_secret": "canary-own-secret", "refresh_token": "canary-own-refresh", "label": "Mine"}
    tokens.script = [Told({"error": "invalid_grant", "error_description": "canary-own-refresh"}, 400)]
    note(browser.post("/connect/tastytrade/sim/personal", form))
    note(browser.post("/connect/tastytrade/sim/personal", form | {"client_secret": "canary with a blank"}))
    note(browser.post("/connect/tastytrade/sim/personal", form))
    tokens.accounts = ["5WT00055"]
    location = browser.post("/connect/tastytrade/sim/start")["Location"]
    state = re.search(r"state=([^&]+)", location)[1]  # type: ignore[index]
    note(browser.get(f"/connect/tastytrade/sim/callback?code=canary-code&state={state}"))
    note(browser.get(f"/connect/tastytrade/sim/callback?code=canary-code&state={state}"))
    note(browser.get("/connect/tastytrade/sim/callback?code=canary-code&state=canary-state-unknown"))
    note(Client().get("/connect/tastytrade/sim/callback?code=canary-code&state=canary-state-unknown"))
    start = browser.post("/connect/tastytrade/sim/start")
    assert start.status_code == 302
    told = [
        Told({"error": "invalid_request", "error_description": "canary-own-refresh"}, 400),
        Told(b"<html>canary-own-refresh</html>", 502),
        Told({"access_token": "canary-rotated-access", "refresh_token": "canary-rotated-refresh", "expires_in": 900}),
        Told({"error_code": "invalid_grant", "error_description": "canary-rotated-refresh"}, 400),
    ]
    for connection in Connection.objects.of(person):
        tokens.script = list(told)
        for _ in told:
            long_ago = timezone.now() - timedelta(hours=1)
            Connection.objects.filter(pk=connection.pk).update(access_expires_at=long_ago, not_before=None)
            try:
                desk.access_token(connection.pk)
            except BrokerError as error:
                logging.getLogger("brokers.test").exception("it failed: %s %r", error, vars(error))
        note(browser.post(f"/connections/{connection.pk}/test", follow=True))
        tokens.script = []
    return seen


def every_page(browser: Client, connection: Connection) -> Paths:
    account = connection.accounts.earliest("number")
    values = {"connection_id": connection.pk, "account_id": account.pk, "broker": "tastytrade", "environment": "sim"}
    found: Paths = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, path)
            elif isinstance(pattern, URLPattern) and pattern.lookup_str.startswith("brokers."):
                found.append(re.sub(r"<\w+:(\w+)>", lambda part: str(values[part[1]]), path))

    walk(get_resolver().url_patterns, "/")
    assert len(found) >= 10
    return [browser.get(path, follow=True).content.decode() for path in found]


def every_admin_page(connection: Connection) -> Paths:
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    account = connection.accounts.earliest("number")
    paths = ["/admin/", "/admin/brokers/"]
    paths += [
        f"/admin/brokers/connection/{rest}" for rest in ("", f"{connection.pk}/change/", f"{connection.pk}/history/")
    ]
    paths += [f"/admin/brokers/account/{rest}" for rest in ("", f"{account.pk}/change/", f"{account.pk}/history/")]
    paths += ["/admin/brokers/connection/?q=canary", "/admin/brokers/connection/?e=1"]
    return [root.get(path, follow=True).content.decode() for path in paths]


@pytest.mark.django_db(transaction=True)
def test_planted_secrets_turn_up_nowhere(
    tokens: TokenServer, browser: Client, person: User, written: io.StringIO, tmp_path: Path
) -> None:
    pages = live_through_everything(tokens, browser, person)
    connections = list(Connection.objects.of(person))
    assert len(connections) == 2
    revealed = [unseal_from(row, "sealed_refresh_token").reveal() for row in connections]
    assert revealed == ["canary-rotated-refresh"] * 2, "the canaries must really have been stored"
    for connection in connections:
        pages += every_page(browser, connection) + every_admin_page(connection) if connection is connections[0] else []
    assert ConnectAttempt.objects.exists()
    log = written.getvalue()
    assert "could not be renewed" in log
    assert "Traceback" in log
    without_what_was_typed = [page.replace('value="canary"', "").replace("q=canary", "") for page in pages]
    assert not [page for page in without_what_was_typed if CANARY in page]
    assert CANARY not in log
    assert CANARY not in the_whole_database()


def the_whole_database() -> str:
    """SQLite: its dump as text and its files as bytes. Elsewhere: every row of our tables."""
    database = databases["default"]
    rows = repr([list(Connection.objects.values_list()), list(ConnectAttempt.objects.values_list())])
    if database.vendor != "sqlite":
        return rows
    dump = "\n".join(database.connection.iterdump())
    for row in Connection.objects.all():
        sealed = [bytes(getattr(row, column) or b"") for column in SEALED_COLUMNS]
        assert any(part.hex().upper() in dump.upper() for part in sealed), "the dump must really hold the rows"
    with database.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(FULL)")
    name = str(database.settings_dict["NAME"])
    files = [Path(name + ending) for ending in ("", "-wal") if Path(name + ending).is_file()]
    assert files
    return rows + dump + "".join(file.read_bytes().decode("latin-1") for file in files)


@pytest.mark.django_db(transaction=True)
def test_the_same_search_finds_a_secret_that_was_stored_openly(connection: Connection) -> None:
    """The negative control: were a token ever written as it is, the search would see it."""
    Connection.objects.update(sealed_access_token=b"canary-stored-openly")
    assert CANARY in the_whole_database()


def test_the_same_search_finds_a_secret_in_a_log_without_the_filter(
    tokens: TokenServer, connect: Callable[..., Connection], person: User
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("brokers.test")
    logger.addHandler(handler)
    logger.warning("careless: %s", desk.access_token(connect(person).pk))
    logger.removeHandler(handler)
    assert CANARY in stream.getvalue()
