"""Which of many reports is written down first: what somebody waits for, then the rest from the oldest on. Pure."""

from collections.abc import Collection, Iterable

from brokers.domain.orders import OrderUpdate


def in_turn(updates: Iterable[OrderUpdate], waiting: Collection[str]) -> list[OrderUpdate]:
    """Reports of orders in doubt come first, so that a long listing does not keep their people waiting.

    ``waiting`` are references and numbers of what is in doubt: an order, its cancel, its replacement. Within both
    parts an original comes before its replacement; of an order in doubt its original comes with it.
    """
    told = sorted(updates, key=_age)
    if len(told) < 2:
        return told
    urgent = _urgent(set(waiting), told)
    return sorted(told, key=lambda update: update.broker_order_id not in urgent)


def _age(update: OrderUpdate) -> tuple[int, str]:
    """Brokers count their orders up."""
    return len(update.broker_order_id), update.broker_order_id


def _urgent(known: set[str], told: list[OrderUpdate]) -> set[str]:
    """The broker's numbers of what is in doubt."""
    originals = {update.broker_order_id: update.replaces_order_id for update in told}
    found = {
        one.broker_order_id
        for one in told
        if known & {name for name in (one.client_ref, one.broker_order_id, one.replaces_order_id) if name}
    }
    for number in list(found):
        while (number := originals.get(number) or "") in originals and number not in found:
            found.add(number)
    return found
