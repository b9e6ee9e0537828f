"""Symbol suggest and search of the old version (V1, V2): bare lists, numbers as numbers, criteria inside the path."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option, Right
from brokers.domain.market import Expiration
from brokers.simulator.market import Listing, Market
from brokers.simulator.tradestation.answers import bad_request, day
from brokers.simulator.tradestation.gate import Ask, whole
from brokers.simulator.tradestation.option_data import number, read_date
from brokers.simulator.tradestation.symbol_details import exchange_name, stepped
from brokers.simulator.tradestation.symbols import find, future_root, product_of, to_wire, underlying_of

CLAUSE = re.compile(r"\s*(\w+)\s+(eq|neq|ne)\s+'([^']*)'\s*", re.IGNORECASE)
FILTERED = ("category", "country", "currency", "exchange")
DEFAULT_TOP, MOST = 20, 1000
DEFAULT_STRIKES, DEFAULT_EXPIRATIONS = 3, 3
EXCHANGE_IDS = {
    "NASDAQ": 1,
    "NYSE": 2,
    "NYSE ARCA": 3,
    "OPRA": 4,
    "CBOE": 5,
    "CME": 6,
    "CBOT": 7,
    "NYMEX": 8,
    "COMEX": 9,
}
CENT = Decimal("0.01")
Entry = dict[str, Any]


def suggest(ask: Ask) -> list[Entry]:
    """V1: what begins with a text, never options; at most ``$top``, through a ``$filter``."""
    top = whole(ask.query, "$top", DEFAULT_TOP, 1, MOST)
    passes = read_filter(ask.query.get("$filter", ""))
    market = ask.world.market
    entries = (entry(market, listing) for listing in market.search(ask.names["text"]))
    return [each for each in entries if passes(each)][:top]


def read_filter(text: str) -> Callable[[Entry], bool]:
    """``Category eq 'Stock' and Country neq 'DE'`` as a test of entries; raises ``Failure``."""
    clauses = []
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        found = CLAUSE.fullmatch(part)
        if found is None or found[1].lower() not in FILTERED:
            raise bad_request("$filter is not understood.")
        clauses.append((found[1].title(), found[2].lower() == "eq", found[3].casefold()))
    return lambda each: all((str(each[name]).casefold() == value) is same for name, same, value in clauses)


def entry(market: Market, listing: Listing) -> Entry:
    """One symbol as the old version tells of it."""
    instrument = listing.instrument
    exchange = exchange_name(instrument, listing)
    step = stepped(listing.increments, is_share=True)[0][1]
    return {
        "Name": to_wire(instrument),
        "Description": listing.description,
        "Category": category(market, instrument),
        "Country": "US",
        "Currency": listing.currency,
        "Exchange": exchange,
        "ExchangeID": EXCHANGE_IDS.get(exchange, 0),
        "DisplayType": 2,
        "Error": "",
        "ExpirationDate": expiration(market, instrument),
        "ExpirationType": "",
        "FutureType": "Electronic" if isinstance(instrument, Future) else "",
        "MinMove": _number(step / CENT),
        "OptionType": option_type(instrument),
        "PointValue": _number(listing.multiplier),
        "Root": root(instrument),
        "StrikePrice": _number(instrument.strike) if isinstance(instrument, (Option, FutureOption)) else 0,
    }


def category(market: Market, instrument: Instrument) -> str:
    match instrument:
        case Index():
            return "Index"
        case Future():
            return "Future"
        case FutureOption():
            return "FutureOption"
        case Crypto():
            return "Crypto"
        case Option():
            return "IndexOption" if isinstance(market.underlying(instrument), Index) else "StockOption"
    return "Stock"


def expiration(market: Market, instrument: Instrument) -> str | None:
    match instrument:
        case Option(_, expiry) | FutureOption(_, _, expiry):
            return day(expiry)
        case Future():
            return day(market.expires_at(instrument).date())
    return None


def option_type(instrument: Instrument) -> str:
    if not isinstance(instrument, (Option, FutureOption)):
        return ""
    return "Call" if instrument.right is Right.CALL else "Put"


def root(instrument: Instrument) -> str:
    match instrument:
        case Option(name):
            return name
        case Future(product):
            return future_root(product)
        case FutureOption(future):
            return future_root(future.product)
    return ""


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


# Search


@dataclass(frozen=True)
class Criteria:
    """What is searched for: the pairs of the path, their names in small letters."""

    given: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.given.get(name, "").strip().upper()

    def whole(self, name: str, default: int) -> int:
        return whole(self.given, name, default, 0, MOST)

    def near(self, strikes: Sequence[Decimal], spot: Decimal) -> set[Decimal]:
        """The strikes that are meant: so many on each side of the spot, or all between two."""
        low, high = number(self.text("spl"), "Spl"), number(self.text("sph"), "Sph")
        if low is not None or high is not None:
            return {s for s in strikes if (low is None or s >= low) and (high is None or s <= high)}
        most = self.whole("stk", DEFAULT_STRIKES)
        below = [strike for strike in strikes if strike < spot]
        above = [strike for strike in strikes if strike >= spot]
        return {*(below[-most:] if most else ()), *above[:most]}

    def dates(self, expiries: Iterable[date]) -> set[date]:
        """The expirations that are meant: those of a range, or the next few."""
        low, high = read_date(self.text("edl"), "Edl"), read_date(self.text("edh"), "Edh")
        found = sorted({*expiries})
        if low is not None or high is not None:
            return {each for each in found if (low is None or each >= low) and (high is None or each <= high)}
        return {*found[: self.whole("exd", DEFAULT_EXPIRATIONS)]}

    def rights(self) -> tuple[Right, ...]:
        match self.text("ot"):
            case "CALL":
                return (Right.CALL,)
            case "PUT":
                return (Right.PUT,)
            case "" | "BOTH":
                return (Right.CALL, Right.PUT)
        raise bad_request("OT must be Both, Call or Put.")


def read_criteria(text: str) -> Criteria:
    """``C=SO&R=AAPL``; raises ``Failure``."""
    pairs = [part.partition("=") for part in text.split("&") if part.strip()]
    if not pairs or any(not equals for _, equals, _ in pairs):
        raise bad_request("The criteria must be pairs such as C=Stock&N=MSFT.")
    return Criteria({name.strip().lower(): value for name, _, value in pairs})


def search(ask: Ask) -> list[Entry]:
    """V2: every symbol that meets the criteria, with its underlying."""
    criteria, market = read_criteria(ask.names["criteria"]), ask.world.market
    kind = criteria.text("c") or "S"
    finder = FINDERS.get(kind)
    if finder is None:
        raise bad_request("C must be one of: Stock, SO, FU, FO, IDX, IO, MF, MMF, B, FX, CO.")
    if criteria.text("cnt") not in ("", "US", "ALL"):
        return []
    found = finder(market, criteria)
    listings = [listing for each in found if (listing := market.listing(each)) is not None]
    return [entry(market, each) | {"Underlying": underlying_of(each.instrument, market)} for each in listings]


def _listed(kinds: type | tuple[type, ...]) -> Callable[[Market, Criteria], list[Instrument]]:
    def found(market: Market, criteria: Criteria) -> list[Instrument]:
        name, words = criteria.text("n"), criteria.text("desc")
        return [
            instrument
            for instrument, listing in market.listings.items()
            if isinstance(instrument, kinds)
            and listing.symbol.startswith(name.removeprefix("$"))
            and words in listing.description.upper()
        ]

    return found


def _futures(market: Market, criteria: Criteria) -> list[Instrument]:
    wanted, name = criteria.text("r"), criteria.text("n")
    if criteria.text("ft") not in ("", "ELECTRONIC", "COMBINED") or criteria.text("cur") not in ("", "USD"):
        return []
    codes = [product_of(wanted)] if wanted else [product.code for product in market.products()]
    months = [contract.future for code in codes if market.product(code) for contract in market.contracts(code)]
    return [future for future in months if to_wire(future).startswith(name)]


def _options(market: Market, criteria: Criteria) -> list[Instrument]:
    underlying = find(_root(criteria), market)
    chain = market.chain(underlying) if underlying is not None else None
    if underlying is None or chain is None:
        return []
    dates = criteria.dates(each.expiry for each in chain.expirations)
    spot = _spot(market, underlying)
    return [
        option for each in chain.expirations if each.expiry in dates for option in _of_expiration(each, criteria, spot)
    ]


def _of_expiration(each: Expiration, criteria: Criteria, spot: Decimal) -> Iterable[Option]:
    near, rights = criteria.near([strike.price for strike in each.strikes], spot), criteria.rights()
    for strike in each.strikes:
        for option in (strike.call, strike.put):
            if strike.price in near and isinstance(option, Option) and option.right in rights:
                yield option


def _index_options(market: Market, criteria: Criteria) -> list[Instrument]:
    given = _root(criteria)
    return _options(market, Criteria({**criteria.given, "r": given if given.startswith("$") else f"${given}.X"}))


def _future_options(market: Market, criteria: Criteria) -> list[Instrument]:
    code, rights = product_of(_root(criteria)), criteria.rights()
    if market.product(code) is None:
        return []
    chain = market.future_chain(code)
    dates = criteria.dates(each.expiry for each in chain)
    found: list[Instrument] = []
    for each in chain:
        if each.expiry in dates:
            near = criteria.near([strike.price for strike in each.strikes], _spot(market, each.future))
            pairs = [(strike.call, strike.put) for strike in each.strikes if strike.price in near]
            found += [option for pair in pairs for option in pair if option.right in rights]
    return found


def _root(criteria: Criteria) -> str:
    wanted = criteria.text("r")
    if not wanted:
        raise bad_request("R (the root) is required.")
    return wanted


def _spot(market: Market, underlying: Instrument) -> Decimal:
    book = market.book(underlying)
    return (book.last if book else None) or Decimal(0)


def _none(market: Market, criteria: Criteria) -> list[Instrument]:
    """What exists at the broker and is not part of this market: funds, bonds, currencies."""
    return []


STOCKS, INDEXES = _listed(Equity), _listed(Index)
FINDERS: dict[str, Callable[[Market, Criteria], list[Instrument]]] = {
    "S": STOCKS, "STOCK": STOCKS, "SO": _options, "STOCKOPTION": _options, "FU": _futures, "FUTURE": _futures,
    "FO": _future_options, "FUTUREOPTION": _future_options, "IDX": INDEXES, "INDEX": INDEXES,
    "IO": _index_options, "INDEXOPTION": _index_options, "CO": _none, "MF": _none, "MMF": _none, "B": _none,
    "FX": _none, "FOREX": _none,
}  # fmt: skip
