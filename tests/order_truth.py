"""One order at the broker with all that was ever to be told of it, and what the desk keeps of it."""

import random
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger_broker import LedgerBroker

from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.rows import columns, fields_of, instance, rows
from trading import lifecycle, plain_sql
from trading.lifecycle import Status
from trading.models import Fill, Order, OrderEvent, Replacement
from trading.protocol import reading

ZERO = Decimal(0)
WORKS = (BrokerStatus.ROUTED, BrokerStatus.WORKING)
OPEN = (*WORKS, BrokerStatus.CANCEL_REQUESTED)
SIZE = 10


def filled_there(update: OrderUpdate) -> Decimal:
    return sum((fill.quantity for fill in update.fills), ZERO)


class Truth:
    """One order at the broker, and all that was ever to be told of it."""

    def __init__(self, broker: LedgerBroker, number: str) -> None:
        self.broker, self.number = broker, number
        self.past = [self.now]

    @property
    def now(self) -> OrderUpdate:
        return self.broker.ledger[self.number]

    @property
    def left(self) -> Decimal:
        return self.now.legs[0].remaining

    def move(self, status: BrokerStatus, word: str) -> None:
        self.past.append(self.broker.move(self.number, status, word))

    def fill(self, quantity: Decimal) -> None:
        """A partial fill; what is being cancelled stays that."""
        was = self.now
        self.broker.fill(self.number, str(quantity))
        if self.left and was.status is BrokerStatus.CANCEL_REQUESTED:
            self.broker.move(self.number, was.status, was.broker_status)
        self.past.append(self.now)

    def step(self, chance: random.Random) -> None:
        """Whatever comes next in an order's life."""
        if self.now.status not in OPEN:
            return
        match chance.randrange(7):
            case 0 if self.now.status is BrokerStatus.ROUTED:
                self.move(BrokerStatus.WORKING, "Live")
            case 1 | 2 | 3:
                self.fill(min(self.left, Decimal(chance.randint(1, 4))))
            case 4:
                self.move(BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")
            case 5 if self.now.status is BrokerStatus.CANCEL_REQUESTED:
                self.move(chance.choice([BrokerStatus.CANCELLED, BrokerStatus.WORKING]), "So it ended")
            case 6 if chance.random() < 0.2:
                self.move(BrokerStatus.EXPIRED, "Expired")


def as_there(update: OrderUpdate) -> tuple[str, Decimal, Decimal]:
    """Status, what was filled, and the sum of all fills."""
    status = reading.status_of(update)
    done = filled_there(update)
    if status in (Status.ACCEPTED, Status.WORKING) and done:
        status = Status.PARTIAL
    return status, done, done


# --- what the desk keeps ---


class Kept:
    """An order's row as it is now, with what hangs on it: read at once, for a model asks after each of its steps."""

    def __init__(self, order: Order) -> None:
        (found,) = rows(ALL_OF_IT, {"order": order.pk}, (*OF_ORDER, *BESIDE))
        self.row = instance(Order, OF_ORDER, found[: len(OF_ORDER)])
        filled, self.events, self.orders, self.asked = found[len(OF_ORDER) :]
        self.filled: Decimal = filled if filled is not None else ZERO

    @property
    def as_kept(self) -> tuple[str, Decimal, Decimal]:
        return self.row.status, self.row.filled_quantity, self.filled


OF_ORDER = fields_of(Order)
COUNT = Order._meta.get_field("seq")
BESIDE = (Fill._meta.get_field("quantity"), COUNT, COUNT, COUNT)
_order, _fill, _event, _replacement = (model._meta.db_table for model in (Order, Fill, OrderEvent, Replacement))
_open = plain_sql.words(lifecycle.ASKED_OPEN)
ALL_OF_IT = f"""
    SELECT {columns("o", OF_ORDER)},
      (SELECT SUM(quantity) FROM {_fill} WHERE order_id = o.id),
      (SELECT COUNT(*) FROM {_event} WHERE order_id = o.id),
      (SELECT COUNT(*) FROM {_order} WHERE account_id = o.account_id),
      (SELECT COUNT(*) FROM {_replacement} WHERE order_id = o.id AND status IN ({_open}))
    FROM {_order} o WHERE o.id = %(order)s
"""  # noqa: S608


def all_kept(account_id: UUID) -> dict[str, tuple[str, Decimal, Decimal]]:
    """All orders of an account by the broker's number, as ``as_there`` tells what is there."""
    found = rows(ALL_OF_AN_ACCOUNT, {"account": account_id}, ORDERS)
    return {number: (status, filled, total if total is not None else ZERO) for number, status, filled, total in found}


ORDERS: tuple[Any, ...] = (*fields_of(Order, "broker_order_id", "status", "filled_quantity"), BESIDE[0])
ALL_OF_AN_ACCOUNT = f"""
    SELECT o.broker_order_id, o.status, o.filled_quantity, SUM(f.quantity)
    FROM {_order} o LEFT JOIN {_fill} f ON f.order_id = o.id
    WHERE o.account_id = %(account)s GROUP BY o.broker_order_id, o.status, o.filled_quantity
"""  # noqa: S608
