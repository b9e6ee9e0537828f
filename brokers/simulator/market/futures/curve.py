"""What a delivery month costs: a curve over its product's base price, which it meets at its end."""

from datetime import date, datetime
from math import exp, log

from brokers.simulator.market.contracts import Contract, Product
from brokers.simulator.market.futures.months import active_month
from brokers.simulator.market.pricing import RATE, YEAR

INDEX_YIELD = 0.013


def fair(product: Product, month: int, ends: datetime, at: datetime, base: float) -> float:
    """The fair price of a delivery month, given the base price then."""
    years = max((ends - at).total_seconds(), 0.0) / YEAR
    if product.follows is not None:
        return base * exp((RATE - INDEX_YIELD) * years)
    season = product.season[month - 1] if product.season else 1.0
    away = log(base / product.start) * exp(-product.fade * years) if product.fade else log(base / product.start)
    return season * product.start * exp(away + product.carry * years)


def share(contract: Contract, day: date) -> float:
    """The part of the product's trading on a day that is in a month: ever less behind the active one."""
    year, month = contract.future.year, contract.future.month
    ahead = (year - day.year) * 12 + month - day.month
    return 1.0 if (year, month) == active_month(contract.product, day) else 0.12 / (1 + max(ahead, 0))
