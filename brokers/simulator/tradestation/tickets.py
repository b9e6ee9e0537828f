"""TradeStation's order bodies read into the exchange's tickets (sections 5.1 to 5.5, 5.7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Equity, Future, Instrument
from brokers.domain.orders import Action, InvalidTicket, Leg
from brokers.simulator.exchange import SimAccount
from brokers.simulator.exchange.orders.groups import Bond
from brokers.simulator.exchange.orders.tickets import Duration, Hours, OrderType, Ticket, Watch
from brokers.simulator.tradestation import activation, symbols
from brokers.simulator.tradestation.answers import bad_request
from brokers.simulator.tradestation.fields import number, objects, word
from brokers.simulator.tradestation.memory import Words

if TYPE_CHECKING:
    from brokers.simulator.world import World

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stopmarket": OrderType.STOP,
    "stoplimit": OrderType.STOP_LIMIT,
}
DURATIONS: dict[str, tuple[Duration, Hours, int | None]] = {
    "day": (Duration.DAY, Hours.REGULAR, None),
    "dyp": (Duration.DAY, Hours.EXTENDED, None),
    "gtc": (Duration.GTC, Hours.REGULAR, None),
    "gcp": (Duration.GTC, Hours.EXTENDED, None),
    "gtd": (Duration.GTD, Hours.REGULAR, None),
    "gdp": (Duration.GTD, Hours.EXTENDED, None),
    "opg": (Duration.OPENING, Hours.REGULAR, None),
    "clo": (Duration.CLOSING, Hours.REGULAR, None),
    "ioc": (Duration.IOC, Hours.REGULAR, None),
    "fok": (Duration.FOK, Hours.REGULAR, None),
} | {str(minutes): (Duration.MINUTES, Hours.REGULAR, minutes) for minutes in (1, 3, 5)}
SHARE_ACTIONS = {
    "buy": Action.BUY_TO_OPEN,
    "sell": Action.SELL_TO_CLOSE,
    "sellshort": Action.SELL_TO_OPEN,
    "buytocover": Action.BUY_TO_CLOSE,
}
OPTION_ACTIONS = {
    "buytoopen": Action.BUY_TO_OPEN,
    "selltoopen": Action.SELL_TO_OPEN,
    "buytoclose": Action.BUY_TO_CLOSE,
    "selltoclose": Action.SELL_TO_CLOSE,
}
FUTURE_ACTIONS = {"buy": Action.BUY, "sell": Action.SELL}
GROUPS = {"normal": Bond.INDEPENDENT, "brk": Bond.BRACKET, "oco": Bond.OCO}
WARNINGS = ("enforce", "preconfirmed", "confirmed")
LONGEST_CONFIRM_ID = 22


class Declined(Exception):
    """An order that could be read and is not taken; the text is the broker's reason."""


@dataclass(frozen=True)
class Request:
    """One order of a request: its ticket, the broker's words that the ticket has not, and what waits for its fill."""

    account: SimAccount
    ticket: Ticket
    actions: tuple[str, ...]
    time_in_force: dict[str, str]
    words: Words
    confirm_id: str = ""
    bundles: tuple["Group", ...] = ()


@dataclass(frozen=True)
class Group:
    bond: Bond
    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Reader:
    """Reads the orders of one request: 400 for what is malformed, ``Declined`` for what makes no order."""

    world: "World"
    accounts: Mapping[str, SimAccount]
    depth: int = field(default=0)

    def request(self, body: Mapping[str, Any], parent: SimAccount | None = None) -> Request:
        account = self.account(body, parent)
        legs, actions = self.legs(body)
        force = time_in_force(body)
        extras = activation.read_options(body, legs[0].action.is_buy, self.world)
        ticket = make_ticket(body, legs, force, extras)
        warning = str(body.get("buyingpowerwarning") or "enforce").lower()
        if warning not in WARNINGS:
            raise bad_request("BuyingPowerWarning is invalid.")
        given = body.get("timeinforce") or {}
        echoed = {"Duration": str(given.get("duration", "DAY")).upper()}
        if given.get("expiration"):
            echoed["Expiration"] = str(given["expiration"])
        bundles = tuple(self.group(each, account) for each in objects(body, "osos", "OSOs"))
        return Request(account, ticket, actions, echoed, extras.words, confirm_id(body), bundles)

    def group(self, body: Mapping[str, Any], parent: SimAccount | None = None) -> Group:
        bond = word(body, "type", GROUPS, "Type")
        orders = objects(body, "orders", "Orders")
        if not orders or self.depth > 3:
            raise bad_request("Orders is required.")
        inner = Reader(self.world, self.accounts, self.depth + 1)
        requests = tuple(inner.request(each, parent) for each in orders)
        if len({request.account.number for request in requests}) > 1:
            raise bad_request("All orders of a group must be for the same account.")
        return Group(bond, requests)

    def account(self, body: Mapping[str, Any], parent: SimAccount | None) -> SimAccount:
        given = body.get("accountid")
        if given is None and parent is not None:
            return parent
        found = self.accounts.get(str(given or "").strip().casefold())
        if found is None:
            raise bad_request("Invalid Account ID.")
        if parent is not None and found is not parent:
            raise bad_request("All orders of a group must be for the same account.")
        return found

    def legs(self, body: Mapping[str, Any]) -> tuple[tuple[Leg, ...], tuple[str, ...]]:
        """The legs, and the trade action of each as it was said."""
        given: list[Mapping[str, Any]] = [*objects(body, "legs", "Legs")] or [body]
        several = len(given) > 1
        read = [self.leg(each, several) for each in given]
        return tuple(leg for leg, _ in read), tuple(action for _, action in read)

    def leg(self, body: Mapping[str, Any], several: bool) -> tuple[Leg, str]:
        text = str(body.get("symbol") or "")
        if not text:
            raise bad_request("Symbol is required.")
        quantity = number(body, "quantity", "Quantity")
        if quantity is None or quantity <= 0:
            raise bad_request("Quantity must be greater than 0.")
        instrument = self.instrument(text)
        said = str(body.get("tradeaction") or "").lower()
        if not said:
            raise bad_request("TradeAction is required.")
        action = actions_for(instrument, several).get(said)
        if action is None:
            raise bad_request(f"TradeAction is invalid for {symbols.to_wire(instrument)}.")
        try:
            return Leg(instrument, action, quantity), said
        except InvalidTicket as error:
            raise Declined(str(error)) from None

    def instrument(self, text: str) -> Instrument:
        found = None if symbols.continuous(text) else symbols.find(text, self.world.market)
        if found is None:
            raise bad_request(f"Invalid symbol: {text[:40]}")
        return found


def actions_for(instrument: Instrument, several: bool) -> dict[str, Action]:
    """What can be done with it. Shares in one order with options are opened and closed as these are."""
    match instrument:
        case Equity():
            return SHARE_ACTIONS | OPTION_ACTIONS if several else SHARE_ACTIONS
        case Future():
            return FUTURE_ACTIONS
        case _:
            return OPTION_ACTIONS


@dataclass(frozen=True)
class Force:
    """How long an order is good, as the exchange has it."""

    duration: Duration
    hours: Hours
    minutes: int | None
    until: date | None


def time_in_force(body: Mapping[str, Any]) -> Force:
    given = body.get("timeinforce")
    if not isinstance(given, dict):
        raise bad_request("TimeInForce is required.")
    duration, hours, minutes = word(given, "duration", DURATIONS, "TimeInForce.Duration")
    if duration is not Duration.GTD:
        return Force(duration, hours, minutes, None)
    text = str(given.get("expiration") or "")
    try:
        until = datetime.fromisoformat(text) if "T" in text.upper() else None
    except ValueError:
        until = None
    if until is None:
        raise bad_request("TimeInForce.Expiration must be a date and time in RFC 3339.")
    return Force(duration, hours, minutes, until.date())


def make_ticket(body: Mapping[str, Any], legs: tuple[Leg, ...], force: Force, extras: "activation.Options") -> Ticket:
    """The ticket; raises 400 where a price is missing, ``Declined`` where the exchange could not hold it."""
    kind = word(body, "ordertype", TYPES, "OrderType")
    limit = exchange_price(legs, price(body, "limitprice", "LimitPrice")) if kind.has_limit else None
    trailing = extras.trail is not None
    stop = price(body, "stopprice", "StopPrice") if kind.has_stop and not trailing else None
    try:
        return Ticket(
            legs=legs,
            order_type=kind,
            duration=force.duration,
            hours=force.hours,
            limit_price=limit,
            stop_price=stop,
            trail=extras.trail if kind.has_stop else None,
            gtd_date=force.until,
            minutes=force.minutes,
            all_or_none=extras.all_or_none,
            display_quantity=extras.display_quantity,
            post_only=extras.post_only,
            watch=Watch.LAST if isinstance(legs[0].instrument, Equity | Future) else Watch.ASK_BID,
            start_at=extras.start_at,
            conditions=extras.conditions,
        )
    except InvalidTicket as error:
        raise Declined(str(error)) from None


def exchange_price(legs: tuple[Leg, ...], given: Decimal) -> Decimal:
    """A price of this wire (a debit is positive for several legs) as the exchange has it: a credit is positive."""
    if len(legs) > 1:
        return -given
    return -given if legs[0].action.is_buy else given


def price(body: Mapping[str, Any], name: str, said: str) -> Decimal:
    value = number(body, name, said)
    if value is None:
        raise bad_request(f"{said} is required for this OrderType.")
    return value


def confirm_id(body: Mapping[str, Any]) -> str:
    given = body.get("orderconfirmid")
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or len(given) > LONGEST_CONFIRM_ID:
        raise bad_request("OrderConfirmID must be from 1 to 22 characters.")
    return given
