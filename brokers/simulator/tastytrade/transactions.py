"""An account's history (section 4.6)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Future, FutureOption
from brokers.simulator.dressing import dressed_account
from brokers.simulator.exchange import SimTransaction
from brokers.simulator.exchange.books.accounts import ClosedLot
from brokers.simulator.tastytrade.envelope import (
    Reply,
    amount,
    day_in,
    moment_in,
    not_found,
    paged,
    with_effect,
    wrong,
    zulu,
)
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.positions import underlying_symbol
from brokers.simulator.tastytrade.symbols import api_symbol, parse_future, type_name
from brokers.simulator.tastytrade.tickets import ACTIONS

KINDS = {"trade": "Trade", "receive_deliver": "Receive Deliver", "money_movement": "Money Movement"}
FEES = {
    "commission": "commission",
    "clearing": "clearing-fees",
    "regulatory": "regulatory-fees",
    "proprietary": "proprietary-index-option-fees",
}
SUB_KINDS = {action.value: name for name, action in ACTIONS.items()} | {"mark_to_market": "Mark to Market"}
MOST_ROWS = 2000
Lots = Mapping[int, list[ClosedLot]]


def list_transactions(ask: Ask) -> Reply:
    """Newest first unless asked otherwise; dates are inclusive."""
    is_wanted, lots = chosen(ask), lots_of(ask)
    entries = [each for each in ask.world.exchange.transactions(ask.account) if is_wanted(each)]
    rows = [dressed_account(transaction_json(each, lots), ask.world.faults, [ask.account]) for each in entries]
    sort = ask.query.get("sort") or "Desc"
    if sort not in ("Asc", "Desc"):
        raise wrong("sort", "does not have a valid value")
    if sort == "Asc":
        rows.reverse()
    return paged(rows, ask.query, 250, MOST_ROWS)


def chosen(ask: Ask) -> Callable[[SimTransaction], bool]:
    """The filter that the parameters make; raises ``Refusal`` for one that can't be read."""
    kinds, sub_kinds = {*ask.many("types"), *ask.many("type")}, set(ask.many("sub-type"))
    first, last = day_in(ask.query, "start-date"), day_in(ask.query, "end-date")
    start, end = moment_in(ask.query, "start-at"), moment_in(ask.query, "end-at")
    future = future_symbol(ask)
    texts = {name: text for name in TEXTS if (text := ask.query.get(name))}
    foreign = ask.query.get("currency", "USD") != "USD" or bool(ask.query.get("partition-key"))

    def is_wanted(each: SimTransaction) -> bool:
        return (
            not foreign
            and (not kinds or KINDS[each.kind] in kinds)
            and (not sub_kinds or sub_kind(each) in sub_kinds)
            and (first is None or each.date >= first)
            and (last is None or each.date <= last)
            and (start is None or each.executed_at >= start)
            and (end is None or each.executed_at <= end)
            and (future is None or future == future_of(each))
            and all(TEXTS[name](each) == text for name, text in texts.items())
        )

    return is_wanted


def sub_kind(each: SimTransaction) -> str:
    return SUB_KINDS.get(each.sub_kind, each.sub_kind.replace("_", " ").title())


def future_of(each: SimTransaction) -> str | None:
    """The future an entry is about, be it through an option on it."""
    match each.instrument:
        case Future() as future:
            return api_symbol(future)
        case FutureOption(future):
            return api_symbol(future)
        case _:
            return None


def future_symbol(ask: Ask) -> str | None:
    text = ask.query.get("futures-symbol")
    if not text:
        return None
    try:
        return api_symbol(parse_future(text, ask.world.today()))
    except ValueError:
        raise wrong("futures-symbol", "is invalid") from None


def under(each: SimTransaction) -> str | None:
    if each.instrument is None:
        return None
    return underlying_symbol(each.underlying or str(each.instrument))


TEXTS: dict[str, Callable[[SimTransaction], str | None]] = {
    "symbol": lambda each: api_symbol(each.instrument) if each.instrument is not None else None,
    "underlying-symbol": under,
    "instrument-type": lambda each: type_name(each.instrument) if each.instrument is not None else None,
    "action": lambda each: SUB_KINDS[each.action.value] if each.action is not None else None,
}


def lots_of(ask: Ask) -> Lots:
    """Which lots each closing trade of the account closed."""
    found: dict[int, list[ClosedLot]] = {}
    for lot in ask.world.exchange.accounts[ask.account].closed_lots:
        found.setdefault(lot.transaction_id, []).append(lot)
    return found


def get_transaction(ask: Ask) -> Reply:
    for each in ask.world.exchange.transactions(ask.account):
        if str(each.transaction_id) == ask.names["transaction"]:
            return Reply(transaction_json(each, lots_of(ask)))
    raise not_found("transaction")


def total_fees(ask: Ask) -> Reply:
    day = day_in(ask.query, "date") or ask.world.today()
    history = ask.world.exchange.transactions(ask.account)
    fees = (sum(each.fees.values(), Decimal(0)) for each in history if each.date == day)
    return Reply(with_effect("total-fees", sum(fees, Decimal(0))))


def transaction_json(each: SimTransaction, lots: Lots) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": each.transaction_id,
        "account-number": each.account_number,
        "transaction-type": KINDS[each.kind],
        "transaction-sub-type": sub_kind(each),
        "description": each.description,
    }
    for name, text in TEXTS.items():
        if (value := text(each)) is not None:
            body[name] = value
    if each.quantity is not None:
        body["quantity"] = amount(abs(each.quantity))
    if each.price is not None:
        body["price"] = amount(each.price)
    body |= with_effect("value", each.value) | with_effect("net-value", each.net_value)
    if each.kind == "trade":
        for name, wire in FEES.items():
            body |= with_effect(wire, each.fees.get(name, Decimal(0)))
    body |= {"is-estimated-fee": True, "currency": "USD"}
    if each.order_id is not None:
        body |= {"order-id": each.order_id, "leg-count": each.leg_count, "destination-venue": "MARKET_SIMULATOR_A"}
        body |= {"exec-id": each.fill_id or "", "ext-exec-id": each.fill_id or "", "ext-group-fill-id": "0"}
    if closed := lots.get(each.transaction_id):
        body["lots"] = [lot_json(place, lot, each) for place, lot in enumerate(closed)]
    executed = zulu(each.executed_at)
    return body | {"executed-at": executed, "transaction-date": each.date.isoformat(), "created-at": executed}


def lot_json(place: int, lot: ClosedLot, each: SimTransaction) -> dict[str, Any]:
    return {
        "id": f"{each.transaction_id}-{place}",
        "transaction-id": each.transaction_id,
        "quantity": amount(abs(lot.quantity)),
        "price": amount(lot.open_price),
        "quantity-direction": "Long" if lot.quantity > 0 else "Short",
        "executed-at": zulu(lot.opened_at),
        "transaction-date": lot.opened_at.date().isoformat(),
    }
