"""A broker that takes its time: the simulator with traders of its own, each answer after so many milliseconds.

``python -m bench.slow_broker PORT TRADERS MILLISECONDS``. Trader n is ``trader<n>``; a margin account each.
"""

import asyncio
import sys
from datetime import timedelta
from decimal import Decimal

from brokers.domain.instruments import Equity
from brokers.simulator.app import make_app
from brokers.simulator.exchange.books.accounts import Holding
from brokers.simulator.server import make_server
from brokers.simulator.world import World

HELD = (("AAPL", 100), ("SPY", 20), ("F", 300))


def main(port: int, traders: int, milliseconds: int) -> None:
    app = make_app(seed=1, always_open=True)
    populate(app.state.world, traders)
    app.state.world.faults.add([{"name": "slow", "effect": "latency", "path": "*", "seconds": milliseconds / 1000}])
    asyncio.run(make_server(app, port, quiet=True).serve())


def populate(world: World, traders: int) -> None:
    now = world.clock.now()
    for number in range(traders):
        world.users.add(f"trader{number}")
        world.exchange.open_account(
            f"5WT1{number:04d}",
            f"trader{number}",
            "Bench",
            "margin",
            Decimal("100000.00"),
            [Holding(Equity(symbol), Decimal(quantity), Decimal(10), now) for symbol, quantity in HELD],
            opened_at=now - timedelta(days=30),
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
