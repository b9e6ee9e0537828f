"""The panel of figures beside a ticket: profit, loss, chances, Greeks, the curve as a drawing and as a table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from brokers.domain.orders import InvalidTicket, Leg
from brokers.errors import BrokerError
from brokers.models import Account
from trading import orders
from trading.drafting import chart
from trading.drafting.estimates import Estimate, estimate
from trading.pages.forms import TicketForm, account_by_id, typed_in
from trading.safety import ahead, stopped
from trading.tickets import price_text

TABLE_ROWS = 13
CENT = Decimal("0.01")


@login_required
@require_GET
def figures(request: HttpRequest) -> HttpResponse:
    """The figures of what is typed, for the panel beside the ticket; with ``ask`` the broker's dry run too."""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    form = TicketForm(initial=prefilled(request.GET, accounts), accounts=accounts)
    account = form.chosen_account
    if account is None:
        raise Http404
    found = estimated(account, form)
    context: dict[str, Any] = {"account": account} | drawn(found) | cautions(account, found)
    context["assumed"] = assumed(form, found)
    if "ask" in request.GET:
        context |= _asked(request.GET, accounts)
    return render(request, "trading/_figures.html", context)


def prefilled(given: Mapping[str, Any], accounts: list[Account]) -> dict[str, str]:
    """The ticket that an address or a form gives, in the account it names or the usual one; 404 for a foreign one."""
    typed = typed_in(given)
    chosen = account_by_id(accounts, typed.get("account"))
    if chosen is None and typed.get("account"):
        raise Http404
    return typed | ({"account": str(chosen.pk)} if chosen else {})


def estimated(account: Account, form: TicketForm) -> Estimate | None:
    """None while a leg is missing or two are the same."""
    legs = [row.leg for row in form.legs]
    whole: list[Leg] = [leg for leg in legs if leg is not None]
    if len(whole) < len(legs) or len({leg.instrument for leg in whole}) < len(whole):
        return None
    return estimate(account, whole, form.estimated_limit)


def drawn(found: Estimate | None) -> dict[str, Any]:
    """What the template shows of an estimate: figures as decimals, the curve drawn and as rows."""
    figures = found.figures if found is not None else None
    if found is None or figures is None:
        return {"estimate": found, "nets": nets(found)}
    marks = [(float(price), "break-even") for price in figures.break_evens or ()]
    if found.underlying_price is not None:
        marks.append((float(found.underlying_price), "now"))
    step = max(1, len(figures.curve) // TABLE_ROWS)
    rows = [tuple(_decimal(value, CENT) for value in (p.price, p.at_expiry, p.today)) for p in figures.curve]
    return {
        "estimate": found,
        "nets": nets(found),
        "shown": _shown(found),
        "net_words": _net_words(found),
        "chart": chart.draw(figures.curve, marks),
        "chart_ends": (rows[0][0], rows[-1][0]) if rows else None,
        "curve_table": rows[step // 2 :: step],
    }


def nets(found: Estimate | None) -> dict[str, str]:
    """The market of the whole order in words, «1.25 cr», until a script tells it live."""
    if found is None or len(found.legs) < 2:
        return {}
    market = found.market
    sides = {"natural": market.natural, "mid": market.mid, "far": market.far}
    return {name: _with_side(price) for name, price in sides.items() if price is not None}


def _with_side(price: Decimal) -> str:
    return f"{price_text(price)}{' cr' if price > 0 else ' db' if price < 0 else ''}"


def assumed(form: TicketForm, found: Estimate | None) -> list[str]:
    """What is not as an order must have it: figures there are all the same, or this is why there are none."""
    words = []
    for row in form.legs:
        typed, where = str(row.quantity.value() or "").strip(), f" of leg {row.number}" if form.is_spread else ""
        if not typed and row.instrument is not None:
            words.append(f"No quantity{where} is typed yet: these figures are for one.")
        elif typed and row.instrument is not None and row.leg is None:
            words.append(f"“{typed[:20]}” is no quantity{where}.")
    price = form.estimated_limit
    details = found.legs[0].details if found is not None and len(found.legs) == 1 else None
    if price is not None and details is not None and not details.increments.fits(price):
        step = details.increments.at(price) or CENT
        below = abs(price) // step * step
        words.append(
            f"{price_text(price)} is between two prices: they go in steps of {price_text(step)}, "
            f"so {price_text(below)} or {price_text(below + step)}."
        )
    return words


def cautions(account: Account, found: Estimate | None) -> dict[str, Any]:
    """What to know of the legs before a review, which tells it again."""
    if found is None:
        return {}
    quotes = {row.leg.instrument: row.quote for row in found.legs if row.quote is not None}
    in_the_way = stopped.notices(account, [row.leg.instrument for row in found.legs])
    return {"cautions": (*in_the_way, *ahead.notices(account, [row.leg for row in found.legs], quotes))}


def _shown(found: Estimate) -> dict[str, Decimal | None]:
    """The model's figures, rounded to what an estimate is good for."""
    figures = found.figures
    assert figures is not None  # noqa: S101 (drawn has looked)
    greeks = figures.greeks
    return {
        "probability": _decimal(figures.probability, CENT),
        "return_on_capital": _decimal(figures.return_on_capital, Decimal("0.001")),
        "delta": _decimal(greeks.delta if greeks else None, Decimal("0.1")),
        "gamma": _decimal(greeks.gamma if greeks else None, CENT),
        "theta": _decimal(greeks.theta if greeks else None, CENT),
        "vega": _decimal(greeks.vega if greeks else None, CENT),
    }


def _net_words(found: Estimate) -> str:
    """«a 1.25 credit»; of a single leg the price alone."""
    net = found.net_price
    if net is None:
        return ""
    if len(found.legs) == 1:
        return price_text(net)
    return f"a {price_text(net)} {'credit' if net > 0 else 'debit'}" if net else "even"


def _decimal(number: float | None, unit: Decimal) -> Decimal | None:
    return None if number is None else Decimal(repr(number)).quantize(unit)


def _asked(given: Mapping[str, Any], accounts: list[Account]) -> dict[str, Any]:
    """The broker's dry run of what is typed, or why there is none."""
    form = TicketForm(typed_in(given), accounts=accounts)
    if not form.is_valid():
        return {"no_dry_run": " ".join(str(word) for words in form.errors.values() for word in words)}
    try:
        return {"result": orders.preview(form.cleaned_data["chosen"], form.cleaned_data["ticket"])}
    except InvalidTicket as error:
        return {"no_dry_run": str(error)}
    except BrokerError as error:
        return {"no_dry_run": error.message}
