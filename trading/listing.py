"""Which orders to show: filters and pages over a person's orders, for pages and the API."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from brokers.models import Account
from trading import lifecycle
from trading.lifecycle import Phase, Status
from trading.models import Order, OrderQuerySet

NEW_YORK = ZoneInfo("America/New_York")
DEFAULT_LIMIT = 50
MOST = 200


class BadFilter(Exception):
    """A filter that can't be understood: ``name`` of the parameter, the text says what it takes."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name


def start_of_today() -> datetime:
    """Midnight in New York: a trading day's orders begin there."""
    return datetime.combine(timezone.now().astimezone(NEW_YORK).date(), time.min, NEW_YORK)


def on_tab(orders: OrderQuerySet, tab: str) -> OrderQuerySet:
    """Working: not over. Today: begun or ended today. History: the rest."""
    unfinished = lifecycle.OPEN | lifecycle.UNCERTAIN
    today = Q(created_at__gte=start_of_today()) | Q(ended_at__gte=start_of_today())
    match tab:
        case "today":
            return orders.filter(today)
        case "history":
            return orders.exclude(today).exclude(status__in=unfinished)
        case _:
            return orders.filter(status__in=unfinished)


def statuses(text: str) -> Collection[Status]:
    """States named one by one or by phase: ``working``, ``filled,cancelled``."""
    found: set[Status] = set()
    for word in text.split(","):
        if word in set(Phase):
            found |= lifecycle.PHASES[Phase(word)]
        elif word in set(Status):
            found.add(Status(word))
        else:
            raise BadFilter("status", f"{word[:24]!r} is neither a phase nor a status of an order.")
    return found


def since(text: str) -> datetime:
    """A day (from midnight in New York) or a moment with its zone."""
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time.min, NEW_YORK)
        moment = datetime.fromisoformat(text[:40].replace(" ", "+"))
        if moment.tzinfo is not None and moment.year < 9999:
            return moment
    except (ValueError, OverflowError):
        pass
    raise BadFilter("since", "Write a day (2026-11-20) or a time with its zone (2026-11-20T14:30:00Z).")


def limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise BadFilter("limit", f"Write a whole number from 1 to {MOST}.")
    return int(text)


def before(orders: OrderQuerySet, text: str) -> OrderQuerySet:
    """The orders older than one of them."""
    try:
        last = orders.filter(pk=UUID(text)).first()
    except (ValueError, ValidationError):
        last = None
    if last is None:
        raise BadFilter("before", "There is no such order here.")
    older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    return orders.filter(older)


def select(orders: OrderQuerySet, accounts: Collection[Account], query: Mapping[str, str]) -> tuple[list[Order], bool]:
    """A page of orders by the API's parameters, newest first; whether there are older ones. Raises ``BadFilter``."""
    if unknown := set(query) - {"account", "status", "since", "before", "limit", "format"}:
        raise BadFilter(min(unknown)[:40], "There is no such filter.")
    if "account" in query:
        account = next((account for account in accounts if str(account.pk) == query["account"].lower()), None)
        if account is None:
            raise BadFilter("account", "You have no such account here.")
        orders = orders.filter(account=account)
    if "before" in query:
        orders = before(orders, query["before"])
    if "status" in query:
        orders = orders.filter(status__in=statuses(query["status"]))
    if "since" in query:
        orders = orders.filter(created_at__gte=since(query["since"]))
    size = limit(query["limit"]) if "limit" in query else DEFAULT_LIMIT
    found = list(orders[: size + 1])
    return found[:size], len(found) > size
