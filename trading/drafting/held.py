"""What an account holds, for filling in "to open" or "to close": positions less what working orders close already."""

from decimal import Decimal

from django.core.cache import cache

from brokers import connections
from brokers.domain.instruments import Future, Instrument, parse_instrument
from brokers.domain.orders import Action
from brokers.errors import BrokerError
from brokers.models import Account
from trading import lifecycle
from trading.models import Fill, Order

KEPT = 10
ZERO = Decimal(0)


def quantities(account: Account, *, afresh: bool = False) -> dict[Instrument, Decimal]:
    """Signed quantities of what the account holds. Empty when the broker can't say.

    ``afresh`` asks the broker now; without it they are a few seconds old, but never older than the newest known fill.
    """
    newest = Fill.objects.filter(order__account=account).order_by("-pk").values_list("pk", flat=True).first()
    key = f"held:{account.pk}:{newest}"
    found: dict[str, Decimal] | None = None if afresh else cache.get(key)
    if found is None:
        try:
            positions = connections.broker_for(account.connection).get_positions(account.number)
        except BrokerError:
            return {}
        found = {str(position.instrument): position.quantity for position in positions}
        cache.set(key, found, KEPT)
    return {parse_instrument(symbol): quantity for symbol, quantity in found.items()}


def free_quantities(account: Account, *, afresh: bool = False) -> dict[Instrument, Decimal]:
    """Signed quantities that no working order closes yet. Empty when the broker can't say: then all is opened, which
    the broker refuses where it closes something."""
    free = quantities(account, afresh=afresh)
    for instrument, closing in _closing(account).items():
        if instrument in free:
            free[instrument] = _towards_zero(free[instrument], closing)
    return free


def _closing(account: Account) -> dict[Instrument, Decimal]:
    """Signed: what the account's open orders would still take off."""
    total: dict[Instrument, Decimal] = {}
    for ticket in Order.objects.filter(account=account, status__in=lifecycle.OPEN).values_list("ticket", flat=True):
        for leg in ticket["legs"]:
            try:
                action, instrument = Action(leg["action"]), parse_instrument(leg["symbol"])
            except ValueError:
                continue
            if not action.opens:
                total[instrument] = total.get(instrument, ZERO) + action.sign * Decimal(leg["quantity"])
    return total


def _towards_zero(held: Decimal, closing: Decimal) -> Decimal:
    left = held + closing
    return left if held * left > 0 else ZERO


def action_for(instrument: Instrument, buys: bool, held: dict[Instrument, Decimal], quantity: Decimal) -> Action:
    """Closing when at least as much is held the other way, else opening."""
    if isinstance(instrument, Future):
        return Action.BUY if buys else Action.SELL
    have = held.get(instrument, ZERO)
    closes = have <= -quantity if buys else have >= quantity
    if closes and have:
        return Action.BUY_TO_CLOSE if buys else Action.SELL_TO_CLOSE
    return Action.BUY_TO_OPEN if buys else Action.SELL_TO_OPEN
