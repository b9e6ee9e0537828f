"""Pages: the ticket, its review, the orders and each one's story."""

import secrets
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from brokers.domain.instruments import Instrument, plain
from brokers.domain.market import Quote
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, Refused
from brokers.live.hub import hub
from brokers.models import Account
from trading import lifecycle, listing, orders, previews
from trading.forms import PREFILLED, TicketForm, account_by_id
from trading.lifecycle import Status
from trading.models import Order

REVIEW_GOOD_FOR = timedelta(seconds=60)
LISTED_EVERY = 30
TABS = (("working", "Working"), ("today", "Today"), ("history", "History"))
PAGE = 50


@login_required
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest) -> HttpResponse:
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    if request.method == "POST" and "choose" in request.POST:
        typed = {name: request.POST[name] for name in PREFILLED if request.POST.get(name)}
        return redirect(f"{reverse('trading:option_chain')}?{urlencode(typed)}")
    if request.method == "POST":
        form = TicketForm(request.POST, accounts=accounts)
        return _review(request, form, new_key()) if form.is_valid() else _ticket_page(request, form)
    given = {name: request.GET[name] for name in PREFILLED if request.GET.get(name)}
    chosen = account_by_id(accounts, given.get("account"))
    if chosen is None and given.get("account"):
        raise Http404
    initial = given | ({"account": str(chosen.pk)} if chosen else {})
    return _ticket_page(request, TicketForm(initial=initial, accounts=accounts))


def new_key() -> str:
    """The idempotency key of one review: whatever is sent from it, is sent once."""
    return f"web-{secrets.token_urlsafe(18)}"


def _ticket_page(request: HttpRequest, form: TicketForm, problem: BrokerError | None = None) -> HttpResponse:
    account, instrument = form.chosen_account, form.instrument
    context = {
        "form": form,
        "account": account,
        "instrument": instrument,
        "quote": _latest(account, instrument),
        "problem": problem,
        "notices": problem.notices if isinstance(problem, Refused) else (),
    }
    status = 422 if (form.is_bound and form.errors) or problem else 200
    return render(request, "trading/ticket.html", context, status=status)


def _latest(account: Account | None, instrument: Instrument | None) -> Quote | None:
    if account is None or instrument is None:
        return None
    return hub.latest(account.connection_id, [instrument]).get(instrument)


def _review(request: HttpRequest, form: TicketForm, key: str, notice: str = "") -> HttpResponse:
    """The broker's dry run and the sentence to confirm; refusals go back to the ticket."""
    try:
        result = orders.preview(form.cleaned_data["chosen"], form.cleaned_data["ticket"])
    except InvalidTicket as error:
        form.refuse(error)
        return _ticket_page(request, form)
    except BrokerError as error:
        return _ticket_page(request, form, error)
    return render(
        request,
        "trading/review.html",
        {
            "account": result.account,
            "result": result,
            "leg": result.ticket.legs[0],
            "token": previews.sign(result, int(request.user.pk or 0), key),
            "fields": [(field.name, field.value() or "") for field in form],
            "notice": notice,
            "environment": result.account.connection.environment,
        },
    )


@login_required
@require_POST
def place(request: HttpRequest) -> HttpResponse:
    """Send what was reviewed, then go to its page: a second click or a reload meets the same order."""
    try:
        shown = previews.read(request.POST.get("preview", ""), int(request.user.pk or 0))
        if not shown.idempotency_key:
            raise previews.NoPreview("This preview was made for a program. Look at the order here first.")
    except previews.NoPreview as error:
        messages.warning(request, str(error))
        return redirect("trading:ticket")
    account = get_object_or_404(Account.objects.of(request.user), pk=shown.account_id)
    already = Order.objects.of(request.user).filter(account=account, idempotency_key=shown.idempotency_key).first()
    if already is not None:
        return redirect("trading:order", already.pk)
    form = TicketForm(_as_typed(shown), accounts=[account])
    if not form.is_valid():
        return _ticket_page(request, form)
    if timezone.now() - shown.at > REVIEW_GOOD_FOR:
        words = "You looked at this for more than a minute and prices have moved. Nothing was sent: look again."
        return _review(request, form, shown.idempotency_key, words)
    return _send(request, form, shown)


def _send(request: HttpRequest, form: TicketForm, shown: previews.Shown) -> HttpResponse:
    try:
        order, _ = orders.place(
            account=form.cleaned_data["chosen"],
            ticket=shown.ticket,
            idempotency_key=shown.idempotency_key,
            source=Order.Source.WEB,
            foreseen=shown.foreseen,
        )
    except InvalidTicket as error:
        form.refuse(error)
        return _ticket_page(request, form)
    except BrokerError as error:
        return _ticket_page(request, form, error)
    return redirect("trading:order", order.pk)


def _as_typed(shown: previews.Shown) -> dict[str, str]:
    """A reviewed ticket as the form that made it."""
    ticket = shown.ticket
    leg = ticket.legs[0]
    return {
        "account": str(shown.account_id),
        "symbol": str(leg.instrument),
        "action": leg.action.value,
        "quantity": plain(leg.quantity),
        "order_type": ticket.order_type.value,
        "time_in_force": ticket.time_in_force.value,
        "limit_price": plain(abs(ticket.limit_price)) if ticket.limit_price is not None else "",
    }


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
        "orders": found[:PAGE],
        "more": found[PAGE - 1].pk if len(found) > PAGE else None,
        "account": account,
        "accounts": accounts,
        "problems": problems,
        "unknown_meaning": lifecycle.MEANINGS[Status.UNKNOWN],
    }
    return render(request, whole_or_part(request, "orders"), context)


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
    context = {
        "order": found,
        "account": found.account,
        "events": found.events.all(),
        "fills": found.fills.all(),
        "again": found.status in lifecycle.NEVER_THERE | {Status.BROKER_REJECTED} and not found.is_external,
    }
    return render(request, whole_or_part(request, "order"), context)


@login_required
@require_POST
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    found = get_object_or_404(Order.objects.of(request.user), pk=order_id)
    try:
        found = orders.cancel(found)
    except orders.NotCancellable as error:
        messages.warning(request, str(error))
    else:
        if found.status == Status.CANCEL_REQUESTED or found.cancel_pending:
            messages.info(request, "Cancel requested. The order may still fill until the broker confirms.")
    return redirect("trading:order", found.pk)


def whole_or_part(request: HttpRequest, name: str) -> str:
    """With ``?fragment=1`` the part of a page that changes, for a page that is open already."""
    return f"trading/_{name}.html" if "fragment" in request.GET else f"trading/{name}.html"
