"""What is worked out about shares and indexes: by an account's broker, else by the desk, as estimates."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.core.cache import cache
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import Equity, Index, Instrument
from brokers.domain.market import Bar, Expiration, Metrics
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, RateLimited
from brokers.models import Account, Connection
from brokers.registry import spec
from market import bars, quoting
from market import terms as chain_terms
from market.straddles import both_sides, near_the_money, with_quotes
from trading.drafting import chains
from trading.drafting.listed import name_of

KEPT = 300
MOST_ESTIMATED = 2
"""Symbols in one question of which the desk works figures out itself: each takes six calls or so, one after another."""
MONTH = timedelta(days=30)
YEAR = 365.0
TRADING_DAYS = 252
LOOK_BACK, RETURNS = timedelta(days=60), 21
EXPIRATIONS = 12
STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Told:
    """``is_estimate``: the desk worked it out. ``error``: why of some nothing is told."""

    found: Mapping[Instrument, Metrics]
    is_estimate: bool
    error: BrokerError | None = None


def metrics_of(account: Account, instruments: Collection[Instrument]) -> Told:
    """Those of which something is known; of what is no share or index nothing is. Raises nothing."""
    asked = [one for one in instruments if isinstance(one, Equity | Index)]
    is_told = spec(account.connection.broker).capabilities.has_metrics
    keys = {_key(account.connection, one): one for one in asked}
    kept: dict[str, Metrics | None] = cache.get_many(keys)
    missing = [one for key, one in keys.items() if key not in kept]
    error = None
    try:
        news = _ask(account, missing, is_told=is_told) if missing else {}
        cache.set_many({_key(account.connection, one): found for one, found in news.items()}, KEPT)
    except BrokerError as trouble:
        news, error = {}, trouble
    found: dict[Instrument, Metrics | None] = {keys[key]: each for key, each in kept.items()}
    found.update(news)
    return Told({one: each for one, each in found.items() if each is not None}, not is_told, error)


def _key(connection: Connection, instrument: Instrument) -> str:
    return f"metrics-of:{connection.pk}:{instrument}"


def _ask(account: Account, instruments: Sequence[Instrument], *, is_told: bool) -> dict[Instrument, Metrics | None]:
    if is_told:
        told = connections.broker_for(account.connection).get_metrics(instruments)
        return {one: told.get(one) for one in instruments}
    return {one: _estimate(account, one) for one in instruments[:MOST_ESTIMATED]}


# --- the desk's own -----------------------------------------------------------------------------------------------


def _estimate(account: Account, instrument: Instrument) -> Metrics | None:
    """Volatilities alone: what options cost tells the coming one, what days brought the past one. What one of them
    needs may be refused and leaves it unknown; a broker that is away is an error."""
    now = timezone.now()
    by_expiration = _expiration_volatilities(account, instrument, now)
    past = _past_volatility(account.connection, instrument, now)
    if not by_expiration and past is None:
        return None
    days = {day: volatility for day, volatility in by_expiration.items() if day > now.date()}
    return Metrics(
        instrument=instrument,
        iv_index=month_ahead(days, now.date()),
        hv30=past,
        expiration_ivs=by_expiration,
        updated_at=now,
    )


def _expiration_volatilities(account: Account, instrument: Instrument, now: datetime) -> dict[date, Decimal]:
    """At the money, of the nearest expirations. Where a day has several, the one that settles last."""
    quote = quoting.quotes_of(account.connection, [instrument]).found.get(instrument)
    price = quote.fair_price if quote is not None else None
    try:
        listed = chains.expirations_on(account, str(instrument))
        near = near_the_money(account, str(instrument), _coming(listed, now.date()), price) if price is not None else []
    except InvalidTicket:
        return {}
    except BrokerError as error:
        if error.retryable:
            raise
        return {}
    if price is None:
        return {}
    quotes = quoting.quotes_of(account.connection, both_sides([strike for each in near for strike in each.strikes]))
    terms = chain_terms.from_straddles(with_quotes(near, quotes.found), quotes.found, price, now)
    ranked = sorted(near, key=lambda each: each.settlement == "PM")
    return {each.expiry: terms[name].volatility for each in ranked if (name := name_of(each)) in terms}


def _coming(listed: Sequence[Expiration], today: date) -> list[Expiration]:
    """The nearest, and where these end within a month the first one after it: the month's volatility lies between."""
    coming = [each for each in listed if each.expiry >= today]
    beyond = [each for each in coming[EXPIRATIONS:] if each.expiry >= today + MONTH]
    near = coming[:EXPIRATIONS]
    return near + beyond[:1] if near and near[-1].expiry < today + MONTH else near


def _past_volatility(connection: Connection, instrument: Instrument, now: datetime) -> Decimal | None:
    asked = bars.Asked(instrument, "1d", now - LOOK_BACK, None, extended=False)
    try:
        return volatility_of(bars.bars_of(connection, asked).bars)
    except RateLimited:
        raise
    except BrokerError as error:
        if error.retryable:
            raise
        return None


def volatility_of(days: Sequence[Bar]) -> Decimal | None:
    """Of the last month's daily closes, a year, as a fraction; None where there are too few."""
    closes = np.array([float(bar.close) for bar in days if bar.is_closed and bar.close > 0][-RETURNS - 1 :])
    if closes.size <= RETURNS:
        return None
    returns = np.diff(np.log(closes))
    return _figure(float(np.std(returns, ddof=1)) * math.sqrt(TRADING_DAYS))


def month_ahead(by_day: Mapping[date, Decimal], today: date) -> Decimal | None:
    """The volatility of the coming thirty days: variance in between the expirations around; none is made up beyond."""
    days = sorted(by_day)
    wanted = today + MONTH
    before = max((day for day in days if day <= wanted), default=None)
    after = min((day for day in days if day >= wanted), default=None)
    if before is None or after is None:
        return None
    if before == after:
        return by_day[before]
    total = np.interp(
        MONTH.days,
        [(day - today).days for day in (before, after)],
        [float(by_day[day]) ** 2 * (day - today).days for day in (before, after)],
    )
    return _figure(math.sqrt(float(total) / MONTH.days))


def _figure(value: float) -> Decimal:
    return Decimal(str(value)).quantize(STEP)
