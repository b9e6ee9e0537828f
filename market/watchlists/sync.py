"""Brings watchlists in line with the broker that keeps them too, both ways.

Each row knows how both sides last agreed. What differs from that has changed: one side's change is taken over; of
two, the newest wins and a note says what gave way. Brokers do not tell when a list was changed, so a broker's change
is known to lie after the last look that saw both sides agree: it is the newer one when that look came after the
person's own change. Else the person's is, as far as anybody can tell, and the note names what the broker had.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from brokers import connections
from brokers.domain import market
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.port import Broker
from market.models import Watchlist

LOOK_EVERY = 60
FLIGHT_SECONDS = 30
logger = logging.getLogger(__name__)


def sync_soon(connection: Connection) -> str:
    """For a page that shows lists: looks at most once a minute. Words when the broker can't be asked."""
    key = f"watchlists:seen:{connection.pk}"
    known: str | None = cache.get(key)
    if known is None:
        known = sync(connection)
        cache.set(key, known, LOOK_EVERY)
    return known


def sync(connection: Connection) -> str:
    """Both ways, now; words when the broker can't be asked. One look at a time for each connection."""
    flight = f"watchlists:flight:{connection.pk}"
    if not cache.add(flight, 1, FLIGHT_SECONDS):
        return ""  # the look that is under way, or the next one, sees what was changed
    try:
        broker = connections.broker_for(connection)
        listed = broker.get_watchlists()
        _bring_in_line(connection, broker, listed)
    except BrokerError as error:
        pending = [row.pk for row in _mine(connection) if row.is_pending]
        Watchlist.objects.filter(pk__in=pending).update(trouble=error.message[:300])
        return error.message
    finally:
        cache.delete(flight)
    return ""


def _mine(connection: Connection) -> Any:
    return Watchlist.objects.filter(connection=connection).select_related("connection")


def _bring_in_line(connection: Connection, broker: Broker, listed: Sequence[market.Watchlist]) -> None:
    rows = {row.broker_list_id: row for row in _mine(connection) if row.broker_list_id}
    unsent = {row.name: row for row in _mine(connection) if not row.broker_list_id}
    for theirs in listed:
        row = rows.pop(theirs.id, None) or _adopted(theirs, unsent)
        if row is None:
            _import(connection, theirs)
        else:
            _settle(row, broker, theirs)
    for row in rows.values():
        _gone(row)
    for row in unsent.values():
        _push(row, broker)


def _adopted(theirs: market.Watchlist, unsent: dict[str, Watchlist]) -> Watchlist | None:
    """A list of ours that bears the name already: it was sent before and the answer was lost, or made on both sides."""
    row = unsent.pop(theirs.name, None) if theirs.writable else None
    if row is not None:
        row.broker_list_id = theirs.id
        _write(row, broker_list_id=theirs.id)
    return row


def _import(connection: Connection, theirs: market.Watchlist) -> None:
    kept = _kept(theirs)
    Watchlist.objects.get_or_create(
        connection=connection,
        broker_list_id=theirs.id,
        defaults={
            "user": connection.user,
            **kept,
            "is_writable": theirs.writable,
            "agreed": kept,
            "agreed_at": timezone.now(),
            "place": Watchlist.objects.of(connection.user).next_place(),
        },
    )


def _settle(row: Watchlist, broker: Broker, theirs: market.Watchlist) -> None:
    kept, now = _kept(theirs), timezone.now()
    theirs_changed, ours_changed = row.agreed != kept, row.agreed != row.as_kept
    if row.as_kept == kept:
        _write(row, agreed=kept, agreed_at=now, trouble="")
    elif not ours_changed:
        _write(row, **kept, agreed=kept, agreed_at=now, trouble="")
    elif not theirs_changed:
        row.agreed_at = now
        _push(row, broker)
    elif row.agreed_at is not None and row.agreed_at >= row.changed_at:
        note = f"Changed at {_title(row)} after you changed it here: theirs is shown. {_lost(row.as_kept, kept)}"
        _write(row, **kept, agreed=kept, agreed_at=now, trouble="", note=note[:500])
    else:
        note = f"Changed at {_title(row)} too: yours is newer and was kept. {_lost(kept, row.as_kept)}"
        _push(row, broker, note=note[:500])


def _push(row: Watchlist, broker: Broker, **more: Any) -> None:
    """Ours to the broker. What it can't take stays here, with its reason, and is tried again at the next look."""
    wanted = market.Watchlist(row.broker_list_id, row.name, tuple(row.instruments))
    try:
        saved = broker.save_watchlist(wanted)
    except BrokerError as error:
        logger.info("watchlist %s was not taken: %s", row.pk, error.code)
        _write(row, agreed_at=row.agreed_at, trouble=error.message[:300], **more)
        return
    kept = _kept(saved)
    _write(row, **kept, agreed=kept, agreed_at=timezone.now(), broker_list_id=saved.id, trouble="", **more)


def _gone(row: Watchlist) -> None:
    """Removed, or renamed, at the broker: here too, unless it was changed here since. Then it is the desk's alone."""
    if not row.is_pending:
        row.delete()
        return
    note = f"The list was removed at {_title(row)}; what you changed here is kept by the desk alone."
    _write(row, connection=None, broker_list_id="", agreed=None, agreed_at=None, trouble="", note=note)


def _write(row: Watchlist, **values: Any) -> None:
    """Unless the person has changed the list meanwhile: then the next look decides."""
    changed = any(getattr(row, name) != values.get(name, getattr(row, name)) for name in ("name", "symbols"))
    with transaction.atomic():
        fresh = Watchlist.objects.filter(pk=row.pk, version=row.version)
        fresh.update(**values, **({"version": F("version") + 1} if changed else {}))


def _kept(theirs: market.Watchlist) -> dict[str, Any]:
    return {"name": theirs.name, "symbols": [str(one) for one in theirs.instruments]}


def _title(row: Watchlist) -> str:
    return str(row.connection)


def _lost(gone: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    """What was on the side that gave way, and what was not."""
    had = [symbol for symbol in gone["symbols"] if symbol not in kept["symbols"]]
    lacked = [symbol for symbol in kept["symbols"] if symbol not in gone["symbols"]]
    parts = []
    if had:
        parts.append(f"The other had also {', '.join(had[:20])}.")
    if lacked:
        parts.append(f"It lacked {', '.join(lacked[:20])}.")
    return " ".join(parts) or "Only the order or the name differed."
