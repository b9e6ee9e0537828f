"""``manage.py verify_audit``: walks the chains of the audit record and names every place where one is not whole.

Keep what ``--heads`` prints on another machine: ``--against`` that file also finds a chain that was rewritten
or cut off together with its head.
"""

import json
import time
from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from trading.audit import triggers, verifying
from trading.audit.models import INSTALLATION, AuditHead
from trading.audit.verifying import Report


class Command(BaseCommand):
    help = "Verify the audit record: every chain from its beginning to its head."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", type=int, help="Only this person's chain (0: the installation's).")
        parser.add_argument("--heads", action="store_true", help="Print where the chains end, to keep elsewhere.")
        parser.add_argument("--against", type=Path, help="A file that --heads printed: its hashes must still be there.")

    def handle(self, *args: Any, **options: Any) -> None:
        kept = _kept(options["against"]) if options["against"] else {}
        wanted = [options["user"]] if options["user"] is not None else sorted({*verifying.chains(), *kept})
        began = time.perf_counter()
        reports = [verifying.verify(chain or None, kept=kept.get(chain)) for chain in wanted]
        if options["heads"]:
            self._print_heads(wanted)
            self._tell(reports, time.perf_counter() - began, self.stderr)
        else:
            self._tell(reports, time.perf_counter() - began, self.stdout)
        faults = sum(len(report.faults) for report in reports)
        unguarded = triggers.missing(connection)
        if unguarded:
            raise CommandError(f"The database no longer guards the record. Missing triggers: {', '.join(unguarded)}.")
        if faults:
            raise CommandError(f"The record is not whole: {faults} faults.")

    def _print_heads(self, wanted: list[int]) -> None:
        for head in AuditHead.objects.filter(chain__in=wanted).order_by("chain"):
            self.stdout.write(json.dumps({"chain": head.chain, "seq": head.seq, "hash": head.hash}))

    def _tell(self, reports: list[Report], took: float, out: Any) -> None:
        for report in reports:
            name = "installation" if report.chain == INSTALLATION else f"user {report.chain}"
            state = "whole" if report.intact else "NOT WHOLE"
            out.write(f"{name}: {report.rows} records, {state}, up to {report.seq} {report.hash[:16]}")
            for fault in report.faults:
                out.write(f"  at {fault.seq}: {fault.words}")
        rows = sum(report.rows for report in reports)
        out.write(f"{rows} records in {len(reports)} chains, {rows / took if took else 0:,.0f} records a second.")


def _kept(file: Path) -> dict[int, dict[int, str]]:
    """Hashes by chain and place."""
    kept: dict[int, dict[int, str]] = defaultdict(dict)
    try:
        for line in file.read_text().splitlines():
            if line.strip():
                head = json.loads(line)
                kept[int(head["chain"])][int(head["seq"])] = str(head["hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{file} can't be read as what --heads prints: {error}") from error
    return kept
