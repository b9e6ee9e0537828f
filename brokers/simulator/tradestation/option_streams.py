"""Option chain streams (M11) and option quote streams (M12): whole objects, again after each change of them."""

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from brokers.domain.instruments import Equity, Instrument, Option
from brokers.simulator.market import Market
from brokers.simulator.market.pricing import RATE
from brokers.simulator.tradestation.answers import bad_request
from brokers.simulator.tradestation.gate import Ask, open_stream, truth, whole
from brokers.simulator.tradestation.option_data import NotListed, chain_of, number, spread_board, spread_type
from brokers.simulator.tradestation.option_quotes import (
    USUAL_VOLATILITY,
    Pricing,
    legs_of,
    option_fields,
)
from brokers.simulator.tradestation.quotes import is_withheld
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.spread_types import Board, Side, Spread, SpreadType, Strikes
from brokers.simulator.tradestation.streams import Connection, Stream
from brokers.simulator.tradestation.symbols import find, to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World

DEFAULT_PROXIMITY, WIDEST = 5, 1000
MOST_LEGS = 20
LEG = re.compile(r"legs\[(\d{1,3})\]\.(symbol|ratio)")
RANGES = ("all", "itm", "otm")
SIDES = ("all", "call", "put")


@dataclass(frozen=True)
class Wanted:
    """What a chain stream shows of the spreads of one type."""

    kind: SpreadType
    interval: int
    proximity: int
    center: Decimal | None
    side: str
    range: str

    def of(self, board: Board, spot: Decimal) -> list[Spread]:
        """The spreads nearest the centre, by strikes ascending, calls before puts."""
        found = board.combinations(self.kind, self.interval)
        near = nearest(found, self.center if self.center is not None else spot, self.proximity)
        return [
            spread
            for strikes in near
            for spread in board.spreads(self.kind, strikes)
            if self._shows(spread.side) and self._in_range(spread, spot)
        ]

    def _shows(self, side: Side) -> bool:
        return self.side == "all" or side == "Both" or side.lower() == self.side

    def _in_range(self, spread: Spread, spot: Decimal) -> bool:
        """In the money is a call whose strike (the middle of a spread's) is below the underlying, and so on."""
        if self.range == "all" or spread.side == "Both":
            return True
        away = spot - middle(spread.strikes)
        inside = away > 0 if spread.side == "Call" else away < 0
        return inside is (self.range == "itm")


def middle(strikes: Strikes) -> Decimal:
    return (strikes[0] + strikes[-1]) / 2


def nearest(found: Sequence[Strikes], center: Decimal, each_side: int) -> list[Strikes]:
    """So many below and so many from the centre upwards."""
    below = [strikes for strikes in found if middle(strikes) < center]
    above = [strikes for strikes in found if middle(strikes) >= center]
    return below[-each_side:] + above[:each_side]


class OptionBoard:
    """The lines of a tick: an object that several streams show is worked out and encoded once."""

    def __init__(self) -> None:
        self.tick = -1
        self.lines: dict[Hashable, bytes] = {}

    def line(self, tick: int, key: Hashable, make: Callable[[], bytes]) -> bytes:
        if tick != self.tick:
            self.tick = tick
            self.lines.clear()
        kept = self.lines.get(key)
        if kept is None:
            kept = self.lines[key] = make()
        return kept


_BOARDS: WeakKeyDictionary[Market, OptionBoard] = WeakKeyDictionary()


class OptionStream(Stream):
    """Some spreads of one underlying. Only that the market moved is remembered until the next ``take``."""

    def __init__(
        self, world: "World", underlying: Instrument, spreads: Sequence[Spread], rate: float, *, greeks: bool, path: str
    ) -> None:
        self.market: Market = world.market
        self.world = world
        self.underlying = underlying
        self.spreads = spreads
        self.rate = rate
        self.greeks = greeks
        wire = to_wire(underlying)
        self.symbols = {wire, str(underlying), *(to_wire(leg) for each in spreads for leg, _ in each.legs)}
        self.withheld = is_withheld(world, wire, underlying, path)
        self.history = history(world.market, underlying)
        self.board = _BOARDS.setdefault(world.market, OptionBoard())
        self.said: dict[int, bytes] = {}
        self.changed = True

    def open(self) -> list[bytes]:
        if self.withheld:
            return [line({"Symbol": to_wire(self.underlying), "Error": "FAILED, EX_NOT_ENTITLED"})]
        return self.take()

    def moved(self, changed: Collection[Instrument]) -> bool:
        if not self.withheld and self.underlying in changed:
            self.changed = True
        return self.changed

    def take(self) -> list[bytes]:
        if not self.changed:
            return []
        self.changed = False
        pricing = self._pricing()
        return [told for number, spread in enumerate(self.spreads) if (told := self._tell(number, spread, pricing))]

    def _tell(self, number: int, spread: Spread, pricing: Pricing) -> bytes:
        key = (spread.legs, spread.side, self.greeks, self.rate)
        told = self.board.line(self.world.ticks, key, lambda: self._encode(spread, pricing))
        if self.said.get(number) == told:
            return b""
        self.said[number] = told
        return told

    def _encode(self, spread: Spread, pricing: Pricing) -> bytes:
        """The object of a spread; empty when a leg is not listed any more."""
        legs = legs_of(self.market, spread.legs)
        if legs is None:
            return b""
        return line(option_fields(self.market, legs, spread.side, pricing, greeks=self.greeks))

    def _pricing(self) -> Pricing:
        return Pricing(float(spot(self.market, self.underlying)), self.rate, self.history, self.market.now)


def spot(market: Market, underlying: Instrument) -> Decimal:
    book = market.book(underlying)
    price = (book.last or book.mark) if book else None
    return price or Decimal(1)


def history(market: Market, underlying: Instrument) -> float:
    """The volatility of the last 90 days as a fraction."""
    found = market.metrics(underlying)
    return found.hv_90 if found is not None and found.hv_90 > 0 else USUAL_VOLATILITY


def stream_chain(ask: Ask) -> Connection:
    """M11."""
    market, query = ask.world.market, ask.query
    underlying, chain = chain_of(ask)
    kind = spread_type(query)
    wanted = Wanted(
        kind=kind,
        interval=whole(query, "strikeinterval", 1, 1, WIDEST),
        proximity=whole(query, "strikeproximity", DEFAULT_PROXIMITY, 1, WIDEST),
        center=number(query.get("pricecenter", ""), "priceCenter"),
        side=_choice(query, "optiontype", SIDES),
        range=_choice(query, "strikerange", RANGES),
    )
    greeks, rate = truth(query, "enablegreeks", True), _rate(query)
    try:
        board = spread_board(market, underlying, chain, kind, query)
    except NotListed:
        raise bad_request("There are no options with this expiration.") from None
    spreads = wanted.of(board, spot(market, underlying))
    stream = OptionStream(ask.world, underlying, spreads, rate, greeks=greeks, path=ask.path)
    stream.slot = open_stream(ask, "streaming-option-chains")
    return Connection(ask, stream)


def stream_option_quotes(ask: Ask) -> Connection:
    """M12: one spread, of the legs in the query."""
    market = ask.world.market
    legs = read_legs(market, ask.query)
    spread = Spread(side_of(legs), tuple(sorted({o.strike for o, _ in legs if isinstance(o, Option)})), tuple(legs))
    underlyings = {market.underlying(instrument) for instrument, _ in legs}
    if len(underlyings) > 1:
        raise bad_request("All legs must have the same underlying.")
    greeks, rate = truth(ask.query, "enablegreeks", True), _rate(ask.query)
    stream = OptionStream(ask.world, underlyings.pop(), [spread], rate, greeks=greeks, path=ask.path)
    stream.slot = open_stream(ask, "streaming-option-quotes")
    return Connection(ask, stream)


def read_legs(market: Market, query: Mapping[str, str]) -> list[tuple[Instrument, int]]:
    """The legs of ``legs[0].Symbol=…&legs[0].Ratio=…``: numbered from 0 without a gap; raises ``Failure``."""
    given: dict[int, dict[str, str]] = {}
    for name, text in query.items():
        if found := LEG.fullmatch(unquote(name)):
            given.setdefault(int(found[1]), {})[found[2]] = text
    if not given or sorted(given) != list(range(len(given))) or len(given) > MOST_LEGS:
        raise bad_request("legs must be numbered from 0, one after the other.")
    return [_leg(market, given[index]) for index in range(len(given))]


def _leg(market: Market, given: Mapping[str, str]) -> tuple[Instrument, int]:
    instrument = find(given.get("symbol", ""), market)
    if not isinstance(instrument, (Option, Equity)):
        raise bad_request(f"Invalid symbol {given.get('symbol', '')[:40]}.")
    ratio = number(given.get("ratio", ""), "Ratio")
    ratio = Decimal(1) if ratio is None else ratio
    if ratio == 0 or ratio != int(ratio) or abs(ratio) > WIDEST:
        raise bad_request("Ratio must be a whole number other than 0.")
    return instrument, int(ratio)


def side_of(legs: Sequence[tuple[Instrument, int]]) -> Side:
    rights = {leg.right for leg, _ in legs if isinstance(leg, Option)}
    if len(rights) != 1:
        return "Both"
    return "Call" if rights.pop() == "C" else "Put"


def _choice(query: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    text = query.get(name, "").lower() or choices[0]
    if text not in choices:
        raise bad_request(f"{name} must be one of: {', '.join(choices)}.")
    return text


def _rate(query: Mapping[str, str]) -> float:
    given = number(query.get("riskfreerate", ""), "riskFreeRate")
    if given is not None and not -1 < given < 1:
        raise bad_request("riskFreeRate must be a fraction, such as 0.05.")
    return RATE if given is None else float(given)
