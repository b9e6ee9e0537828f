"""What the controls are told: the broker's figures before the sending transaction, the database's facts inside it.

``take`` asks the broker and may be slow; it raises no ``BrokerError``: what can't be had is None, with the reason.
``renew`` is called with the account's row locked, so that two orders never both use the last dollar.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.cache import cache
from django.db import connection as database
from django.db import connections as database_connections
from django.db.models import Q, Sum
from django.utils import timezone

from brokers import registry
from brokers.domain.accounts import Position
from brokers.domain.instruments import FutureOption, Instrument, Option, Other
from brokers.domain.market import Details
from brokers.domain.orders import InvalidTicket, OrderGroup, OrderTicket, Preview
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading import lifecycle, tickets
from trading.instruments import details_of
from trading.lifecycle import Status
from trading.models import Halt, Order
from trading.risk.facts import Effect, Sent, Snapshot, Twin
from trading.risk.money import takes
from trading.safety import halts
from trading.safety.open_orders import working_of

__all__ = ["Snapshot", "refusals", "renew", "reserve", "take", "take_group"]

FIGURES_KEPT = 3
"""Seconds for which a balance and positions serve several orders; what was sent meanwhile is reckoned on top."""
OPENING_KEPT = 900
REFUSED = frozenset({Status.DENIED, Status.REJECTED, Status.BROKER_REJECTED})
TWINS_WITHIN = timedelta(seconds=60)
ZERO = Decimal(0)


def _new_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=16, thread_name_prefix="snapshot")


_pool = _new_pool()


def _after_fork() -> None:
    """A child process has none of its parent's threads: asking the parent's pool would wait for ever."""
    global _pool
    _pool = _new_pool()


os.register_at_fork(after_in_child=_after_fork)


# --- the broker's figures ---


def take(
    account: Account,
    ticket: OrderTicket,
    broker: Broker,
    *,
    source: str = "web",
    foreseen: Preview | Mapping[str, Any] | None = None,
    signal_at: datetime | None = None,
    leaving_out: Sequence[str] = (),
) -> Snapshot:
    """Ask the broker for all that the controls need. ``foreseen`` is a dry run that was made already, or its document.

    Without one, a broker that has dry runs is asked for one. ``leaving_out`` are ids of orders that it replaces.
    """
    snapshot = _take(account, [ticket], broker, source, signal_at, leaving_out)
    effect = _effect_of(foreseen) if foreseen is not None else None
    if effect is None and snapshot.capabilities is not None and snapshot.capabilities.has_dry_run and not leaving_out:
        effect, trouble = _asked(lambda: _effect_of(broker.preview_order(account.number, ticket)))
        snapshot = replace(snapshot, troubles={**snapshot.troubles, **({"effect": trouble} if trouble else {})})
    return replace(snapshot, effect=effect, now=timezone.now())


def take_group(
    account: Account,
    group: OrderGroup,
    broker: Broker,
    *,
    source: str = "web",
    signal_at: datetime | None = None,
) -> Snapshot:
    """The same for orders that are sent as one."""
    return _take(account, group.tickets, broker, source, signal_at, ())


def _take(
    account: Account,
    asked: Sequence[OrderTicket],
    broker: Broker,
    source: str,
    signal_at: datetime | None,
    leaving_out: Sequence[str],
) -> Snapshot:
    instruments = list(dict.fromkeys(leg.instrument for ticket in asked for leg in ticket.legs))
    details, details_trouble = _details(account, instruments, broker)
    at, (balance, no_balance), (positions, no_positions) = _figures(account, broker)
    wanted = _to_quote(instruments, details, positions or ())
    quotes_at = timezone.now()
    quotes, no_quotes = _asked(lambda: broker.get_quotes(wanted))
    troubles = {"details": details_trouble, "balance": no_balance, "positions": no_positions, "quotes": no_quotes}
    known = registry.BROKERS.get(account.connection.broker)
    return Snapshot(
        now=timezone.now(),
        source=source,
        account=account.number,
        fingerprints=tuple(tickets.fingerprint(ticket) for ticket in asked),
        symbols=tuple(str(instrument) for instrument in instruments),
        leaving_out=tuple(leaving_out),
        capabilities=known.capabilities if known is not None else None,
        details=details,
        quotes=quotes or {},
        quotes_at=quotes_at if quotes is not None else None,
        balance=balance,
        positions=tuple(positions) if positions is not None else None,
        figures_at=at,
        opening_value=_opening(account, broker),
        signal_at=signal_at,
        troubles={part: words for part, words in troubles.items() if words},
    )


def _asked(question: Callable[[], Any]) -> tuple[Any, str]:
    """The answer, or None and why there is none."""
    try:
        return question(), ""
    except BrokerError as error:
        return None, error.message


def _details(
    account: Account, instruments: Iterable[Instrument], broker: Broker
) -> tuple[dict[Instrument, Details], str]:
    found: dict[Instrument, Details] = {}
    trouble = ""
    for instrument in instruments:
        try:
            found[instrument] = details_of(account, instrument, broker)
        except (BrokerError, InvalidTicket) as error:
            trouble = str(error)
    return found, trouble


Answer = tuple[Any, str]


def _figures(account: Account, broker: Broker) -> tuple[datetime, Answer, Answer]:
    """Balance and positions, and when they were asked for; kept for a moment."""
    key = f"risk:figures:{account.pk}"
    kept: tuple[datetime, Answer, Answer] | None = cache.get(key)
    if kept is not None:
        return kept
    at = timezone.now()
    balance, positions = _side_by_side(
        lambda: broker.get_balance(account.number), lambda: broker.get_positions(account.number)
    )
    if not balance[1] and not positions[1]:
        cache.set(key, (at, balance, positions), FIGURES_KEPT)
    return at, balance, positions


def _side_by_side(*questions: Callable[[], Any]) -> list[Answer]:
    """Each in a thread of its own; one after the other in a transaction, whose rows no other thread sees."""
    if database.in_atomic_block:
        return [_asked(question) for question in questions]
    return [future.result() for future in [_pool.submit(_in_thread, question) for question in questions]]


def _in_thread(question: Callable[[], Any]) -> Answer:
    try:
        return _asked(question)
    finally:
        database_connections.close_all()


def _to_quote(
    instruments: Sequence[Instrument], details: Mapping[Instrument, Details], positions: Sequence[Position]
) -> list[Instrument]:
    """The legs and all that is held, with what they are on."""
    wanted = [*instruments, *(position.instrument for position in positions)]
    under = [known.underlying for known in details.values() if known.underlying is not None]
    for instrument in wanted.copy():
        if isinstance(instrument, FutureOption):
            under.append(instrument.future)
        elif isinstance(instrument, Option) and instrument not in details:
            under += _underlying_of(instrument, positions)
    return [one for one in dict.fromkeys([*wanted, *under]) if not isinstance(one, Other)]


def _underlying_of(option: Option, positions: Sequence[Position]) -> list[Instrument]:
    """A held option's share or index, by what its position says."""
    names = {position.underlying for position in positions if position.instrument == option} - {""}
    found: list[Instrument] = []
    for name in names:
        try:
            found.append(tickets.instrument(name))
        except InvalidTicket:
            continue
    return found


def _opening(account: Account, broker: Broker) -> Decimal | None:
    """Net liq when the session began, where the broker tells it; kept for a quarter of an hour."""
    known = registry.BROKERS.get(account.connection.broker)
    if known is None or not known.capabilities.has_opening_balance:
        return None
    key = f"risk:opening:{account.pk}"
    if (kept := cache.get(key)) is None:
        past, trouble = _asked(lambda: broker.get_opening_balance(account.number))
        if trouble:
            return None
        kept = (past.net_liquidating_value,)
        cache.set(key, kept, OPENING_KEPT)
    value: Decimal | None = kept[0]
    return value


def _effect_of(foreseen: Preview | Mapping[str, Any]) -> Effect | None:
    """What a dry run says of buying power; a document's "before" is from when it was shown, and not used."""
    if isinstance(foreseen, Preview):
        change = foreseen.buying_power_change
        return Effect(change, foreseen.buying_power_before) if change is not None else None
    try:
        return Effect(Decimal(foreseen["buying_power_change"]))
    except (KeyError, TypeError, InvalidOperation):
        return None


# --- the database's facts ---


def renew(snapshot: Snapshot, account: Account) -> Snapshot:
    """The snapshot with what our own rows say now. ``account`` is locked by the caller's transaction."""
    now = timezone.now()
    since = snapshot.figures_at or now
    rows = Order.objects.filter(account=account).exclude(pk__in=snapshot.leaving_out)
    ours = rows.filter(is_external=False).exclude(status=Status.DENIED)
    return replace(
        snapshot,
        now=now,
        not_ready=_not_ready(account),
        not_allowed=_not_allowed(account),
        standing=halts.effective(account, snapshot.source),
        working=working_of(account, snapshot.symbols, since, snapshot.leaving_out),
        reserved=_reserved(rows, since),
        twins=_twins(rows, snapshot.fingerprints, now),
        sent=Sent(
            second=ours.filter(created_at__gt=now - timedelta(seconds=1)).count(),
            minute=ours.filter(created_at__gt=now - timedelta(seconds=60)).count(),
            day=ours.filter(created_at__gt=now - timedelta(days=1)).count(),
        ),
        refusals=refusals(account, snapshot.source, now),
        first_live_order=account.connection.is_live and not ours.exists(),
    )


def reserve(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """What to write into ``Order.reserved``: the dollars of buying power it takes, None where that can't be told."""
    needed = takes(ticket, snapshot)
    return needed.quantize(Decimal("0.01")) if needed is not None else None


def _not_ready(account: Account) -> str:
    if account.connection.is_connected:
        return ""
    return f"{account.connection} needs to be connected again before it takes orders."


def _not_allowed(account: Account) -> str:
    if account.is_closed:
        return f"{account} is closed."
    return "" if account.can_trade else f"The sign-in for {account} may look but not trade."


def _reserved(rows: Any, since: datetime) -> Decimal:
    """Of orders that the broker's figure of ``since`` may not contain: in doubt, or heard of only after it.

    One whose need can't be told counts nothing here: the broker's own check stands behind it.
    """
    in_doubt = Q(status__in=lifecycle.UNCERTAIN)
    unseen = Q(first_seen_at__gte=since) & (Q(status__in=lifecycle.OPEN) | Q(filled_quantity__gt=0))
    found = rows.filter(in_doubt | unseen, adopted_by=None).aggregate(total=Sum("reserved"))
    return found["total"] or ZERO


def _twins(rows: Any, fingerprints: Sequence[str], now: datetime) -> tuple[Twin, ...]:
    same = rows.filter(ticket_sha256__in=fingerprints, adopted_by=None).exclude(ticket_sha256="")
    in_doubt = Q(status__in=lifecycle.UNCERTAIN)
    lately = Q(created_at__gte=now - TWINS_WITHIN) & ~Q(status__in=lifecycle.NEVER_THERE)
    return tuple(
        Twin(str(order.pk), order.created_at, order.status in lifecycle.UNCERTAIN)
        for order in same.filter(in_doubt | lately).only("pk", "created_at", "status")
    )


def refusals(account: Account, source: str, now: datetime) -> int:
    """Denials and rejections of one source within a minute, not counting those before it was armed again, nor those
    that a halt made: whoever knocks at a closed door has not run away."""
    since = now - timedelta(seconds=60)
    armed = Halt.objects.filter(account=account, source=source, rearmed_at__gt=since).order_by("-rearmed_at").first()
    if armed is not None and armed.rearmed_at is not None:
        since = armed.rearmed_at
    rows = Order.objects.filter(account=account, source=source, status__in=REFUSED, changed_at__gt=since)
    return rows.exclude(status=Status.DENIED, error_code="KILL_SWITCH").count()
