"""What a delivery month costs: a curve over its product's base price, which it meets at its end."""

from datetime import datetime
from math import exp, log

from brokers.simulator.market.contracts import Contract, Product
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


def share(contract: Contract, at: datetime) -> float:
    """The part of the product's trading that is in a month: nearly all in the active one, ever less behind it."""
    months = (contract.future.year - at.year) * 12 + contract.future.month - at.month
    return 1.0 if contract.active_month else 0.12 / (1 + max(months, 0))
