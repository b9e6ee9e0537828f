"""An account's history (section 4.6)."""

from datetime import date
from decimal import Decimal
from typing import Any

from brokers.simulator.exchange import SimTransaction
from brokers.simulator.tastytrade.envelope import Reply, amount, invalid, not_found, paged, with_effect, zulu
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, type_name
from brokers.simulator.tastytrade.tickets import ACTIONS

KINDS = {"trade": "Trade", "receive_deliver": "Receive Deliver", "money_movement": "Money Movement"}
FEES = {
    "commission": "commission",
    "clearing": "clearing-fees",
    "regulatory": "regulatory-fees",
    "proprietary": "proprietary-index-option-fees",
}
SUB_KINDS = {action.value: name for name, action in ACTIONS.items()}


def list_transactions(ask: Ask) -> Reply:
    """Newest first unless asked otherwise; dates are inclusive."""
    rows = [row for row in map(transaction_json, ask.world.exchange.transactions(ask.account)) if chosen(ask, row)]
    if ask.query.get("sort", "Desc") == "Asc":
        rows.reverse()
    return paged(rows, ask.query, 250, 2000)


def chosen(ask: Ask, row: dict[str, Any]) -> bool:
    kinds = (*ask.many("types"), *ask.many("type"))
    sub_kinds = ask.many("sub-type")
    start, end = day_in(ask, "start-date"), day_in(ask, "end-date")
    return (
        (not kinds or row["transaction-type"] in kinds)
        and (not sub_kinds or row["transaction-sub-type"] in sub_kinds)
        and (start is None or row["transaction-date"] >= start)
        and (end is None or row["transaction-date"] <= end)
        and row["executed-at"] >= ask.query.get("start-at", "")
        and row["executed-at"] <= ask.query.get("end-at", "9")
        and all(
            ask.query.get(name) in (None, row.get(name))
            for name in ("symbol", "underlying-symbol", "instrument-type", "action")
        )
    )


def day_in(ask: Ask, name: str) -> str | None:
    """A date parameter as it was written, checked; None when it was not given."""
    text = ask.query.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise invalid(**{name.replace("-", "_"): "is not a date"}) from None


def get_transaction(ask: Ask) -> Reply:
    for each in ask.world.exchange.transactions(ask.account):
        if str(each.transaction_id) == ask.names["transaction"]:
            return Reply(transaction_json(each))
    raise not_found("transaction")


def total_fees(ask: Ask) -> Reply:
    day = day_in(ask, "date") or ask.world.today().isoformat()
    history = ask.world.exchange.transactions(ask.account)
    fees = (sum(each.fees.values(), Decimal(0)) for each in history if each.date.isoformat() == day)
    return Reply(with_effect("total-fees", -abs(sum(fees, Decimal(0)))))


def transaction_json(each: SimTransaction) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": each.transaction_id,
        "account-number": each.account_number,
        "transaction-type": KINDS[each.kind],
        "transaction-sub-type": SUB_KINDS.get(each.sub_kind, each.sub_kind.replace("_", " ").title()),
        "description": each.description,
    }
    if each.action is not None:
        body["action"] = SUB_KINDS[each.action.value]
    if each.instrument is not None:
        body |= {"instrument-type": type_name(each.instrument), "symbol": api_symbol(each.instrument)}
        body["underlying-symbol"] = (each.underlying or str(each.instrument)).replace(".", "/").removeprefix("$")
    if each.quantity is not None:
        body["quantity"] = amount(abs(each.quantity))
    if each.price is not None:
        body["price"] = amount(each.price)
    body |= with_effect("value", each.value) | with_effect("net-value", each.net_value)
    for name, wire in FEES.items():
        if each.kind == "trade":
            body |= with_effect(wire, -abs(each.fees.get(name, Decimal(0))))
    body |= {"is-estimated-fee": True, "currency": "USD"}
    if each.order_id is not None:
        body |= {"order-id": each.order_id, "leg-count": each.leg_count, "destination-venue": "MARKET_SIMULATOR_A"}
        body |= {"exec-id": each.fill_id or "", "ext-exec-id": each.fill_id or "", "ext-group-fill-id": "0"}
    executed = zulu(each.executed_at)
    return body | {"executed-at": executed, "transaction-date": each.date.isoformat(), "created-at": executed}
