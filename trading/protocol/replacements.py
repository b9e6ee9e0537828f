"""What becomes of a replacement that was sent: its answer, what listings show of it, what is said of it.

What a broker's order has become is read, never guessed; while it is not known nothing else is asked of its chain.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import BrokerError, OutcomeUnknown, Refused, Unavailable
from brokers.models import Account
from brokers.port import Broker
from trading import lifecycle
from trading.lifecycle import Asked, Status
from trading.models import Order, OrderEvent, Replacement, Stale
from trading.protocol import asked, cancels, known, news, succession

logger = logging.getLogger(__name__)
OWNER_TIME = timedelta(seconds=60)
"""A replacement that is still on its way after this has lost the process that sent it."""
QUIET = timedelta(seconds=210)
"""When a replacement in doubt may be believed not to have happened: the last byte can have left 90 s after it was
written down, and then comes a quiet time of 120 s."""
APPLIED_WITHIN = timedelta(seconds=60)
"""A replacement that the broker took and that shows nowhere after this was not carried out."""
ENOUGH_LISTINGS = 3
OVER = frozenset({BrokerStatus.FILLED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED})
"""Ends that rule out that the order was replaced. A cancelled one may have been replaced: its successor says."""
Source = OrderEvent.Source


def doubt(replacement: Replacement) -> None:
    """Whoever was sending it is gone."""
    words = "The replacement was being sent when the desk stopped: it may have happened or not. It is being looked up."
    _note(replacement, Asked.UNKNOWN, words, next_check_at=timezone.now())


def answered(replacement: Replacement, update: OrderUpdate) -> Order:
    """The broker's answer to the one request: the order under its old number, or the one that takes its place."""
    order, account = replacement.order, replacement.order.account
    same = update.broker_order_id == order.broker_order_id
    if update.account_number != account.number or not (same or update.replaces_order_id == order.broker_order_id):
        raise OutcomeUnknown("The broker answered for another order. This replacement is being looked up.")
    news.record(account.connection_id, [update], Source.POST)  # takes in its successor, where it has one
    stands = asked.standing(replacement)
    if replacement.status == Asked.DONE:
        return stands
    conclude(replacement, [update], None)
    if replacement.status in lifecycle.ASKED_IN_DOUBT:
        words = "The broker has the replacement."
        soon: dict[str, Any] = {"next_check_at": timezone.now() + succession.SOON, "checks": 0}
        _note(replacement, Asked.ASKED, words, replace_pending=False, **soon)
    return asked.standing(replacement)


def standing(replacement: Replacement) -> Order:
    """The order that stands now: the successor where there is one."""
    return asked.standing(replacement)


def settle(account: Account, listed: Sequence[OrderUpdate], began: datetime, broker: Broker) -> None:
    """Find out about an account's open replacements by a complete listing."""
    for replacement in asked.open_of(account.pk):
        if replacement.status == Asked.SENDING:
            if timezone.now() < (replacement.sent_at or replacement.created_at) + OWNER_TIME:
                continue
            doubt(replacement)
        try:
            conclude(replacement, _both(replacement, listed, broker), began)
        except BrokerError as error:
            logger.warning("A replacement could not be looked up: %s", error.message)


def _both(replacement: Replacement, listed: Sequence[OrderUpdate], broker: Broker) -> list[OrderUpdate]:
    """What the broker has of the order and of its successor; what the listing lacks is asked for by its number."""
    number, account = str(replacement.order.broker_order_id), replacement.order.account
    shown = {update.broker_order_id: update for update in listed}
    original = shown.get(number) or broker.get_order(account.number, number)
    found = [original, *(update for update in listed if update.replaces_order_id == number)]
    heir = original.replaced_by_order_id
    if heir is not None and heir not in shown:
        found.append(broker.get_order(account.number, heir))
    return found


def conclude(replacement: Replacement, updates: Collection[OrderUpdate], began: datetime | None) -> None:
    """Move a replacement by what the broker shows; nothing is concluded from what it does not show at once."""
    number, account = replacement.order.broker_order_id, replacement.order.account
    heirs = [update for update in updates if update.replaces_order_id == number]
    if heirs:
        news.record(account.connection_id, heirs, Source.LISTING)
        _tie(replacement, heirs[-1])
        return
    original = next((update for update in updates if update.broker_order_id == number), None)
    if original is None:
        return
    if succession.holds(original, replacement.order_ticket):
        _retry(lambda: succession.applied(replacement, original, Source.LISTING), replacement)
    elif original.status in OVER:
        _note(replacement, Asked.NOT_APPLIED, "The order was over before it could be replaced.", replace_pending=False)
    elif began is not None and original.status is not BrokerStatus.REPLACE_REQUESTED:
        _count(replacement, original, began)


def _tie(replacement: Replacement, heir: OrderUpdate) -> None:
    """The row of the successor is there; where it had been taken in before, it is tied now."""
    asked.refresh(replacement)
    row = Order.objects.filter(account_id=replacement.account_id, broker_order_id=heir.broker_order_id).first()
    if row is not None and replacement.status != Asked.DONE:
        _retry(lambda: _succeed(replacement, row), replacement)


def _succeed(replacement: Replacement, successor: Order) -> None:
    succession.succeeded(replacement, known.locked(replacement.order_id), successor, Source.LISTING)


def _count(replacement: Replacement, original: OrderUpdate, began: datetime) -> None:
    """A listing shows the order on its old terms. After enough of them and long enough it was not carried out."""
    sent = replacement.sent_at or replacement.created_at
    seen = replacement.listings_without + 1
    Replacement.objects.filter(pk=replacement.pk).update(listings_without=seen)
    patience = APPLIED_WITHIN if replacement.status == Asked.ASKED else QUIET
    if seen < ENOUGH_LISTINGS or began < sent + patience:
        return
    status = lifecycle.from_broker(original.status, replaced=original.replaced_by_order_id is not None)
    order = replacement.order
    moves = order.status == Status.REPLACE_REQUESTED and lifecycle.can_move(Status(order.status), status)
    words = f"The broker did not replace it: {seen} complete listings show it as it was."
    _note(replacement, Asked.NOT_APPLIED, words, replace_pending=False, **({"to": status} if moves else {}))


def failed(replacement: Replacement, error: Exception) -> Order:
    """The outcome table of a replacement's one request."""
    words = cancels.words_of(error)
    code = (getattr(error, "broker_code", "") or getattr(error, "code", "unexpected_error"))[:64]
    if isinstance(error, Unavailable):
        to, told = Asked.NOT_SENT, f"The replacement was not sent: {words}"
    elif isinstance(error, Refused):
        to, told = Asked.REFUSED, f"The broker did not replace it: {words}"
    else:
        if not isinstance(error, BrokerError):
            logger.exception("Sending replacement %s broke off: its outcome is unknown.", replacement.pk)
        to, told = Asked.UNKNOWN, f"The replacement is not confirmed: {words}"
    open_still = to is Asked.UNKNOWN
    _note(replacement, to, told, code, replace_pending=open_still, next_check_at=timezone.now() + succession.SOON)
    order = standing(replacement)
    return cancels.read_state(order) if to is Asked.REFUSED else order


def _note(replacement: Replacement, to: Asked, words: str, code: str = "", **fields: Any) -> None:
    """Move a replacement and tell it in its order's story, both or neither; not if it has been settled meanwhile."""

    def move() -> None:
        order = known.locked(replacement.order_id)
        replacement.change(to, last_error="" if to in (Asked.ASKED, Asked.DONE) else words[:500], error_code=code)
        given = dict(fields)
        if order.status in lifecycle.TERMINAL:
            given.pop("next_check_at", None) if to not in lifecycle.ASKED_IN_DOUBT else None
        if given.get("to") is not None and not lifecycle.can_move(Status(order.status), given["to"]):
            del given["to"]
        payload = {"replacement": str(replacement.pk), "state": to.value}
        order.change(kind="replace", source=Source.US, words=words[:500], payload=payload, **given)

    _retry(move, replacement)


def _retry(move: Callable[[], None], replacement: Replacement) -> None:
    for _ in range(news.TRIES):
        try:
            with transaction.atomic():
                move()
            return
        except (Stale, IntegrityError):
            asked.refresh(replacement)
            if replacement.status not in lifecycle.ASKED_OPEN:
                return  # settled meanwhile
    raise Stale(f"replacement {replacement.pk} would not hold still")
