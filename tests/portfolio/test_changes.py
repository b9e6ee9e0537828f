"""News of an account: the short memory ends, the owner's tabs are told, and nobody else."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from talking_broker import NOW, TalkingBroker, a_balance, a_holding, add_account, connect

from brokers.models import Account
from brokers.port import AccountChanged
from brokers.signals import account_changed, account_stream_resumed, connection_removed
from portfolio import changes, last_known
from portfolio.holdings import load


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    frames: list[Any] = []
    monkeypatch.setattr(changes, "announce", lambda user_id, frame: frames.append((user_id, frame)))
    return frames


def tell(account: Account, what: str, *values: Any) -> None:
    change = AccountChanged(account.number, what, values)
    account_changed.send(sender=None, connection_id=account.connection_id, change=change)


def test_a_new_balance_is_seen_at_once_and_told_to_the_owner(
    account: Account, trader: Any, talking: TalkingBroker, told: list[Any]
) -> None:
    load(account, NOW)
    talking.balances["5WT00042"] = a_balance(cash=Decimal(7))
    tell(account, "balance", a_balance(cash=Decimal(7)))
    balance = load(account, NOW).balance.known
    assert balance is not None
    assert balance.cash == 7
    assert told == [(trader.pk, {"type": "portfolio", "account": str(account.pk), "what": "balance"})]


def test_news_without_values_makes_the_desk_look_again(
    account: Account, talking: TalkingBroker, told: list[Any]
) -> None:
    load(account, NOW)
    tell(account, "positions")
    load(account, NOW)
    assert talking.calls.count("positions 5WT00042") == 2
    assert told[0][1]["what"] == "positions"


def test_a_change_that_is_heard_while_the_broker_answers_is_not_lost(
    account: Account, talking: TalkingBroker, told: list[Any]
) -> None:
    """The answer under way may be from before the change: the next look asks anew."""

    def change_meanwhile(name: str) -> None:
        if name.startswith("positions"):
            talking.before = lambda name: None
            talking.positions["5WT00042"] = [a_holding(quantity=Decimal(75), as_of=NOW)]
            last_known.mark_changed(account.pk)

    talking.before = change_meanwhile
    load(account, NOW)
    known = load(account, NOW).held.positions.known
    assert known is not None
    assert [position.quantity for position in known] == [75]


def test_news_of_accounts_that_nobody_has_is_ignored(account: Account, told: list[Any]) -> None:
    change = AccountChanged("5WT99999", "balance", (a_balance(),))
    account_changed.send(sender=None, connection_id=account.connection_id, change=change)
    account_changed.send(sender=None, connection_id=uuid.uuid4(), change=AccountChanged(account.number, "balance"))
    assert told == []


def test_the_same_number_under_another_connection_is_another_account(
    account: Account, stranger: Any, talking: TalkingBroker, told: list[Any]
) -> None:
    foreign = add_account(connect(stranger), account.number)
    tell(foreign, "balance", a_balance(cash=Decimal(7)))
    assert [user for user, _ in told] == [stranger.pk]
    assert last_known.balance(account.pk) is None


def test_a_removed_connection_is_forgotten(account: Account, talking: TalkingBroker) -> None:
    load(account, NOW)
    connection_removed.send(sender=None, connection_id=account.connection_id)
    assert last_known.balance(account.pk) is None
    assert last_known.positions(account.pk) is None
    assert last_known.quotes(account.pk) == {}


def test_a_stream_that_is_back_ends_the_short_memory_of_its_accounts(
    account: Account, trader: Any, stranger: Any, talking: TalkingBroker, told: list[Any]
) -> None:
    foreign = add_account(connect(stranger), "5WT00099")
    talking.balances["5WT00099"], talking.positions["5WT00099"] = a_balance(account_number="5WT00099"), []
    for each in (account, foreign):
        load(each, NOW)
    talking.calls.clear()
    account_stream_resumed.send(sender=None, connection_id=account.connection_id)
    for each in (account, foreign):
        load(each, NOW)
    assert sorted(call for call in talking.calls if "quotes" not in call) == ["balance 5WT00042", "positions 5WT00042"]
    assert {user for user, _ in told} == {trader.pk}
    assert [frame["what"] for _, frame in told] == ["balance", "positions"]
