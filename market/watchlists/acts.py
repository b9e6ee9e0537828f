"""What can be done with watchlists by plain forms: made, filled, put in order, renamed, copied, removed."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from brokers.errors import BrokerError
from brokers.models import Connection
from market.finder import symbol_url
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists import sync as watchlist_sync
from market.watchlists.lists import WatchlistProblem
from market.whose import account_of


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


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
