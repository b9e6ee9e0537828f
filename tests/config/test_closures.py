"""Closures of the share market that an installation names."""

from datetime import date

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import settings


def test_closures_are_days_with_their_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_CLOSURES", "2025-01-09=Day of Mourning, 2026-10-29")
    assert settings._closures() == {date(2025, 1, 9): "Day of Mourning", date(2026, 10, 29): "Closed"}


def test_without_any_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARKET_CLOSURES", raising=False)
    assert settings._closures() == {}


@pytest.mark.parametrize("text", ["tomorrow=Storm", "2026-13-01=Storm", "=Storm", "2026-10-29 Storm"])
def test_what_is_no_day_stops_the_start_in_words(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MARKET_CLOSURES", text)
    with pytest.raises(ImproperlyConfigured, match="MARKET_CLOSURES must look like"):
        settings._closures()
