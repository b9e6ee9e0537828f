"""Where a price has been, for strikes to be listed around. Looked up at fixed moments: everybody finds the same."""

from datetime import date, datetime, time, timedelta, timezone

from brokers.simulator.market.sessions import local_date
from brokers.simulator.market.source import Key, Source

NOON = time(17, tzinfo=timezone.utc)
LATE = 60  # the days before an end in which the price is looked at weekly, not monthly


class Levels:
    """The span of each path while an expiration was listed, and where somebody has put it meanwhile."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._seen: dict[tuple[Key, datetime], float] = {}

    def span(self, key: Key, expiry: date, life: int, today: date) -> tuple[float, float]:
        """Lowest and highest; as days pass the span of an expiration only widens."""
        moments = [datetime.combine(day, NOON) for day in sample_days(expiry, life, today)]
        moments += [at for at in self.source.moved_at(key) if local_date(at) >= expiry - timedelta(days=life)]
        seen = [self._level(key, at) for at in moments]
        return min(seen), max(seen)

    def _level(self, key: Key, at: datetime) -> float:
        found = self._seen.get((key, at))
        if found is None:
            found = self._seen[key, at] = self.source.level(key, at)
        return found


def sample_days(expiry: date, life: int, today: date) -> list[date]:
    """First days of months while it was listed, and Mondays towards the end: all before today."""
    since = expiry - timedelta(days=life)
    month = since.replace(day=1)
    found = []
    while month < today and life > LATE:
        found.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    late = expiry - timedelta(days=LATE)
    monday = late - timedelta(days=late.weekday() or 7)
    while monday < today:
        found.append(monday)
        monday += timedelta(days=7)
    return found
