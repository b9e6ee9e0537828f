"""Trading halts and an account's restrictions: halted or frozen is hard, closing only lets out what closes, and what is
not told, or was told too long ago, is denied."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    ES,
    ES_CALL,
    NOW,
    WIDE,
    XYZ,
    ago,
    buy,
    found,
    holding,
    kinds,
    leg,
    quotes,
    scene,
    sell,
    ticket,
)

from brokers.domain.accounts import Restrictions
from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote
from brokers.domain.orders import Action
from trading import risk
from trading.risk import standing
from trading.risk.halted import check_halted
from trading.risk.standing import RESTRICTIONS_SECONDS

HELD = holding(XYZ, "10")
BUY_FUTURE = ticket(leg(ES, Action.BUY), limit="6300.00")
BUY_CALL = buy("1", "2.00", CALL_110)


def halting(*instruments: Instrument, **changes: Any) -> dict[Instrument, Quote]:
    return {
        one: replace(quote, halted=True, **changes) if one in instruments else quote for one, quote in quotes().items()
    }


def untold(*instruments: Instrument) -> dict[Instrument, Quote]:
    return {one: replace(quote, halted=None) if one in instruments else quote for one, quote in quotes().items()}


def restricted(**changes: Any) -> Restrictions:
    return Restrictions("A1", **{"as_of": NOW, "words": "their words"} | changes)


@pytest.fixture
def without_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin: all controls but the one of halts."""
    monkeypatch.setattr(risk, "CONTROLS", tuple(one for one in risk.CONTROLS if one is not check_halted))


@pytest.fixture
def without_restrictions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_restricted", lambda ticket, snapshot: iter(()))


HALTED = [
    ("a limit order", buy("1"), halting(XYZ)),
    ("a market order", buy("1", None), halting(XYZ)),
    ("what closes", sell("1"), halting(XYZ)),
    ("an option, itself", BUY_CALL, halting(CALL_110)),
    ("an option by its underlying", BUY_CALL, halting(XYZ)),
    ("an option whose own quote is missing", BUY_CALL, {XYZ: halting(XYZ)[XYZ]}),
    ("an option on a future by the future", buy("1", "40.00", ES_CALL), halting(ES)),
]


@pytest.mark.parametrize(("what", "order", "told"), HALTED, ids=[row[0] for row in HALTED])
def test_nothing_is_sent_into_a_halt(what: str, order: Any, told: Any) -> None:
    finding = found(order, scene(HELD, quotes=told), WIDE)["NOT_ALLOWED"]
    assert finding.hard
    assert finding.field == "symbol"
    assert "halted" in finding.words


@pytest.mark.parametrize(("what", "order", "told"), HALTED, ids=[row[0] for row in HALTED])
def test_without_the_control_it_would_be(what: str, order: Any, told: Any, without_halts: None) -> None:
    assert "NOT_ALLOWED" not in found(order, scene(HELD, quotes=told), WIDE)


def test_a_halt_of_something_else_stops_nothing() -> None:
    assert kinds(buy("1"), scene(quotes=halting(CALL_110, ES)), WIDE) == {}


def test_since_when_is_in_the_words_and_the_numbers() -> None:
    told = halting(XYZ, halted_since=NOW - timedelta(minutes=5))
    finding = found(buy("1"), scene(quotes=told), WIDE)["NOT_ALLOWED"]
    assert finding.line == "NOT_ALLOWED: halted=300"
    assert "since 15:25 UTC" in finding.words
    assert found(buy("1"), scene(quotes=halting(XYZ)), WIDE)["NOT_ALLOWED"].numbers == {}


def test_a_halt_that_is_not_told_asks_of_limit_orders_and_denies_others() -> None:
    assert kinds(buy("1"), scene(quotes=untold(XYZ)), WIDE) == {"NOT_ALLOWED": "soft"}
    assert kinds(buy("1", None), scene(quotes=untold(XYZ)), WIDE) == {"NOT_ALLOWED": "hard"}
    assert kinds(buy("1", None, stop="110.00"), scene(quotes=untold(XYZ)), WIDE) == {"NOT_ALLOWED": "hard"}


def test_it_is_told_where_the_underlying_tells() -> None:
    assert kinds(BUY_CALL, scene(quotes=untold(CALL_110)), WIDE) == {}
    assert kinds(BUY_CALL, scene(quotes=untold(CALL_110, XYZ)), WIDE) == {"NOT_ALLOWED": "soft"}


def test_a_smaller_order_may_take_a_working_ones_place_during_a_halt() -> None:
    """A refusal would leave the larger one at work."""
    setting = scene(quotes=halting(XYZ), instead_of=buy("10"))
    assert kinds(buy("5"), setting, WIDE) == {}
    assert kinds(buy("11"), setting, WIDE) == {"NOT_ALLOWED": "hard"}


# --- the account ---

FROZEN, CLOSING = restricted(is_frozen=True), restricted(closing_only=True)
DENIED: list[tuple[str, Any, Any]] = [
    ("frozen", buy("1"), FROZEN),
    ("frozen, closing", sell("1"), FROZEN),
    ("closing only", buy("1"), CLOSING),
    ("closing only, more than is held", sell("11"), CLOSING),
    ("futures closing only", BUY_FUTURE, restricted(futures_closing_only=True)),
    ("futures closing only, their options", buy("1", "40.00", ES_CALL), restricted(futures_closing_only=True)),
    ("not told", buy("1"), None),
    ("not told, closing", sell("1"), None),
    ("told just too long ago", buy("1"), restricted(as_of=ago(RESTRICTIONS_SECONDS + 1))),
]


@pytest.mark.parametrize(("what", "order", "told"), DENIED, ids=[row[0] for row in DENIED])
def test_what_the_broker_keeps_from_the_account_is_not_sent(what: str, order: Any, told: Any) -> None:
    finding = found(order, scene(HELD, restrictions=told), WIDE)["ACCOUNT_NOT_ALLOWED"]
    assert finding.hard
    assert finding.field == "account"
    assert ("their words" in finding.words) is (told is not None and told.as_of == NOW)


@pytest.mark.parametrize(("what", "order", "told"), DENIED, ids=[row[0] for row in DENIED])
def test_without_that_control_it_would_be(what: str, order: Any, told: Any, without_restrictions: None) -> None:
    assert "ACCOUNT_NOT_ALLOWED" not in found(order, scene(HELD, restrictions=told), WIDE)


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (sell("10"), CLOSING),
        (buy("1"), restricted(futures_closing_only=True)),
        (buy("1"), restricted(as_of=ago(RESTRICTIONS_SECONDS))),
        (buy("1"), restricted()),
    ],
)
def test_what_it_allows_goes_out(order: Any, told: Any) -> None:
    assert "ACCOUNT_NOT_ALLOWED" not in kinds(order, scene(HELD, restrictions=told), WIDE)


def test_an_old_answer_says_how_old_and_a_missing_one_why() -> None:
    finding = found(buy("1"), scene(restrictions=restricted(as_of=ago(1200))), WIDE)["ACCOUNT_NOT_ALLOWED"]
    assert finding.line == "ACCOUNT_NOT_ALLOWED: age=1200 limit=900"
    assert "20 minutes" in finding.words
    missing = scene(restrictions=None, troubles={"restrictions": "The broker can't be reached."})
    assert "(The broker can't be reached)" in found(buy("1"), missing, WIDE)["ACCOUNT_NOT_ALLOWED"].words
