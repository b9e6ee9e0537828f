"""Options and their chains: symbols only, as at the broker; prices are market data (section 4.7)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from brokers.domain.instruments import Index, Instrument, Option
from brokers.domain.market import Chain, Expiration, Strike
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import Reply, amount, items, moment, not_found
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import find_equity, increments_json, listed, number_of
from brokers.simulator.tastytrade.symbols import api_symbol, streamer_symbol

KINDS = {"regular": "Regular", "weekly": "Weekly", "quarterly": "Quarterly", "end_of_month": "End-Of-Month"}


def get_option(ask: Ask) -> Reply:
    found = listed(ask.world.market, ask.names["symbol"])
    if found is None or not isinstance(found.instrument, Option) or found.underlying is None:
        raise not_found("instrument")
    market, today = ask.world.market, ask.world.today()
    chain = market.chain(found.underlying)
    for expiration in chain.expirations if chain else ():
        if (expiration.root, expiration.expiry) == (found.instrument.root, found.instrument.expiry):
            return Reply(option_json(found.instrument, found.underlying, expiration, ask.world.market, today))
    raise not_found("instrument")


def option_json(
    option: Option, underlying: Instrument, expiration: Expiration, market: Market, today: date
) -> dict[str, Any]:
    ends = moment(market.expires_at(option))
    return {
        "symbol": api_symbol(option),
        "instrument-type": "Equity Option",
        "underlying-symbol": api_symbol(underlying),
        "root-symbol": option.root,
        "strike-price": amount(option.strike),
        "option-type": option.right.value,
        "exercise-style": "European" if isinstance(underlying, Index) else "American",
        "expiration-date": option.expiry.isoformat(),
        "expiration-type": KINDS[expiration.kind],
        "expires-at": ends,
        "stops-trading-at": ends,
        "days-to-expiration": (option.expiry - today).days,
        "settlement-type": expiration.settlement,
        "option-chain-type": "Standard",
        "shares-per-contract": int(expiration.multiplier),
        "market-time-instrument-collection": "Equity Option",
        "is-closing-only": False,
        "active": True,
        "streamer-symbol": streamer_symbol(option),
    }


def find_chain(ask: Ask) -> tuple[Instrument, Chain]:
    listing = find_equity(ask, ask.names["symbol"])
    chain = ask.world.market.chain(listing.instrument)
    if chain is None:
        raise not_found("option chain")
    return listing.instrument, chain


def options_of(expiration: Expiration) -> Iterator[Option]:
    for strike in expiration.strikes:
        yield from (option for option in (strike.call, strike.put) if option is not None)


def get_chain(ask: Ask) -> Reply:
    underlying, chain = find_chain(ask)
    market, today = ask.world.market, ask.world.today()
    return items(
        [
            option_json(option, underlying, expiration, market, today)
            for expiration in chain.expirations
            for option in options_of(expiration)
        ]
    )


def get_nested_chain(ask: Ask) -> Reply:
    """One item per root and contract size; strikes carry symbols only."""
    underlying, chain = find_chain(ask)
    groups: dict[tuple[str, int], list[Expiration]] = {}
    for expiration in chain.expirations:
        groups.setdefault((expiration.root, int(expiration.multiplier)), []).append(expiration)
    return items(
        [
            root_json(underlying, root, shares)
            | {
                "tick-sizes": increments_json(expirations[0].increments),
                "expirations": [expiration_json(each, ask.world.today()) for each in expirations],
            }
            for (root, shares), expirations in groups.items()
        ]
    )


def root_json(underlying: Instrument, root: str, shares: int) -> dict[str, Any]:
    symbol = api_symbol(underlying)
    deliverable = {
        "id": number_of(root),
        "root-symbol": root,
        "deliverable-type": "Shares",
        "description": f"{shares} shares of {symbol}",
        "amount": f"{shares}.0",
        "symbol": symbol,
        "instrument-type": "Equity",
        "percent": "100",
    }
    return {
        "underlying-symbol": symbol,
        "root-symbol": root,
        "option-chain-type": "Standard",
        "shares-per-contract": shares,
        "deliverables": [deliverable],
    }


def expiration_json(expiration: Expiration, today: date) -> dict[str, Any]:
    return {
        "expiration-type": KINDS[expiration.kind],
        "expiration-date": expiration.expiry.isoformat(),
        "days-to-expiration": (expiration.expiry - today).days,
        "settlement-type": expiration.settlement,
        "strikes": [strike_json(strike) for strike in expiration.strikes],
    }


def strike_json(strike: Strike) -> dict[str, str]:
    body = {"strike-price": amount(strike.price)}
    for name, option in (("call", strike.call), ("put", strike.put)):
        if option is not None:
            body |= {name: api_symbol(option), f"{name}-streamer-symbol": streamer_symbol(option)}
    return body


def get_compact_chain(ask: Ask) -> Reply:
    """One item per root, settlement and kind of expiration; dates mixed in two parallel lists."""
    underlying, chain = find_chain(ask)
    groups: dict[tuple[str, str, str, int], list[Option]] = {}
    for each in chain.expirations:
        key = (each.root, each.settlement, each.kind, int(each.multiplier))
        groups.setdefault(key, []).extend(options_of(each))
    return items(
        [
            root_json(underlying, root, shares)
            | {
                "settlement-type": settlement,
                "expiration-type": KINDS[kind],
                "symbols": [api_symbol(option) for option in options],
                "streamer-symbols": [streamer_symbol(option) for option in options],
            }
            for (root, settlement, kind, shares), options in groups.items()
        ]
    )
