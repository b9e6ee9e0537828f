"""Shares, ETFs and indexes; how finely quantities count (section 4.7)."""

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Index
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
from brokers.simulator.tastytrade.symbols import api_symbol, listed, streamer_symbol

KINDS = {"regular": "Regular", "weekly": "Weekly", "quarterly": "Quarterly", "end_of_month": "End-Of-Month"}
PAGED_SINCE = 20250715
LENDABILITY = {"easy": "Easy To Borrow", "hard": "Locate Required"}
CURRENCY_PAIRS = {
    "EUR/USD": "Euro to US Dollar",
    "GBP/USD": "British Pound to US Dollar",
    "USD/CAD": "US Dollar to Canadian Dollar",
    "USD/JPY": "US Dollar to Japanese Yen",
}


def find_equity(ask: Ask, symbol: str) -> Listing:
    found = listed(ask.world.market, symbol)
    if found is None or not isinstance(found.instrument, Equity | Index):
        raise not_found("instrument")
    return found


# Shares, ETFs and indexes


def list_equities(ask: Ask) -> Reply:
    wanted = set(ask.many("symbol"))
    rows = [
        equity_json(listing, ask.world.market)
        for listing in ask.world.market.listings.values()
        if isinstance(listing.instrument, Equity | Index)
        and (not wanted or api_symbol(listing.instrument) in wanted)
        and ask.query.get("lendability") in (None, "", LENDABILITY[listing.borrow])
        and truth(ask.query, "is-etf") in (None, listing.is_etf)
        and truth(ask.query, "is-index") in (None, listing.is_index)
    ]
    return listing_page(ask, rows)


def listing_page(ask: Ask, rows: Sequence[Any]) -> Reply:
    """A page of instruments; all of them, unpaged, for versions of the time before pages."""
    return paged(rows, ask.query, 1000) if ask.version >= PAGED_SINCE else items(rows)


def get_equity(ask: Ask) -> Reply:
    return Reply(equity_json(find_equity(ask, ask.names["symbol"]), ask.world.market))


def equity_json(listing: Listing, market: Market) -> dict[str, Any]:
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
        "lendability": LENDABILITY[listing.borrow],
        "borrow-rate": borrow_rate(listing, market),
        "listed-market": listing.exchange,
        "market-time-instrument-collection": "Equity",
        "streamer-symbol": streamer_symbol(listing.instrument),
        "tick-sizes": increments_json(listing.increments),
    }
    if listing.option_increments is not None:
        body["option-tick-sizes"] = increments_json(listing.option_increments)
    return body


def borrow_rate(listing: Listing, market: Market) -> str:
    """What a year of borrowing costs, as a fraction; nothing where shares are easy to borrow."""
    found = market.metrics(listing.instrument) if listing.borrow == "hard" else None
    return "0.0" if found is None else amount(Decimal(repr(found.borrow_rate)).quantize(Decimal("0.0001")))


def increments_json(increments: PriceIncrements) -> list[dict[str, str]]:
    """The grid as the broker writes it: the last entry, without a threshold, holds for the rest."""
    return [
        {"value": amount(value)} if threshold is None else {"threshold": amount(threshold), "value": amount(value)}
        for threshold, value in increments.steps
    ]


def number_of(symbol: str) -> int:
    """A number that stays with a symbol."""
    return zlib.crc32(symbol.encode()) % 900_000 + 1


# Precisions, and what this market lists none of


def quantity_precisions(ask: Ask) -> Reply:
    """How many places a quantity may have: shares trade in fractions (at the market), contracts do not."""
    pairs = [each for each in ask.world.market.listings if isinstance(each, Crypto)]
    rows = [precision_json("Cryptocurrency", 8) | {"symbol": api_symbol(each)} for each in pairs]
    places = {"Equity": 5, "Equity Option": 0, "Future": 0, "Future Option": 0}
    return items([*rows, *(precision_json(kind, value) for kind, value in places.items())])


def precision_json(kind: str, places: int) -> dict[str, Any]:
    return {"instrument-type": kind, "value": places, "minimum-increment-precision": places}


def list_warrants(ask: Ask) -> Reply:
    return items([])


def get_warrant(ask: Ask) -> Reply:
    raise not_found("instrument")


def list_currency_pairs(ask: Ask) -> Reply:
    return items(
        [
            {
                "id": number_of(pair),
                "symbol": pair,
                "instrument-type": "Currency Pair",
                "description": words,
                "dx-symbol": pair,
            }
            for pair, words in CURRENCY_PAIRS.items()
        ]
    )
