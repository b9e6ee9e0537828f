"""tastytrade's order bodies read into the exchange's tickets (section 5.2)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option
from brokers.domain.orders import Action, InvalidTicket, Leg
from brokers.simulator.exchange import Duration, Hours, OrderType, Ticket
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.bodies import Body, day, must_be_absent, number, word
from brokers.simulator.tastytrade.envelope import Refusal, preflight, wrong
from brokers.simulator.tastytrade.refusals import NO_PRICE, misfit
from brokers.simulator.tastytrade.rules import read_rules
from brokers.simulator.tastytrade.symbols import listed, parse_api_symbol, type_name

ORDER_TYPES = {
    "Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Marketable Limit": OrderType.MARKETABLE_LIMIT,
    "Stop": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
    "Notional Market": OrderType.NOTIONAL_MARKET,
}
TIMES_IN_FORCE = {
    "Day": (Duration.DAY, Hours.REGULAR),
    "GTC": (Duration.GTC, Hours.REGULAR),
    "GTD": (Duration.GTD, Hours.REGULAR),
    "IOC": (Duration.IOC, Hours.REGULAR),
    "Ext": (Duration.DAY, Hours.EXTENDED),
    "GTC Ext": (Duration.GTC, Hours.EXTENDED),
    "Ext Overnight": (Duration.DAY, Hours.OVERNIGHT),
    "GTC Ext Overnight": (Duration.GTC, Hours.OVERNIGHT),
}
ACTIONS = {
    "Buy to Open": Action.BUY_TO_OPEN,
    "Sell to Open": Action.SELL_TO_OPEN,
    "Buy to Close": Action.BUY_TO_CLOSE,
    "Sell to Close": Action.SELL_TO_CLOSE,
    "Buy": Action.BUY,
    "Sell": Action.SELL,
}
EFFECTS = {"Credit": 1, "Debit": -1}
NO_CRYPTO = "Cryptocurrency cannot be traded through the API."


def read_ticket(body: Body, market: Market) -> Ticket:
    """The order in a body; raises ``Refusal``. Unknown keys are ignored."""
    order_type = word(body, "order-type", ORDER_TYPES)
    duration, hours = word(body, "time-in-force", TIMES_IN_FORCE)
    refuse_price(body, order_type)
    notional = order_type is OrderType.NOTIONAL_MARKET
    legs = read_legs(body.get("legs"), market, notional=notional)
    check_absent(body, order_type, duration)
    try:
        return Ticket(
            legs,
            order_type,
            duration,
            hours,
            limit_price=signed(body, "price", legs) if order_type.has_limit else None,
            stop_price=number(body, "stop-trigger") if order_type.has_stop else None,
            value=abs(signed(body, "value", legs)) if notional else None,
            gtd_date=day(body, "gtc-date") if duration is Duration.GTD else None,
            **read_rules(body, market),
        )
    except InvalidTicket as error:
        raise misfit(error) from None


# Changes


def read_change(body: Body, old: Ticket, market: Market, *, whole: bool) -> Ticket:
    """A replacement (``whole``) or an edit: legs stay as they were, whatever the body says of them."""
    order_type, duration, hours = old.order_type, old.duration, old.hours
    if whole or "order-type" in body:
        order_type = word(body, "order-type", ORDER_TYPES)
    if whole or "time-in-force" in body:
        duration, hours = word(body, "time-in-force", TIMES_IN_FORCE)
    refuse_price(body, order_type)
    if OrderType.NOTIONAL_MARKET in (order_type, old.order_type):
        raise wrong("order-type", "an order for an amount of dollars cannot be changed")
    check_absent(body, order_type, duration)
    fresh: dict[str, Any] = dict(read_rules(body, market)) if "rules" in body else {}
    fresh["limit_price"] = _changed_price(body, old, whole=whole) if order_type.has_limit else None
    fresh["stop_price"] = _changed_stop(body, old, whole=whole) if order_type.has_stop else None
    fresh["trail"] = old.trail if order_type.has_stop and fresh["stop_price"] is None else None
    fresh["gtd_date"] = _changed_end(body, old, whole=whole) if duration is Duration.GTD else None
    fresh["minutes"] = old.minutes if duration is Duration.MINUTES else None
    try:
        return replace(old, order_type=order_type, duration=duration, hours=hours, **fresh)
    except InvalidTicket as error:
        raise misfit(error) from None


def _changed_price(body: Body, old: Ticket, *, whole: bool) -> Decimal | None:
    """The new limit; where the body does not say which way money goes, it goes as before."""
    if "price" not in body and not whole and old.limit_price is not None:
        return old.limit_price
    if "price-effect" not in body and old.limit_price is not None:
        body = {**body, "price-effect": "Debit" if old.limit_price < 0 else "Credit"}
    return signed(body, "price", old.legs)


def _changed_stop(body: Body, old: Ticket, *, whole: bool) -> Decimal | None:
    """The new trigger; None while the order goes on trailing, as those of another wire may."""
    if body.get("stop-trigger") is None and old.order_type.has_stop and (old.trail is not None or not whole):
        return old.stop_price
    return number(body, "stop-trigger")


def _changed_end(body: Body, old: Ticket, *, whole: bool) -> date:
    if "gtc-date" not in body and old.gtd_date is not None and not whole:
        return old.gtd_date
    return day(body, "gtc-date")


# Parts


def refuse_price(body: Body, order_type: OrderType) -> None:
    if not order_type.has_limit and body.get("price") is not None:
        raise preflight("order_must_omit_price", NO_PRICE)


def check_absent(body: Body, order_type: OrderType, duration: Duration) -> None:
    if not order_type.has_stop:
        must_be_absent(body, "stop-trigger")
    if order_type is not OrderType.NOTIONAL_MARKET:
        must_be_absent(body, "value")
    if duration is not Duration.GTD:
        must_be_absent(body, "gtc-date")


def signed(body: Body, name: str, legs: tuple[Leg, ...]) -> Decimal:
    """An amount and its effect, signed from the account's side. A single leg can only go one way."""
    given = number(body, name)
    sign = word(body, f"{name}-effect", EFFECTS)
    if len(legs) == 1 and legs[0].action.is_buy and sign > 0:
        raise preflight("cant_buy_for_credit", "You cannot buy for a credit.")
    if len(legs) == 1 and not legs[0].action.is_buy and sign < 0:
        raise preflight("cant_sell_for_debit", "You cannot sell for a debit.")
    return given * sign


def read_legs(given: Any, market: Market, *, notional: bool = False) -> tuple[Leg, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(leg, dict) for leg in given):
        raise wrong("legs", "is missing")
    legs = tuple(read_leg(leg, market, notional=notional) for leg in given)
    if len(legs) > 1 and any(isinstance(leg.instrument, Equity | Future) for leg in legs):
        raise wrong("legs", "an order for shares or futures has one leg")
    return legs


def read_leg(given: Body, market: Market, *, notional: bool) -> Leg:
    """One leg; that of an order for an amount of dollars carries no quantity."""
    action = word(given, "action", ACTIONS, "legs.action")
    instrument = read_instrument(given, market)
    if isinstance(instrument, Crypto):
        raise preflight("closing_only" if action.opens else "instrument_validation_failed", NO_CRYPTO)
    if isinstance(instrument, FutureOption) and action in (Action.BUY, Action.SELL):
        raise wrong("legs.action", "does not have a valid value")
    if notional and given.get("quantity") is not None:
        raise wrong("legs.quantity", "must be left out")
    try:
        return Leg(instrument, action, Decimal(1) if notional else number(given, "quantity", "legs.quantity"))
    except InvalidTicket as error:
        raise misfit(error) from None


# Instruments


def read_instrument(given: Body, market: Market) -> Instrument:
    symbol, kind = str(given.get("symbol", "")), given.get("instrument-type")
    try:
        instrument = parse_api_symbol(symbol, market.now.date())
    except ValueError:
        raise unknown(symbol) from None
    if kind != type_name(instrument):
        raise wrong("legs.instrument-type", "is missing" if kind is None else "does not have a valid value")
    found = listed(market, symbol)
    if found is None:
        raise not_listed(instrument, symbol, market)
    return found.instrument


def unknown(symbol: str) -> Refusal:
    return preflight("instrument_validation_failed", f"{symbol[:40]} is not a known instrument.")


def not_listed(instrument: Instrument, symbol: str, market: Market) -> Refusal:
    """Why there is no such instrument: its series may exist without the strike, or at other dates."""
    dates = expirations(instrument, market) if isinstance(instrument, Option) else set()
    if not isinstance(instrument, Option) or not dates:
        return unknown(symbol)
    if instrument.expiry in dates:
        return preflight("invalid_strike", f"{symbol} is not listed: there is no such strike.")
    return preflight("invalid_expiration", f"{symbol} is not listed: nothing expires on {instrument.expiry}.")


def expirations(option: Option, market: Market) -> set[date]:
    """The dates at which options of this root expire."""
    found = set()
    for underlying in (Equity(option.root), Index(option.root), Index(option.root.removesuffix("W"))):
        chain = market.chain(underlying)
        if chain is not None:
            found |= {each.expiry for each in chain.expirations if each.root == option.root}
    return found
