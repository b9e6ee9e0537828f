"""What all tasks need: the desk's modules in memory, its tables in the database."""

import importlib
from typing import Any

MODULES = ("config.asgi", "trading.orders", "trading.protocol.watch", "ledger_broker", "bare_sending", "django.test")
"""What the tasks import when they run."""


def warm() -> None:
    for name in MODULES:
        importlib.import_module(name)


def migrate() -> dict[str, Any]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return {}
