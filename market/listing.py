"""Option chains as the API's JSON. An index has more than ten thousand options: whole documents are kept as bytes."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.core.cache import cache
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import exceptions

from brokers.domain.instruments import Instrument
from brokers.domain.market import Expiration
from brokers.models import Account
from market.documents import expiration_document, moment, source_document
from trading.drafting import chains
from trading.drafting.listed import EXCHANGE_TIME, name_of, shelf

KEPT = 600
FAST = 1
"""The compression that costs least: a chain is as repetitive as text can be."""


def chain_document(account: Account, underlying: Instrument, expiry: str, *, with_strikes: bool) -> HttpResponse:
    """Raises ``InvalidTicket`` where there are no options, ``BrokerError``, ``NotFound`` for an expiry without any."""
    now = timezone.now()
    if expiry or not with_strikes:
        chosen = _chosen(account, str(underlying), expiry, with_strikes=with_strikes)
        return _answer(account, underlying, _expirations(chosen, now), now)
    body, at = _whole(account, underlying, now)
    return _answer(account, underlying, body, at)


def _chosen(account: Account, underlying: str, expiry: str, *, with_strikes: bool) -> list[Expiration]:
    """The expirations of a day, or of a name; all of them where none is asked for."""
    listed = chains.expirations_on(account, underlying)
    titles = [each for each in listed if expiry in ("", each.expiry.isoformat(), name_of(each))]
    if not titles:
        raise exceptions.NotFound(f"No options on {underlying} expire then: the chain lists the days.")
    if not with_strikes:
        return [replace(each, strikes=()) for each in titles]
    return [chains.expiration_on(account, underlying, name_of(each)) or each for each in titles]


def _whole(account: Account, underlying: Instrument, now: datetime) -> tuple[bytes, datetime]:
    """All expirations, written once for each chain that is read."""
    key = _key(account, underlying)
    kept: tuple[bytes, datetime] | None = cache.get(key) if key else None
    if kept is None:
        body = _expirations(chains.chain_on(account, str(underlying)).expirations, now)
        kept = zlib.compress(body, FAST), now
        cache.set(_key(account, underlying), kept, KEPT)
    return zlib.decompress(kept[0]), kept[1]


def _key(account: Account, underlying: Instrument) -> str:
    """ "" while the chain has not been read."""
    connection, mark = account.connection, shelf(account.connection, str(underlying)).mark
    return f"chain-document:{connection.broker}:{connection.environment}:{underlying}:{mark}" if mark else ""


def _expirations(chosen: Iterable[Expiration], now: datetime) -> bytes:
    today = now.astimezone(EXCHANGE_TIME).date()
    return json.dumps([expiration_document(each, today) for each in chosen], separators=(",", ":")).encode()


def _answer(account: Account, underlying: Instrument, expirations: bytes, at: datetime) -> HttpResponse:
    head = {"source": source_document(account), "symbol": str(underlying), "as_of": moment(at)}
    body = json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"expirations":' + expirations + b"}"
    return HttpResponse(body, content_type="application/json")
