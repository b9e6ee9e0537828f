"""Finding out: orders in doubt are looked up in the broker's listings, those that work are compared with them.

A failed or stale listing is no information. "Not placed" is said only after a quiet while and several
complete listings, and even then a late appearance is watched for.
"""

import logging
import random
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.utils import timezone

from brokers import connections, registry
from brokers.domain.orders import OrderUpdate
from brokers.errors import Ambiguous, BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading import lifecycle, plain_sql
from trading.lifecycle import Status
from trading.models import Order, OrderEvent, OrderQuerySet
from trading.protocol import cancels, explained, eyes, known, news, replacements, silence, succession

logger = logging.getLogger(__name__)
NEW_YORK = ZoneInfo("America/New_York")
FIRST_CHECK = timedelta(seconds=1)
DELAYS = (1, 2, 4, 8, 15, 30)
"""Seconds between the looks at an order in doubt; the last one goes on."""
ATTEMPT_LIMIT = timedelta(seconds=91)
"""When the last byte can have left, at the latest: held up before it (20 s), waiting for a share of the broker's rate
limit (1 s), a refused attempt (15 s), a renewed token (40 s), the attempt with that one (15 s)."""
QUIET = timedelta(seconds=120)
QUIET_UNHEARD = timedelta(seconds=300)
"""The same where the account stream was not listening all that time: its silence says nothing then."""
ENOUGH_LISTINGS = 3
LATE_WATCH = timedelta(hours=24)
LATE_SOON, LATE_EVERY = timedelta(seconds=30), timedelta(minutes=5)
CLOSELY = timedelta(minutes=15)
"""How long after it was sent an order that is believed not to be there is looked for often."""
MISSING_READ = 5
Source = OrderEvent.Source


def look_up(account: Account, now: datetime) -> None:
    """Look after every order of an account that is due, with one listing for all of them.

    Safe to call from several processes: each order's turn is claimed first.
    """
    due = [order for order in known.due(account.pk, now) if claim(order, now)]
    for order in due:
        try:
            go_on(order)
        except Exception:
            logger.exception("Order %s could not be gone on with.", order.pk)  # the others still have their turn
    rest = [order for order in due if order.status != Status.SENDING and not order.cancel_pending]
    if rest:
        _list_for(account, rest)


def go_on(order: Order) -> None:
    if order.status == Status.SENDING:
        doubt(order)
    elif order.cancel_pending:
        cancels.go_on(order)


def hasten(orders: OrderQuerySet) -> None:
    """Whatever is to be looked at later is looked at now, for news may have been missed.

    A sender's own time is left alone, and so are the pauses between the tries of a cancel.
    """
    now = timezone.now()
    later = orders.filter(next_check_at__gt=now, cancel_pending=False).exclude(status=Status.SENDING)
    later.update(next_check_at=now)


def claim(order: Order, now: datetime) -> bool:
    """Take the turn to look at a due order, by setting when the next one is."""
    return order.schedule(order.next_check_at, _next_look(order, now), checks=order.checks + 1)


def _next_look(order: Order, now: datetime) -> datetime | None:
    if order.status in lifecycle.DOUBTFUL or order.replace_pending:
        return now + timedelta(seconds=DELAYS[min(order.checks + 1, len(DELAYS) - 1)])
    if order.status in lifecycle.NEVER_THERE:
        return _late_look(order, now) if order.watch_until is not None and now < order.watch_until else None
    if order.status in lifecycle.OPEN and order.broker_order_id is not None:
        return now + news.pause(order.checks + 1)
    return now + FIRST_CHECK if order.status == Status.SENDING else None


def _late_look(order: Order, now: datetime) -> datetime:
    """Brokers that are behind by minutes are so soon after the order was sent."""
    soon = order.sent_at is not None and now < order.sent_at + CLOSELY
    return now + (min(LATE_SOON, LATE_EVERY) if soon else LATE_EVERY)


def doubt(order: Order) -> Order:
    """Whoever was sending this order is gone: from here on its outcome is unknown."""
    return news.note(
        order,
        Source.US,
        to=Status.UNKNOWN,
        kind="doubt",
        words="It was being sent when the desk stopped: the broker may have it or not. It is being looked up.",
        next_check_at=timezone.now() + FIRST_CHECK,
    )


def refresh(account: Account) -> list[OrderUpdate]:
    """Read an account's orders from the broker and write down what they say. Raises ``BrokerError``."""
    return _list(connections.broker_for(account.connection), account, timezone.now() - timedelta(days=1))


def _list_for(account: Account, orders: Collection[Order]) -> None:
    """One listing for all these orders; what it shows is recorded, what it does not show is counted."""
    began = timezone.now()
    since = min((order.sent_at or order.created_at for order in orders if not order.is_open), default=began)
    try:
        broker = connections.broker_for(account.connection, urgent=True)
        echoes = registry.spec(account.connection.broker).capabilities.echoes_client_ref
        unclear = _find_each(broker, account, [one for one in orders if one.group is not None or not echoes])
        listed = _list(broker, account, since - timedelta(days=1))
    except BrokerError as error:
        _note_failure(account, orders, error)
        return
    cache.set(f"orders-found-out:{account.pk}", began, 24 * 3600)
    shown = {update.broker_order_id for update in listed}
    references = {update.client_ref for update in listed}
    for order in orders:
        if order.pk in unclear:
            _give_to_a_person(order, unclear[order.pk])
        elif order.status in lifecycle.DOUBTFUL and order.client_ref not in references:
            _count_absence(order, broker, shown, began)
    replacements.settle(account, listed, began, broker)
    _read_missing(account, shown, began)


def _list(broker: Broker, account: Account, since: datetime) -> list[OrderUpdate]:
    """All of an account's orders since a day, recorded."""
    began = timezone.now()
    listed = broker.get_orders(account.number, since.astimezone(NEW_YORK).date())
    news.record(account.connection_id, listed, Source.LISTING, began)
    for pair in succession.doubled(listed):
        for order in succession.alarm(account, pair):
            logger.error("Order %s and the one that was to take its place both work: %s.", order.pk, pair)
    return listed


def _find_each(broker: Broker, account: Account, orders: Collection[Order]) -> dict[UUID, str]:
    """A broker that does not echo our reference finds an order in doubt by its looks, but not among those that are
    known to be other orders of ours. The answer names the orders for which several look alike: they stay in doubt."""
    unclear: dict[UUID, str] = {}
    for order in orders:
        if order.client_ref is None or order.sent_at is None or order.broker_order_id is not None:
            continue
        ours = Order.objects.filter(account=account, is_external=False, broker_order_id__isnull=False)
        claimed = set(ours.values_list("broker_order_id", flat=True))
        try:
            update = broker.find_order(
                account.number,
                order.client_ref,
                order.order_ticket,
                order.sent_at,
                claimed,
                grouped=order.group is not None,
            )
        except Ambiguous as error:
            unclear[order.pk] = error.message
            continue
        if update is not None:
            news.hear(order, update, Source.LISTING)
    return unclear


def _give_to_a_person(order: Order, words: str) -> None:
    """Several of the broker's orders look like this one: it is kept in doubt, and its person is asked which it is."""
    candidates = eyes.candidates(order)
    words = f"{words} Say which one it is, or that none is."
    if order.status == Status.NEEDS_EYES:
        order.note(candidates=candidates, last_error=words[:500])
    else:
        eyes.ask(order, words, candidates)


def _note_failure(account: Account, orders: Collection[Order], error: BrokerError) -> None:
    logger.warning("A listing failed: %s", error.message)
    last: datetime | None = cache.get(f"orders-found-out:{account.pk}")
    for order in orders:
        if order.status not in lifecycle.DOUBTFUL:
            continue
        order.note(last_error=f"It can't be looked up just now: {error.message} It is tried again."[:500])
        known = max(filter(None, (last, order.sent_at)), default=order.created_at)
        if order.status == Status.UNKNOWN and timezone.now() - known > eyes.IMPOSSIBLE:
            words = f"It could not be looked up for ten minutes: {error.message} Look at the broker's own site."
            eyes.ask(order, words, eyes.candidates(order))


def _count_absence(order: Order, broker: Broker, shown: Collection[str], began: datetime) -> None:
    """A complete listing did not show an order in doubt; after enough of them we believe that it is not there."""
    order.refresh_from_db()
    if order.status not in lifecycle.DOUBTFUL or order.sent_at is None or not _is_fresh(order, shown, began):
        return
    order.listings_without += 1
    order.note(listings_without=order.listings_without)
    quiet, heard = _quiet(order, began)
    if order.listings_without < ENOUGH_LISTINGS or began < order.sent_at + ATTEMPT_LIMIT + quiet:
        return
    if order.status == Status.NEEDS_EYES and order.candidates:
        return  # the broker has orders that may be this one: its person says
    if not _is_explained(order, broker, began):
        return
    until = began + LATE_WATCH
    news.note(
        order,
        Source.LISTING,
        to=Status.NOT_PLACED,
        kind="not_placed",
        words=f"Not placed, as far as the broker shows: {order.listings_without} complete listings do not have it, "
        f"{heard}. Watched until {timezone.localtime(until):%-d %b %H:%M} ET in case it appears late.",
        watch_until=until,
        next_check_at=_late_look(order, began),
        candidates=[],
    )


def _quiet(order: Order, began: datetime) -> tuple[timedelta, str]:
    """How long it must have been quiet: the silence of an account stream that listened all the while says more."""
    since = silence.listening_since(order.account.connection_id)
    if since is not None and began - since >= QUIET:
        return QUIET, "and the account stream was silent about it"
    return QUIET_UNHEARD, "and no account stream was listening all that time, so it took longer"


def _is_explained(order: Order, broker: Broker, began: datetime) -> bool:
    """Whether positions moved no more than known fills explain. Positions that can't be read are no information:
    nothing is concluded until they can, or a person says."""
    try:
        moved = explained.unexplained(order, broker)
    except BrokerError as error:
        words = f"The positions could not be read for ten minutes: {error.message} Look at the broker's own site."
        if order.sent_at is not None and began > order.sent_at + ATTEMPT_LIMIT + eyes.IMPOSSIBLE:
            eyes.ask(order, words, eyes.candidates(order))
        return False
    if moved:
        words = f"The broker's listings do not show it, but the account's positions moved by {explained.words(moved)}, "
        eyes.ask(order, words + "which no known order explains. Look at the broker's own site.", eyes.candidates(order))
        return False
    return True


def _is_fresh(order: Order, shown: Collection[str], began: datetime) -> bool:
    """Whether a listing holds the account's newest order that we know of: an older listing proves nothing."""
    known = Order.objects.filter(account_id=order.account_id, broker_order_id__isnull=False, first_seen_at__lt=began)
    newest = known.filter(created_at__gte=order.created_at - timedelta(hours=1)).order_by("-created_at").first()
    return newest is None or newest.broker_order_id in shown


def _read_missing(account: Account, shown: Collection[str], began: datetime) -> None:
    """Orders that should work but are not listed have ended some day before: ask for each, a few at a time."""
    working = plain_sql.rows(WORKING, {"account": account.pk, "began": began}, plain_sql.fields_of(Order, "id"))
    missing = [order_id for order_id, number in working if number not in shown]
    for order_id in random.sample(missing, min(MISSING_READ, len(missing))):
        cancels.read_state(known.order_of(order_id))


WORKING = (
    f"SELECT id, broker_order_id FROM {Order._meta.db_table} WHERE account_id = %(account)s "  # noqa: S608
    f"AND status IN ({plain_sql.words(lifecycle.OPEN)}) AND adopted_by_id IS NULL AND first_seen_at < %(began)s"
)
