"""What is held on one underlying, parted into the strategies that it makes. Pure, but for who knows their names.

Which strategies there are the desk's trading side knows, a stranger to this one: settings name its function.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from brokers.domain.instruments import Equity, FutureOption, Instrument, Option, Right
from portfolio.valuation import Valued

Name: TypeAlias = Callable[[Sequence[tuple[Instrument, Decimal]]], str]
"""The name of what signed quantities make together, "" where it is none."""
Piece: TypeAlias = tuple[str, tuple[Valued, ...]]
CUSTOM = "custom"
SHARES = Decimal(100)


@cache
def namer() -> Name:
    found: Name = import_string(settings.STRATEGY_NAMER)
    return found


def parted(holdings: Sequence[Valued], name: Name) -> list[Piece]:
    """All together where that has a name; else of each day's options what they make with the shares, whole, and calls
    and puts apart. Several that are left over are custom, one alone has no name, and so has what was closed today.

    A holding is never split: of three and two contracts nobody knows which belong together.
    """
    live = [each for each in holdings if each.position.quantity]
    pieces = [whole] if (whole := _named(live, name)) else list(_pieces(live, name))
    rest = tuple(each for each in live if not any(each in members for _, members in pieces))
    if rest:
        pieces.append(_named(rest, name) or (CUSTOM if len(rest) > 1 else "", rest))
    return pieces + [("", (each,)) for each in holdings if not each.position.quantity]


def _pieces(live: Sequence[Valued], name: Name) -> Iterator[Piece]:
    outright = [each for each in live if _option(each) is None]
    free = {id(each) for each in live}
    for _, members in groupby(sorted((each for each in live if _option(each)), key=_day), key=_day):
        options = list(members)
        calls, puts = ([each for each in options if _is(each, right)] for right in Right)
        for look in (outright + options, outright + calls, outright + puts, options, calls, puts):
            if all(id(each) in free for each in look) and (piece := _named(look, name)):
                free -= {id(each) for each in look}
                yield piece


def _named(members: Sequence[Valued], name: Name) -> Piece | None:
    if len(members) < 2:
        return None
    most = max((abs(each.position.quantity) for each in members if _option(each)), default=Decimal(0))
    words = name([(each.position.instrument, _counted(each, most)) for each in members])
    return (words, tuple(members)) if words else None


def _counted(holding: Valued, contracts: Decimal) -> Decimal:
    """Of shares no more than the options beside them are about: 250 with one call sold are a covered call too."""
    quantity = holding.position.quantity
    if not isinstance(holding.position.instrument, Equity) or not contracts:
        return quantity
    return min(abs(quantity), contracts * SHARES).copy_sign(quantity)


def _option(holding: Valued) -> Option | FutureOption | None:
    instrument = holding.position.instrument
    return instrument if isinstance(instrument, Option | FutureOption) else None


def _day(holding: Valued) -> str:
    option = _option(holding)
    return option.expiry.isoformat() if option is not None else ""


def _is(holding: Valued, right: Right) -> bool:
    option = _option(holding)
    return option is not None and option.right is right
