"""What a person does with watchlists; pages and the API call these. A list that a broker keeps too is then synced."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import Other, parse_instrument
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.registry import spec
from market.models import Watchlist
from market.watchlists import sync as watchlist_sync

MOST_LISTS = 100
MOST_SYMBOLS = 500
LONGEST_NAME = 100
LONGEST_PASTE = 20_000
SEPARATORS = re.compile(r"[,;\t\r\n]+")
SPACED = re.compile(r"\./[A-Z0-9]+ +[A-Z0-9]+ +\d{6}[CP]\d+(?:\.\d+)?|[A-Z0-9.]{1,6} +\d{6}[CP]\d{8}")
"""Symbols that hold blanks: options on futures, and OCC symbols."""


class WatchlistProblem(ValueError):
    """What can't be done, in words; ``field`` is what they are about."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True)
class Pasted:
    """What came of pasted text, each in the order written: new, there already, and not to be understood."""

    added: tuple[str, ...]
    already: tuple[str, ...]
    bad: tuple[str, ...]

    @property
    def words(self) -> str:
        parts = [f"{_counted(self.added)} added." if self.added else "Nothing was added."]
        if self.already:
            parts.append(f"On the list already: {_named(self.already)}.")
        if self.bad:
            parts.append(f"Not a symbol that is known: {_named(self.bad)}.")
        return " ".join(parts)


def create(user: Any, name: str, symbols: Sequence[str] = (), connection: Connection | None = None) -> Watchlist:
    """A new list, at the end; with a connection it is kept at its broker too."""
    if connection is not None and not keeps_lists(connection):
        raise WatchlistProblem("connection", "This broker keeps no watchlists: the list can be kept by the desk alone.")
    with transaction.atomic():
        mine = Watchlist.objects.of(user)
        if mine.filter(is_writable=True).count() >= MOST_LISTS:
            raise WatchlistProblem("name", f"There are {MOST_LISTS} lists already: remove one first.")
        made = Watchlist.objects.create(
            user=user,
            name=_free_name(user, name),
            symbols=read_symbols(symbols),
            place=mine.next_place(),
            connection=connection,
        )
    return _synced(made)


def rename(watchlist: Watchlist, name: str) -> Watchlist:
    fresh = _free_name(watchlist.user, name, but=watchlist)
    return change(watchlist, lambda row: setattr(row, "name", fresh))


def put(watchlist: Watchlist, symbols: Sequence[str], name: str | None = None) -> Watchlist:
    """These symbols in this order and no others; under this name, where one is given."""
    wanted = read_symbols(symbols)
    fresh = watchlist.name if name is None else _free_name(watchlist.user, name, but=watchlist)

    def changed(row: Watchlist) -> None:
        row.symbols, row.name = wanted, fresh

    return change(watchlist, changed)


def paste(watchlist: Watchlist, text: str) -> Pasted:
    """Add what the text names; what can't be read, or the broker does not know, is told by name."""
    if len(text) > LONGEST_PASTE:
        raise WatchlistProblem("symbols", "That is too much at once: paste a part of it.")
    words = split(text)
    good, bad = _readable(words)
    known = _known_to_broker(watchlist, good)
    unknown = [symbol for symbol in good if known is not None and symbol not in known]
    fresh = [symbol for symbol in good if symbol not in watchlist.symbols and symbol not in unknown]
    room = MOST_SYMBOLS - len(watchlist.symbols)
    if len(fresh) > room:
        raise WatchlistProblem("symbols", f"A list has at most {MOST_SYMBOLS} symbols: there is room for {room} more.")
    if fresh:
        change(watchlist, lambda row: row.symbols.extend(one for one in fresh if one not in row.symbols))
    already = [symbol for symbol in good if symbol not in fresh and symbol not in unknown]
    return Pasted(tuple(fresh), tuple(already), tuple(bad + unknown))


def remove(watchlist: Watchlist, symbol: str) -> Watchlist:
    return change(watchlist, lambda row: setattr(row, "symbols", [one for one in row.symbols if one != symbol]))


def move(watchlist: Watchlist, symbol: str, by: int) -> Watchlist:
    """Up (−1) or down (+1) the list by so many places; at its end it stays."""

    def moved(row: Watchlist) -> None:
        if symbol not in row.symbols:
            return
        at = row.symbols.index(symbol)
        row.symbols.insert(max(0, min(len(row.symbols) - 1, at + by)), row.symbols.pop(at))

    return change(watchlist, moved)


def delete(watchlist: Watchlist) -> None:
    """Here and at the broker; ``BrokerError`` when it stays there, and so here."""
    _check_writable(watchlist)
    if watchlist.connection is not None and watchlist.broker_list_id:
        connections.broker_for(watchlist.connection).delete_watchlist(watchlist.broker_list_id)
    watchlist.delete()


def change(watchlist: Watchlist, act: Callable[[Watchlist], object]) -> Watchlist:
    """Change the row as it is now, under its lock, then tell the broker. A note is read by then and goes."""
    _check_writable(watchlist)
    with transaction.atomic():
        row: Watchlist = Watchlist.objects.select_for_update().get(pk=watchlist.pk)
        before = row.as_kept | {"symbols": list(row.symbols)}
        act(row)
        if len(row.symbols) > MOST_SYMBOLS:
            raise WatchlistProblem("symbols", f"A list has at most {MOST_SYMBOLS} symbols.")
        if row.as_kept == before and not row.note:
            return row
        row.note = ""
        row.version += 1
        row.changed_at = timezone.now()
        row.save()
    return _synced(row)


def keeps_lists(connection: Connection) -> bool:
    return spec(connection.broker).capabilities.has_watchlists


def split(text: str) -> list[str]:
    """The words of pasted text that should be symbols, each once, in order."""
    found: list[str] = []
    for line in SEPARATORS.split(text.upper()):
        spaced = SPACED.findall(line)
        rest = SPACED.sub(" ", line)
        found += [*(word.strip() for word in spaced), *rest.split()]
    return list(dict.fromkeys(word.strip("\"'") for word in found if word.strip("\"'")))


def read_symbols(symbols: Iterable[str]) -> list[str]:
    """Canonical, each once; the first that is none is told."""
    good, bad = _readable(symbols)
    if bad:
        raise WatchlistProblem("symbols", f"{bad[0][:40]} is not a symbol.")
    if len(good) > MOST_SYMBOLS:
        raise WatchlistProblem("symbols", f"A list has at most {MOST_SYMBOLS} symbols.")
    return good


def _readable(words: Iterable[str]) -> tuple[list[str], list[str]]:
    good: list[str] = []
    bad: list[str] = []
    for word in words:
        try:
            good.append(str(parse_instrument(word.strip())))
        except ValueError:
            bad.append(word[:40])
    return list(dict.fromkeys(good)), bad


def _known_to_broker(watchlist: Watchlist, symbols: Sequence[str]) -> set[str] | None:
    """Those that have a quote at the list's broker, else at the person's default one; None when it can't be asked."""
    connection = (
        watchlist.connection
        or Connection.objects.of(watchlist.user).present().order_by("-accounts__is_default").first()
    )
    asked = [one for symbol in symbols if not isinstance(one := parse_instrument(symbol), Other)]
    if connection is None or not connection.is_connected or not asked:
        return None
    try:
        quotes = connections.broker_for(connection).get_quotes(asked)
    except BrokerError:
        return None
    return {str(one) for one in quotes} | {symbol for symbol in symbols if symbol.startswith("~")}


def _free_name(user: Any, name: str, but: Watchlist | None = None) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise WatchlistProblem("name", f"Give the list a name of 1 to {LONGEST_NAME} characters.")
    others = Watchlist.objects.of(user).filter(name__iexact=name, is_writable=True)
    if others.exclude(pk=but.pk if but is not None else None).exists():
        raise WatchlistProblem("name", f"There is a list named {name} already.")
    return name


def _check_writable(watchlist: Watchlist) -> None:
    if not watchlist.is_writable:
        raise WatchlistProblem("list", "This list is the broker's own: it can be read and copied, not changed.")


def _synced(watchlist: Watchlist) -> Watchlist:
    """After a change: what the broker keeps is brought in line now, or at a later look."""
    if watchlist.connection is not None:
        watchlist_sync.sync(watchlist.connection)
        return Watchlist.objects.filter(pk=watchlist.pk).first() or watchlist
    return watchlist


def _counted(symbols: Sequence[str]) -> str:
    return _named(symbols) if len(symbols) <= 3 else f"{len(symbols)} symbols"


def _named(symbols: Sequence[str]) -> str:
    shown = ", ".join(symbols[:20])
    return f"{shown} and {len(symbols) - 20} more" if len(symbols) > 20 else shown
