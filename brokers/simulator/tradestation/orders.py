"""Orders as TradeStation writes them (section 5.6), from whichever wire they came."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Future, FutureOption, Option, Right
from brokers.simulator.exchange import SimAccount, SimFill, SimLeg, SimOrder
from brokers.simulator.exchange.orders.groups import Bond
from brokers.simulator.exchange.orders.tickets import Duration, Ticket
from brokers.simulator.faults import STATION_STATUS
from brokers.simulator.tradestation import advanced
from brokers.simulator.tradestation.answers import compact, day, decimal, moment
from brokers.simulator.tradestation.memory import Memory, Words
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.order_words import (
    DESCRIPTIONS,
    TYPES,
    duration_of,
    opens_or_closes,
    side_of,
    status_of,
)
from brokers.simulator.tradestation.spreads import spread_name
from brokers.simulator.tradestation.symbols import asset_type, to_wire, underlying_of

if TYPE_CHECKING:
    from brokers.simulator.world import World

NEW_YORK = ZoneInfo("America/New_York")
GTC_DAYS = timedelta(days=90)
GROUP_NAMES = {Bond.OCO: "OCO", Bond.BRACKET: "Brk"}
GROUP_KEYS = {Bond.OCO: "OCA", Bond.BRACKET: "BRK"}
RELATIONS = {Bond.OCO: "OCO", Bond.BRACKET: "BRK"}
NOTHING = Words()


def order_json(order: SimOrder, world: "World") -> dict[str, Any]:
    """An order whole. What has no value is left out; there is no symbol, side or quantity at the top."""
    account, ticket = world.exchange.accounts[order.account_number], order.ticket
    words, status = Memory.of(world).words.get(order.order_id, NOTHING), shown_status(order, account, world)
    future = isinstance(ticket.legs[0].instrument, Future)
    return compact(
        {
            "AccountID": ts_account(account),
            "AdvancedOptions": advanced.advanced_text(order, words, group_number(order, world)),
            "CommissionFee": decimal(Memory.of(world).fees(account, order.order_id)),
            "ClosedDateTime": closed_at(order, status),
            "ConditionalOrders": relatives(order, world),
            "Currency": "USD",
            "Duration": duration_of(ticket),
            "FilledPrice": decimal(filled_price(order), 6),
            "GoodTillDate": good_till(order),
            "GroupName": group_name(order, world),
            "Legs": [leg_json(leg, status, world) for leg in order.legs],
            "LimitPrice": limit_text(ticket),
            **advanced.rules_json(ticket, words),
            "OrderID": str(order.order_id),
            "OpenedDateTime": moment(order.received_at),
            "OrderType": TYPES[ticket.order_type],
            "PriceUsedForBuyingPower": decimal(price_used(order, world), 4),
            "RejectReason": order.reject_reason,
            "Routing": "" if future else "Intelligent",
            "Spread": spread_name(ticket.legs),
            "Status": status,
            "StatusDescription": DESCRIPTIONS.get(status, status),
            "StopPrice": stop_text(order),
            "ConversionRate": "1",
            "UnbundledRouteFee": "0",
        }
    )


def shown_status(order: SimOrder, account: SimAccount, world: "World") -> str:
    """The order's code, or the one that a fault puts in its place: for those no natural way leads to."""
    faults = world.faults
    if not faults.planned(("order_status",)):
        return status_of(order)
    symbols = [to_wire(leg.leg.instrument) for leg in order.legs]
    fault = faults.struck("order_status", (account.number, ts_account(account)), symbols, kinds=STATION_STATUS)
    return fault.kind if fault is not None else status_of(order)


def leg_json(leg: SimLeg, status: str, world: "World") -> dict[str, Any]:
    """A leg. ``QuantityRemaining`` is 0 also where the order rests until tomorrow, as at the broker."""
    instrument = leg.leg.instrument
    none_left = status in ("FLL", "FLP", "OUT", "CAN", "TSC", "EXP", "REJ", "DON")
    derivative = isinstance(instrument, Option | Future | FutureOption)
    return compact(
        {
            "ExpirationDate": day(expiry_of(leg, world)) if derivative else None,
            "OpenOrClose": None if status == "REJ" else opens_or_closes(leg.leg),
            "QuantityOrdered": decimal(leg.leg.quantity),
            "ExecQuantity": decimal(done(leg)),
            "QuantityRemaining": "0" if none_left else decimal(leg.remaining),
            "BuyOrSell": side_of(leg.leg),
            "Symbol": to_wire(instrument),
            "Underlying": underlying_of(instrument, world.market),
            "AssetType": asset_type(instrument, world.market),
            "ExecutionPrice": decimal(average(leg), 6) if done(leg) else None,
            **option_terms(leg),
        }
    )


def option_terms(leg: SimLeg) -> dict[str, str]:
    instrument = leg.leg.instrument
    if not isinstance(instrument, Option | FutureOption):
        return {}
    right = "CALL" if instrument.right is Right.CALL else "PUT"
    return {"OptionType": right, "StrikePrice": decimal(instrument.strike)}


def expiry_of(leg: SimLeg, world: "World") -> date:
    instrument = leg.leg.instrument
    if isinstance(instrument, Option | FutureOption):
        return instrument.expiry
    return world.market.expires_at(instrument).astimezone(NEW_YORK).date()


# Prices. On this wire a net debit is positive; at the exchange a credit is.


def limit_text(ticket: Ticket) -> str | None:
    if ticket.limit_price is None:
        return None
    return decimal(wire_price(ticket, ticket.limit_price))


def wire_price(ticket: Ticket, price: Decimal) -> Decimal:
    """The exchange's net price (credit positive) as this wire has it: unsigned for one leg, else debit positive."""
    return abs(price) if len(ticket.legs) == 1 else -price


def stop_text(order: SimOrder) -> str | None:
    """The level that sets the stop off: of a trailing stop, where it stands now."""
    level = order.trail_stop if order.ticket.trail is not None else order.ticket.stop_price
    return None if level is None else decimal(level)


def executions(leg: SimLeg) -> list[SimFill]:
    """What the leg has traded, void executions left out."""
    return [fill for fill in (*leg.fills, *leg.unreported) if not fill.broken]


def done(leg: SimLeg) -> Decimal:
    return sum((fill.quantity for fill in executions(leg)), Decimal(0))


def average(leg: SimLeg) -> Decimal:
    """The average price of what the leg has done; 0 when that is nothing."""
    traded = done(leg)
    return sum((fill.quantity * fill.price for fill in executions(leg)), Decimal(0)) / traded if traded else traded


def filled_price(order: SimOrder) -> Decimal:
    """The average price of the order: net, debit positive, for several legs; 0 when nothing is done."""
    if len(order.legs) == 1:
        return average(order.legs[0])
    if not all(done(leg) for leg in order.legs):
        return Decimal(0)
    return net_of(order, [average(leg) for leg in order.legs])


def net_of(order: SimOrder, prices: list[Decimal]) -> Decimal:
    """The legs' prices as one net price for a unit of the order, a debit positive."""
    pairs = zip(order.legs, prices, strict=True)
    return sum((leg.leg.action.sign * price * leg.weight for leg, price in pairs), Decimal(0))


def price_used(order: SimOrder, world: "World") -> Decimal:
    """The order's own price; without one, what the market was worth when it came."""
    ticket = order.ticket
    if ticket.limit_price is not None:
        return wire_price(ticket, ticket.limit_price)
    if ticket.stop_price is not None:
        return ticket.stop_price
    prices = [world.market.price_at(leg.leg.instrument, order.received_at) or Decimal(0) for leg in order.legs]
    return prices[0] if len(prices) == 1 else net_of(order, prices)


# Times


def closed_at(order: SimOrder, status: str) -> str | None:
    """When it ended, but also when it was put aside for the night and when its stop was hit."""
    if order.is_terminal:
        return moment(order.terminal_at or order.updated_at)
    if status == "STP":
        return moment(order.triggered_at or order.updated_at)
    return moment(order.updated_at) if status == "DON" else None


def good_till(order: SimOrder) -> str | None:
    """The last day of a lasting order: 90 days on, or the option's expiration when that comes first."""
    ticket = order.ticket
    if not ticket.duration.is_lasting:
        return None
    given = ticket.gtd_date if ticket.duration is Duration.GTD else None
    until = given or (order.received_at.astimezone(NEW_YORK) + GTC_DAYS).date()
    expiries = [leg.instrument.expiry for leg in ticket.legs if isinstance(leg.instrument, Option | FutureOption)]
    return day(min([until, *expiries]))


def is_todays(order: SimOrder, world: "World") -> bool:
    """Whether it is in the list of orders: still open, or opened or ended in the session of today."""
    if not order.is_terminal:
        return True
    today = session_day(order, world.clock.now(), world)
    times = (order.received_at, order.terminal_at or order.updated_at)
    return any(session_day(order, at, world) >= today for at in times)


def session_day(order: SimOrder, at: datetime, world: "World") -> date:
    return world.market.trading_date(at, order.ticket.legs[0].instrument)


def newest_first(orders: list[SimOrder]) -> list[SimOrder]:
    """By when they were placed (open ones) or done."""
    return sorted(orders, key=lambda order: (order.terminal_at or order.received_at, order.order_id), reverse=True)


def todays(world: "World", number: str) -> list[SimOrder]:
    """An account's orders of today and those still open, newest first."""
    return newest_first([order for order in world.exchange.orders(number) if is_todays(order, world)])


def history(world: "World", number: str, since: date) -> list[SimOrder]:
    """An account's orders that ended on or after a day, newest first."""
    ended = [order for order in world.exchange.orders(number) if order.is_terminal]
    return newest_first([o for o in ended if (o.terminal_at or o.updated_at).astimezone(NEW_YORK).date() >= since])


# Kin


def group_number(order: SimOrder, world: "World") -> tuple[str, int] | None:
    """``OCA`` or ``BRK`` and the group's number; None where the orders do not depend on each other."""
    if order.group_id is None:
        return None
    group = world.exchange.group(order.account_number, order.group_id)
    return (GROUP_KEYS[group.bond], group.group_id) if group.bond in GROUP_KEYS else None


def group_name(order: SimOrder, world: "World") -> str | None:
    if order.group_id is None:
        return None
    group = world.exchange.group(order.account_number, order.group_id)
    return f"{GROUP_NAMES[group.bond]} {group.group_id}" if group.bond in GROUP_NAMES else None


def relatives(order: SimOrder, world: "World") -> list[dict[str, str]]:
    """Parent (``OSP``), siblings that live or die with it (``BRK``, ``OCO``), and children (``OSO``)."""
    found: list[dict[str, str]] = []
    if order.parent_id is not None:
        found.append({"OrderID": str(order.parent_id), "Relationship": "OSP"})
    if order.group_id is not None:
        group = world.exchange.group(order.account_number, order.group_id)
        siblings = [each for each in group.member_ids if each != order.order_id and group.bond in RELATIONS]
        found += [{"OrderID": str(each), "Relationship": RELATIONS[group.bond]} for each in siblings]
    for group in world.exchange.groups(order.account_number):
        if group.parent_id == order.order_id:
            found += [{"OrderID": str(each), "Relationship": "OSO"} for each in group.member_ids]
    return found
