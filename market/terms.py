"""The expirations of a chain as a row of tabs: how far off, what kind, their volatility and expected move. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.instruments import Future, Instrument
from brokers.domain.market import Expiration, Quote, Strike
from market.smile import NOTHING, Smile, smile
from trading.analytics import settle_moment
from trading.analytics.legs import SETTLES, YEAR
from trading.drafting.listed import name_of

KINDS = {
    "regular": ("M", "monthly"),
    "weekly": ("W", "weekly"),
    "quarterly": ("Q", "quarterly"),
    "end_of_month": ("EOM", "end of month"),
}
ADJUSTED = re.compile(r"[A-Z.]+\d")
SOON = 7
USUAL_SIZE = Decimal(100)
USUAL_FROM = 7
"""Days: the chain opens on the next monthly expiration that is further off."""


@dataclass(frozen=True, slots=True)
class Term:
    """``volatility`` is a fraction, ``move`` one standard deviation in points till then."""

    volatility: Decimal
    move: Decimal


@dataclass(frozen=True, slots=True)
class Tab:
    """One expiration. ``note`` says what is unusual about its contracts."""

    name: str
    expiry: date
    days: int
    letter: str
    kind: str
    settlement: str
    root: str
    note: str
    term: Term | None

    @property
    def urgency(self) -> str:
        return "last-day" if self.days <= 0 else "soon" if self.days <= SOON else ""


def settles_at(expiration: Expiration) -> datetime:
    known = expiration.settlement if expiration.settlement in SETTLES else "PM"
    return settle_moment(expiration.expiry, known)


def tabs(
    expirations: Sequence[Expiration], terms: Mapping[str, Term], today: date, underlying: Instrument
) -> list[Tab]:
    roots = {each.root for each in expirations}
    return [_tab(each, terms, today, underlying, len(roots) > 1) for each in expirations]


def _tab(each: Expiration, terms: Mapping[str, Term], today: date, underlying: Instrument, many: bool) -> Tab:
    usual = str(underlying).lstrip("$").replace(".", "")
    letter, kind = KINDS.get(each.kind, (each.kind[:3].upper(), each.kind.replace("_", " ")))
    name = name_of(each)
    return Tab(
        name=name,
        expiry=each.expiry,
        days=(each.expiry - today).days,
        letter=letter,
        kind=kind,
        settlement=each.settlement,
        root=each.root if many or each.root != usual else "",
        note=_note(each, isinstance(underlying, Future)),
        term=terms.get(name),
    )


def _note(each: Expiration, on_a_future: bool) -> str:
    if is_adjusted(each):
        return f"Adjusted: {each.root} delivers something else than {USUAL_SIZE} plain shares"
    is_usual = on_a_future or each.multiplier == USUAL_SIZE
    return "" if is_usual else f"One contract is {each.multiplier:f} units"


def usual_choice(expirations: Sequence[Expiration], today: date) -> Expiration:
    """Where a chain opens: the next monthly expiration more than a week off, else the first."""
    later = (each for each in expirations if each.kind == "regular" and (each.expiry - today).days > USUAL_FROM)
    return next(later, expirations[0])


def nearest_strike(expiration: Expiration, price: Decimal) -> Strike | None:
    return min(expiration.strikes, key=lambda strike: abs(strike.price - price), default=None)


def smile_of(
    expiration: Expiration,
    strikes: Sequence[Strike],
    quotes: Mapping[Instrument, Quote],
    price: Decimal | None,
    now: datetime,
) -> Smile:
    """What some strikes of an expiration tell. Adjusted options deliver something else than the underlying's price
    tells: of them nothing is estimated."""
    if is_adjusted(expiration):
        return NOTHING
    return smile(strikes, quotes, price, settles_at(expiration), now)


def is_adjusted(expiration: Expiration) -> bool:
    """``SPY1`` is; ``EW3Z26`` is the code of an option on a future."""
    return ADJUSTED.fullmatch(expiration.root) is not None


def from_straddles(
    expirations: Sequence[Expiration],
    quotes: Mapping[Instrument, Quote],
    price: Decimal | None,
    now: datetime,
) -> dict[str, Term]:
    """By name, estimates from the options at the money of each expiration."""
    found = {}
    for each in expirations:
        strike = nearest_strike(each, price) if price is not None else None
        told = smile_of(each, [strike], quotes, price, now) if strike is not None else NOTHING
        if told.volatility is not None and told.move is not None:
            found[name_of(each)] = Term(Decimal(str(round(told.volatility, 6))), told.move)
    return found


def from_broker(
    expirations: Sequence[Expiration], volatilities: Mapping[date, Decimal], price: Decimal | None, now: datetime
) -> dict[str, Term]:
    """By name, from the volatilities that the broker tells; the move follows from them."""
    found = {}
    for each in expirations:
        volatility = volatilities.get(each.expiry)
        years = (settles_at(each) - now).total_seconds() / YEAR
        if volatility is not None and price is not None and years > 0:
            found[name_of(each)] = Term(volatility, price * volatility * Decimal(years).sqrt())
    return found
