"""The deltas of the options around the money, by which a strategy finds its strikes: told, else by the desk's model."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from brokers.domain.instruments import FutureOption, Instrument, Option
from brokers.domain.market import Quote, Strike
from brokers.domain.orders import InvalidTicket
from brokers.models import Account
from trading.analytics import AnalyticLeg, settle_moment
from trading.analytics.strategies import AnyOption
from trading.analytics.valuing import position_greeks, with_volatilities
from trading.drafting import chains
from trading.drafting.estimates import quotes_of

NEAR_DELTAS = 60
"""Quotes for so many strikes around the money are asked for, to find a delta."""
ONE = Decimal(1)


def price_and_deltas(
    account: Account, underlying: Instrument, boards: Sequence[Sequence[Strike]]
) -> tuple[Decimal, dict[AnyOption, float]]:
    """The underlying's price (``InvalidTicket`` without one) and the deltas that are known or can be estimated."""
    quote = quotes_of(account, [underlying]).get(underlying)
    price = quote.fair_price if quote is not None else None
    if price is None:
        raise InvalidTicket("", f"There is no price of {underlying} at the moment: choose the strikes yourself.")
    deltas: dict[AnyOption, float] = {}
    for board in boards:
        around = sorted(board, key=lambda strike: abs(strike.price - price))[:NEAR_DELTAS]
        deltas |= _of_board(account, [one for strike in around for one in (strike.call, strike.put) if one], price)
    return price, deltas


def _of_board(account: Account, options: Sequence[AnyOption], price: Decimal) -> dict[AnyOption, float]:
    """Of one expiration."""
    if not options:
        return {}
    quotes, now = quotes_of(account, options), timezone.now()
    first = options[0]
    ends = chains.settles_at(account, first) if isinstance(first, Option) else settle_moment(first.expiry)
    found = {option: _delta(option, quotes.get(option), price, ends, now) for option in options}
    return {option: delta for option, delta in found.items() if delta is not None}


def _delta(
    option: Option | FutureOption, quote: Quote | None, price: Decimal, ends: datetime, now: datetime
) -> float | None:
    if quote is None:
        return None
    if quote.delta is not None:
        return float(quote.delta)
    leg = AnalyticLeg(option, ONE, ONE, quote.fair_price, settles_at=ends)
    greeks = position_greeks(with_volatilities([leg], price, now), price, now)
    return greeks.delta if greeks is not None else None
