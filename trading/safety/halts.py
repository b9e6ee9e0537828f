"""The kill switch: halts at every level, read inside the transaction that sends, pressed with the least rights.

Whoever sends reads under a shared lock that a press takes alone: once a press is committed no order can be written
down as being sent that the halt would stop. Those that were written down before are listed on the halt.
"""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from brokers.models import Account
from trading import audit, lifecycle, plain_sql
from trading.lifecycle import Status
from trading.models import Halt, Order, ScopeKind
from trading.risk.facts import HaltNote, Standing, TradingState

__all__ = [
    "BY_HAND",
    "Cause",
    "Halt",
    "NotAllowed",
    "NotRearmable",
    "Scope",
    "ScopeKind",
    "Standing",
    "TradingState",
    "effective",
    "hold",
    "may_rearm",
    "open_halts",
    "press",
    "press_by_itself",
    "rearm",
    "seen_by",
]

GATE = 0x626C6F74
"""The number of the database's lock between a press and those who send."""
Cause = Halt.Cause
BY_HAND = "Stopped by hand."


class NotAllowed(Exception):
    """This person may not press or arm at this level."""


class NotRearmable(Exception):
    """It can't be armed yet, or again; the text says why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is halted. ``source`` narrows an account's halt to orders that come one way."""

    kind: ScopeKind
    broker: str = ""
    user_id: int | None = None
    account_id: UUID | None = None
    source: str = ""

    @classmethod
    def installation(cls) -> Self:
        return cls(ScopeKind.INSTALLATION)

    @classmethod
    def of_broker(cls, name: str) -> Self:
        return cls(ScopeKind.BROKER, broker=name)

    @classmethod
    def of_user(cls, user_id: int) -> Self:
        return cls(ScopeKind.USER, user_id=user_id)

    @classmethod
    def of_account(cls, account: Account, source: str = "") -> Self:
        return cls(ScopeKind.ACCOUNT, account_id=account.pk, source=source)

    @property
    def orders(self) -> Q:
        """The orders it is about."""
        found = {
            ScopeKind.INSTALLATION: Q(),
            ScopeKind.BROKER: Q(account__connection__broker=self.broker),
            ScopeKind.USER: Q(account__connection__user_id=self.user_id),
            ScopeKind.ACCOUNT: Q(account_id=self.account_id),
        }[self.kind]
        return found & Q(source=self.source) if self.source else found


def scope_of(halt: Halt) -> Scope:
    return Scope(ScopeKind(halt.scope_kind), halt.broker, halt.user_id, halt.account_id, halt.source)


# --- how things stand ---


def effective(account: Account, source: str = "") -> Standing:
    """The worst state of all levels for orders of this account that come by ``source``.

    Within a transaction it holds until that ends: a press waits for it.
    """
    _hold_gate(alone=False)
    return standing_of(open_halts(account, source))


def hold() -> None:
    """From now until this transaction ends no press is carried out: whoever sends calls it before it looks."""
    _hold_gate(alone=False)


def standing_of(halts: list[Halt]) -> Standing:
    state = max((TradingState(halt.state) for halt in halts), key=lambda one: one.severity, default=TradingState.ACTIVE)
    notes = (HaltNote(halt.scope_words, TradingState(halt.state), halt.reason) for halt in halts)
    return Standing(state, tuple(notes))


def open_halts(account: Account, source: str = "") -> list[Halt]:
    """Those that hold for an account, the worst first. Halts of one source count only for orders of that source."""
    about = (
        Q(scope_kind=ScopeKind.INSTALLATION)
        | Q(scope_kind=ScopeKind.BROKER, broker=account.connection.broker)
        | Q(scope_kind=ScopeKind.USER, user_id=account.connection.user_id)
        | Q(scope_kind=ScopeKind.ACCOUNT, account_id=account.pk)
    )
    found = Halt.objects.filter(about, Q(source="") | Q(source=source), rearmed_at=None).values_list("pk", flat=True)
    if not (numbers := list(found)):  # nearly always, and then nothing more is read
        return []
    return sorted(_open().filter(pk__in=numbers), key=lambda halt: -TradingState(halt.state).severity)


def seen_by(user: User | AnonymousUser) -> list[Halt]:
    """All open halts that stop something of this person's, the worst first; for the banner."""
    accounts = Account.objects.of(user)
    about = (
        Q(scope_kind=ScopeKind.INSTALLATION)
        | Q(scope_kind=ScopeKind.BROKER, broker__in=accounts.values("connection__broker"))
        | Q(scope_kind=ScopeKind.USER, user_id=user.pk)
        | Q(scope_kind=ScopeKind.ACCOUNT, account__in=accounts)
    )
    return sorted(_open().filter(about), key=lambda halt: -TradingState(halt.state).severity)


def _open() -> QuerySet[Halt]:
    return Halt.objects.filter(rearmed_at=None).select_related("account__connection", "user", "pressed_by")


def _hold_gate(*, alone: bool) -> None:
    """Till the end of the transaction. SQLite's transactions that write are one at a time anyhow."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        plain_sql.rows(*(ALONE if alone else WITH_OTHERS))


WITH_OTHERS, ALONE = (
    plain_sql.Question(f"SELECT {name}(%(gate)s)", {"gate": GATE}, ())
    for name in ("pg_advisory_xact_lock_shared", "pg_advisory_xact_lock")
)


def to_hold() -> list[plain_sql.Question]:
    """What ``hold`` asks the database, for who wants it to come along with something else."""
    return [WITH_OTHERS] if connection.vendor == "postgresql" else []


# --- pressing ---


def press(
    scope: Scope, state: TradingState, *, reason: str, user: User | None = None, cause: str = Cause.PERSON
) -> Halt:
    """Stop trading at one level, from now on. No order begins to be sent once this returns.

    ``NotAllowed`` when a person may not press there. ``user`` None is the desk itself or its command line.
    """
    if state is TradingState.ACTIVE:
        raise ValueError("A halt halts or reduces; to trade again, arm the halts that are open.")
    if not reason.strip():
        raise ValueError("A halt needs a reason.")
    _check_may_press(scope, user)
    with transaction.atomic():
        _hold_gate(alone=True)
        sending = Order.objects.filter(scope.orders, status=Status.SENDING).order_by("sent_at")
        halt = Halt.objects.create(
            scope_kind=scope.kind,
            broker=scope.broker,
            user_id=scope.user_id,
            account_id=scope.account_id,
            source=scope.source,
            state=state.value,
            reason=reason.strip()[:300],
            cause=cause,
            pressed_by=user,
            pressed_at=timezone.now(),
            on_their_way=[{"order": str(order.pk), "description": order.description} for order in sending],
        )
        _record(halt, "halt.pressed", {"on_their_way": [entry["order"] for entry in halt.on_their_way]})
    return halt


def press_by_itself(scope: Scope, state: TradingState, *, reason: str, cause: str) -> Halt:
    """The desk's own press. One matter that several guards notice is one halt, which tells all their reasons."""
    with transaction.atomic():
        _hold_gate(alone=True)
        known = _same_matter(scope, state)
        if known is None:
            return press(scope, state, reason=reason, cause=cause)
        if reason not in known.reason and known.reason != (both := f"{known.reason} {reason}"[:300]):
            known.reason = both
            known.save(update_fields=["reason"])
            _record(known, "halt.again", {"also": reason, "also_cause": cause})
        return known


def _same_matter(scope: Scope, state: TradingState) -> Halt | None:
    """An open halt of just this scope that the desk pressed by itself and that stops as much."""
    same = _open().filter(scope_kind=scope.kind, broker=scope.broker, source=scope.source)
    if scope.user_id is not None:
        same = same.filter(user_id=scope.user_id)
    if scope.account_id is not None:
        same = same.filter(account_id=scope.account_id)
    own = same.exclude(cause__in=(Cause.PERSON, Cause.COUNTER)).select_for_update(of=("self",))
    return next((halt for halt in own if TradingState(halt.state).severity >= state.severity), None)


def _check_may_press(scope: Scope, user: User | None) -> None:
    if user is None or user.is_staff:
        return
    own = scope.kind is ScopeKind.USER and scope.user_id == user.pk
    own_account = scope.kind is ScopeKind.ACCOUNT and Account.objects.of(user).filter(pk=scope.account_id).exists()
    if not own and not own_account:
        raise NotAllowed("You may halt your own accounts; the rest is for the people who run this desk.")


def may_rearm(halt: Halt, user: User) -> bool:
    """A person arms what is their own, unless somebody of the staff halted it; staff arm all."""
    if user.is_staff:
        return True
    own = halt.user_id == user.pk or (
        halt.account_id is not None and Account.objects.of(user).filter(pk=halt.account_id).exists()
    )
    return own and (halt.pressed_by_id in (None, user.pk)) and halt.cause != Cause.COUNTER


def rearm(halt: Halt, *, reason: str, user: User | None) -> Halt:
    """Take one halt back. The caller has seen to it that the person just signed in again.

    ``NotRearmable`` without a reason, twice, or while orders of a halt that came by itself are still in doubt.
    """
    if user is not None and not may_rearm(halt, user):
        raise NotAllowed("This was halted by the people who run this desk: only they can take it back.")
    if not reason.strip():
        raise NotRearmable("Say why it is safe to trade again.")
    with transaction.atomic():
        halt = Halt.objects.select_for_update(of=("self",)).get(pk=halt.pk)
        if halt.rearmed_at is not None:
            raise NotRearmable("It was armed already.")
        _check_settled(halt)
        halt.rearmed_by, halt.rearmed_at, halt.rearm_reason = user, timezone.now(), reason.strip()[:300]
        halt.save(update_fields=["rearmed_by", "rearmed_at", "rearm_reason"])
        _record(halt, "halt.rearmed", {"why": halt.rearm_reason})
    return halt


def _check_settled(halt: Halt) -> None:
    if halt.cause == Cause.PERSON:
        return
    in_doubt = Order.objects.filter(scope_of(halt).orders, status__in=lifecycle.UNCERTAIN, adopted_by=None).count()
    if in_doubt:
        raise NotRearmable(f"{in_doubt} orders are still being looked up: wait until each one's outcome is known.")


def _record(halt: Halt, action: str, more: dict[str, Any]) -> None:
    owner = halt.user_id if halt.user_id is not None else None
    if halt.account is not None:
        owner = halt.account.connection.user_id
    detail = {"scope": halt.scope_kind, "broker": halt.broker, "source": halt.source, "state": halt.state}
    detail |= {"reason": halt.reason, "cause": halt.cause}
    audit.record(owner, action, about=f"halt:{halt.pk}", account_id=halt.account_id, detail=detail | more)
