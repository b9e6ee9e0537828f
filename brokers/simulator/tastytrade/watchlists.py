"""Watchlists: a person's own, the broker's public ones, and pairs (section 4.12)."""

from collections.abc import Mapping
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument
from brokers.simulator.market import Listing, Market
from brokers.simulator.tastytrade.envelope import Refusal, Reply, items, not_found, truth, wrong
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, type_name
from brokers.simulator.watchlists import Entry, Watchlist

LAST_PLACE = 9999
PAIRS: tuple[tuple[str, tuple[tuple[str, int, str, int], ...]], ...] = (
    ("Indices", (("SPY", 1, "QQQ", 1), ("SPY", 1, "IWM", 2), ("DIA", 1, "SPY", 1))),
    ("Sectors", (("XLE", 1, "XLF", 2), ("TLT", 2, "GLD", 1))),
    ("Technology", (("AAPL", 1, "MSFT", 1), ("AMD", 1, "INTC", 4), ("GOOGL", 1, "META", 1))),
)


# A person's own


def list_watchlists(ask: Ask) -> Reply:
    return items([watchlist_json(each) for each in ask.world.watchlists.of(ask.caller.user)])


def get_watchlist(ask: Ask) -> Reply:
    return Reply(watchlist_json(_own(ask)))


def create_watchlist(ask: Ask) -> Reply:
    fresh = read_watchlist(ask.json())
    if ask.world.watchlists.find(ask.caller.user, fresh.name) is not None:
        raise Refusal(422, "watchlist_already_exists", f"There is a watchlist named {fresh.name} already.")
    ask.world.watchlists.put(ask.caller.user, fresh)
    return Reply(watchlist_json(fresh), 201)


def replace_watchlist(ask: Ask) -> Reply:
    """All fields anew; the name may change, unless another list has it."""
    old, fresh = _own(ask), read_watchlist(ask.json())
    if fresh.name != old.name and ask.world.watchlists.find(ask.caller.user, fresh.name) is not None:
        raise Refusal(422, "watchlist_already_exists", f"There is a watchlist named {fresh.name} already.")
    ask.world.watchlists.put(ask.caller.user, fresh, replacing=old.name)
    return Reply(watchlist_json(fresh))


def delete_watchlist(ask: Ask) -> Reply:
    """The answer is the list that is gone."""
    old = _own(ask)
    ask.world.watchlists.remove(ask.caller.user, old.name)
    return Reply(watchlist_json(old))


def _own(ask: Ask) -> Watchlist:
    found = ask.world.watchlists.find(ask.caller.user, ask.names["name"])
    if found is None:
        raise not_found("watchlist")
    return found


def read_watchlist(body: Mapping[str, Any]) -> Watchlist:
    name, entries = body.get("name"), body.get("watchlist-entries")
    order, group = body.get("order-index"), body.get("group-name")
    if not isinstance(name, str) or not name.strip():
        raise wrong("name", "is missing")
    if not isinstance(entries, list):
        raise wrong("watchlist-entries", "is missing" if entries is None else "is invalid")
    if order is not None and (not isinstance(order, int) or isinstance(order, bool)):
        raise wrong("order-index", "is invalid")
    if group is not None and not isinstance(group, str):
        raise wrong("group-name", "is invalid")
    lines = tuple(read_entry(each) for each in entries)
    return Watchlist(name, lines, group or "main", LAST_PLACE if order is None else order)


def read_entry(given: object) -> Entry:
    symbol = given.get("symbol") if isinstance(given, dict) else None
    kind = given.get("instrument-type") if isinstance(given, dict) else None
    if not isinstance(symbol, str) or not symbol.strip():
        raise wrong("watchlist-entries.symbol", "is missing")
    return Entry(symbol, kind if isinstance(kind, str) else "")


def watchlist_json(watchlist: Watchlist) -> dict[str, Any]:
    return {
        "name": watchlist.name,
        "group-name": watchlist.group,
        "order-index": watchlist.order,
        "watchlist-entries": [entry_json(entry) for entry in watchlist.entries],
    }


def entry_json(entry: Entry) -> dict[str, str]:
    kind = {"instrument-type": entry.kind} if entry.kind else {}
    return {"symbol": entry.symbol} | kind


# The broker's


def list_public(ask: Ask) -> Reply:
    """With ``counts-only`` a number stands in the place of the entries."""
    counts = truth(ask.query, "counts-only") or False
    lists = public_lists(ask.world.market)
    return items([public_json(number, each, counts=counts) for number, each in enumerate(lists)])


def get_public(ask: Ask) -> Reply:
    for number, each in enumerate(public_lists(ask.world.market)):
        if each.name == ask.names["name"]:
            return Reply(public_json(number, each))
    raise not_found("watchlist")


def public_json(number: int, watchlist: Watchlist, *, counts: bool = False) -> dict[str, Any]:
    body = watchlist_json(watchlist) | {"cms-id": str(1001 + number)}
    if counts:
        body["entries-count"] = len(body.pop("watchlist-entries"))
    return body


def public_lists(market: Market) -> list[Watchlist]:
    """Lists of what this market has, by class."""
    listings = list(market.listings.values())
    optioned = [each for each in listings if isinstance(each.instrument, Equity) and each.has_options]
    chosen: dict[str, list[Listing]] = {
        "Liquid Options": [each for each in optioned if not each.is_etf],
        "Exchange-Traded Funds": [each for each in listings if each.is_etf],
        "Indexes": _of(listings, Index),
        "Futures": _of(listings, Future),
        "Crypto": _of(listings, Crypto),
        "Dividend Payers": [each for each in optioned if each.dividend > 0],
    }
    return [
        Watchlist(name, tuple(entry_of(one.instrument) for one in rows), "main", place)
        for place, (name, rows) in enumerate(chosen.items())
        if rows
    ]


def entry_of(instrument: Instrument) -> Entry:
    return Entry(api_symbol(instrument), type_name(instrument))


def _of(listings: list[Listing], kind: type[Instrument]) -> list[Listing]:
    return [each for each in listings if isinstance(each.instrument, kind)]


# Pairs


def list_pairs(ask: Ask) -> Reply:
    return items([pairs_json(place, name) for place, (name, _) in enumerate(PAIRS, 1)])


def get_pairs(ask: Ask) -> Reply:
    for place, (name, _) in enumerate(PAIRS, 1):
        if name == ask.names["name"]:
            return Reply(pairs_json(place, name))
    raise not_found("watchlist")


def pairs_json(place: int, name: str) -> dict[str, Any]:
    equations = [
        {
            "left-action": "buy",
            "left-symbol": left,
            "left-quantity": lefts,
            "right-action": "sell",
            "right-symbol": right,
            "right-quantity": rights,
        }
        for left, lefts, right, rights in dict(PAIRS)[name]
    ]
    return {"name": name, "order-index": place, "pairs-equations": equations}
