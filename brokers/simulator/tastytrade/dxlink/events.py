"""Books as DXLink events (7.5): plain values by the feed's field names; what is unknown is left out."""

import dataclasses
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument
from brokers.simulator.market import Book, Halt, Listing, Market, Print
from brokers.simulator.tastytrade.dxlink.candles import BEGIN, END, milliseconds
from brokers.simulator.tastytrade.dxlink.frames import Event, Value

EPOCH = date(1970, 1, 1)
SIDES = {1: "BUY", -1: "SELL"}
DIRECTIONS = {1: "UP", -1: "DOWN", 0: "UNDEFINED"}
VENUE = "Q"


def quote(book: Book) -> Event:
    at = milliseconds(book.at)
    body: dict[str, Value] = {
        "sequence": 0,
        "timeNanoPart": 0,
        "bidTime": at,
        "bidExchangeCode": VENUE,
        "askTime": at,
        "askExchangeCode": VENUE,
    }
    return body | known(
        bidPrice=book.bid,
        bidSize=None if book.bid is None else Decimal(book.bid_size),
        askPrice=book.ask,
        askSize=None if book.ask is None else Decimal(book.ask_size),
    )


def trade(book: Book, market: Market) -> Event | None:
    """The last trade of regular hours: after them it stands still at the close."""
    price = book.close if book.extended and book.close is not None else book.last
    return None if price is None else _trade(dataclasses.replace(book, last=price), market, extended=False)


def trade_eth(book: Book, market: Market) -> Event:
    return _trade(book, market, extended=True)


def _trade(book: Book, market: Market, extended: bool) -> dict[str, Value]:
    body: dict[str, Value] = {
        "time": milliseconds(book.last_at or book.at),
        "timeNanoPart": 0,
        "sequence": 0,
        "exchangeCode": VENUE,
        "dayId": day_id(market.trading_date(book.at, book.instrument)),
        "tickDirection": DIRECTIONS[book.tick],
        "extendedTradingHours": extended,
    }
    last, before = book.last, book.prev_close
    return body | known(
        price=last,
        change=None if last is None or before is None else last - before,
        size=Decimal(book.last_size),
        dayVolume=Decimal(book.volume),
        dayTurnover=None if last is None else (book.vwap or last) * book.volume,
    )


def summary(book: Book, market: Market) -> Event:
    day = market.trading_date(book.at, book.instrument)
    body: dict[str, Value] = {
        "dayId": day_id(day),
        "prevDayId": day_id(market.calendar(book.instrument).previous(day)),
        "dayClosePriceType": "UNDEFINED" if book.close is None else "FINAL",
        "prevDayClosePriceType": "FINAL",
        "openInterest": book.open_interest or 0,  # a whole number always: clients drop the event without one
    }
    return body | known(
        dayOpenPrice=book.open,
        dayHighPrice=book.high,
        dayLowPrice=book.low,
        dayClosePrice=book.close,
        prevDayClosePrice=book.prev_close,
        prevDayVolume=None if book.prev_volume is None else Decimal(book.prev_volume),
    )


def profile(listing: Listing, book: Book, market: Market) -> Event:
    body: dict[str, Value] = {
        "description": listing.description,
        "shortSaleRestriction": "INACTIVE",
        **trading_status(market.halted(listing.instrument)),
    }
    if not isinstance(listing.instrument, Equity):
        return body
    year, metrics = market.year_range(listing.instrument), market.metrics(listing.instrument)
    paid = market.dividends(listing.instrument)
    if paid:
        body |= {"dividendFrequency": 4.0, "exDividendDayId": day_id(paid[0].ex_date)}
    return body | known(
        low52WeekPrice=year[0] if year else None,
        high52WeekPrice=year[1] if year else None,
        lowLimitPrice=_limit(book.prev_close, "0.95"),
        highLimitPrice=_limit(book.prev_close, "1.05"),
        beta=listing.beta,
        earningsPerShare=metrics.eps if metrics else None,
        shares=metrics.shares_outstanding if metrics else None,
        exDividendAmount=paid[0].amount if paid else None,
    )


def trading_status(halt: Halt | None) -> dict[str, Value]:
    """Times are 0 where nobody knows them."""
    if halt is None:
        return {"tradingStatus": "ACTIVE", "statusReason": "", "haltStartTime": 0, "haltEndTime": 0}
    until = 0 if halt.until is None else milliseconds(halt.until)
    return {
        "tradingStatus": "HALTED",
        "statusReason": halt.reason,
        "haltStartTime": milliseconds(halt.since),
        "haltEndTime": until,
    }


def _limit(prev_close: Decimal | None, part: str) -> Decimal | None:
    return None if prev_close is None else round(prev_close * Decimal(part), 2)


def greeks(book: Book) -> Event | None:
    """Theta a day, vega and rho per one percentage point, as the exchange quotes them."""
    if book.greeks is None:
        return None
    names = ("price", "volatility", "delta", "gamma", "theta", "rho", "vega")
    return indexed(book) | {name: round(getattr(book.greeks, name), 8) for name in names}


def theo_price(book: Book, under: Book | None) -> Event | None:
    if book.greeks is None or under is None or under.mark is None:
        return None
    found = book.greeks
    values = {"price": found.price, "underlyingPrice": float(under.mark), "delta": found.delta, "gamma": found.gamma}
    return (
        indexed(book) | {name: round(value, 8) for name, value in values.items()} | {"dividend": 0.0, "interest": 0.0}
    )


def underlying(book: Book, market: Market) -> Event | None:
    """Volatility over all of an underlying's options, that of the first two expirations, what traded."""
    metrics = market.metrics(book.instrument)
    if metrics is None or metrics.iv_index is None or not metrics.expirations:
        return None
    front, back = metrics.expirations[0], metrics.expirations[min(1, len(metrics.expirations) - 1)]
    return indexed(book) | {
        "volatility": round(metrics.iv_index, 6),
        "frontVolatility": round(front.iv, 6),
        "backVolatility": round(back.iv, 6),
        **option_volumes(book.volume),
    }


def series(symbol: str, instrument: Instrument, market: Market) -> Iterator[Event]:
    """One event for each expiration of an underlying, the last first."""
    metrics, book = market.metrics(instrument), market.book(instrument)
    if metrics is None or book is None:
        return
    count = len(metrics.expirations)
    for number, one in enumerate(reversed(metrics.expirations)):
        flags = (BEGIN if number == 0 else 0) | (END if number == count - 1 else 0)
        volumes = option_volumes(book.volume // count)
        del volumes["optionVolume"]
        yield {
            "eventType": "Series",
            "eventSymbol": symbol,
            "eventTime": 0,
            **indexed(book),
            "eventFlags": flags,
            "index": day_id(one.expiry) << 32,
            "expiration": day_id(one.expiry),
            "volatility": round(one.iv, 6),
            **volumes,
            "forwardPrice": float(book.mark or 0),
            "dividend": 0.0,
            "interest": 0.04,
        }


def option_volumes(shares: int) -> dict[str, Value]:
    """Contracts traded so far, by a usual share of what traded in the underlying: three calls to two puts."""
    contracts = shares // 400
    puts = contracts * 2 // 5
    calls = contracts - puts
    return {
        "callVolume": float(calls),
        "putVolume": float(puts),
        "putCallRatio": round(puts / max(calls, 1), 6),
        "optionVolume": float(contracts),
    }


def sale(symbol: str, one: Print) -> Event:
    at = milliseconds(one.at)
    body: dict[str, Value] = {
        "eventType": "TimeAndSale",
        "eventSymbol": symbol,
        "eventTime": 0,
        "eventFlags": 0,
        "index": at // 1000 << 32 | at % 1000 << 22 | one.sequence & 0x3FFFFF,
        "time": at,
        "timeNanoPart": 0,
        "sequence": one.sequence & 0x3FFFFF,
        "exchangeCode": VENUE,
        "exchangeSaleConditions": "  T " if one.extended else "@   ",
        "tradeThroughExempt": "\u0000",
        "aggressorSide": SIDES.get(one.side, "UNDEFINED"),
        "spreadLeg": False,
        "extendedTradingHours": one.extended,
        "validTick": True,
        "type": "NEW",
        "buyer": None,
        "seller": None,
    }
    return body | known(price=one.price, size=Decimal(one.size), bidPrice=one.bid, askPrice=one.ask)


def delayed(book: Book, market: Market, minutes: float) -> Book:
    """The book as it was so long ago: the path's price of then, with today's spread around it."""
    then = book.at - timedelta(minutes=minutes)
    price, mark = market.price_at(book.instrument, then), book.mark
    if price is None or mark is None:
        return dataclasses.replace(book, at=then)
    step = price - mark

    def moved(value: Decimal | None) -> Decimal | None:
        return None if value is None else max(value + step, Decimal(0))

    return dataclasses.replace(
        book, at=then, last_at=then, bid=moved(book.bid), ask=moved(book.ask), last=moved(book.last)
    )


def indexed(book: Book) -> dict[str, Value]:
    at = milliseconds(book.at)
    return {"eventFlags": 0, "index": at // 1000 << 32 | at % 1000 << 22, "time": at, "sequence": 0}


def known(**numbers: Decimal | float | int | None) -> dict[str, Value]:
    return {name: float(number) for name, number in numbers.items() if number is not None}


def day_id(day: date) -> int:
    return (day - EPOCH).days
