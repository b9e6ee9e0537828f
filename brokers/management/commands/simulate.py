"""``manage.py simulate``: the same as ``python -m brokers.simulator``, for whom the desk's settings are at hand."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve a made-up market behind the brokers' real wire, on this machine only."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    # Imported late: the desk must not load the simulator by loading its commands.

    def add_arguments(self, parser: ArgumentParser) -> None:
        from brokers.simulator.__main__ import add_options

        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from brokers.simulator.__main__ import serve

        if code := serve(Namespace(**options)):
            sys.exit(code)
