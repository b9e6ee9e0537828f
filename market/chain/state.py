"""What a chain page shows, as its address says it: account, expiration, columns, rows, legs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from brokers import registry
from brokers.models import Account
from market.chain.board import COUNTS, USUAL_COUNT, VIEWS
from market.chain.legs import PickedLeg, read_legs
from trading import tickets

SIDES = ("calls", "puts")


@dataclass(frozen=True, slots=True)
class State:
    """``side`` is the half that a narrow screen shows; ``around`` a price that rows are chosen around, in place of the
    underlying's."""

    account: str
    underlying: str
    expiry: str
    view: str
    count: str
    side: str
    legs: tuple[PickedLeg, ...] = ()
    around: Decimal | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What stands in the address, and hidden in the page's form."""
        named = {"account": self.account, "expiry": self.expiry, "view": self.view, "strikes": self.count}
        return [*named.items(), ("side", self.side), *(("leg", str(leg)) for leg in self.legs)]

    @property
    def address(self) -> str:
        return f"{chain_address(self.underlying)}?{urlencode(self.pairs)}"

    def but(self, **changes: Any) -> "State":
        return replace(self, **changes)


def chain_address(underlying: str) -> str:
    return reverse("market:chain", args=(underlying,))


def most_legs(account: Account) -> int:
    return registry.spec(account.connection.broker).capabilities.max_legs


def read_state(given: QueryDict, account: Account, underlying: str, remembered: Mapping[str, str]) -> State:
    """From an address; what it leaves out is as the person last chose it."""

    def choice(name: str, allowed: Any, usual: str) -> str:
        chosen = given.get(name) or remembered.get(name, "")
        return chosen if chosen in allowed else usual

    return State(
        account=str(account.pk),
        underlying=underlying,
        expiry=given.get("expiry", "")[:40],
        view=choice("view", VIEWS, next(iter(VIEWS))),
        count=choice("strikes", COUNTS, USUAL_COUNT),
        side=choice("side", SIDES, SIDES[0]),
        legs=read_legs(given.getlist("leg"), most_legs(account)),
        around=_price(given.get("around", "")),
    )


def _price(text: str) -> Decimal | None:
    try:
        return tickets.read_number(text)
    except ValueError:
        return None
