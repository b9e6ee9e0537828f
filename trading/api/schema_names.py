"""Names that the API's schema gives to sets of words that several documents have under the same name."""

from brokers.domain.orders import GroupKind
from trading.lifecycle import Asked, Status
from trading.models import Alert, Order
from trading.risk import TradingState

ORDER_STATUS = [status.value for status in Status]
REPLACEMENT_STATUS = [asked.value for asked in Asked]
ORDER_SOURCE = list(Order.Source.values)
ALERT_STATE = list(Alert.State.values)
TRADING_STATE = [state.value for state in TradingState]
HALT_STATE = [TradingState.HALTED.value, TradingState.REDUCING.value]
GROUP_KIND = [kind.value for kind in GroupKind]
