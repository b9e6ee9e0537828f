"""Looking at a person's facts with all rules: after an order at once for a runaway, the rest every few seconds."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from trading.models import Alert, Order
from trading.patterns import gathering, rules, trouble
from trading.patterns.facts import Sighting
from trading.patterns.raising import raise_alerts

HISTORY = timedelta(days=90)
DAY = timedelta(days=1)


def look_at(user_id: int, now: datetime) -> list[Alert]:
    """Everything that the database tells of a person."""
    return raise_alerts(user_id, sightings(user_id, now))


def sightings(user_id: int, now: datetime) -> Iterator[Sighting]:
    sent = gathering.sent_by(user_id, now - HISTORY)
    today = datetime.combine(now.astimezone(rules.NEW_YORK).date(), time(), rules.NEW_YORK)
    yield from rules.runaway([order for order in sent if order.at >= now - timedelta(minutes=5)])
    yield from rules.order_trade_ratio(gathering.acts_of(user_id, today))
    yield from rules.rate_spike(sent, now)
    yield from rules.off_hours(sent, now)
    yield from rules.odd_sizes(sent, now)
    yield from trouble.replays(gathering.turned_away(user_id, now - timedelta(minutes=30)))
    yield from trouble.tokens(gathering.renewals(user_id, now - DAY), now)
    yield from trouble.unknown_orders(gathering.in_doubt(user_id, now - DAY), now)


def order_changed(sender: Any, order: Order, **_: Any) -> None:
    """For the signal of that name: what is new, and what was refused, may be one too many."""
    if order.seq == 1 or order.status in gathering.REFUSED:
        look_for_runaway(order)


def look_for_runaway(order: Order) -> list[Alert]:
    """At once after an order was written down: a program that can't stop is stopped within its own minute."""
    now = timezone.now()
    if order.is_external or now - order.created_at > rules.RUNAWAY_WITHIN:
        return []
    lately = gathering.sent_like(order, now - 2 * rules.RUNAWAY_WITHIN)
    return raise_alerts(order.user_id, rules.runaway(lately)) if len(lately) >= rules.RESENT_MOST else []
