"""An order's receipt: every step with who did it, the broker's words, and whether the record still proves it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.cache import cache

from trading.audit.canonical import digest
from trading.audit.events import event_sha256, json_sha256
from trading.audit.models import AuditRecord
from trading.audit.verifying import Fault, Report, verify
from trading.models import Fill, Order, OrderEvent

LOOKED_AT_FOR = 60
"""Seconds for which the part of a chain that was walked is not walked again; an order's own records always are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event and the record of it. ``proven``: the event is still what was recorded; None: there is no record."""

    event: OrderEvent
    record: AuditRecord | None
    proven: bool | None

    @property
    def who(self) -> str:
        return who(self.record) if self.record is not None else "not recorded"


@dataclass(frozen=True, slots=True)
class FillLine:
    """A fill; ``proven`` when an event of the order tells the same."""

    fill: Fill
    proven: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    order: Order
    steps: tuple[Step, ...]
    fills: tuple[FillLine, ...]
    findings: tuple[Mapping[str, Any], ...]
    preview_proven: bool | None
    chain: Report
    faults: tuple[Fault, ...]
    """What is wrong with this order's own steps, fills and preview."""

    @property
    def begun_by(self) -> AuditRecord | None:
        return self.steps[0].record if self.steps else None

    @property
    def shown_at(self) -> datetime | None:
        """When the preview was made."""
        try:
            return datetime.fromisoformat((self.order.preview or {})["as_of"])
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def proven(self) -> bool:
        """Everything here is recorded, unaltered, and the whole chain holds."""
        return not self.faults and self.chain.intact and all(step.proven for step in self.steps)


def who(record: AuditRecord) -> str:
    """Who did it, in words; no names, for the record holds none."""
    if record.actor_kind == "system":
        return "the desk"
    if record.on_behalf:
        return "support staff"
    return {"api": "your program (API)", "staff": "support staff"}.get(record.actor_kind, "you")


def receipt_of(order: Order) -> Receipt:
    records = {int(row.facts.get("event", 0)): row for row in AuditRecord.objects.filter(about=f"order:{order.pk}")}
    steps = tuple(_step(event, records.get(event.seq)) for event in order.events.all())
    fills = tuple(FillLine(fill, _is_told(fill, steps)) for fill in order.fills.all())
    first = records.get(1)
    preview_proven = None
    if order.preview is not None and first is not None:
        preview_proven = first.facts.get("preview_sha256") == json_sha256(order.preview)
    return Receipt(
        order=order,
        steps=steps,
        fills=fills,
        findings=tuple(_findings(steps)),
        preview_proven=preview_proven,
        chain=_chain(order.user_id),
        faults=tuple(_faults(steps, fills, records, preview_proven)),
    )


def _step(event: OrderEvent, record: AuditRecord | None) -> Step:
    if record is None:
        return Step(event, None, None)
    honest = digest(record) == record.hash and record.facts.get("event_sha256") == event_sha256(event)
    return Step(event, record, honest)


def _faults(
    steps: Iterable[Step], fills: Iterable[FillLine], records: Mapping[int, AuditRecord], preview_proven: bool | None
) -> Iterable[Fault]:
    there = set()
    for step in steps:
        there.add(step.event.seq)
        if step.proven is False:
            yield Fault(step.event.seq, f"Step {step.event.seq} is not what was recorded: it was altered afterwards.")
    for seq in sorted(set(records) - there - {0}):
        yield Fault(seq, f"Step {seq} was recorded and is gone.")
    for line in fills:
        if not line.proven:
            yield Fault(0, f"No recorded step tells of the fill {line.fill.fill_id}.")
    if preview_proven is False:
        yield Fault(0, "The preview is not the one that was recorded: it was altered afterwards.")


def _is_told(fill: Fill, steps: Iterable[Step]) -> bool:
    """Whether an event names this fill with this quantity and price."""
    for step in steps:
        for leg in step.event.payload.get("legs") or ():
            for told in leg.get("fills") or ():
                if told[0] == fill.fill_id and _same(told[1], fill.quantity) and _same(told[2], fill.price):
                    return True
    return False


def _same(text: Any, number: Decimal) -> bool:
    try:
        return Decimal(str(text)) == number
    except InvalidOperation:
        return False


def _findings(steps: Iterable[Step]) -> Iterable[Mapping[str, Any]]:
    for step in steps:
        for finding in step.event.payload.get("findings") or ():
            if isinstance(finding, Mapping):
                yield finding


def _chain(user_id: int) -> Report:
    """The person's chain up to its head, going on where it was last found whole a moment ago."""
    key = f"audit-verified:{user_id}"
    report = verify(user_id, after=cache.get(key) or (0, ""))
    if report.intact and report.seq:
        cache.add(key, (report.seq, report.hash), LOOKED_AT_FOR)
    return report
