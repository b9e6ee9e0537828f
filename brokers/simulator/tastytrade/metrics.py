"""Market metrics, dividends and reports of the companies (section 4.10)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Index
from brokers.simulator.market import Listing, Market
from brokers.simulator.market.metrics import ExpirationVol, Metrics
from brokers.simulator.tastytrade.envelope import Reply, amount, day_in, items, not_found, wrong, zulu
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import LENDABILITY
from brokers.simulator.tastytrade.symbols import api_symbol, listed

MOST_SYMBOLS = 500
HALF_QUARTER = timedelta(days=45)
PLACES, PERCENT_PLACES = Decimal("0.000000001"), Decimal("0.01")


def market_metrics(ask: Ask) -> Reply:
    """One item for each symbol that is known; the others are silently missing."""
    wanted = ask.many("symbols", commas=True)
    if not wanted:
        raise wrong("symbols", "is missing")
    if len(wanted) > MOST_SYMBOLS:
        raise wrong("symbols", f"has more than {MOST_SYMBOLS} entries")
    market = ask.world.market
    known = [found for symbol in dict.fromkeys(wanted) if (found := listed(market, symbol)) is not None]
    return items([row for listing in known if (row := metrics_of(listing, market)) is not None])


def metrics_of(listing: Listing, market: Market) -> dict[str, Any] | None:
    found = market.metrics(listing.instrument)
    return None if found is None else metrics_json(listing, found)


def metrics_json(listing: Listing, found: Metrics) -> dict[str, Any]:
    at = zulu(found.at)
    body: dict[str, Any] = {"symbol": api_symbol(listing.instrument)}
    body |= volatility_json(found, at) | liquidity_json(found, at)
    body |= {"option-expiration-implied-volatilities": [expiration_json(each) for each in found.expirations]}
    body |= {"beta": fraction(found.beta), "beta-updated-at": at, "corr-spy-3month": percent(found.correlation_spy)}
    body |= dividend_json(found, at)
    if found.next_earnings is not None:
        body["earnings"] = earnings_json(found, at)
    body |= {"listed-market": listing.exchange, "lendability": LENDABILITY[listing.borrow]}
    body |= {"borrow-rate": fraction(found.borrow_rate), "market-cap": found.market_cap or 0}
    for name, value in (("price-earnings-ratio", found.price_earnings), ("earnings-per-share", found.eps)):
        if value is not None:
            body[name] = fraction(value)
    if found.sector:
        body |= {"sector": found.sector, "industry": found.industry}
    return body | {"updated-at": at}


def volatility_json(found: Metrics, at: str) -> dict[str, str]:
    """Ranks are shares of 1; the thirty-day and the historical volatilities are in percent."""
    rank, index = found.iv_rank, found.iv_index
    shares = {
        "implied-volatility-index": index,
        "implied-volatility-index-15-day": found.iv_index_15_day,
        "implied-volatility-index-5-day-change": found.iv_index_5_day_change,
        "implied-volatility-index-rank": rank,
        "tos-implied-volatility-index-rank": rank,
        "tw-implied-volatility-index-rank": rank,
        "implied-volatility-percentile": found.iv_percentile,
    }
    percents = {
        "implied-volatility-30-day": index,
        "historical-volatility-30-day": found.hv_30,
        "historical-volatility-60-day": found.hv_60,
        "historical-volatility-90-day": found.hv_90,
        "iv-hv-30-day-difference": None if index is None else index - found.hv_30,
    }
    body = {name: fraction(value) for name, value in shares.items() if value is not None}
    body |= {name: percent(value * 100) for name, value in percents.items() if value is not None}
    if index is not None:
        body |= {"tos-implied-volatility-index-rank-updated-at": at, "implied-volatility-updated-at": at}
        body |= {"implied-volatility-index-rank-source": "tos"}
    return body


def liquidity_json(found: Metrics, at: str) -> dict[str, Any]:
    value = fraction(found.liquidity_value)
    return {
        "liquidity-value": value,
        "liquidity-rank": fraction(found.liquidity_rank),
        "liquidity-rating": found.liquidity_rating,
        "liquidity-running-state": {"sum": value, "count": 1, "started-at": at, "updated-at": at},
    }


def expiration_json(each: ExpirationVol) -> dict[str, str]:
    return {
        "expiration-date": each.expiry.isoformat(),
        "option-chain-type": "Standard" if each.standard else "Non-standard",
        "settlement-type": each.settlement,
        "implied-volatility": fraction(each.iv),
    }


def dividend_json(found: Metrics, at: str) -> dict[str, str]:
    """The latest dividend, and the day of the next one where it is declared."""
    if not found.dividend:
        return {}
    latest, coming = found.last_dividend, found.next_dividend
    body = {
        "dividend-rate-per-share": amount(found.dividend),
        "annual-dividend-per-share": amount(found.dividend * 4),
        "dividend-yield": fraction(found.dividend_yield),
        "dividend-updated-at": at,
    }
    if latest is not None:
        body |= {"dividend-ex-date": latest.ex_date.isoformat(), "dividend-pay-date": latest.pay_date.isoformat()}
        body["dividend-next-date"] = (coming or latest).ex_date.isoformat()
    return body


def earnings_json(found: Metrics, at: str) -> dict[str, Any]:
    """The report to come; the earnings of the last one. The date counts as an estimate until it is near."""
    coming, told = found.next_earnings, found.last_earnings
    if coming is None:
        return {}
    body: dict[str, Any] = {
        "visible": True,
        "expected-report-date": coming.date.isoformat(),
        "estimated": coming.date - found.at.date() > HALF_QUARTER,
        "late-flag": 0,
        "quarter-end-date": coming.quarter_end.isoformat(),
        "consensus-estimate": amount(coming.estimate),
        "updated-at": at,
    }
    if told is not None and told.eps is not None:
        body["actual-eps"] = amount(told.eps)
    return body


def fraction(value: float) -> str:
    return amount(Decimal(repr(value)).quantize(PLACES))


def percent(value: float) -> str:
    return amount(Decimal(repr(value)).quantize(PERCENT_PLACES))


# Events


def dividends(ask: Ask) -> Reply:
    """Ex dates that were, newest first."""
    found, today = _company(ask), ask.world.today()
    return items(
        [
            {"occurred-date": each.ex_date.isoformat(), "amount": amount(each.amount)}
            for each in ask.world.market.dividends(found.instrument)
            if each.ex_date <= today
        ]
    )


def earnings_reports(ask: Ask) -> Reply:
    """Reports between two dates, newest first; the first date must be given."""
    found = _company(ask)
    start, end = day_in(ask.query, "start-date"), day_in(ask.query, "end-date")
    if start is None:
        raise wrong("start-date", "is missing")
    return items(
        [
            {"occurred-date": each.date.isoformat(), "eps": amount(each.eps)}
            for each in ask.world.market.earnings(found.instrument)
            if each.eps is not None and each.date >= start and (end is None or each.date <= end)
        ]
    )


def _company(ask: Ask) -> Listing:
    found = listed(ask.world.market, ask.names["symbol"])
    if found is None or not isinstance(found.instrument, Equity | Index):
        raise not_found("symbol")
    return found
