"""Controls of who and when: halts, the connection, the account, the age of a program's signal."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption
from brokers.domain.orders import OrderTicket
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot, TradingState
from trading.risk.findings import Finding, texts
from trading.risk.reducing import enlarges

FUTURE_SECONDS = 5
"""How far a program's clock may be ahead of ours."""
RESTRICTIONS_SECONDS = 900
"""What the broker keeps an account from is not known any more when it was told longer ago than this."""


def check_standing(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """KILL_SWITCH, CONNECTION_NOT_READY, ACCOUNT_NOT_ALLOWED, SIGNAL_AGE, NEW_DESTINATION."""
    yield from _halted(ticket, snapshot)
    if snapshot.not_ready or snapshot.not_ready is None:
        words = snapshot.not_ready or "Whether the broker's connection takes orders is not known."
        yield Finding("account", "CONNECTION_NOT_READY", words)
    if snapshot.not_allowed or snapshot.not_allowed is None:
        words = snapshot.not_allowed or "Whether orders may go to this account is not known."
        yield Finding("account", "ACCOUNT_NOT_ALLOWED", words)
    yield from _restricted(ticket, snapshot)
    yield from _signal(snapshot, limits)
    if snapshot.first_live_order:
        how = "that a program sends" if snapshot.source == "api" else "that is sent by hand"
        words = f"This would be the first order with real money {how} to this account from here."
        yield Finding("account", "NEW_DESTINATION", words, hard=False)


def _halted(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.standing is None:
        yield Finding("", "KILL_SWITCH", "Whether trading is halted could not be read, so nothing is sent.")
        return
    why = "; ".join(f"{halt.scope}: {halt.reason}" for halt in snapshot.standing.halts)
    if snapshot.standing.state is TradingState.HALTED:
        yield Finding("", "KILL_SWITCH", f"Trading is halted: only cancels go out. ({why})")
    elif snapshot.standing.state is TradingState.REDUCING and (reason := enlarges(ticket, snapshot)):
        words = f"Only orders that make nothing bigger go out now, and {reason} ({why})"
        yield Finding("", "KILL_SWITCH", words)


def _restricted(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    """By the broker's word on the account: frozen takes nothing, closing only what makes nothing bigger."""
    told = snapshot.restrictions
    if told is None:
        words = f"What the broker lets this account do could not be read{snapshot.why('restrictions')}: try again."
        yield Finding("account", "ACCOUNT_NOT_ALLOWED", words)
        return
    age = Decimal(str((snapshot.now - told.as_of).total_seconds()))
    if age > RESTRICTIONS_SECONDS:
        words = f"What the broker lets this account do was last read {age / 60:.0f} minutes ago: try again."
        yield Finding("account", "ACCOUNT_NOT_ALLOWED", words, True, texts(age=age, limit=RESTRICTIONS_SECONDS))
    elif told.is_frozen:
        words = f"The broker takes no orders for this account ({told.words}): ask the broker why."
        yield Finding("account", "ACCOUNT_NOT_ALLOWED", words)
    elif (told.closing_only or (told.futures_closing_only and _has_futures(ticket))) and (
        reason := enlarges(ticket, snapshot)
    ):
        words = f"The broker lets this account only close what it holds ({told.words}), and {reason}"
        yield Finding("account", "ACCOUNT_NOT_ALLOWED", words)


def _has_futures(ticket: OrderTicket) -> bool:
    return any(isinstance(leg.instrument, Future | FutureOption) for leg in ticket.legs)


def _signal(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.signal_at is None:
        return
    age = Decimal(str((snapshot.now - snapshot.signal_at).total_seconds()))
    numbers = texts(age=age, limit=limits.signal_seconds)
    if age > limits.signal_seconds:
        yield Finding(
            "signal_at", "SIGNAL_AGE", "The signal is too old to act on: make up your mind anew.", True, numbers
        )
    elif age < -FUTURE_SECONDS:
        yield Finding("signal_at", "SIGNAL_AGE", "The signal is from the future: set the clock.", True, numbers)
