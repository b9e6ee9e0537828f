"""What the exchange looks at before it takes an order. Each check raises ``OrderRefused``, in words for the trader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, describe
from brokers.domain.orders import Action, Leg
from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.exchange.floor.commitments import Commitments
from brokers.simulator.exchange.floor.venue import Venue
from brokers.simulator.exchange.orders.house import HOUSE_RULES
from brokers.simulator.exchange.orders.makeup import MAKEUP, refuse_if
from brokers.simulator.exchange.orders.tickets import Ticket
from brokers.simulator.market.market import Market

FLIPPED = {Action.BUY_TO_CLOSE: Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE: Action.SELL_TO_OPEN}
NEXT_SESSION = ("begins_next_session", "The order will begin working in the next session.")
CLOSES_NOTHING = ("closing_with_no_position", "There is no position to close: the order opens one.")
Warnings = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the checks look at. ``without`` names working orders to leave aside: one that makes way, members of the
    same group. ``coming`` is what will have been traded by then, signed: the fills of the orders it waits for. House
    rules that are ``waived`` do not hold."""

    account: SimAccount
    commitments: Commitments
    market: Market
    venue: Venue
    now: datetime
    without: frozenset[int] = frozenset()
    coming: Mapping[Instrument, Decimal] = field(default_factory=dict)
    waived: frozenset[str] = frozenset()

    def held(self, instrument: Instrument) -> Decimal:
        position = self.account.positions.get(instrument)
        return (position.quantity if position else Decimal(0)) + self.coming.get(instrument, Decimal(0))

    def closing(self, leg: Leg) -> Decimal:
        """What other working orders close of the leg's instrument, the same way."""
        return self.commitments.closing(self.account.number, leg.instrument, leg.action, self.without)

    def is_opposed(self, leg: Leg) -> bool:
        """Whether another working order is on the other side of the leg's instrument."""
        others = self.commitments.on(self.account.number, leg.instrument, not leg.action.is_buy, self.without)
        return any(s.remaining for order in others for s in order.legs if s.leg.instrument == leg.instrument)


def check(ticket: Ticket, desk: Desk, strict: bool) -> tuple[Ticket, Warnings]:
    """The ticket as it will work, and remarks on it. With ``strict`` a closing leg must close something."""
    for look in MAKEUP:
        look(ticket, desk.market, desk.now)
    for look_at in ALLOWED:
        look_at(ticket, desk)
    ticket, flipped = _settle_effects(ticket, desk, strict)
    only_closes = desk.account.standing.only_closes and any(_enlarges(leg, desk) for leg in ticket.legs)
    refuse_if(only_closes, "closing_only", "The account may only close positions.")
    for leg in ticket.legs:
        _check_sides(leg, desk)
        _check_size_of_close(leg, desk)
    for code, (breaks, message) in HOUSE_RULES.items():
        refuse_if(code not in desk.waived and breaks(ticket, desk), code, message)
    warnings = [CLOSES_NOTHING] if flipped else []
    return ticket, warnings if desk.venue.works(ticket, desk.now) else [*warnings, NEXT_SESSION]


def _check_standing(ticket: Ticket, desk: Desk) -> None:
    refuse_if(desk.account.standing.is_dead, "account_not_active", "The account takes no orders.")


def _enlarges(leg: Leg, desk: Desk) -> bool:
    """Whether it leaves more of what it trades than is held, or turns it round."""
    return abs(desk.held(leg.instrument) + leg.quantity * leg.action.sign) >= abs(desk.held(leg.instrument))


def _check_futures(ticket: Ticket, desk: Desk) -> None:
    futures = any(isinstance(leg.instrument, Future | FutureOption) for leg in ticket.legs)
    kind = desk.account.kind
    refuse_if(futures and kind == "cash", "futures_not_allowed", "A cash account cannot trade futures.")
    others = any(not isinstance(leg.instrument, Future | FutureOption) for leg in ticket.legs)
    refuse_if(
        others and kind == "futures",
        "instrument_not_allowed",
        "A futures account trades futures and options on them only.",
    )


def _check_options(ticket: Ticket, desk: Desk) -> None:
    options = any(isinstance(leg.instrument, Option | FutureOption) and leg.action.opens for leg in ticket.legs)
    refuse_if(
        options and desk.account.option_level == 0, "options_not_allowed", "The account is not approved for options."
    )


ALLOWED: tuple[Callable[[Ticket, Desk], None], ...] = (_check_standing, _check_futures, _check_options)


def _settle_effects(ticket: Ticket, desk: Desk, strict: bool) -> tuple[Ticket, bool]:
    """A closing leg that closes nothing becomes an opening one; the answer says whether one did."""
    legs = tuple(_effective(leg, desk) for leg in ticket.legs)
    if legs == ticket.legs:
        return ticket, False
    refuse_if(strict, "closes_nothing", "There is no position that this order would close.")
    return replace(ticket, legs=legs), True


def _effective(leg: Leg, desk: Desk) -> Leg:
    held = desk.held(leg.instrument)
    if leg.action in FLIPPED and held * leg.action.sign >= 0:
        return replace(leg, action=FLIPPED[leg.action])
    return leg


def _check_sides(leg: Leg, desk: Desk) -> None:
    if isinstance(leg.instrument, Future):
        return  # bought and sold, whatever is held
    held, words = desk.held(leg.instrument), describe(leg.instrument)
    against = leg.action.opens and held * leg.action.sign < 0
    refuse_if(against, "opens_against_position", f"The account holds the other side of {words}: close that first.")
    refuse_if(
        not held and desk.is_opposed(leg),
        "buy_and_sell_same_symbol",
        f"A working order is on the other side of {words}: buying and selling the same symbol is not allowed.",
    )


def _check_size_of_close(leg: Leg, desk: Desk) -> None:
    if leg.action not in FLIPPED:
        return
    refuse_if(
        desk.closing(leg) + leg.quantity > abs(desk.held(leg.instrument)),
        "cannot_close_more_than_position",
        "This and the closing orders that already work would close more than the position.",
    )
