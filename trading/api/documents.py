"""Orders as the API and the websocket give them: decimals and times as text, null for unknown."""

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import FutureOption, Option, Right, describe, parse_instrument, plain
from trading.models import CancelRun, Fill, Order, OrderEvent, Replacement
from trading.protocol import runs

RIGHTS = {Right.CALL: "call", Right.PUT: "put"}


def number(value: Decimal | None) -> str | None:
    return plain(value) if value is not None else None


def moment(value: datetime | None) -> str | None:
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z") if value is not None else None


def order_document(order: Order) -> dict[str, Any]:
    """An order as in lists and frames."""
    connection = order.account.connection
    price = order.limit_price
    return {
        "id": str(order.pk),
        "account": str(order.account_id),
        "account_label": order.account.label,
        "connection": str(connection.pk),
        "broker": connection.broker,
        "environment": connection.environment,
        "source": order.source,
        "is_external": order.is_external,
        "status": order.status,
        "phase": str(order.phase),
        "status_label": order.label,
        "status_meaning": order.meaning,
        "broker_status": order.broker_status or None,
        "message": order.last_error or None,
        "description": order.description,
        "legs": [_leg(leg) for leg in order.ticket["legs"]],
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "limit_price": number(abs(price)) if price is not None else None,
        "price_effect": ("credit" if price > 0 else "debit") if price is not None else None,
        "stop_price": number(order.stop_price),
        "trail": order.ticket.get("trail"),
        "quantity": number(order.quantity),
        "filled_quantity": number(order.filled_quantity),
        "average_fill_price": number(order.average_fill_price),
        "cancellable": order.can_cancel,
        "replaceable": order.can_replace,
        "replace_pending": order.replace_pending,
        "replaces": str(order.replaces_id) if order.replaces_id else None,
        "group": str(order.group) if order.group else None,
        "group_kind": order.group_kind or None,
        "candidates": order.candidates,
        "cancel_requested_at": moment(order.cancel_requested_at),
        "client_ref": order.client_ref,
        "broker_order_id": order.broker_order_id,
        "created_at": moment(order.created_at),
        "sent_at": moment(order.sent_at),
        "ended_at": moment(order.ended_at),
        "as_of": moment(order.changed_at),
        "seq": order.seq,
    }


def detail_document(order: Order) -> dict[str, Any]:
    """An order with all that happened to it."""
    return order_document(order) | {
        "warnings": order.warnings,
        "preview": order.preview,
        "findings": order.findings,
        "confirmed": order.confirmed,
        "replacements": [replacement_document(one) for one in order.replacements.all()],
        "fills": [_fill(fill) for fill in order.fills.all()],
        "events": [_event(event) for event in order.events.all()],
    }


def replacement_document(replacement: Replacement) -> dict[str, Any]:
    """A change that was asked for, and how it stands."""
    return {
        "id": str(replacement.pk),
        "status": replacement.status,
        "status_label": replacement.label,
        "status_meaning": replacement.meaning,
        "description": replacement.description,
        "message": replacement.last_error or None,
        "successor": str(replacement.successor_id) if replacement.successor_id else None,
        "created_at": moment(replacement.created_at),
        "settled_at": moment(replacement.settled_at),
    }


def run_document(run: CancelRun) -> dict[str, Any]:
    """A run that cancels all: what was asked, what is over, what could not be."""
    outcome = runs.outcome(run)
    return {
        "id": str(run.pk),
        "asked": list(run.asked),
        "refused": run.refused,
        "confirmed": [str(order.pk) for order in outcome["confirmed"]],
        "waiting": [str(order.pk) for order in outcome["waiting"]],
        "could_not": [str(order.pk) for order in outcome["could_not"]],
        "problems": run.problems,
        "began_at": moment(run.began_at),
        "compared_at": moment(run.compared_at),
    }


def _leg(leg: Mapping[str, str]) -> dict[str, Any]:
    """A leg with its symbol taken apart."""
    parts: dict[str, Any] = {"underlying": leg["symbol"], "expiration": None, "strike": None, "right": None}
    description = leg["symbol"]
    try:
        instrument = parse_instrument(leg["symbol"])
    except ValueError:
        return {**leg, "description": description, **parts}
    description = describe(instrument)
    if isinstance(instrument, Option | FutureOption):
        parts = {
            "underlying": instrument.root if isinstance(instrument, Option) else str(instrument.future),
            "expiration": instrument.expiry.isoformat(),
            "strike": plain(instrument.strike),
            "right": RIGHTS[instrument.right],
        }
    return {**leg, "description": description, **parts}


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "id": fill.fill_id,
        "symbol": fill.symbol,
        "quantity": number(fill.quantity),
        "price": number(fill.price),
        "filled_at": moment(fill.filled_at),
    }


def _event(event: OrderEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "kind": event.kind,
        "source": event.source,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
        "words": event.words,
        "broker_at": moment(event.broker_at),
        "seen_at": moment(event.seen_at),
    }
