"""The symbol page: its quote, chart and figures, what the person holds, has working and has filled of it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from brokers.domain.instruments import (
    Crypto,
    Equity,
    Future,
    FutureOption,
    Index,
    Instrument,
    Option,
    Other,
    parse_instrument,
)
from brokers.domain.market import Details, Metrics, Quote
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.registry import spec
from market import metrics, quoting
from market.finder import symbol_url
from market.models import RecentSymbol, Watchlist
from market.symbol import bars as symbol_bars
from market.symbol import marks as symbol_marks
from market.watchlists.rows import change_of
from market.whose import account_of
from trading.drafting.held import action_for
from trading.instruments import details_of

SOON = timedelta(days=14)
ONE = Decimal(1)
EXCHANGES: dict[type, str] = {Future: "CME", FutureOption: "CME", Crypto: "Cryptocurrency"}
"""Whose hours a class of instruments keeps, in the words of market statuses; shares and their options else."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the broker says of a symbol; ``problem`` is why it says less than it could."""

    details: Details | None
    metrics: Metrics | None
    quote: Quote | None
    problem: str


@login_required
@require_safe
def symbol_page(request: HttpRequest, symbol: str) -> HttpResponse:
    instrument = _instrument(symbol)
    account = account_of(request)
    if str(instrument) != symbol:
        return redirect(symbol_url(str(instrument), account))
    if account is None:
        return render(request, "market/symbol_unknown.html", {"symbol": str(instrument), "account": None})
    try:
        known = _known(account, instrument)
    except InvalidTicket as error:
        if (index := _index_of(account, instrument)) is not None:
            return redirect(symbol_url(str(index), account))
        context = {"symbol": symbol, "account": account, "words": str(error)}
        return render(request, "market/symbol_unknown.html", context, status=404)
    description = known.details.description if known.details is not None else ""
    RecentSymbol.remember(request.user, str(instrument), description, timezone.now())
    return render(request, "market/symbol.html", _context(request, account, instrument, known))


@login_required
@require_safe
def marks_part(request: HttpRequest, symbol: str) -> HttpResponse:
    """What stands under the chart and on it: holding, working orders, fills; the holding asked for anew."""
    instrument, account = _instrument(symbol), account_of(request)
    if account is None:
        raise Http404
    context = {"marks": symbol_marks.marks_of(account, instrument, ask=True), "account": account}
    return render(request, "market/_symbol_marks.html", context | {"instrument": instrument, "symbol": symbol})


def _context(request: HttpRequest, account: Account, instrument: Instrument, known: Known) -> dict[str, Any]:
    change, share = change_of(known.quote)
    details, figures = known.details, known.metrics
    today = timezone.localdate()
    marks = symbol_marks.marks_of(account, instrument, ask=False)
    held = {instrument: marks.position.quantity} if marks.position is not None else {}
    return {
        "account": account,
        "connection": account.connection,
        "instrument": instrument,
        "symbol": str(instrument),
        "details": details,
        "quote": known.quote,
        "change": change,
        "share": share,
        "metrics": figures,
        "estimates_metrics": figures is None and isinstance(instrument, Equity | Index) and not known.problem,
        "earnings_soon": figures is not None and _is_soon(figures.earnings_date, today),
        "dividend_soon": figures is not None and _is_soon(figures.ex_dividend_date, today),
        "problem": known.problem,
        "marks": marks,
        "marks_url": _address("market:marks", instrument, account),
        "lists": Watchlist.objects.of(request.user).filter(is_writable=True),
        "can_trade": _can_trade(account, instrument),
        "buy_action": action_for(instrument, True, held, ONE),
        "sell_action": action_for(instrument, False, held, ONE),
        "exchange": EXCHANGES.get(type(instrument), "Equity"),
        "chain_of": _chain_of(instrument, details),
        "intervals": symbol_bars.INTERVALS,
        "has_extended": symbol_bars.has_extended(instrument),
        "bars": symbol_bars.table(account, instrument, request.GET) if "table" in request.GET else None,
    }


def _address(name: str, instrument: Instrument, account: Account) -> str:
    """A symbol may hold slashes and blanks, which an address writes otherwise."""
    path = reverse(name, args=["SYMBOL"]).replace("SYMBOL", quote(str(instrument), safe=""))
    return f"{path}?account={account.pk}"


def _instrument(symbol: str) -> Instrument:
    try:
        return parse_instrument(symbol.strip().upper() if not symbol.startswith("~") else symbol)
    except ValueError:
        raise Http404 from None


def _known(account: Account, instrument: Instrument) -> Known:
    """``InvalidTicket`` when the broker knows no such symbol."""
    if isinstance(instrument, Other):
        return Known(None, None, None, "The desk neither prices nor trades this.")
    details, errors = None, []
    try:
        details = details_of(account, instrument)
    except BrokerError as error:
        errors.append(error)
    quotes = quoting.quotes_of(account.connection, [instrument])
    worked_out = _metrics(account, instrument)
    errors += [told.error for told in (quotes, worked_out) if told is not None and told.error is not None]
    figures = worked_out.found.get(instrument) if worked_out is not None else None
    return Known(details, figures, quotes.found.get(instrument), errors[0].message if errors else "")


def _index_of(account: Account, instrument: Instrument) -> Index | None:
    """The index of the same name, where the broker knows no such share: people type SPX for it."""
    index = Index(instrument.symbol) if isinstance(instrument, Equity) else None
    try:
        return index if index is not None and details_of(account, index) is not None else None
    except (InvalidTicket, BrokerError):
        return None


def _metrics(account: Account, instrument: Instrument) -> metrics.Told | None:
    """Of a share or an index, where the broker tells. Where it does not the desk's estimate takes many calls: the page
    asks for it once it is there."""
    if not isinstance(instrument, Equity | Index) or not spec(account.connection.broker).capabilities.has_metrics:
        return None
    return metrics.metrics_of(account, [instrument])


def _is_soon(day: date | None, today: date) -> bool:
    return day is not None and timedelta(0) <= day - today <= SOON


def _can_trade(account: Account, instrument: Instrument) -> bool:
    return account.can_trade and type(instrument) in spec(account.connection.broker).capabilities.classes


def _chain_of(instrument: Instrument, details: Details | None) -> str:
    """The symbol whose chain is looked at from here; "" where there is none."""
    if details is not None and details.underlying is not None and isinstance(instrument, Option | FutureOption):
        return str(details.underlying)
    if details is not None and (details.has_options or isinstance(instrument, Index)):
        return str(instrument)
    return ""
