"""What is checked before an order leaves: pure, given all it needs; all controls run, all findings are told."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from brokers.domain.accounts import Position
from brokers.domain.orders import OrderGroup, OrderTicket
from trading.risk.bounds import Limits
from trading.risk.exposure import after, held, oversell, short_option
from trading.risk.facts import (
    Effect,
    Habits,
    HaltNote,
    Sent,
    SentByAll,
    Snapshot,
    Standing,
    TradingState,
    Twin,
    Working,
)
from trading.risk.findings import Finding, unmet
from trading.risk.flow import check_flow
from trading.risk.habits import check_habits
from trading.risk.halted import check_halted
from trading.risk.money import check_money, takes
from trading.risk.prices import check_prices
from trading.risk.reducing import grows, spared
from trading.risk.sizes import check_sizes
from trading.risk.standing import check_standing
from trading.risk.terms import CLASSES_WORDS, check_all_terms, check_instrument, check_terms
from trading.risk.worth import multiplier

Control = Callable[[OrderTicket, Snapshot, Limits], Iterable[Finding]]
CONTROLS: tuple[Control, ...] = (
    check_standing,
    check_all_terms,
    check_halted,
    check_prices,
    check_sizes,
    check_money,
    oversell,
    short_option,
    check_flow,
    check_habits,
)

__all__ = [
    "CLASSES_WORDS",
    "Effect",
    "Finding",
    "Habits",
    "HaltNote",
    "Limits",
    "Sent",
    "SentByAll",
    "Snapshot",
    "Standing",
    "TradingState",
    "Twin",
    "Working",
    "check",
    "check_group",
    "check_instrument",
    "check_terms",
    "grows",
    "takes",
    "unmet",
]


def check(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> list[Finding]:
    """All that speaks against an order: hard findings are final, soft ones may be confirmed by their codes."""
    found = (finding for control in CONTROLS for finding in control(ticket, snapshot, limits))
    return spared(found, ticket, snapshot)


def check_group(group: OrderGroup, snapshot: Snapshot, limits: Limits) -> list[Finding]:
    """The same of orders that hang together: those that wait for the first one are judged as if it had filled.

    Of orders that cancel each other each is judged alone, for only one of them can fill.
    """
    alone = replace(snapshot, effect=None)
    found: list[Finding] = []
    if group.trigger is not None:
        found += check(group.trigger, alone, limits)
        alone = _as_if_filled(group.trigger, _as_if_paid(group.trigger, alone))
    for ticket in group.orders:
        found += [each for each in check(ticket, alone, limits) if group.trigger is None or _is_due(each)]
    return _once(found)


def _is_due(finding: Finding) -> bool:
    """A waiting order's price is for later, when the market is elsewhere; today's quote says little about it."""
    return finding.code not in ("PRICE_COLLAR", "SELF_CROSS") and not (
        finding.code == "BAD_PRICE" and finding.field == "stop_price" and "market" in finding.numbers
    )


def _once(findings: Iterable[Finding]) -> list[Finding]:
    seen: list[Finding] = []
    for finding in findings:
        if finding not in seen:
            seen.append(finding)
    return seen


def _as_if_paid(ticket: OrderTicket, snapshot: Snapshot) -> Snapshot:
    """The buying power that the first order takes is not there for those that wait for it."""
    needed = takes(ticket, snapshot)
    if needed is None or snapshot.reserved is None:
        return replace(snapshot, reserved=None)
    return replace(snapshot, reserved=snapshot.reserved + needed)


def _as_if_filled(ticket: OrderTicket, snapshot: Snapshot) -> Snapshot:
    if snapshot.positions is None:
        return snapshot
    kept = {position.instrument: position for position in snapshot.positions}
    positions = []
    for instrument, quantity in after(held(snapshot), ticket.legs).items():
        if instrument in kept:
            positions.append(replace(kept[instrument], quantity=quantity))
        else:
            points = multiplier(instrument, snapshot) or Decimal(1)
            positions.append(
                Position(
                    account_number=snapshot.account,
                    instrument=instrument,
                    underlying="",
                    quantity=quantity,
                    multiplier=points,
                    average_open_price=None,
                    day_open_price=None,
                    close_price=None,
                    mark=None,
                    realized_day=None,
                    opened_at=None,
                    as_of=snapshot.now,
                )
            )
    return replace(snapshot, positions=tuple(positions))
