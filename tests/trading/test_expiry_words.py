"""How long an option has still to go stands beside its name, in the exchange's days."""

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from brokers.domain.instruments import Equity, Option, Right
from trading.templatetags import expiry

EVENING = datetime(2026, 11, 21, 3, 30, tzinfo=timezone.utc)
"""The 20th in New York, the 21st in UTC."""


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 12, 18), '<abbr class="dte" title="expires in 28 days">28d</abbr>'),
        (date(2026, 11, 27), '<abbr class="dte soon" title="expires in 7 days">7d</abbr>'),
        (date(2026, 11, 21), '<abbr class="dte soon" title="expires in 1 day">1d</abbr>'),
        (date(2026, 11, 20), '<abbr class="dte last-day" title="expires today">0d</abbr>'),
        (date(2026, 11, 19), '<span class="dte last-day">expired</span>'),
    ],
)
def test_days_to_expiry_by_the_exchanges_calendar(day: date, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry.timezone, "now", lambda: EVENING)
    assert expiry.dte(Option("SPY", day, Right.CALL, Decimal(600))) == words


@pytest.mark.parametrize("thing", [Equity("SPY"), None, ""])
def test_what_does_not_expire_has_no_words(thing: Any) -> None:
    assert expiry.dte(thing) == ""
