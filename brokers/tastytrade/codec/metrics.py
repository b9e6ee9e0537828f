"""What the broker has worked out about shares and indexes (section 4.10): GET /market-metrics."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.market import Metrics
from brokers.tastytrade.codec.envelope import items
from brokers.tastytrade.symbols import EQUITY, INDEX, api_symbol, type_name
from brokers.wire import Node, Request, optional_instant, optional_number, optional_text

SYMBOLS_A_CALL = 100
TIMES_OF_DAY = {"BTO": "before", "AMC": "after"}
NUMBERS = {
    "iv_index": "implied-volatility-index",
    "iv_rank": "implied-volatility-index-rank",
    "iv_percentile": "implied-volatility-percentile",
    "beta": "beta",
    "dividend_amount": "dividend-rate-per-share",
    "market_cap": "market-cap",
    "pe": "price-earnings-ratio",
}
HUNDRED = Decimal(100)


def metrics_requests(instruments: Collection[Instrument]) -> Iterator[tuple[Request, list[Instrument]]]:
    """Requests of at most a hundred symbols, each with the instruments that it asks about."""
    known: list[Instrument] = [one for one in instruments if type_name(one) in (EQUITY, INDEX)]
    for start in range(0, len(known), SYMBOLS_A_CALL):
        asked = known[start : start + SYMBOLS_A_CALL]
        symbols = ",".join(api_symbol(instrument) for instrument in asked)
        yield Request("GET", "/market-metrics", (("symbols", symbols),)), asked


def read_metrics(node: Node, asked: Iterable[Instrument]) -> dict[Instrument, Metrics]:
    """Of those that were asked for."""
    wanted = {api_symbol(instrument): instrument for instrument in asked}
    found: dict[Instrument, Metrics] = {}
    for item in items(node):
        instrument = wanted.get(item["symbol"].text())
        if instrument is not None:
            found[instrument] = _metrics(item, instrument)
    return found


def _metrics(item: Node, instrument: Instrument) -> Metrics:
    """The broker writes ranks as fractions and historical volatilities in percent. A market value of 0 is none."""
    numbers = {name: optional_number(item, key) for name, key in NUMBERS.items()}
    numbers["market_cap"] = numbers["market_cap"] or None
    percent = optional_number(item, "historical-volatility-30-day")
    earnings_date, earnings_time = _earnings(item)
    return Metrics(
        instrument=instrument,
        hv30=percent / HUNDRED if percent is not None else None,
        earnings_date=earnings_date,
        earnings_time=earnings_time,
        ex_dividend_date=item["dividend-ex-date"].day() if "dividend-ex-date" in item else None,
        expiration_ivs=_by_expiration(item),
        updated_at=optional_instant(item, "updated-at"),
        **numbers,
    )


def _earnings(item: Node) -> tuple[date | None, str]:
    """The coming report, unless the broker says that it is not to be shown."""
    report = item.get("earnings")
    if report is None or ("visible" in report and not report["visible"].boolean()):
        return None, ""
    day = report.get("expected-report-date")
    told = TIMES_OF_DAY.get(optional_text(report, "time-of-day"), "")
    return (day.day(), told) if day is not None else (None, "")


def _by_expiration(item: Node) -> Mapping[date, Decimal]:
    """Where one day has several expirations: the standard one that settles in the evening."""
    rows = item.get("option-expiration-implied-volatilities")
    ranked: dict[date, tuple[tuple[bool, bool], Decimal]] = {}
    for row in rows.items() if rows is not None else ():
        volatility = optional_number(row, "implied-volatility")
        if volatility is None:
            continue
        day = row["expiration-date"].day()
        rank = optional_text(row, "option-chain-type") == "Standard", optional_text(row, "settlement-type") == "PM"
        if day not in ranked or ranked[day][0] < rank:
            ranked[day] = rank, volatility
    return {day: volatility for day, (_, volatility) in sorted(ranked.items())}
