"""An order's receipt, as a page to print and as JSON."""

import json
import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.api.documents import moment, number, order_document
from trading.audit.models import AuditRecord
from trading.audit.receipt import Receipt, Step, receipt_of, who
from trading.models import Order


@login_required
@require_GET
def receipt_page(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    receipt = receipt_of(get_object_or_404(Order.objects.of(request.user), pk=order_id))
    begun = receipt.begun_by
    context = {
        "receipt": receipt,
        "order": receipt.order,
        "begun": begun,
        "begun_by": who(begun) if begun is not None else "",
        "steps": [(step, readable(step.event.payload)) for step in receipt.steps],
    }
    return render(request, "trading/receipt.html", context)


def readable(payload: Any) -> str:
    """The broker's word as we read it, indented; empty where it said nothing."""
    return json.dumps(payload, indent=2, sort_keys=True, ensure_ascii=False) if payload else ""


class RecordShape(s.Serializer[None]):
    seq = s.IntegerField(help_text="The place in your chain.")
    hash = s.CharField()
    prev_hash = s.CharField()
    at = s.DateTimeField(help_text="The database's time.")
    actor = s.ChoiceField(["user", "api", "staff", "system"])
    on_behalf = s.BooleanField()
    address = s.CharField(allow_null=True)
    session = s.CharField(allow_null=True, help_text="A keyed hash of the session, or the name of the API key.")
    request_id = s.CharField(allow_null=True)
    detail = s.JSONField()


class StepShape(s.Serializer[None]):
    seq = s.IntegerField()
    kind = s.CharField()
    source = s.CharField()  # type: ignore[assignment]  # the framework's own is another thing
    from_status = s.CharField(allow_null=True)
    to_status = s.CharField()
    words = s.CharField()
    broker_at = s.DateTimeField(allow_null=True)
    seen_at = s.DateTimeField()
    payload = s.JSONField(help_text="The broker's word as it was read.")
    proven = s.BooleanField(allow_null=True, help_text="Unaltered since it was recorded; null: there is no record.")
    record = RecordShape(allow_null=True)


class ReceiptFillShape(s.Serializer[None]):
    id = s.CharField()
    symbol = s.CharField()
    quantity = s.CharField()
    price = s.CharField()
    filled_at = s.DateTimeField()
    proven = s.BooleanField()


class FaultShape(s.Serializer[None]):
    seq = s.IntegerField()
    words = s.CharField()


class ChainShape(s.Serializer[None]):
    intact = s.BooleanField()
    verified_up_to = s.IntegerField()
    hash = s.CharField(allow_null=True)
    faults = FaultShape(many=True)


class ReceiptShape(s.Serializer[None]):
    order = s.JSONField(help_text="The order, as `GET /orders/{id}` gives it, without its events.")
    preview = s.JSONField(allow_null=True)
    preview_proven = s.BooleanField(allow_null=True)
    findings = s.ListField(child=s.JSONField())
    steps = StepShape(many=True)
    fills = ReceiptFillShape(many=True)
    faults = FaultShape(many=True)
    chain = ChainShape()
    proven = s.BooleanField(help_text="Every step is recorded and unaltered, and the whole chain holds.")


class ReceiptView(APIView):
    @extend_schema(
        operation_id="get_order_receipt",
        summary="All that can be proven of an order",
        description="Who did what and when, what the broker said, and whether the record of it is whole.",
        responses=ReceiptShape,
        tags=["orders"],
    )
    def get(self, request: Request, order_id: uuid.UUID) -> Response:
        return Response(receipt_document(receipt_of(get_object_or_404(Order.objects.of(request.user), pk=order_id))))


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    return {
        "order": order_document(receipt.order),
        "preview": receipt.order.preview,
        "preview_proven": receipt.preview_proven,
        "findings": list(receipt.findings),
        "steps": [_step(step) for step in receipt.steps],
        "fills": [
            {
                "id": line.fill.fill_id,
                "symbol": line.fill.symbol,
                "quantity": number(line.fill.quantity),
                "price": number(line.fill.price),
                "filled_at": moment(line.fill.filled_at),
                "proven": line.proven,
            }
            for line in receipt.fills
        ],
        "faults": [{"seq": fault.seq, "words": fault.words} for fault in receipt.faults],
        "chain": {
            "intact": receipt.chain.intact,
            "verified_up_to": receipt.chain.seq,
            "hash": receipt.chain.hash or None,
            "faults": [{"seq": fault.seq, "words": fault.words} for fault in receipt.chain.faults[:20]],
        },
        "proven": receipt.proven,
    }


def _step(step: Step) -> dict[str, Any]:
    event = step.event
    return {
        "seq": event.seq,
        "kind": event.kind,
        "source": event.source,
        "from_status": event.from_status or None,
        "to_status": event.to_status,
        "words": event.words,
        "broker_at": moment(event.broker_at),
        "seen_at": moment(event.seen_at),
        "payload": event.payload,
        "proven": step.proven,
        "record": _record(step.record) if step.record is not None else None,
    }


def _record(row: AuditRecord) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "hash": row.hash,
        "prev_hash": row.prev_hash,
        "at": moment(row.at),
        "actor": row.actor_kind,
        "on_behalf": row.on_behalf,
        "address": row.address or None,
        "session": row.session or None,
        "request_id": row.request_id or None,
        "detail": row.facts,
    }
