"""People who have joined a desk and connected brokers, and what they look up besides the pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests
from desk_process import DeskProcess
from desk_visits import DEMO, new_visitor
from playwright.sync_api import Browser, Page

BROKERS = ("tastytrade", "tradestation")
PASSWORD = "a-long-enough-pass-phrase"
KEPT = ("name", "value", "path")


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


def joined(desk: DeskProcess, name: str, customer: str = "demo", *brokers: str) -> Member:
    """``customer`` is who they are at the brokers: all of them, unless some are named.

    The pages' own forms, without a browser: how it looks to a person is in test_two_brokers and test_first_visits.
    """
    with Visit(desk) as visit:
        visit.post("/accounts/signup/", username=name, password1=PASSWORD, password2=PASSWORD)
        return visit.member(customer, brokers or BROKERS)


def joined_as_demo(desk: DeskProcess) -> Member:
    """The person whom the desk made at its start, with the first broker."""
    with Visit(desk) as visit:
        visit.sign_in()
        return visit.member("demo", BROKERS[:1])


class Visit(requests.Session):
    """One person's cookies at a desk, and its forms."""

    def __init__(self, desk: DeskProcess) -> None:
        super().__init__()
        self.desk = desk

    def post(self, path: str, **form: str) -> requests.Response:  # type: ignore[override]
        """A page's form as a browser sends it; where it leads to is not followed."""
        if "csrftoken" not in self.cookies:
            self.get(f"{self.desk.url}{path}", timeout=60)
        fields = form | {"csrfmiddlewaretoken": self.cookies["csrftoken"]}
        address, origin = f"{self.desk.url}{path}", {"Origin": self.desk.url}
        answer = super().post(address, data=fields, headers=origin, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, (path, answer.status_code, answer.text[:2000])
        return answer

    def sign_in(self) -> None:
        """As the person whom the desk made at its start, who is of its staff, too."""
        self.post("/accounts/login/", login=DEMO[0], password=DEMO[1])

    def connect(self, broker: str, customer: str) -> None:
        """To the broker, which asks who it is and whether they allow it, and back."""
        address = self.post(f"/connect/{broker}/sim/start").headers["Location"]
        form = {"step": "sign-in", "user": customer, "password": self.desk.control("")["users"][customer]}
        ticket = re.search(r'name="ticket" value="([^"]+)"', requests.post(address, data=form, timeout=60).text)
        assert ticket
        form = {"step": "consent", "ticket": ticket[1], "decision": "allow"}
        allowed = requests.post(address, data=form, allow_redirects=False, timeout=60)
        back = self.get(allowed.headers["Location"], allow_redirects=False, timeout=60)
        assert (back.status_code, back.headers["Location"]) == (302, "/connections/"), back.text[:2000]

    def member(self, customer: str, brokers: tuple[str, ...]) -> Member:
        for broker in brokers:
            self.connect(broker, customer)
        self.get(f"{self.desk.url}/connections/", timeout=60)  # what it has to say is read
        found = self.get(f"{self.desk.url}/api/v1/accounts", timeout=60).json()["results"]
        rows = [row for row in found if row["kind"] == "margin"][::-1]
        accounts, numbers = ({row["broker"]: row[key] for row in rows} for key in ("id", "account_number"))
        return Member({"cookies": [_kept(cookie) for cookie in self.cookies], "origins": []}, accounts, numbers)


def _kept(cookie: Any) -> dict[str, Any]:
    """A cookie as the browser's driver writes it."""
    more = {"domain": "localhost", "httpOnly": cookie.name == "sessionid", "secure": False, "sameSite": "Lax"}
    return {name: getattr(cookie, name) for name in KEPT} | {"expires": cookie.expires or -1} | more


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
