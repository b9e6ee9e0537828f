"""Placing, changing and cancelling single orders (section 4.14)."""

from dataclasses import replace as altered
from typing import Any

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange import OrderRefused, SimOrder, Ticket
from brokers.simulator.tastytrade.bodies import Body, text
from brokers.simulator.tastytrade.envelope import Reply, not_found
from brokers.simulator.tastytrade.guard import PREFIX, Ask
from brokers.simulator.tastytrade.memory import Memory, spoken
from brokers.simulator.tastytrade.orders import dry_order_json, order_json
from brokers.simulator.tastytrade.previews import placed_json
from brokers.simulator.tastytrade.refusals import cannot_update, misfit, refused
from brokers.simulator.tastytrade.tickets import read_change, read_ticket

# Effect of a fault, where its remark stands, what else the remark has.
REMARKS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("order_warning", "warnings", {}),
    ("order_note", "notes", {"url": "https://example.invalid/notes"}),
)


def dry_run(ask: Ask) -> Reply:
    body = ask.json()
    return foresee(ask, read_ticket(body, ask.world.market), body)


def dry_run_change(ask: Ask) -> Reply:
    body, order = ask.json(), find_order(ask)
    ticket = read_change(body, order.ticket, ask.world.market, whole=False)
    return foresee(ask, unfilled(ticket, order), body, replacing=order.order_id)


def foresee(ask: Ask, ticket: Ticket, body: Body, replacing: int | None = None) -> Reply:
    try:
        preview = ask.world.exchange.preview(ask.account, ticket, replacing=replacing, strict=strict_in(body))
    except OrderRefused as error:
        raise refused(error) from None
    order = dry_order_json(ask.account, ticket, ask.world.market, text(body, "external-identifier"))
    return remarked(ask, placed_json(order | spoken(body), preview, preview.warnings))


def place(ask: Ask) -> Reply:
    """Every accepted body makes an order: ``external-identifier`` is kept, never compared."""
    body = ask.json()
    ticket = read_ticket(body, ask.world.market)
    try:
        order = ask.world.exchange.place(
            ask.account,
            ticket,
            reference=text(body, "external-identifier"),
            source=text(body, "source") or "",
            username=ask.caller.user,
            strict=strict_in(body),
        )
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=True)
    Memory.of(ask.world).note(order.order_id, body)
    if order.preview is None:
        raise RuntimeError("the exchange placed an order without looking at what it does")
    return remarked(ask, placed_json(order_json(order, ask.world), order.preview, order.warnings))


def remarked(ask: Ask, placed: dict[str, Any]) -> Reply:
    """The answer to an order with the remarks that faults add to it."""
    for effect, name, more in REMARKS:
        fault = ask.world.faults.struck(effect, (ask.account,), path=PREFIX + ask.path)
        if fault is not None:
            remark = {"code": fault.kind, "message": f"The simulator was told to remark on the order ({fault.kind})."}
            placed = placed | {name: [*placed.get(name, ()), remark | more]}
    return Reply(placed, 201)


def replace(ask: Ask) -> Reply:
    return change(ask, whole=True)


def edit(ask: Ask) -> Reply:
    return change(ask, whole=False)


def change(ask: Ask, *, whole: bool) -> Reply:
    """Cancel-then-new: the answer is the new order."""
    old = find_order(ask)
    if old.is_terminal:
        raise cannot_update()
    body = ask.json()
    ticket = read_change(body, old.ticket, ask.world.market, whole=whole)
    try:
        order = ask.world.exchange.replace(ask.account, old.order_id, ticket)
    except InvalidTicket as error:
        raise misfit(error) from None
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=True)
    Memory.of(ask.world).note(order.order_id, body, old.order_id)
    return Reply(order_json(order, ask.world))


def cancel(ask: Ask) -> Reply:
    try:
        order = ask.world.exchange.cancel(ask.account, find_order(ask).order_id)
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=False)
    return Reply(order_json(order, ask.world))


def reconfirm(ask: Ask) -> Reply:
    """Nothing here ever waits to be confirmed again: a working order stays as it is."""
    order = find_order(ask)
    if order.is_terminal:
        raise cannot_update()
    return Reply(order_json(order, ask.world))


def get_order(ask: Ask) -> Reply:
    return Reply(order_json(find_order(ask), ask.world))


def note(ask: Ask, order: SimOrder, *, made: bool) -> None:
    """Write into the ledger what the request led to."""
    if ask.entry is not None:
        ask.entry.order_id = str(order.order_id)
        ask.entry.made_order = made


def find_order(ask: Ask) -> SimOrder:
    number = number_in(ask, "order")
    if number is None:
        raise not_found("order")
    try:
        return ask.world.exchange.order(ask.account, number)
    except OrderRefused as error:
        raise refused(error) from None


def number_in(ask: Ask, name: str) -> int | None:
    """A number in the path; None for what is none."""
    given = ask.names[name]
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None


def strict_in(body: Body) -> bool:
    instructions = body.get("advanced-instructions")
    return isinstance(instructions, dict) and instructions.get("strict-position-effect-validation") is True


def unfilled(ticket: Ticket, order: SimOrder) -> Ticket:
    """The ticket for what the order has not filled: that is all a replacement would still do."""
    left = [(state.leg, state.remaining) for state in order.legs]
    if not all(remaining for _, remaining in left):
        return ticket
    return altered(ticket, legs=tuple(altered(leg, quantity=remaining) for leg, remaining in left))
