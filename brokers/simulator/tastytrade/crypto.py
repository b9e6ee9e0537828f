"""Crypto pairs (section 4.7). They can be watched; trading them is switched off at the broker."""

from typing import Any

from brokers.domain.instruments import Crypto
from brokers.simulator.market import Listing
from brokers.simulator.tastytrade.envelope import Reply, items, not_found
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import increments_json, number_of
from brokers.simulator.tastytrade.symbols import api_symbol, listed, streamer_symbol

COINS = {"BTC": "Bitcoin", "ETH": "Ethereum", "LTC": "Litecoin", "BCH": "Bitcoin Cash", "SOL": "Solana"}
PLACES = 8


def list_cryptos(ask: Ask) -> Reply:
    wanted = ask.many("symbol")
    rows = [crypto_json(each) for each in ask.world.market.listings.values() if isinstance(each.instrument, Crypto)]
    return items([row for row in rows if not wanted or row["symbol"] in wanted])


def get_crypto(ask: Ask) -> Reply:
    found = listed(ask.world.market, ask.names["symbol"])
    if found is None or not isinstance(found.instrument, Crypto):
        raise not_found("instrument")
    return Reply(crypto_json(found))


def crypto_json(listing: Listing) -> dict[str, Any]:
    symbol = api_symbol(listing.instrument)
    coin = symbol.partition("/")[0]
    name = COINS.get(coin, coin)
    venue = {
        "id": number_of(f"{symbol} venue"),
        "symbol": symbol,
        "destination-venue": "ZERO_HASH_CLOB",
        "max-quantity-precision": PLACES,
        "max-price-precision": -int(listing.increments.steps[-1][1].as_tuple().exponent),
        "routable": True,
    }
    return {
        "id": number_of(symbol),
        "symbol": symbol,
        "instrument-type": "Cryptocurrency",
        "short-description": name,
        "description": f"{name} to {symbol.partition('/')[2]}",
        "is-closing-only": True,
        "active": True,
        "tick-size": increments_json(listing.increments)[-1]["value"],
        "streamer-symbol": streamer_symbol(listing.instrument),
        "destination-venue-symbols": [venue],
    }
