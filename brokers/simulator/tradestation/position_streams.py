"""Position streams (B11): every holding whole, then its changes: whole again, or what changed with ``changes=true``."""

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Event, Exchange, SimAccount, SimPosition
from brokers.simulator.tradestation.gate import Ask, open_stream, truth
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.order_streams import END_SNAPSHOT
from brokers.simulator.tradestation.positions import position_id, position_json
from brokers.simulator.tradestation.rows import Row, line
from brokers.simulator.tradestation.streams import CONTENT_TYPES, Connection, Stream

if TYPE_CHECKING:
    from brokers.simulator.world import World

NOT_STREAMED = ("DayTradeRequirement", "InitialRequirement", "MaintenanceMargin")


class Holding(Row):
    """One position that is streamed; ``gone`` once it is closed."""

    __slots__ = ("gone", "moves_with", "position")

    def __init__(self, world: "World", position: SimPosition) -> None:
        super().__init__("PositionID", fields_of(world, position))
        self.position = position
        self.moves_with = world.market.underlying(position.instrument)
        self.gone = False


def fields_of(world: "World", position: SimPosition) -> dict[str, Any]:
    """A position without what only the REST form has for shares and options."""
    found = position_json(position, world)
    kept = {} if found["AssetType"] == "FUTURE" else dict.fromkeys(NOT_STREAMED)
    return {name: value for name, value in found.items() if name not in kept}


class Holdings:
    """The streamed positions of one account: brought up to date once per tick or event, for all who stream them."""

    def __init__(self, world: "World", number: str) -> None:
        self.world = world
        self.number = number
        self.rows: dict[str, Holding] = {}
        self.moving: defaultdict[Instrument, set[Holding]] = defaultdict(set)
        self.tick = -1
        self.news: set[Holding] = set()
        self.event: Event | None = None
        self.fresh: set[Holding] = set()
        self.missed: set[Holding] = set()

    def refresh(self) -> set[Holding]:
        """Look at all positions; the answer has those that are new, changed or gone."""
        held = {position_id(each): each for each in self.world.exchange.positions(self.number) if each.quantity}
        news = {self.rows.pop(name) for name in [name for name in self.rows if name not in held]}
        for row in news:
            row.gone = True
            self.moving[row.moves_with].discard(row)
        for name, position in held.items():
            row_known = self.rows.get(name)
            if row_known is None:
                row = self.rows[name] = Holding(self.world, position)
                self.moving[row.moves_with].add(row)
                news.add(row)
            else:
                row_known.position = position
                if row_known.update(fields_of(self.world, position)):
                    news.add(row_known)
        return news

    def turn(self, tick: int, changed: Collection[Instrument]) -> set[Holding]:
        """The rows whose figures changed with the market in this tick."""
        if tick != self.tick:
            self.tick = tick
            moved = [row for instrument in changed if instrument in self.moving for row in self.moving[instrument]]
            self.news = {row for row in moved if row.update(fields_of(self.world, row.position))} | self.missed
            self.missed = set()
        return self.news

    def after(self, event: Event) -> set[Holding]:
        """The rows that an event of the exchange changed."""
        if event is not self.event:
            self.event, self.fresh = event, self.refresh()
        return self.fresh


_HOLDINGS: "WeakKeyDictionary[Exchange, dict[str, Holdings]]" = WeakKeyDictionary()


def holdings_of(world: "World", number: str) -> Holdings:
    kept = _HOLDINGS.setdefault(world.exchange, {})
    found = kept.get(number)
    if found is None:
        found = kept[number] = Holdings(world, number)
    return found


class PositionStream(Stream):
    """One reader. What it has not taken is only remembered by row, so that a slow reader costs nothing."""

    dialect = "v3"
    content_type = CONTENT_TYPES["v3"]

    def __init__(self, world: "World", mine: list[SimAccount], errors: list[dict[str, str]], *, changes: bool) -> None:
        self.world = world
        self.accounts = {ts_account(account): account.number for account in mine}
        self.errors = errors
        self.changes = changes
        self.boards = {number: holdings_of(world, number) for number in self.accounts.values()}
        self.seen: dict[Holding, int] = {}
        self.fresh: set[Holding] = set()

    def open(self) -> list[bytes]:
        lines = [line(error) for error in self.errors]
        for board in self.boards.values():
            board.missed |= board.refresh()  # for those who stream it already
            for row in board.rows.values():
                self.seen[row] = row.version
                lines.append(row.full())
        return [*lines, END_SNAPSHOT]

    def moved(self, changed: Collection[Instrument]) -> bool:
        for board in self.boards.values():
            self.fresh |= board.turn(self.world.ticks, changed)
        return bool(self.fresh)

    def happened(self, event: Event) -> bool:
        board = self.boards.get(event.account_number)
        if board is not None and isinstance(event.value, SimPosition):
            self.fresh |= board.after(event)
        return bool(self.fresh)

    def take(self) -> list[bytes]:
        fresh, self.fresh = self.fresh, set()
        return [told for row in fresh if (told := self._tell(row))]

    def _tell(self, row: Holding) -> bytes:
        seen = self.seen.get(row)
        if row.gone:
            self.seen.pop(row, None)
            return b"" if seen is None else line({"PositionID": row.fields["PositionID"], "Deleted": True})
        self.seen[row] = row.version
        if seen is not None and self.changes:
            return row.since(seen)
        return row.full() if seen != row.version else b""

    def close(self) -> None:
        self.seen = {}
        self.fresh = set()


def stream_positions(ask: Ask) -> Connection:
    mine, errors = ask.accounts()
    stream = PositionStream(ask.world, mine, errors, changes=truth(ask.query, "changes"))
    stream.slot = open_stream(ask, "streaming-positions")
    return Connection(ask, stream)
