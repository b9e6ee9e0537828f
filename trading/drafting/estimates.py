"""The desk's own figures for a ticket that is being filled in: the market of its legs, what they make, what they gain.

All of it is an estimate from quotes: nothing here decides whether an order is sent.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.cache import cache
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import (
    Future,
    FutureOption,
    Instrument,
    Option,
    contract_multiplier,
    parse_instrument,
    plain,
)
from brokers.domain.market import Details, Quote
from brokers.domain.orders import InvalidTicket, Leg
from brokers.errors import BrokerError
from brokers.live.hub import hub
from brokers.models import Account
from trading.analytics import AnalyticLeg, Figures, Strategy, figures, price_size, recognise, settle_moment
from trading.analytics.strategies import Part
from trading.drafting import chains
from trading.instruments import details_of

FRESH = timedelta(seconds=15)
KEPT = 3
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Market:
    """The net price of an order from the account's side (credit positive), per unit. ``natural`` is what it could be
    done at once for; ``far`` the other side."""

    natural: Decimal | None
    mid: Decimal | None
    far: Decimal | None


@dataclass(frozen=True, slots=True)
class LegMarket:
    """One leg with its quote and what the broker says of its instrument."""

    leg: Leg
    multiplier: Decimal | None
    quote: Quote | None
    details: Details | None

    @property
    def steps(self) -> str:
        """The price grid for a script: JSON pairs of a threshold (null: none) and the step below it."""
        steps = self.details.increments.steps if self.details is not None else ()
        return json.dumps([[plain(below) if below is not None else None, plain(step)] for below, step in steps])

    @property
    def mid(self) -> Decimal | None:
        return _price(self, "mid")

    @property
    def action_words(self) -> str:
        return str(self.leg.action).replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Estimate:
    """``figures`` is None where the legs are on different things or are not known; ``why`` then says so."""

    legs: tuple[LegMarket, ...]
    strategy: Strategy
    market: Market
    underlying: str
    underlying_price: Decimal | None
    net_price: Decimal | None
    figures: Figures | None
    why: str
    at: datetime

    @property
    def has_options(self) -> bool:
        return any(isinstance(row.leg.instrument, Option | FutureOption) for row in self.legs)


def estimate(account: Account, legs: Sequence[Leg], limit: Decimal | None = None) -> Estimate:
    """Figures at a limit price (signed), else at the middle of the market. Raises nothing: unknown is None."""
    now = timezone.now()
    details = {leg.instrument: _details(account, leg.instrument) for leg in legs}
    under = {_on(account, leg.instrument, details[leg.instrument]) for leg in legs}
    underlying = next(iter(under)) if len(under) == 1 else ""
    wanted = {leg.instrument for leg in legs} | ({parse_instrument(underlying)} if underlying else set())
    quotes = quotes_of(account, wanted)
    rows = tuple(
        LegMarket(leg, _multiplier(leg, details[leg.instrument]), quotes.get(leg.instrument), details[leg.instrument])
        for leg in legs
    )
    market = market_of(rows)
    under_quote = quotes.get(parse_instrument(underlying)) if underlying else None
    spot = under_quote.fair_price if under_quote is not None else None
    net = limit if limit is not None else market.mid
    why = "" if underlying else "The legs are on different underlyings: together they have no curve."
    found = None
    if not why and all(row.multiplier is not None for row in rows):
        found = figures([_analytic(account, row) for row in rows], spot, now, net_price=net)
    elif not why:
        why = "The broker does not say how large a contract is."
    strategy = recognise([Part(leg.instrument, leg.quantity * leg.action.sign) for leg in legs])
    return Estimate(rows, strategy, market, underlying, spot, net, found, why, now)


def quotes_of(account: Account, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
    """The newest quotes: from the stream while it is fresh, else asked for, at most once in a few seconds."""
    now = timezone.now()
    known = hub.latest(account.connection_id, instruments)
    found = {one: quote for one, quote in known.items() if now - quote.as_of < FRESH}
    missing = sorted(str(one) for one in instruments if one not in found)
    if not missing:
        return found
    key = f"quotes:{account.connection_id}:{hashlib.sha256(repr(missing).encode()).hexdigest()}"
    asked: Mapping[Instrument, Quote] | None = cache.get(key)
    if asked is None:
        try:
            asked = connections.broker_for(account.connection).get_quotes([parse_instrument(one) for one in missing])
        except BrokerError:
            asked = {}
        cache.set(key, asked, KEPT)
    return {**known, **asked, **found}


def market_of(rows: Sequence[LegMarket]) -> Market:
    """Net prices of the whole order, from bids and asks of its legs."""
    return Market(_net(rows, "natural"), _net(rows, "mid"), _net(rows, "far"))


def _net(rows: Sequence[LegMarket], at: str) -> Decimal | None:
    total = ZERO
    for row in rows:
        price = _price(row, at)
        if price is None or row.multiplier is None:
            return None
        total -= row.leg.action.sign * row.leg.quantity * row.multiplier * price
    return total / price_size([AnalyticLeg(r.leg.instrument, r.leg.quantity, r.multiplier or ZERO) for r in rows])


def _price(row: LegMarket, at: str) -> Decimal | None:
    quote = row.quote
    if quote is None or quote.ask is None or quote.bid is None or quote.ask < quote.bid or quote.ask <= 0:
        return None
    if at == "mid":
        return (quote.bid + quote.ask) / 2
    return quote.ask if row.leg.action.is_buy == (at == "natural") else quote.bid


def _analytic(account: Account, row: LegMarket) -> AnalyticLeg:
    leg, quote = row.leg, row.quote
    option = leg.instrument if isinstance(leg.instrument, Option | FutureOption) else None
    ends = None
    if isinstance(option, Option):
        ends = chains.settles_at(account, option)
    elif option is not None:
        ends = settle_moment(option.expiry)
    volatility = quote.volatility if quote is not None else None
    return AnalyticLeg(
        instrument=leg.instrument,
        signed_quantity=leg.quantity * leg.action.sign,
        multiplier=row.multiplier or ZERO,
        price=quote.fair_price if quote is not None else None,
        iv=float(volatility) if volatility is not None and volatility > 0 else None,
        settles_at=ends,
    )


def _details(account: Account, instrument: Instrument) -> Details | None:
    try:
        return details_of(account, instrument)
    except (InvalidTicket, BrokerError):
        return None


def _multiplier(leg: Leg, details: Details | None) -> Decimal | None:
    return details.multiplier if details is not None else contract_multiplier(leg.instrument)


def _on(account: Account, instrument: Instrument, details: Details | None) -> str:
    """What a leg's profit hangs on, as canonical text."""
    match instrument:
        case Option():
            return chains.underlying_of(account, instrument)
        case FutureOption(future):
            return str(future)
        case Future():
            return str(instrument)
        case _:
            return str(instrument)
