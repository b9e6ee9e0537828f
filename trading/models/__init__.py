"""What trading keeps: orders and their story, replacements, runs of cancels, this installation's right to send."""

from trading.models.alerts import Alert
from trading.models.history import AppendOnly, Fill, IllegalMove, OrderEvent, Stale
from trading.models.installation import Installation
from trading.models.orders import REF_LENGTH, Order, OrderQuerySet, new_client_ref, order_changed
from trading.models.replacements import Replacement
from trading.models.runs import CancelRun
from trading.models.safety import Halt, RiskLimits, ScopeKind

__all__ = [
    "REF_LENGTH",
    "Alert",
    "AppendOnly",
    "CancelRun",
    "Fill",
    "Halt",
    "IllegalMove",
    "Installation",
    "Order",
    "OrderEvent",
    "OrderQuerySet",
    "Replacement",
    "RiskLimits",
    "ScopeKind",
    "Stale",
    "new_client_ref",
    "order_changed",
]
