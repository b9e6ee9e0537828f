"""From a holding to the review of the order that closes it, rolls it or turns it around."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from brokers.domain.instruments import plain
from brokers.domain.orders import InvalidTicket, Leg, OrderGroup
from brokers.errors import BrokerError
from brokers.models import Account
from trading.pages import group_forms, group_views, holding_orders, ticket_views
from trading.pages.forms import TicketForm, account_by_id, leg_names, typed_as


@login_required
@require_POST
def from_holding(request: HttpRequest) -> HttpResponse:
    """``do`` is close, roll_out, roll_up, roll_down or reverse; ``symbol`` may be several to close as one."""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    account = account_by_id(accounts, request.POST.get("account"))
    if account is None or not request.POST.get("account"):
        raise Http404
    what, symbols = request.POST.get("do", ""), request.POST.getlist("symbol")
    symbol = symbols[0] if symbols else ""
    legs: tuple[Leg, ...] = ()
    try:
        if what == "reverse":
            made = holding_orders.reverse(account, symbol)
            if isinstance(made, OrderGroup):
                return _review_group(request, account, made)
            legs = made
        elif what in holding_orders.ROLLS:
            legs = holding_orders.roll(account, symbol, what)
        elif what == "close":
            legs = holding_orders.close(account, symbols)
        else:
            raise Http404
        typed = typed_as(account.pk, holding_orders.at_mid(account, legs))
    except InvalidTicket as error:
        return _to_ticket(request, account, legs, str(error))
    except BrokerError as error:
        return _to_ticket(request, account, legs, error.message)
    form = TicketForm(typed, accounts=accounts)
    if form.is_valid():
        return ticket_views.review(request, form, ticket_views.new_key())
    return ticket_views.ticket_page(request, form)


def _to_ticket(request: HttpRequest, account: Account, legs: tuple[Leg, ...], words: str) -> HttpResponse:
    """What could not be priced goes to the ticket as far as it is known; what could not be made is only said."""
    messages.warning(request, words)
    if not legs:
        return redirect(f"{reverse('portfolio:positions')}?{urlencode({'account': str(account.pk)})}")
    typed = {"account": str(account.pk)}
    for number, leg in enumerate(legs, 1):
        values = (str(leg.instrument), leg.action.value, plain(leg.quantity))
        typed |= dict(zip(leg_names(number), values, strict=True))
    return redirect(f"{reverse('trading:ticket')}?{urlencode(typed)}")


def _review_group(request: HttpRequest, account: Account, group: OrderGroup) -> HttpResponse:
    """Back leads to the ticket with the order that closes it and, hanging on it, the one that opens again."""
    first, then = group.tickets
    again = {"kind": group_forms.REVERSE, "exit_time": then.time_in_force.value}
    if then.limit_price is not None:
        again["opens_at"] = plain(abs(then.limit_price))
    back = {f"{group_forms.PREFIX}-{name}": value for name, value in again.items()}
    return group_views.review(request, account, group, typed_as(account.pk, first) | back)
