"""Controls of size: of one order, and of what is held once it is filled."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option
from brokers.domain.orders import OrderTicket
from trading.risk.bounds import HARD_ORDER, HARD_POSITION, Limits
from trading.risk.exposure import after, held
from trading.risk.facts import Snapshot
from trading.risk.findings import Finding, dollars, percent, texts
from trading.risk.terms import family
from trading.risk.worth import delta_dollars, notional

ZERO = Decimal(0)


def check_sizes(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """ORDER_QTY, ORDER_NOTIONAL, POSITION_LIMIT, CONCENTRATION."""
    yield from _quantity(ticket, limits)
    yield from _notional(ticket, snapshot, limits)
    yield from _holdings(ticket, snapshot, limits)


def _quantity(ticket: OrderTicket, limits: Limits) -> Iterator[Finding]:
    for leg in ticket.legs:
        limit, what = _most(leg.instrument, limits)
        if limit is None or leg.quantity <= limit:
            continue
        hard = leg.quantity > limit * HARD_ORDER
        words = f"{leg.quantity.normalize():f} {what} are more than the {limit.normalize():f} of your limit"
        words += ", more than ten times: that can't be confirmed." if hard else "."
        yield Finding("quantity", "ORDER_QTY", words, hard, texts(order=leg.quantity, limit=limit))


def _most(instrument: Instrument, limits: Limits) -> tuple[Decimal | None, str]:
    match instrument:
        case Equity():
            return limits.shares, "shares"
        case Option() | FutureOption():
            return limits.contracts, "contracts"
        case Future():
            return limits.futures, "contracts"
        case _:
            return None, ""


def _notional(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    worth = notional(ticket, snapshot)
    if worth is None:
        words = (
            f"What this order is worth could not be worked out{snapshot.why('quotes')}: a price or a size is missing."
        )
        yield Finding("quantity", "ORDER_NOTIONAL", words)
        return
    has_future = any(isinstance(leg.instrument, Future) for leg in ticket.legs)
    limit = limits.future_notional if has_future else limits.order_notional
    if worth > limit:
        hard = worth > limit * HARD_ORDER
        words = f"The order is worth {dollars(worth)}; your limit is {dollars(limit)}"
        words += ", and this is more than ten times that." if hard else "."
        yield Finding("quantity", "ORDER_NOTIONAL", words, hard, texts(order=worth, limit=limit))


# --- what is held afterwards ---


def _holdings(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.positions is None or snapshot.working is None:
        words = f"What the account holds could not be read{snapshot.why('positions')}, so nothing is added to it."
        yield Finding("", "POSITION_LIMIT", words)
        return
    names = {family(leg.instrument) for leg in ticket.legs}
    start = _filled_up(snapshot, names)
    end = after(start, ticket.legs)
    before, result = _weights(start, snapshot, names), _weights(end, snapshot, names)
    bigger = {}
    for name in sorted(names):
        old, new = before[name], result[name]
        if new is None or old is None:
            words = f"What the account holds in {name} could not be valued{snapshot.why('quotes')}: a price is missing."
            yield Finding("", "POSITION_LIMIT", words, hard=False)
        elif abs(new) > abs(old):
            bigger[name] = abs(new)
    futures = any(isinstance(leg.instrument, Future | FutureOption) for leg in ticket.legs)
    limit = limits.future_position_notional if futures else limits.position_notional
    for name, weight in bigger.items():
        yield from _position(name, weight, limit)
    if bigger and not futures:
        yield from _account(bigger, end, names, snapshot, limits)


def _filled_up(snapshot: Snapshot, names: set[str]) -> dict[Instrument, Decimal]:
    """What is held once those working orders are filled that make it more: they may, before this one does."""
    book = held(snapshot)
    for order in snapshot.working or ():
        if not order.same_account or not {family(leg.instrument) for leg in order.legs} & names:
            continue
        wider = after(book, order.legs)
        before, result = _weights(book, snapshot, names), _weights(wider, snapshot, names)
        if any(_size(result[name]) > _size(before[name]) for name in names):
            book = wider
    return book


def _size(weight: Decimal | None) -> Decimal:
    return abs(weight) if weight is not None else ZERO


def _weights(book: dict[Instrument, Decimal], snapshot: Snapshot, names: set[str]) -> dict[str, Decimal | None]:
    """Delta-weighted dollars by underlying; None where a price is missing."""
    result: dict[str, Decimal | None] = dict.fromkeys(names, ZERO)
    for instrument, quantity in book.items():
        name = family(instrument)
        if name not in names or not quantity:
            continue
        weight, sofar = delta_dollars(instrument, quantity, snapshot), result[name]
        result[name] = None if weight is None or sofar is None else sofar + weight
    return result


def _position(name: str, weight: Decimal, limit: Decimal) -> Iterator[Finding]:
    if weight > limit:
        hard = weight > limit * HARD_POSITION
        words = f"With it the account would move like {dollars(weight)} of {name}; your limit is {dollars(limit)}"
        words += ", and this is more than twice that." if hard else "."
        yield Finding("quantity", "POSITION_LIMIT", words, hard, texts(position=weight, limit=limit))


def _account(
    bigger: dict[str, Decimal],
    end: dict[Instrument, Decimal],
    names: set[str],
    snapshot: Snapshot,
    limits: Limits,
) -> Iterator[Finding]:
    equity = snapshot.balance.net_liquidating_value if snapshot.balance is not None else None
    if equity is None or equity <= 0:
        words = f"What the account is worth is not known{snapshot.why('balance')}: shares of it can't be checked."
        yield Finding("", "CONCENTRATION", words, hard=False)
        return
    for name, weight in bigger.items():
        if weight > equity * limits.concentration_share:
            share, limit = weight / equity, limits.concentration_share
            words = f"{name} would be {percent(share)} of the account; your limit is {percent(limit)}."
            yield Finding(
                "quantity", "CONCENTRATION", words, False, texts(share=share.quantize(Decimal("0.0001")), limit=limit)
            )
    yield from _gross(end, equity, snapshot, limits)


def _gross(end: dict[Instrument, Decimal], equity: Decimal, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """All but futures, each underlying by its absolute weight."""
    book: dict[Instrument, Decimal] = {
        one: quantity for one, quantity in end.items() if not isinstance(one, Future | FutureOption)
    }
    weights = _weights(book, snapshot, {family(one) for one in book})
    if unknown := sorted(name for name, weight in weights.items() if weight is None):
        words = f"What the account holds in all could not be valued: the price of {', '.join(unknown)} is missing."
        yield Finding("", "POSITION_LIMIT", words, hard=False)
        return
    gross = sum((_size(weight) for weight in weights.values()), ZERO)
    limit = equity * limits.gross_share
    if gross > limit:
        hard = gross > limit * HARD_POSITION
        words = f"All positions together would move like {dollars(gross)}; your limit is {dollars(limit)}"
        words += ", and this is more than twice that." if hard else "."
        yield Finding("quantity", "POSITION_LIMIT", words, hard, texts(gross=gross, limit=limit))
