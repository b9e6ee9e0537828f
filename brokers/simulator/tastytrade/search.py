"""Looking for symbols by what one types (sections 4.7 and 4.8)."""

from datetime import date
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Future, Index
from brokers.simulator.market import Listing, Market
from brokers.simulator.tastytrade.envelope import Reply, day_in, items, moment, whole, wrong
from brokers.simulator.tastytrade.future_products import exchange_of
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import increments_json
from brokers.simulator.tastytrade.symbols import api_symbol, type_name

USUAL_ROWS, MOST_ROWS = 25, 1000


def search_symbols(ask: Ask) -> Reply:
    """Shares, funds, indexes and crypto whose symbol begins with the text, or whose name has it."""
    market = ask.world.market
    found = [each for each in market.search(ask.names["text"]) if isinstance(each.instrument, Equity | Index | Crypto)]
    return items([match_json(listing, market) for listing in found])


def match_json(listing: Listing, market: Market) -> dict[str, Any]:
    body = {
        "symbol": api_symbol(listing.instrument),
        "description": listing.description,
        "listed-market": listing.exchange,
        "price-increments": increments_json(listing.increments)[-1]["value"],
        "options": listing.has_options,
        "instrument-type": type_name(listing.instrument),
    }
    return body if isinstance(listing.instrument, Crypto) else body | {"trading-hours": "0930-1600"}


def search_instruments(ask: Ask) -> Reply:
    """Everything with an own price path, futures above all."""
    text = ask.query.get("query", "").strip()
    if not text:
        raise wrong("query", "is missing")
    kind, exchange = ask.query.get("type"), ask.query.get("exchange")
    start = day_in(ask.query, "from-date")
    limit = max(1, min(whole(ask.query, "limit", USUAL_ROWS), MOST_ROWS))
    market = ask.world.market
    rows = [
        found_json(listing, market)
        for listing in market.search(text)
        if kind in (None, "", type_name(listing.instrument)) and (start is None or ends_after(listing, start, market))
    ]
    return items([row for row in rows if exchange in (None, "", row["exchange"])][:limit])


def ends_after(listing: Listing, day: date, market: Market) -> bool:
    if not isinstance(listing.instrument, Future):
        return True
    contract = market.contract(listing.instrument)
    return contract is not None and contract.last_trade_at.date() >= day


def found_json(listing: Listing, market: Market) -> dict[str, Any]:
    body: dict[str, Any] = {
        "symbol": api_symbol(listing.instrument),
        "description": listing.description,
        "exchange": listing.exchange,
        "instrument-type": type_name(listing.instrument),
    }
    contract = market.contract(listing.instrument) if isinstance(listing.instrument, Future) else None
    if contract is not None:
        body |= {"exchange": exchange_of(contract.product), "stops-trading-at": moment(contract.last_trade_at)}
    return body
