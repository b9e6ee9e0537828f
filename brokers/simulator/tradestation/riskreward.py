"""What a spread can gain and lose at expiration (M8), worked out from its payoff."""

from decimal import Decimal
from functools import reduce
from math import gcd
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Equity, Option, Right
from brokers.simulator.market import Market
from brokers.simulator.tradestation.answers import bad_request, decimal
from brokers.simulator.tradestation.payoff import Payoff, Piece
from brokers.simulator.tradestation.symbols import find

if TYPE_CHECKING:
    from brokers.simulator.tradestation.gate import Ask

HUNDRED = Decimal(100)


def post_risk_reward(ask: "Ask") -> dict[str, Any]:
    """M8: dollars for the given quantities; a debit paid is a positive ``SpreadPrice`` per unit of the spread."""
    body = ask.json()
    price = _number(body.get("spreadprice"), "SpreadPrice")
    legs = body.get("legs")
    if not isinstance(legs, list) or not legs:
        raise bad_request("At least one leg is required.")
    read = [_leg(ask.world.market, leg) for leg in legs]
    if len({option.expiry for option, _ in read if isinstance(option, Option)}) > 1:
        raise bad_request("All legs must have the same expiration date.")
    return risk_reward(ask.world.market, price, read)


def risk_reward(market: Market, price: Decimal, legs: list[tuple[Option | Equity, int]]) -> dict[str, Any]:
    units = reduce(gcd, (_contracts(each, quantity) for each, quantity in legs))
    pieces = tuple(_piece(market, each, quantity) for each, quantity in legs)
    payoff = Payoff(pieces, price * units * HUNDRED)
    most, least = payoff.most, payoff.least
    return {
        "MaxGainIsInfinite": most is None,
        "AdjustedMaxGain": "0" if most is None else decimal(most, 4),
        "MaxLossIsInfinite": least is None,
        "AdjustedMaxLoss": "0" if least is None else decimal(least, 4),
        "BreakevenPoints": [decimal(zero, 4) for zero in payoff.zeros() if zero > 0],
    }


def _contracts(each: Option | Equity, quantity: int) -> int:
    """The quantity in hundreds of shares, for shares that come in hundreds."""
    return abs(quantity) // 100 if isinstance(each, Equity) and quantity % 100 == 0 else abs(quantity)


def _piece(market: Market, each: Option | Equity, quantity: int) -> Piece:
    if isinstance(each, Equity):
        return Piece("unit", Decimal(quantity))
    listing = market.listing(each)
    size = Decimal(quantity) * (listing.multiplier if listing else HUNDRED)
    return Piece("call" if each.right is Right.CALL else "put", size, each.strike)


def _leg(market: Market, leg: Any) -> tuple[Option | Equity, int]:
    """A leg's instrument and signed quantity; raises ``Failure``."""
    given = leg if isinstance(leg, dict) else {}
    instrument = find(str(given.get("symbol", "")), market)
    if not isinstance(instrument, (Option, Equity)):
        raise bad_request(f"Invalid symbol {str(given.get('symbol', ''))[:40]}.")
    quantity = _number(given.get("quantity"), "Quantity")
    if quantity == 0 or quantity != int(quantity) or abs(quantity) > 1_000_000:
        raise bad_request("Quantity must be a whole number other than 0.")
    action = str(given.get("tradeaction", "")).upper()
    if action not in ("BUY", "SELL"):
        raise bad_request("TradeAction must be BUY or SELL.")
    return instrument, abs(int(quantity)) * (1 if action == "BUY" else -1)


def _number(value: Any, name: str) -> Decimal:
    """A JSON number, tolerated as text; raises ``Failure``."""
    try:
        if isinstance(value, bool):
            raise ValueError
        number = Decimal(str(value))
        if not number.is_finite() or abs(number) > 1_000_000:
            raise ValueError
    except (ValueError, ArithmeticError):
        raise bad_request(f"{name} is missing or not a number.") from None
    return number
