"""What ticket and review say is coming: earnings and dividends before options end, a last day, a wide market."""

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from ledger_broker import AAPL, CALL, LedgerBroker, raiser

from brokers.domain.instruments import Instrument, Right
from brokers.domain.market import Metrics, Quote
from brokers.domain.orders import Action, Leg
from brokers.errors import Unavailable
from brokers.models import Account
from trading.safety import ahead

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 20)
SELL, BUY = Action.SELL_TO_OPEN, Action.BUY_TO_OPEN


class Clock:
    @staticmethod
    def now() -> datetime:
        return datetime(TODAY.year, TODAY.month, TODAY.day, 20, tzinfo=timezone.utc)


@pytest.fixture
def broker(controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    monkeypatch.setattr(ahead, "timezone", Clock)
    return controlled_broker


def told(account: Account, *legs: Leg, quotes: dict[Instrument, Quote] | None = None) -> list[str]:
    return [notice.code for notice in ahead.notices(account, legs, quotes or {})]


def leg(action: Action = BUY, right: str = "C", expiry: date = CALL.expiry) -> Leg:
    return Leg(replace(CALL, right=Right(right), expiry=expiry), action, Decimal(1))


EARNINGS, DIVIDEND = "earnings_before_expiry", "dividend_before_expiry"


@pytest.mark.parametrize(
    ("metrics", "asked", "expected"),
    [
        ({"earnings_date": date(2026, 12, 10)}, leg(), [EARNINGS]),
        ({"earnings_date": date(2026, 12, 10)}, leg(SELL, "P"), [EARNINGS]),
        ({"earnings_date": date(2026, 12, 18), "earnings_time": "before"}, leg(), [EARNINGS]),
        ({"earnings_date": date(2026, 12, 18), "earnings_time": "after"}, leg(), []),
        ({"earnings_date": date(2026, 12, 19)}, leg(), []),
        ({"earnings_date": date(2026, 11, 20)}, leg(), [EARNINGS]),
        ({"earnings_date": date(2026, 11, 19)}, leg(), []),
        ({"earnings_date": date(2026, 12, 10)}, leg(Action.SELL_TO_CLOSE), []),
        ({"ex_dividend_date": date(2026, 12, 4)}, leg(SELL), [DIVIDEND]),
        ({"ex_dividend_date": date(2026, 12, 4)}, leg(BUY), []),
        ({"ex_dividend_date": date(2026, 12, 4)}, leg(SELL, "P"), []),
        ({"ex_dividend_date": date(2026, 11, 20)}, leg(SELL), []),
        ({"ex_dividend_date": date(2026, 12, 19)}, leg(SELL), []),
        ({}, leg(SELL), []),
        ({}, leg(Action.BUY_TO_CLOSE, expiry=TODAY), ["expires_today"]),
    ],
)
def test_only_what_comes_before_the_options_end_is_told(
    metrics: dict[str, Any], asked: Leg, expected: list[str], trading_account: Account, broker: LedgerBroker
) -> None:
    broker.metrics[AAPL] = Metrics(AAPL, **metrics)
    assert told(trading_account, asked) == expected


def test_shares_have_no_last_day(trading_account: Account, broker: LedgerBroker) -> None:
    broker.metrics[AAPL] = Metrics(AAPL, earnings_date=date(2026, 12, 10))
    assert told(trading_account, Leg(AAPL, BUY, Decimal(1))) == []
    assert "metrics" not in broker.calls


def test_the_words_name_the_days(trading_account: Account, broker: LedgerBroker) -> None:
    broker.metrics[AAPL] = Metrics(
        AAPL,
        earnings_date=date(2026, 12, 10),
        earnings_time="after",
        ex_dividend_date=date(2026, 12, 4),
        dividend_amount=Decimal("0.26"),
    )
    words = [notice.message for notice in ahead.notices(trading_account, [leg(SELL)], {})]
    assert words[0] == (
        "AAPL is expected to report earnings on Thu 10 Dec 2026 after the close, before these options end "
        "(Fri 18 Dec 2026): its price may jump."
    )
    assert words[1].startswith("AAPL goes ex-dividend on Fri 4 Dec 2026 (0.26 a share): a call that is sold may")


def test_the_broker_is_asked_once_in_a_while_and_its_absence_stops_nothing(
    trading_account: Account, broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        told(trading_account, leg())
    assert broker.calls.count("metrics") == 1
    cache.clear()
    away = raiser(Unavailable("The broker can't be reached."))
    monkeypatch.setattr(broker, "get_metrics", lambda _: away())
    assert told(trading_account, leg(SELL)) == []


@pytest.mark.parametrize(("bid", "ask", "expected"), [("1.00", "1.28", []), ("1.00", "1.30", ["wide_market"])])
def test_a_wide_market_is_told(
    bid: str, ask: str, expected: list[str], trading_account: Account, broker: LedgerBroker
) -> None:
    quote = Quote(CALL, Clock.now(), Decimal(bid), Decimal(ask))
    assert told(trading_account, leg(), quotes={CALL: quote}) == expected


def test_ticket_review_and_preview_tell_it(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    controlled_broker.metrics[AAPL] = Metrics(AAPL, earnings_date=CALL.expiry, earnings_time="before")
    typed = {
        "account": str(trading_account.pk), "symbol": str(CALL), "action": "buy_to_open", "quantity": "1",
        "order_type": "limit", "limit_price": "189.00", "time_in_force": "day",
    }  # fmt: skip
    for page in (
        trader_client.post("/trade", typed | {"edit": "show"}),
        trader_client.get("/trade/figures", typed),
        trader_client.post("/trade", typed),
    ):
        assert page.status_code == 200
        assert "AAPL is expected to report earnings" in page.content.decode()
    body = {
        "account": str(trading_account.pk),
        "legs": [{"symbol": str(CALL), "action": "buy_to_open", "quantity": "1"}],
        "order_type": "limit",
        "time_in_force": "day",
        "limit_price": "189.00",
    }
    answer = trader_client.post("/api/v1/orders/preview", body, content_type="application/json")
    assert EARNINGS in {warning["code"] for warning in answer.json()["warnings"]}
