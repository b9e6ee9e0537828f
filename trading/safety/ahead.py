"""What to know of an order's legs before it is sent: a report or a dividend before its options end, a wide market.

Words for a person, of what is known: they stop nothing, and where a broker does not tell nothing is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.utils import timezone

from brokers import connections, registry
from brokers.domain.instruments import Equity, Instrument, Option, Right, describe
from brokers.domain.market import Metrics, Quote
from brokers.domain.orders import InvalidTicket, Leg, Notice
from brokers.errors import BrokerError
from brokers.models import Account
from trading.instruments import details_of
from trading.risk.findings import percent
from trading.risk.prices import WIDE_OPTION, WIDE_STOCK, is_option, middle
from trading.tickets import price_text

NEW_YORK = ZoneInfo("America/New_York")
KEPT = 300
KEPT_AFTER_TROUBLE = 15


def notices(account: Account, legs: Sequence[Leg], quotes: Mapping[Instrument, Quote]) -> tuple[Notice, ...]:
    """In the order in which they matter; asks the broker once in a while. Raises nothing."""
    today = timezone.now().astimezone(NEW_YORK).date()
    opening = [leg for leg in legs if leg.action.opens and isinstance(leg.instrument, Option)]
    found = [*_expiring(legs, today)]
    for under, options in _by_underlying(account, opening).items():
        metrics = _metrics(account, under)
        if metrics is not None:
            found += _earnings(under, metrics, options, today)
            found += _dividend(under, metrics, options, today)
    return (*found, *_wide(legs, quotes))


def _expiring(legs: Sequence[Leg], today: date) -> Iterator[Notice]:
    for leg in legs:
        if getattr(leg.instrument, "expiry", None) == today:
            yield Notice("expires_today", f"{describe(leg.instrument)} expires today.")


def _by_underlying(account: Account, legs: Sequence[Leg]) -> dict[Equity, list[Leg]]:
    """Of options on shares alone: an index reports nothing and pays nothing."""
    found: dict[Equity, list[Leg]] = {}
    for leg in legs:
        try:
            under = details_of(account, leg.instrument).underlying
        except (BrokerError, InvalidTicket):
            continue
        if isinstance(under, Equity):
            found.setdefault(under, []).append(leg)
    return found


def _metrics(account: Account, under: Equity) -> Metrics | None:
    """None where the broker does not tell, or not now."""
    if not registry.spec(account.connection.broker).capabilities.has_metrics:
        return None
    key = f"ahead:{account.connection_id}:{under}"
    kept: tuple[Metrics | None] | None = cache.get(key)
    if kept is None:
        try:
            kept, seconds = (connections.broker_for(account.connection).get_metrics([under]).get(under),), KEPT
        except BrokerError:
            kept, seconds = (None,), KEPT_AFTER_TROUBLE
        cache.set(key, kept, seconds)
    return kept[0]


def _last(legs: Sequence[Leg]) -> date:
    return max(leg.instrument.expiry for leg in legs if isinstance(leg.instrument, Option))


def _earnings(under: Equity, metrics: Metrics, legs: Sequence[Leg], today: date) -> Iterator[Notice]:
    """A report on the last day itself counts only when it comes before the session."""
    day, last = metrics.earnings_date, _last(legs)
    if day is None or not today <= day <= last or (day == last and metrics.earnings_time == "after"):
        return
    when = {"before": " before the open", "after": " after the close"}.get(metrics.earnings_time, "")
    words = f"{under} is expected to report earnings on {_day(day)}{when}, before these options end ({_day(last)})"
    yield Notice("earnings_before_expiry", f"{words}: its price may jump.")


def _dividend(under: Equity, metrics: Metrics, legs: Sequence[Leg], today: date) -> Iterator[Notice]:
    day = metrics.ex_dividend_date
    short = [leg for leg in legs if not leg.action.is_buy and _is_call(leg)]
    if day is None or not short or not today < day <= _last(short):
        return
    amount = f" ({price_text(metrics.dividend_amount)} a share)" if metrics.dividend_amount else ""
    words = f"{under} goes ex-dividend on {_day(day)}{amount}: a call that is sold may be exercised the day before, "
    yield Notice("dividend_before_expiry", f"{words}and whoever is assigned owes the dividend.")


def _is_call(leg: Leg) -> bool:
    return getattr(leg.instrument, "right", None) is Right.CALL


def _wide(legs: Sequence[Leg], quotes: Mapping[Instrument, Quote]) -> Iterator[Notice]:
    for leg in legs:
        quote = quotes.get(leg.instrument)
        mid = middle(quote)
        if quote is None or quote.bid is None or quote.ask is None or not mid:
            continue
        share: Decimal = (quote.ask - quote.bid) / mid
        if share > (WIDE_OPTION if is_option(leg.instrument) else WIDE_STOCK):
            words = f"The market in {describe(leg.instrument)} is wide: {price_text(quote.bid)} to "
            yield Notice("wide_market", f"{words}{price_text(quote.ask)}, {percent(share)} of its middle.")


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
