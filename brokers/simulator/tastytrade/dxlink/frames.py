"""DXLink's frames as texts: messages, events in COMPACT and FULL form, FEED_DATA below the size clients take."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any

Value = float | int | str | None
Event = Mapping[str, Value]
Names = tuple[str, ...] | None

PAUSE = ""  # between two pieces that take time to make
MOST_PAUSES = 8  # that made candles wait for more of them
LARGEST_FRAME = 60_000
UNKNOWN = '"NaN"'
ALIASES = {"vwap": "VWAP"}  # one published client asks for it in lower case

HEAD = ("eventType", "eventSymbol", "eventTime")
INDEXED = "eventFlags index time sequence"
FIELDS: dict[str, tuple[str, ...]] = {
    kind: (*HEAD, *names.split())
    for kind, names in {
        "Quote": "sequence timeNanoPart bidTime bidExchangeCode bidPrice bidSize askTime askExchangeCode askPrice "
        "askSize",
        "Trade": "time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover tickDirection "
        "extendedTradingHours",
        "TradeETH": "time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover "
        "tickDirection extendedTradingHours",
        "Summary": "dayId dayOpenPrice dayHighPrice dayLowPrice dayClosePrice dayClosePriceType prevDayId "
        "prevDayClosePrice prevDayClosePriceType prevDayVolume openInterest",
        "Profile": "description shortSaleRestriction tradingStatus statusReason haltStartTime haltEndTime "
        "highLimitPrice lowLimitPrice high52WeekPrice low52WeekPrice beta earningsPerShare dividendFrequency "
        "exDividendAmount exDividendDayId shares freeFloat",
        "Greeks": f"{INDEXED} price volatility delta gamma theta rho vega",
        "Candle": f"{INDEXED} count open high low close volume VWAP bidVolume askVolume impVolatility openInterest",
        "Underlying": f"{INDEXED} volatility frontVolatility backVolatility callVolume putVolume putCallRatio "
        "optionVolume",
        "TheoPrice": f"{INDEXED} price underlyingPrice delta gamma dividend interest",
        "TimeAndSale": "eventFlags index time timeNanoPart sequence exchangeCode price size bidPrice askPrice "
        "exchangeSaleConditions tradeThroughExempt aggressorSide spreadLeg extendedTradingHours validTick type buyer "
        "seller",
        "Series": f"{INDEXED} expiration volatility callVolume putVolume putCallRatio forwardPrice dividend interest",
    }.items()
}


def frame(kind: str, channel: int, **values: Any) -> str:
    return json.dumps({"type": kind, "channel": channel, **values}, separators=(",", ":"))


def encode(event: Event, names: Names) -> str:
    """An event as a run of values in the order of the names ("NaN" where unknown); with no names, as an object."""
    if names is None:
        inside = ",".join(f"{_text(name)}:{_value(value)}" for name, value in event.items())
        return f"{{{inside}}}"
    return ",".join([_value(event[name]) if name in event else _by_alias(event, name) for name in names])


def _by_alias(event: Event, name: str) -> str:
    other = ALIASES.get(name, name)
    return _value(event[other]) if other in event else UNKNOWN


def _value(value: Value) -> str:
    if isinstance(value, float):
        return repr(value) if isfinite(value) else _endless(value)
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    return str(value) if not isinstance(value, bool) else "true" if value else "false"


def _endless(value: float) -> str:
    return UNKNOWN if value != value else '"Infinity"' if value > 0 else '"-Infinity"'


@lru_cache(maxsize=65_536)
def _text(text: str) -> str:
    return json.dumps(text)


def data_frames(channel: int, kind: str | None, pieces: Iterable[str]) -> Iterator[str]:
    """FEED_DATA frames, each below the 64 KiB at which clients give up; one event type to a frame.

    ``kind`` heads a COMPACT frame; None makes a FULL one. A ``PAUSE`` among the pieces is passed on; what has waited
    for some of them is sent, though the frame is not full: who asked shall see that more is coming.
    """
    head = f'{{"type":"FEED_DATA","channel":{channel},"data":['
    start, end = (f'{head}"{kind}",[', "]]}") if kind else (head, "]}")
    batch: list[str] = []
    size = pauses = 0
    for piece in pieces:
        if piece == PAUSE:
            yield PAUSE
            pauses += 1
        if batch and (pauses >= MOST_PAUSES or size + len(piece) > LARGEST_FRAME):
            yield start + ",".join(batch) + end
            batch, size, pauses = [], 0, 0
        if piece == PAUSE:
            continue
        batch.append(piece)
        size += len(piece) + 1
    if batch:
        yield start + ",".join(batch) + end
