"""What trading records: one audit record for each event of an order, for each preview. Ids, numbers and a hash."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from trading.audit.acting import SYSTEM, acting, current
from trading.audit.recording import record

if TYPE_CHECKING:
    from brokers.models import Account
    from trading.models import Order, OrderEvent

TOLD_BY_BROKER = ("stream", "listing")
OURS = ("us", "user")


def order_event(order: "Order", event: "OrderEvent") -> None:
    """Write an order as far as it is not written yet, its event and the record of it, all or nothing: ``NotThere`` when
    the order was not as it was read. What a broker reports, the desk records."""
    with acting(SYSTEM if event.source in TOLD_BY_BROKER else current()):
        record(
            order.user_id,
            f"order.{event.kind}",
            about=f"order:{order.pk}",
            account_id=order.account_id,
            detail=_detail(order, event),
            beside=[event],
            first=order.take_unwritten(),
        )


def _detail(order: "Order", event: "OrderEvent") -> dict[str, Any]:
    payload: Mapping[str, Any] = event.payload
    facts: dict[str, Any] = {
        "event": event.seq,
        "event_sha256": event_sha256(event),
        "source": event.source,
        "from": event.from_status,
        "to": event.to_status,
        "broker_order_id": order.broker_order_id,
        "filled_quantity": order.filled_quantity,
        "limit_price": order.limit_price,
        "quantity": order.quantity,
    }
    if event.seq == 1:
        facts |= {"ticket_sha256": order.ticket_sha256, "how": order.source, "client_ref": order.client_ref}
        facts |= {"preview_sha256": json_sha256(order.preview) if order.preview is not None else None}
    if event.source in OURS and payload:  # findings, decisions: provable from the record alone
        facts["payload"] = payload
    return facts


def event_sha256(event: "OrderEvent") -> str:
    """The hash of an order's event as stored, payload and all: tells whether it is still as it was recorded."""
    return json_sha256(
        {
            "order": event.order_id,
            "seq": event.seq,
            "kind": event.kind,
            "source": event.source,
            "from": event.from_status,
            "to": event.to_status,
            "words": event.words,
            "payload": event.payload,
            "broker_at": event.broker_at.isoformat() if event.broker_at else None,
            "seen_at": event.seen_at.isoformat(),
            "dedupe_key": event.dedupe_key,
        }
    )


def json_sha256(value: Any) -> str:
    text = json.dumps(value, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def previewed(account: "Account", ticket_sha256: str, document: Mapping[str, Any], findings: Any = ()) -> None:
    """The record of a preview: which ticket, what it was said to cost, what was found against it."""
    with transaction.atomic():
        record(
            account.connection.user_id,
            "order.preview",
            about=f"ticket:{ticket_sha256[:32]}",
            account_id=account.pk,
            detail={"ticket_sha256": ticket_sha256, "preview_sha256": json_sha256(document), "shown": document}
            | ({"findings": findings} if findings else {}),
        )
