"""What tabs and programs are told of an order, against its description in docs/asyncapi.yaml."""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import orders
from trading.models import Order

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs/asyncapi.yaml").read_text())
SCHEMA = DOCUMENT["components"]["messages"]["orders"]["payload"] | {"components": DOCUMENT["components"]}


def test_an_orders_frame_is_as_described(
    ledger_broker: LedgerBroker,
    trading_account: Account,
    frames: list[tuple[int, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="one", source=Order.Source.API)
    assert frames
    for user_id, frame in frames:
        assert user_id == trading_account.connection.user_id
        assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(frame)] == []
