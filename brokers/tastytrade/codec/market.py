"""Instruments, chains, search, quotes, the quote token (sections 4.7 to 4.9, 7.1)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.instruments import Crypto, Future, FutureOption, Index, Instrument, Option, Other
from brokers.domain.market import Chain, Details, Expiration, Match, PriceIncrements, Quote, Strike
from brokers.errors import Refused
from brokers.tastytrade.codec.envelope import escaped, items
from brokers.tastytrade.symbols import (
    CRYPTO,
    EQUITY,
    FUTURE,
    FUTURE_OPTION,
    INDEX,
    INDEXES,
    OPTION,
    api_symbol,
    read_option,
    read_symbol,
    read_underlying,
    type_name,
)
from brokers.wire import Node, Request, optional_instant, optional_number, optional_text

SYMBOLS_A_CALL = 100
QUOTE_PARAMS = {
    INDEX: "index",
    EQUITY: "equity",
    OPTION: "equity-option",
    FUTURE: "future",
    FUTURE_OPTION: "future-option",
    CRYPTO: "cryptocurrency",
}
QUOTE_FIELDS = {
    "bid": "bid",
    "ask": "ask",
    "bid_size": "bid-size",
    "ask_size": "ask-size",
    "last": "last",
    "mark": "mark",
    "open": "open",
    "high": "day-high-price",
    "low": "day-low-price",
    "prev_close": "prev-close",
    "volume": "volume",
    "open_interest": "open-interest",
}


# --- GET /market-data/by-type -------------------------------------------------------------------------------------


def quotes_requests(instruments: Collection[Instrument]) -> Iterator[tuple[Request, list[Instrument]]]:
    """Requests of at most a hundred symbols, each with the instruments that it asks about."""
    known = [instrument for instrument in instruments if type_name(instrument) is not None]
    for start in range(0, len(known), SYMBOLS_A_CALL):
        asked = known[start : start + SYMBOLS_A_CALL]
        yield Request("GET", "/market-data/by-type", tuple(_quote_param(instrument) for instrument in asked)), asked


def _quote_param(instrument: Instrument) -> tuple[str, str]:
    return QUOTE_PARAMS[type_name(instrument) or ""], api_symbol(instrument)


def read_quotes(node: Node, asked: Iterable[Instrument], now: datetime) -> dict[Instrument, Quote]:
    """The quotes of those that were asked for, matched by class and symbol; ``now`` where no time is said."""
    wanted = {(type_name(instrument), api_symbol(instrument)): instrument for instrument in asked}
    quotes: dict[Instrument, Quote] = {}
    for item in node["data"]["items"].items():
        key = (item["instrument-type"].text(), item["symbol"].text())
        if (instrument := wanted.get(key)) is not None:
            quotes[instrument] = _quote(item, instrument, now)
    return quotes


def _quote(item: Node, instrument: Instrument, now: datetime) -> Quote:
    values = {name: _optional_finite(item, key) for name, key in QUOTE_FIELDS.items()}
    halted, since = _halt(item)
    as_of = optional_instant(item, "updated-at") or now
    return Quote(instrument=instrument, as_of=as_of, halted=halted, halted_since=since, **values)


def _halt(item: Node) -> tuple[bool | None, datetime | None]:
    """Whether trading is halted, None where it is not told, and since when: milliseconds, −1 or 0 for none."""
    flag, since = item.get("is-trading-halted"), item.get("halt-start-time")
    halted = flag.boolean() if flag is not None else None
    is_told = since is not None and since.whole() > 0
    return halted, since.instant() if halted and is_told and since is not None else None


def _optional_finite(item: Node, key: str) -> Decimal | None:
    """A number, None for absent and for the text "NaN" (section 3.4)."""
    return None if item.value.get(key) == "NaN" else optional_number(item, key)


# --- instruments --------------------------------------------------------------------------------------------------

FOLDERS = {
    EQUITY: "equities",
    INDEX: "equities",
    OPTION: "equity-options",
    FUTURE: "futures",
    FUTURE_OPTION: "future-options",
    CRYPTO: "cryptocurrencies",
}


def details_request(instrument: Instrument) -> Request:
    kind = type_name(instrument)
    if kind is None:
        raise Refused(f"{instrument} is not something tastytrade can be asked about.", broker="tastytrade")
    return Request("GET", f"/instruments/{FOLDERS[kind]}/{escaped(api_symbol(instrument))}")


def read_details(node: Node, instrument: Instrument, today: date) -> Details:
    """What the broker says of an instrument. Options do not carry their price grid: it is left empty here."""
    data = node["data"]
    if data["symbol"].text() != api_symbol(instrument):
        raise data["symbol"].wrong("the symbol that was asked for")
    if isinstance(instrument, Index) and instrument.symbol not in INDEXES and data.value.get("is-index") is False:
        raise Refused(f"{instrument.symbol} is no index at tastytrade.", broker="tastytrade")
    return Details(
        instrument=instrument,
        description=optional_text(data, "description") or str(instrument),
        increments=_own_increments(data),
        multiplier=_multiplier(data, instrument),
        underlying=_underlying(data, instrument, today),
        exchange=optional_text(data, "listed-market") or optional_text(data, "exchange"),
        tradeable=_tradeable(data, instrument),
        has_options="option-tick-sizes" in data,
    )


def _own_increments(data: Node) -> PriceIncrements:
    if "tick-sizes" in data or "tick-size" not in data:
        return read_increments(data, "tick-sizes")
    return PriceIncrements(((None, data["tick-size"].number()),))


def read_increments(node: Node, key: str) -> PriceIncrements:
    """A tick-size list; empty where the broker says nothing."""
    if key not in node:
        return PriceIncrements(())
    steps = ((optional_number(item, "threshold"), item["value"].number()) for item in node[key].items())
    return PriceIncrements(tuple(steps))


def read_option_increments(node: Node) -> PriceIncrements:
    """The grid of the options on a share or a future, from the underlying's own entry."""
    return read_increments(node["data"], "option-tick-sizes")


def _multiplier(data: Node, instrument: Instrument) -> Decimal:
    match instrument:
        case Option():
            return data["shares-per-contract"].number()
        case Future():
            return data["notional-multiplier"].number()
        case FutureOption():
            return data["notional-value"].number() / data["display-factor"].number()
        case _:
            return Decimal(1)


def _underlying(data: Node, instrument: Instrument, today: date) -> Instrument | None:
    match instrument:
        case Option():
            return read_underlying(data["underlying-symbol"].text())
        case FutureOption():
            return read_symbol(data["underlying-symbol"].text(), FUTURE, today)
        case _:
            return None


def _tradeable(data: Node, instrument: Instrument) -> bool:
    """Whether positions can be opened, as far as the instrument itself goes. Crypto orders have been switched off."""
    flags = ((key, data.get(key)) for key in ("active", "is-tradeable"))
    refused = any(flag is not None and not flag.boolean() for _, flag in flags)
    closing = data.get("is-closing-only")
    return not (isinstance(instrument, Index | Crypto) or refused or (closing is not None and closing.boolean()))


# --- GET /option-chains/{u}/nested --------------------------------------------------------------------------------

KINDS = {"Regular": "regular", "Weekly": "weekly", "Quarterly": "quarterly", "End-Of-Month": "end_of_month"}


def chain_request(underlying: Instrument) -> Request:
    if type_name(underlying) not in (EQUITY, INDEX):
        raise Refused(f"The desk shows no option chain for {underlying} yet.", broker="tastytrade")
    return Request("GET", f"/option-chains/{escaped(api_symbol(underlying))}/nested")


def read_chain(node: Node, underlying: Instrument) -> Chain:
    """All roots in one chain, expiry ascending; a root with a grid or a size of its own keeps it."""
    expirations = [_expiration(root, item) for root in items(node) for item in root["expirations"].items()]
    expirations.sort(key=lambda expiration: (expiration.expiry, expiration.root, expiration.settlement))
    return Chain(underlying, tuple(expirations))


def _expiration(root: Node, item: Node) -> Expiration:
    strikes = sorted((_strike(strike) for strike in item["strikes"].items()), key=lambda strike: strike.price)
    kind = item["expiration-type"].text()
    return Expiration(
        expiry=item["expiration-date"].day(),
        kind=KINDS.get(kind, kind.lower()),
        settlement=optional_text(item, "settlement-type"),
        root=root["root-symbol"].text().strip(),
        multiplier=root["shares-per-contract"].number(),
        increments=read_increments(root, "tick-sizes"),
        strikes=tuple(strikes),
    )


def _strike(item: Node) -> Strike:
    return Strike(item["strike-price"].number(), _listed(item, "call"), _listed(item, "put"))


def _listed(item: Node, key: str) -> Option | None:
    symbol = item.get(key)
    if symbol is None:
        return None
    try:
        option = read_option(symbol.text())
    except ValueError:
        option = None
    if option is None:
        raise symbol.wrong("an option symbol")
    return option


# --- GET /symbols/search/{text} -----------------------------------------------------------------------------------


def search_request(text: str) -> Request:
    return Request("GET", f"/symbols/search/{escaped(text)}")


def read_matches(node: Node, today: date) -> list[Match]:
    """The lines that name something the desk knows."""
    found = ((_searched(item, today), item) for item in node["data"]["items"].items())
    return [
        Match(instrument, optional_text(item, "description"), "options" in item and item["options"].boolean())
        for instrument, item in found
        if not isinstance(instrument, Other)
    ]


def _searched(item: Node, today: date) -> Instrument:
    return read_symbol(item["symbol"].text(), optional_text(item, "instrument-type") or EQUITY, today)


# --- GET /api-quote-tokens ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuotePass:
    """Leave to open a DXLink socket. ``is_delayed``: the prices come 15 minutes late."""

    token: str
    url: str
    is_delayed: bool
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"QuotePass(url={self.url!r}, is_delayed={self.is_delayed})"


def quote_pass_request() -> Request:
    return Request("GET", "/api-quote-tokens")


def read_quote_pass(node: Node) -> QuotePass:
    data = node["data"]
    return QuotePass(
        token=data["token"].text(),
        url=data["dxlink-url"].text(),
        is_delayed=optional_text(data, "level") == "demo",
        expires_at=optional_instant(data, "expires-at"),
    )
