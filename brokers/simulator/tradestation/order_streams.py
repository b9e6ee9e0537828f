"""Order streams (B9, B10): today's and open orders or those asked for, then every change of one, whole."""

from typing import TYPE_CHECKING

from brokers.simulator.exchange import Event, SimAccount, SimOrder
from brokers.simulator.tradestation.gate import MOST_ORDERS, Ask, open_stream
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.order_frames import frames_of
from brokers.simulator.tradestation.orders import newest_first, todays
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.streams import CONTENT_TYPES, Connection, Stream, Waiting

if TYPE_CHECKING:
    from brokers.simulator.world import World

END_SNAPSHOT = line({"StreamStatus": "EndSnapshot"})


class OrderStream(Stream):
    """One reader of one or more accounts. Frames are never left out; who does not read them is cut off.

    ``wanted`` are the orders asked for by number, None for all.
    """

    dialect = "v3"
    content_type = CONTENT_TYPES["v3"]

    def __init__(
        self, world: "World", mine: list[SimAccount], errors: list[dict[str, str]], wanted: list[str] | None = None
    ) -> None:
        self.world = world
        self.accounts = {ts_account(account): account.number for account in mine}
        self.numbers = {*self.accounts.values()}
        self.errors = errors
        self.wanted = wanted
        self.frames = frames_of(world.exchange)
        self.waiting = Waiting()

    def open(self) -> list[bytes]:
        found = self._snapshot()
        errors = self.errors + self._missing(found)
        orders = [self.frames.snapshot(order, self.world) for order in found]
        return [*map(line, errors), *orders, END_SNAPSHOT]

    def _snapshot(self) -> list[SimOrder]:
        exchange = self.world.exchange
        if self.wanted is None:
            return newest_first([order for number in self.numbers for order in todays(self.world, number)])
        wanted = {*self.wanted}
        orders = [order for number in self.numbers for order in exchange.orders(number)]
        return newest_first([order for order in orders if str(order.order_id) in wanted])

    def _missing(self, found: list[SimOrder]) -> list[dict[str, str]]:
        known = {str(order.order_id) for order in found}
        account = ",".join(self.accounts)
        return [
            {"AccountID": account, "OrderID": number, "Error": "NotFound", "Message": "Order not found."}
            for number in self.wanted or ()
            if number not in known and account
        ]

    def happened(self, event: Event) -> bool:
        order = event.value
        if not isinstance(order, SimOrder) or event.account_number not in self.numbers:
            return False
        if self.wanted is not None and str(order.order_id) not in self.wanted:
            return False
        lines = self.frames.of(event, order, self.world)
        self.waiting.put(*lines)
        return bool(lines)

    def take(self) -> list[bytes]:
        return self.waiting.take()

    @property
    def too_much(self) -> bool:
        return self.waiting.too_much


def stream_orders(ask: Ask) -> Connection:
    mine, errors = ask.accounts()
    stream = OrderStream(ask.world, mine, errors)
    stream.slot = open_stream(ask, "streaming-orders")
    return Connection(ask, stream)


def stream_orders_by_id(ask: Ask) -> Connection:
    mine, errors = ask.accounts()
    stream = OrderStream(ask.world, mine, errors, ask.listed("orders", MOST_ORDERS))
    stream.slot = open_stream(ask, "streaming-orders-by-id")
    return Connection(ask, stream)
