"""Seals every stored secret anew under the newest key of TOKEN_KEYS."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from brokers.connections.attempts import GOOD_FOR
from brokers.connections.sealing import SEALED_COLUMNS, reseal, stale_columns
from brokers.models import ConnectAttempt, Connection
from brokers.vault import CannotUnseal, keyring, sealed_with


class Command(BaseCommand):
    help = (
        "Re-seal every stored secret under the newest key (the first of TOKEN_KEYS). Works row by row beside a running "
        "desk, may be stopped and started again; a second run finds nothing to do. With --check it only counts, and "
        "fails while an older key is still needed: only take a key out of TOKEN_KEYS when it succeeds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="count, change nothing")

    def handle(self, *, check: bool, **_: Any) -> None:
        if not check:
            self._rotate()
        old = self._count() - {keyring().newest}
        if check and old:
            raise CommandError(f"Still needed: {', '.join(sorted(old))}. Run this without --check first.")

    def _rotate(self) -> None:
        ConnectAttempt.objects.filter(created_at__lt=timezone.now() - GOOD_FOR).delete()
        done = failed = 0
        for connection in Connection.objects.iterator(chunk_size=200):
            try:
                done += sum(reseal(connection, column, sealed) for column, sealed in stale_columns(connection))
            except CannotUnseal as error:
                failed += 1
                self.stderr.write(f"connection {connection.pk}: {error}")
        self.stdout.write(f"{done} secrets sealed anew under {keyring().newest}.")
        if failed:
            raise CommandError(f"{failed} connections can't be read with these keys; they are left as they are.")

    def _count(self) -> set[str]:
        """Which keys are in use, said with their numbers."""
        used: Counter[str] = Counter()
        for row in Connection.objects.values_list(*SEALED_COLUMNS).iterator():
            used.update(self._key_of(sealed) for sealed in row if sealed is not None)
        # A sign-in that is under way ends within minutes; until then its key counts too.
        under_way = ConnectAttempt.objects.filter(used_at=None, created_at__gte=timezone.now() - GOOD_FOR)
        used.update(self._key_of(sealed) for sealed in under_way.values_list("sealed_verifier", flat=True))
        for key_id, number in sorted(used.items()):
            self.stdout.write(f"{number} secrets are sealed under {key_id}.")
        return set(used)

    def _key_of(self, sealed: bytes | memoryview) -> str:
        try:
            return sealed_with(bytes(sealed))
        except CannotUnseal:
            return "(unreadable)"
