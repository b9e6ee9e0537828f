"""Price alerts of people: watched against the market at every tick, each triggered at most once."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.simulator.market import Market

FIGURES = ("last", "bid", "ask", "iv")


@dataclass(frozen=True, slots=True)
class Alert:
    """Triggers when ``figure`` is ``above`` (or else below) ``threshold``: dollars, or for ``iv`` a fraction (0.25).

    ``label`` is what the person's program said of it, to be repeated. Ended when triggered or expired.
    """

    alert_id: str
    user: str
    instrument: Instrument
    figure: str
    above: bool
    threshold: Decimal
    created_at: datetime
    expires_at: datetime | None = None
    triggered_at: datetime | None = None
    expired_at: datetime | None = None
    label: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        return self.triggered_at is None and self.expired_at is None


@dataclass
class Alerts:
    """All alerts by id. ``fresh`` are those that ended in the last step; ``changes`` grows with each change."""

    by_id: dict[str, Alert] = field(default_factory=dict)
    fresh: list[Alert] = field(default_factory=list)
    changes: int = 0

    def of(self, user: str) -> list[Alert]:
        return [alert for alert in self.by_id.values() if alert.user == user]

    def add(self, alert: Alert) -> None:
        self.by_id[alert.alert_id] = alert
        self.changes += 1

    def remove(self, user: str, alert_id: str) -> bool:
        found = self.by_id.get(alert_id)
        if found is None or found.user != user:
            return False
        del self.by_id[alert_id]
        self.changes += 1
        return True

    def step(self, market: Market, now: datetime, moved: Collection[Instrument] | None = None) -> None:
        """Look at the market as it is now; ``moved`` are the underlyings whose books changed, None is all."""
        self.fresh = []
        for alert in list(self.by_id.values()):
            if alert.is_active and (ended := _ended(alert, market, now, moved)) is not None:
                self.by_id[alert.alert_id] = ended
                self.fresh.append(ended)
                self.changes += 1

    def snapshot(self) -> list[dict[str, Any]]:
        return [_saved(alert) for alert in self.by_id.values()]

    def restore(self, saved: Collection[Mapping[str, Any]]) -> None:
        self.by_id = {str(each["alert_id"]): _read(each) for each in saved}


def _ended(alert: Alert, market: Market, now: datetime, moved: Collection[Instrument] | None) -> Alert | None:
    """The alert as it is after its end, None while it waits."""
    if alert.expires_at is not None and now >= alert.expires_at:
        return replace(alert, expired_at=now)
    if moved is not None and _path_of(alert.instrument, market) not in moved:
        return None
    value = figure(market, alert.instrument, alert.figure)
    if value is None or not (value > alert.threshold if alert.above else value < alert.threshold):
        return None
    return replace(alert, triggered_at=now)


def _path_of(instrument: Instrument, market: Market) -> Instrument | None:
    """What moves when an instrument's price does; None for what has ended."""
    if instrument in market.listings:
        return instrument
    try:
        return market.underlying(instrument)
    except KeyError:
        return None


def figure(market: Market, instrument: Instrument, name: str) -> Decimal | None:
    """The figure an alert watches; None where there is none (the bid of an index, the volatility of a pair)."""
    book = market.book(instrument)
    if book is None:
        return None
    match name:
        case "last":
            return book.last
        case "bid":
            return book.bid
        case "ask":
            return book.ask
    if book.greeks is not None:
        return Decimal(repr(round(book.greeks.volatility, 6)))
    metrics = market.metrics(instrument)
    return None if metrics is None or metrics.iv_index is None else Decimal(repr(round(metrics.iv_index, 6)))


def _saved(alert: Alert) -> dict[str, Any]:
    body = asdict(alert) | {"instrument": str(alert.instrument), "threshold": str(alert.threshold)}
    body["label"] = dict(alert.label)
    for name in ("created_at", "expires_at", "triggered_at", "expired_at"):
        at = getattr(alert, name)
        body[name] = at.isoformat() if at else None
    return body


def _read(given: Mapping[str, Any]) -> Alert:
    times = {
        name: datetime.fromisoformat(given[name]) if given[name] else None
        for name in ("expires_at", "triggered_at", "expired_at")
    }
    if given["figure"] not in FIGURES:
        raise ValueError(f"{given['figure']} is no figure of an alert")
    return Alert(
        alert_id=str(given["alert_id"]),
        user=str(given["user"]),
        instrument=parse_instrument(given["instrument"]),
        figure=str(given["figure"]),
        above=bool(given["above"]),
        threshold=Decimal(given["threshold"]),
        created_at=datetime.fromisoformat(given["created_at"]),
        label=dict(given["label"]),
        **times,
    )
