"""Pages of cancelling: one order, or all of a person, an account or an underlying, and what became of each."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import CancelRun, Order, OrderQuerySet
from trading.pages.views import whole_or_part
from trading.protocol import runs

TABS = frozenset({"working", "today", "history"})


@login_required
@require_POST
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Ask for one order's cancel; back to the list when it was asked for there."""
    found = get_object_or_404(Order.objects.of(request.user), pk=order_id)
    try:
        found = orders.cancel(found)
    except orders.NotCancellable as error:
        messages.warning(request, str(error))
    else:
        if found.status == Status.CANCEL_REQUESTED or found.cancel_pending:
            messages.info(request, "Cancel requested. The order may still fill until the broker confirms.")
    return _back(request, found)


@login_required
@require_POST
def cancel_group(request: HttpRequest, group: UUID) -> HttpResponse:
    """Ask for the cancel of all that still work of a group; back to where it was asked for."""
    members = list(Order.objects.of(request.user).filter(group=group).order_by("group_index", "created_at"))
    if not members:
        raise Http404
    try:
        found = orders.cancel_group(members)
    except orders.NotCancellable as error:
        messages.warning(request, str(error))
    else:
        waiting = sum(order.status == Status.CANCEL_REQUESTED or order.cancel_pending for order in found)
        if waiting:
            words = f"Cancel requested of {waiting} order{'s' if waiting != 1 else ''}."
            messages.info(request, f"{words} They may still fill until the broker confirms.")
    return _back(request, members[0])


def _back(request: HttpRequest, found: Order) -> HttpResponse:
    tab = request.POST.get("tab")
    if tab in TABS:
        return redirect(f"{reverse('trading:orders')}?{urlencode({'tab': tab} | _account_of(request))}")
    return redirect("trading:order", found.pk)


def _account_of(request: HttpRequest) -> dict[str, str]:
    account = request.POST.get("account", "")
    return {"account": account} if account else {}


@login_required
@require_http_methods(["GET", "POST"])
def cancel_all(request: HttpRequest) -> HttpResponse:
    """Which orders it would be and how many; confirmed, it is done and its page shows what became of each."""
    given = request.POST if request.method == "POST" else request.GET
    account = _chosen(request, given.get("account", ""))
    underlying = given.get("underlying", "").strip().upper()[:64]
    if request.method == "POST" and "confirmed" in request.POST:
        run = orders.cancel_all(request.user, account=account, underlying=underlying or None)
        return redirect("trading:cancel_run", run.pk)
    wanted = list(_working(request, account, underlying))
    context = {
        "orders": wanted,
        "account": account,
        "underlying": underlying,
        "names": sorted({order.underlying for order in _working(request, account, "") if order.underlying}),
        "live": sum(order.account.connection.is_live for order in wanted),
    }
    return render(request, "trading/cancel_all.html", context)


def _chosen(request: HttpRequest, asked: str) -> Account | None:
    """The account that was named, None for all; 404 for one that is not the person's."""
    if not asked or asked == "all":
        return None
    try:
        number = UUID(asked)
    except ValueError:
        raise Http404 from None
    found: Account = get_object_or_404(Account.objects.of(request.user), pk=number)
    return found


def _working(request: HttpRequest, account: Account | None, underlying: str) -> OrderQuerySet:
    mine = Order.objects.of(request.user).working()
    mine = mine.filter(account=account) if account is not None else mine
    return mine.filter(underlying=underlying) if underlying else mine


@login_required
@require_GET
def cancel_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = get_object_or_404(CancelRun.objects.of(request.user), pk=run_id)
    outcome = runs.outcome(run)
    refused = {entry["order"]: entry["words"] for entry in run.refused}
    rows = {str(order.pk): order for order in Order.objects.of(request.user).filter(pk__in=refused)}
    context = {
        "run": run,
        "outcome": outcome,
        "refused": [(rows.get(entry["order"]), entry["description"], entry["words"]) for entry in run.refused],
        "account": run.account,
        "asked": len(run.asked),
    }
    return render(request, whole_or_part(request, "cancel_run"), context)
