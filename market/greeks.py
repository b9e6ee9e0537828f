"""The Greeks of any options: as the broker's stream tells them, else the desk's own estimate, which says so."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils import timezone

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, Right, parse_instrument
from brokers.domain.market import Quote, Strike
from brokers.errors import BrokerError
from brokers.live.hub import hub
from brokers.models import Account
from market.quoting import quotes_of
from market.smile import Estimated, smile
from trading.analytics import settle_moment
from trading.drafting import chains

FRESH = timedelta(seconds=60)
PLACES = 6
AnyOption = Option | FutureOption
"""What has Greeks."""


@dataclass(frozen=True, slots=True)
class Told:
    """Per unit: ``theta`` a day, ``vega`` and ``rho`` per percentage point, ``volatility`` a fraction; None is unknown.
    ``is_estimate``: the desk worked them out from prices as old as ``as_of``, by Black's model."""

    as_of: datetime
    is_estimate: bool
    volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Greeks:
    """``error``: why some could not be estimated."""

    found: Mapping[Instrument, Told]
    error: BrokerError | None = None


def greeks_of(account: Account, options: Collection[AnyOption]) -> Greeks:
    """Those that are known; the others are left out. Raises nothing."""
    now = timezone.now()
    told = hub.latest_greeks(account.connection_id, options)
    found: dict[Instrument, Told] = {
        one: Told(each.as_of, False, each.volatility, each.delta, each.gamma, each.theta, each.vega, each.rho)
        for one, each in told.items()
        if now - each.as_of <= FRESH and each.delta is not None
    }
    missing = [option for option in options if option not in found]
    if not missing:
        return Greeks(found)
    estimated = _estimates(account, missing, now)
    return Greeks({**estimated.found, **found}, estimated.error)


def _estimates(account: Account, options: Sequence[AnyOption], now: datetime) -> Greeks:
    """By expiration, from the prices of the options and of what they are on. Options on an adjusted share (their root
    ends with a digit) deliver something else than its price tells: of them nothing is estimated."""
    usable = [one for one in options if not (isinstance(one, Option) and one.root[-1].isdigit())]
    under = _underlyings(account, usable)
    quotes = quotes_of(account.connection, [*usable, *dict.fromkeys(under.values())])
    found: dict[Instrument, Told] = {}
    for (group, _), members in groupby(sorted(usable, key=_expiration), key=_expiration):
        listed = list(members)
        spot = quotes.found.get(under[group]) if group in under else None
        found |= _of_expiration(account, listed, quotes.found, spot, now)
    return Greeks(found, quotes.error)


def _of_expiration(
    account: Account,
    options: Sequence[AnyOption],
    quotes: Mapping[Instrument, Quote],
    spot: Quote | None,
    now: datetime,
) -> dict[Instrument, Told]:
    if spot is None:
        return {}
    told = smile(_strikes(options), quotes, spot.fair_price, _settles_at(account, options[0]), now)
    return {
        one: _estimate(figures, min(quotes[one].as_of, spot.as_of))
        for one, figures in told.options.items()
        if one in quotes
    }


def _estimate(figures: Estimated, as_of: datetime) -> Told:
    names = ("volatility", "delta", "gamma", "theta", "vega")
    return Told(as_of, True, **{name: Decimal(f"{getattr(figures, name):.{PLACES}f}") for name in names})


def _strikes(options: Iterable[AnyOption]) -> list[Strike]:
    """The options of one expiration as rows of a chain, as far as they were asked for."""
    sides: dict[Decimal, dict[Right, Any]] = {}
    for option in options:
        sides.setdefault(option.strike, {})[option.right] = option
    return [Strike(price, row.get(Right.CALL), row.get(Right.PUT)) for price, row in sorted(sides.items())]


def _group(option: AnyOption) -> str:
    """Options of one group are on the same thing."""
    return option.root if isinstance(option, Option) else f"{option.future} {option.contract}"


def _expiration(option: AnyOption) -> tuple[str, date]:
    return _group(option), option.expiry


def _underlyings(account: Account, options: Iterable[AnyOption]) -> dict[str, Instrument]:
    """What the options of each group are on: asked of the broker once for each root."""
    found: dict[str, Instrument] = {}
    for group, option in {_group(each): each for each in options}.items():
        on: Future | str = option.future if isinstance(option, FutureOption) else chains.underlying_of(account, option)
        if on:
            found[group] = parse_instrument(str(on))
    return found


def _settles_at(account: Account, option: AnyOption) -> datetime:
    return chains.settles_at(account, option) if isinstance(option, Option) else settle_moment(option.expiry)
