"""Market data as the API's JSON: numbers as text, times in UTC, null for unknown, and where each is from."""

from collections.abc import Collection
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from brokers.domain.instruments import Instrument, describe, plain
from brokers.domain.market import Bar, Expiration, MarketStatus, Metrics, PriceIncrements, Quote
from brokers.errors import BrokerError
from brokers.models import Account
from market import greeks, hours, metrics, quoting
from market.bars import Told
from market.quoting import Quotes, is_delayed
from trading.drafting.listed import name_of

Document = dict[str, Any]
PERCENT_STEP = Decimal("0.0001")
OWN_CALENDAR = "desk's own calendar"


def number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def source_document(account: Account) -> Document:
    connection = account.connection
    return {
        "connection": str(connection.pk),
        "broker": connection.broker,
        "environment": connection.environment,
        "delayed": is_delayed(connection.pk),
    }


def reason_document(error: BrokerError | None) -> Document | None:
    if error is None:
        return None
    return {"code": error.code, "detail": error.message, "retryable": error.retryable}


# --- quotes and Greeks --------------------------------------------------------------------------------------------


def quotes_document(account: Account, asked: Collection[Instrument], quotes: Quotes, now: datetime) -> Document:
    return {
        "source": source_document(account),
        "quotes": [quote_document(quotes, one, now) for one in asked if one in quotes.found],
        "unknown": _missing(asked, quotes.found),
        "reason": reason_document(quotes.error),
    }


def quote_document(quotes: Quotes, instrument: Instrument, now: datetime) -> Document:
    """``change`` is that of the last price (of the mark, where nothing was traded) since the previous close."""
    quote = quotes.found[instrument]
    is_streamed = instrument in quotes.streamed
    change, share = _change(quote)
    return {
        "symbol": str(instrument),
        "description": describe(instrument),
        "bid": number(quote.bid),
        "ask": number(quote.ask),
        "bid_size": number(quote.bid_size),
        "ask_size": number(quote.ask_size),
        "last": number(quote.last),
        "mark": number(quote.fair_price),
        "open": number(quote.open),
        "high": number(quote.high),
        "low": number(quote.low),
        "previous_close": number(quote.prev_close),
        "change": number(change),
        "change_percent": number(share),
        "volume": number(quote.volume),
        "open_interest": number(quote.open_interest),
        "halted": quote.halted,
        "halted_since": moment(quote.halted_since),
        "as_of": moment(quote.as_of),
        "via": "stream" if is_streamed else "broker",
        "stale": is_streamed and now - quote.as_of > quoting.FRESH,
    }


def _change(quote: Quote) -> tuple[Decimal | None, Decimal | None]:
    price = quote.last if quote.last is not None else quote.fair_price
    if price is None or quote.prev_close is None:
        return None, None
    change = price - quote.prev_close
    if quote.prev_close <= 0:
        return change, None
    return change, (change / quote.prev_close * 100).quantize(PERCENT_STEP, ROUND_HALF_UP)


def greeks_document(account: Account, asked: Collection[Instrument], told: greeks.Greeks) -> Document:
    return {
        "source": source_document(account),
        "greeks": [_greeks(one, told.found[one]) for one in asked if one in told.found],
        "unknown": _missing(asked, told.found),
        "reason": reason_document(told.error),
    }


def _greeks(instrument: Instrument, told: greeks.Told) -> Document:
    names = ("volatility", "delta", "gamma", "theta", "vega", "rho")
    return {
        "symbol": str(instrument),
        **{name: number(getattr(told, name)) for name in names},
        "as_of": moment(told.as_of),
        "estimate": told.is_estimate,
    }


def _missing(asked: Collection[Instrument], found: Collection[Instrument]) -> list[str]:
    return [str(one) for one in asked if one not in found]


# --- chains and bars ----------------------------------------------------------------------------------------------


def expiration_document(each: Expiration, today: date) -> Document:
    return {
        "name": name_of(each),
        "expiration": each.expiry.isoformat(),
        "days_to_expiry": (each.expiry - today).days,
        "kind": each.kind,
        "settlement": each.settlement or None,
        "root": each.root,
        "adjusted": each.root[-1:].isdigit(),
        "multiplier": plain(each.multiplier),
        "increments": _increments(each.increments),
        "strikes": [
            {"strike": plain(row.price), "call": _symbol(row.call), "put": _symbol(row.put)} for row in each.strikes
        ],
    }


def _symbol(option: Instrument | None) -> str | None:
    return str(option) if option is not None else None


def _increments(grid: PriceIncrements) -> list[Document]:
    return [{"below": number(threshold), "increment": plain(step)} for threshold, step in grid.steps]


def bars_document(account: Account, instrument: Instrument, interval: str, told: Told, *, extended: bool) -> Document:
    return {
        "source": source_document(account),
        "symbol": str(instrument),
        "interval": interval,
        "extended": extended,
        "bars": [bar_document(bar) for bar in told.bars],
        "as_of": moment(told.at),
    }


def bar_document(bar: Bar) -> Document:
    return {
        "at": moment(bar.at),
        "open": plain(bar.open),
        "high": plain(bar.high),
        "low": plain(bar.low),
        "close": plain(bar.close),
        "volume": number(bar.volume),
        "closed": bar.is_closed,
    }


# --- metrics and hours --------------------------------------------------------------------------------------------


def metrics_document(account: Account, asked: Collection[Instrument], told: metrics.Told) -> Document:
    return {
        "source": source_document(account),
        "metrics": [_metrics(told.found[one], is_estimate=told.is_estimate) for one in asked if one in told.found],
        "unknown": _missing(asked, told.found),
        "reason": reason_document(told.error),
    }


def _metrics(each: Metrics, *, is_estimate: bool) -> Document:
    return {
        "symbol": str(each.instrument),
        "iv_index": number(each.iv_index),
        "iv_rank": number(each.iv_rank),
        "iv_percentile": number(each.iv_percentile),
        "hv30": number(each.hv30),
        "beta": number(each.beta),
        "earnings_date": day(each.earnings_date),
        "earnings_time": each.earnings_time or None,
        "dividend_amount": number(each.dividend_amount),
        "ex_dividend_date": day(each.ex_dividend_date),
        "market_cap": number(each.market_cap),
        "pe": number(each.pe),
        "expiration_ivs": [
            {"expiration": each_day.isoformat(), "volatility": plain(volatility)}
            for each_day, volatility in each.expiration_ivs.items()
        ],
        "as_of": moment(each.updated_at),
        "estimate": is_estimate,
    }


def hours_document(account: Account, told: hours.Hours) -> Document:
    return {
        "source": source_document(account) | {"calendar": "broker" if told.by_broker else OWN_CALENDAR},
        "markets": [market_document(each) for each in told.markets],
        "reason": reason_document(told.error),
    }


def market_document(each: MarketStatus) -> Document:
    return {
        "exchange": each.exchange,
        "state": each.state.value,
        "sessions": [
            {"kind": one.kind.value, "opens_at": moment(one.opens_at), "closes_at": moment(one.closes_at)}
            for one in each.sessions
        ],
        "next_change_at": moment(each.next_change_at),
        "holiday": each.holiday or None,
        "early_close": each.early_close,
        "as_of": moment(each.at),
    }
