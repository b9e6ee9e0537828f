"""Lists of instruments (section 4.12): /watchlists, the person's own, and /public-watchlists, the broker's.

The broker knows its lists by their names alone; an ``id`` here is ``own:`` or ``public:`` and the name.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from brokers.domain.instruments import Instrument, Other
from brokers.domain.market import Watchlist
from brokers.errors import Refused
from brokers.tastytrade.codec.envelope import escaped, items
from brokers.tastytrade.symbols import EQUITY, INDEX, KINDS, api_symbol, read_symbol, type_name
from brokers.wire import Node, Request, optional_text

OWN, PUBLIC = "own:", "public:"
LONGEST_NAME = 100
TYPE_OF_KIND = {kind: name for name, kind in KINDS.items()}


# --- what goes out ------------------------------------------------------------------------------------------------


def own_request() -> Request:
    return Request("GET", "/watchlists")


def public_request() -> Request:
    return Request("GET", "/public-watchlists", (("counts-only", "false"),))


def one_request(name: str) -> Request:
    return Request("GET", _path(name))


def create_request(watchlist: Watchlist) -> Request:
    return Request("POST", "/watchlists", body=_body(watchlist, {}), acts=True)


def replacing(node: Node, name: str, watchlist: Watchlist) -> Request:
    """The request that puts a list in the place of the one just read. It replaces all fields: those that are not the
    desk's, of the list and of its entries, go back as they came."""
    return Request("PUT", _path(name), body=_body(watchlist, node["data"].value), acts=True)


def delete_request(name: str) -> Request:
    return Request("DELETE", _path(name), acts=True)


def own_name(watchlist_id: str) -> str:
    """The name by which the broker knows a list; ``Refused`` for one that is not the person's."""
    if not watchlist_id.startswith(OWN):
        raise Refused("This list is tastytrade's own: it can be read, not changed.", broker="tastytrade")
    return watchlist_id.removeprefix(OWN)


def _path(name: str) -> str:
    return f"/watchlists/{escaped(name)}"


def _body(watchlist: Watchlist, known: Mapping[str, Any]) -> dict[str, Any]:
    name = watchlist.name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Refused(f"A watchlist's name has 1 to {LONGEST_NAME} characters.", broker="tastytrade")
    entries = known.get("watchlist-entries")
    by_symbol = {each["symbol"]: each for each in entries if _is_entry(each)} if isinstance(entries, list) else {}
    kept = {key: known[key] for key in ("group-name", "order-index") if known.get(key) is not None}
    written = (_entry(instrument) for instrument in dict.fromkeys(watchlist.instruments))
    return {"name": name, "watchlist-entries": [by_symbol.get(each["symbol"], each) for each in written], **kept}


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("symbol"), str)


def _entry(instrument: Instrument) -> dict[str, str]:
    kind = TYPE_OF_KIND.get(instrument.kind, "") if isinstance(instrument, Other) else type_name(instrument)
    return {"symbol": api_symbol(instrument)} | ({"instrument-type": kind} if kind else {})


# --- what comes back ----------------------------------------------------------------------------------------------


def read_watchlists(node: Node, on: date, *, writable: bool) -> list[Watchlist]:
    return [read_watchlist(item, on, writable=writable) for item in items(node)]


def read_watchlist(item: Node, on: date, *, writable: bool) -> Watchlist:
    """In the broker's order; an entry that is there twice counts once."""
    name = item["name"].text()
    entries = item.get("watchlist-entries")
    instruments = (_instrument(entry, on) for entry in (entries.items() if entries is not None else ()))
    prefix = OWN if writable else PUBLIC
    return Watchlist(f"{prefix}{name}", name, tuple(dict.fromkeys(instruments)), writable)


def _instrument(entry: Node, on: date) -> Instrument:
    """Entries may come without their class: then it is told by the spelling."""
    symbol = entry["symbol"].text()
    kind = optional_text(entry, "instrument-type")
    return read_symbol(symbol, kind or _likely(symbol), on)


def _likely(symbol: str) -> str:
    if symbol.startswith("/"):
        return "Future"
    if symbol.startswith("./"):
        return "Future Option"
    if len(symbol) == 21 and symbol[6:12].isdigit():
        return "Equity Option"
    if symbol.startswith("$"):
        return INDEX
    return "Cryptocurrency" if symbol.endswith("/USD") else EQUITY
