"""Pages: the orders and each one's story. Those on which an order is made are in ticket_views.py."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from brokers.errors import BrokerError
from brokers.models import Account
from trading import lifecycle, listing, orders
from trading.lifecycle import Status
from trading.models import Order, OrderQuerySet
from trading.pages import rows, stories
from trading.pages.forms import account_by_id

LISTED_EVERY = 30
TABS = (("working", "Working"), ("today", "Today"), ("history", "History"))
PAGE = 50


@login_required
@require_GET
def orders_page(request: HttpRequest) -> HttpResponse:
    accounts = list(Account.objects.of(request.user))
    asked = request.GET.get("account")
    account = account_by_id(accounts, asked) if asked and asked != "all" else None
    if asked and asked != "all" and account is None:
        raise Http404
    tab = request.GET.get("tab") if request.GET.get("tab") in dict(TABS) else "working"
    problems = [] if "fragment" in request.GET else _bring_up_to_date([account] if account else accounts)
    mine = Order.objects.of(request.user)
    mine = mine.filter(account=account) if account else mine
    chosen = listing.on_tab(mine, str(tab))
    try:
        older = listing.before(chosen, request.GET["before"]) if "before" in request.GET else chosen
    except listing.BadFilter:
        raise Http404 from None
    found = list(older[: PAGE + 1])
    context = {
        "tab": tab,
        "tabs": TABS,
        "blocks": rows.blocks(found[:PAGE], rows.sizes_of(found[:PAGE])),
        "orders": found[:PAGE],
        "waiting": mine.filter(status=Status.NEEDS_EYES),
        "underlyings": _underlyings(mine) if tab == "working" else [],
        "more": found[PAGE - 1].pk if len(found) > PAGE else None,
        "account": account,
        "accounts": accounts,
        "problems": problems,
        "unknown_meaning": lifecycle.MEANINGS[Status.UNKNOWN],
    }
    return render(request, whole_or_part(request, "orders"), context)


def _underlyings(orders: OrderQuerySet) -> list[str]:
    """Those on which orders work, for cancelling all of one."""
    return sorted({order.underlying for order in orders.working() if order.underlying})


def _bring_up_to_date(accounts: list[Account]) -> list[str]:
    """Read the orders from the broker if that was not done just now; what went wrong, in words."""
    problems: dict[str, list[str]] = {}
    for account in accounts:
        if not account.connection.is_connected or not cache.add(f"orders-listed:{account.pk}", 1, LISTED_EVERY):
            continue
        try:
            orders.refresh(account)
        except BrokerError as error:
            cache.delete(f"orders-listed:{account.pk}")
            problems.setdefault(error.message, []).append(str(account))
    missing = "Orders placed elsewhere may be missing from this list."
    return [f"{', '.join(names)}: {words} {missing}" for words, names in problems.items()]


@login_required
@require_GET
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    found = get_object_or_404(Order.objects.of(request.user), pk=order_id)
    fills = list(found.fills.all())
    group = stories.group(found)
    context = {
        "order": found,
        "row": rows.row_of(found, {}),
        "account": found.account,
        "events": found.events.all(),
        "fills": fills,
        "legs": stories.legs(found, fills),
        "group": group,
        "group_can_cancel": sum(order.can_cancel for order in group) > 1,
        "group_title": rows.GROUP_WORDS.get(found.group_kind, "Sent as one"),
        "chain": stories.chain(found),
        "changes": stories.changes(found),
        "again": stories.again_address(found),
    }
    return render(request, whole_or_part(request, "order"), context)


def whole_or_part(request: HttpRequest, name: str) -> str:
    """With ``?fragment=1`` the part of a page that changes, for a page that is open already."""
    return f"trading/_{name}.html" if "fragment" in request.GET else f"trading/{name}.html"
