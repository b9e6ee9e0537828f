"""What is checked before an order leaves: pure, given all it needs; all findings are told, each at its field."""

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Equity, Option
from brokers.domain.market import Details
from brokers.domain.orders import OrderTicket, OrderType, TimeInForce
from brokers.port import Capabilities
from trading.tickets import price_text

ORDER_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT})
TIMES_IN_FORCE = frozenset({TimeInForce.DAY, TimeInForce.GTC})
"""What the desk offers so far; a broker's capabilities narrow it further."""
CLASSES_WORDS = "Shares, ETFs and their options can be traded here so far."


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an order is not sent: the field at fault, a stable code, what to do."""

    field: str
    code: str
    words: str


def check_terms(ticket: OrderTicket, can: Capabilities) -> list[Finding]:
    """What can be said without asking the broker."""
    found = []
    if len(ticket.legs) > 1:
        found.append(Finding("legs", "COMBINATION", "Orders of several legs can't be sent from here yet."))
    if ticket.order_type not in ORDER_TYPES & can.order_types:
        found.append(Finding("order_type", "COMBINATION", "This order type can't be sent to this broker from here."))
    if ticket.time_in_force not in TIMES_IN_FORCE & can.times_in_force:
        found.append(Finding("time_in_force", "COMBINATION", "This duration can't be sent to this broker from here."))
    if ticket.order_type is OrderType.MARKET and ticket.time_in_force is TimeInForce.GTC:
        found.append(
            Finding("time_in_force", "COMBINATION", "A market order is for today: choose Day, or a limit order.")
        )
    for leg in ticket.legs:
        if not isinstance(leg.instrument, Equity | Option):
            found.append(Finding("symbol", "NOT_ALLOWED", CLASSES_WORDS))
        elif isinstance(leg.instrument, Option) and leg.quantity % 1:
            found.append(Finding("quantity", "BAD_QUANTITY", "Options trade in whole contracts."))
    return found


def check_instrument(ticket: OrderTicket, details: Details) -> list[Finding]:
    """What the broker's description of the instrument rules out."""
    if not details.tradeable:
        return [Finding("symbol", "NOT_ALLOWED", f"{details.instrument} can't be traded at this broker.")]
    price = abs(ticket.limit_price or Decimal(0))
    step = details.increments.at(price)
    if step is None or price % step == 0:
        return []
    below = price // step * step
    return [
        Finding(
            "limit_price",
            "BAD_PRICE",
            f"Prices go in steps of {price_text(step)}: {price_text(below)} or {price_text(below + step)}.",
        )
    ]
