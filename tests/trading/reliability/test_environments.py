"""Whatever is asked, by whom, of which account: it goes to its own connection's host, with its own token."""

import contextlib
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from ledger_broker import AAPL, a_ticket
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from brokers import connections, oauth, registry
from brokers.connections.sealing import seal_for
from brokers.errors import BrokerError
from brokers.models import Account, Connection
from brokers.port import Broker
from brokers.transport.breaker import Breaker
from brokers.vault import Secret
from trading.models import new_client_ref

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
CONTEXTS = [(broker, environment) for broker in ("tastytrade", "tradestation") for environment in ("sim", "live")]
PEOPLE = ("ann", "bob", "cem")
NUMBERS = ("5WT00042", "5WT00099", "SIM1234M", "11223344")
"""Of accounts; several connections have each."""
TODAY = date(2026, 11, 20)
ASKED: tuple[Callable[[Broker, str], Any], ...] = (
    lambda broker, number: broker.get_accounts(),
    lambda broker, number: broker.get_balance(number),
    lambda broker, number: broker.get_positions(number),
    lambda broker, number: broker.get_orders(number, TODAY),
    lambda broker, number: broker.get_order(number, "77"),
    lambda broker, number: broker.get_quotes([AAPL]),
    lambda broker, number: broker.get_details(AAPL),
    lambda broker, number: broker.preview_order(number, a_ticket()),
    lambda broker, number: broker.place_order(number, a_ticket(), new_client_ref()),
    lambda broker, number: broker.cancel_order(number, "77"),
    lambda broker, number: broker.replace_order(number, "77", a_ticket(price="190.05")),
)


@dataclass
class Wire:
    """Where everything went, in place of the network: what is asked is answered with an empty document."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    renewed: list[tuple[str, str]] = field(default_factory=list)

    def send(self, adapter: HTTPAdapter, request: PreparedRequest, **_: Any) -> Response:
        url = str(request.url)
        parts = urlsplit(url)
        if parts.path.endswith("/oauth/token"):
            refresh = self._refresh_token(request)
            self.renewed.append((url, refresh))
            return self._answer(
                request, {"access_token": f"access-{refresh}", "token_type": "Bearer", "expires_in": 900}
            )
        self.sent.append((f"{parts.scheme}://{parts.netloc}", parts.path, str(request.headers.get("Authorization"))))
        return self._answer(request, {})

    def _refresh_token(self, request: PreparedRequest) -> str:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        found = json.loads(body) if body.startswith("{") else {k: v[0] for k, v in parse_qs(body).items()}
        return str(found["refresh_token"])

    def _answer(self, request: PreparedRequest, document: dict[str, Any]) -> Response:
        answer = Response()
        answer.status_code, answer.url, answer.request = 200, str(request.url), request
        answer.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
        answer.raw = HTTPResponse(BytesIO(json.dumps(document).encode()), status=200, preload_content=False)
        return answer


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Wire:
    made = Wire()
    monkeypatch.setattr(HTTPAdapter, "send", lambda adapter, request, **how: made.send(adapter, request, **how))
    monkeypatch.setattr(Breaker, "failed", lambda self, *_, **__: self)
    settings.BROKER_HOSTS = {}
    settings.BROKER_CLIENTS = {key: {"client_id": "blotter", "client_secret": "of-the-desk"} for key in CONTEXTS}
    settings.BROKER_BUDGETS = {
        (broker, environment): {budget.category: (10**6, 1) for budget in registry.spec(broker).budgets}
        for broker, environment in CONTEXTS
    }
    return made


HOSTS_FOR = oauth.hosts_for  # as it is, whatever a sabotage makes of it


def host_of(connection: Connection) -> str:
    parts = urlsplit(HOSTS_FOR(connection.broker, connection.environment).api)
    return f"{parts.scheme}://{parts.netloc}"


def connected() -> list[Connection]:
    """Each person at each broker's each environment, twice, with accounts that others have too."""
    made: list[Connection] = []
    for person, (broker, environment) in [each for each in itertools.product(PEOPLE, CONTEXTS) for _ in range(2)]:
        number = len(made)
        user, _ = get_user_model().objects.get_or_create(username=person)
        kind = Connection.GrantKind.REDIRECT
        row = Connection(user=user, broker=broker, environment=environment, grant_kind=kind)
        row.sealed_refresh_token = seal_for(row, "sealed_refresh_token", Secret(f"refresh-{number}"))
        row.sealed_access_token = seal_for(row, "sealed_access_token", Secret(f"access-refresh-{number}"))
        row.access_expires_at = timezone.now() + timedelta(hours=1)
        row.save()
        for account in NUMBERS[number % 3 : number % 3 + 2]:
            Account.objects.create(connection=row, number=account, kind="margin")
        made.append(row)
    return made


def ask_around(wire: Wire, cases: int) -> dict[str, Any]:
    """Random questions over brokers made at random times, tokens running out in between. → what went astray."""
    chance, rows = random.Random(16), connected()  # noqa: S311
    made: list[tuple[int, Broker]] = []
    strays: list[Any] = []
    asked: Counter[tuple[str, str]] = Counter()
    for _ in range(cases):
        if len(made) < 50 or chance.random() < 0.2:
            number = chance.randrange(len(rows))
            made.append((number, connections.broker_for(rows[number], urgent=chance.random() < 0.3)))
        number, broker = chance.choice(made[-50:])
        if chance.random() < 0.02:
            Connection.objects.filter(pk=rows[number].pk).update(access_expires_at=timezone.now(), not_before=None)
        before, renewals = len(wire.sent), len(wire.renewed)
        with contextlib.suppress(BrokerError):
            chance.choice(ASKED)(broker, chance.choice(NUMBERS))
        wanted = (host_of(rows[number]), f"Bearer access-refresh-{number}")
        strays += [(wanted, each) for each in wire.sent[before:] if (each[0], each[2]) != wanted]
        own = (HOSTS_FOR(rows[number].broker, rows[number].environment).token, f"refresh-{number}")
        strays += [(own, each) for each in wire.renewed[renewals:] if each != own]
        asked[rows[number].broker, rows[number].environment] += len(wire.sent) > before
    return {"strays": strays, "asked": asked, "sent": len(wire.sent), "renewed": len(wire.renewed)}


@pytest.mark.parametrize("cases", [10_000, pytest.param(50_000, marks=pytest.mark.nightly)])
def test_no_request_reaches_another_connections_host_or_carries_its_token(wire: Wire, cases: int) -> None:
    result = ask_around(wire, cases)
    assert result["strays"] == []
    assert len(result["asked"]) == len(CONTEXTS)
    assert min(result["asked"].values()) > cases / 8, "each was asked"
    assert result["renewed"] > cases / 100
    assert result["sent"] > cases * 0.7


@pytest.mark.parametrize("sabotage", ["hosts by broker alone", "the first token for all"])
def test_the_same_questions_catch_a_desk_that_mixes_them_up(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    if sabotage == "hosts by broker alone":
        kept: dict[str, Any] = {}
        mixed = lambda broker, environment: kept.setdefault(broker, HOSTS_FOR(broker, environment))  # noqa: E731
        monkeypatch.setattr(oauth, "hosts_for", mixed)
    else:
        first: list[Any] = []
        monkeypatch.setattr(
            connections.accounts, "token_source", lambda row: lambda *, refused=None: _first(first, row)
        )
    assert ask_around(wire, 200)["strays"]


def _first(kept: list[str], row: Connection) -> str:
    kept.append(connections.access_token(row.pk))
    return kept[0]


def test_a_stream_gets_the_hosts_and_the_token_of_its_connection(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, str, Any]] = []

    def note(hosts: Any, token: Any, numbers: Any, **_: Any) -> None:
        opened.append((hosts, token(), numbers))

    specs = {name: replace(spec, make_stream=note) for name, spec in registry.BROKERS.items()}
    monkeypatch.setattr(registry, "BROKERS", specs)
    for number, row in enumerate(connected()):
        connections.open_stream(row, ["5WT00042"])
        assert opened[-1] == (oauth.hosts_for(row.broker, row.environment), f"access-refresh-{number}", ["5WT00042"])


def test_no_ones_order_for_anothers_account_sends_anything(wire: Wire) -> None:
    """By the front door: the accounts of two others, and one that is none."""
    rows = connected()
    client = Client()
    client.force_login(rows[0].user, backend="allauth.account.auth_backends.AuthenticationBackend")
    foreign = Account.objects.exclude(connection__user=rows[0].user)
    leg = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}
    body = {"legs": [leg], "order_type": "limit", "time_in_force": "day", "limit_price": "190.00"}
    answers = []
    for number, pk in enumerate([*foreign.values_list("pk", flat=True), "0e0e0e0e-0000-4000-8000-000000000000"]):
        content, key = json.dumps(body | {"account": str(pk)}), {"Idempotency-Key": f"k{number}"}
        told = client.post("/api/v1/orders", content, content_type="application/json", headers=key)
        answers.append((told.status_code, re.sub(r'"(request_id|instance)":"[^"]*"', "", told.content.decode())))
    assert wire.sent == []
    assert len(answers) == foreign.count() + 1
    assert len(set(answers)) == 1, "a foreign account is answered like one that is not there"
    assert answers[0][0] in (404, 422)
