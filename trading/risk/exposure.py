"""What is held and what an order makes of it: closing, flipping, uncovered options, and "does it grow"."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option, Right, describe, plain
from brokers.domain.orders import Leg, OrderTicket
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot, Working, closes, signed
from trading.risk.findings import Finding, dollars, texts
from trading.risk.terms import family

ZERO = Decimal(0)
SHARES_A_CONTRACT = Decimal(100)
Book = Mapping[Instrument, Decimal]
"""Signed quantities by instrument."""


def held(snapshot: Snapshot) -> dict[Instrument, Decimal]:
    book: dict[Instrument, Decimal] = {}
    for position in snapshot.positions or ():
        book[position.instrument] = book.get(position.instrument, ZERO) + position.quantity
    return book


def after(book: Book, legs: Iterable[Leg]) -> dict[Instrument, Decimal]:
    """The book once these legs are filled."""
    result = dict(book)
    for leg in legs:
        result[leg.instrument] = result.get(leg.instrument, ZERO) + signed(leg)
    return result


def pending(working: Iterable[Working], instrument: Instrument, sign: int) -> Decimal:
    """How much more of an instrument working orders may buy (+1) or sell (−1), unsigned.

    Of orders that cancel each other only the largest counts.
    """
    by_group: dict[str, Decimal] = {}
    for order in working:
        amount = sum(
            (leg.quantity for leg in order.legs if leg.instrument == instrument and leg.action.sign == sign), ZERO
        )
        if order.same_account:
            key = f"group:{order.group}" if order.group else f"order:{order.order_id}"
            by_group[key] = max(by_group.get(key, ZERO), amount)
    return sum(by_group.values(), ZERO)


# --- OVERSELL ---


def oversell(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """OVERSELL: closing more than is there, going through zero, opening against what is held."""
    if snapshot.positions is None or snapshot.working is None:
        part = "positions" if snapshot.positions is None else "working orders"
        words = f"The account's {part} could not be read{snapshot.why('positions')}"
        needs = any(closes(leg) or isinstance(leg.instrument, Future | FutureOption) for leg in ticket.legs)
        if needs:
            yield Finding("quantity", "OVERSELL", f"{words}: whether this closes more than is there is not known.")
        return
    book = held(snapshot)
    for leg in ticket.legs:
        yield from _leg_oversells(leg, book.get(leg.instrument, ZERO), snapshot.working, limits)


def _leg_oversells(leg: Leg, quantity: Decimal, working: Sequence[Working], limits: Limits) -> Iterator[Finding]:
    sign = leg.action.sign
    opposite = max(ZERO, -sign * quantity)  # what there is for this leg to close
    busy = min(opposite, pending(working, leg.instrument, sign))
    numbers = texts(held=quantity, working=busy, order=leg.quantity)
    if closes(leg):
        if leg.quantity > opposite - busy:
            yield Finding("quantity", "OVERSELL", _too_much(leg, opposite, busy), True, numbers)
    elif opposite and not limits.allow_flip:
        if isinstance(leg.instrument, Future | FutureOption) and not leg.action.opens:
            if leg.quantity > opposite - busy:
                words = f"{_too_much(leg, opposite, busy)} It would turn the position round: close it first."
                yield Finding("quantity", "OVERSELL", words, True, numbers)
        else:
            side = "short" if quantity < 0 else "long"
            held = f"{plain(opposite)} of {describe(leg.instrument)}"
            words = f"The account is {side} {held}: close that, in place of opening more."
            yield Finding("action", "OVERSELL", words, True, numbers)


def _too_much(leg: Leg, opposite: Decimal, busy: Decimal) -> str:
    if not opposite:
        return f"There is no {describe(leg.instrument)} here that this could close."
    in_orders = f", and working orders close {plain(busy)} of them" if busy else ""
    return f"This closes {plain(leg.quantity)} {describe(leg.instrument)}; {plain(opposite)} are held{in_orders}."


# --- uncovered options ---


def uncovered(book: Book) -> dict[Instrument, Decimal]:
    """Short options that nothing covers, in contracts.

    A short call is covered by 100 shares (an option on a future: by the future) or a long call that lives as long;
    a short put by short shares or a long put. A spread's width is margin's business, not this count's.
    """
    result: dict[Instrument, Decimal] = {}
    families: dict[tuple[str, Right], list[tuple[Option | FutureOption, Decimal]]] = {}
    for instrument, quantity in book.items():
        if isinstance(instrument, Option | FutureOption) and quantity:
            families.setdefault((family(instrument), instrument.right), []).append((instrument, quantity))
    for (name, right), options in families.items():
        result |= _unmatched(options, _cover(book, name, right))
    return result


def _cover(book: Book, name: str, right: Right) -> Decimal:
    """Contracts' worth of the underlying that cover short options of one right."""
    side = 1 if right is Right.CALL else -1
    total = ZERO
    for instrument, quantity in book.items():
        if family(instrument) == name and isinstance(instrument, Equity):
            total += max(ZERO, side * quantity) // SHARES_A_CONTRACT
        elif family(instrument) == name and isinstance(instrument, Future):
            total += max(ZERO, side * quantity)
    return total


def _unmatched(options: list[tuple[Option | FutureOption, Decimal]], cover: Decimal) -> dict[Instrument, Decimal]:
    """Shorts left over when the longest-lived are matched first with longs that live at least as long."""
    longs = [[instrument.expiry, quantity] for instrument, quantity in options if quantity > 0]
    shorts = [(instrument, -quantity) for instrument, quantity in options if quantity < 0]
    shorts.sort(key=lambda pair: (pair[0].expiry, pair[0].strike), reverse=True)
    left: dict[Instrument, Decimal] = {}
    for instrument, contracts in shorts:
        open_contracts = contracts
        for long in longs:
            if isinstance(long[0], date) and long[0] >= instrument.expiry and isinstance(long[1], Decimal):
                used = min(open_contracts, long[1])
                long[1] -= used
                open_contracts -= used
        used = min(open_contracts, cover)
        cover -= used
        if open_contracts - used:
            left[instrument] = open_contracts - used
    return left


def requirement(book: Book, names: Iterable[str]) -> Decimal | None:
    """Dollars that the short options of some underlyings may cost beyond what covers them; None without a bound.

    Each short is set against a long that lives as long, and costs the width between their strikes; what shares cover
    costs nothing, a put without cover its strike. Told for options on shares and indexes.
    """
    total = ZERO
    for name in names:
        for right in Right:
            options = [
                (one, quantity)
                for one, quantity in book.items()
                if isinstance(one, Option) and one.right is right and family(one) == name and quantity
            ]
            cost = _widths(options, _cover(book, name, right), right)
            if cost is None:
                return None
            total += cost
    return total


def _widths(options: list[tuple[Option, Decimal]], cover: Decimal, right: Right) -> Decimal | None:
    side = 1 if right is Right.CALL else -1
    longs = sorted(([one, count] for one, count in options if count > 0), key=lambda pair: side * _strike(pair[0]))
    shorts = sorted(((one, -count) for one, count in options if count < 0), key=lambda pair: pair[0].expiry)
    total = ZERO
    for short, contracts in reversed(shorts):
        left = contracts
        for long in longs:
            if isinstance(long[0], Option) and isinstance(long[1], Decimal) and long[0].expiry >= short.expiry:
                used = min(left, long[1])
                long[1] -= used
                left -= used
                total += max(ZERO, side * (long[0].strike - short.strike)) * used * SHARES_A_CONTRACT
        used = min(left, cover)
        cover -= used
        left -= used
        if left and right is Right.CALL:
            return None
        total += short.strike * left * SHARES_A_CONTRACT
    return total


def _strike(option: object) -> Decimal:
    return option.strike if isinstance(option, Option) else ZERO


def bare(book: Book, working: Iterable[Working]) -> dict[Instrument, Decimal]:
    """Short options that nothing covers once those working orders are filled that take cover away."""
    mine = [order for order in working if order.same_account]
    result: dict[Instrument, Decimal] = {}
    for right in Right:
        worst = dict(book)
        for order in mine:
            if any(_takes_cover(leg, right) for leg in order.legs):
                worst = after(worst, order.legs)
        now, then = _of_right(uncovered(book), right), _of_right(uncovered(worst), right)
        result |= then if _total(then) > _total(now) else now
    return result


def _takes_cover(leg: Leg, right: Right) -> bool:
    """Sales of shares and calls uncover calls; purchases of shares and sales of puts uncover puts."""
    if isinstance(leg.instrument, Option | FutureOption):
        return leg.instrument.right is right and not leg.action.is_buy
    return leg.action.is_buy is (right is Right.PUT)


def _of_right(options: Book, right: Right) -> dict[Instrument, Decimal]:
    return {option: count for option, count in options.items() if getattr(option, "right", None) is right}


def _total(options: Book) -> Decimal:
    return sum(options.values(), ZERO)


def is_covered(ticket: OrderTicket, snapshot: Snapshot) -> bool:
    """Whether the order leaves no more short options uncovered than before."""
    if snapshot.positions is None or snapshot.working is None:
        return False
    book = held(snapshot)
    return _total(bare(after(book, ticket.legs), snapshot.working)) <= _total(bare(book, snapshot.working))


def short_option(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """SHORT_OPTION: options sold, or cover taken away, that leave more of them uncovered than cash can meet."""
    if not any(leg.action.sign < 0 for leg in ticket.legs) and not any(closes(leg) for leg in ticket.legs):
        return
    if snapshot.positions is None or snapshot.working is None:
        if any(leg.action.opens and isinstance(leg.instrument, Option | FutureOption) for leg in ticket.legs):
            words = f"The account's positions could not be read{snapshot.why('positions')}: an option may be uncovered."
            yield Finding("legs", "SHORT_OPTION", words)
        return
    book = held(snapshot)
    now_open = bare(after(book, ticket.legs), snapshot.working)
    more = _total(now_open) - _total(bare(book, snapshot.working))
    if more <= 0:
        return
    cost = assignment(now_open)
    cash = snapshot.balance.cash if snapshot.balance is not None else None
    numbers = texts(uncovered=more, assignment=cost, cash=cash)
    puts_alone = all(getattr(one, "right", None) is Right.PUT and isinstance(one, Option) for one in now_open)
    if puts_alone and cash is not None and cost is not None and cost <= cash:
        return
    if limits.allow_naked_options:
        yield from _assignable(cost, snapshot, numbers)
        return
    short = f"{plain(more)} short option{'' if more == 1 else 's'}"
    words = f"It leaves {short} uncovered, which is not allowed here: cover that in the same order"
    if puts_alone and cost is not None:
        words += f", or keep {dollars(cost)} of cash for their assignment"
    yield Finding("legs", "SHORT_OPTION", f"{words}.", True, numbers)


def _assignable(cost: Decimal | None, snapshot: Snapshot, numbers: Mapping[str, str]) -> Iterator[Finding]:
    equity = snapshot.balance.net_liquidating_value if snapshot.balance is not None else None
    if cost is None or equity is None or cost > equity:
        words = (
            "If these options were assigned, it would take more than the account is worth, or how much is not known."
        )
        yield Finding("legs", "SHORT_OPTION", words, False, numbers)


def assignment(options: Book) -> Decimal | None:
    """Dollars that change hands if these are assigned; None with options on futures, whose size is not fixed."""
    if any(not isinstance(option, Option) for option in options):
        return None
    pairs = ((option, count) for option, count in options.items() if isinstance(option, Option))
    return sum((option.strike * SHARES_A_CONTRACT * count for option, count in pairs), ZERO)
