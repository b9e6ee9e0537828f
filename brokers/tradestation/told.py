"""What was last told of each order, whichever way it came: so that repetition is no news. No I/O."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from brokers.domain.orders import OrderUpdate
from brokers.tradestation.codec.words import ENDED


@dataclass(frozen=True, slots=True)
class _Last:
    essence: OrderUpdate
    at: float

    @property
    def is_open(self) -> bool:
        return self.essence.status not in ENDED


class Told:
    """``at`` is a clock that only grows: when a frame came, when a listing was asked for."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], _Last] = {}

    def is_news(self, update: OrderUpdate, at: float) -> bool:
        """Remember a report; whether it says anything else than the last. One older than the last says nothing."""
        key, essence = _key(update), _essence(update)
        last = self._last.get(key)
        if last is not None and last.at > at:
            return False
        self._last[key] = _Last(essence, at)
        return last is None or last.essence != essence

    @property
    def some_are_open(self) -> bool:
        return any(last.is_open for last in self._last.values())

    def compare(self, accounts: Collection[str], listed: Collection[OrderUpdate], at: float) -> set[str]:
        """Forget what a complete listing, asked for at a moment, does not show any more.

        The answer: the accounts where an order was open when last told of, so that its end must be looked up.
        """
        shown = {_key(update) for update in listed}
        gone = {
            key: last for key, last in self._last.items() if key[0] in accounts and key not in shown and last.at <= at
        }
        for key in gone:
            del self._last[key]
        return {key[0] for key, last in gone.items() if last.is_open}


def _key(update: OrderUpdate) -> tuple[str, str]:
    return update.account_number, update.broker_order_id


def _essence(update: OrderUpdate) -> OrderUpdate:
    """A report without what differs between two of the same: the order of legs."""
    return replace(update, legs=tuple(sorted(update.legs, key=lambda leg: str(leg.leg.instrument))))
