"""Replacing a working order: checked, written down, sent once. What becomes of it: replacements.py."""

import dataclasses
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from brokers import connections, registry
from brokers.connections.waiting import one_at_a_time
from brokers.domain.orders import OrderTicket
from brokers.models import Account
from brokers.port import Broker, Term
from trading import lifecycle, plain_sql, risk, tickets
from trading.lifecycle import Asked, Status
from trading.models import Order, OrderEvent, Replacement
from trading.protocol import asked, durability, known, reading, replacements, sending
from trading.protocol.counters import counters
from trading.protocol.readiness import at_hand, compare_first
from trading.risk import Snapshot
from trading.safety import limits, snapshots

Source = OrderEvent.Source


class KeyReused(Exception):
    """The idempotency key was used before, for something else."""

    code = "idempotency_key_reused"


class NotReplaceable(Exception):
    """The order can't be changed so, or not now; ``field`` names the part at fault, the text says what to do."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


# --- may it? ---


def check(order: Order, ticket: OrderTicket) -> None:
    """``NotReplaceable`` unless this order can be put on these terms now, as far as the desk knows."""
    if words := why_not_now(order):
        raise NotReplaceable(words)
    before = _working_ticket(order)
    changed = differences(before, ticket)
    if changed is None:
        raise NotReplaceable("What is bought and sold can't be changed. Cancel this order and place a new one.", "legs")
    if not changed:
        raise NotReplaceable("These are the terms on which it works already.")
    able = registry.spec(order.account.connection.broker).capabilities.replaces
    for term in sorted(changed - able):
        words = f"This broker does not change the {term.value.replace('_', ' ')} of an order. "
        raise NotReplaceable(words + "Cancel it and place a new one.", term.value)
    if ticket.legs[0].quantity <= order.filled_quantity:
        raise NotReplaceable("That much is filled already: give a larger quantity, or cancel the rest.", "quantity")


def why_not_now(order: Order) -> str:
    """Why nothing can be changed about this order now, "" when something can."""
    if order.status in lifecycle.UNCERTAIN:
        return "We do not know yet whether the broker has this order. It is being looked up."
    if order.status not in lifecycle.OPEN:
        return f"This order is over: {order.label.lower()}."
    if order.broker_order_id is None:
        return "The broker has not given this order a number yet. Try again in a moment."
    if order.cancel_pending or order.status == Status.CANCEL_REQUESTED:
        return "A cancel is asked for: wait for the broker's answer."
    if order.replace_pending or asked.is_open(order.pk):
        return "A replacement of this order is being carried out: wait until it shows."
    return ""


def _working_ticket(order: Order) -> OrderTicket:
    try:
        prices = {"limit_price": _text(order.limit_price), "stop_price": _text(order.stop_price)}
        return tickets.from_json(order.ticket | prices)
    except (ValueError, KeyError):
        words = "This order was placed elsewhere in a way that the desk has no words for. Change it at the broker."
        raise NotReplaceable(words) from None


def _text(price: Any) -> str | None:
    return None if price is None else format(price, "f")


def differences(before: OrderTicket, after: OrderTicket) -> set[Term] | None:
    """Which terms differ; None when the orders are about other things."""
    sides = [{(leg.instrument, leg.action) for leg in ticket.legs} for ticket in (before, after)]
    if sides[0] != sides[1]:
        return None
    sizes = [{leg.instrument: leg.quantity for leg in ticket.legs} for ticket in (before, after)]
    pairs = {
        Term.QUANTITY: tuple(sizes),
        Term.LIMIT_PRICE: (before.limit_price, after.limit_price),
        Term.STOP_PRICE: (before.stop_price, after.stop_price),
        Term.TRAIL: (before.trail, after.trail),
        Term.ORDER_TYPE: (before.order_type, after.order_type),
        Term.TIME_IN_FORCE: ((before.time_in_force, before.gtd_date), (after.time_in_force, after.gtd_date)),
    }
    changed = {term for term, (old, new) in pairs.items() if old != new}
    if Term.ORDER_TYPE in changed:  # a type brings its prices, or drops them
        changed -= {term for term in (Term.LIMIT_PRICE, Term.STOP_PRICE, Term.TRAIL) if None in pairs[term]}
    return changed


# --- done ---


def with_key(account: Account, key: str, ticket: OrderTicket, chain: Any) -> Replacement | None:
    """The replacement under a key; ``KeyReused`` when the key was for something else."""
    found, other = asked.under_key(account.pk, key)
    same = found is not None and (found.ticket_sha256, found.chain) == (tickets.fingerprint(ticket), chain)
    if other or (found is not None and not same):
        raise KeyReused("This idempotency key was used for something else. Use a new key for a new request.")
    return found


def foresee(order: Order, ticket: OrderTicket, *, source: str = "web") -> list[risk.Finding]:
    """What the desk's checks say of an order on new terms now; they are made again when it is sent."""
    account = order.account
    broker = connections.broker_for(account.connection)
    snapshot = snapshots.take(account, ticket, broker, source=source, leaving_out=[str(order.pk)])
    rest, snapshot = left_of(ticket, order), _in_place_of(order, snapshot)
    return risk.check(rest, snapshots.renew(snapshot, account), limits.for_account(account, source, snapshot.key_id))


def replace(
    order: Order,
    ticket: OrderTicket,
    *,
    idempotency_key: str,
    source: Order.Source,
    confirmed: Collection[str] = (),
) -> Order:
    """Ask for a working order's change, once; the same key again only answers how it stands.

    → the order that stands now: another one where the broker gives a new number. How the change went is in the
    order's ``replacements``. Raises ``NotReplaceable``, ``Denied``, ``KeyReused``, or ``BrokerError`` when it never
    began.
    """
    order = known.order_of(order.pk)
    if (there := with_key(order.account, idempotency_key, ticket, order.chain_id)) is not None:
        return replacements.standing(there)
    check(order, ticket)
    compare_first(order.account)
    hand = at_hand(order.account)
    snapshot = snapshots.take(order.account, ticket, hand.broker, source=source, leaving_out=[str(order.pk)])
    hand.look_again()
    try:
        replacement = _write_down(order, ticket, idempotency_key, source, snapshot, confirmed)
    except IntegrityError:
        if (there := with_key(order.account, idempotency_key, ticket, order.chain_id)) is not None:
            return replacements.standing(there)
        raise NotReplaceable("A replacement of this order is being carried out: wait until it shows.") from None
    return _send(replacement, ticket, hand.broker)


def _write_down(
    order: Order, ticket: OrderTicket, key: str, source: str, snapshot: Snapshot, confirmed: Collection[str]
) -> Replacement:
    """Commit the replacement as SENDING, or as DENIED and raise ``Denied``."""
    durability.check()
    with one_at_a_time(order.account_id), transaction.atomic(durable=True):
        account, epoch = sending.locked(order.account)
        row = known.locked(order.pk)
        row.account = account
        check(row, ticket)
        rest = left_of(ticket, row)
        findings, seen = sending.judged(rest, _in_place_of(row, snapshot), account, source)
        refused = risk.unmet(findings, confirmed)
        replacement = Replacement(
            account=account,
            order=row,
            user_id=row.user_id,
            chain=row.chain_id,
            source=source,
            idempotency_key=key,
            ticket=tickets.to_json(ticket),
            ticket_sha256=tickets.fingerprint(ticket),
            description=tickets.describe_ticket(ticket)[:300],
            status=Asked.DENIED if refused else Asked.SENDING,
            epoch=epoch,
            sent_at=None if refused else timezone.now(),
            reserved=_beyond(rest, row, seen),
            last_error=" ".join(finding.words for finding in refused)[:500],
        )
        plain_sql.write(plain_sql.insert(replacement))
        replacement._state.adding = False
        _tell(row, replacement, findings, confirmed)
    if refused:
        raise sending.Denied(refused, row)
    return replacement


def left_of(ticket: OrderTicket, order: Order) -> OrderTicket:
    """What may still be bought and sold under the new terms: part of the order may have been filled."""
    if not order.filled_quantity or not order.quantity:
        return ticket
    asked = reading.size(ticket.legs)
    left = asked - order.filled_quantity
    legs = tuple(dataclasses.replace(leg, quantity=leg.quantity * left / asked) for leg in ticket.legs)
    return dataclasses.replace(ticket, legs=legs)


def _in_place_of(order: Order, snapshot: Snapshot) -> Snapshot:
    """The snapshot with what the order that is to be replaced may still do: a change to less of it makes nothing
    bigger."""
    before = _working_ticket(order)
    if order.filled_quantity >= reading.size(before.legs):
        return snapshot
    return dataclasses.replace(snapshot, instead_of=left_of(before, order))


def _beyond(rest: OrderTicket, order: Order, snapshot: Snapshot) -> Decimal | None:
    """The buying power that it takes beyond what the order has reserved."""
    needed = snapshots.reserve(rest, snapshot)
    return None if needed is None else max(Decimal(0), needed - (order.reserved or 0))


def _tell(order: Order, replacement: Replacement, findings: list[risk.Finding], confirmed: Collection[str]) -> None:
    """The line in the order's story. It moves the row, so that a cancel at the same moment looks again."""
    payload = {
        "replacement": str(replacement.pk),
        "state": replacement.status,
        "ticket": replacement.ticket,
        "findings": [sending.as_json(finding) for finding in findings],
        "confirmed": sorted(confirmed),
    }
    words = f"Replacement asked for: {replacement.description}."
    fields: dict[str, Any] = {"replace_pending": True, "next_check_at": timezone.now() + replacements.OWNER_TIME}
    if replacement.status == Asked.DENIED:
        words, fields = f"Replacement not allowed: {replacement.last_error}", {}
    order.change(kind="replace", source=Source.USER, words=words, payload=payload, **fields)


def _send(replacement: Replacement, ticket: OrderTicket, broker: Broker) -> Order:
    """The one request, and what its answer means."""
    order = replacement.order
    try:
        sending.let_go(replacement.sent_at, replacement.epoch)
        update = broker.replace_order(order.account.number, str(order.broker_order_id), ticket)
        return replacements.answered(replacement, update)
    except Exception as error:
        return replacements.failed(replacement, error)
    finally:
        counters.over()
