"""Pages on which an order is made: the ticket, its figures, the review, and sending what was reviewed."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, Refused
from brokers.models import Account
from trading import orders
from trading.audit import turned_away
from trading.drafting import previews
from trading.drafting.estimates import Estimate, estimate
from trading.models import Order
from trading.pages import editing, group_forms
from trading.pages.figure_views import assumed, cautions, drawn, estimated, prefilled
from trading.pages.forms import TicketForm, account_by_id, typed_as, typed_in
from trading.pages.group_forms import GroupForm
from trading.risk import Finding
from trading.tickets import price_text

REVIEW_GOOD_FOR = timedelta(seconds=60)
SEEN_KEPT = 600
MOVED_SHARE, MOVED_LEAST = Decimal("0.01"), Decimal("0.05")
"""A market that moved further than this share of itself, and than this, since the review is shown once more."""


@login_required
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest) -> HttpResponse:
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    if request.method == "POST" and "choose" in request.POST:
        query = typed_in(request.POST) | {"leg": request.POST["choose"]}
        return redirect(f"{reverse('trading:option_chain')}?{urlencode(query)}")
    if request.method == "POST" and "edit" in request.POST:
        return _edited(request, accounts)
    if request.method == "POST":
        form = TicketForm(request.POST, accounts=accounts)
        return review(request, form, new_key()) if form.is_valid() else ticket_page(request, form)
    return ticket_page(request, TicketForm(initial=prefilled(request.GET, accounts), accounts=accounts))


def _edited(request: HttpRequest, accounts: list[Account]) -> HttpResponse:
    """The ticket after one of its buttons; what it can't do is said above it and changes nothing."""
    typed = prefilled(request.POST, accounts)
    account = account_by_id(accounts, typed.get("account"))
    note = ""
    try:
        if account is not None:
            picked = {name: request.POST[name] for name in editing.PICK_FIELDS if request.POST.get(name)}
            typed = editing.edit(account, typed, request.POST["edit"][:20], picked)
    except InvalidTicket as error:
        note = str(error)
    except BrokerError as error:
        note = error.message
    return ticket_page(request, TicketForm(initial=typed, accounts=accounts), note=note, looked_up=True)


def new_key() -> str:
    """The idempotency key of one review: whatever is sent from it, is sent once."""
    return f"web-{secrets.token_urlsafe(18)}"


def ticket_page(
    request: HttpRequest,
    form: TicketForm,
    problem: BrokerError | None = None,
    *,
    findings: Sequence[Finding] = (),
    note: str = "",
    looked_up: bool = False,
    panel: GroupForm | None = None,
) -> HttpResponse:
    """``looked_up``: with what the broker says of the legs; without, nothing is asked and the page is there at once."""
    account = form.chosen_account
    rows = form.legs
    found = estimated(account, form) if looked_up and account is not None else None
    known = {row.leg: row for row in found.legs} if found is not None else {}
    context = {
        "form": form,
        "account": account,
        "rows": [(row, known.get(row.leg) if row.leg is not None else None) for row in rows],
        "problem": problem,
        "notices": problem.notices if isinstance(problem, Refused) else (),
        "findings": findings,
        "note": note,
        "panel": panel or group_forms.shown(request.POST or request.GET, account),
        "assumed": assumed(form, found) if looked_up else (),
    } | drawn(found)
    context |= cautions(account, found) if account is not None else {}
    wrong = (form.is_bound and form.errors) or (panel is not None and panel.errors)
    status = 422 if wrong or problem or findings else 200
    name = "_ticket" if "fragment" in request.POST else "ticket"
    return render(request, f"trading/{name}.html", context, status=status)


# --- review and sending ---


def review(request: HttpRequest, form: TicketForm, key: str, notice: str = "") -> HttpResponse:
    """The broker's dry run and the sentence to confirm; refusals go back to the ticket."""
    try:
        result = orders.preview(form.cleaned_data["chosen"], form.cleaned_data["ticket"])
    except InvalidTicket as error:
        form.refuse(error)
        return ticket_page(request, form, looked_up=True)
    except BrokerError as error:
        return ticket_page(request, form, error)
    found = estimate(result.account, result.ticket.legs, result.ticket.limit_price)
    remember(key, found.market.mid)
    context = {
        "account": result.account,
        "result": result,
        "ticket": result.ticket,
        "hard": [finding for finding in result.findings if finding.hard],
        "soft": [finding for finding in result.findings if not finding.hard],
        "token": previews.sign(result, int(request.user.pk or 0), key),
        "fields": list(typed_as(result.account.pk, result.ticket).items()),
        "notice": notice,
        "environment": result.account.connection.environment,
    }
    return render(request, "trading/review.html", context | drawn(found))


def remember(key: str, mid: Decimal | None) -> None:
    """Where the market stood when this was shown."""
    cache.set(f"reviewed:{key}", mid, SEEN_KEPT)


def moved(key: str, found: Estimate) -> str:
    """In words, when the market has moved further than a set distance since the review; "" when not or not known."""
    then: Decimal | None = cache.get(f"reviewed:{key}")
    now = found.market.mid
    if then is None or now is None or abs(now - then) <= max(MOVED_LEAST, MOVED_SHARE * abs(then)):
        return ""
    return (
        f"The middle of the market moved from {price_text(then)} to {price_text(now)} since you looked. "
        "Nothing was sent: look again."
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
        turned_away.say(request, "preview_invalid")
        messages.warning(request, str(error))
        return redirect("trading:ticket")
    account = get_object_or_404(Account.objects.of(request.user), pk=shown.account_id)
    already = Order.objects.of(request.user).filter(account=account, idempotency_key=shown.idempotency_key).first()
    if already is not None:
        return redirect("trading:order", already.pk)
    form = TicketForm(typed_as(account.pk, shown.ticket), accounts=[account])
    if not form.is_valid():
        return ticket_page(request, form)
    if timezone.now() - shown.at > REVIEW_GOOD_FOR:
        words = "You looked at this for more than a minute and prices have moved. Nothing was sent: look again."
        turned_away.say(request, turned_away.LOOK_AGAIN)
        return review(request, form, shown.idempotency_key, words)
    if words := moved(shown.idempotency_key, estimate(account, shown.ticket.legs)):
        turned_away.say(request, turned_away.LOOK_AGAIN)
        return review(request, form, shown.idempotency_key, words)
    return _send(request, form, shown)


def _send(request: HttpRequest, form: TicketForm, shown: previews.Shown) -> HttpResponse:
    try:
        order, _ = orders.place(
            account=form.cleaned_data["chosen"],
            ticket=shown.ticket,
            idempotency_key=shown.idempotency_key,
            source=Order.Source.WEB,
            foreseen=shown.foreseen,
            confirmed=previews.soft_codes(shown.foreseen) & set(request.POST.getlist("confirmed")),
        )
    except orders.Denied as error:
        return _denied(request, form, error.findings)
    except InvalidTicket as error:
        turned_away.say(request, "invalid_ticket")
        form.refuse(error)
        return ticket_page(request, form, looked_up=True)
    except BrokerError as error:
        turned_away.say(request, error.code)
        return ticket_page(request, form, error)
    return redirect("trading:order", order.pk)


def _denied(request: HttpRequest, form: TicketForm, findings: Sequence[Finding]) -> HttpResponse:
    """What the desk's own checks refused goes back to the ticket; what can be confirmed is asked under a new key, for
    the refusal is written down under the old one."""
    if any(finding.hard for finding in findings):
        return ticket_page(request, form, findings=findings)
    words = "Something is to be confirmed since you looked. Nothing was sent: look again."
    return review(request, form, new_key(), words)
