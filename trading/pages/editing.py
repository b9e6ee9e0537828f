"""What the ticket's buttons do to what is typed: legs added, moved, turned, a strategy put in. One place for the page
with a script and the page without.

Each takes and gives what is typed as text by field; what can't be done raises ``InvalidTicket`` in words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import gcd

from brokers import registry
from brokers.domain.instruments import Equity, Right, parse_instrument, plain
from brokers.domain.market import Chain
from brokers.domain.orders import MAX_LEGS, Action, Effect, InvalidTicket
from brokers.models import Account
from trading import tickets
from trading.analytics import CannotBuild, Kind, build
from trading.analytics.strategies import AnyOption, Part
from trading.drafting import chains
from trading.drafting.deltas import price_and_deltas
from trading.drafting.held import action_for, free_quantities
from trading.pages.forms import LEG_FIELDS, leg_names, typed_in

PICKS = {
    Kind.SINGLE: "Single option",
    Kind.VERTICAL: "Vertical",
    Kind.STRANGLE: "Strangle",
    Kind.STRADDLE: "Straddle",
    Kind.IRON_CONDOR: "Iron condor",
    Kind.IRON_BUTTERFLY: "Iron butterfly",
    Kind.BUTTERFLY: "Butterfly",
    Kind.CALENDAR: "Calendar",
    Kind.DIAGONAL: "Diagonal",
    Kind.COVERED_CALL: "Covered call",
    Kind.PROTECTIVE_PUT: "Protective put",
    Kind.COLLAR: "Collar",
    Kind.RATIO: "Ratio 1×2",
}
PICK_FIELDS = ("pick", "pick_side", "pick_right", "expiry", "pick_far", "pick_width", "pick_delta", "pick_quantity")
CONTRACT_PRICES = ("limit_price", "effect", "stop_price")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Row:
    """One leg as typed."""

    symbol: str
    action: str
    quantity: str

    @property
    def option(self) -> AnyOption:
        found = tickets.instrument(self.symbol)
        if not isinstance(found, AnyOption):
            raise InvalidTicket("symbol", "Choose an option first.")
        return found

    @property
    def buys(self) -> bool:
        try:
            return Action(self.action).is_buy
        except ValueError:
            return True

    @property
    def size(self) -> Decimal:
        try:
            return tickets.read_number(self.quantity)
        except ValueError:
            return Decimal(1)


def rows_of(typed: Mapping[str, str]) -> list[Row]:
    rows = []
    for number in range(1, MAX_LEGS + 1):
        names = leg_names(number)
        if number > 1 and names[0] not in typed:
            break
        rows.append(Row(*(typed.get(name, "") for name in names)))
    return rows


def with_rows(typed: Mapping[str, str], rows: Sequence[Row], *, keeps_price: bool = False) -> dict[str, str]:
    """The ticket with these legs. A price belongs to its legs: it goes with them."""
    gone = {f"{name}_{number}" for number in range(2, MAX_LEGS + 1) for name in LEG_FIELDS} | set(LEG_FIELDS)
    if not keeps_price:
        gone |= set(CONTRACT_PRICES)
    kept = {name: value for name, value in typed.items() if name not in gone}
    for number, row in enumerate(rows, 1):
        kept |= dict(zip(leg_names(number), (row.symbol, row.action, row.quantity), strict=True))
    return kept


def edit(account: Account, typed: Mapping[str, str], what: str, picked: Mapping[str, str]) -> dict[str, str]:
    """``what`` is a button's value: «add», «flip», «remove:2», «strike_up:1», «pick»…"""
    name, _, number = what.partition(":")
    rows = rows_of(typed)
    if name == "pick":
        return with_rows(typed, _pick(account, rows, picked))
    if name in WHOLE:
        return with_rows(typed, WHOLE[name](account, rows), keeps_price=name in KEEP_PRICE) | _turned(typed, name)
    at = int(number) - 1 if number.isdecimal() and len(number) < 3 else -1
    if name not in ONE or not 0 <= at < len(rows):
        raise InvalidTicket("", "This can't be done to the ticket.")
    return with_rows(typed, ONE[name](account, rows, at), keeps_price=False)


def _turned(typed: Mapping[str, str], name: str) -> dict[str, str]:
    """A ticket that is turned around is done for the other effect, at the same price."""
    if name != "flip" or not typed.get("effect"):
        return {}
    return {"effect": (Effect.DEBIT if typed["effect"] == Effect.CREDIT else Effect.CREDIT).value}


# --- the whole ticket ---


def _add(account: Account, rows: list[Row]) -> list[Row]:
    """Another leg: beside an option, the next one further out, the other way around."""
    if len(rows) >= MAX_LEGS:
        raise InvalidTicket("legs", f"An order has one to {MAX_LEGS} legs.")
    last = rows[-1]
    try:
        option = last.option
        further = chains.next_strike(account, option, 1 if option.right is Right.CALL else -1)
    except InvalidTicket:
        return [*rows, Row("", Action.SELL_TO_OPEN.value, last.quantity)]
    taken = {row.symbol for row in rows}
    symbol = str(further) if str(further) not in taken else ""
    return [*rows, _row(account, Part(further, last.size * (-1 if last.buys else 1)), symbol)]


def _flip(account: Account, rows: list[Row]) -> list[Row]:
    return [
        _row(account, Part(tickets.instrument(row.symbol), row.size * (-1 if row.buys else 1)), row.symbol)
        if row.symbol
        else row
        for row in rows
    ]


def _scaled(step: int) -> Callable[[Account, list[Row]], list[Row]]:
    def scale(_account: Account, rows: list[Row]) -> list[Row]:
        sizes = [row.size for row in rows]
        if any(size % 1 for size in sizes):
            raise InvalidTicket("quantity", "Fractions keep no ratio: type the quantities.")
        units = gcd(*(int(size) for size in sizes))
        if units + step < 1:
            raise InvalidTicket("quantity", "It can't be traded less than once.")
        return [replace(row, quantity=plain(row.size / units * (units + step))) for row in rows]

    return scale


def _show(_account: Account, rows: list[Row]) -> list[Row]:
    return rows


def _pick(account: Account, rows: list[Row], picked: Mapping[str, str]) -> list[Row]:
    """The legs of the strategy that was picked on the underlying of what is typed."""
    try:
        kind, right = Kind(picked.get("pick", "")), Right(picked.get("pick_right", "C"))
        width, delta = _number(picked, "pick_width", "5"), _number(picked, "pick_delta", "0.30")
        units = _number(picked, "pick_quantity", "1")
    except ValueError as error:
        raise InvalidTicket("", f"Choose a strategy, its width and its delta: {error}") from None
    underlying = chains.underlying_of(account, tickets.instrument(rows[0].symbol))
    listed = chains.expirations_on(account, underlying)
    near = chains.by_name(listed, picked.get("expiry", "")) or listed[0]
    far = chains.by_name(listed, picked.get("pick_far", "")) or next(
        (later for later in listed if later.expiry > near.expiry), near
    )
    if far.expiry < near.expiry:
        near, far = far, near
    chosen = [near, far] if kind in (Kind.CALENDAR, Kind.DIAGONAL) else [near]
    expirations = [chains.expiration_on(account, underlying, chains.name_of(each)) or each for each in chosen]
    chain = Chain(parse_instrument(underlying), tuple(expirations))
    price, deltas = price_and_deltas(account, chain.underlying, [each.strikes for each in expirations])
    side = {"buy": True, "sell": False}.get(picked.get("pick_side", ""))
    try:
        parts = build(
            kind, chain, price, expirations,
            width=width, delta=float(delta), right=right, is_long=side, units=units, deltas=deltas,
        )  # fmt: skip
    except CannotBuild as error:
        raise InvalidTicket("", str(error)) from None
    return [_row(account, part, str(part.instrument)) for part in _taken(account, parts)]


def _taken(account: Account, parts: Sequence[Part]) -> Sequence[Part]:
    """As the broker takes them: where shares go by themselves, those that are held already stand for the shares."""
    if registry.spec(account.connection.broker).capabilities.shares_in_spreads:
        return parts
    shares = [part for part in parts if isinstance(part.instrument, Equity)]
    held = free_quantities(account) if shares else {}
    for part in shares:
        have = held.get(part.instrument, ZERO)
        if have * part.signed_quantity <= 0 or abs(have) < abs(part.signed_quantity):
            words = f"{plain(abs(part.signed_quantity))} {part.instrument}"
            raise InvalidTicket(
                "",
                f"This broker takes no order of shares and options together, and {words} are not held free in this "
                f"account: {'buy' if part.signed_quantity > 0 else 'sell'} {words} first, then choose this again.",
            )
    return [part for part in parts if part not in shares]


def _number(picked: Mapping[str, str], name: str, usual: str) -> Decimal:
    number = tickets.read_number(picked.get(name) or usual)
    if number <= 0:
        raise ValueError("numbers are above 0.")
    return number


# --- one leg ---


def _remove(_account: Account, rows: list[Row], at: int) -> list[Row]:
    if len(rows) == 1:
        raise InvalidTicket("legs", "An order has at least one leg.")
    return [row for index, row in enumerate(rows) if index != at]


def _moved(step: Callable[[Account, AnyOption], AnyOption]) -> Callable[[Account, list[Row], int], list[Row]]:
    def move(account: Account, rows: list[Row], at: int) -> list[Row]:
        row = rows[at]
        part = Part(step(account, row.option), row.size * (1 if row.buys else -1))
        return [_row(account, part, str(part.instrument)) if index == at else one for index, one in enumerate(rows)]

    return move


def _fill(account: Account, rows: list[Row], at: int) -> list[Row]:
    """What was typed or chosen, opening or closing by what is held."""
    row = rows[at]
    found = tickets.instrument(row.symbol)
    filled = _row(account, Part(found, row.size * (1 if row.buys else -1)), str(found))
    return [replace(filled, quantity=row.quantity) if index == at else one for index, one in enumerate(rows)]


def _row(account: Account, part: Part, symbol: str) -> Row:
    """A leg that opens or closes by what is held."""
    size = abs(part.signed_quantity)
    action = action_for(part.instrument, part.signed_quantity > 0, free_quantities(account), size)
    return Row(symbol, action.value, plain(size))


WHOLE: dict[str, Callable[[Account, list[Row]], list[Row]]] = {
    "add": _add,
    "flip": _flip,
    "more": _scaled(1),
    "fewer": _scaled(-1),
    "show": _show,
}
KEEP_PRICE = frozenset({"flip", "more", "fewer", "show"})
ONE: dict[str, Callable[[Account, list[Row], int], list[Row]]] = {
    "fill": _fill,
    "remove": _remove,
    "strike_up": _moved(lambda account, option: chains.next_strike(account, option, 1)),
    "strike_down": _moved(lambda account, option: chains.next_strike(account, option, -1)),
    "expiry_up": _moved(lambda account, option: chains.next_expiry(account, option, 1)),
    "expiry_down": _moved(lambda account, option: chains.next_expiry(account, option, -1)),
    "right": _moved(lambda _account, option: chains.other_right(option)),
}

__all__ = ["PICKS", "PICK_FIELDS", "Row", "edit", "rows_of", "typed_in", "with_rows"]
