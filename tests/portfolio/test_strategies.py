"""Holdings put together by the strategies they make, with their sums; a holding is never split."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from talking_broker import AAPL, NOW, TalkingBroker, a_holding, a_quote

from brokers.domain.accounts import Position
from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option, Right
from brokers.domain.market import Quote
from brokers.models import Account
from portfolio.strategies import namer, parted
from portfolio.valuation import total, value

DAY, LATER = date(2026, 12, 18), date(2027, 1, 15)
SPY = Equity("SPY")
ES = Future("ES", 2026, 12)


def option(strike: int, right: Right = Right.PUT, day: date = DAY, root: str = "SPY") -> Option:
    return Option(root, day, right, Decimal(strike))


def held(instrument: Instrument, quantity: str, **changes: object) -> Position:
    points = Decimal(100) if isinstance(instrument, Option) else Decimal(1)
    return replace(
        a_holding(instrument),
        quantity=Decimal(quantity),
        multiplier=points,
        underlying="SPY",
        **changes,  # type: ignore[arg-type]
    )


def titles(*positions: Position) -> list[tuple[str, int]]:
    return [(words, len(rows)) for words, rows in parted([value(each, None, NOW) for each in positions], namer())]


CALL, PUT = Right.CALL, Right.PUT
VERTICAL = [held(option(580), "-1"), held(option(575), "1")]
CONDOR = [held(option(560), "2"), held(option(570), "-2"), held(option(630, CALL), "-2"), held(option(640, CALL), "2")]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (VERTICAL, [("Short SPY 18 Dec 26 580/575 put vertical", 2)]),
        (CONDOR, [("SPY 18 Dec 26 560/570/630/640 iron condor", 4)]),
        ([held(SPY, "100"), held(option(630, CALL), "-1")], [("SPY 18 Dec 26 630 covered call", 2)]),
        ([held(SPY, "250"), held(option(630, CALL), "-1")], [("SPY 18 Dec 26 630 covered call", 2)]),
        ([held(SPY, "50"), held(option(630, CALL), "-1")], [("custom", 2)]),
        (
            [held(option(580), "-1"), held(option(580, PUT, LATER), "1")],
            [("Long SPY 18 Dec 26/15 Jan 27 580 put calendar", 2)],
        ),
        (
            [held(SPY, "100"), held(option(640, CALL, LATER), "-1"), *VERTICAL],
            [("Short SPY 18 Dec 26 580/575 put vertical", 2), ("SPY 15 Jan 27 640 covered call", 2)],
        ),
        ([held(option(580), "-3"), held(option(575), "2"), held(option(570), "4")], [("custom", 3)]),
        ([held(SPY, "10")], [("", 1)]),
        ([*VERTICAL, held(option(500), "0", realized_day=Decimal(5))],
         [("Short SPY 18 Dec 26 580/575 put vertical", 2), ("", 1)]),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_held_is_named_by_what_it_makes(positions: list[Position], expected: list[tuple[str, int]]) -> None:
    assert titles(*positions) == expected


def test_nothing_is_lost_and_nothing_shown_twice() -> None:
    everything = [held(SPY, "300"), *CONDOR, *VERTICAL, held(option(610, CALL, LATER), "-2"), held(option(1), "0")]
    valued = [value(each, None, NOW) for each in everything]
    shown = [each for _, members in parted(valued, namer()) for each in members]
    assert sorted(map(id, shown)) == sorted(map(id, valued))


def test_delta_is_in_shares_or_contracts_and_unknown_where_the_broker_tells_none() -> None:
    def delta(position: Position, each: str | None) -> Decimal | None:
        quote = Quote(position.instrument, NOW, delta=None if each is None else Decimal(each))
        return value(position, quote, NOW).delta

    assert delta(held(option(580), "-2"), "-0.30") == Decimal(60)
    assert delta(held(SPY, "-25"), None) == Decimal(-25)
    assert delta(held(ES, "2", settles_daily=True), None) == Decimal(2)
    assert delta(held(FutureOption(ES, "EW3Z26", DAY, CALL, Decimal(6400)), "3"), "0.5") == Decimal("1.5")
    assert delta(held(option(580), "1"), None) is None
    known = [value(held(SPY, "100"), None, NOW), value(held(option(630, CALL), "-1"), None, NOW)]
    assert (total(known).delta.amount, total(known).delta.missing) == (Decimal(100), 1)


@pytest.fixture
def browser(account: Account, talking: TalkingBroker) -> Client:
    talking.positions["5WT00042"] = [a_holding(), *(replace(each, account_number="5WT00042") for each in VERTICAL)]
    for each in VERTICAL:
        talking.quotes[each.instrument] = a_quote(
            each.instrument, "1.00", "1.10", delta=Decimal("-0.30"), as_of=NOW + timedelta(days=1)
        )
    client = Client()
    client.force_login(account.connection.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def group_rows(page: str) -> list[str]:
    heads = re.findall(r'<tr data-key="sums">(.*?)</tr>', page, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", head)).strip() for head in heads]


@pytest.mark.django_db
def test_the_page_groups_as_it_is_asked_and_remembers(browser: Client) -> None:
    (plain,) = group_rows(browser.get("/portfolio/positions").content.decode())
    assert plain.startswith("SPY 2 holdings")
    (head,) = group_rows(browser.get("/portfolio/positions?group=strategy").content.decode())
    assert head.startswith("Short SPY 18 Dec 26 580/575 put vertical 2 holdings")
    assert re.search(r"\s0 Close all", head), head  # +30 and −30
    assert group_rows(browser.get("/portfolio/positions").content.decode()) == [head], "as last chosen"
    assert group_rows(browser.get("/portfolio/positions?group=nonsense").content.decode()) == [head]
    (again,) = group_rows(browser.get("/portfolio/positions?group=underlying").content.decode())
    assert again == plain


def test_shares_of_another_name_make_no_strategy() -> None:
    assert titles(held(AAPL, "100"), held(option(630, CALL), "-1")) == [("custom", 2)]
