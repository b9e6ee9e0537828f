"""Net liq, the day's gain and buying power of the account in view, for the bar of every page.

A page shows what was worked out within the last moments, without asking anybody; the rest it fetches once it is there.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from brokers.models import Account
from portfolio import last_known
from portfolio.books import Book, World, open_book, worlds
from portfolio.holdings import load_many
from portfolio.valuation import Sum, add_up

FRESH = timedelta(seconds=10)
"""Older figures are worked out anew when they are asked for."""
SHOWN = timedelta(seconds=60)
"""Older ones are not shown while new ones are on their way."""


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one environment's accounts in view; a sum without its unknown parts says how many they are.

    ``is_stale``: some are as last known. ``who`` names the account, "" where there are several.
    """

    environment: str
    who: str
    net_liquidating_value: Sum
    gain_day: Sum
    buying_power: Sum
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Glance:
    at: datetime
    stamps: Mapping[uuid.UUID, str]
    lines: tuple[Line, ...]

    @property
    def is_overtaken(self) -> bool:
        """Whether an account has changed at the broker since."""
        return any(last_known.stamp(account) != stamp for account, stamp in self.stamps.items())


def at_hand(user_id: object, chosen: str) -> Glance | None:
    """What was worked out a moment ago, for as long as nothing has changed since."""
    kept: Glance | None = cache.get(_key(user_id, chosen))
    if kept is None or timezone.now() - kept.at > SHOWN or kept.is_overtaken:
        return None
    return kept


def look(user_id: object, chosen: str, accounts: Sequence[Account]) -> Glance:
    """The figures anew, unless they are fresh. ``accounts`` are those that ``chosen`` means."""
    now = timezone.now()
    kept = at_hand(user_id, chosen)
    if kept is not None and now - kept.at <= FRESH:
        return kept
    stamps = stamps_of(accounts)
    return keep(user_id, chosen, stamps, [open_book(holdings, now) for holdings in load_many(accounts, now)], now)


def stamps_of(accounts: Sequence[Account]) -> dict[uuid.UUID, str]:
    """To be taken before their figures are asked for."""
    return {account.pk: last_known.stamp(account.pk) for account in accounts}


def keep(user_id: object, chosen: str, stamps: Mapping[uuid.UUID, str], books: Sequence[Book], now: datetime) -> Glance:
    """What a page has worked out already serves its own bar and the next page's."""
    found = Glance(now, stamps, tuple(_line(world) for world in worlds(books)))
    cache.set(_key(user_id, chosen), found, SHOWN.total_seconds())
    return found


def _line(world: World) -> Line:
    balances = [book.balance.known for book in world.books]
    currencies = {balance.currency for balance in balances if balance is not None}

    def over(name: str) -> Sum:
        mixed = len(currencies) > 1  # dollars and euros are no sum
        return add_up(None if mixed or balance is None else getattr(balance, name) for balance in balances)

    gains = [book.totals.gain_day if book.totals is not None else Sum(None, 1) for book in world.books]
    return Line(
        environment=world.environment,
        who=str(world.books[0].account) if len(world.books) == 1 else "",
        net_liquidating_value=over("net_liquidating_value"),
        gain_day=_together(gains),
        buying_power=over("option_buying_power"),
        is_stale=world.is_stale,
    )


def _together(sums: Sequence[Sum]) -> Sum:
    return Sum(add_up(each.amount for each in sums).amount, sum(each.missing for each in sums))


def _key(user_id: object, chosen: str) -> str:
    return f"portfolio:glance:{user_id}:{chosen or 'usual'}"
