"""Pages and answers that help to fill in a ticket: the option chooser, what a symbol is."""

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from brokers import connections
from brokers.domain.instruments import Equity, Option, describe, plain
from brokers.domain.market import Chain, Details, Expiration
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, Unavailable
from brokers.models import Account
from trading import listing, orders, tickets
from trading.forms import PREFILLED, TicketForm, account_by_id
from trading.views import whole_or_part

CHAIN_KEPT = 300
STRIKES_AROUND = 12


@login_required
@require_GET
def option_chain(request: HttpRequest) -> HttpResponse:
    """Choose an expiry, then a strike: each strike is a link to the ticket with that option."""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    account = account_by_id(accounts, request.GET.get("account"))
    if account is None:
        raise Http404
    given = {name: request.GET[name] for name in PREFILLED if request.GET.get(name)}
    form = TicketForm(initial=given | {"account": str(account.pk)}, accounts=accounts)
    context: dict[str, Any] = {"account": account, "form": form, "given": given, "underlying": form.underlying}
    try:
        chain = _chain(account, form.underlying)
        context |= _around(account, chain, request.GET.get("expiry", ""), "all" in request.GET)
    except InvalidTicket as error:
        context["problem"] = str(error)
    except BrokerError as error:
        context["problem"] = error.message
    return render(request, whole_or_part(request, "options"), context)


def _chain(account: Account, underlying: str) -> Chain:
    if not underlying:
        raise InvalidTicket("symbol", "Type the symbol of a share first, such as AAPL.")
    connection = account.connection
    key = f"chain:{connection.broker}:{connection.environment}:{underlying}"
    chain: Chain | None = cache.get(key)
    if chain is None:
        chain = connections.broker_for(connection).get_chain(Equity(underlying))
        cache.set(key, chain, CHAIN_KEPT)
    if not chain.expirations:
        raise InvalidTicket("symbol", f"There are no options on {underlying}.")
    return chain


def _around(account: Account, chain: Chain, expiry: str, everything: bool) -> dict[str, Any]:
    """The chosen expiration and its strikes near the underlying's price."""
    chosen = next((e for e in chain.expirations if _name(e) == expiry), chain.expirations[0])
    quote = connections.broker_for(account.connection).get_quotes([chain.underlying]).get(chain.underlying)
    price = quote.fair_price if quote is not None else None
    strikes = chosen.strikes
    middle = len(strikes) // 2
    if price is not None and strikes:
        middle = min(range(len(strikes)), key=lambda index: abs(strikes[index].price - price))
    first = max(0, middle - STRIKES_AROUND)
    shown = strikes if everything else strikes[first : middle + STRIKES_AROUND + 1]
    today = timezone.now().astimezone(listing.NEW_YORK).date()
    return {
        "expirations": [(_name(e), e, _days(e.expiry, today)) for e in chain.expirations],
        "chosen": chosen,
        "chosen_name": _name(chosen),
        "strikes": shown,
        "at_the_money": strikes[middle].price if strikes else None,
        "price": price,
        "is_all": len(shown) == len(strikes),
    }


def _name(expiration: Expiration) -> str:
    return f"{expiration.expiry.isoformat()}-{expiration.root}"


def _days(expiry: date, today: date) -> int:
    return (expiry - today).days


@login_required
@require_GET
def instrument(request: HttpRequest) -> HttpResponse:
    """What the ticket needs to know of a symbol: its name, its price steps, its newest quote."""
    account = account_by_id(list(Account.objects.of(request.user)), request.GET.get("account"))
    if account is None:
        raise Http404
    try:
        details = orders.details_of(account, tickets.instrument(request.GET.get("symbol", "")[:60]))
    except InvalidTicket as error:
        return JsonResponse({"problem": str(error)}, status=422)
    except Unavailable:
        return JsonResponse({"problem": "The broker can't be asked about it at the moment."}, status=503)
    except BrokerError as error:
        return JsonResponse({"problem": error.message}, status=503)
    return JsonResponse(_described(details))


def _described(details: Details) -> dict[str, Any]:
    found = details.instrument
    steps = details.increments.steps
    return {
        "symbol": str(found),
        "description": describe(found) if isinstance(found, Option) else details.description,
        "increments": [[plain(below) if below is not None else None, plain(step)] for below, step in steps],
        "multiplier": plain(details.multiplier),
        "has_options": details.has_options,
        "is_option": isinstance(found, Option),
    }
