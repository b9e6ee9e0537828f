"""Watchlist pages: a list with its quotes, what can be done with it by plain forms, and as CSV."""

import csv
import io
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from brokers.domain.instruments import Instrument, Other, describe
from brokers.domain.market import Quote
from brokers.errors import BrokerError
from brokers.models import Account, Connection
from market import quoting
from market.finder import symbol_url
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists import sync as watchlist_sync
from market.watchlists.lists import WatchlistProblem
from market.whose import account_of

SORTS = {"": "Own order", "symbol": "Symbol", "last": "Last", "change": "Change", "volume": "Volume"}
COLUMNS = ("bid", "ask", "last", "prev_close", "open", "high", "low", "volume")


@dataclass(frozen=True, slots=True)
class Row:
    """One symbol with its quote; ``change`` since the close before, per unit, ``share`` as a fraction of it."""

    symbol: str
    instrument: Instrument
    href: str
    quote: Quote | None
    change: Decimal | None
    share: Decimal | None


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


@login_required
@require_POST
def create(request: HttpRequest) -> HttpResponse:
    asked = request.POST.get("connection", "")
    connection = _connection(request, asked) if asked else None
    try:
        made = watchlists.create(request.user, request.POST.get("name", ""), connection=connection)
    except WatchlistProblem as error:
        messages.error(request, str(error))
        return redirect(_back(request, "market:watchlists"))
    return redirect(_back(request, "market:watchlist", made.pk))


@login_required
@require_POST
def act(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """What a button of the list's page does; ``do`` names it."""
    watchlist = get_object_or_404(Watchlist.objects.of(request.user), pk=list_id)
    done = ACTS.get(request.POST.get("do", ""))
    if done is None:
        raise Http404
    try:
        words = done(watchlist, request)
    except (WatchlistProblem, BrokerError) as error:
        words = None
        messages.error(request, str(error) or "That could not be done.")
    if words:
        messages.info(request, words)
    if not Watchlist.objects.filter(pk=watchlist.pk).exists():
        return redirect(_back(request, "market:watchlists"))
    return redirect(_back(request, "market:watchlist", watchlist.pk))


@login_required
@require_POST
def add_symbol(request: HttpRequest) -> HttpResponse:
    """From a symbol's page: onto a list of one's own, or onto a first one made for it."""
    symbol, account = request.POST.get("symbol", ""), account_of(request)
    asked = request.POST.get("list", "")
    try:
        if asked:
            watchlist = get_object_or_404(Watchlist.objects.of(request.user), pk=_uuid(asked))
        else:
            watchlist = watchlists.create(request.user, "My symbols")
        pasted = watchlists.paste(watchlist, symbol)
        messages.info(request, f"{watchlist.name}: {pasted.words}")
    except WatchlistProblem as error:
        messages.error(request, str(error))
    try:
        return redirect(symbol_url(watchlists.read_symbols([symbol])[0], account))
    except (WatchlistProblem, IndexError):
        return redirect("market:watchlists")


def rows_of(watchlist: Watchlist, account: Account | None, sort: str = "") -> list[Row]:
    """In the person's order, or sorted by a column; what is not known comes last."""
    instruments = watchlist.instruments
    asked = [one for one in instruments if not isinstance(one, Other)]
    quotes = quoting.quotes_of(account.connection, asked).found if account is not None and asked else {}
    rows = [_row(one, quotes, account) for one in instruments]
    if sort == "symbol":
        return sorted(rows, key=lambda row: row.symbol)
    if sort in ("last", "change", "volume"):
        figure = _figure(sort)
        return sorted(rows, key=lambda row: (figure(row) is None, -(figure(row) or 0)))
    return rows


def _figure(sort: str) -> Callable[[Row], Decimal | None]:
    if sort == "change":
        return lambda row: row.share
    return lambda row: getattr(row.quote, sort) if row.quote is not None else None


def _row(instrument: Instrument, quotes: Mapping[Instrument, Quote], account: Account | None) -> Row:
    quote = quotes.get(instrument)
    change, share = change_of(quote)
    symbol = str(instrument)
    return Row(symbol, instrument, symbol_url(symbol, account), quote, change, share)


def change_of(quote: Quote | None) -> tuple[Decimal | None, Decimal | None]:
    """Of the last price since the close before: per unit, and as a fraction."""
    if quote is None or quote.last is None or not quote.prev_close:
        return None, None
    change = quote.last - quote.prev_close
    return change, change / quote.prev_close


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


# --- what the buttons do ---


def _paste(watchlist: Watchlist, request: HttpRequest) -> str:
    return watchlists.paste(watchlist, request.POST.get("symbols", "")).words


def _remove(watchlist: Watchlist, request: HttpRequest) -> str:
    watchlists.remove(watchlist, request.POST.get("symbol", ""))
    return ""


def _move(by: int) -> Callable[[Watchlist, HttpRequest], str]:
    def moved(watchlist: Watchlist, request: HttpRequest) -> str:
        watchlists.move(watchlist, request.POST.get("symbol", ""), by)
        return ""

    return moved


def _rename(watchlist: Watchlist, request: HttpRequest) -> str:
    watchlists.rename(watchlist, request.POST.get("name", ""))
    return ""


def _copy(watchlist: Watchlist, request: HttpRequest) -> str:
    made = watchlists.create(request.user, request.POST.get("name", ""), watchlist.symbols)
    return f"{made.name} is a copy of {watchlist.name}: it is yours to change."


def _delete(watchlist: Watchlist, request: HttpRequest) -> str:
    if not request.POST.get("sure"):
        raise WatchlistProblem("sure", "Tick that you are sure: a removed list can't be brought back.")
    watchlists.delete(watchlist)
    return f"{watchlist.name} was removed."


def _sync(watchlist: Watchlist, request: HttpRequest) -> str:
    if watchlist.connection is None:
        return "This list is kept by the desk alone."
    problem = watchlist_sync.sync(watchlist.connection)
    return problem or f"In line with {watchlist.connection}."


def _read_note(watchlist: Watchlist, request: HttpRequest) -> str:
    Watchlist.objects.filter(pk=watchlist.pk).update(note="")
    return ""


ACTS: dict[str, Callable[[Watchlist, HttpRequest], str]] = {
    "paste": _paste,
    "remove": _remove,
    "up": _move(-1),
    "down": _move(1),
    "rename": _rename,
    "copy": _copy,
    "delete": _delete,
    "sync": _sync,
    "read_note": _read_note,
}


def _connection(request: HttpRequest, text: str) -> Connection:
    found: Connection = get_object_or_404(Connection.objects.of(request.user).present(), pk=_uuid(text))
    return found


def _back(request: HttpRequest, name: str, *args: object) -> str:
    """The page to return to, for the account and in the order that were chosen."""
    kept = {key: request.POST[key] for key in ("account", "sort") if request.POST.get(key)}
    query = "&".join(f"{key}={value}" for key, value in kept.items() if value.replace("-", "").isalnum())
    return reverse(name, args=args) + (f"?{query}" if query else "")


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
