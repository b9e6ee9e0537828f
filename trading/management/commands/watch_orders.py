"""``manage.py watch_orders``: the order watch in a process of its own, beside or instead of the server's."""

import asyncio
import contextlib
from typing import Any

from django.core.management.base import BaseCommand

from brokers.live.hub import hub
from trading.protocol.watch import watch_orders


class Command(BaseCommand):
    help = "Look up orders in doubt and keep an eye on those that work, until interrupted."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Watching orders. Ctrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_watch())


async def _watch() -> None:
    try:
        await watch_orders()
    finally:
        await hub.close()
