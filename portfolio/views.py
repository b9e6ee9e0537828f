"""The pages: overview and positions. With ``X-Fragment`` (or ``?fragment=1``) only the part that changes."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from brokers.models import Account, Connection
from portfolio.books import Grouping, open_book, worlds
from portfolio.glance import keep, look, stamps_of
from portfolio.holdings import load_many
from portfolio.troubles import troubles


@dataclass(frozen=True, slots=True)
class Choice:
    """The accounts a page is about; ``account`` is None when it is about all of them (or there are none)."""

    accounts: list[Account]
    account: Account | None


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    return _page(request, "overview")


@login_required
@require_safe
def positions(request: HttpRequest) -> HttpResponse:
    return _page(request, "positions")


@login_required
@require_safe
def glance(request: HttpRequest) -> HttpResponse:
    """The figures for the bar of every page, of the account in view."""
    choice, chosen = choose(request), request.GET.get("account", "")
    found = look(request.user.pk, chosen, choice.accounts)
    return render(request, "portfolio/_glance.html", {"glance": found, "chosen": chosen})


def _page(request: HttpRequest, name: str) -> HttpResponse:
    now = timezone.now()
    choice = choose(request)
    stamps = stamps_of(choice.accounts)
    loaded = load_many(choice.accounts, now)
    grouping = _grouping(request)
    books = [open_book(holdings, now, grouping) for holdings in loaded]
    keep(request.user.pk, str(choice.account.pk) if choice.account else "all", stamps, books, now)
    connections = list(Connection.objects.of(request.user).present())
    context: dict[str, Any] = {
        "account": choice.account,
        "books": books,
        "worlds": worlds(books),
        "troubles": troubles(loaded, connections if choice.account is None else []),
        "has_connections": bool(connections),
        "grouping": grouping.value,
        "groupings": [(each.value, f"By {each.value}") for each in Grouping],
    }
    environments = {book.account.connection.environment for book in books}
    if environments:
        context["environment"] = "mixed" if len(environments) > 1 else environments.pop()
    fragment = request.GET.get("fragment") or request.headers.get("X-Fragment")
    return render(request, f"portfolio/{'_' if fragment else ''}{name}.html", context)


def _grouping(request: HttpRequest) -> Grouping:
    """As the address says, which is remembered; else as last chosen."""
    asked, kept = request.GET.get("group", ""), request.session.get("grouping", "")
    known = [each.value for each in Grouping]
    if asked in known and asked != kept:
        request.session["grouping"] = asked
    chosen = asked if asked in known else kept
    return Grouping(chosen) if chosen in known else Grouping.UNDERLYING


def choose(request: HttpRequest) -> Choice:
    """``?account=``: one of the person's own by its id, or ``all``; without it their default account."""
    asked = request.GET.get("account", "")
    own = Account.objects.of(request.user)
    if asked == "all":
        return Choice(_each_once(own.filter(is_closed=False)), None)
    if asked:
        account = get_object_or_404(own, pk=_uuid(asked))
    else:
        account = own.filter(is_closed=False).order_by("-is_default", "connection__connected_at", "number").first()
    return Choice([account], account) if account else Choice([], None)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None


def _each_once(accounts: Iterable[Account]) -> list[Account]:
    """An account that two connections lead to is counted once, through the one that works."""
    found: dict[tuple[str, str, str], Account] = {}
    for account in accounts:
        connection = account.connection
        key = (connection.broker, connection.environment, account.number)
        if key not in found or (connection.is_connected and not found[key].connection.is_connected):
            found[key] = account
    return list(found.values())
