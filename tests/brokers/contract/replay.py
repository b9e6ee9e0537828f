"""Recorded answers served to the port: a broker's ``replay.json`` says which call meets which of them.

A case names a method of the port, its arguments as text (by their annotated types), and the answers: ``[method, path,
status, what]``, where ``what`` is a payload's name or ``{"file": …, "at": …, "in": …, "set": …}``: that part of the
payload, put where "$" stands, with values set. ``sends`` is the payload that the acting request must equal, but for the
keys in ``but``. What the call gives stands in ``read/<case>.json``; ``raises`` names an error in its place.
"""

import collections.abc
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from brokers.domain.instruments import Instrument, parse_instrument, plain
from brokers.domain.market import Expiration, PriceIncrements, Watchlist
from brokers.domain.orders import GroupKind, OrderGroup, OrderTicket
from brokers.errors import BrokerError
from brokers.port import Broker, Hosts
from brokers.registry import spec
from tests.brokers.oracle.tickets import parse_ticket

PAYLOADS = Path(__file__).parents[2] / "payloads"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
HOSTS = Hosts("https://api.example.invalid/v3", "", "", "")
Answers = list[tuple[str, str, int, Any]]


@dataclass(frozen=True)
class Case:
    """One call and its answers. ``answers`` are decoded JSON: change them to see what becomes of the call."""

    broker: str
    name: str
    method: str
    args: tuple[str, ...]
    answers: Answers
    given: Mapping[str, Any]

    @property
    def expected(self) -> Any:
        return json.loads((PAYLOADS / self.broker / "read" / f"{self.name}.json").read_text())

    def call(self, answers: Answers | None = None) -> Any:
        """What the port gives, rendered; or the error that it raises."""
        with serving(self.answers) if answers is None else serving(answers, lenient=True):
            return render(self._ask())

    def sent(self) -> list[requests.PreparedRequest]:
        """What goes out, whatever comes of it."""
        with serving(self.answers) as sent, suppress(BrokerError):
            self._ask()
        return sent

    def _ask(self) -> Any:
        broker = spec(self.broker).make_broker(HOSTS, lambda *, refused=None: "example-token")
        with standing_still(self.broker):
            return getattr(broker, self.method)(*arguments(self.method, self.args))


def cases(broker: str) -> list[Case]:
    given = table(broker)
    return [_case(broker, name, each) for name, each in given["cases"].items()]


def table(broker: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / broker / "replay.json").read_text())
    return found


def payload(broker: str, name: str) -> Any:
    return json.loads((PAYLOADS / broker / f"{name}.json").read_text())


def _case(broker: str, name: str, given: dict[str, Any]) -> Case:
    answers = [(method, path, status, _answer(broker, what)) for method, path, status, what in given["answers"]]
    return Case(broker, name, given.get("method", name), tuple(given.get("args", ())), answers, given)


def _answer(broker: str, what: Any) -> Any:
    if isinstance(what, str):
        return payload(broker, what)
    if "file" not in what:
        return what["in"]
    value = payload(broker, what["file"])
    for key in what.get("at", "").split(".") if what.get("at") else ():
        value = value[int(key) if isinstance(value, list) else key]
    for path, new in what.get("set", {}).items():
        *way, last = path.split(".")
        holder = value
        for key in way:
            holder = holder[int(key) if isinstance(holder, list) else key]
        holder[last] = new
    return _put(what["in"], value) if "in" in what else value


def _put(around: Any, value: Any) -> Any:
    if around == "$":
        return value
    if isinstance(around, dict):
        return {key: _put(each, value) for key, each in around.items()}
    return [_put(each, value) for each in around] if isinstance(around, list) else around


# --- served -------------------------------------------------------------------------------------------------------


@contextmanager
def serving(answers: Answers, *, lenient: bool = False) -> Iterator[list[requests.PreparedRequest]]:
    """Requests meet the recorded answers by method and path; several of the same in their order, the last for good.

    What is not recorded fails the test; when ``lenient`` it is a 404, for changed answers may lead elsewhere.
    """
    left = deepcopy(answers)
    sent: list[requests.PreparedRequest] = []

    def send(_: HTTPAdapter, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        sent.append(request)
        path = unquote(urlsplit(str(request.url)).path)
        found = [each for each in left if each[0] == request.method and path.endswith(each[1])]
        assert found or lenient, f"no answer is recorded for {request.method} {path}"
        if len(found) > 1:
            left.remove(found[0])
        _, _, status, body = found[0] if found else ("", "", 404, {})
        text = json.dumps(body).encode()
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.raw = HTTPResponse(BytesIO(text), status=status, preload_content=False)
        return response

    with patch.object(HTTPAdapter, "send", send):
        yield sent


@contextmanager
def standing_still(broker: str) -> Iterator[None]:
    """The broker's clocks stand at ``NOW``."""
    clocks = {"_now": lambda: NOW, "_today": lambda: NOW.date()}
    modules = [each for name, each in sys.modules.items() if name.startswith(f"brokers.{broker}.")]
    found = [(each, name) for each in modules for name in clocks if hasattr(each, name)]
    kept = [(each, name, getattr(each, name)) for each, name in found]
    for each, name in found:
        setattr(each, name, clocks[name])
    try:
        yield
    finally:
        for each, name, clock in kept:
            setattr(each, name, clock)


# --- text to values and back --------------------------------------------------------------------------------------


def arguments(method: str, texts: tuple[str, ...]) -> list[Any]:
    hints = get_type_hints(getattr(Broker, method))
    hints.pop("return", None)
    return [_value(hint, text) for hint, text in zip(hints.values(), texts, strict=False)]


def _value(hint: Any, text: str) -> Any:
    if hint is OrderTicket:
        return parse_ticket(text)
    if hint is OrderGroup:
        return parse_group(text)
    if hint is Watchlist:
        return parse_watchlist(text)
    if hint is Expiration:
        return parse_expiration(text)
    if hint == Instrument:
        return parse_instrument(text)
    if get_origin(hint) in (collections.abc.Collection, collections.abc.Sequence):
        (member,) = get_args(hint)
        return [_value(member, each) for each in text.split(",") if each]
    if datetime in (hint, *get_args(hint)):
        return datetime.fromisoformat(text)
    if date in (hint, *get_args(hint)):
        return date.fromisoformat(text)
    return text


def parse_group(text: str) -> OrderGroup:
    """``oco | ticket | ticket``; of other kinds the first ticket is the trigger."""
    kind, *tickets = (each.strip() for each in text.split("|"))
    found = [parse_ticket(each) for each in tickets]
    trigger = None if kind == GroupKind.OCO else found.pop(0)
    return OrderGroup(GroupKind(kind), tuple(found), trigger)


def parse_expiration(text: str) -> Expiration:
    """``2026-12-18 regular TLT``, as listed: without strikes."""
    expiry, kind, root = text.split()
    return Expiration(date.fromisoformat(expiry), kind, "PM", root, Decimal(100), PriceIncrements(()), ())


def parse_watchlist(text: str) -> Watchlist:
    """``id | name | symbol, symbol``."""
    list_id, name, symbols = (each.strip() for each in text.split("|"))
    return Watchlist(list_id, name, tuple(parse_instrument(each.strip()) for each in symbols.split(",")))


def render(value: Any) -> Any:
    """A value of the desk as JSON: numbers as text, instruments by their canonical names; what has its default is
    left out."""
    if isinstance(value, Instrument.__args__):  # type: ignore[attr-defined]
        return str(value)
    if is_dataclass(value):
        named = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: render(found) for each, found in named if found != each.default}
    if isinstance(value, Mapping):
        return {str(key): render(each) for key, each in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Collection) and not isinstance(value, str):
        return [render(each) for each in value]
    return value
