"""Pages of what is done about orders that are there: put on new terms, decided when in doubt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from brokers.domain.orders import InvalidTicket, OrderTicket
from brokers.errors import BrokerError
from trading import lifecycle, orders, tickets
from trading.audit import turned_away
from trading.drafting import reviewed
from trading.drafting.previews import NoPreview, soft_codes
from trading.drafting.reviewed import Reviewed
from trading.lifecycle import Asked
from trading.models import Order, Replacement
from trading.pages import changing
from trading.pages.changing import ChangeForm
from trading.protocol import replaces
from trading.protocol.sending import as_json
from trading.risk import Finding

CHANGE = "change"
LOOK_AGAIN = "You looked at this for more than a minute and prices have moved. Nothing was sent: look again."
TO_CONFIRM = "Something is to be confirmed since you looked. Nothing was sent: look again."


# --- new terms ---


@login_required
@require_http_methods(["GET", "POST"])
def replacement(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The form with an order's terms, then what changes, then sent."""
    order = get_object_or_404(Order.objects.of(request.user), pk=order_id)
    if "preview" in request.POST:
        return _send(request, order)
    try:
        before = changing.current_ticket(order)
    except InvalidTicket as error:
        messages.warning(request, str(error))
        return redirect("trading:order", order.pk)
    if words := replaces.why_not_now(order):
        return _not_now(request, order, words)
    if request.method == "GET":
        return _form_page(request, ChangeForm(order=order, before=before))
    if "step" in request.POST:
        field, _, direction = request.POST["step"].partition(":")
        typed = changing.stepped(order, request.POST.dict(), field, 1 if direction == "up" else -1)
        return _form_page(request, _unjudged(order, before, typed))
    form = ChangeForm(request.POST, order=order, before=before)
    return _review(request, form, reviewed.new_key()) if form.is_valid() else _form_page(request, form)


def _not_now(request: HttpRequest, order: Order, words: str) -> HttpResponse:
    if "fragment" in request.GET:
        return render(request, "trading/_change.html", {"order": order, "not_now": words})
    messages.warning(request, words)
    return redirect("trading:order", order.pk)


def _unjudged(order: Order, before: OrderTicket, typed: dict[str, str]) -> ChangeForm:
    """A form that only shows what is typed."""
    form = ChangeForm(order=order, before=before)
    form.initial = {**form.initial, **{name: value for name, value in typed.items() if name in form.fields}}
    return form


def _form_page(
    request: HttpRequest, form: ChangeForm, *, findings: Sequence[Finding] = (), problem: BrokerError | None = None
) -> HttpResponse:
    context = {
        "order": form.order,
        "account": form.order.account,
        "form": form,
        "findings": findings,
        "problem": problem,
    }
    part = "fragment" in request.GET or "fragment" in request.POST
    status = 422 if (form.is_bound and form.errors) or findings or problem else 200
    return render(request, f"trading/{'_change' if part else 'change'}.html", context, status=status)


def _review(request: HttpRequest, form: ChangeForm, key: str, notice: str = "") -> HttpResponse:
    """What changes, and what the desk's checks say of it; refusals go back to the form."""
    order, ticket = form.order, form.cleaned_data["ticket"]
    try:
        replaces.check(order, ticket)
        findings = replaces.foresee(order, ticket)
    except orders.NotReplaceable as error:
        form.refuse(error.field, str(error))
        return _form_page(request, form)
    except InvalidTicket as error:
        form.refuse(error.field, str(error))
        return _form_page(request, form)
    except BrokerError as error:
        return _form_page(request, form, problem=error)
    account = order.account
    context = {
        "order": order,
        "account": account,
        "environment": account.connection.environment,
        "sentence": tickets.sentence(ticket, account.connection.environment, account.number),
        "differences": changing.differences(form.before, ticket),
        "hard": [finding for finding in findings if finding.hard],
        "soft": [finding for finding in findings if not finding.hard],
        "token": reviewed.sign(CHANGE, _user_id(request), _content(order, form.before, ticket, findings), key),
        "fields": [(name, form[name].value()) for name in form.fields],
        "notice": notice,
    }
    return render(request, "trading/change_review.html", context)


def _content(order: Order, before: OrderTicket, ticket: OrderTicket, findings: Sequence[Finding]) -> dict[str, Any]:
    """What is signed: the change, and what was shown to be confirmed of it."""
    told = [as_json(finding) for finding in findings]
    terms = {"before": tickets.fingerprint(before), "ticket": tickets.to_json(ticket)}
    return {"order": str(order.pk), "findings": told, **terms}


def _user_id(request: HttpRequest) -> int:
    return int(request.user.pk or 0)


def _send(request: HttpRequest, order: Order) -> HttpResponse:
    """Send what was reviewed, then go to the order that stands: a second click meets the same replacement."""
    try:
        shown = reviewed.read(CHANGE, _user_id(request), request.POST["preview"])
        if shown.content["order"] != str(order.pk):
            raise NoPreview("This review is of another order. Look at it again before you send it.")
    except NoPreview as error:
        turned_away.say(request, "preview_invalid")
        messages.warning(request, str(error))
        return redirect("trading:order", order.pk)
    known = Replacement.objects.filter(account=order.account, idempotency_key=shown.key).first()
    if known is not None:
        return redirect("trading:order", known.successor_id or known.order_id)
    ticket = tickets.from_json(shown.content["ticket"])
    form = _as_form(order, ticket)
    if form is None or not form.is_valid() or tickets.fingerprint(form.before) != shown.content["before"]:
        turned_away.say(request, turned_away.LOOK_AGAIN)
        messages.warning(request, "The order has changed since you looked. Nothing was sent: look again.")
        return redirect("trading:order", order.pk)
    if shown.is_old:
        turned_away.say(request, turned_away.LOOK_AGAIN)
        return _review(request, form, reviewed.new_key(), LOOK_AGAIN)
    return _replace(request, form, ticket, shown)


def _as_form(order: Order, ticket: OrderTicket) -> ChangeForm | None:
    """The form that says what was reviewed; None where the order can't be put into words any more."""
    try:
        before = changing.current_ticket(order)
    except InvalidTicket:
        return None
    typed = ChangeForm(order=order, before=ticket).initial
    return ChangeForm(typed, order=order, before=before)


def _replace(request: HttpRequest, form: ChangeForm, ticket: OrderTicket, shown: Reviewed) -> HttpResponse:
    order = form.order
    try:
        stands = orders.replace(
            order,
            ticket,
            idempotency_key=shown.key,
            source=Order.Source.WEB,
            confirmed=soft_codes(shown.content) & set(request.POST.getlist("confirmed")),
        )
    except orders.Denied as error:
        if any(finding.hard for finding in error.findings):
            return _form_page(request, form, findings=error.findings)
        return _review(request, form, reviewed.new_key(), TO_CONFIRM)
    except orders.NotReplaceable as error:
        turned_away.say(request, "not_replaceable")
        form.refuse(error.field, f"{error} Nothing was sent.")
        return _form_page(request, form)
    except InvalidTicket as error:
        turned_away.say(request, "invalid_ticket")
        form.refuse(error.field, str(error))
        return _form_page(request, form)
    except BrokerError as error:
        turned_away.say(request, error.code)
        return _form_page(request, form, problem=error)
    _tell(request, Replacement.objects.get(account=order.account, idempotency_key=shown.key))
    return redirect("trading:order", stands.pk)


def _tell(request: HttpRequest, asked: Replacement) -> None:
    status = Asked(asked.status)
    if status is Asked.DONE:
        messages.success(request, "Replaced: the order works on the new terms.")
    elif status in lifecycle.ASKED_OPEN:
        words = "Replacement asked for. Until the broker confirms, the order may still fill on its old terms."
        messages.info(request, words)
    else:
        messages.warning(request, asked.last_error or lifecycle.ASKED_MEANINGS[status])


# --- in doubt ---


@login_required
@require_http_methods(["GET", "POST"])
def decision(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """An order that nobody can tell what became of, beside the broker's orders that it may be."""
    order = get_object_or_404(Order.objects.of(request.user), pk=order_id)
    if not order.needs_eyes:
        messages.info(request, f"There is nothing to decide: this order is {order.label.lower()}.")
        return redirect("trading:order", order.pk)
    words = ""
    if request.method == "POST":
        chosen = request.POST.get("broker_order_id")
        if chosen is None:
            words = "Choose one of them, or that none of them is this order."
        else:
            try:
                orders.decide(order, broker_order_id=chosen or None, user=request.user)
            except orders.NotDecidable as error:
                words = str(error)
            except BrokerError as error:
                words = f"{error.message} Nothing was decided: try again in a moment."
            else:
                return redirect("trading:order", order.pk)
    context = {
        "order": order,
        "account": order.account,
        "words": words,
        "candidates": [_beside(order, candidate) for candidate in order.candidates],
    }
    return render(request, "trading/decision.html", context, status=422 if words else 200)


def _beside(order: Order, candidate: dict[str, Any]) -> dict[str, Any]:
    """One of the broker's orders as it is shown beside ours: what we know of it now, else what was kept."""
    number = candidate["broker_order_id"]
    row = Order.objects.of(order.user).filter(account=order.account, broker_order_id=number).first()
    placed = datetime.fromisoformat(candidate["placed_at"])
    return candidate | {"order": row, "placed": placed, "apart": _apart(order, placed)}


def _apart(order: Order, placed: datetime) -> str:
    """«0.4 s after», by the broker's clock against ours."""
    if order.sent_at is None:
        return "—"
    seconds = (placed - order.sent_at).total_seconds()
    return f"{abs(seconds):.1f} s {'after' if seconds >= 0 else 'before'}"
