"""The option chooser: an expiration, then a strike or a whole strategy for the ticket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Expiration, Quote, Strike
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError
from brokers.models import Account
from trading import listing
from trading.analytics.strategies import AnyOption
from trading.drafting import chains
from trading.drafting.estimates import quotes_of
from trading.pages.editing import PICKS
from trading.pages.forms import TicketForm, account_by_id, leg_names, typed_in
from trading.pages.views import whole_or_part

STRIKES_AROUND = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of the board; ``href`` is the ticket with it. ``quote`` only where no script will tell it live."""

    option: AnyOption
    href: str
    quote: Quote | None = None


@login_required
@require_GET
def option_chain(request: HttpRequest) -> HttpResponse:
    """Choose an expiry, then a strike: each strike is a link to the ticket with that option."""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    account = account_by_id(accounts, request.GET.get("account"))
    if account is None:
        raise Http404
    given = typed_in(request.GET)
    form = TicketForm(initial=given | {"account": str(account.pk)}, accounts=accounts)
    leg = _leg(request.GET.get("leg", ""), form)
    context: dict[str, Any] = {"account": account, "form": form, "given": given, "leg": leg, "picks": PICKS.items()}
    try:
        row = next((row for row in form.legs if row.number == leg and row.instrument), form.legs[0])
        underlying = chains.underlying_of(account, row.instrument)
        name = request.GET.get("expiry", "") or _name_of_leg(row.instrument)
        context |= {"underlying": underlying} | _around(account, underlying, name, "all" in request.GET)
        quotes = {} if "fragment" in request.GET else _quotes(account, context["strikes"])
        context["board"] = [
            (strike, *(_choice(option, given, leg, quotes) for option in (strike.call, strike.put)))
            for strike in context["strikes"]
        ]
    except InvalidTicket as error:
        context["problem"] = str(error)
    except BrokerError as error:
        context["problem"] = error.message
    return render(request, whole_or_part(request, "options"), context)


def _leg(text: str, form: TicketForm) -> int:
    """For which leg one is chosen; the first where none is named."""
    return int(text) if text in {str(row.number) for row in form.legs} else 1


def _name_of_leg(instrument: Any) -> str:
    return chains.name_for(instrument) if isinstance(instrument, AnyOption) else ""


def _quotes(account: Account, strikes: Sequence[Strike]) -> Mapping[Instrument, Quote]:
    """Of a board around the money; of hundreds of strikes nothing is asked for a page that may tell them live."""
    if len(strikes) > 2 * STRIKES_AROUND + 1:
        return {}
    return quotes_of(account, [option for strike in strikes for option in (strike.call, strike.put) if option])


def _choice(
    option: AnyOption | None, given: Mapping[str, str], leg: int, quotes: Mapping[Instrument, Quote]
) -> Choice | None:
    if option is None:
        return None
    query = {name: value for name, value in given.items() if name not in ("limit_price", "effect")}
    query[leg_names(leg)[0]] = str(option)
    return Choice(option, f"{reverse('trading:ticket')}?{urlencode(query)}", quotes.get(option))


def _around(account: Account, on: str, expiry: str, everything: bool) -> dict[str, Any]:
    """The chosen expiration and its strikes near the underlying's price."""
    listed, underlying = chains.expirations_on(account, on), parse_instrument(on)
    title = chains.by_name(listed, expiry) or listed[0]
    chosen = chains.expiration_on(account, on, chains.name_of(title)) or title
    quote = quotes_of(account, [underlying]).get(underlying)
    price = quote.fair_price if quote is not None else None
    shown, middle = _window(chosen, price, everything)
    today = timezone.now().astimezone(listing.NEW_YORK).date()
    return {
        "expirations": [(chains.name_of(e), e, _days(e.expiry, today)) for e in listed],
        "chosen": chosen,
        "chosen_name": chains.name_of(chosen),
        "strikes": shown,
        "at_the_money": middle,
        "price": price,
        "is_all": len(shown) == len(chosen.strikes),
    }


def _window(chosen: Expiration, price: Decimal | None, everything: bool) -> tuple[tuple[Strike, ...], Decimal | None]:
    """The strikes to show, and the one at the money."""
    strikes = chosen.strikes
    if not strikes:
        return (), None
    middle = len(strikes) // 2
    if price is not None:
        middle = min(range(len(strikes)), key=lambda index: abs(strikes[index].price - price))
    first = max(0, middle - STRIKES_AROUND)
    return strikes if everything else strikes[first : middle + STRIKES_AROUND + 1], strikes[middle].price


def _days(expiry: date, today: date) -> int:
    return (expiry - today).days
