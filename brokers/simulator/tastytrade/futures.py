"""Futures: the delivery months that are listed (section 4.7)."""

from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity
from brokers.simulator.market import Market
from brokers.simulator.market.contracts import Contract, Product
from brokers.simulator.tastytrade.envelope import Reply, amount, moment, not_found
from brokers.simulator.tastytrade.future_products import calendar_reversed, exchange_of, finest, product_json
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import increments_json, listing_page, number_of
from brokers.simulator.tastytrade.symbols import api_symbol, parse_future, streamer_symbol

SHARES_ALIKE = {
    **dict.fromkeys(("ES", "MES"), "SPY"),
    **dict.fromkeys(("NQ", "MNQ"), "QQQ"),
    **{"RTY": "IWM", "GC": "GLD", "ZB": "TLT"},
}


# Contracts


def list_futures(ask: Ask) -> Reply:
    market = ask.world.market
    symbols, products = ask.many("symbol"), ask.many("product-code")
    numbers, exchange = ask.many("security-id"), ask.query.get("exchange")
    wanted = {parse_symbol(market, symbol) for symbol in symbols}
    rows = [
        future_json(contract, market)
        for contract in all_contracts(market)
        if (not symbols or api_symbol(contract.future) in wanted)
        and (not products or contract.product.code in products)
        and exchange in (None, "", exchange_of(contract.product))
    ]
    return listing_page(ask, [row for row in rows if not numbers or row["security-id"] in numbers])


def parse_symbol(market: Market, text: str) -> str:
    """A future's API symbol as the API writes it: the slash may be left out, the year have two digits."""
    try:
        return api_symbol(parse_future(text, market.now.date()))
    except ValueError:
        return text


def all_contracts(market: Market) -> list[Contract]:
    return [contract for product in market.products() for contract in market.contracts(product.code)]


def get_future(ask: Ask) -> Reply:
    try:
        future = parse_future(ask.names["symbol"], ask.world.today())
    except ValueError:
        raise not_found("instrument") from None
    contract = ask.world.market.contract(future)
    if contract is None:
        raise not_found("instrument")
    return Reply(future_json(contract, ask.world.market))


def future_json(contract: Contract, market: Market) -> dict[str, Any]:
    future, product = contract.future, contract.product
    symbol, last_day = api_symbol(future), contract.last_trade_at.date().isoformat()
    main, sub = fractions_of(product)
    follower = next_month(contract, market)
    body: dict[str, Any] = {
        "symbol": symbol,
        "product-code": product.code,
        "exchange-symbol": symbol.removeprefix("/"),
        "exchange": exchange_of(product),
        "streamer-symbol": streamer_symbol(future),
        "streamer-exchange-code": product.exchange,
        "contract-size": "1.0",
        "tick-size": finest(product),
        "notional-multiplier": amount(product.multiplier),
        "main-fraction": main,
        "sub-fraction": sub,
        "display-factor": amount(product.display_factor),
        "last-trade-date": last_day,
        "expiration-date": contract.expires_at.date().isoformat(),
        "closing-only-date": (contract.first_notice_date or contract.last_trade_at.date()).isoformat(),
        "active": True,
        "active-month": contract.active_month,
        "next-active-month": contract.next_active_month,
        "is-closing-only": False,
        "is-tradeable": True,
        "stops-trading-at": moment(contract.last_trade_at),
        "expires-at": moment(contract.expires_at),
        "product-group": f"{exchange_of(product)}_{product.market_sector.upper().replace(' ', '_')}",
        "back-month-first-calendar-symbol": calendar_reversed(product),
        "security-id": security_id(symbol),
        "future-product": product_json(product),
        "tick-sizes": increments_json(product.tick),
    }
    if contract.first_notice_date is not None:
        body["first-notice-date"] = contract.first_notice_date.isoformat()
    if product.option_increments is not None:
        body["option-tick-sizes"] = increments_json(product.option_increments)
    if follower is not None:
        body["roll-target-symbol"] = api_symbol(follower.future)
        body["spread-tick-sizes"] = [{"symbol": api_symbol(follower.future), "value": finest(product)}]
    return body | shares_alike(contract, market)


def next_month(contract: Contract, market: Market) -> Contract | None:
    """The contract that a holder would roll into."""
    listed = market.contracts(contract.product.code)
    later = [
        each for each in listed if (each.future.year, each.future.month) > (contract.future.year, contract.future.month)
    ]
    return later[0] if later else None


def shares_alike(contract: Contract, market: Market) -> dict[str, Any]:
    """As how many shares of a fund one contract weighs, where a fund follows the same thing."""
    fund = SHARES_ALIKE.get(contract.product.code)
    book, price = market.book(contract.future), market.book(Equity(fund)) if fund else None
    if book is None or price is None or not book.mark or not price.mark:
        return {}
    shares = int(book.mark * contract.product.multiplier / price.mark)
    return {"future-etf-equivalent": {"symbol": fund, "share-quantity": shares}}


def fractions_of(product: Product) -> tuple[str, str]:
    """The parts of a point that bonds are quoted in: 32nds, and halves or smaller of them."""
    whole = Decimal(1) / 32
    tick = product.tick.steps[-1][1]
    if tick > whole or (tick * 256) % 1:
        return "0.0", "0.0"
    return str(whole), "0.0" if tick == whole else str(tick)


def security_id(symbol: str) -> str:
    return str(42_000_000 + number_of(symbol))
