"""Which limits hold for an account, and changing them: people narrow their own, staff set them with a reason."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from brokers.models import Account
from trading import audit, plain_sql
from trading.models import RiskLimits, ScopeKind
from trading.risk.bounds import DEFAULTS, NUMBERS, OF_ALL, PERMISSIONS, Limits, narrowed, set_anew

__all__ = ["BadLimit", "Limits", "RiskLimits", "ceiling_for", "change", "for_account", "for_user", "row_of"]


class BadLimit(Exception):
    """A figure that can't be set; ``name`` is the limit's, the text says what to do."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def for_account(account: Account, source: str = "", key_id: str = "") -> Limits:
    """The tightest over installation, person, account and key. The installation's own figures stand for the defaults.

    ``source`` and ``key_id`` say which way an order came: "" is no key. Its rates are held against all that was sent
    to the account, by whatever key.
    """
    return _together(
        (scope, dict(zip(VALUES, said, strict=True))) for scope, *said in plain_sql.rows(*question(account, key_id))
    )


def question(account: Account, key_id: str = "") -> plain_sql.Question:
    """What ``for_account`` asks the database."""
    values = {"person": account.connection.user_id, "account": account.pk, "key_id": key_id}
    return plain_sql.Question(SQL, values, FIELDS)


VALUES = (*NUMBERS, *OF_ALL, *PERMISSIONS, "denied_symbols")
FIELDS = plain_sql.fields_of(RiskLimits, "scope", *VALUES)
# An order without a key has "" for one, which no row has.
SQL = f"""
SELECT {", ".join(f'"{field.column}"' for field in FIELDS)} FROM {RiskLimits._meta.db_table}
WHERE scope = '{ScopeKind.INSTALLATION}' OR (scope = '{ScopeKind.USER}' AND user_id = %(person)s)
OR (scope = '{ScopeKind.ACCOUNT}' AND account_id = %(account)s)
OR (scope = '{ScopeKind.KEY}' AND user_id = %(person)s AND key_id = %(key_id)s)
"""  # noqa: S608 (a table's name, columns' and words of the program's own)


def for_user(user: User, key_id: str = "") -> Limits:
    """What holds for all accounts of a person, or for what comes with one key of theirs."""
    about = Q(scope=ScopeKind.INSTALLATION) | Q(scope=ScopeKind.USER, user_id=user.pk)
    if key_id:
        about |= Q(scope=ScopeKind.KEY, user_id=user.pk, key_id=key_id)
    return _together(_said(RiskLimits.objects.filter(about)))


def installation() -> Limits:
    return _together(_said(RiskLimits.objects.filter(scope=ScopeKind.INSTALLATION)))


def ceiling_for(user: User, account: Account | None, key_id: str = "") -> Limits:
    """What the levels above allow: of an account or a key the person's, of a person the installation's."""
    return for_user(user) if account is not None or key_id else installation()


def _said(levels: Iterable[RiskLimits]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((level.scope, level.values) for level in levels)


def _together(levels: Iterable[tuple[str, Mapping[str, Any]]]) -> Limits:
    by_scope = dict(levels)
    limits = set_anew(DEFAULTS, by_scope.get(ScopeKind.INSTALLATION, {}))
    for scope in (ScopeKind.USER, ScopeKind.ACCOUNT, ScopeKind.KEY):
        limits = narrowed(limits, by_scope.get(scope, {}))
    return limits


def row_of(*, user: User | None = None, account: Account | None = None, key_id: str = "") -> RiskLimits:
    """The row of one level, new and unsaved where there is none yet; neither is the installation's. A key is its
    user's."""
    if account is not None:
        scope: dict[str, Any] = {"scope": ScopeKind.ACCOUNT, "user": None, "account": account, "key_id": ""}
    elif user is not None:
        kind = ScopeKind.KEY if key_id else ScopeKind.USER
        scope = {"scope": kind, "user": user, "account": None, "key_id": key_id}
    else:
        scope = {"scope": ScopeKind.INSTALLATION, "user": None, "account": None, "key_id": ""}
    return RiskLimits.objects.filter(**scope).first() or RiskLimits(**scope)


def change(
    values: Mapping[str, Any],
    *,
    by: User | None,
    reason: str = "",
    user: User | None = None,
    account: Account | None = None,
    key_id: str = "",
) -> RiskLimits:
    """Set figures at one level; None takes a figure away at this level. Written to the record with before and after.

    A person may set what is tighter than what holds for them now; staff (and the command line, ``by`` None) may set
    anything, with a reason. ``BadLimit`` names the figure at fault.
    """
    as_staff = by is None or by.is_staff
    of_all = OF_ALL if user is None and account is None else ()
    unknown = set(values) - {*NUMBERS, *of_all, *PERMISSIONS, "denied_symbols"}
    if unknown:
        raise BadLimit(sorted(unknown)[0], "There is no such limit.")
    owner = account.connection.user if account is not None else user
    if not as_staff and owner != by:
        raise BadLimit("", "You may narrow your own limits; the rest is for the people who run this desk.")
    with transaction.atomic():
        if owner is not None:
            User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # one change of a person at a time
        row = row_of(user=user, account=account, key_id=key_id)
        before = dict(row.values)
        holds = _holding(owner, account, key_id)
        for name, value in values.items():
            _check(name, value, row, holds, as_staff=as_staff, has_reason=bool(reason.strip()))
            setattr(row, name, value)
        row.changed_at, row.changed_by, row.reason = timezone.now(), by, reason.strip()[:300]
        _check_fits(row)
        row.save()
        _record(row, before, owner)
    return row


def _holding(owner: User | None, account: Account | None, key_id: str) -> Limits:
    if account is not None:
        return for_account(account)
    return for_user(owner, key_id) if owner is not None else installation()


def _check(name: str, value: Any, row: RiskLimits, holds: Limits, *, as_staff: bool, has_reason: bool) -> None:
    if isinstance(value, Decimal) and (not value.is_finite() or value < 0):
        raise BadLimit(name, "A limit is a number of 0 or more.")
    if value == getattr(row, name):
        return
    if _is_tighter(name, value, getattr(holds, name)):
        return
    if not as_staff:
        raise BadLimit(name, "You can make this tighter here, not wider: ask the people who run this desk.")
    if not has_reason:
        raise BadLimit(name, "Say why it is made wider.")


def _check_fits(row: RiskLimits) -> None:
    try:
        row.clean_fields(exclude=["user", "account", "changed_by", "denied_symbols"])
    except ValidationError as error:
        name, words = next(iter(error.message_dict.items()))
        raise BadLimit(name, words[0]) from None


def _is_tighter(name: str, value: Any, holds: Any) -> bool:
    if name == "denied_symbols":
        return bool(frozenset(value or ()) >= holds)
    if value is None:
        return False
    return bool(value <= holds)


def _record(row: RiskLimits, before: Mapping[str, Any], owner: User | None) -> None:
    after = row.values
    changed = {name: [_text(before[name]), _text(after[name])] for name in after if before[name] != after[name]}
    if not changed:
        return
    audit.record(
        owner.pk if owner is not None else None,
        "limits.changed",
        about=f"limits:{row.pk}",
        account_id=row.account_id,
        detail={"scope": row.scope, "changed": changed, "reason": row.reason}
        | ({"key_id": row.key_id} if row.key_id else {}),
    )


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
