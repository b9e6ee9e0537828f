"""What the API of markets answers: asked, checked for its kind, and held against where it says that it is from."""

from datetime import datetime, timedelta, timezone
from typing import Any

from django.test import Client

from brokers.domain.instruments import Future
from brokers.models import Account

UTC = timezone.utc
AWAY = {"effect": "status", "status": 503, "method": "GET"}


def told(client: Client, address: str, status: int = 200) -> Any:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == status, answer.content
    if status != 200:
        assert answer["Content-Type"] == "application/problem+json"
    return answer.json()


def has_source(document: Any, account: Account) -> bool:
    source, connection = document["source"], account.connection
    known = (str(connection.pk), connection.broker, connection.environment)
    return (source["connection"], source["broker"], source["environment"]) == known


def is_recent(text: str) -> bool:
    return text.endswith("Z") and abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(minutes=2)


def a_future() -> Future:
    """The month of the most traded product that does not end within three weeks."""
    soon = datetime.now(UTC) + timedelta(days=21)
    months = ((year, month) for year in (soon.year, soon.year + 1) for month in (3, 6, 9, 12))
    return next(Future("ES", *each) for each in months if datetime(*each, 15, tzinfo=UTC) > soon)
