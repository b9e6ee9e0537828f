"""People who have joined a desk and connected both brokers, and what they look up besides the pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from desk_process import DeskProcess
from desk_visits import connect, new_visitor, sign_in, sign_up
from playwright.sync_api import Browser, Page

TITLES = {"tastytrade": "tastytrade SIM", "tradestation": "TradeStation SIM"}


@dataclass
class Member:
    """Who is signed in (as the browser keeps it), and a margin account at each broker: id and number."""

    state: Any
    accounts: dict[str, str]
    numbers: dict[str, str]

    @property
    def cookies(self) -> list[Any]:
        """For a browser that is open already."""
        return list(self.state["cookies"])

    @contextmanager
    def at(self, browser: Browser, **options: Any) -> Iterator[Page]:
        """A tab of this person's."""
        visitor = new_visitor(browser, storage_state=self.state, **options)
        yield visitor.new_page()
        visitor.close()


def joined(browser: Browser, desk: DeskProcess, name: str, customer: str = "demo", *brokers: str) -> Member:
    """``customer`` is who they are at the brokers: all of them, unless some are named."""
    page = new_visitor(browser).new_page()
    sign_up(page, desk, name)
    for broker in brokers or TITLES:
        connect(page, desk, customer, at=TITLES[broker])
    return _member(page, desk)


def joined_as_demo(browser: Browser, desk: DeskProcess) -> Member:
    """The person whom the desk made at its start, with the first broker."""
    page = new_visitor(browser).new_page()
    sign_in(page, desk)
    connect(page, desk)
    return _member(page, desk)


def _member(page: Page, desk: DeskProcess) -> Member:
    """Who is signed in here; this browser is closed."""
    rows = [row for row in asked(page, desk, "accounts") if row["kind"] == "margin"][::-1]
    accounts, numbers = ({row["broker"]: row[key] for row in rows} for key in ("id", "account_number"))
    member = Member(page.context.storage_state(), accounts, numbers)
    page.context.close()
    return member


def asked(page: Page, desk: DeskProcess, path: str) -> Any:
    """What the API answers this person: the rows of a listing, else the document."""
    answer = page.request.get(f"{desk.url}/api/v1/{path}")
    assert answer.ok, answer.text()
    document = answer.json()
    return document.get("results", document)


def held(page: Page, desk: DeskProcess, account: str, underlying: str) -> dict[str, Decimal]:
    """What an account holds in an underlying: signed quantities by symbol."""
    rows = asked(page, desk, f"accounts/{account}/positions")["positions"]
    found = {row["symbol"]: Decimal(row["quantity"]) for row in rows if row["symbol"].split(" ")[0] == underlying}
    return {symbol: quantity for symbol, quantity in found.items() if quantity}


def orders_made(desk: DeskProcess, since: int = 0) -> list[dict[str, Any]]:
    """The requests that made an order at the broker, by the broker's own ledger."""
    entries: list[dict[str, Any]] = desk.control(f"ledger?since={since}")["entries"]
    return [entry for entry in entries if entry["made_order"]]


def ledger_end(desk: DeskProcess) -> int:
    """The number of the newest entry so far."""
    entries = desk.control("ledger")["entries"]
    return int(entries[-1]["number"]) if entries else 0
