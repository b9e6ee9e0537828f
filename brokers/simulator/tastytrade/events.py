"""DXLink events from the market's books (section 7.5)."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from brokers.domain.instruments import Equity, Index, Instrument, Option
from brokers.simulator.market import Book, Listing, Market
from brokers.simulator.tastytrade.dxlink import Value
from brokers.simulator.tastytrade.symbols import parse_streamer_symbol

EPOCH = date(1970, 1, 1)
Event = dict[str, Value]


class MarketFeed:
    """What the made-up market shows on DXLink. Books and events are made once per tick, however many ask."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.tick = -1
        self.listings: dict[str, Listing] = {}
        self.events: dict[tuple[str, str], Event | None] = {}
        self.books: dict[Instrument, Book | None] = {}

    def turn(self, tick: int) -> None:
        """Forget what was made in an earlier tick: the market has moved on."""
        if tick != self.tick:
            self.tick = tick
            self.events.clear()
            self.books.clear()

    def listing(self, symbol: str) -> Listing | None:
        found = self.listings.get(symbol) or self._find(symbol)
        if found is not None:
            self.listings[symbol] = found
        return found

    def _find(self, symbol: str) -> Listing | None:
        try:
            instrument = parse_streamer_symbol(symbol)
        except ValueError:
            return None
        found = self.market.listing(instrument)
        if found is None and isinstance(instrument, Equity):
            found = self.market.listing(Index(instrument.symbol))
        return found

    def moves_with(self, symbol: str) -> Instrument | None:
        found = self.listing(symbol)
        if found is None:
            return None
        return found.underlying if isinstance(found.instrument, Option) else found.instrument

    def event(self, kind: str, symbol: str) -> Event | None:
        key = (kind, symbol)
        if key not in self.events:
            self.events[key] = self._make(kind, symbol)
        return self.events[key]

    def _make(self, kind: str, symbol: str) -> Event | None:
        listing = self.listing(symbol)
        if listing is None:
            return None
        instrument = listing.instrument
        if instrument not in self.books:
            self.books[instrument] = self.market.book(instrument)
        book = self.books[instrument]
        values = None if book is None else self._values(kind, listing, book)
        if values is None:
            return None
        return {"eventType": kind, "eventSymbol": symbol, "eventTime": 0, **values}

    def _values(self, kind: str, listing: Listing, book: Book) -> Event | None:
        match kind:
            case "Quote":
                return quote(book)
            case "Trade":
                return trade(book)
            case "TradeETH" if not isinstance(listing.instrument, Option) and not self.market.is_open(book.at):
                return trade(book, extended=True)
            case "Summary":
                return summary(book)
            case "Profile":
                return profile(listing)
            case "Greeks" if isinstance(listing.instrument, Option):
                return greeks(book)
        return None


def quote(book: Book) -> Event:
    """Unknown prices are left out: the protocol writes them as NaN."""
    at = milliseconds(book.at)
    body: Event = {"sequence": 0, "timeNanoPart": 0, "bidTime": at, "askTime": at}
    body |= {"bidExchangeCode": "Q", "askExchangeCode": "Q"}
    return body | known(
        bidPrice=book.bid,
        askPrice=book.ask,
        bidSize=None if book.bid is None else Decimal(book.bid_size),
        askSize=None if book.ask is None else Decimal(book.ask_size),
    )


def trade(book: Book, extended: bool = False) -> Event | None:
    if book.last is None:
        return None
    change = None if book.prev_close is None else book.last - book.prev_close
    body: Event = {
        "time": milliseconds(book.at),
        "timeNanoPart": 0,
        "sequence": 0,
        "exchangeCode": "Q",
        "dayId": day_id(book.at.date()),
        "tickDirection": "UNDEFINED",
        "extendedTradingHours": extended,
    }
    turnover = book.last * book.volume
    return body | known(
        price=book.last,
        change=change,
        size=Decimal(book.last_size),
        dayVolume=Decimal(book.volume),
        dayTurnover=turnover,
    )


def summary(book: Book) -> Event:
    body: Event = {
        "dayId": day_id(book.at.date()),
        "prevDayId": day_id(book.at.date() - timedelta(days=1)),
        "dayClosePriceType": "REGULAR",
        "prevDayClosePriceType": "REGULAR",
        "openInterest": book.open_interest or 0,  # a whole number always: clients drop the event without one
    }
    return body | known(
        dayOpenPrice=book.open,
        dayHighPrice=book.high,
        dayLowPrice=book.low,
        prevDayClosePrice=book.prev_close,
    )


def profile(listing: Listing) -> Event:
    body: Event = {
        "description": listing.description,
        "shortSaleRestriction": "INACTIVE",
        "tradingStatus": "ACTIVE",
        "statusReason": "",
        "haltStartTime": 0,
        "haltEndTime": 0,
    }
    if isinstance(listing.instrument, Option):
        return body
    return body | known(beta=listing.beta, exDividendAmount=listing.dividend)


def greeks(book: Book) -> Event | None:
    """Theta a day, vega and rho per one percentage point, as the exchange quotes them."""
    if book.greeks is None:
        return None
    at = milliseconds(book.at)
    names = ("price", "volatility", "delta", "gamma", "theta", "rho", "vega")
    body: Event = {"eventFlags": 0, "index": at << 20, "time": at, "sequence": 0}
    return body | {name: round(getattr(book.greeks, name), 8) for name in names}


def known(**numbers: Decimal | None) -> Event:
    return {name: float(number) for name, number in numbers.items() if number is not None}


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def day_id(day: date) -> int:
    return (day - EPOCH).days
