"""Quote alerts over REST, and those to be told on the account streamer (section 4.13)."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from brokers.domain.instruments import Instrument
from brokers.simulator.alerts import Alert
from brokers.simulator.tastytrade.envelope import Refusal, Reply, amount, epoch_ms, items, moment, not_found, wrong
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, find_streamed, listed, streamer_symbol, type_name
from brokers.simulator.world import World

FIELDS = {"Last": "last", "Bid": "bid", "Ask": "ask", "IV": "iv"}
FIELD_NAMES = {figure: name for name, figure in FIELDS.items()}
OPERATORS = {">": True, "<": False}
MOST_ALERTS = 500
LIFE = timedelta(days=30)  # of an alert that names no end: none is without one in the published answers


def due(world: World) -> list[tuple[str, dict[str, Any]]]:
    """The alerts that triggered in the present tick, each with its user; asking twice in a tick answers the same."""
    return [(each.user, alert_json(each)) for each in world.alerts.fresh if each.triggered_at is not None]


def list_alerts(ask: Ask) -> Reply:
    return items([alert_json(alert) for alert in ask.world.alerts.of(ask.caller.user)])


def create_alert(ask: Ask) -> Reply:
    alert = read_alert(ask, ask.json())
    if len(ask.world.alerts.of(ask.caller.user)) >= MOST_ALERTS:
        raise Refusal(422, "too_many_quote_alerts", f"You can have up to {MOST_ALERTS} quote alerts.")
    ask.world.alerts.add(alert)
    return Reply(alert_json(alert), 201)


def delete_alert(ask: Ask) -> Reply:
    if not ask.world.alerts.remove(ask.caller.user, ask.names["alert"]):
        raise not_found("quote alert")
    return Reply(None, 204)


def read_alert(ask: Ask, body: Mapping[str, Any]) -> Alert:
    """The alert a body asks for; raises ``Refusal``."""
    figure, operator = body.get("field"), body.get("operator")
    if not isinstance(figure, str) or figure not in FIELDS:
        raise wrong("field", "is missing" if figure is None else "does not have a valid value")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise wrong("operator", "is missing" if operator is None else "does not have a valid value")
    threshold, now = read_threshold(body), ask.world.clock.now()
    return Alert(
        alert_id=str(uuid.uuid4()),
        user=ask.caller.user,
        instrument=read_instrument(ask, body),
        figure=FIELDS[figure],
        above=OPERATORS[operator],
        threshold=threshold,
        created_at=now,
        expires_at=read_expiry(body.get("expires-at")) or now + LIFE,
        label={"threshold": str(body.get("threshold", threshold))},
    )


def read_threshold(body: Mapping[str, Any]) -> Decimal:
    given = body.get("threshold", body.get("threshold-numeric"))
    if given is None:
        raise wrong("threshold", "is missing")
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(given, bool) or not value.is_finite() or abs(value) > 10**9:
        raise wrong("threshold", "is invalid")
    return value


def read_instrument(ask: Ask, body: Mapping[str, Any]) -> Instrument:
    symbol, streamed = body.get("symbol"), body.get("dx-symbol")
    if not isinstance(symbol, str) or not symbol:
        raise wrong("symbol", "is missing")
    found = listed(ask.world.market, symbol)
    instrument = found.instrument if found else None
    if instrument is None and isinstance(streamed, str):
        instrument = find_streamed(ask.world.market, streamed)
    if instrument is None:
        raise not_found("symbol")
    return instrument


def read_expiry(given: object) -> datetime | None:
    """Epoch milliseconds, as a number or in digits, or a time in ISO 8601: sources disagree about it."""
    if given is None or given == "":
        return None
    try:
        if isinstance(given, int) or (isinstance(given, str) and given.isdigit()):
            return datetime.fromtimestamp(int(given) / 1000, timezone.utc)
        at = datetime.fromisoformat(str(given))
    except (ValueError, OverflowError, OSError):
        raise wrong("expires-at", "is invalid") from None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def alert_json(alert: Alert) -> dict[str, Any]:
    body: dict[str, Any] = {
        "alert-external-id": alert.alert_id,
        "user-external-id": user_external_id(alert.user),
        "symbol": api_symbol(alert.instrument),
        "dx-symbol": streamer_symbol(alert.instrument),
        "instrument-type": type_name(alert.instrument),
        "field": FIELD_NAMES[alert.figure],
        "operator": ">" if alert.above else "<",
        "threshold": str(alert.label.get("threshold", alert.threshold)),
        "threshold-numeric": amount(alert.threshold),
        "provider": "dxfeed",
        "created-at": moment(alert.created_at),
    }
    if alert.expires_at is not None:
        body["expires-at"] = epoch_ms(alert.expires_at)
    if alert.triggered_at is not None:
        body |= {"triggered-at": moment(alert.triggered_at), "completed-at": moment(alert.triggered_at)}
    if alert.expired_at is not None:
        body["expired-at"] = moment(alert.expired_at)
    return body


def user_external_id(user: str) -> str:
    """What the user is called in alerts and on the account streamer."""
    return f"U-{user}"
