"""What there is to know of options before any price: expirations (M5), strikes (M6), spread types (M7)."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Instrument, plain
from brokers.domain.market import Chain, Expiration
from brokers.simulator.market import Market
from brokers.simulator.tradestation.answers import Failure, bad_request, day
from brokers.simulator.tradestation.gate import whole
from brokers.simulator.tradestation.quotes import symbol_or_404
from brokers.simulator.tradestation.spread_types import BY_NAME, TYPES, Board, SpreadType, board

if TYPE_CHECKING:
    from brokers.simulator.tradestation.gate import Ask

KINDS = {"regular": "Monthly", "weekly": "Weekly", "quarterly": "Quarterly", "end_of_month": "EOM"}
WIDEST = 1000


def get_expirations(ask: "Ask") -> dict[str, Any]:
    """M5: the days on which options expire; with ``strikePrice`` only those that list the strike."""
    _, chain = chain_of(ask)
    strike = number(ask.query.get("strikeprice", ""), "strikePrice")
    found = {
        (each.expiry, KINDS.get(each.kind, "Other"))
        for each in chain.expirations
        if strike is None or any(one.price == strike for one in each.strikes)
    }
    return {"Expirations": [{"Date": day(expiry), "Type": kind} for expiry, kind in sorted(found)]}


def get_strikes(ask: "Ask") -> dict[str, Any]:
    """M6: one list of strikes for each spread of the type that can be made; none is an empty list."""
    underlying, chain = chain_of(ask)
    kind = spread_type(ask.query)
    interval = whole(ask.query, "strikeinterval", 1, 1, WIDEST)
    try:
        listed = spread_board(ask.world.market, underlying, chain, kind, ask.query)
    except NotListed:
        return {"SpreadType": kind.name, "Strikes": []}
    found = listed.combinations(kind, interval)
    return {"SpreadType": kind.name, "Strikes": [[plain(strike) for strike in strikes] for strikes in found]}


def get_spread_types(ask: "Ask") -> dict[str, Any]:
    """M7: the types, and whether they take a distance of strikes and a second expiration."""
    told = [
        {"Name": each.name, "StrikeInterval": each.has_interval, "ExpirationInterval": each.two_expirations}
        for each in TYPES
    ]
    return {"SpreadTypes": told}


class NotListed(ValueError):
    """An expiration on which nothing expires."""


def chain_of(ask: "Ask") -> tuple[Instrument, Chain]:
    """The chain of the underlying in the path; raises ``Failure``."""
    market = ask.world.market
    _, underlying = symbol_or_404(ask.names, market, "underlying")
    chain = market.chain(underlying)
    if chain is None:
        raise Failure(404, "NotFound", "No options are listed on this symbol.")
    return underlying, chain


def spread_type(query: Any) -> SpreadType:
    kind = BY_NAME.get(query.get("spreadtype", "").lower() or "single")
    if kind is None:
        raise bad_request(f"spreadType must be one of: {', '.join(each.name for each in TYPES)}.")
    return kind


def spread_board(market: Market, underlying: Instrument, chain: Chain, kind: SpreadType, query: Any) -> Board:
    """The options that a spread type is made of, by the expirations in a query (default: the next, and the one
    after it); raises ``Failure`` when a date can't be read, ``NotListed`` when nothing expires on it."""
    alive = [each for each in chain.expirations if not _is_over(market, each)]
    near = _on(alive, read_date(query.get("expiration", ""), "expiration"), after=None)
    if not kind.two_expirations:
        return board(underlying, near)
    far = _on(alive, read_date(query.get("expiration2", ""), "expiration2"), after=near[0].expiry)
    if far[0].expiry <= near[0].expiry:
        raise bad_request("expiration2 must be after expiration.")
    return board(underlying, near, far)


def _on(expirations: list[Expiration], wanted: date | None, after: date | None) -> list[Expiration]:
    """All that expires on a day; without a day, on the first there is after another."""
    day_meant = wanted or next((each.expiry for each in expirations if after is None or each.expiry > after), None)
    found = [each for each in expirations if each.expiry == day_meant]
    if not found:
        raise NotListed(str(day_meant))
    return found


def _is_over(market: Market, expiration: Expiration) -> bool:
    option = next((option for each in expiration.strikes for option in (each.call, each.put) if option), None)
    return option is None or market.expires_at(option) <= market.now


def read_date(text: str, name: str) -> date | None:
    """A day as ``MM-DD-YYYY``, ``YYYY-MM-DD`` or with a time; None when not given; raises ``Failure``."""
    text = text.strip()
    if not text:
        return None
    for form in ("%m-%d-%Y", "%m/%d/%Y", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text[:10], form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise bad_request(f"{name} is not a date.")


def number(text: str, name: str) -> Decimal | None:
    """A finite number in a query; None when not given; raises ``Failure``."""
    if not text.strip():
        return None
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) > 10_000_000:
        raise bad_request(f"{name} is not a number.")
    return found
