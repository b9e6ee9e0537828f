"""Quotes, symbol details, option chains, search (sections 4.2, 4.4)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Future, Index, Instrument, Option, Other, Right
from brokers.domain.market import Details, Expiration, Match, PriceIncrements, Quote, Strike
from brokers.errors import Refused
from brokers.tradestation.codec.envelope import BROKER, escaped, listed, number, price, text
from brokers.tradestation.symbols import read_symbol, wire_symbol
from brokers.wire import Node, Request

QUOTES_A_CALL = 100
DETAILS_A_CALL = 50
PRICE_FIELDS = {
    "last": "Last",
    "open": "Open",
    "high": "High",
    "low": "Low",
    "prev_close": "PreviousClose",
}
SIDES = {"bid": ("Bid", "BidSize"), "ask": ("Ask", "AskSize")}


# --- M1 -----------------------------------------------------------------------------------------------------------


def quotes_requests(instruments: Collection[Instrument]) -> Iterator[tuple[Request, dict[str, Instrument]]]:
    """Requests of at most a hundred symbols, each with the instruments that it asks about, by symbol."""
    wanted = {symbol: each for each in instruments if (symbol := wire_symbol(each)) is not None}
    symbols = list(wanted)
    for start in range(0, len(symbols), QUOTES_A_CALL):
        asked = symbols[start : start + QUOTES_A_CALL]
        yield Request("GET", f"/marketdata/quotes/{listed(asked)}"), {symbol: wanted[symbol] for symbol in asked}


def read_quotes(node: Node, asked: Mapping[str, Instrument], now: datetime) -> dict[Instrument, Quote]:
    """The quotes of those that were asked for, by symbol in whatever case. Of those in ``Errors`` there are none."""
    wanted = {symbol.casefold(): instrument for symbol, instrument in asked.items()}
    quotes: dict[Instrument, Quote] = {}
    for item in node["Quotes"].items() if "Quotes" in node or "Errors" not in node else ():
        instrument = wanted.get(item["Symbol"].text().casefold())
        if instrument is not None:
            figures: dict[str, Any] = read_figures(item, instrument)
            quotes[instrument] = Quote(instrument=instrument, as_of=now, halted=_is_halted(item), **figures)
    return quotes


def _is_halted(item: Node) -> bool | None:
    """None where it is not told. Since when it is, the broker does not tell."""
    flags = item.get("MarketFlags")
    halted = flags.get("IsHalted") if flags is not None else None
    return halted.boolean() if halted is not None else None


def read_figures(item: Node, instrument: Instrument) -> dict[str, Decimal | None]:
    """A whole quote's figures by their names on ``Quote``. A price of 0 is none; a bid of 0 beside an offer is one."""
    figures: dict[str, Decimal | None] = {name: price(item, key) for name, key in PRICE_FIELDS.items()}
    bid, ask = number(item, "Bid"), price(item, "Ask")
    figures |= {"bid": bid if bid or ask is not None else None, "ask": ask}
    for side, (_, size) in SIDES.items():
        figures[f"{side}_size"] = number(item, size) if figures[side] is not None else None
    figures["volume"] = number(item, "Volume")
    if not isinstance(instrument, Equity | Index):
        figures["open_interest"] = number(item, "DailyOpenInterest")
    return figures


# --- M3 -----------------------------------------------------------------------------------------------------------


def details_requests(instruments: Collection[Instrument]) -> Iterator[tuple[Request, list[Instrument]]]:
    """Requests of at most fifty symbols, each with the instruments that it asks about."""
    wanted = list(instruments)
    for start in range(0, len(wanted), DETAILS_A_CALL):
        asked = wanted[start : start + DETAILS_A_CALL]
        yield Request("GET", f"/marketdata/symbols/{listed(_symbol(instrument) for instrument in asked)}"), asked


def _symbol(instrument: Instrument) -> str:
    symbol = wire_symbol(instrument)
    if symbol is None:
        raise Refused(f"{instrument} is not something TradeStation can be asked about.", broker=BROKER)
    return symbol


def read_details(node: Node, asked: Iterable[Instrument]) -> dict[Instrument, Details]:
    """What the broker says of those of the instruments that it knows."""
    wanted = {_symbol(instrument).casefold(): instrument for instrument in asked}
    rows = node["Symbols"].items() if "Symbols" in node or "Errors" not in node else ()
    found = ((wanted.get(row["Symbol"].text().casefold()), row) for row in rows)
    return {instrument: _details(row, instrument) for instrument, row in found if instrument is not None}


def _details(row: Node, instrument: Instrument) -> Details:
    """Whether options are listed the broker does not say here: shares and indexes are taken to have them."""
    form = row["PriceFormat"]
    underlying = text(row, "Underlying") if isinstance(instrument, Option) else ""
    return Details(
        instrument=instrument,
        description=text(row, "Description") or str(instrument),
        increments=_increments(form),
        multiplier=_above_nothing(form["PointValue"]),
        underlying=read_symbol(underlying) if underlying else None,
        exchange=text(row, "Exchange"),
        tradeable=isinstance(instrument, Equity | Option | Future),
        has_options=isinstance(instrument, Equity | Index),
    )


def _increments(form: Node) -> PriceIncrements:
    """One step for all prices, or a schedule of steps by the price from which on each holds."""
    if "IncrementSchedule" not in form:
        return PriceIncrements(((None, _above_nothing(form["Increment"])),) if "Increment" in form else ())
    rows = form["IncrementSchedule"].items()
    steps = sorted((row["StartsAt"].number(), _above_nothing(row["Increment"])) for row in rows)
    ends: list[Decimal | None] = [start for start, _ in steps]
    return PriceIncrements(tuple((end, step) for end, (_, step) in zip([*ends[1:], None], steps, strict=False)))


def _above_nothing(node: Node) -> Decimal:
    if (value := node.number()) <= 0:
        raise node.wrong("above 0")
    return value


# --- M5, M6: a chain is put together from many answers --------------------------------------------------------------

KINDS = {"Monthly": "regular", "Weekly": "weekly", "Quarterly": "quarterly", "EOM": "end_of_month"}
OTHER_ROOTS = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW", "VIX": "VIXW"}
"""The root of an index's options that are not the monthly ones."""
MORNING = frozenset({"SPX", "NDX", "RUT", "VIX", "VIXW"})
STANDARD = Decimal(100)
HIGHEST = Decimal(100_000)


def expirations_request(underlying: Instrument) -> Request:
    if isinstance(underlying, Future):
        words = (
            "TradeStation does not publish how options on futures are named, so the desk can neither price nor trade "
            f"them there. The chain of {underlying} is on TradeStation's own platform."
        )
        raise Refused(words, broker=BROKER)
    if not isinstance(underlying, Equity | Index):
        raise Refused(f"{underlying} has no options at TradeStation.", broker=BROKER)
    return Request("GET", f"/marketdata/options/expirations/{escaped(_symbol(underlying))}")


def read_expirations(node: Node, underlying: Instrument) -> list[Expiration]:
    """All of them, by day, without strikes. Their root, which the broker leaves out, follows from what they are."""
    rows = ((row["Date"].instant().date(), text(row, "Type")) for row in node["Expirations"].items())
    found = {_expiration(underlying, expiry, kind) for expiry, kind in rows}
    return sorted(found, key=lambda each: (each.expiry, each.root, each.kind))


def _expiration(underlying: Instrument, expiry: date, kind: str) -> Expiration:
    """Of the usual size, as all that the broker lists under their underlying's name."""
    root = _root(underlying, kind)
    return Expiration(
        expiry=expiry,
        kind=KINDS.get(kind, kind.lower() or "other"),
        settlement="AM" if root in MORNING else "PM",
        root=root,
        multiplier=STANDARD,
        increments=PriceIncrements(()),
        strikes=(),
    )


def _root(underlying: Instrument, kind: str) -> str:
    name = underlying.symbol if isinstance(underlying, Equity | Index) else str(underlying)
    return OTHER_ROOTS.get(name, name) if isinstance(underlying, Index) and kind != "Monthly" else name


def strikes_request(underlying: Instrument, expiry: date) -> Request:
    path = f"/marketdata/options/strikes/{escaped(_symbol(underlying))}"
    return Request("GET", path, (("spreadType", "Single"), ("expiration", f"{expiry:%m-%d-%Y}")))


def read_strikes(node: Node) -> list[Decimal]:
    """The strikes of one day, ascending: one list for each. Those that no option symbol can spell are left out."""
    rows = (list(row.items()) for row in node["Strikes"].items())
    found = {row[0].number() for row in rows if len(row) == 1}
    return sorted(strike for strike in found if 0 < strike < HIGHEST and strike * 1000 % 1 == 0)


def with_strikes(expiration: Expiration, prices: Sequence[Decimal]) -> Expiration:
    return replace(expiration, strikes=tuple(_strike(expiration, price) for price in prices))


def _strike(each: Expiration, price: Decimal) -> Strike:
    call, put = (Option(each.root, each.expiry, right, price) for right in (Right.CALL, Right.PUT))
    return Strike(price, call, put)


def samples(expirations: Iterable[Expiration]) -> dict[str, Option]:
    """An option of each root, to ask for its price steps and size."""
    found: dict[str, Option] = {}
    for each in expirations:
        if each.strikes and each.root not in found:
            found[each.root] = Option(each.root, each.expiry, Right.CALL, each.strikes[len(each.strikes) // 2].price)
    return found


def with_terms(expiration: Expiration, told: Details | None) -> Expiration:
    """With size and price steps as the details of one of its options tell them; as it is where the broker knew none."""
    if told is None:
        return expiration
    return replace(expiration, multiplier=told.multiplier, increments=told.increments)


# --- V1: the API's second version ---------------------------------------------------------------------------------

CATEGORIES = {"Stock": "STOCK", "Index": "INDEX", "Future": "FUTURE"}
HOME = frozenset({"US", "United States", ""})
MOST_MATCHES = 20


def search_request(words: str) -> Request:
    """Below ``/v2``, which is not where everything else is."""
    return Request("GET", f"/data/symbols/suggest/{escaped(words)}", (("$top", str(MOST_MATCHES)),))


def read_matches(node: Node) -> list[Match]:
    """The lines that name something of the United States that the desk knows."""
    matches = []
    for row in node.items():
        instrument = read_symbol(row["Name"].text(), CATEGORIES.get(text(row, "Category"), "OTHER"))
        if not isinstance(instrument, Other) and text(row, "Country") in HOME:
            matches.append(Match(instrument, text(row, "Description"), isinstance(instrument, Equity | Index)))
    return matches
