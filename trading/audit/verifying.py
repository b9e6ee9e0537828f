"""Walking a chain from its beginning: each record must match its hash and follow the one before, up to the head."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from trading.audit.canonical import digest
from trading.audit.models import INSTALLATION, AuditHead, AuditRecord

AT_ONCE = 2000
FIELDS = (
    "chain", "seq", "at", "actor_kind", "actor_id", "address", "session", "request_id", "action", "about",
    "account_id", "detail", "prev_hash", "hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place of a chain, in words."""

    seq: int
    words: str


@dataclass(slots=True)
class Report:
    """A chain as it was found; ``rows`` were looked at, ``seq`` and ``hash`` are where the head stands."""

    chain: int
    rows: int = 0
    seq: int = 0
    hash: str = ""
    faults: list[Fault] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.faults

    def blame(self, seq: int, words: str) -> None:
        self.faults.append(Fault(seq, words))


def chains() -> list[int]:
    """Every chain there is a trace of."""
    headless = AuditRecord.objects.order_by().values_list("chain", flat=True).distinct()
    return sorted({*AuditHead.objects.values_list("chain", flat=True), *headless})


def verify(user_id: int | None, *, kept: Mapping[int, str] | None = None, after: tuple[int, str] = (0, "")) -> Report:
    """Walk a person's chain, or the installation's (None).

    ``kept``: hashes by place that were written down elsewhere; they must still be there. ``after``: a place and
    its hash from which on to look, where what is before was looked at already.
    """
    report = Report(INSTALLATION if user_id is None else int(user_id))
    newest = AuditRecord.objects.filter(chain=report.chain).aggregate(newest=Max("seq"))["newest"] or 0
    head = AuditHead.objects.filter(chain=report.chain).first()
    report.seq, report.hash = (head.seq, head.hash) if head is not None else (0, "")
    last, last_hash = _walk(report, after, dict(kept or {}), report.seq if head is not None else newest)
    if head is None:
        if newest:
            report.blame(newest, "The chain has lost its head: it can't be said where it should end.")
    elif last < report.seq:
        report.blame(last + 1, f"The chain ends at {last}; its head says {report.seq}: the end was cut off.")
    elif last_hash != report.hash:
        report.blame(last, "The last record is not the one that the head names: the end was replaced.")
    if head is not None and newest > report.seq:
        report.blame(report.seq + 1, f"There are records beyond the head, up to {newest}: added around the desk.")
    return report


def _walk(report: Report, after: tuple[int, str], kept: dict[int, str], until: int) -> tuple[int, str]:
    last, last_hash = after
    for row in _rows(report.chain, last, until):
        report.rows += 1
        if row.seq <= last:
            report.blame(row.seq, f"There are two records at place {row.seq}: one was put in.")
        elif row.seq > last + 1:
            gone = f"{last + 1}" if row.seq == last + 2 else f"{last + 1} to {row.seq - 1}"
            report.blame(last + 1, f"Missing: {gone}. Removed.")
        elif row.prev_hash != last_hash:
            report.blame(row.seq, f"Record {row.seq} does not follow the one before it: that one was replaced.")
        if digest(row) != row.hash:
            report.blame(row.seq, f"Record {row.seq} is not what its hash says: it was altered or moved.")
        if row.seq in kept and kept.pop(row.seq) != row.hash:
            report.blame(row.seq, f"Record {row.seq} is not the one whose hash was kept: the chain was rewritten.")
        last, last_hash = row.seq, row.hash
    for seq in kept:
        if seq > after[0]:
            report.blame(seq, f"Record {seq}, whose hash was kept, is gone: the chain was cut off.")
    return last, last_hash


def _rows(chain: int, after: int, until: int) -> Iterator[Any]:
    """Records that are appended meanwhile lie beyond the head that was read and are left for the next time."""
    return (
        AuditRecord.objects.filter(chain=chain, seq__gt=after, seq__lte=until)
        .order_by("seq", "id")
        .iterator(chunk_size=AT_ONCE)
    )
