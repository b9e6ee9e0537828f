"""The strikes of one expiration as rows: calls left, puts right, with what is known of each option. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Instrument, plain
from brokers.domain.market import Expiration, Quote, Strike
from brokers.templatetags import desk
from market.smile import Smile

VIEWS = {
    "prices": ("extrinsic", "volatility", "delta"),
    "greeks": ("vega", "gamma", "theta", "volatility", "delta"),
    "activity": ("open_interest", "volume", "last", "delta"),
    "chances": ("extrinsic", "in_money", "delta"),
}
"""Columns of the calls from the outside in; those of the puts are mirrored. Bid and ask stand next to the strike."""
TITLES = {
    "extrinsic": ("Extr", "Extrinsic value: the middle of the market less what exercise would bring"),
    "volatility": ("IV %", "Implied volatility a year"),
    "delta": ("Delta", "Delta of one unit"),
    "gamma": ("Gamma", "Gamma: how delta moves with one point"),
    "theta": ("Theta", "Theta: value lost in a day, per unit"),
    "vega": ("Vega", "Vega: value for one point of volatility, per unit"),
    "in_money": ("ITM %", "How likely it expires in the money: our estimate by Black-76 from its volatility"),
    "open_interest": ("Open int", "Open interest: contracts that are open"),
    "volume": ("Volume", "Contracts traded this session"),
    "last": ("Last", "Price of the last trade"),
    "bid": ("Bid", "Best bid: a click sells here"),
    "ask": ("Ask", "Best ask: a click buys here"),
}
PLACES = {"delta": 2, "gamma": 4, "theta": 3, "vega": 3}
ESTIMATED = ("volatility", "delta", "gamma", "theta", "vega", "in_money")
COUNTS = {"8": 8, "12": 12, "20": 20, "all": 0}
USUAL_COUNT = "20"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure as text; ``is_estimate`` when the desk worked it out itself."""

    field: str
    text: str
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One option. ``cells`` from the outside in. ``held`` and ``leg`` are signed quantities."""

    option: Instrument
    bid: str
    ask: str
    no_bid: bool
    cells: tuple[Cell, ...]
    held: Decimal | None
    leg: Decimal | None

    @property
    def sold(self) -> str:
        return desk.quantity(self.leg) if self.leg is not None and self.leg < 0 else ""

    @property
    def bought(self) -> str:
        return desk.quantity(self.leg) if self.leg is not None and self.leg > 0 else ""

    @property
    def mirrored(self) -> tuple[Cell, ...]:
        """From the inside out."""
        return self.cells[::-1]


@dataclass(frozen=True, slots=True)
class Row:
    """``edge``: "low" or "high" on the strike at which the expected move ends."""

    strike: Decimal
    text: str
    call: Side | None
    put: Side | None
    edge: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a board is drawn from."""

    quotes: Mapping[Instrument, Quote]
    spot: Decimal | None
    told: Smile
    move: Decimal | None
    held: Mapping[Instrument, Decimal]
    legs: Mapping[Instrument, Decimal]
    view: str


@dataclass(frozen=True, slots=True)
class Board:
    """``below`` are the rows under the underlying's price, ``above`` those from it on."""

    below: tuple[Row, ...]
    above: tuple[Row, ...]
    has_estimates: bool


def window(expiration: Expiration, price: Decimal | None, count: int) -> tuple[Strike, ...]:
    """So many strikes around the price; all of them for 0."""
    strikes = expiration.strikes
    if not count or count >= len(strikes):
        return strikes
    above = next((at for at, strike in enumerate(strikes) if price is not None and strike.price > price), None)
    middle = len(strikes) // 2 if price is None else len(strikes) if above is None else above
    first = min(max(0, middle - count // 2), len(strikes) - count)
    return strikes[first : first + count]


def board(strikes: Sequence[Strike], scene: Scene) -> Board:
    edges = _edges(strikes, scene)
    rows = [
        Row(
            strike=strike.price,
            text=strike_text(strike.price),
            call=_side(strike.call, strike.price, 1, scene),
            put=_side(strike.put, strike.price, -1, scene),
            edge=edges.get(strike.price, ""),
        )
        for strike in strikes
    ]
    spot = scene.spot if scene.spot is not None else strikes[len(strikes) // 2].price if strikes else Decimal(0)
    sides = [side for row in rows for side in (row.call, row.put) if side is not None]
    return Board(
        below=tuple(row for row in rows if row.strike <= spot),
        above=tuple(row for row in rows if row.strike > spot),
        has_estimates=any(cell.is_estimate for side in sides for cell in side.cells),
    )


def _edges(strikes: Sequence[Strike], scene: Scene) -> dict[Decimal, str]:
    """The first strikes beyond the expected move on either side."""
    move, spot = scene.move, scene.spot
    if move is None or spot is None:
        return {}
    low = [strike.price for strike in strikes if strike.price <= spot - move]
    high = [strike.price for strike in strikes if strike.price >= spot + move]
    return ({max(low): "low"} if low else {}) | ({min(high): "high"} if high else {})


def strike_text(strike: Decimal) -> str:
    """``600``, ``1,250``, ``187.50``."""
    text = plain(strike)
    return f"{strike:,.0f}" if "." not in text else desk.price(strike)


def spot_text(spot: Decimal | None) -> str:
    """To the cent, below a dollar as it is: the middle of a market lies between two steps."""
    return desk.price(desk.rounded(spot, desk.CENT) if spot is not None and abs(spot) >= 1 else spot)


def _side(option: Instrument | None, strike: Decimal, way: int, scene: Scene) -> Side | None:
    if option is None:
        return None
    quote = scene.quotes.get(option)
    return Side(
        option=option,
        bid=desk.price(quote.bid if quote else None),
        ask=desk.price(quote.ask if quote else None),
        no_bid=quote is not None and not quote.bid,
        cells=tuple(_cell(field, option, quote, strike, way, scene) for field in VIEWS[scene.view]),
        held=scene.held.get(option),
        leg=scene.legs.get(option),
    )


def _cell(field: str, option: Instrument, quote: Quote | None, strike: Decimal, way: int, scene: Scene) -> Cell:
    if field == "extrinsic":
        return Cell(field, desk.price(extrinsic(quote, strike, way, scene.spot)), False)
    told: Decimal | None = getattr(quote, field, None)
    guess = scene.told.options.get(option)
    if told is None and field in ESTIMATED and (guessed := getattr(guess, field, None)) is not None:
        return Cell(field, figure_text(field, Decimal(str(guessed))), True)
    return Cell(field, figure_text(field, told), False)


def extrinsic(quote: Quote | None, strike: Decimal, way: int, spot: Decimal | None) -> Decimal | None:
    """Time value per unit, to the tenth of a cent; None where a price is missing."""
    if quote is None or quote.bid is None or quote.ask is None or spot is None or quote.ask <= 0:
        return None
    inside = max(way * (spot - strike), Decimal(0))
    return desk.rounded((quote.bid + quote.ask) / 2 - inside, Decimal("0.01"))


def figure_text(field: str, value: Decimal | None) -> str:
    """As it stands in a cell; chain.js writes the same."""
    if value is None:
        return desk.UNKNOWN
    if field == "in_money":
        return f"{desk.rounded(value * 100, Decimal(1)):f}"
    if field == "volatility":
        return f"{desk.rounded(value * 100, Decimal('0.1')):,f}"
    if field in PLACES:
        figure = desk.rounded(value, Decimal(1).scaleb(-PLACES[field]))
        return desk.signed(figure, f"{abs(figure):f}", plus=False)
    return desk.count(value) if field in ("open_interest", "volume") else desk.price(value)
