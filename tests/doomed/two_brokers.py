"""The desk between the two brokers of a simulator, stripped to the protocol and made brisk."""

import time
from collections.abc import Callable
from typing import Any

from doomed.processes import be_brisk
from doomed.there import SimulatorThere

TRIES = 4
OURS = "0010"
"""What the numbers of the accounts hold that the test has opened: nothing else is in them."""


def connected(url: str) -> list[list[Any]]:
    """Our accounts at either broker, through the front door. One exchange stands behind both: none is at both."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client
    from signing_in import BOTH, connect, point_at

    sim = SimulatorThere(url)
    sim.fills("never")
    quotas = {name: [0, 1] for name in ("accounts", "orders", "balances", "positions")}
    sim.faults(tradestation_quotas=quotas, tradestation_duplicates="accept")  # no help from a broker that knows ids
    point_at(settings, sim, *BOTH)
    settings.BROKER_BUDGETS = {(name, "sim"): unlimited(name) for name in BOTH}
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(get_user_model().objects.create_user("trader"))
    made = [patiently(lambda broker=broker: connect(browser, sim, broker)) for broker in BOTH]  # type: ignore[misc]
    accounts = [each.accounts.select_related("connection").filter(number__contains=OURS) for each in made]
    return [[one for one in theirs if is_share(one.number, share)] for share, theirs in enumerate(accounts)]


def patiently(connecting: Callable[[], Any]) -> Any:
    """Signing in is not on trial: on a machine with too much to do the simulator may be late for it."""
    for _ in range(TRIES - 1):
        try:
            return connecting()
        except AssertionError:
            time.sleep(1)
    return connecting()


def is_share(number: str, share: int) -> bool:
    """Even ones here, odd ones there; SIM5000101M and 5WT00101 are the same account."""
    digits = [letter for letter in number if letter.isdigit()]
    return int(digits[-1]) % 2 == share


def unlimited(broker: str) -> dict[str, tuple[int, int]]:
    """Rates that no test comes near: what is kept to is not on trial here."""
    from brokers import registry

    return {budget.category: (100_000, 1) for budget in registry.spec(broker).budgets}


def made_ready() -> None:
    from bare_sending import strip

    from trading.models import order_changed

    strip(setattr)
    for listener in ("trading.tell_tabs", "trading.patterns", "trading.runaway"):
        assert order_changed.disconnect(dispatch_uid=listener), listener
    be_brisk()
