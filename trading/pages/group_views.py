"""Pages of orders that hang together: from the ticket's second panel to review, sent as one."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from brokers.domain.orders import GroupKind, InvalidTicket, OrderGroup
from brokers.errors import BrokerError
from brokers.models import Account
from trading import orders, tickets
from trading.audit import turned_away
from trading.drafting import reviewed
from trading.drafting.estimates import estimate
from trading.drafting.previews import NoPreview, soft_codes
from trading.drafting.reviewed import Reviewed
from trading.models import Order
from trading.pages import group_forms, ticket_views
from trading.pages.forms import TicketForm, typed_as
from trading.pages.group_forms import GroupForm
from trading.pages.order_views import LOOK_AGAIN, TO_CONFIRM
from trading.pages.rows import GROUP_WORDS

GROUP = "group"
BUTTONS = frozenset({"choose", "edit"})


@login_required
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest) -> HttpResponse:
    """The ticket; with something attached its review is that of a group."""
    if request.method == "GET" or BUTTONS & request.POST.keys() or not group_forms.is_wanted(request.POST):
        return ticket_views.ticket(request)
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    form = TicketForm(request.POST, accounts=accounts)
    panel = GroupForm(request.POST, account=form.chosen_account)
    if not form.is_valid():
        return ticket_views.ticket_page(request, form)
    group = panel.group(form.cleaned_data["ticket"])
    if group is None:
        return ticket_views.ticket_page(request, form, panel=panel)
    account = form.cleaned_data["chosen"]
    back = typed_as(account.pk, form.cleaned_data["ticket"]) | panel.typed
    return review(request, account, group, back)


def review(
    request: HttpRequest,
    account: Account,
    group: OrderGroup,
    back: Mapping[str, str],
    notice: str = "",
) -> HttpResponse:
    """All orders of the group with what is found of them; what can't be goes back to the ticket (``back``)."""
    try:
        result = orders.preview_group(account, group)
    except (InvalidTicket, BrokerError) as error:
        return _refused(request, account, back, error)
    key = reviewed.new_key()
    ticket_views.remember(key, estimate(account, group.tickets[0].legs).market.mid)
    content = {
        "account": str(account.pk),
        "kind": group.kind.value,
        "trigger": tickets.to_json(group.trigger) if group.trigger else None,
        "orders": [tickets.to_json(one) for one in group.orders],
        "shown": result.document,
        "back": dict(back),
    }
    context = {
        "account": account,
        "environment": account.connection.environment,
        "result": result,
        "title": GROUP_WORDS[group.kind.value],
        "rows": list(zip(_roles(group), result.sentences, result.outcomes, strict=True)),
        "hard": [finding for finding in result.findings if finding.hard],
        "soft": [finding for finding in result.findings if not finding.hard],
        "token": reviewed.sign(GROUP, int(request.user.pk or 0), content, key),
        "fields": list(back.items()),
        "notice": notice,
    }
    return render(request, "trading/group_review.html", context)


def _roles(group: OrderGroup) -> list[str]:
    """What each order is in the group."""
    if group.trigger is None:
        return ["Either", *["or" for _ in group.orders[1:]]]
    first = "First"
    if group.kind is GroupKind.OTO:
        return [first, "When that has filled"]
    return [first, *("Then at a stop" if one.order_type.has_stop else "Then at a profit" for one in group.orders)]


def _refused(
    request: HttpRequest, account: Account, back: Mapping[str, str], error: InvalidTicket | BrokerError
) -> HttpResponse:
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    form = TicketForm(dict(back), accounts=accounts)
    panel = group_forms.shown(back, account)
    if isinstance(error, BrokerError):
        return ticket_views.ticket_page(request, form, error, panel=panel)
    return ticket_views.ticket_page(request, form, panel=panel, note=str(error))


@login_required
@require_POST
def place(request: HttpRequest) -> HttpResponse:
    """Send what was reviewed, then go to its first order: a second click meets the same orders."""
    try:
        shown = reviewed.read(GROUP, int(request.user.pk or 0), request.POST.get("preview", ""))
    except NoPreview as error:
        turned_away.say(request, "preview_invalid")
        messages.warning(request, str(error))
        return redirect("trading:ticket")
    account = get_object_or_404(Account.objects.of(request.user), pk=shown.content["account"])
    known = Order.objects.of(request.user).filter(account=account, idempotency_key=shown.key).first()
    if known is not None:
        return redirect("trading:order", known.pk)
    group = _group_of(shown.content)
    back = shown.content["back"]
    if shown.is_old:
        turned_away.say(request, turned_away.LOOK_AGAIN)
        return review(request, account, group, back, LOOK_AGAIN)
    if words := ticket_views.moved(shown.key, estimate(account, group.tickets[0].legs)):
        turned_away.say(request, turned_away.LOOK_AGAIN)
        return review(request, account, group, back, words)
    return _send(request, account, group, shown)


def _group_of(content: Mapping[str, Any]) -> OrderGroup:
    trigger = content["trigger"]
    return OrderGroup(
        GroupKind(content["kind"]),
        tuple(tickets.from_json(one) for one in content["orders"]),
        tickets.from_json(trigger) if trigger else None,
    )


def _send(request: HttpRequest, account: Account, group: OrderGroup, shown: Reviewed) -> HttpResponse:
    back = shown.content["back"]
    try:
        placed, _ = orders.place_group(
            account=account,
            group=group,
            idempotency_key=shown.key,
            source=Order.Source.WEB,
            foreseen=shown.content["shown"],
            confirmed=soft_codes(shown.content["shown"]) & set(request.POST.getlist("confirmed")),
        )
    except orders.Denied:
        return review(request, account, group, back, TO_CONFIRM)
    except (InvalidTicket, BrokerError) as error:
        turned_away.say(request, error.code if isinstance(error, BrokerError) else "invalid_ticket")
        return _refused(request, account, back, error)
    return redirect("trading:order", placed[0].pk)
