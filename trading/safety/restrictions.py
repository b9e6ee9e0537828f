"""What the broker keeps an account from, asked once a minute; when it can't be asked the last answer serves a while."""

from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from brokers.domain.accounts import Restrictions
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading.risk.standing import RESTRICTIONS_SECONDS

ASKED_ANEW = timedelta(seconds=60)
PAUSE = 5
"""Seconds until a broker that could not tell is asked again."""


def restrictions_of(account: Account, broker: Broker) -> tuple[Restrictions | None, str]:
    """What was told, and why it is not known. It may be as old as the controls take it."""
    known = kept(account)
    if known is not None and timezone.now() - known.as_of < ASKED_ANEW:
        return known, ""
    if trouble := cache.get(_key(account, "trouble")):
        return known, "" if known is not None else trouble
    try:
        told = broker.get_restrictions(account.number)
    except BrokerError as error:
        cache.set(_key(account, "trouble"), error.message, PAUSE)
        return known, "" if known is not None else error.message
    cache.set(_key(account), told, RESTRICTIONS_SECONDS)
    return told, ""


def kept(account: Account) -> Restrictions | None:
    """What was told last, without asking; None once it is too old to count."""
    known: Restrictions | None = cache.get(_key(account))
    return known


def _key(account: Account, what: str = "told") -> str:
    return f"restrictions:{what}:{account.pk}"
