"""Controls of the ticket itself: class, quantity, price grid, and what goes together at this broker."""

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option, describe, plain
from brokers.domain.market import Details
from brokers.domain.orders import Leg, OrderTicket, OrderType, TimeInForce
from brokers.port import Capabilities
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot
from trading.risk.findings import Finding, texts
from trading.tickets import price_text

CLASS_WORDS: dict[type, str] = {
    Equity: "shares and ETFs",
    Option: "options",
    Future: "futures",
    FutureOption: "options on futures",
    Crypto: "crypto",
}
CLASSES_WORDS = "Shares, ETFs and their options can be traded here so far."
EXTENDED = frozenset(
    {TimeInForce.EXT, TimeInForce.GTC_EXT, TimeInForce.GTD_EXT, TimeInForce.OVERNIGHT, TimeInForce.GTC_OVERNIGHT}
)
LASTING = frozenset(
    {TimeInForce.GTC, TimeInForce.GTD, TimeInForce.GTC_EXT, TimeInForce.GTD_EXT, TimeInForce.GTC_OVERNIGHT}
)
AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
WIDEST_RATIO = 3
NEW_YORK = ZoneInfo("America/New_York")
EXPIRED_BY = time(17)
"""On its last day no option trades after this: shares' end at 16:00 or 16:15, the latest on futures at 17:00."""


def check_terms(ticket: OrderTicket, can: Capabilities) -> list[Finding]:
    """What can be said without asking the broker."""
    return [*_classes(ticket, can), *_quantities(ticket, can), *_combination(ticket, can), *_spread(ticket, can)]


def check_instrument(ticket: OrderTicket, details: Details) -> list[Finding]:
    """What the broker's description of the first leg's instrument rules out."""
    return list(_described(ticket, ticket.legs[0], details))


def check_all_terms(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """NOT_ALLOWED, BAD_QUANTITY, BAD_PRICE, COMBINATION, INSTRUMENT_UNKNOWN."""
    if snapshot.capabilities is None:
        yield Finding("account", "COMBINATION", "What this broker takes is not known: the order can't be checked.")
    else:
        yield from check_terms(ticket, snapshot.capabilities)
    yield from _calendar(ticket, snapshot.now.astimezone(NEW_YORK))
    for leg in ticket.legs:
        yield from _denied(leg, limits)
        details = snapshot.details.get(leg.instrument)
        if details is None:
            words = (
                f"The broker's description of {describe(leg.instrument)} could not be read{snapshot.why('details')}."
            )
            yield Finding("symbol", "INSTRUMENT_UNKNOWN", f"{words} Without it the order can't be checked.")
        else:
            yield from _described(ticket, leg, details)


def _classes(ticket: OrderTicket, can: Capabilities) -> Iterator[Finding]:
    for kind in dict.fromkeys(type(leg.instrument) for leg in ticket.legs):
        if kind not in can.classes:
            some = [words for each, words in CLASS_WORDS.items() if each in can.classes]
            offered = f"{', '.join(some[:-1])} and {some[-1]}" if len(some) > 1 else "".join(some)
            words = f"This broker takes orders for {offered}; not for {CLASS_WORDS.get(kind, 'this')}."
            yield Finding("symbol", "NOT_ALLOWED", words)


def _quantities(ticket: OrderTicket, can: Capabilities) -> Iterator[Finding]:
    for leg in ticket.legs:
        if not leg.quantity % 1 or isinstance(leg.instrument, Crypto):
            continue
        if not isinstance(leg.instrument, Equity):
            what = "Options" if isinstance(leg.instrument, Option | FutureOption) else "Futures"
            yield Finding("quantity", "BAD_QUANTITY", f"{what} trade in whole contracts.")
        elif not can.fractional:
            yield Finding("quantity", "BAD_QUANTITY", "This broker trades whole shares.")
        elif len(ticket.legs) > 1 or ticket.time_in_force is not TimeInForce.DAY:
            words = "Fractions of a share go alone and for today: choose Day, or whole shares."
            yield Finding("quantity", "BAD_QUANTITY", words)


def _combination(ticket: OrderTicket, can: Capabilities) -> Iterator[Finding]:
    kind, time = ticket.order_type, ticket.time_in_force
    if kind not in can.order_types:
        yield Finding("order_type", "COMBINATION", f"This broker takes no {kind.words} orders.")
    if time not in can.times_in_force:
        yield Finding("time_in_force", "COMBINATION", "This broker does not take this duration.")
    if kind.takes_market and time in LASTING:
        yield Finding("time_in_force", "COMBINATION", "A market order is for today: choose Day, or a limit order.")
    if time in EXTENDED and (kind is not OrderType.LIMIT or len(ticket.legs) > 1):
        words = "Outside regular hours only limit orders of one leg are taken: make it a limit order, or choose Day."
        yield Finding("time_in_force", "COMBINATION", words)
    if time in AT_ONCE and kind.waits:
        words = "A stop waits; “at once” does not. Choose another duration or another type."
        yield Finding("time_in_force", "COMBINATION", words)


def _spread(ticket: OrderTicket, can: Capabilities) -> Iterator[Finding]:
    if len(ticket.legs) == 1:
        return
    if len(ticket.legs) > can.max_legs:
        yield Finding("legs", "COMBINATION", f"This broker takes at most {can.max_legs} legs in an order.")
    if ticket.order_type in can.order_types and ticket.order_type not in can.spread_types:
        kinds = " or ".join(kind.words for kind in OrderType if kind in can.spread_types)
        yield Finding("order_type", "COMBINATION", f"Orders of several legs go as {kinds} orders at this broker.")
    alone = [leg.instrument for leg in ticket.legs if isinstance(leg.instrument, Future | Crypto)]
    for instrument in alone:
        yield Finding("legs", "COMBINATION", f"{describe(instrument)} can only be an order of its own.")
    if len({family(leg.instrument) for leg in ticket.legs}) > 1:
        yield Finding("legs", "COMBINATION", "The legs of one order are on the same underlying: split it.")
    options = [leg.quantity for leg in ticket.legs if isinstance(leg.instrument, Option | FutureOption)]
    if not alone and not options:
        yield Finding("legs", "COMBINATION", "Shares go in orders of their own.")
    elif not can.shares_in_spreads and any(isinstance(leg.instrument, Equity) for leg in ticket.legs):
        words = "This broker takes no shares and options in one order: order the shares first, then the options."
        yield Finding("legs", "COMBINATION", words)
    if options and max(options) > WIDEST_RATIO * min(options):
        ratio = max(options) / min(options)
        words = (
            f"The legs stand {plain(ratio.quantize(Decimal('0.1')))} to 1; exchanges take up to {WIDEST_RATIO} to 1."
        )
        yield Finding("legs", "COMBINATION", words, hard=False, numbers=texts(ratio=ratio, limit=WIDEST_RATIO))


def family(instrument: Instrument) -> str:
    """What an instrument is listed with: weekly roots of an index belong to the index."""
    match instrument:
        case Option(root):
            return {"SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX", "XSPW": "XSP"}.get(root, root)
        case FutureOption(future):
            return str(future)
        case _:
            return str(instrument).lstrip("$")


def _calendar(ticket: OrderTicket, now: datetime) -> Iterator[Finding]:
    """By the exchange's day and clock: in the evening UTC has the next day already."""
    if ticket.gtd_date is not None and ticket.gtd_date < now.date():
        yield Finding("gtd_date", "COMBINATION", "The last day is over already: choose today or later.")
    for leg in ticket.legs:
        expiry = getattr(leg.instrument, "expiry", None)
        if isinstance(expiry, date) and (expiry < now.date() or (expiry == now.date() and now.time() >= EXPIRED_BY)):
            yield Finding("symbol", "COMBINATION", f"{describe(leg.instrument)} expired on {expiry:%Y-%m-%d}.")


def _denied(leg: Leg, limits: Limits) -> Iterator[Finding]:
    if limits.denied_symbols & {str(leg.instrument), family(leg.instrument)}:
        yield Finding("symbol", "NOT_ALLOWED", f"{describe(leg.instrument)} is on the list of what is not traded here.")


def _described(ticket: OrderTicket, leg: Leg, details: Details) -> Iterator[Finding]:
    if not details.tradeable:
        yield Finding("symbol", "NOT_ALLOWED", f"{describe(details.instrument)} can't be traded at this broker.")
    if len(ticket.legs) > 1:
        return  # a net price has a grid of its own, which brokers do not tell
    for name, price in (("limit_price", ticket.limit_price), ("stop_price", ticket.stop_price)):
        if price is not None and not details.increments.fits(price):
            yield _off_grid(name, abs(price), details.increments.at(price) or Decimal(1))


def _off_grid(name: str, price: Decimal, step: Decimal) -> Finding:
    below = price // step * step
    words = f"Prices go in steps of {price_text(step)}: {price_text(below)} or {price_text(below + step)}."
    return Finding(name, "BAD_PRICE", words, numbers=texts(price=price, step=step))
