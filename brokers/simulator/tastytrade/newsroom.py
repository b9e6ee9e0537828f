"""Where a world's news become notifications: each is encoded once, whoever reads it."""

from collections.abc import Collection
from typing import Any, Protocol

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Event, Exchange, OrderStatus, SimAccount, SimBalance, SimOrder, SimPosition
from brokers.simulator.tastytrade import alerts, notices
from brokers.simulator.tastytrade.accounts import status_json
from brokers.simulator.tastytrade.notices import Notice, notice
from brokers.simulator.tastytrade.streamer import ALERTS, WATCHLISTS, AlertSession
from brokers.simulator.tastytrade.watchlists import public_json, public_lists
from brokers.simulator.world import World

Lists = dict[str, dict[str, Any]]


class Reader(Protocol):
    """One connection, as the newsroom sees it."""

    session: AlertSession

    def deliver(self, told: Notice, account_number: str = "") -> None: ...

    def tick(self) -> None: ...


class Told:
    """How far an account's news have been told: what comes after it is new."""

    def __init__(self, account: SimAccount, status: dict[str, Any]) -> None:
        self.entries = len(account.transactions)
        self.closed = len(account.closed_lots)
        self.status = status


class Newsroom:
    """One per world. It listens as long as it has readers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.readers: set[Reader] = set()
        self.exchange: Exchange = world.exchange
        self.told: dict[str, Told] = {}
        self.lists: Lists = {}
        self.listed_on: object = None

    def join(self, reader: Reader) -> None:
        if not self.readers:
            self.world.event_listeners.add(self.happened)
            self.world.tick_listeners.add(self.ticked)
        self.readers.add(reader)

    def leave(self, reader: Reader) -> None:
        self.readers.discard(reader)
        if not self.readers:
            self.world.event_listeners.discard(self.happened)
            self.world.tick_listeners.discard(self.ticked)

    def expect(self, numbers: Collection[str]) -> None:
        """Somebody reads these accounts from now on: what was before is not news."""
        self._look_at_world()
        for number in numbers:
            if number not in self.told:
                account = self.exchange.accounts[number]
                self.told[number] = Told(account, self._status(account))

    def watchlists(self) -> list[Notice]:
        """The broker's lists, for one who has just asked for them."""
        self._look_at_lists()
        return [self._now("PublicWatchlists", body) for body in self.lists.values()]

    # What happens

    def happened(self, event: Event) -> None:
        number = event.account_number
        readers = [reader for reader in self.readers if reader.session.wants(number)]
        if not readers:
            return
        self.expect([number])
        before: list[Notice] = []
        after: list[Notice] = []
        if isinstance(event.value, SimBalance):
            before = self._transfers(number) + self._status_news(number)
        elif isinstance(event.value, SimPosition):
            after = [*self._gains(number, event.value.underlying), *self._status_news(number)]
        elif isinstance(event.value, SimOrder) and event.value.status is OrderStatus.FILLED:
            after = [self._now("OrderChain", notices.order_chain_json(self.world, event.value))]
        main = notices.of_event(self.world, event)
        for told in (*before, *([main] if main else ()), *after):
            for reader in readers:
                reader.deliver(told, number)

    def ticked(self, changed: Collection[Instrument]) -> None:
        for user, alert in alerts.due(self.world):
            told = self._now("QuoteAlert", alert)
            for reader in self.readers:
                if reader.session.follows(ALERTS, user):
                    reader.deliver(told)
        if any(reader.session.follows(WATCHLISTS) for reader in self.readers):
            for told in self._look_at_lists():
                for reader in self.readers:
                    if reader.session.follows(WATCHLISTS):
                        reader.deliver(told)
        for reader in list(self.readers):
            reader.tick()

    # What has changed

    def _look_at_world(self) -> None:
        """A reset makes another exchange: its accounts begin anew."""
        if self.world.exchange is not self.exchange:
            self.exchange = self.world.exchange
            self.told.clear()

    def _transfers(self, number: str) -> list[Notice]:
        account, told = self.exchange.accounts[number], self.told[number]
        fresh, told.entries = account.transactions[told.entries :], len(account.transactions)
        return [
            self._now("ExternalTransaction", notices.transfer_json(entry))
            for entry in fresh
            if entry.kind == "money_movement" and entry.sub_kind in notices.TRANSFERS
        ]

    def _gains(self, number: str, underlying: str) -> list[Notice]:
        account, told = self.exchange.accounts[number], self.told[number]
        if len(account.closed_lots) == told.closed:
            return []
        told.closed = len(account.closed_lots)
        year = self.world.today().year
        return [self._now("UnderlyingYearGainSummary", notices.year_gain_json(account, underlying, year))]

    def _status_news(self, number: str) -> list[Notice]:
        account, told = self.exchange.accounts[number], self.told[number]
        status = self._status(account)
        if status == told.status:
            return []
        told.status = status
        return [self._now("TradingStatus", status)]

    def _status(self, account: SimAccount) -> dict[str, Any]:
        return status_json(account, self.exchange.balance(account.number))

    def _look_at_lists(self) -> list[Notice]:
        """The broker's lists that are not as they were; they change with the day and with the market."""
        key = (self.world.market, self.world.today())
        if key == self.listed_on:
            return []
        self.listed_on = key
        fresh = {each.name: public_json(place, each) for place, each in enumerate(public_lists(self.world.market))}
        changed = [self._now("PublicWatchlists", body) for name, body in fresh.items() if self.lists.get(name) != body]
        self.lists = fresh
        return changed

    def _now(self, kind: str, body: dict[str, Any]) -> Notice:
        return notice(kind, body, self.world.clock.now())


NEWSROOMS: dict[World, Newsroom] = {}


def join(world: World, reader: Reader) -> Newsroom:
    """Read the news of a world; its newsroom lives as long as somebody does."""
    newsroom = NEWSROOMS.setdefault(world, Newsroom(world))
    newsroom.join(reader)
    return newsroom


def leave(newsroom: Newsroom, reader: Reader) -> None:
    newsroom.leave(reader)
    if not newsroom.readers:
        NEWSROOMS.pop(newsroom.world, None)
