"""The control of trading halts: nothing is sent into a symbol in which the exchange has stopped trading."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.instruments import FutureOption, Instrument, describe
from brokers.domain.market import Quote
from brokers.domain.orders import OrderTicket, OrderType
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot
from trading.risk.findings import Finding, texts


def check_halted(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """NOT_ALLOWED while a leg, or what it is on, is halted, or where the broker leaves that out of a quote.

    A quote that is missing or old tells nothing either: QUOTE_STALE has said so, just as hard.
    """
    for leg in ticket.legs:
        quotes = [quote for one in _with_underlying(leg.instrument, snapshot) if (quote := snapshot.quotes.get(one))]
        stopped = next((quote for quote in quotes if quote.halted), None)
        if stopped is not None:
            yield _halted(stopped, snapshot)
        elif leg.instrument in snapshot.quotes and all(quote.halted is None for quote in quotes):
            words = f"Whether trading in {describe(leg.instrument)} is halted the broker does not tell"
            waits = ticket.order_type is OrderType.LIMIT
            advice = ": the order may rest unfilled." if waits else ": use a limit order."
            yield Finding("symbol", "NOT_ALLOWED", words + advice, hard=not waits)


def _with_underlying(instrument: Instrument, snapshot: Snapshot) -> list[Instrument]:
    """A halt of the underlying stops all that hangs on it, whatever its own quote says."""
    details = snapshot.details.get(instrument)
    under = details.underlying if details is not None else None
    if isinstance(instrument, FutureOption):
        under = instrument.future
    return [instrument] if under is None else [instrument, under]


def _halted(quote: Quote, snapshot: Snapshot) -> Finding:
    since, numbers = "", texts()
    if quote.halted_since is not None:
        seconds = Decimal(int((snapshot.now - quote.halted_since).total_seconds()))
        since, numbers = f" since {quote.halted_since:%H:%M} UTC", texts(halted=seconds)
    words = f"Trading in {describe(quote.instrument)} is halted{since}: nothing is sent until it goes on."
    return Finding("symbol", "NOT_ALLOWED", words, True, numbers)
