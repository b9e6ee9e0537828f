"""The order endpoints (section 4.14)."""

from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

from brokers.domain.orders import OrderTicket
from brokers.simulator.exchange import OrderRefused, SimOrder
from brokers.simulator.tastytrade.envelope import Reply, invalid, not_found, paged
from brokers.simulator.tastytrade.guard import START_DATE_REQUIRED, Ask
from brokers.simulator.tastytrade.orders import STATUSES, dry_order_json, order_json, placed_json
from brokers.simulator.tastytrade.tickets import read_change, read_ticket, refused
from brokers.simulator.tastytrade.transactions import day_in
from brokers.simulator.world import market_day

PER_PAGE = 10
MOST_PER_PAGE = 200


def dry_run(ask: Ask) -> Reply:
    body = ask.json()
    return foresee(ask, read_ticket(body, ask.world.market), body)


def dry_run_change(ask: Ask) -> Reply:
    body, order = ask.json(), find_order(ask)
    ticket = read_change(body, order.ticket, ask.world.market, whole=False)
    return foresee(ask, ticket, body, replacing=order.order_id)


def foresee(ask: Ask, ticket: OrderTicket, body: Mapping[str, Any], replacing: int | None = None) -> Reply:
    try:
        preview = ask.world.exchange.preview(ask.account, ticket, replacing, strict_in(body))
    except OrderRefused as error:
        raise refused(error) from None
    order = dry_order_json(ask.account, ticket, text_in(body, "external-identifier"), ask.world.market)
    return Reply(placed_json(order, preview, preview.warnings), 201)


def place(ask: Ask) -> Reply:
    """Every accepted body makes an order: ``external-identifier`` is kept, never compared."""
    body = ask.json()
    ticket = read_ticket(body, ask.world.market)
    try:
        order = ask.world.exchange.place(
            ask.account,
            ticket,
            text_in(body, "external-identifier"),
            text_in(body, "source") or "",
            ask.caller.user,
            strict_in(body),
        )
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=True)
    if order.preview is None:
        raise RuntimeError("the exchange placed an order without looking at what it does")
    return Reply(placed_json(order_json(order, ask.world.market), order.preview, order.warnings), 201)


def replace(ask: Ask) -> Reply:
    return change(ask, whole=True)


def edit(ask: Ask) -> Reply:
    return change(ask, whole=False)


def change(ask: Ask, *, whole: bool) -> Reply:
    """Cancel-then-new: the answer is the new order."""
    old = find_order(ask)
    ticket = read_change(ask.json(), old.ticket, ask.world.market, whole=whole)
    try:
        order = ask.world.exchange.replace(ask.account, old.order_id, ticket)
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=True)
    return Reply(order_json(order, ask.world.market))


def cancel(ask: Ask) -> Reply:
    try:
        order = ask.world.exchange.cancel(ask.account, find_order(ask).order_id)
    except OrderRefused as error:
        raise refused(error) from None
    note(ask, order, made=False)
    return Reply(order_json(order, ask.world.market))


def note(ask: Ask, order: SimOrder, *, made: bool) -> None:
    """Write into the ledger what the request led to."""
    if ask.entry is not None:
        ask.entry.order_id = str(order.order_id)
        ask.entry.made_order = made


def find_order(ask: Ask) -> SimOrder:
    number = ask.names["order"]
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise not_found("order")
    try:
        return ask.world.exchange.order(ask.account, int(number))
    except OrderRefused as error:
        raise refused(error) from None


def get_order(ask: Ask) -> Reply:
    return Reply(order_json(find_order(ask), ask.world.market))


def list_orders(ask: Ask) -> Reply:
    """Newest first. A start is a must from API version 20261012 on; days are New York's."""
    start, end = day_in(ask, "start-date"), day_in(ask, "end-date")
    since, until = instant_in(ask, "start-at"), instant_in(ask, "end-at")
    if ask.version >= START_DATE_REQUIRED and start is None and since is None:
        raise invalid(start_date="is missing")
    orders = [
        order
        for order in ask.world.exchange.orders(ask.account)
        if within(market_day(order.received_at), start, end)
        and (since is None or order.received_at >= since)
        and (until is None or order.received_at <= until)
    ]
    return listing(ask, orders)


def list_live_orders(ask: Ask) -> Reply:
    """All that was touched today, done or not, and all that still works."""
    today = ask.world.today()
    orders = [
        order
        for order in ask.world.exchange.orders(ask.account)
        if not order.is_terminal or market_day(order.updated_at) >= today
    ]
    return listing(ask, orders)


def listing(ask: Ask, orders: list[SimOrder]) -> Reply:
    statuses, underlying = ask.many("status"), ask.query.get("underlying-symbol")
    if any(status not in STATUSES.values() for status in statuses):
        raise invalid(status="does not have a valid value")
    rows = [order_json(order, ask.world.market) for order in orders]
    rows = [
        row
        for row in rows
        if (not statuses or row["status"] in statuses)
        and underlying in (None, row["underlying-symbol"])
        and ask.query.get("underlying-instrument-type") in (None, row["underlying-instrument-type"])
    ]
    if ask.query.get("sort", "Desc") == "Asc":
        rows.reverse()
    return paged(rows, ask.query, PER_PAGE, MOST_PER_PAGE)


def within(day: date, start: str | None, end: str | None) -> bool:
    text = day.isoformat()
    return (start is None or text >= start) and (end is None or text <= end)


def instant_in(ask: Ask, name: str) -> datetime | None:
    text = ask.query.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(**{name.replace("-", "_"): "is not a time"}) from None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def text_in(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def strict_in(body: Mapping[str, Any]) -> bool:
    instructions = body.get("advanced-instructions")
    return isinstance(instructions, dict) and instructions.get("strict-position-effect-validation") is True
