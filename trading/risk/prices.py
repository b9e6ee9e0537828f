"""Controls of price against the market: the collar, market orders, stops, stale and crossed quotes."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.instruments import Crypto, FutureOption, Instrument, Option, describe
from brokers.domain.market import MarketState, Quote
from brokers.domain.orders import OrderTicket, OrderType
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot, units
from trading.risk.findings import Finding, percent, texts
from trading.tickets import price_text

STOCK_SOFT, STOCK_HARD = Decimal("0.05"), Decimal("0.10")
OPTION_SOFT, OPTION_HARD = Decimal("0.20"), Decimal("0.50")
OPTION_TICKS = 5
"""An option's price may be off by so many steps (of each leg) however cheap it is."""
WIDE_STOCK, WIDE_OPTION = Decimal("0.05"), Decimal("0.25")
"""A market order meets no wider spread than this, as a fraction of the middle."""
QUIET_SECONDS = 60
"""A market order wants a quote that moved within this: an older one says that the market is closed or halted."""


def check_prices(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """QUOTE_STALE, QUOTE_CROSSED, MARKET_ORDER_GUARD, BAD_PRICE of stops and trails, PRICE_COLLAR."""
    needs_quote = ticket.order_type is not OrderType.LIMIT
    missing = [leg.instrument for leg in ticket.legs if middle(snapshot.quotes.get(leg.instrument)) is None]
    yield from _stale(snapshot, limits, missing, needs_quote)
    if ticket.order_type.takes_market:
        yield from _closed(ticket, snapshot)
    for leg in ticket.legs:
        quote = snapshot.quotes.get(leg.instrument)
        if quote is not None:
            yield from _crossed(quote)
            if ticket.order_type.takes_market:
                yield from _market_guard(quote, snapshot)
    if not missing:
        yield from _stop_side(ticket, snapshot)
        yield from _trail(ticket, snapshot)
        yield from _collar(ticket, snapshot)


def middle(quote: Quote | None) -> Decimal | None:
    """The middle of a two-sided, uncrossed market; None without one."""
    if quote is None or quote.bid is None or quote.ask is None or quote.ask <= 0 or quote.bid > quote.ask:
        return None
    return (quote.bid + quote.ask) / 2


def net_middle(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """The order's price in the middle of the market, from the account's side; None when a leg has no quote."""
    total = Decimal(0)
    for leg in ticket.legs:
        middle_price = middle(snapshot.quotes.get(leg.instrument))
        if middle_price is None:
            return None
        total -= leg.action.sign * middle_price * leg.quantity / units(ticket)
    return total


def is_option(instrument: Instrument) -> bool:
    return isinstance(instrument, Option | FutureOption)


def _stale(snapshot: Snapshot, limits: Limits, missing: list[Instrument], needs_quote: bool) -> Iterator[Finding]:
    if missing:
        names = ", ".join(str(instrument) for instrument in missing)
        words = f"There is no two-sided quote of {names}{snapshot.why('quotes')}: the price can't be checked."
        yield Finding(_price_field(needs_quote), "QUOTE_STALE", words, needs_quote)
        return
    if snapshot.quotes_at is None:
        words = "How old the quotes are is not known: the price can't be checked."
        yield Finding(_price_field(needs_quote), "QUOTE_STALE", words, needs_quote)
        return
    age = Decimal(str((snapshot.now - snapshot.quotes_at).total_seconds()))
    if age > limits.quote_seconds:
        numbers = texts(age=age, limit=limits.quote_seconds)
        words = f"The quotes are {age:.0f} seconds old: look at the price again."
        yield Finding(_price_field(needs_quote), "QUOTE_STALE", words, needs_quote, numbers)


def _price_field(needs_quote: bool) -> str:
    return "order_type" if needs_quote else "limit_price"


def _crossed(quote: Quote) -> Iterator[Finding]:
    if quote.bid is None or quote.ask is None:
        return
    numbers = texts(bid=quote.bid, ask=quote.ask)
    if quote.bid > quote.ask:
        words = f"The market in {describe(quote.instrument)} is crossed: the bid is above the ask."
        yield Finding("limit_price", "QUOTE_CROSSED", words, False, numbers)
    elif quote.bid == 0 or quote.ask == 0:
        side = "bid" if quote.bid == 0 else "offer"
        words = f"There is no {side} for {describe(quote.instrument)} now."
        yield Finding("limit_price", "QUOTE_CROSSED", words, False, numbers)


def _closed(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    """A market order that waits for the opening is filled at a price nobody has seen: hours not known are closed."""
    for leg in ticket.legs:
        state = snapshot.hours.get(leg.instrument, MarketState.UNKNOWN)
        if state is MarketState.OPEN or isinstance(leg.instrument, Crypto):
            continue
        if state is MarketState.UNKNOWN:
            words = f"Whether the market in {describe(leg.instrument)} is open is not known{snapshot.why('hours')}"
        else:
            words = f"The market in {describe(leg.instrument)} is not in its regular hours"
        yield Finding("order_type", "MARKET_ORDER_GUARD", f"{words}: use a limit order.", True)
        return


def _market_guard(quote: Quote, snapshot: Snapshot) -> Iterator[Finding]:
    middle_price = middle(quote)
    if middle_price is None or quote.bid is None or quote.ask is None:
        return  # QUOTE_STALE has said so
    widest = WIDE_OPTION if is_option(quote.instrument) else WIDE_STOCK
    spread = (quote.ask - quote.bid) / middle_price
    if spread > widest:
        words = f"The market in {describe(quote.instrument)} is {percent(spread)} wide: use a limit order."
        yield Finding("order_type", "MARKET_ORDER_GUARD", words, True, texts(spread=spread, limit=widest))
    quiet = Decimal(str((snapshot.now - quote.as_of).total_seconds()))
    if quiet > QUIET_SECONDS:
        what = describe(quote.instrument)
        words = f"{what} has had no new price for {quiet:.0f} seconds; the market may be closed: use a limit."
        yield Finding("order_type", "MARKET_ORDER_GUARD", words, True, texts(quiet=quiet, limit=QUIET_SECONDS))


def _stop_side(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    market = middle(snapshot.quotes.get(ticket.legs[0].instrument))
    if ticket.stop_price is None or market is None or len(ticket.legs) > 1:
        return
    buys = ticket.legs[0].action.is_buy
    if (ticket.stop_price <= market) if buys else (ticket.stop_price >= market):
        side = "above" if buys else "below"
        words = f"A stop to {'buy' if buys else 'sell'} goes {side} the market, which is at {price_text(market)}."
        yield Finding("stop_price", "BAD_PRICE", words, True, texts(stop=ticket.stop_price, market=market))
    limit = abs(ticket.limit_price) if ticket.limit_price is not None else None
    if limit is not None and ((limit < ticket.stop_price) if buys else (limit > ticket.stop_price)):
        side = "below" if buys else "above"
        words = f"The limit is {side} the stop: once touched, the order may not fill."
        yield Finding("limit_price", "BAD_PRICE", words, False, texts(limit=limit, stop=ticket.stop_price))


def _trail(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    """A stop that stays as far behind as the whole price would never be touched."""
    market = middle(snapshot.quotes.get(ticket.legs[0].instrument))
    if ticket.trail is None or ticket.trail.is_percent or market is None or ticket.trail.amount < market:
        return
    words = f"The stop would stay {price_text(ticket.trail.amount)} behind a price of {price_text(market)}: nearer."
    yield Finding("trail", "BAD_PRICE", words, True, texts(trail=ticket.trail.amount, market=market))


def _collar(ticket: OrderTicket, snapshot: Snapshot) -> Iterator[Finding]:
    """How much worse than the middle (of a stop limit: than its stop) the limit lets the order be filled."""
    market = net_middle(ticket, snapshot)
    if ticket.limit_price is None or market is None:
        return
    if ticket.stop_price is not None and len(ticket.legs) == 1:
        market = -ticket.legs[0].action.sign * ticket.stop_price
    worse = market - ticket.limit_price
    soft, hard = _tolerance(ticket, snapshot, abs(market))
    if worse <= soft:
        return
    share = worse / abs(market) if market else Decimal(1)
    limit = hard if worse > hard else soft
    words = f"The limit is {percent(share)} worse than the middle of the market ({price_text(market)})"
    words += ": too far to send." if worse > hard else "."
    numbers = texts(worse=worse, limit=limit, middle=abs(market))
    yield Finding("limit_price", "PRICE_COLLAR", words, worse > hard, numbers)


def _tolerance(ticket: OrderTicket, snapshot: Snapshot, market: Decimal) -> tuple[Decimal, Decimal]:
    if not all(is_option(leg.instrument) for leg in ticket.legs):
        return STOCK_SOFT * market, STOCK_HARD * market
    ticks = Decimal(0)
    for leg in ticket.legs:
        details, quote = snapshot.details.get(leg.instrument), snapshot.quotes.get(leg.instrument)
        price = middle(quote) or Decimal(0)
        ticks += (details.increments.at(price) or Decimal(0)) * OPTION_TICKS if details is not None else Decimal(0)
    return max(OPTION_SOFT * market, ticks), max(OPTION_HARD * market, ticks)
