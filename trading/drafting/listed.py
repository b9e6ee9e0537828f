"""Chains as they are kept: in the shared cache as text, read an expiration at a time (an index has over ten thousand
strikes), and in this process for as long as the shared one is the same. Strikes that a broker tells a day at a time
join their chain as they are asked for."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from threading import Lock
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.utils import timezone

from brokers.domain.instruments import FutureOption, Instrument, Option, Right, parse_instrument, plain
from brokers.domain.market import Chain, Expiration, Strike
from brokers.models import Connection

KEPT = 3600
"""Seconds. What is listed changes from day to day; a day's chain is never used on the next."""
EXCHANGE_TIME = ZoneInfo("America/New_York")
AT_HAND = 8
"""Chains that a process keeps as they are."""
USUAL = "="


def name_of(expiration: Expiration) -> str:
    """What names an expiration in an address: a day may have two (AM and PM settled)."""
    return f"{expiration.expiry.isoformat()}-{expiration.root}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the chain on one underlying stands for the people of one broker and environment, today."""

    key: str
    underlying: Instrument

    @property
    def mark(self) -> str | None:
        """What the newest shared chain is known by; None where there is none."""
        mark: str | None = cache.get(self.key)
        return mark

    def chain(self) -> Chain | None:
        """The whole chain; None where some of it must be asked for."""
        mark = self.mark
        if mark is None:
            return None
        chain = _at_hand.get(self.key, mark)
        if chain is not None and all(each.strikes for each in chain.expirations):
            return chain
        names, told = [name_of(each) for each in self.titles() or ()], self.told()
        if not names or any(name not in told for name in names):
            return None
        chain = Chain(self.underlying, tuple(told[name] for name in names))
        _at_hand.keep(self.key, mark, chain)
        return chain

    def titles(self) -> list[Expiration] | None:
        """The expirations; their strikes may be left out."""
        mark = self.mark
        if mark is None:
            return None
        if (chain := _at_hand.get(self.key, mark)) is not None:
            return list(chain.expirations)
        titles: list[Expiration] | None = cache.get(self._titles(mark))
        return titles

    def expiration(self, name: str) -> Expiration | None:
        """One expiration with its strikes; None where it, or they, must be asked for."""
        mark = self.mark
        if mark is None:
            return None
        title = next((each for each in self.titles() or () if name_of(each) == name), None)
        if title is None or title.strikes:
            return title
        return self._told(mark, [title]).get(name)

    def told(self) -> dict[str, Expiration]:
        """By name those expirations whose strikes are known."""
        mark, titles = self.mark, self.titles()
        if mark is None or titles is None:
            return {}
        here = {name_of(each): each for each in titles if each.strikes}
        bare = [each for each in titles if not each.strikes]
        return here | self._told(mark, bare) if bare else here

    def keep(self, chain: Chain) -> None:
        """Three entries, for a cache in memory holds few hundred. The mark goes last: where it stands, all do."""
        mark = secrets.token_hex(6)
        told = {name_of(each): _packed(each) for each in chain.expirations if each.strikes}
        cache.set(self._strikes(mark), told, KEPT + 60)
        cache.set(self._titles(mark), [replace(each, strikes=()) for each in chain.expirations], KEPT + 60)
        cache.set(self.key, mark, KEPT)
        _at_hand.keep(self.key, mark, chain)

    def keep_strikes(self, asked: Sequence[Expiration]) -> None:
        """Expirations of the kept chain that were told since, with their strikes: an entry each."""
        mark, titles = self.mark, self.titles()
        if mark is None or titles is None:
            return
        news = {name_of(each): each for each in asked}
        now = [news.get(name_of(each), each) for each in titles]
        entries = {name: (replace(each, strikes=()), _packed(each)) for name, each in news.items()}
        cache.set_many({self._strikes(mark, name): entry for name, entry in entries.items()}, KEPT + 60)
        cache.set(self._titles(mark), [replace(each, strikes=()) for each in now], KEPT + 60)
        _at_hand.keep(self.key, mark, Chain(self.underlying, tuple(now)))

    def _told(self, mark: str, titles: Sequence[Expiration]) -> dict[str, Expiration]:
        """By name those whose strikes were told, with the chain or since."""
        named = {name_of(each): each for each in titles}
        together: dict[str, str] = cache.get(self._strikes(mark)) or {}
        told = {name: (each, together[name]) for name, each in named.items() if name in together}
        keys = {self._strikes(mark, name): name for name in named if name not in together}
        since: dict[str, tuple[Expiration, str]] = cache.get_many(keys) if keys else {}
        told |= {keys[key]: entry for key, entry in since.items()}
        return {name: _with_strikes(*entry) for name, entry in told.items()}

    def _titles(self, mark: str) -> str:
        return f"{self.key}:{mark}"

    def _strikes(self, mark: str, name: str = "") -> str:
        return f"{self.key}:{mark}:strikes{':' if name else ''}{name}"


def shelf(connection: Connection, underlying: str) -> Shelf:
    """``ValueError`` when the text names nothing."""
    today = timezone.now().astimezone(EXCHANGE_TIME).date()
    key = f"chain:{connection.broker}:{connection.environment}:{underlying}:{today}"
    return Shelf(key, parse_instrument(underlying))


def _packed(expiration: Expiration) -> str:
    """A line for each strike: its price, its call and its put: ``USUAL`` where root, day and price spell them, nothing
    for none."""

    def text(option: Instrument | None, price: Decimal, right: Right) -> str:
        usual = Option(expiration.root, expiration.expiry, right, price)
        return "" if option is None else USUAL if option == usual else str(option)

    return "\n".join(
        f"{plain(each.price)}|{text(each.call, each.price, Right.CALL)}|{text(each.put, each.price, Right.PUT)}"
        for each in expiration.strikes
    )


def _with_strikes(title: Expiration, packed: str) -> Expiration:
    def option(text: str, price: Decimal, right: Right) -> Option | FutureOption | None:
        if text == USUAL:
            return Option(title.root, title.expiry, right, price)
        found = parse_instrument(text) if text else None
        return found if isinstance(found, Option | FutureOption) else None

    lines = (line.split("|") for line in packed.splitlines())
    strikes = (
        Strike(price, option(call, price, Right.CALL), option(put, price, Right.PUT))
        for price, call, put in ((Decimal(text), call, put) for text, call, put in lines)
    )
    return replace(title, strikes=tuple(strikes))


class _AtHand:
    """The chains this process met last, each with the mark under which it was shared."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[str, Chain]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, mark: str) -> Chain | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] != mark:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def keep(self, key: str, mark: str, chain: Chain) -> None:
        with self._lock:
            self._kept[key] = (mark, chain)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


_at_hand = _AtHand(AT_HAND)
