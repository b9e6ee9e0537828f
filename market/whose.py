"""Through whose connection a page of the market looks: the account that the address names, else the default one."""

from django.http import Http404, HttpRequest

from brokers.models import Account
from trading.pages.forms import account_by_id


def account_of(request: HttpRequest) -> Account | None:
    """One of the person's own; None where they have none yet. What is foreign is as if it were not there."""
    asked = request.GET.get("account") or request.POST.get("account") or ""
    accounts = list(Account.objects.of(request.user).filter(is_closed=False))
    found = account_by_id(accounts, asked)
    if found is None and asked and asked != "all":
        raise Http404
    return found
