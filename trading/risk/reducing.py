"""Whether an order makes anything bigger: what is asked while only reducing is allowed, and after a day's loss.

A change of a working order to no more of the same is spared all that is said of what an order adds: refused, it would
leave the larger one at work.
"""

from collections.abc import Iterable
from decimal import Decimal

from brokers.domain.instruments import describe, plain
from brokers.domain.orders import OrderTicket
from trading.risk.exposure import held, is_covered, pending
from trading.risk.facts import Snapshot
from trading.risk.findings import Finding

ZERO = Decimal(0)
OF_WHAT_IS_ADDED = frozenset(
    {
        "INSTRUMENT_UNKNOWN",
        "NOT_ALLOWED",
        "ORDER_QTY",
        "ORDER_NOTIONAL",
        "PRICE_COLLAR",
        "MARKET_ORDER_GUARD",
        "QUOTE_STALE",
        "QUOTE_CROSSED",
        "DUPLICATE_LIKE",
        "OPEN_ORDERS",
        "BUYING_POWER",
        "POSITION_LIMIT",
        "CONCENTRATION",
        "SHORT_OPTION",
        "OVERSELL",
        "SIZE_JUMP",
        "SELF_CROSS",
    }
)
"""Size, price against the market, money, holdings, likeness. What stays: halts of everything, connection and account,
rates, the ticket's own form (price steps, whole contracts, what goes together), what looks mistyped."""


def spared(findings: Iterable[Finding], ticket: OrderTicket, snapshot: Snapshot) -> list[Finding]:
    """Without those that a change to no more of the same is spared."""
    found = list(findings)
    if not shrinks(ticket, snapshot):
        return found
    return [one for one in found if one.code not in OF_WHAT_IS_ADDED and not _is_of_the_market(one)]


def _is_of_the_market(finding: Finding) -> bool:
    """A stop that the market has come to since: the order works with it already."""
    return finding.code == "BAD_PRICE" and "market" in finding.numbers


def enlarges(ticket: OrderTicket, snapshot: Snapshot) -> str:
    """Why an order may make something bigger than it is or may become already; "" when it can't."""
    return "" if shrinks(ticket, snapshot) else grows(ticket, snapshot)


def shrinks(ticket: OrderTicket, snapshot: Snapshot) -> bool:
    """Whether it takes the place of a working order and is no more than that, at no worse a price, no longer.

    What that order may do to the account this one may do at the most; so it may take its place even where nothing is
    to get bigger. Its kind, its stop and how long it is good must be the same, for those change when it fills.
    """
    before = snapshot.instead_of
    if before is None or _manner(ticket) != _manner(before):
        return False
    sizes = {(leg.instrument, leg.action): leg.quantity for leg in before.legs}
    if sizes.keys() != {(leg.instrument, leg.action) for leg in ticket.legs}:
        return False
    less = all(leg.quantity <= sizes[leg.instrument, leg.action] for leg in ticket.legs)
    return less and _same_ratio(ticket, before) and not _is_worse(ticket.limit_price, before.limit_price)


def _manner(ticket: OrderTicket) -> tuple[object, ...]:
    return ticket.order_type, ticket.time_in_force, ticket.gtd_date, ticket.stop_price, ticket.trail


def _same_ratio(ticket: OrderTicket, before: OrderTicket) -> bool:
    """A spread of which one leg alone got smaller is another one."""
    sizes = {leg.instrument: leg.quantity for leg in before.legs}
    return len({leg.quantity / sizes[leg.instrument] for leg in ticket.legs}) == 1


def _is_worse(price: Decimal | None, before: Decimal | None) -> bool:
    """Prices are from the account's side: paying more and getting less are both a smaller figure."""
    if price is None or before is None:
        return price is not before
    return price < before


def grows(ticket: OrderTicket, snapshot: Snapshot) -> str:
    """Why an order may make something bigger; "" when it can't, whatever of the working orders fills first.

    Every leg must take from what is held, with what working orders already take, never through zero; and no short
    option may lose its cover.
    """
    if snapshot.positions is None or snapshot.working is None:
        return "what the account holds is not known."
    book = held(snapshot)
    for leg in ticket.legs:
        quantity = book.get(leg.instrument, ZERO)
        room = max(ZERO, -leg.action.sign * quantity) - pending(snapshot.working, leg.instrument, leg.action.sign)
        if leg.quantity > room:
            return f"{describe(leg.instrument)} would not get smaller by it: {plain(max(ZERO, room))} can be closed."
    if not is_covered(ticket, snapshot):
        return "it would leave a short option uncovered."
    return ""
