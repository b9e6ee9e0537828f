"""Pay-off, break-evens, chances and Greeks of orders and holdings. Pure; what comes from a model is an estimate.

Options are valued as European (Black-Scholes, on futures Black-76): exercise before the end is not counted.
"""

from trading.analytics.building import CannotBuild, build
from trading.analytics.figures import CurvePoint, Figures, figures
from trading.analytics.legs import UNLIMITED, Amount, AnalyticLeg, Bound, cash, price_size, settle_moment
from trading.analytics.outcomes import Outcome, outcomes
from trading.analytics.pricing import Greeks, black_76, black_scholes, implied_volatility
from trading.analytics.strategies import Kind, Strategy, recognise
from trading.analytics.valuing import PositionGreeks, Rates

__all__ = [
    "UNLIMITED",
    "Amount",
    "AnalyticLeg",
    "Bound",
    "CannotBuild",
    "CurvePoint",
    "Figures",
    "Greeks",
    "Kind",
    "Outcome",
    "PositionGreeks",
    "Rates",
    "Strategy",
    "black_76",
    "black_scholes",
    "build",
    "cash",
    "figures",
    "implied_volatility",
    "outcomes",
    "price_size",
    "recognise",
    "settle_moment",
]
