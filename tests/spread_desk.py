"""A broker with two expirations of options to try spreads on, and the ticket of several legs as a form sends it."""

import html
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from django.test import Client
from ledger_broker import NICKELS, LedgerBroker

from brokers.domain.accounts import Position
from brokers.domain.instruments import Instrument, Option, Right
from brokers.domain.market import Chain, Expiration, Quote, Strike
from brokers.models import Account

NEAR, FAR = date(2026, 12, 18), date(2027, 1, 15)


def option(strike: int, right: str = "P", expiry: date = NEAR) -> Option:
    return Option("AAPL", expiry, Right(right), Decimal(strike))


def an_expiration(expiry: date) -> Expiration:
    strikes = tuple(
        Strike(Decimal(price), option(price, "C", expiry), option(price, "P", expiry)) for price in range(150, 231, 5)
    )
    return Expiration(expiry, "regular", "PM", "AAPL", Decimal(100), NICKELS, strikes)


class Desk(LedgerBroker):
    """A broker with two expirations, options priced by how far they are in the money, and holdings."""

    shift = Decimal(0)
    held: dict[Instrument, int] = {}

    def get_chain(self, underlying: Instrument) -> Chain:
        return Chain(underlying, (an_expiration(NEAR), an_expiration(FAR)))

    def get_quotes(self, instruments: Any) -> dict[Instrument, Quote]:
        now = datetime.now(timezone.utc)
        return {one: self._quote(one, now) for one in instruments}

    def _quote(self, one: Instrument, now: datetime) -> Quote:
        if not isinstance(one, Option):
            return Quote(one, now, Decimal("189.98"), Decimal("190.02"), halted=False)
        out = (one.strike - 190) * (1 if one.right is Right.CALL else -1)
        middle = max(Decimal("0.50"), 6 - out * Decimal("0.20")) + (2 if one.expiry == FAR else 0) + self.shift
        delta = max(Decimal("0.05"), Decimal("0.5") - out / 50) * (1 if one.right is Right.CALL else -1)
        return Quote(
            one,
            now,
            middle - Decimal("0.05"),
            middle + Decimal("0.05"),
            volatility=Decimal("0.3"),
            delta=delta,
            halted=False,
        )

    def get_positions(self, account_number: str) -> list[Position]:
        now = datetime.now(timezone.utc)
        return [
            Position(
                account_number, one, "AAPL", Decimal(many), Decimal(100),
                Decimal(2), None, None, Decimal(2), None, None, now,
            )
            for one, many in self.held.items()
        ]  # fmt: skip


def vertical(account: Account, **changes: str) -> dict[str, str]:
    return {
        "account": str(account.pk),
        "symbol": str(option(180)),
        "action": "sell_to_open",
        "quantity": "1",
        "symbol_2": str(option(175)),
        "action_2": "buy_to_open",
        "quantity_2": "1",
        "order_type": "limit",
        "limit_price": "1.00",
        "effect": "credit",
        "time_in_force": "day",
    } | changes


def fields_of(page: str) -> dict[str, str]:
    """What the ticket's form would send."""
    typed = dict.fromkeys(re.findall(r'<select name="(\w+)"', page), "")
    for name, body in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', page, re.S):
        if chosen := re.search(r'value="([^"]*)"[^>]*selected', body):
            typed[name] = chosen[1]
    for tag in re.findall(r"<input[^>]+>", page):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] not in ("csrfmiddlewaretoken",):
            typed[name[1]] = html.unescape(value[1]) if value else ""
    return typed


def edited(client: Client, typed: dict[str, str], what: str, **picked: str) -> dict[str, str]:
    answer = client.post("/trade", typed | picked | {"edit": what, "fragment": "1"})
    assert answer.status_code == 200, answer.content.decode()
    return fields_of(answer.content.decode())


def note_after(client: Client, typed: dict[str, str], what: str, **picked: str) -> str:
    page = client.post("/trade", typed | picked | {"edit": what}).content.decode()
    found = re.search(r'id="ticket-note">([^<]+)<', page)
    return html.unescape(found[1]) if found else ""


def legs_in(fields: dict[str, str]) -> list[tuple[str, str, str]]:
    suffixes = [suffix for suffix in ("", "_2", "_3", "_4") if f"symbol{suffix}" in fields]
    return [(fields[f"symbol{s}"], fields[f"action{s}"], fields[f"quantity{s}"]) for s in suffixes]
