"""What the account streamer tells: the envelope and the objects that no other endpoint writes (section 8.2)."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.simulator.exchange import (
    Event,
    OrderStatus,
    SimAccount,
    SimBalance,
    SimOrder,
    SimPosition,
    SimTransaction,
)
from brokers.simulator.tastytrade.balances import balance_json
from brokers.simulator.tastytrade.complex_orders import complex_json
from brokers.simulator.tastytrade.envelope import amount, moment, with_effect
from brokers.simulator.tastytrade.families import kind_of
from brokers.simulator.tastytrade.orders import order_json, underlying_of, underlying_type
from brokers.simulator.tastytrade.positions import position_json
from brokers.simulator.tastytrade.symbols import api_symbol
from brokers.simulator.world import World

LARGEST_FRAME = 60_000  # characters of a batch; frames stay below 64 KiB
MOST_FILLS = 200  # told of one order
LONGEST_CHAIN = 50
TRANSFERS = ("deposit", "withdrawal")


@dataclass(frozen=True)
class Notice:
    """One notification, already encoded. ``symbols`` are those a fault may be aimed at."""

    kind: str
    text: str
    symbols: Collection[str] = ()


def notice(kind: str, data: dict[str, Any], at: datetime, symbols: Collection[str] = ()) -> Notice:
    stamp = int(at.timestamp() * 1000)
    text = json.dumps({"type": kind, "data": data, "timestamp": stamp}, allow_nan=False)
    return Notice(kind, text, symbols)


def of_event(world: World, event: Event) -> Notice | None:
    """The notification of an event: always the whole object as it is now. None for what this broker does not tell."""
    now = world.clock.now()
    match event.value:
        case SimOrder() as order:
            symbols = {api_symbol(leg.leg.instrument) for leg in order.legs}
            return notice("Order", within_a_frame(order_json(order, world)), now, symbols)
        case SimPosition() as position:
            body = position_json(position, world.market, world.today())
            return notice("CurrentPosition", body, now, {body["symbol"]})
        case SimBalance() as balance:
            return notice("AccountBalance", balance_json(balance, world.today()), now)
        case group:
            return notice("ComplexOrder", complex_json(group, world), now) if kind_of(group) else None


def within_a_frame(order: dict[str, Any]) -> dict[str, Any]:
    """An order with so many fills that no frame holds it is told with its newest ones: a reader that counts them
    finds some missing and asks for the rest, as it must after a first ``Filled`` anyway."""
    if sum(len(leg["fills"]) for leg in order["legs"]) > MOST_FILLS:
        share = MOST_FILLS // len(order["legs"])
        order["legs"] = [leg | {"fills": leg["fills"][-share:]} for leg in order["legs"]]
    return order


def batches(texts: Sequence[str]) -> list[str]:
    """Notifications in a row as ``{"results": […]}``, as many to a frame as fit."""
    found: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if size + len(text) > LARGEST_FRAME and found[-1]:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text) + 2
    return [f'{{"results": [{", ".join(each)}]}}' for each in found if each]


# Trades that belong together


def order_chain_json(world: World, order: SimOrder) -> dict[str, Any]:
    """The filled orders of an account in one underlying, the newest ``LONGEST_CHAIN``, named after the oldest."""
    underlying = underlying_of(order.ticket, world.market)
    orders = [
        each
        for each in world.exchange.orders(order.account_number)
        if each.status is OrderStatus.FILLED and underlying_of(each.ticket, world.market) == underlying
    ][:LONGEST_CHAIN]
    return {
        "id": orders[-1].order_id,
        "account-number": order.account_number,
        "underlying-symbol": api_symbol(underlying),
        "description": f"{api_symbol(underlying)} trades",
        "created-at": moment(orders[-1].received_at),
        "updated-at": moment(order.updated_at),
        "order-ids": [each.order_id for each in orders],
    }


# Money from and to a bank


def transfer_json(entry: SimTransaction) -> dict[str, Any]:
    """A transfer that is through. The simulator knows no bank: what is said of it is the same for all."""
    at, day = moment(entry.executed_at), entry.date.isoformat()
    return {
        "id": entry.transaction_id,
        "account-number": entry.account_number,
        "amount": amount(abs(entry.value)),
        "bank-account-type": "Checking",
        "banking-date": day,
        "created-at": at,
        "direction": "Deposit" if entry.value > 0 else "Withdrawal",
        "disbursement-type": "One Time",
        "ext-transfer-id": f"SIM{entry.transaction_id}",
        "funds-available-date": day,
        "is-cancelable": False,
        "is-clearing-accepted": True,
        "state": "Completed",
        "transfer-method": "ACH",
        "updated-at": at,
    }


# A year's gain


def year_gain_json(account: SimAccount, underlying: str, year: int) -> dict[str, Any]:
    """What an underlying and its derivatives brought in a year: lots closed, and what trading them cost."""
    fees = commissions = Decimal(0)
    ours: set[Instrument | None] = set()
    for entry in account.transactions:
        if entry.underlying == underlying and entry.date.year == year:
            ours.add(entry.instrument)
            commission = entry.fees.get("commission", Decimal(0))
            commissions += commission
            fees += sum(entry.fees.values(), Decimal(0)) - commission
    closed = (lot for lot in account.closed_lots if lot.closed_at.year == year and lot.instrument in ours)
    realized = sum((lot.realized for lot in closed), Decimal(0))
    instrument = parse_instrument(underlying)
    return {
        "year": year,
        "account-number": account.number,
        "symbol": api_symbol(instrument),
        "instrument-type": underlying_type(instrument),
        **with_effect("fees", fees),
        **with_effect("commissions", commissions),
        **with_effect("yearly-realized-gain", realized + fees + commissions),
        **with_effect("realized-lot-gain", realized),
    }
