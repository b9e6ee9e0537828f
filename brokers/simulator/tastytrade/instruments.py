"""Shares, ETFs, indexes and symbol search (sections 4.7 and 4.8)."""

import zlib
from typing import Any

from brokers.domain.instruments import Equity, Index, Option
from brokers.domain.market import PriceIncrements
from brokers.simulator.market import Listing, Market
from brokers.simulator.tastytrade.envelope import (
    Reply,
    amount,
    items,
    not_found,
    paged,
    truth,
)
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, parse_api_symbol, streamer_symbol, type_name


def listed(market: Market, symbol: str) -> Listing | None:
    """What an API symbol names at this market: a share, an index of that name, or an option."""
    try:
        instrument = parse_api_symbol(symbol)
    except ValueError:
        return None
    found = market.listing(instrument)
    if found is None and isinstance(instrument, Equity):
        found = market.listing(Index(instrument.symbol))
    return found


def find_equity(ask: Ask, symbol: str) -> Listing:
    found = listed(ask.world.market, symbol)
    if found is None or isinstance(found.instrument, Option):
        raise not_found("instrument")
    return found


# Shares, ETFs and indexes


def list_equities(ask: Ask) -> Reply:
    wanted = set(ask.many("symbol"))
    rows = [
        equity_json(listing)
        for listing in ask.world.market.listings.values()
        if isinstance(listing.instrument, Equity | Index)
        and (not wanted or api_symbol(listing.instrument) in wanted)
        and truth(ask.query, "is-etf") in (None, listing.is_etf)
        and truth(ask.query, "is-index") in (None, listing.is_index)
    ]
    return paged(rows, ask.query, 1000)


def get_equity(ask: Ask) -> Reply:
    return Reply(equity_json(find_equity(ask, ask.names["symbol"])))


def equity_json(listing: Listing) -> dict[str, Any]:
    symbol = api_symbol(listing.instrument)
    body = {
        "id": number_of(symbol),
        "symbol": symbol,
        "instrument-type": "Equity",
        "cusip": f"{number_of(symbol):09d}",
        "short-description": listing.description.upper(),
        "description": listing.description.upper(),
        "is-index": listing.is_index,
        "is-etf": listing.is_etf,
        "is-illiquid": False,
        "is-closing-only": False,
        "is-options-closing-only": False,
        "is-fraud-risk": False,
        "bypass-manual-review": False,
        "active": True,
        "is-fractional-quantity-eligible": not listing.is_index,
        "overnight-trading-permitted": not listing.is_index,
        "lendability": "Easy To Borrow",
        "borrow-rate": "0.0",
        "listed-market": listing.exchange,
        "market-time-instrument-collection": "Equity",
        "streamer-symbol": streamer_symbol(listing.instrument),
        "tick-sizes": increments_json(listing.increments),
    }
    if listing.option_increments is not None:
        body["option-tick-sizes"] = increments_json(listing.option_increments)
    return body


def increments_json(increments: PriceIncrements) -> list[dict[str, str]]:
    """The grid as the broker writes it: the last entry, without a threshold, holds for the rest."""
    return [
        {"value": str(value)} if threshold is None else {"threshold": amount(threshold), "value": str(value)}
        for threshold, value in increments.steps
    ]


def number_of(symbol: str) -> int:
    """A number that stays with a symbol."""
    return zlib.crc32(symbol.encode()) % 900_000 + 1


# Search and precision


def search_symbols(ask: Ask) -> Reply:
    found = ask.world.market.search(ask.names["text"])
    return items([match_json(listing, ask.world.market) for listing in found])


def match_json(listing: Listing, market: Market) -> dict[str, Any]:
    return {
        "symbol": api_symbol(listing.instrument),
        "description": listing.description,
        "listed-market": listing.exchange,
        "price-increments": str(listing.increments.steps[-1][1]),
        "trading-hours": "0930-1600",
        "options": market.chain(listing.instrument) is not None,
        "instrument-type": type_name(listing.instrument),
    }


def quantity_precisions(ask: Ask) -> Reply:
    """How many places a quantity may have: shares trade in fractions (at the market), contracts do not."""
    places = {"Equity": 5, "Equity Option": 0}
    return items(
        [
            {"instrument-type": kind, "value": value, "minimum-increment-precision": value}
            for kind, value in places.items()
        ]
    )
