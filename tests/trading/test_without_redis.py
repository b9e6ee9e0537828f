"""Redis holds hints alone: while it is away orders are sent, looked up and judged as ever."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, raiser
from redis.exceptions import RedisError

from brokers.domain.market import MarketState
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from config import caching
from trading import orders
from trading.models import Order

pytestmark = pytest.mark.django_db
BY_DJANGO = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(params=["config.caching.RedisOrMemory", BY_DJANGO])
def away(request: pytest.FixtureRequest, nowhere: str) -> Iterator[bool]:
    """Redis is away; whether the desk can do without. The other one is the sabotaged twin."""
    with override_settings(CACHES={"default": {"BACKEND": request.param, "LOCATION": nowhere}}):
        yield request.param != BY_DJANGO


def place(account: Account, key: str, price: str | None = "190.00") -> Order:
    ticket = a_ticket("1", price)
    return orders.place(account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB)[0]


def test_an_order_is_sent_and_a_market_order_too(
    away: bool, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    if not away:
        with pytest.raises(RedisError):
            place(trading_account, "k")
        return
    assert place(trading_account, "k").status == "accepted"
    controlled_broker.market_state = MarketState.CLOSED
    with pytest.raises(orders.Denied, match="not in its regular hours"):
        place(trading_account, "m", None)


def test_an_order_in_doubt_is_found(away: bool, trading_account: Account, ledger_broker: LedgerBroker) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer came."))
    if not away:
        with pytest.raises(RedisError):
            place(trading_account, "k")
        return
    order = place(trading_account, "k")
    Order.objects.filter(pk=order.pk).update(next_check_at=timezone.now())
    orders.look_up(trading_account, timezone.now())
    order.refresh_from_db()
    assert order.status == "accepted"


def test_what_is_kept_meanwhile_is_kept_and_redis_is_asked_again(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = caching.RedisOrMemory._is_away
    monkeypatch.setattr(
        caching.RedisOrMemory, "_is_away", lambda self, error: (asked.append("asked"), real(self, error))[1]
    )
    with override_settings(CACHES={"default": {"BACKEND": "config.caching.RedisOrMemory", "LOCATION": nowhere}}):
        cache.set("a", 1, 60)
        values: list[Any] = [
            cache.get("a"),
            cache.add("a", 2),
            cache.add("b", 3),
            cache.incr("b"),
            cache.get("none", 7),
        ]
        assert values == [1, False, True, 4, 7]
        cache.set_many({"c": 5, "d": 6})
        assert cache.get_many(["c", "d"]) == {"c": 5, "d": 6}
        cache.delete("c")
        assert cache.get_or_set("c", lambda: 9) == 9
        assert asked == ["asked"], "once, and then not at every step"
        monkeypatch.setattr(caching.time, "monotonic", lambda: float("inf"))
        cache.get("a")
        assert asked == ["asked", "asked"]
