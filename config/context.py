"""What every page's template knows: the installation, and the person's accounts for the switcher."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from brokers.models import Account, Connection
from brokers.wire import VERSION


def desk(request: HttpRequest) -> dict[str, Any]:
    """``desk_connections``, ``desk_accounts``: the signed-in person's, looked up only if the page asks."""
    user = getattr(request, "user", None)
    context: dict[str, Any] = {
        "local": settings.LOCAL,
        "version": VERSION,
        "signup_open": settings.SIGNUP_OPEN,
    }
    if user is None or not user.is_authenticated:
        return context
    return context | {
        "desk_connections": Connection.objects.of(user).present(),
        "desk_accounts": Account.objects.of(user),
    }
