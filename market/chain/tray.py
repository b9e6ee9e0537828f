"""The legs put together so far: what they are called, what they cost, what they can gain and lose, the way to the
ticket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from brokers.domain.instruments import FutureOption, Instrument, Option, contract_multiplier, plain
from brokers.domain.market import Expiration, Quote
from brokers.domain.orders import Leg
from brokers.models import Account
from brokers.templatetags import desk
from market import terms as chain_terms
from market.chain.legs import PickedLeg
from trading.analytics import AnalyticLeg, Figures, Strategy, figures, recognise, settle_moment
from trading.analytics.legs import Amount, Bound
from trading.analytics.strategies import Part
from trading.drafting.estimates import LegMarket, Market, market_of
from trading.drafting.held import action_for
from trading.drafting.listed import EXCHANGE_TIME, name_of
from trading.pages.forms import leg_names


@dataclass(frozen=True, slots=True)
class TrayLeg:
    """``days`` till it expires, None where it does not."""

    picked: PickedLeg
    market: LegMarket
    days: int | None

    @property
    def size(self) -> str:
        """Signed dollars per point, for a script; "" unknown."""
        multiplier = self.market.multiplier
        return plain(self.picked.quantity * multiplier) if multiplier is not None else ""


@dataclass(frozen=True, slots=True)
class Tray:
    """``figures`` are the desk's estimates at the middle of the market; None where they can't be worked out."""

    legs: tuple[TrayLeg, ...]
    strategy: Strategy | None
    market: Market
    figures: Figures | None
    href: str

    @property
    def natural(self) -> str:
        return net_text(self.market.natural, self.is_spread)

    @property
    def mid(self) -> str:
        return net_text(self.market.mid, self.is_spread)

    @property
    def far(self) -> str:
        return net_text(self.market.far, self.is_spread)

    @property
    def is_spread(self) -> bool:
        return len(self.legs) > 1

    @property
    def best(self) -> str:
        return amount_text(self.figures.max_profit if self.figures else None)

    @property
    def worst(self) -> str:
        return amount_text(self.figures.max_loss if self.figures else None)

    @property
    def break_evens(self) -> str:
        points = self.figures.break_evens if self.figures else None
        return " / ".join(desk.price(desk.rounded(point, desk.CENT)) for point in points) if points else desk.UNKNOWN

    @property
    def chance(self) -> str:
        chance = self.figures.probability if self.figures else None
        return f"{round(chance * 100)} %" if chance is not None else desk.UNKNOWN


def net_text(price: Decimal | None, is_spread: bool) -> str:
    """``1.25 cr``, ``0.40 db``; of a single leg its plain price."""
    if price is None or not is_spread:
        return desk.price(abs(price) if price is not None else None)
    return desk.price(abs(price)) + (" cr" if price > 0 else " db" if price < 0 else "")


def amount_text(amount: Amount) -> str:
    return "unlimited" if isinstance(amount, Bound) else desk.gain(amount)


@dataclass(frozen=True, slots=True)
class Around:
    """What the legs stand in: the chain's expirations, quotes, the underlying and its price, what is held."""

    expirations: Sequence[Expiration]
    quotes: Mapping[Instrument, Quote]
    underlying: Instrument
    spot: Decimal | None
    free: Mapping[Instrument, Decimal]
    now: datetime


def tray(account: Account, picked: Sequence[PickedLeg], around: Around) -> Tray:
    rows = tuple(_row(leg, around) for leg in picked)
    markets = [row.market for row in rows]
    known = bool(rows) and all(each.multiplier is not None for each in markets)
    market = market_of(markets) if known else Market(None, None, None)
    return Tray(
        legs=rows,
        strategy=recognise([Part(leg.instrument, leg.quantity) for leg in picked]) if rows else None,
        market=market,
        figures=_figures(markets, market.mid, around) if known and _is_one_thing(picked, around) else None,
        href=ticket_address(account, [each.leg for each in markets]),
    )


def _row(picked: PickedLeg, around: Around) -> TrayLeg:
    instrument, size = picked.instrument, abs(picked.quantity)
    action = action_for(instrument, picked.quantity > 0, dict(around.free), size)
    listed = _listed(instrument, around)
    multiplier = listed.multiplier if listed is not None else contract_multiplier(instrument)
    market = LegMarket(Leg(instrument, action, size), multiplier, around.quotes.get(instrument), None)
    expiry = instrument.expiry if isinstance(instrument, Option | FutureOption) else None
    today = around.now.astimezone(EXCHANGE_TIME).date()
    return TrayLeg(picked, market, (expiry - today).days if expiry is not None else None)


def _listed(instrument: Instrument, around: Around) -> Expiration | None:
    """The expiration of the chain that an option belongs to."""
    match instrument:
        case Option(root, expiry) | FutureOption(_, root, expiry):
            name = f"{expiry.isoformat()}-{root}"
            return next((each for each in around.expirations if name_of(each) == name), None)
        case _:
            return None


def _is_one_thing(picked: Sequence[PickedLeg], around: Around) -> bool:
    """Whether all legs hang on the price that the page shows."""
    return all(leg.instrument == around.underlying or _listed(leg.instrument, around) for leg in picked)


def _figures(markets: Sequence[LegMarket], mid: Decimal | None, around: Around) -> Figures | None:
    legs = [_analytic(each, around) for each in markets]
    return figures(legs, around.spot, around.now, net_price=mid)


def _analytic(market: LegMarket, around: Around) -> AnalyticLeg:
    leg, quote = market.leg, market.quote
    listed = _listed(leg.instrument, around)
    ends = chain_terms.settles_at(listed) if listed is not None else None
    if ends is None and isinstance(leg.instrument, Option | FutureOption):
        ends = settle_moment(leg.instrument.expiry)
    volatility = quote.volatility if quote is not None else None
    return AnalyticLeg(
        instrument=leg.instrument,
        signed_quantity=leg.quantity * leg.action.sign,
        multiplier=market.multiplier or Decimal(0),
        price=quote.fair_price if quote is not None else None,
        iv=float(volatility) if volatility is not None and volatility > 0 else None,
        settles_at=ends,
    )


def ticket_address(account: Account, legs: Sequence[Leg]) -> str:
    """The ticket with these legs; opening or closing is settled already."""
    query = {"account": str(account.pk)}
    for number, leg in enumerate(legs, 1):
        texts = (str(leg.instrument), leg.action.value, plain(leg.quantity))
        query |= dict(zip(leg_names(number), texts, strict=True))
    return f"{reverse('trading:ticket')}?{urlencode(query)}"
