"""Products of the futures exchanges, and the series of options on them (section 4.7)."""

from typing import Any

from brokers.domain.instruments import MONTH_CODES
from brokers.simulator.market import Market
from brokers.simulator.market.contracts import OptionProduct, Product
from brokers.simulator.tastytrade.envelope import Reply, amount, items, not_found
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import KINDS

EXCHANGES = {"XCBF": "CFE", "SMFE": "SMALLS"}
LEGACY_EXCHANGES = {"XCME": "CME", "XCBT": "CBT", "XNYM": "NYM", "XCEC": "CMX", "XCBF": "CFE"}
CLEARING_CODES = {"XCME": "16", "XCBT": "01", "XNYM": "07", "XCEC": "04", "XCBF": "22"}
CUTOFF = {"offset-seconds": 34200, "timezone": "Market Zone", "timing": "Default"}


def exchange_of(product: Product) -> str:
    """The broker's word for the exchange: all of the CME Group is CME."""
    return EXCHANGES.get(product.exchange, "CME")


def finest(product: Product) -> str:
    return amount(product.tick.steps[0][1])


def calendar_reversed(product: Product) -> bool:
    return len(product.months) == 4


def list_products(ask: Ask) -> Reply:
    return items([whole_product_json(product) for product in ask.world.market.products()])


def get_product(ask: Ask) -> Reply:
    product = ask.world.market.product(ask.names["code"])
    if product is None or exchange_of(product) != ask.names["exchange"]:
        raise not_found("future product")
    return Reply(whole_product_json(product))


def whole_product_json(product: Product) -> dict[str, Any]:
    """A product with the options on it."""
    options = [option_product_json(each, product) for each in product.options]
    return product_json(product) | ({"option-products": options} if options else {})


def product_json(product: Product) -> dict[str, Any]:
    return {
        "root-symbol": f"/{product.code}",
        "code": product.code,
        "description": product.description,
        "clearing-code": product.code,
        "clearing-exchange-code": CLEARING_CODES.get(product.exchange, "16"),
        "clearport-code": product.code,
        "legacy-code": product.code,
        "exchange": exchange_of(product),
        "legacy-exchange-code": LEGACY_EXCHANGES.get(product.exchange, "CME"),
        "product-type": "Financial" if product.cash_settled else "Physical",
        "listed-months": sorted(product.months, key=MONTH_CODES.index),
        "active-months": sorted(product.months, key=MONTH_CODES.index),
        "notional-multiplier": amount(product.multiplier),
        "tick-size": finest(product),
        "display-factor": amount(product.display_factor),
        "streamer-exchange-code": product.exchange,
        "small-notional": bool(product.group),
        "back-month-first-calendar-symbol": calendar_reversed(product),
        "first-notice": product.first_notice,
        "cash-settled": product.cash_settled,
        "security-group": product.code,
        "market-sector": product.market_sector,
        "supported": True,
        "futures-trading-cutoff-times": [CUTOFF],
        "roll": roll_json(product),
    }


def roll_json(product: Product) -> dict[str, Any]:
    return {
        "name": product.market_sector.lower().replace(" ", "_"),
        "active-count": product.listed,
        "cash-settled": product.cash_settled,
        "business-days-offset": product.roll_days,
        "first-notice": product.first_notice,
    }


# Series of options


def option_products(market: Market) -> list[tuple[OptionProduct, Product]]:
    return [(each, product) for product in market.products() for each in product.options]


def list_option_products(ask: Ask) -> Reply:
    return items([option_product_with_future(*pair) for pair in option_products(ask.world.market)])


def get_option_product(ask: Ask) -> Reply:
    exchange = ask.names.get("exchange")
    for each, product in option_products(ask.world.market):
        if each.code == ask.names["code"] and exchange in (None, exchange_of(product)):
            return Reply(option_product_with_future(each, product))
    raise not_found("future option product")


def option_product_with_future(series: OptionProduct, product: Product) -> dict[str, Any]:
    return option_product_json(series, product) | {"future-product": product_json(product)}


def option_product_json(series: OptionProduct, product: Product) -> dict[str, Any]:
    return {
        "root-symbol": series.code,
        "code": series.code,
        "exchange": exchange_of(product),
        "product-type": "Financial" if series.cash_settled else "Physical",
        "expiration-type": KINDS[series.kind],
        "market-sector": product.market_sector,
        "cash-settled": series.cash_settled,
        "is-am-settled": False,
        "is-rollover": False,
        "clearing-code": series.code,
        "clearing-exchange-code": CLEARING_CODES.get(product.exchange, "16"),
        "clearing-price-multiplier": "1.0",
        "clearport-code": series.code,
        "legacy-code": series.code,
        "display-factor": amount(product.display_factor),
        "settlement-delay-days": 0,
        "supported": True,
    }
