"""What the controls are told: the broker's figures before the sending transaction, the database's facts inside it.

``take`` asks the broker and may be slow; it raises no ``BrokerError``: what can't be had is None, with the reason.
``renew`` is called with the account's row locked, so that two orders never both use the last dollar.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from brokers import registry
from brokers.connections.waiting import side_by_side
from brokers.domain.accounts import Position
from brokers.domain.instruments import FutureOption, Instrument, Option, Other
from brokers.domain.market import Details
from brokers.domain.orders import InvalidTicket, OrderGroup, OrderTicket, Preview
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading import lifecycle, plain_sql, tickets
from trading.instruments import details_of
from trading.lifecycle import Status
from trading.models import Halt, Order
from trading.patterns import gathering
from trading.risk.facts import Effect, Snapshot, Twin
from trading.risk.money import takes
from trading.risk.worth import notional
from trading.safety import account_counts, account_orders, halts, hours
from trading.safety.account_counts import REFUSED
from trading.safety.account_orders import AccountOrders, Row
from trading.safety.open_orders import working_of
from trading.safety.restrictions import restrictions_of

__all__ = ["REFUSED", "Snapshot", "refusals", "renew", "reserve", "take", "take_group", "take_with_preview", "worth"]

FIGURES_KEPT = 3
"""Seconds for which a balance and positions serve several orders; what was sent meanwhile is reckoned on top."""
OPENING_KEPT = 900
FORESEEN_FOR = timedelta(seconds=60)
"""How long what a dry run said of buying power holds."""
ZERO = Decimal(0)
MOST_KEPT = Decimal(10**17)


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
    effect = _effect_of(foreseen) if foreseen is not None else None
    if effect is not None or leaving_out or not _has_dry_run(account):
        snapshot = _take(account, [ticket], broker, source, signal_at, leaving_out)
        return replace(snapshot, effect=effect, now=timezone.now())
    snapshot, (effect, trouble) = side_by_side(
        account.connection_id,
        [
            lambda: _take(account, [ticket], broker, source, signal_at, leaving_out),
            lambda: _asked(lambda: _effect_of(broker.preview_order(account.number, ticket))),
        ],
    )
    troubles = {**snapshot.troubles, **({"effect": trouble} if trouble else {})}
    whole: Snapshot = replace(snapshot, effect=effect, troubles=troubles, now=timezone.now())
    return whole


def take_with_preview(
    account: Account, ticket: OrderTicket, broker: Broker, *, source: str = "web"
) -> tuple[Snapshot, Preview]:
    """The same with the whole dry run. Raises ``BrokerError`` when that can't be had."""
    foreseen, snapshot = side_by_side(
        account.connection_id,
        [
            lambda: broker.preview_order(account.number, ticket),
            lambda: _take(account, [ticket], broker, source, None, ()),
        ],
    )
    return replace(snapshot, effect=_effect_of(foreseen), now=timezone.now()), foreseen


def _has_dry_run(account: Account) -> bool:
    known = registry.BROKERS.get(account.connection.broker)
    return known is not None and known.capabilities.has_dry_run


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
    at, (balance, no_balance), (positions, no_positions) = _figures(account, broker, anew=bool(leaving_out))
    wanted = _to_quote(instruments, details, positions or ())
    quotes_at = timezone.now()
    quotes, no_quotes = _asked(lambda: broker.get_quotes(wanted))
    to_market = any(ticket.order_type.takes_market for ticket in asked)
    open_now, no_hours = hours.states(account, instruments, broker) if to_market else ({}, "")
    restrictions, no_restrictions = restrictions_of(account, broker)
    troubles = {"details": details_trouble, "balance": no_balance, "positions": no_positions, "quotes": no_quotes}
    troubles |= {"hours": no_hours, "restrictions": no_restrictions}
    known = registry.BROKERS.get(account.connection.broker)
    return Snapshot(
        now=timezone.now(),
        source=source,
        account=account.number,
        fingerprints=tuple(tickets.fingerprint(ticket) for ticket in asked),
        symbols=tuple(str(instrument) for instrument in instruments),
        asked=tuple(frozenset(leg.instrument for leg in ticket.legs) for ticket in asked),
        leaving_out=tuple(leaving_out),
        capabilities=known.capabilities if known is not None else None,
        details=details,
        quotes=quotes or {},
        quotes_at=quotes_at if quotes is not None else None,
        hours=open_now,
        restrictions=restrictions,
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


def _figures(account: Account, broker: Broker, *, anew: bool) -> tuple[datetime, Answer, Answer]:
    """Balance and positions, and when they were asked for; kept for a moment. ``anew``: a change of an order is held
    against figures that hold that order as it is."""
    key = f"risk:figures:{account.pk}"
    kept: tuple[datetime, Answer, Answer] | None = cache.get(key)
    if kept is not None and not anew:
        return kept
    at = timezone.now()
    balance, positions, *_ = side_by_side(
        account.connection_id,
        [
            lambda: _asked(lambda: broker.get_balance(account.number)),
            lambda: _asked(lambda: broker.get_positions(account.number)),
            lambda: _opening(account, broker),  # is kept, for when it is asked for next
            lambda: restrictions_of(account, broker),  # so is this
        ],
    )
    if not balance[1] and not positions[1]:
        cache.set(key, (at, balance, positions), FIGURES_KEPT)
    return at, balance, positions


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
    """What a dry run says of buying power; a document's "before" is from when it was shown, and not used. One that was
    shown a while ago says nothing any more: what is held may be something else by now."""
    if isinstance(foreseen, Preview):
        change = foreseen.buying_power_change
        return Effect(change, foreseen.buying_power_before) if change is not None else None
    try:
        if timezone.now() - datetime.fromisoformat(foreseen["as_of"]) > FORESEEN_FOR:
            return None
        return Effect(Decimal(foreseen["buying_power_change"]))
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return None


# --- the database's facts ---


def renew(snapshot: Snapshot, account: Account) -> Snapshot:
    """The snapshot with what our own rows say now. ``account`` is locked by the caller's transaction."""
    now = timezone.now()
    since = snapshot.figures_at or now
    about: dict[str, Any] = {
        "symbols": snapshot.symbols,
        "fingerprints": snapshot.fingerprints,
        "asked": [frozenset(str(instrument) for instrument in legs) for legs in snapshot.asked],
    }
    halts.hold()  # before anything is read: a press is seen, or waits
    with plain_sql.along(account_orders.question(account, since, now, **about)):
        counts = account_counts.of(account, snapshot.source, snapshot.key_id, now)
        found = account_orders.read(account, since, now, **about)
    return replace(
        snapshot,
        now=now,
        not_ready=_not_ready(account),
        not_allowed=_not_allowed(account),
        standing=halts.effective(account, snapshot.source) if counts.is_halted else halts.standing_of([]),
        working=working_of(account, found, since, snapshot.leaving_out),
        reserved=_reserved(found, since, snapshot.leaving_out),
        released=_released(found, since, snapshot.leaving_out),
        twins=_twins(found, snapshot.fingerprints, snapshot.leaving_out),
        sent=counts.sent,
        sent_by_all=counts.sent_by_all,
        habits=gathering.habits(account, snapshot.asked, found.past),
        refusals=counts.refusals,
        first_live_order=account.connection.is_live and not counts.sent_before,
    )


def reserve(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """What to write into ``Order.reserved``: the dollars of buying power it takes, None where that can't be told."""
    return _kept(takes(ticket, snapshot))


def worth(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """What to write into ``Order.notional``: dollars, unsigned, None where it can't be told."""
    return _kept(notional(ticket, snapshot))


def _kept(amount: Decimal | None) -> Decimal | None:
    """As a column holds it: what is larger is written down as the most that fits, for it is denied and must be told."""
    return min(amount, MOST_KEPT).quantize(Decimal("0.01")) if amount is not None else None


def _not_ready(account: Account) -> str:
    if account.connection.is_connected:
        return ""
    return f"{account.connection} needs to be connected again before it takes orders."


def _not_allowed(account: Account) -> str:
    if account.is_closed:
        return f"{account} is closed."
    return "" if account.can_trade else f"The sign-in for {account} may look but not trade."


def _reserved(found: AccountOrders, since: datetime, leaving_out: Sequence[str]) -> Decimal:
    """What the broker's figure of ``since`` may not contain: of orders in doubt or heard of only after it, and what
    replacements take beyond their orders, on their way or done after it.

    One whose need can't be told counts nothing here: the broker's own check stands behind it.
    """
    orders = (order for order in found.working if str(order.pk) not in leaving_out)
    rows = [*(order for order in orders if _is_unseen(order, since)), *found.replacements]
    return sum((row.reserved for row in rows if row.reserved is not None), ZERO)


def _is_unseen(order: Row, since: datetime) -> bool:
    if order.status in lifecycle.UNCERTAIN:
        return True
    counts = order.status in lifecycle.OPEN or order.filled_quantity > 0
    return counts and order.first_seen_at is not None and order.first_seen_at >= since


def _released(found: AccountOrders, since: datetime, leaving_out: Sequence[str]) -> Decimal:
    """Of orders that are replaced and that the broker's figure of ``since`` holds, for what is not filled of them."""
    held = (order for order in found.working if str(order.pk) in leaving_out and order.status in lifecycle.OPEN)
    seen = (order for order in held if order.first_seen_at is not None and order.first_seen_at < since)
    return sum((_held_for(order) for order in seen), ZERO)


def _held_for(order: Row) -> Decimal:
    """Nothing where what it takes is not known: then nothing is given back."""
    if order.reserved is None or not order.quantity:
        return ZERO
    return order.reserved * max(ZERO, 1 - order.filled_quantity / order.quantity)


def _twins(found: AccountOrders, fingerprints: Sequence[str], leaving_out: Sequence[str]) -> tuple[Twin, ...]:
    """The very same orders, newest first: those in doubt however old they are, and those of a moment ago."""
    in_doubt = (order for order in found.working if order.status in lifecycle.UNCERTAIN)
    same = [order for order in in_doubt if order.ticket_sha256 and order.ticket_sha256 in fingerprints]
    rows = {order.pk: order for order in (*same, *found.twins) if str(order.pk) not in leaving_out}
    newest_first = sorted(rows.values(), key=lambda order: order.created_at, reverse=True)
    return tuple(Twin(str(row.pk), row.created_at, row.status in lifecycle.UNCERTAIN) for row in newest_first)


def refusals(account: Account, source: str, now: datetime) -> int:
    """Denials and rejections of one source within a minute, not counting those before it was armed again, nor those
    that a halt made: whoever knocks at a closed door has not run away."""
    since = now - timedelta(seconds=60)
    armed = Halt.objects.filter(account=account, source=source, rearmed_at__gt=since).order_by("-rearmed_at").first()
    if armed is not None and armed.rearmed_at is not None:
        since = armed.rearmed_at
    rows = Order.objects.filter(account=account, source=source, status__in=REFUSED, changed_at__gt=since)
    return rows.exclude(status=Status.DENIED, error_code="KILL_SWITCH").count()
