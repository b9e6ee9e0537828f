"""The one port behind which every broker stands, and what a broker says of itself."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from brokers.domain.accounts import AccountInfo, Balance, PastBalance, Position, Restrictions, Transaction
from brokers.domain.instruments import Instrument
from brokers.domain.market import (
    Bar,
    Chain,
    Details,
    Expiration,
    Interval,
    MarketStatus,
    Match,
    Metrics,
    Quote,
    Tick,
    Watchlist,
)
from brokers.domain.orders import (
    GroupKind,
    OrderGroup,
    OrderTicket,
    OrderType,
    OrderUpdate,
    Placed,
    PlacedGroup,
    Preview,
    TimeInForce,
)
from brokers.domain.raw import Batch


class Environment(StrEnum):
    """Which of a broker's two worlds; never mixed."""

    SIM = "sim"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where one environment of a broker lives. ``streamer`` is its account stream, where it has one apart."""

    api: str
    authorize: str
    token: str
    streamer: str = ""


class Term(StrEnum):
    """A part of an order that a replacement may change; the values name fields of ``OrderTicket`` and ``Leg``."""

    QUANTITY = "quantity"
    LIMIT_PRICE = "limit_price"
    STOP_PRICE = "stop_price"
    TRAIL = "trail"
    ORDER_TYPE = "order_type"
    TIME_IN_FORCE = "time_in_force"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker takes: read by ticket, API and checks, so that nothing is tried that cannot work.

    ``classes`` are the kinds of instruments that can be traded; ``spread_types`` the types of orders with several
    legs; ``groups`` the kinds of groups. ``replaces`` are the terms that a replacement may change (how far, the
    broker's ``replace_order`` says). ``has_history``: its transactions can be read; ``has_opening_balance``: so can
    the figures with which the day began; ``has_balance_history``: those of past days. ``tells_day_gains``: its
    positions tell what a day's gain takes, else ``with_day_gains`` must be asked. ``has_greeks``: its stream tells
    Greeks. ``has_dry_run``: its previews tell what an order does to buying power. ``fractional``: it takes shares in
    fractions. ``has_metrics``: it tells rank of volatility, earnings, dividends; ``has_watchlists``: it keeps lists of
    instruments; ``has_market_status``: it tells when markets are open. ``cancels_groups``: a group is
    cancelled with one request, else order by order. ``shares_in_spreads``: shares and options can be one order.
    """

    order_types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    max_legs: int
    echoes_client_ref: bool
    personal_grant: bool
    classes: frozenset[type]
    spread_types: frozenset[OrderType]
    groups: frozenset[GroupKind]
    replaces: frozenset[Term]
    has_history: bool
    has_opening_balance: bool
    has_balance_history: bool
    tells_day_gains: bool
    has_greeks: bool
    has_dry_run: bool
    fractional: bool
    has_metrics: bool
    has_watchlists: bool
    has_market_status: bool
    cancels_groups: bool = False
    shares_in_spreads: bool = True


@dataclass(frozen=True, slots=True)
class Budget:
    """How often one connection may ask for one kind of thing: ``calls`` in ``seconds``, coming back bit by bit.

    ``requests`` are shell patterns of "METHOD /path". A request counts against the first budget that it matches, and
    against each ``overall`` one that it matches as well.
    """

    category: str
    calls: int
    seconds: int
    requests: tuple[str, ...] = ("*",)
    overall: bool = False


class AccessToken(Protocol):
    """Gives a usable access token; told that one was refused, a newer one. Raises BrokerError."""

    def __call__(self, *, refused: str | None = None) -> str: ...


class Broker(Protocol):
    """A broker for one connection: blocking, over HTTP, raising only ``BrokerError``.

    What acts alone may raise ``OutcomeUnknown``: ``place_order``, ``place_group``, ``cancel_order``,
    ``cancel_group``, ``replace_order``, ``save_watchlist``, ``delete_watchlist``. What a broker lacks raises
    ``Refused``, before anything is sent.
    """

    def get_accounts(self) -> list[AccountInfo]: ...

    def get_restrictions(self, account_number: str) -> Restrictions:
        """Whether the account takes orders, all or only those that close."""
        ...

    def get_balance(self, account_number: str) -> Balance: ...

    def get_opening_balance(self, account_number: str) -> PastBalance:
        """The figures with which the account began the newest trading day."""
        ...

    def get_balance_history(self, account_number: str, since: date, until: date | None = None) -> list[PastBalance]:
        """The figures at the end of each trading day, ascending."""
        ...

    def get_positions(self, account_number: str) -> list[Position]: ...

    def with_day_gains(self, account_number: str, positions: Sequence[Position]) -> list[Position]:
        """Positions just read, with what their day's gain takes where the listing leaves it out, and with flat rows
        of what was closed today. What is not certain stays unknown."""
        ...

    def get_transactions(self, account_number: str, since: date, until: date | None = None) -> list[Transaction]: ...

    def get_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        """Every order since a day and all that still work, whole: all pages or an error."""
        ...

    def get_order(self, account_number: str, broker_order_id: str) -> OrderUpdate: ...

    def find_order(
        self,
        account_number: str,
        client_ref: str,
        ticket: OrderTicket,
        since: datetime,
        claimed: Collection[str] = (),
        *,
        grouped: bool = False,
    ) -> OrderUpdate | None:
        """The order that carries our reference, from complete listings; None when they do not show it.

        Where references are not echoed (of single orders, or of those that were sent ``grouped``) it is told by its
        looks, leaving out ``claimed``: ids that are known to be other orders. ``Ambiguous`` when several look alike.
        """
        ...

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        """Quotes of those that the broker knows; the unknown are left out."""
        ...

    def get_details(self, instrument: Instrument) -> Details:
        """``Refused`` when the broker does not know the instrument."""
        ...

    def get_chain(self, underlying: Instrument) -> Chain:
        """What is listed. A broker that tells strikes a day at a time leaves them out: ``with_strikes`` adds them."""
        ...

    def with_strikes(self, underlying: Instrument, expirations: Sequence[Expiration]) -> list[Expiration]:
        """Expirations of its chain, in their order, with their strikes and what goes with these: size and price steps.

        It may cost a call for each day: ask for what is looked at. One that is not listed any more stays without.
        """
        ...

    def get_bars(
        self,
        instrument: Instrument,
        interval: Interval,
        start: datetime,
        end: datetime | None = None,
        *,
        extended: bool = False,
    ) -> list[Bar]:
        """The bars that begin from ``start`` on and before ``end`` (None: until now), ascending.

        ``extended``: with those before and after regular hours, where the instrument has such hours.
        """
        ...

    def search(self, text: str) -> list[Match]: ...

    def get_market_status(self) -> list[MarketStatus]:
        """Of each class of instruments whose hours the broker tells."""
        ...

    def get_metrics(self, instruments: Collection[Instrument]) -> dict[Instrument, Metrics]:
        """Of those that the broker has figures of; the others are left out."""
        ...

    def get_watchlists(self) -> list[Watchlist]:
        """The person's own, and those of the broker that may be read (not ``writable``)."""
        ...

    def save_watchlist(self, watchlist: Watchlist) -> Watchlist:
        """Keep a list, whole; one without an ``id`` is new. As the broker has it then, maybe under another ``id``."""
        ...

    def delete_watchlist(self, watchlist_id: str) -> None: ...

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview: ...

    def place_order(self, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed: ...

    def preview_group(self, account_number: str, group: OrderGroup) -> Preview: ...

    def place_group(self, account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> PlacedGroup:
        """One request for all, a reference for each of ``group.tickets``.

        ``OrderRejected`` when none was taken; what was taken in part is told member by member. When the outcome is
        unknown it is so for each member, and ``find_order`` looks each up.
        """
        ...

    def cancel_order(self, account_number: str, broker_order_id: str) -> OrderUpdate: ...

    def cancel_group(self, account_number: str, group_id: str) -> list[OrderUpdate]:
        """Cancel with one request what still works of a group, by the broker's number of it; the orders as they then
        stand, as far as the broker tells them."""
        ...

    def replace_order(self, account_number: str, broker_order_id: str, ticket: OrderTicket) -> OrderUpdate:
        """``OrderRejected``, nothing sent, where the ticket differs in what the broker does not change."""
        ...


class StreamState(StrEnum):
    """``LIVE``: data flow; ``DELAYED``: they flow late by agreement; ``RECONNECTING``: the socket is being
    remade; ``STALE``: the socket stands but data stopped; ``NOT_ALLOWED``: the sign-in works but has no right to
    this source; it is asked for again, rarely; ``SIGN_IN``: the grant is dead."""

    LIVE = "live"
    DELAYED = "delayed"
    RECONNECTING = "reconnecting"
    STALE = "stale"
    NOT_ALLOWED = "not_allowed"
    SIGN_IN = "sign_in_needed"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What became of the upstream. ``source`` is "quotes" or "account"; ``detail`` is words for people."""

    source: str
    state: StreamState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The broker sent new figures for an account: ``what`` is "balance" or "positions".

    Without values, or with "orders", the news could not be read: the listing is to be read in its place.
    """

    account_number: str
    what: str
    values: tuple[Balance | Position, ...] = ()


StreamEvent: TypeAlias = Tick | Batch | OrderUpdate | AccountChanged | StatusChange


class Stream(Protocol):
    """One live upstream of a connection, asyncio. It reconnects by itself until closed."""

    def events(self) -> AsyncIterator[list[StreamEvent]]:
        """Batches in the order of arrival. It ends only by ``close`` or a dead grant (after saying so)."""
        ...

    def watch(self, instruments: Collection[Instrument]) -> None:
        """Make this the whole set of instruments to be told about; cheap to repeat."""
        ...

    def carried(self) -> frozenset[Instrument]:
        """Instruments not watched any more whose quotes, though not their Greeks, it tells all the same. Once watched
        again they are not told whole: whoever wants them must have kept what was told."""
        ...

    async def close(self) -> None: ...


BrokerFactory: TypeAlias = Callable[[Hosts, AccessToken], Broker]


class StreamFactory(Protocol):
    """``closures``: days on which shares are not traded that no rule foresees, with their reasons."""

    def __call__(
        self, hosts: Hosts, token: AccessToken, accounts: Sequence[str], *, closures: Mapping[date, str]
    ) -> Stream: ...


@dataclass(frozen=True, slots=True)
class BrokerSpec:
    """A broker's entry in the registry.

    ``hosts`` are the broker's own; an installation may override them per environment. ``at_simulator`` are the paths
    under which the simulator serves this broker, below its root.
    """

    name: str
    title: str
    hosts: Mapping[Environment, Hosts]
    scopes: tuple[str, ...]
    authorize_params: Mapping[str, str]
    capabilities: Capabilities
    make_broker: BrokerFactory
    make_stream: StreamFactory
    token_endpoint_auth: str = "client_secret_post"  # noqa: S105 (the name of a method)
    token_headers: Mapping[str, str] = field(default_factory=dict)
    uses_pkce: bool = True
    token_life_needed: timedelta = timedelta(seconds=60)
    """With less life left a token is renewed before it is used."""
    trade_scope: str = ""
    """Without it among the granted scopes a connection may only look; "" where scopes do not tell."""
    scope_words: Mapping[str, str] = field(default_factory=dict)
    """What each scope allows, in words for the person who granted it."""
    where_grants_end: str = "On the broker's own site, among the applications that may use your account."
    """Where a person removes the grant at the broker."""
    registering: str = ""
    """What an operator must know to register the desk's redirect address, beyond the address."""
    at_simulator: Hosts | None = None
    budgets: tuple[Budget, ...] = ()
    """How often it may be asked, for as long as its own headers do not tell."""
