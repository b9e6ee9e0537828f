"""The search box of every page: symbols looked at last, what was typed if it is a symbol, what the broker finds.

``/find?q=`` is a page; asked for JSON it answers the box. A symbol typed whole is gone to at once.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from brokers import connections
from brokers.domain.instruments import Equity, describe, parse_instrument
from brokers.errors import BrokerError
from brokers.models import Account
from market.models import RecentSymbol
from market.whose import account_of

LONGEST_QUERY = 40
MOST_FOUND = 20
KEPT = 300


@dataclass(frozen=True, slots=True)
class Find:
    """One line of the box. ``kind`` says where it is from: "recent", "typed" or "broker"."""

    symbol: str
    words: str
    description: str
    kind: str
    href: str


@dataclass(frozen=True, slots=True)
class Found:
    """``problem``: why the broker was not heard, in words."""

    query: str
    lines: tuple[Find, ...]
    problem: str = ""


@login_required
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    account = account_of(request)
    found = look(request, account, text)
    if "application/json" in request.headers.get("Accept", ""):
        lines = [asdict(line) for line in found.lines]
        answer = JsonResponse({"query": text, "results": lines, "problem": found.problem})
        answer["Cache-Control"] = "no-store"
        return answer
    exact = next((line for line in found.lines if line.symbol == text.upper() and line.kind != "typed"), None)
    if exact is not None and "list" not in request.GET:
        return redirect(exact.href)
    return render(request, "market/_finder_page.html", {"found": found, "account": account})


def look(request: HttpRequest, account: Account | None, text: str) -> Found:
    """Recent ones that fit, then what was typed, then the broker's matches; each symbol once."""
    wanted = text.upper()
    recent = [
        line(one.symbol, one.description, "recent", account)
        for one in RecentSymbol.objects.of(request.user)
        if one.symbol.startswith(wanted) or wanted in one.description.upper()
    ]
    if not text:
        return Found(text, tuple(recent))
    problem = ""
    matches: list[Find] = []
    if account is not None and text.isascii() and text.isprintable():
        try:
            matches = [line(*match, "broker", account) for match in _asked(account, wanted)]
        except BrokerError as error:
            problem = error.message
    return Found(text, _each_once([*recent, *_exact_first(matches, wanted), *_typed(wanted, account)]), problem)


def line(symbol: str, description: str, kind: str, account: Account | None) -> Find:
    return Find(symbol, describe(parse_instrument(symbol)), description, kind, symbol_url(symbol, account))


def symbol_url(symbol: str, account: Account | None = None) -> str:
    """The page of a symbol, for the account that was chosen."""
    address = reverse("market:symbol", args=["SYMBOL"]).replace("SYMBOL", quote(symbol, safe=""))
    return address if account is None or account.is_default else f"{address}?account={account.pk}"


def _asked(account: Account, text: str) -> list[tuple[str, str]]:
    """Symbols and descriptions; the broker is asked once for the same beginning."""
    connection = account.connection
    key = f"find:{connection.broker}:{connection.environment}:{quote(text, safe='')}"
    known: list[tuple[str, str]] | None = cache.get(key)
    if known is None:
        found = connections.broker_for(connection).search(text)[:MOST_FOUND]
        known = [(str(match.instrument), match.description) for match in found]
        cache.set(key, known, KEPT)
    return known


def _exact_first(matches: list[Find], wanted: str) -> list[Find]:
    return sorted(matches, key=lambda match: match.symbol != wanted)


def _typed(wanted: str, account: Account | None) -> Iterable[Find]:
    """What brokers' searches do not know: futures, options, pairs, indexes, written out."""
    try:
        instrument = parse_instrument(wanted)
    except ValueError:
        return
    if not isinstance(instrument, Equity):
        yield line(str(instrument), "As written", "typed", account)


def _each_once(lines: Iterable[Find]) -> tuple[Find, ...]:
    found: dict[str, Find] = {}
    for one in lines:
        found.setdefault(one.symbol, one)
    return tuple(found.values())[:MOST_FOUND]
