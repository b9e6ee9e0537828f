"""Options on futures and their chains: symbols only; prices are market data (section 4.7)."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from brokers.domain.instruments import FutureOption, plain
from brokers.simulator.market import Market
from brokers.simulator.market.contracts import Contract, FutureExpiration, FutureStrike
from brokers.simulator.tastytrade.daily import for_today
from brokers.simulator.tastytrade.envelope import Reply, amount, moment, not_found
from brokers.simulator.tastytrade.future_products import exchange_of, option_product_json
from brokers.simulator.tastytrade.futures import security_id
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import KINDS, increments_json
from brokers.simulator.tastytrade.symbols import api_symbol, listed, short_year, streamer_symbol


def newest(ask: Ask, chain: list[FutureExpiration]) -> datetime | None:
    """When those expire that were listed so lately that they have no streamer symbol yet: the last ones.

    None when all have one, as they mostly do at the broker.
    """
    return chain[-1].expires_at if ask.world.switches.late_streamer_symbols and len(chain) > 1 else None


def get_future_option(ask: Ask) -> Reply:
    market = ask.world.market
    found = listed(market, ask.names["symbol"])
    if found is None or not isinstance(found.instrument, FutureOption):
        raise not_found("instrument")
    option = found.instrument
    chain = market.future_chain(option.future.product)
    late = newest(ask, chain)
    for expiration in chain:
        if (expiration.contract, expiration.expiry) == (option.contract, option.expiry):
            fresh = expiration.expires_at == late
            return Reply(option_json(option, expiration, ask.world.today(), fresh=fresh))
    raise not_found("instrument")


def option_json(option: FutureOption, expiration: FutureExpiration, today: date, *, fresh: bool) -> dict[str, Any]:
    series, product = expiration.option_product, expiration.product
    symbol, code = api_symbol(option), short_year(option.contract)
    ends = moment(expiration.expires_at)
    body: dict[str, Any] = {
        "symbol": symbol,
        "underlying-symbol": api_symbol(option.future),
        "product-code": product.code,
        "root-symbol": f"/{product.code}",
        "option-root-symbol": series.code,
        "option-type": option.right.value,
        "strike-price": amount(option.strike),
        "exchange": exchange_of(product),
        "exchange-symbol": f"{code} {option.right}{plain(option.strike)}",
        "exercise-style": series.style,
        "expiration-date": option.expiry.isoformat(),
        "expires-at": ends,
        "stops-trading-at": ends,
        "days-to-expiration": (option.expiry - today).days,
        "maturity-date": option.expiry.isoformat(),
        "last-trade-time": "0",
        "settlement-type": "Cash" if series.cash_settled else "Future",
        "is-vanilla": True,
        "is-primary-deliverable": True,
        "is-confirmed": True,
        "is-closing-only": False,
        "is-exercisable-weekly": series.kind != "regular",
        "active": True,
        "multiplier": "1.0",
        "notional-value": amount(product.multiplier * product.display_factor),
        "display-factor": amount(product.display_factor),
        "strike-factor": "1.0",
        "future-price-ratio": "1.0",
        "underlying-count": "1.0",
        "security-exchange": "2",
        "sx-id": "0",
        "future-option-product": option_product_json(series, product),
    }
    if not fresh:
        body |= {"streamer-symbol": streamer_symbol(option), "security-id": security_id(symbol)}
    return body


# Chains


def find_chain(ask: Ask) -> tuple[str, list[FutureExpiration]]:
    code = ask.names["product"].removeprefix("/")
    chain = ask.world.market.future_chain(code) if ask.world.market.product(code) else []
    if not chain:
        raise not_found("option chain")
    return code, chain


def get_chain(ask: Ask) -> Reply:
    code, chain = find_chain(ask)
    today, late = ask.world.today(), newest(ask, chain)
    return Reply(
        for_today(ask.world, ("future options", code, late), lambda: {"items": list(_flat(chain, today, late))})
    )


def _flat(chain: list[FutureExpiration], today: date, late: datetime | None) -> Iterator[dict[str, Any]]:
    for expiration in chain:
        fresh = expiration.expires_at == late
        for strike in expiration.strikes:
            for option in (strike.call, strike.put):
                yield option_json(option, expiration, today, fresh=fresh)


def get_nested_chain(ask: Ask) -> Reply:
    """Two arrays, the futures and their options; strikes come in no order, as at the broker."""
    code, chain = find_chain(ask)
    market, today, late = ask.world.market, ask.world.today(), newest(ask, chain)
    key = ("nested future options", code, late)
    return Reply(for_today(ask.world, key, lambda: _nested(code, chain, market, today, late)))


def _nested(
    code: str, chain: list[FutureExpiration], market: Market, today: date, late: datetime | None
) -> dict[str, Any]:
    used = {expiration.future for expiration in chain}
    futures = [future_line(each, today) for each in market.contracts(code) if each.future in used]
    styles = {expiration.option_product.style for expiration in chain}
    chains = [
        {
            "underlying-symbol": f"/{code}",
            "root-symbol": f"/{code}",
            "exercise-style": style,
            "expirations": [
                expiration_json(each, today, fresh=each.expires_at == late)
                for each in chain
                if each.option_product.style == style
            ],
        }
        for style in sorted(styles)
    ]
    return {"futures": futures, "option-chains": chains}


def future_line(contract: Contract, today: date) -> dict[str, Any]:
    expires = contract.expires_at
    return {
        "symbol": api_symbol(contract.future),
        "root-symbol": f"/{contract.product.code}",
        "streamer-symbol": streamer_symbol(contract.future),
        "expiration-date": expires.date().isoformat(),
        "days-to-expiration": (expires.date() - today).days,
        "active-month": contract.active_month,
        "next-active-month": contract.next_active_month,
        "stops-trading-at": moment(contract.last_trade_at),
        "expires-at": moment(expires),
    }


def expiration_json(expiration: FutureExpiration, today: date, *, fresh: bool) -> dict[str, Any]:
    product, ends = expiration.product, moment(expiration.expires_at)
    return {
        "underlying-symbol": api_symbol(expiration.future),
        "root-symbol": f"/{product.code}",
        "option-root-symbol": expiration.option_product.code,
        "option-contract-symbol": short_year(expiration.contract),
        "asset": expiration.option_product.code,
        "expiration-date": expiration.expiry.isoformat(),
        "days-to-expiration": (expiration.expiry - today).days,
        "expiration-type": KINDS[expiration.kind],
        "settlement-type": "PM",
        "notional-value": amount(product.multiplier * product.display_factor),
        "display-factor": amount(product.display_factor),
        "strike-factor": "1.0",
        "stops-trading-at": ends,
        "expires-at": ends,
        "tick-sizes": increments_json(expiration.increments),
        "strikes": [
            strike_json(each, fresh=fresh) for each in sorted(expiration.strikes, key=lambda each: str(each.price))
        ],
    }


def strike_json(strike: FutureStrike, *, fresh: bool) -> dict[str, str]:
    body = {"strike-price": amount(strike.price)}
    for name, option in (("call", strike.call), ("put", strike.put)):
        body[name] = api_symbol(option)
        if not fresh:
            body[f"{name}-streamer-symbol"] = streamer_symbol(option)
    return body
