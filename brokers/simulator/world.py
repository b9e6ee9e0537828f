"""One running simulator: its clock, market, exchange, people, grants, faults and ledger, and who listens."""

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.simulator import demo, state
from brokers.simulator.alerts import Alerts
from brokers.simulator.authority import Authority
from brokers.simulator.clock import Clock
from brokers.simulator.exchange import Event, Exchange
from brokers.simulator.faults import Faults
from brokers.simulator.ledger import Ledger
from brokers.simulator.market import Market
from brokers.simulator.signed import Signer
from brokers.simulator.watchlists import Watchlists

NEW_YORK = ZoneInfo("America/New_York")
TICK = 0.1
SAVE_EVERY = 3.0
SANDBOX_LIFE = timedelta(hours=24)
log = logging.getLogger(__name__)


class Keeper(Protocol):
    """What one wire remembers beside the exchange. ``changes`` grows with what has to be saved."""

    changes: int

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, saved: Mapping[str, Any]) -> None: ...

    def check_switch(self, name: str, value: Any) -> None:
        """``ValueError`` in words for a value that one of the wire's switches can't have."""
        ...


@dataclass
class Switches:
    """Where the real broker's behaviour is not known or has changed, both ways can be had.

    ``oauth_error_shape``: B (``error_code``) or A (``error``). ``connect_shows_value``: whether the account
    streamer's ack repeats the accounts. ``strict_user_agent``: insist on ``product/version``.
    ``balances_as_object``: old API versions' form. ``dxlink_keepalive``: seconds of patience; ``dxlink_sessions``:
    connections a person may have at once; ``dxlink_always_compact``: COMPACT even where FULL was asked for;
    ``dxlink_delay``: minutes by which quotes are late. ``oldest_version``: which API version still lives.
    ``sandbox_502``: services that tastytrade's sandbox does not host answer 502. ``streamer_patience``: seconds the
    account streamer bears silence for; ``streamer_batches``: what waits to be told goes out in ``results`` batches.
    ``late_streamer_symbols``: options on futures that were listed lately have no streamer symbol yet.

    ``request_budgets``: more requests in a second than the broker's own programs allow themselves get a bare 429;
    ``sandbox_reset``: every 24 hours orders, positions, history and balances go back to those of the start.

    TradeStation's: ``tradestation_token_seconds`` is an access token's life; ``tradestation_rotation``: refresh
    tokens of every key rotate; ``tradestation_quotas``: other quotas than the published ones; what an OrderConfirmID
    used twice gets (``tradestation_duplicates``: failed, bad_request, repeat, accept); where a refused order is told
    (``tradestation_failures``: errors, orders, bad_request); ``stream_heartbeat``: seconds of silence after which an
    HTTP stream gives a sign of life.
    """

    oauth_error_shape: str = "B"
    connect_shows_value: bool = True
    strict_user_agent: bool = False
    balances_as_object: bool = False
    dxlink_keepalive: float = 60.0
    oldest_version: int = 20250813
    sandbox_502: bool = False
    streamer_patience: float = 90.0
    streamer_batches: bool = False
    late_streamer_symbols: bool = False
    request_budgets: bool = False
    sandbox_reset: bool = False
    dxlink_sessions: int = 5
    dxlink_always_compact: bool = False
    dxlink_delay: float = 0.0
    tradestation_token_seconds: float = 1200.0
    tradestation_rotation: bool = False
    tradestation_quotas: dict[str, Any] = field(default_factory=dict)
    tradestation_duplicates: str = "failed"
    tradestation_failures: str = "errors"
    stream_heartbeat: float = 5.0

    def turn(self, given: Mapping[str, Any], check: Callable[[str, Any], None]) -> None:
        """Set the named switches; ``ValueError`` in words for one that is unknown or can't have the value."""
        known = {each.name: type(getattr(self, each.name)) for each in fields(self)}
        for name, value in given.items():
            kind = known.get(name)
            if kind is None or not isinstance(value, (int, float) if kind is float else kind):
                raise ValueError(f"{name} is not a switch, or takes another type of value")
            check(name, value)
        for name, value in given.items():
            setattr(self, name, value)


class World:
    """Everything behind the wires. It belongs to one event loop; nothing in it is shared between threads."""

    def __init__(
        self,
        *,
        seed: int,
        always_open: bool = False,
        speed: float = 1.0,
        clock: Clock | None = None,
        base_url: str = "",
        state_file: Path | None = None,
        faults_file: Path | None = None,
        keepers: "Mapping[str, Callable[[World], Keeper]] | None" = None,
        known_as: "Callable[[World, str], str]" = lambda world, name: name,
    ) -> None:
        self.seed = seed
        self.always_open = always_open
        self.base_url = base_url.rstrip("/")
        self.clock = clock or Clock(speed=speed)
        self.state_file = state_file
        self.faults_file = faults_file
        self.keepers = keepers or {}
        self.known_as = known_as
        self.jumped = 0.0
        self.closing = False
        self.saved_marks: tuple[int, ...] = (0, 0)
        self.events = 0
        self.ticks = 0
        self.event_listeners: set[Callable[[Event], None]] = set()
        self.tick_listeners: set[Callable[[Collection[Instrument]], None]] = set()
        saved = state.load(state_file) if state_file else None
        self.key = bytes.fromhex(saved["key"]) if saved else self._new_key()
        self.authority = Authority(Signer(self.key), self.wall_clock)
        self.open()
        if saved and state_file:
            self._restore(saved, state_file)

    def _new_key(self) -> bytes:
        """Without a state file the seed decides, so that clients and grants of one seed survive a restart."""
        if self.state_file:
            return secrets.token_bytes(32)
        return hashlib.sha256(f"made-up broker, seed {self.seed}".encode()).digest()

    def open(self) -> None:
        """A fresh market and exchange with the demo people; no faults, an empty ledger."""
        now = self.clock.now()
        self.market = Market(self.seed, now, self.always_open)
        self.users = self.open_books()
        self.faults = Faults(self.seed, lambda name: self.known_as(self, name))
        self.ledger = Ledger()
        self.watchlists = Watchlists()
        self.alerts = Alerts()
        self.switches = Switches()
        self.kept = {wire: make(self) for wire, make in self.keepers.items()}
        if self.faults_file:
            self.faults.load(self.faults_file)

    def open_books(self) -> demo.Users:
        """Fresh accounts on the market as it is; the people who own them, with new passwords."""
        now = self.opened_at = self.clock.now()
        self.exchange = Exchange(self.market, self.clock)
        users = demo.fill(self.exchange, now)
        self.exchange.listeners.append(self._pass_on)
        self.events += 1
        return users

    def reset(self) -> None:
        """As after a start, except that clients stay registered and sockets stay open. Revocations are undone."""
        self.authority.revoked.clear()
        self.authority.changes += 1
        self.open()

    def turn(self, switches: Mapping[str, Any]) -> None:
        """Set switches; ``ValueError`` in words, and nothing set, when one can't be."""

        def check(name: str, value: Any) -> None:
            for keeper in self.kept.values():
                keeper.check_switch(name, value)

        self.switches.turn(switches, check)

    # Time

    def wall_clock(self) -> datetime:
        """The time that tokens live by: real time, put forward by jumps, not by the clock's speed."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.jumped)

    def jump(self, seconds: float) -> None:
        self.jumped += seconds
        self.clock.jump(seconds)

    def put_price(self, symbol: str, price: Decimal) -> None:
        """Quote an underlying at a price; ``ValueError`` when it is not listed or the price can't be."""
        instrument = parse_instrument(symbol)
        if instrument not in self.market.listings or not price.is_finite() or not 0 < price < 1_000_000:
            raise ValueError("symbol must be a listed underlying ($ before an index), and the price above 0")
        self.market.put(instrument, price)
        self.events += 1

    def today(self) -> date:
        return market_day(self.clock.now())

    # People

    def passwords(self) -> dict[str, str]:
        """The made-up people and their passwords, to be shown on the sign-in page."""
        return dict(self.users.passwords)

    def signs_in(self, user: str, password: str) -> bool:
        known = self.users.passwords.get(user)
        return known is not None and secrets.compare_digest(known.encode(), password.encode())

    def accounts_of(self, user: str) -> list[str]:
        return [account.number for account in self.exchange.accounts.values() if account.owner == user]

    def account_lines(self, user: str) -> list[str]:
        """A user's accounts in words."""
        return [
            f"{account.number} · {account.nickname} ({'margin' if account.margin else 'cash'})"
            for account in self.exchange.accounts.values()
            if account.owner == user
        ]

    # Motion

    def tick(self) -> None:
        """Move market and exchange to the present and tell who listens."""
        now = self.clock.now()
        self.ticks += 1
        changed = self.market.advance(now)
        if self.switches.sandbox_reset and now >= self.opened_at + SANDBOX_LIFE:
            self.open_books()
        self.exchange.step(now)
        self.alerts.step(self.market, now, changed)
        for listener in list(self.tick_listeners):
            with self._others_undisturbed():
                listener(changed)

    def _pass_on(self, event: Event) -> None:
        self.events += 1
        for listener in list(self.event_listeners):
            with self._others_undisturbed():
                listener(event)

    @contextlib.contextmanager
    def _others_undisturbed(self) -> Iterator[None]:
        """Who listens is a connection: one that fails must not take the news from the others."""
        try:
            yield
        except Exception:
            log.exception("a listener of the simulator failed")

    def close(self) -> None:
        """The program ends: who listens hears it with a last tick."""
        self.closing = True
        for listener in list(self.tick_listeners):
            listener(())

    async def run(self) -> None:
        """Tick until cancelled. A tick that fails is logged, and the next one comes all the same."""
        since_saved = 0.0
        while True:
            try:
                self.tick()
                since_saved += TICK
                if since_saved >= SAVE_EVERY:
                    since_saved = 0.0
                    self.save()
            except Exception:
                log.exception("a tick of the simulator failed")
            await asyncio.sleep(TICK)

    # Keeping

    def save(self) -> None:
        """Write the state file when there is one and something changed."""
        marks: tuple[int, ...] = (self.events, self.authority.changes, self.watchlists.changes, self.alerts.changes)
        marks += tuple(keeper.changes for keeper in self.kept.values())
        if self.state_file is None or marks == self.saved_marks:
            return
        kept: dict[str, Any] = {"key": self.key.hex(), "authority": self.authority.snapshot()}
        kept |= {"market": self.market.snapshot(), "exchange": self.exchange.snapshot()}
        kept |= {"watchlists": self.watchlists.snapshot(), "alerts": self.alerts.snapshot()}
        kept["wires"] = {wire: keeper.snapshot() for wire, keeper in self.kept.items()}
        state.save(self.state_file, kept)
        self.saved_marks = marks

    def _restore(self, saved: Mapping[str, Any], path: Path) -> None:
        try:
            self.authority.restore(saved["authority"])
            self.market.restore(saved.get("market", {"puts": {}}))
            self.exchange.restore(saved["exchange"])
            self.watchlists.restore(saved.get("watchlists", {}))
            self.alerts.restore(saved.get("alerts", []))
            for wire, found in saved.get("wires", {}).items():
                self.kept[wire].restore(found)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            state.set_aside(path, str(error))
            self.key = self._new_key()
            self.authority = Authority(Signer(self.key), self.wall_clock)
            self.open()


def market_day(at: datetime) -> date:
    """The day it is where the market is."""
    return at.astimezone(NEW_YORK).date()
