"""``manage.py bump_epoch``: after a restore, a failover or a copy of the database, let this installation send again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from trading.protocol import epoch


class Command(BaseCommand):
    help = (
        "Begin a new epoch: orders that were being sent become unknown and are looked up, and this installation may "
        "send from this database. Run it after any restore or copy, on the one installation that should trade."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="Why: it is kept with the epoch.")

    def handle(self, *args: Any, **options: Any) -> None:
        row, doubted = epoch.bump(options["reason"])
        self.stdout.write(f"Epoch {row.epoch} has begun. {doubted} orders or replacements are being looked up.")
        self.stdout.write("Other servers of this desk need the same installation-id file, or INSTALLATION_ID.")
