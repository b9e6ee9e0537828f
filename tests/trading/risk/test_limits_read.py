"""The limits of an order, read by one written-out statement, are those that the models' own queries find."""

import random
from decimal import Decimal

import pytest
from ledger_broker import open_account

from brokers.models import Account
from trading.models import RiskLimits, ScopeKind
from trading.risk.bounds import DEFAULTS, Limits, narrowed, set_anew
from trading.safety import limits

pytestmark = pytest.mark.django_db
KEYS = ("", "bot", "other")


def some_levels(accounts: list[Account], chance: random.Random) -> None:
    """Some figures for the installation, each person, each account and each key of theirs."""
    scopes: list[dict[str, object]] = [{"scope": ScopeKind.INSTALLATION}]
    for account in accounts:
        person = {"user": account.connection.user}
        scopes += [{"scope": ScopeKind.USER, **person}, {"scope": ScopeKind.ACCOUNT, "account": account}]
        scopes += [{"scope": ScopeKind.KEY, "key_id": key, **person} for key in KEYS[1:]]
    for scope in scopes:
        figures = {name: Decimal(chance.randint(1, 5000)) for name in ("shares", "orders_a_day", "quote_seconds")}
        kept = {name: figure for name, figure in figures.items() if chance.random() < 0.6}
        allowed = {"allow_flip": chance.choice([None, True, False]), "denied_symbols": chance.choice([[], ["GME"]])}
        RiskLimits.objects.create(**scope, **kept, **allowed)


def plainly(account: Account, key_id: str) -> Limits:
    def said(**scope: object) -> dict[str, object]:
        row = RiskLimits.objects.filter(**scope).first()
        return dict(row.values) if row is not None else {}

    person = account.connection.user
    found = set_anew(DEFAULTS, said(scope=ScopeKind.INSTALLATION))
    found = narrowed(found, said(scope=ScopeKind.USER, user=person))
    found = narrowed(found, said(scope=ScopeKind.ACCOUNT, account=account))
    return narrowed(found, said(scope=ScopeKind.KEY, user=person, key_id=key_id)) if key_id else found


def reads_as_plainly() -> bool:
    accounts = [open_account(name, f"5WT0000{number}") for number, name in enumerate(("one", "two", "three"))]
    chance = random.Random(7)  # noqa: S311 (made-up limits)
    same = []
    for _ in range(12):
        RiskLimits.objects.all().delete()
        some_levels(accounts, chance)
        same += [limits.for_account(one, "api", key) == plainly(one, key) for one in accounts for key in KEYS]
    return all(same)


def test_the_limits_of_an_order_are_those_of_its_levels() -> None:
    assert reads_as_plainly()


@pytest.mark.parametrize(
    ("says", "instead"),
    [
        ("AND user_id = %(person)s)\nOR (scope = 'account'", "AND %(person)s > 0)\nOR (scope = 'account'"),
        ("account_id = %(account)s", "account_id <> %(account)s"),
        ("key_id = %(key_id)s", "key_id <> %(key_id)s"),
        ("scope = 'installation'", "scope = 'nothing'"),
    ],
    ids=["of any person", "of other accounts", "of other keys", "not the installation's"],
)
def test_the_same_look_catches_a_flawed_statement(says: str, instead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert says in limits.SQL
    monkeypatch.setattr(limits, "SQL", limits.SQL.replace(says, instead))
    assert not reads_as_plainly()
