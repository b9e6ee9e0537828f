"""Options on futures: GET /futures-option-chains/{product}/nested (section 4.7)."""

from datetime import date

from brokers.domain.instruments import Future, FutureOption
from brokers.domain.market import Chain, Expiration, Strike
from brokers.tastytrade.codec.envelope import escaped
from brokers.tastytrade.codec.market import KINDS, read_increments
from brokers.tastytrade.symbols import FUTURE_OPTION, api_symbol, read_symbol
from brokers.wire import Node, Request, optional_text


def future_chain_request(underlying: Future) -> Request:
    """Of all months of its product: the broker tells them together."""
    return Request("GET", f"/futures-option-chains/{escaped(underlying.product)}/nested")


def read_future_chain(node: Node, underlying: Future, on: date) -> Chain:
    """Those that are on this month, expiry ascending. An expiration without strikes is none."""
    named = api_symbol(underlying)
    rows = (row for chain in node["data"]["option-chains"].items() for row in chain["expirations"].items())
    found = [_expiration(row, on) for row in rows if row["underlying-symbol"].text() == named and row["strikes"].value]
    return Chain(underlying, tuple(sorted(found, key=lambda each: (each.expiry, each.root))))


def _expiration(item: Node, on: date) -> Expiration:
    """Its root is the code of the contract, with the year in full, as the options' symbols have it."""
    strikes = sorted((_strike(strike, on) for strike in item["strikes"].items()), key=lambda strike: strike.price)
    codes = {option.contract for row in strikes for option in (row.call, row.put) if isinstance(option, FutureOption)}
    if len(codes) != 1:
        raise item["strikes"].wrong("the options of one contract")
    kind = item["expiration-type"].text()
    return Expiration(
        expiry=item["expiration-date"].day(),
        kind=KINDS.get(kind, kind.lower()),
        settlement=optional_text(item, "settlement-type"),
        root=codes.pop(),
        multiplier=item["notional-value"].number() / item["display-factor"].number(),
        increments=read_increments(item, "tick-sizes"),
        strikes=tuple(strikes),
    )


def _strike(item: Node, on: date) -> Strike:
    return Strike(item["strike-price"].number(), _listed(item, "call", on), _listed(item, "put", on))


def _listed(item: Node, key: str, on: date) -> FutureOption | None:
    symbol = item.get(key)
    if symbol is None:
        return None
    option = read_symbol(symbol.text(), FUTURE_OPTION, on)
    if not isinstance(option, FutureOption):
        raise symbol.wrong("an option on a future")
    return option
