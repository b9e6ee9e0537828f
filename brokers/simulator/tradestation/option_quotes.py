"""One option or spread as the option streams show it: prices of its legs added up, Greeks, chances. Floats: no money
is counted here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import erf, log, sqrt
from typing import Any

from brokers.domain.instruments import Instrument, Option, Right, plain
from brokers.simulator.market import Book, Market
from brokers.simulator.market.pricing import YEAR, value
from brokers.simulator.tradestation.answers import day, decimal
from brokers.simulator.tradestation.payoff import Payoff, Piece, chance
from brokers.simulator.tradestation.symbols import asset_type, to_wire

ASSET_NAMES = {
    "STOCKOPTION": "StockOption",
    "INDEXOPTION": "IndexOption",
    "STOCK": "Stock",
    "FUTUREOPTION": "FutureOption",
}
SHARES = 100
SHORTEST = 60 / YEAR
USUAL_VOLATILITY = 0.25


@dataclass(frozen=True, slots=True)
class Pricing:
    """What theoretical values are made with: rates and volatility as fractions a year, the underlying's price."""

    spot: float
    rate: float
    history: float
    now: datetime


@dataclass(frozen=True, slots=True)
class Leg:
    """``weight``: units of price for one of the spread; 100 shares count as one."""

    instrument: Instrument
    ratio: int
    weight: float
    book: Book
    expires_at: datetime | None


def legs_of(market: Market, parts: Sequence[tuple[Instrument, int]]) -> list[Leg] | None:
    """The legs with their books; None when one has none."""
    found = []
    for instrument, ratio in parts:
        book = market.book(instrument)
        if book is None:
            return None
        if isinstance(instrument, Option):
            found.append(Leg(instrument, ratio, ratio, book, market.expires_at(instrument)))
        else:
            found.append(Leg(instrument, ratio, ratio / SHARES, book, None))
    return found


def option_fields(
    market: Market, legs: Sequence[Leg], side: str, pricing: Pricing, *, greeks: bool = True
) -> dict[str, Any]:
    """The object of the option streams."""
    fields: dict[str, Any] = dict(_greeks(legs, pricing)) if greeks else {}
    fields |= _touch(legs) | _day(legs)
    fields["Side"] = side
    strikes = {leg.instrument.strike for leg in legs if isinstance(leg.instrument, Option)}
    fields["Strikes"] = [plain(strike) for strike in sorted(strikes)]
    fields["Legs"] = [_leg(market, leg) for leg in legs]
    return fields


def _leg(market: Market, leg: Leg) -> dict[str, Any]:
    kind = asset_type(leg.instrument, market)
    told: dict[str, Any] = {"Symbol": to_wire(leg.instrument), "Ratio": leg.ratio}
    if isinstance(leg.instrument, Option):
        told["StrikePrice"] = plain(leg.instrument.strike)
        told["Expiration"] = day(leg.instrument.expiry)
        told["OptionType"] = "Call" if leg.instrument.right is Right.CALL else "Put"
    return told | {"AssetType": ASSET_NAMES.get(kind, kind)}


# Prices


def _touch(legs: Sequence[Leg]) -> dict[str, Any]:
    """Bid and ask of the whole: what is bought pays the ask, what is sold gets the bid. Sizes: the thinnest leg's."""
    ask = _sum(legs, lambda leg: leg.book.ask if leg.ratio > 0 else leg.book.bid)
    bid = _sum(legs, lambda leg: leg.book.bid if leg.ratio > 0 else leg.book.ask)
    fields: dict[str, Any] = {"DailyOpenInterest": min(leg.book.open_interest or 0 for leg in legs)}
    if ask is not None and bid is not None:
        fields |= {"Ask": _price(ask), "Bid": _price(bid), "Mid": _price((ask + bid) / 2)}
    asks = [leg.book.ask_size if leg.ratio > 0 else leg.book.bid_size for leg in legs]
    bids = [leg.book.bid_size if leg.ratio > 0 else leg.book.ask_size for leg in legs]
    return fields | {"AskSize": _units(asks, legs), "BidSize": _units(bids, legs)}


def _units(sizes: Sequence[int], legs: Sequence[Leg]) -> int:
    return min(size // abs(leg.ratio) for size, leg in zip(sizes, legs, strict=True))


def _day(legs: Sequence[Leg]) -> dict[str, Any]:
    """The day's figures. A spread's extremes are not known, so they are shown for a single option only."""
    last, before = _sum(legs, lambda leg: leg.book.last), _sum(legs, lambda leg: leg.book.prev_close)
    fields: dict[str, Any] = {"Close": _price(last), "Last": _price(last)}
    if len(legs) == 1:
        fields |= {"High": _price(legs[0].book.high), "Low": _price(legs[0].book.low)}
    fields |= {"Open": _price(_sum(legs, lambda leg: leg.book.open)), "PreviousClose": _price(before)}
    if last is not None and before is not None:
        fields["NetChange"] = _price(last - before)
        if before:
            fields["NetChangePct"] = decimal((last - before) / abs(before) * 100, 4)
    fields["Volume"] = min(leg.book.volume for leg in legs)
    return {name: each for name, each in fields.items() if each is not None}


def _sum(legs: Sequence[Leg], of: Any) -> Decimal | None:
    total = Decimal(0)
    for leg in legs:
        price = of(leg)
        if price is None:
            return None
        total += price * Decimal(str(leg.weight))
    return total


def _price(number: Decimal | None) -> str | None:
    return None if number is None else decimal(number, 4)


# Greeks and chances


def _greeks(legs: Sequence[Leg], pricing: Pricing) -> dict[str, str]:
    fields: dict[str, str] = {}
    sums = {"Delta": "delta", "Theta": "theta", "Gamma": "gamma", "Rho": "rho", "Vega": "vega"}
    for name, key in sums.items():
        fields[name] = _number(sum(leg.weight * _greek(leg, key) for leg in legs))
    options = [leg for leg in legs if isinstance(leg.instrument, Option)]
    if not options:
        return fields
    implied = sum(implied_volatility(leg) for leg in options) / len(options)
    fields["ImpliedVolatility"] = _number(implied)
    fields |= _values(legs, pricing)
    fields |= _chances(legs, options, pricing, implied)
    return fields


def _greek(leg: Leg, name: str) -> float:
    """Shares have a delta of one and nothing else."""
    if leg.book.greeks is not None:
        return float(getattr(leg.book.greeks, name))
    return 1.0 if name == "delta" else 0.0


def implied_volatility(leg: Leg) -> float:
    """The volatility at which the model meets the middle of the touch: one step from the surface's own."""
    found = leg.book.greeks
    if found is None:
        return USUAL_VOLATILITY
    mark = leg.book.mark
    if mark is None or found.vega < 0.0005:
        return found.volatility
    moved = found.volatility + (float(mark) - found.price) / found.vega / 100
    return min(max(moved, found.volatility / 2), found.volatility * 2)


def _values(legs: Sequence[Leg], pricing: Pricing) -> dict[str, str]:
    mark = _sum(legs, lambda leg: leg.book.mark)
    now = sum(leg.weight * _intrinsic(leg, pricing.spot) for leg in legs)
    fields = {
        "IntrinsicValue": _number(now),
        "TheoreticalValue": _number(sum(leg.weight * _worth(leg, pricing, pricing.history) for leg in legs)),
    }
    if mark is not None:
        fields["ExtrinsicValue"] = _number(float(mark) - now)
        worth = sum(leg.weight * _worth(leg, pricing, implied_volatility(leg)) for leg in legs)
        fields["TheoreticalValue_IV"] = _number(worth)
    return fields


def _intrinsic(leg: Leg, spot: float) -> float:
    if not isinstance(leg.instrument, Option):
        return float(leg.book.mark or 0)
    away = spot - float(leg.instrument.strike)
    return max(away if leg.instrument.right is Right.CALL else -away, 0.0)


def _worth(leg: Leg, pricing: Pricing, volatility: float) -> float:
    if not isinstance(leg.instrument, Option):
        return float(leg.book.mark or 0)
    strike, is_call = float(leg.instrument.strike), leg.instrument.right is Right.CALL
    return value(pricing.spot, strike, _years(leg, pricing), volatility, pricing.rate, is_call)


def _years(leg: Leg, pricing: Pricing) -> float:
    left = (leg.expires_at - pricing.now).total_seconds() / YEAR if leg.expires_at else 0.0
    return max(left, SHORTEST)


def _chances(legs: Sequence[Leg], options: Sequence[Leg], pricing: Pricing, implied: float) -> dict[str, str]:
    """How likely it is in the money, and better than what it costs, at expiration; unknown over two expirations."""
    years = _years(options[0], pricing)
    fields = {"StandardDeviation": _number(pricing.spot * pricing.history * sqrt(years))}
    if len({leg.expires_at for leg in options}) > 1:
        return fields
    pieces = tuple(_piece(leg) for leg in legs)
    cost = _sum(legs, lambda leg: leg.book.ask if leg.ratio > 0 else leg.book.bid)
    for suffix, volatility in (("", pricing.history), ("_IV", implied)):
        below = _below(pricing, volatility, years)
        inside = min(max(chance(Payoff(pieces), below), 0.0), 1.0)
        fields[f"ProbabilityITM{suffix}"] = _number(inside)
        fields[f"ProbabilityOTM{suffix}"] = _number(1 - inside)
        if cost is not None:
            fields[f"ProbabilityBE{suffix}"] = _number(min(max(chance(Payoff(pieces, cost), below), 0.0), 1.0))
    return fields


def _piece(leg: Leg) -> Piece:
    weight = Decimal(str(leg.weight))
    if not isinstance(leg.instrument, Option):
        return Piece("unit", weight)
    return Piece("call" if leg.instrument.right is Right.CALL else "put", weight, leg.instrument.strike)


def _below(pricing: Pricing, volatility: float, years: float) -> Any:
    """The chance that the underlying ends below a level: a lognormal one."""
    spread = max(volatility, 0.01) * sqrt(years)
    drift = pricing.rate * years - spread * spread / 2

    def below(level: Decimal) -> float:
        return 0.5 * (1 + erf((log(float(level) / pricing.spot) - drift) / spread / sqrt(2)))

    return below


def _number(number: float) -> str:
    return decimal(round(number, 4))
