"""The newest quotes of a connection: from its stream while they are fresh, else asked for; with where each is from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote
from brokers.errors import BrokerError
from brokers.live.hub import hub
from brokers.models import Account, Connection
from brokers.port import StreamState
from trading.safety import stopped

FRESH = timedelta(seconds=15)
"""A streamed quote that is older is asked for: a quiet instrument and a stream that stopped look alike."""
KEPT = 3
"""Seconds for which an answer serves whoever asks again through the same connection."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """``streamed``: whose quotes are from the stream. ``error``: why some are missing or older than they should be."""

    found: Mapping[Instrument, Quote]
    streamed: frozenset[Instrument]
    error: BrokerError | None = None


def quotes_of(connection: Connection, instruments: Collection[Instrument]) -> Quotes:
    """Of those that the broker knows; the unknown are left out. Raises nothing: ``error`` tells."""
    oldest = timezone.now() - FRESH
    streamed = hub.latest(connection.pk, instruments)
    fresh = {one: quote for one, quote in streamed.items() if quote.as_of >= oldest}
    missing = [one for one in instruments if one not in fresh]
    error = None
    try:
        asked = _asked(connection, missing) if missing else {}
    except BrokerError as trouble:
        asked, error = {}, trouble
    found = {**streamed, **asked, **fresh}
    return Quotes(found, frozenset(streamed.keys() - asked.keys()), error)


def with_halts(account: Account, quotes: Quotes) -> Quotes:
    """With the broker's newest word on whether each is halted, which no stream tells."""
    told = stopped.halts(account, quotes.found)
    found = {
        one: replace(quote, halted=told[one].is_halted, halted_since=told[one].since) if one in told else quote
        for one, quote in quotes.found.items()
    }
    return replace(quotes, found=found)


def _asked(connection: Connection, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
    """From the last few seconds' answers, the rest from the broker in one go. What it does not know is kept as well."""
    keys = {_key(connection, one): one for one in instruments}
    kept: dict[str, Quote | None] = cache.get_many(keys)
    unasked = {key: one for key, one in keys.items() if key not in kept}
    if unasked:
        told = connections.broker_for(connection).get_quotes(list(unasked.values()))
        news = {key: told.get(one) for key, one in unasked.items()}
        cache.set_many(news, KEPT)
        kept |= news
    return {keys[key]: quote for key, quote in kept.items() if quote is not None}


def _key(connection: Connection, instrument: Instrument) -> str:
    return f"quote:{connection.pk}:{str(instrument).replace(' ', '_')}"


def is_delayed(connection_id: UUID) -> bool | None:
    """Whether the connection's prices come late by agreement; None while its stream has not told."""
    feed = hub.feeds.get(connection_id)
    told = feed.statuses.get("quotes") if feed is not None else None
    match told.state if told is not None else None:
        case StreamState.DELAYED:
            return True
        case StreamState.LIVE:
            return False
        case _:
            return None
