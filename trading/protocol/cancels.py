"""Cancels: asked for once, tried at most three times, and read rather than repeated when in doubt."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn

from django.utils import timezone

from brokers import connections
from brokers.errors import BrokerError, RateLimited, Refused
from brokers.registry import spec
from trading import lifecycle
from trading.lifecycle import Status
from trading.models import Order, OrderEvent, Stale
from trading.protocol import known, news

logger = logging.getLogger(__name__)
CANCEL_AGAIN = timedelta(seconds=10)
MOST_TRIES = 3
Source = OrderEvent.Source


class NotCancellable(Exception):
    """There is nothing that could be cancelled now; the text says why."""


def cancel(order: Order) -> Order:
    """Ask the broker to cancel. Raises ``NotCancellable``; asking twice is harmless.

    Whether it took place is in the order's status. When the answer is lost, the order watch goes on.
    """
    order, is_new = _write_down(order, tries=1, pause=CANCEL_AGAIN)
    return try_cancel(order) if is_new else order


def cancel_group(orders: Sequence[Order]) -> list[Order]:
    """Ask for the cancel of all that still work of a group; with one request where the broker takes one.

    Raises ``NotCancellable`` when there is none that could be cancelled; asking twice is harmless.
    """
    asked, words = [], []
    for order in orders:
        try:
            asked.append(_write_down(order, tries=1, pause=CANCEL_AGAIN))
        except NotCancellable as error:
            words.append(str(error))
    if not asked:
        raise NotCancellable(words[0] if words else "There is no such group.")
    fresh = [order for order, is_new in asked if is_new]
    if fresh and not _cancelled_as_one(fresh):
        for order in fresh:  # in their order: a trigger that is cancelled takes those with it that wait for it
            try_cancel(order)
    return list(Order.objects.filter(pk__in=[order.pk for order in orders]).order_by("group_index", "created_at"))


def _cancelled_as_one(orders: Sequence[Order]) -> bool:
    """Whether one request was sent for all of them. One that the broker refuses is no reason to give up on each."""
    connection = orders[0].account.connection
    numbers = {order.broker_group_id for order in orders}
    if len(orders) < 2 or len(numbers) != 1 or "" in numbers or not spec(connection.broker).capabilities.cancels_groups:
        return False
    try:
        broker = connections.broker_for(connection)
        updates = broker.cancel_group(orders[0].account.number, orders[0].broker_group_id)
    except RateLimited as error:
        return _all_again(orders, error.message, timedelta(seconds=error.retry_after or 5))
    except Refused:
        return False
    except Exception as error:
        if not isinstance(error, BrokerError):
            logger.exception("The cancel of group %s broke off.", orders[0].group)
        return _all_again(orders, words_of(error), timedelta(seconds=2))
    told = {update.broker_order_id: update for update in updates}
    for order in orders:
        if (update := told.get(str(order.broker_order_id))) is not None:
            news.hear(order, update, Source.POST, just_read=True)
    return True


def _all_again(orders: Sequence[Order], words: str, pause: timedelta) -> bool:
    for order in orders:
        _cancel_again(order, words, pause)
    return True


def write_down(order: Order) -> Order:
    """Only write the cancel down; the order watch sends it. Raises ``NotCancellable``."""
    return _write_down(order, tries=0, pause=timedelta(0))[0]


def _write_down(order: Order, tries: int, pause: timedelta) -> tuple[Order, bool]:
    """The order with its cancel written down, and whether that is new."""
    while True:
        order = known.order_of(order.pk)
        if order.status == Status.CANCEL_REQUESTED or order.cancel_pending:
            return order, False
        if not order.can_cancel:
            _refuse_cancel(order)
        now = timezone.now()
        try:
            order.change(
                kind="cancel",
                source=Source.USER,
                words="Cancel asked for.",
                cancel_requested_at=now,
                cancel_pending=True,
                cancel_tries=tries,
                next_check_at=now + pause,
            )
        except Stale:
            continue  # it moved meanwhile: look again at what it is now
        return order, True


def try_cancel(order: Order) -> Order:
    """One cancel request for an order whose cancel is written down."""
    try:
        broker = connections.broker_for(order.account.connection)
        update = broker.cancel_order(order.account.number, str(order.broker_order_id))
    except RateLimited as error:
        return _cancel_again(order, error.message, timedelta(seconds=error.retry_after or 5))
    except Refused as error:
        return _cancel_refused(order, error)
    except Exception as error:
        if not isinstance(error, BrokerError):
            logger.exception("The cancel of %s broke off.", order.pk)
        return _cancel_again(order, words_of(error), timedelta(seconds=2))
    return news.hear(order, update, Source.POST, just_read=True)


def go_on(order: Order) -> Order:
    """A cancel whose outcome is open: read how the order stands, then ask again, or give up after three tries."""
    order = read_state(order)
    if not order.cancel_pending:
        return order
    if order.cancel_tries >= MOST_TRIES:
        words = "The cancel could not be confirmed after three tries. The order may still work: ask again if you want."
        return _note_cancel(order, words, cancel_pending=False)
    order = _note_cancel(
        order,
        "Cancel asked for again.",
        cancel_tries=order.cancel_tries + 1,
        next_check_at=timezone.now() + CANCEL_AGAIN,
    )
    return try_cancel(order) if order.cancel_pending else order


def _refuse_cancel(order: Order) -> NoReturn:
    if order.status in lifecycle.UNCERTAIN:
        raise NotCancellable("We do not know yet whether the broker has this order. It is being looked up.")
    if order.replace_pending:
        raise NotCancellable("A replacement of this order is being looked up: try again in a few seconds.")
    if order.is_open and order.broker_order_id is None:
        raise NotCancellable("The broker has not given this order a number yet. Try again in a moment.")
    raise NotCancellable(f"This order is over: {order.label.lower()}.")


def _cancel_refused(order: Order, error: Refused) -> Order:
    """The broker will not cancel: most often because it is over. Its state says; nothing is repeated."""
    order = _note_cancel(order, f"The broker did not cancel it: {error.message}", cancel_pending=False)
    return read_state(order)


def _cancel_again(order: Order, words: str, pause: timedelta) -> Order:
    words = f"The cancel is not confirmed: {words} It is looked up and tried again."
    return _note_cancel(order, words, next_check_at=timezone.now() + pause)


def _note_cancel(order: Order, words: str, **fields: Any) -> Order:
    """Tell how the cancel goes, unless the broker's news has answered it meanwhile."""
    return news.note(
        order, Source.US, only_if=_is_pending, kind="cancel", words=words, last_error=words[:500], **fields
    )


def _is_pending(order: Order) -> bool:
    return order.cancel_pending


def read_state(order: Order) -> Order:
    """Ask the broker how one order stands; silent when it can't say."""
    began = timezone.now()
    try:
        broker = connections.broker_for(order.account.connection, urgent=True)
        update = broker.get_order(order.account.number, str(order.broker_order_id))
    except BrokerError:
        return order
    return news.hear(order, update, Source.LISTING, began)


def words_of(error: Exception) -> str:
    if isinstance(error, Refused) and error.notices:
        return " ".join(notice.message for notice in error.notices)[:500] or error.message[:500]
    if isinstance(error, BrokerError):
        return error.message[:500]
    return "Something broke off here while it was sent. It is being looked up."
