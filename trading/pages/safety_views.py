"""Pages: the kill switch, arming again, limits. Halting takes the least rights, arming a fresh sign-in."""

import uuid

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from brokers.models import Account
from trading import orders
from trading.models import CancelRun
from trading.pages.safety_forms import HaltForm, LimitsForm, RearmForm
from trading.safety import halts, limits
from trading.safety.halts import Halt, Scope, TradingState


class PersonsRequest(HttpRequest):
    """A request that came through ``login_required``."""

    user: User


@login_required
@require_http_methods(["GET", "POST"])
def halt(request: PersonsRequest) -> HttpResponse:
    """GET asks and shows what is in force; POST halts."""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    form = HaltForm(request.POST if request.method == "POST" else None, accounts=accounts)
    if form.is_valid():
        pressed = _press(request, form)
        messages.warning(request, f"{pressed}. {_on_their_way(pressed)}")
        if form.cleaned_data["cancel_orders"]:
            run = orders.cancel_all(request.user, account=form.cleaned_data["chosen"])
            messages.info(request, cancelled_words(run))
        return redirect("trading:halt")
    shown = halts.seen_by(request.user)
    rows = [(one, halts.may_rearm(one, request.user)) for one in shown]
    context = {"form": form, "rows": rows}
    return render(request, "trading/halt.html", context, status=422 if form.errors else 200)


def _press(request: PersonsRequest, form: HaltForm) -> Halt:
    data = form.cleaned_data
    account = data["chosen"]
    scope = Scope.of_account(account) if account is not None else Scope.of_user(request.user.pk)
    return halts.press(scope, TradingState(data["state"]), user=request.user, reason=data["reason"])


def _on_their_way(pressed: Halt) -> str:
    count = len(pressed.on_their_way)
    if not count:
        return "No order was on its way."
    return f"{count} {'order was' if count == 1 else 'orders were'} on the way already: see below."


def cancelled_words(run: CancelRun) -> str:
    """«Cancels: 3 asked for, 1 could not be asked for.»"""
    words = f"Cancels: {len(run.asked)} asked for, {len(run.refused)} could not be asked for."
    return " ".join([words, *map(str, run.problems)])


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "POST"])
def rearm(request: PersonsRequest, halt_id: uuid.UUID) -> HttpResponse:
    """Take one halt back: with the password typed within the last five minutes, and a reason."""
    found = get_object_or_404(Halt.objects.filter(rearmed_at=None), pk=halt_id)
    if found.pk not in {one.pk for one in halts.seen_by(request.user)} and not request.user.is_staff:
        raise Http404
    form = RearmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            halts.rearm(found, reason=form.cleaned_data["reason"], user=request.user)
        except (halts.NotAllowed, halts.NotRearmable) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Armed again: {found.scope_words}.")
            return redirect("trading:halt")
    return render(request, "trading/rearm.html", {"form": form, "halt": found}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def limits_page(request: PersonsRequest) -> HttpResponse:
    """A person's own limits, or one account's; only ever tighter than what is above."""
    account = _account(request)
    owner = request.user if account is None else None
    row, above = limits.row_of(user=owner, account=account), limits.ceiling_for(request.user, account)
    form = LimitsForm(request.POST if request.method == "POST" else None, row=row, above=above)
    if form.is_valid():
        try:
            limits.change(form.values, by=request.user, user=owner, account=account, reason="")
        except limits.BadLimit as error:
            form.add_error(error.name if error.name in form.fields else None, str(error))
        else:
            messages.success(request, "Kept. They hold from the next order on.")
            return redirect(request.get_full_path())
    context = {"form": form, "account": account}
    return render(request, "trading/limits.html", context, status=422 if form.errors else 200)


def _account(request: PersonsRequest) -> Account | None:
    asked = request.GET.get("account")
    if not asked:
        return None
    mine = {str(account.pk): account for account in Account.objects.of(request.user)}
    if asked not in mine:
        raise Http404
    account: Account = mine[asked]
    return account
