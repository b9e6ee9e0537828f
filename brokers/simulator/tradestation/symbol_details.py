"""Symbol details (M3) and crypto pairs (M4): tick sizes, multipliers, what a continuous future stands for."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Crypto, Future, FutureOption, Index, Instrument, Option, Right, plain
from brokers.domain.market import PriceIncrements
from brokers.simulator.market import Listing, Market
from brokers.simulator.tradestation.answers import compact, day, decimal
from brokers.simulator.tradestation.quotes import split_symbols
from brokers.simulator.tradestation.symbols import asset_type, continuous, find, future_root, to_wire, underlying_of

if TYPE_CHECKING:
    from brokers.simulator.tradestation.gate import Ask

MOST_SYMBOLS = 50
EXCHANGES = {
    "XNAS": "NASDAQ", "XNYS": "NYSE", "ARCX": "NYSE ARCA", "BATS": "BATS", "XCBO": "OPRA",
    "XCME": "CME", "XCBT": "CBOT", "XNYM": "NYMEX", "XCEC": "COMEX",
}  # fmt: skip
# Products whose prices are shown in fractions: 32nds, and 32nds cut once more.
FRACTIONS = {"ZB": ("32", ""), "ZN": ("32", "2"), "ZF": ("32", "4"), "ZT": ("32", "8"), "TN": ("32", "2")}


def get_symbols(ask: "Ask") -> dict[str, Any]:
    """M3: details of up to 50 symbols; those that name nothing are told in ``Errors``."""
    found, errors = [], []
    for symbol in split_symbols(ask.names["symbols"], MOST_SYMBOLS):
        instrument = find(symbol, ask.world.market)
        if instrument is None:
            errors.append({"Symbol": symbol, "Error": "NotFound", "Message": "Symbol not found."})
        else:
            found.append(details(ask.world.market, symbol, instrument))
    return {"Symbols": found, "Errors": errors}


def get_crypto_pairs(ask: "Ask") -> dict[str, list[str]]:
    """M4: the pairs there is data for."""
    return {"SymbolNames": [to_wire(each) for each in ask.world.market.listings if isinstance(each, Crypto)]}


def details(market: Market, symbol: str, instrument: Instrument) -> dict[str, Any]:
    """One symbol's details. A continuous future keeps its own symbol and names its month as underlying."""
    listing = market.listing(instrument)
    if listing is None:
        raise KeyError(symbol)
    fields = {
        "AssetType": asset_type(instrument, market),
        "Country": "United States",
        "Currency": listing.currency,
        "Description": describe(market, symbol, instrument, listing),
        "Exchange": exchange_name(instrument, listing),
        **_derivative(market, symbol, instrument),
        "Symbol": symbol,
        **_terms(market, symbol, instrument),
        "PriceFormat": price_format(market, instrument, listing),
        "QuantityFormat": quantity_format(instrument),
    }
    return compact(fields)


def exchange_name(instrument: Instrument, listing: Listing) -> str:
    """Options are listed on many exchanges, so the tape's name stands for them."""
    if isinstance(instrument, Option):
        return "OPRA"
    return "CBOE" if isinstance(instrument, Index) else EXCHANGES.get(listing.exchange, listing.exchange)


def describe(market: Market, symbol: str, instrument: Instrument, listing: Listing) -> str:
    match instrument:
        case Option(_, expiry, right, strike):
            under = underlying_of(instrument, market)
            kind = "Call" if right is Right.CALL else "Put"
            return f"{under} [{under}] {expiry:%b %Y} {strike:.3f} {kind}"
        case Future(product):
            name = found.description if (found := market.product(product)) else product
            month = _month(instrument)
            return f"{name} Continuous Contract [{month}]" if continuous(symbol) else f"{name} {month}"
    return listing.description


def _month(future: Future) -> str:
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{names[future.month - 1]}{future.year % 100:02d}"


def _derivative(market: Market, symbol: str, instrument: Instrument) -> dict[str, str]:
    """When it ends; a continuous future never does."""
    match instrument:
        case Option(_, expiry) | FutureOption(_, _, expiry):
            return {"ExpirationDate": day(expiry)}
        case Future():
            kind = {"FutureType": "Electronic"}
            contract = market.contract(instrument)
            if contract is None or continuous(symbol):
                return kind
            return {"ExpirationDate": day(contract.expires_at.date()), **kind}
    return {}


def _terms(market: Market, symbol: str, instrument: Instrument) -> dict[str, str]:
    match instrument:
        case Option(root, _, right, strike):
            return {
                "OptionType": "CALL" if right is Right.CALL else "PUT",
                "Root": root,
                "StrikePrice": plain(strike),
                "Underlying": underlying_of(instrument, market),
            }
        case Future(product):
            front = {"Underlying": to_wire(instrument)} if continuous(symbol) else {}
            return {"Root": future_root(product), **front}
        case FutureOption(future, _, _, right, strike):
            return {
                "OptionType": "CALL" if right is Right.CALL else "PUT",
                "Root": future_root(future.product),
                "StrikePrice": plain(strike),
                "Underlying": to_wire(future),
            }
    return {"Root": symbol}


def price_format(market: Market, instrument: Instrument, listing: Listing) -> dict[str, Any]:
    """How its prices are written and by what steps they go: always decimals on the wire, whatever the format."""
    steps = stepped(listing.increments, is_share=not isinstance(instrument, (Option, FutureOption)))
    fields = {**_display(instrument, steps), **_steps(steps), "PointValue": decimal(listing.multiplier)}
    return compact(fields)


def stepped(increments: PriceIncrements, *, is_share: bool) -> list[tuple[Decimal, Decimal]]:
    """The grid as (starts at, increment). Shares count as having one step: that below a dollar is not told."""
    starts, found = Decimal(0), []
    for threshold, increment in increments.steps:
        found.append((starts, increment))
        starts = threshold if threshold is not None else starts
    return [(Decimal(0), found[-1][1])] if is_share else found


def _display(instrument: Instrument, steps: list[tuple[Decimal, Decimal]]) -> dict[str, str]:
    if isinstance(instrument, Future) and (known := FRACTIONS.get(instrument.product)):
        fraction, part = known
        return {"Format": "SubFraction" if part else "Fraction", "Fraction": fraction, "SubFraction": part}
    places = max(-int(plain_exponent(increment)) for _, increment in steps)
    return {"Format": "Decimal", "Decimals": str(max(places, 2 if steps[0][1] < 1 else 0))}


def plain_exponent(increment: Decimal) -> int:
    """The place of the last digit: −2 for 0.25."""
    exponent = increment.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _steps(steps: list[tuple[Decimal, Decimal]]) -> dict[str, Any]:
    if len(steps) == 1:
        return {"IncrementStyle": "Simple", "Increment": decimal(steps[0][1])}
    schedule = [{"StartsAt": decimal(start), "Increment": decimal(step)} for start, step in steps]
    return {"IncrementStyle": "Schedule", "IncrementSchedule": schedule}


def quantity_format(instrument: Instrument) -> dict[str, str]:
    is_coin = isinstance(instrument, Crypto)
    return {
        "Format": "Decimal",
        "Decimals": "8" if is_coin else "0",
        "IncrementStyle": "Simple",
        "Increment": "0.00000001" if is_coin else "1",
        "MinimumTradeQuantity": "0.00000001" if is_coin else "1",
    }


def subfraction(price: Decimal, fraction: int, part: int) -> str:
    """A price as such formats show it: 125.92969 in 32/4 is ``125'29.7``."""
    whole, rest = divmod(price, 1)
    units = int(rest * fraction)
    finer = (rest - Decimal(units) / fraction) * part * fraction / (Decimal(part) / 10)
    return f"{int(whole)}'{units}.{int(finer)}"
