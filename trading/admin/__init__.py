"""Support staff's pages: orders and their story, limits and halts, the record and the alerts."""

from trading.admin import audit as _audit  # noqa: F401 (registers)
from trading.admin import orders as _orders  # noqa: F401 (registers)
from trading.admin import safety as _safety  # noqa: F401 (registers)
