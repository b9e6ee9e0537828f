"""Watchlist pages: a list with its quotes, and as CSV."""

import csv
import io
import uuid
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from brokers.domain.instruments import describe
from brokers.models import Account, Connection
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists import sync as watchlist_sync
from market.watchlists.rows import SORTS, rows_of
from market.whose import account_of

COLUMNS = ("bid", "ask", "last", "prev_close", "open", "high", "low", "volume")


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The person's first list; without one, how to begin."""
    troubles = _look(request)
    first = Watchlist.objects.of(request.user).first()
    if first is not None:
        return _page(request, first, troubles)
    return render(request, "market/watchlists.html", _context(request, None, account_of(request), troubles))


@login_required
@require_safe
def one(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    watchlist = get_object_or_404(Watchlist.objects.of(request.user), pk=list_id)
    troubles = _look(request)
    fresh = Watchlist.objects.of(request.user).filter(pk=list_id).first()
    if fresh is None:
        messages.warning(request, f"{watchlist.name} is no longer at {watchlist.connection}, so it was removed here.")
        return redirect("market:watchlists")
    return _page(request, fresh, troubles)


@login_required
@require_safe
def export(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """The list as it is shown: machine-readable figures, with their time."""
    watchlist = get_object_or_404(Watchlist.objects.of(request.user), pk=list_id)
    account = account_of(request)
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["symbol", "description", *COLUMNS, "as_of", "source"])
    for row in rows_of(watchlist, account, request.GET.get("sort", "")):
        quote = row.quote
        figures = ["" if quote is None else _plain(getattr(quote, name)) for name in COLUMNS]
        told = ["" if quote is None else quote.as_of.isoformat(), str(account.connection) if account else ""]
        out.writerow([row.symbol, describe(row.instrument), *figures, *told])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="watchlist-{watchlist.pk}.csv"'
    return answer


def _page(request: HttpRequest, watchlist: Watchlist, troubles: list[str]) -> HttpResponse:
    account = account_of(request)
    sort = request.GET.get("sort", "") if request.GET.get("sort", "") in SORTS else ""
    context = _context(request, watchlist, account, troubles)
    context |= {"rows": rows_of(watchlist, account, sort), "sort": sort, "sorts": SORTS.items()}
    return render(request, "market/watchlists.html", context)


def _context(
    request: HttpRequest, watchlist: Watchlist | None, account: Account | None, troubles: list[str]
) -> dict[str, Any]:
    return {
        "lists": Watchlist.objects.of(request.user),
        "watchlist": watchlist,
        "account": account,
        "connection": account.connection if account is not None and account.connection.is_connected else None,
        "keepers": _keepers(request),
        "troubles": troubles,
        "now": timezone.now(),
    }


def _keepers(request: HttpRequest) -> list[Connection]:
    present = Connection.objects.of(request.user).present()
    return [one for one in present if one.is_connected and watchlists.keeps_lists(one)]


def _look(request: HttpRequest) -> list[str]:
    """Bring the lists in line with their brokers; why one could not be asked, in words."""
    told = ((one, watchlist_sync.sync_soon(one)) for one in _keepers(request))
    return [f"{one}: {words} Its lists are shown as they were last seen." for one, words in told if words]


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"
