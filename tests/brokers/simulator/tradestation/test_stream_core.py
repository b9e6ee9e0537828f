"""The streams' parts without sockets: faults on lines, frames of orders, spreads, depth."""

import json
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.market import Expiration, PriceIncrements, Strike
from brokers.simulator.faults import BadFault, Faults
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.spread_types import BY_NAME, TYPES, Board, board
from brokers.simulator.tradestation.stream_faults import Spoiler

ORDER = {
    "AccountID": "SIM5000001M",
    "OrderID": "1",
    "Legs": [
        {"Symbol": "AAPL 261218C150", "QuantityRemaining": "1"},
        {"Symbol": "AAPL 261218C160", "QuantityRemaining": "1"},
    ],
}
PATH = "/tradestation/v3/brokerage/stream/accounts/SIM5000001M/orders"


def spoiler(*given: dict[str, Any], dialect: Any = "v3", symbols: set[str] = frozenset()) -> Spoiler:  # type: ignore[assignment]
    faults = Faults()
    faults.add(given)
    return Spoiler(faults, PATH, dialect, symbols, {"SIM5000001M": "5WT00001"})


def spoilt(*given: dict[str, Any], live: bool = True) -> list[dict[str, Any]]:
    return [json.loads(each) for each in spoiler(*given).spoil([line(ORDER)], live=live)]


def test_without_faults_lines_pass_untouched() -> None:
    lines = [line(ORDER)]
    assert spoiler().spoil(lines, live=True) is lines


def test_order_frames_are_dropped_after_the_snapshot_only() -> None:
    assert spoilt({"effect": "drop_order_frames"}) == []
    assert spoilt({"effect": "drop_order_frames"}, live=False) == [ORDER]


def test_order_frames_come_twice() -> None:
    assert spoilt({"effect": "duplicate_order_frames"}) == [ORDER, ORDER]


@pytest.mark.parametrize("account", ["5WT00001", "SIM5000001M"])
def test_an_account_is_matched_by_either_of_its_names(account: str) -> None:
    assert spoilt({"effect": "drop_order_frames", "account": account}) == []
    assert spoilt({"effect": "drop_order_frames", "account": "5WT00002"}) == [ORDER]


def test_a_symbol_is_matched_among_the_legs() -> None:
    assert spoilt({"effect": "drop_order_frames", "symbol": "AAPL 261218C160"}) == []
    assert spoilt({"effect": "drop_order_frames", "symbol": "MSFT"}) == [ORDER]


def test_a_path_limits_where_a_fault_strikes() -> None:
    assert spoilt({"effect": "drop_order_frames", "path": "*/orders"}) == []
    assert spoilt({"effect": "drop_order_frames", "path": "*/positions"}) == [ORDER]


def test_legs_change_places_symbols_become_small_and_remaining_lies() -> None:
    shuffled = spoilt({"effect": "shuffle_legs"})[0]
    assert [leg["Symbol"] for leg in shuffled["Legs"]] == ["AAPL 261218C160", "AAPL 261218C150"]
    small = spoilt({"effect": "lower_case_symbol"})[0]
    assert [leg["Symbol"] for leg in small["Legs"]] == ["aapl 261218c150", "aapl 261218c160"]
    lying = spoilt({"effect": "quantity_remaining_lies"})[0]
    assert [leg["QuantityRemaining"] for leg in lying["Legs"]] == ["0", "0"]


@pytest.mark.parametrize(
    ("dialect", "form", "words"),
    [
        ("v2", "", b'{"Error":"GoAway","Message":"The server is about to shut down."}\r\n'),
        ("v3", "", b'{"StreamStatus":"GoAway"}\r\n'),
        ("v2", "v3", b'{"StreamStatus":"GoAway"}\r\n'),
        ("v3", "v2", b'{"Error":"GoAway","Message":"The server is about to shut down."}\r\n'),
        ("words", "", b"END"),
    ],
)
def test_goaway_comes_in_the_streams_own_form_or_the_one_asked_for(dialect: str, form: str, words: bytes) -> None:
    blow = spoiler({"effect": "goaway", "form": form}, dialect=dialect).blow()
    assert blow is not None
    assert (blow.words, blow.ends, blow.resets) == (words, True, False)


def test_a_form_of_goaway_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadFault):
        Faults().add([{"effect": "goaway", "form": "v9"}])


@pytest.mark.parametrize(
    ("fault", "said", "ends"),
    [
        ({"kind": "InternalServerError"}, {"Error": "InternalServerError"}, True),
        ({"kind": "BadRequest"}, {"Error": "BadRequest"}, True),
        ({"kind": "ServiceUnavailable"}, {"Error": "ServiceUnavailable"}, True),
        ({"kind": "GatewayTimeout"}, {"Error": "GatewayTimeout"}, True),
        ({"kind": "Failed"}, {"Error": "Failed"}, True),
        ({"kind": "Forbidden", "account": "5WT00001"}, {"Error": "Forbidden", "AccountID": "SIM5000001M"}, False),
        ({"kind": "DualLogon", "symbol": "MSFT"}, {"Error": "DualLogon", "Symbol": "MSFT"}, False),
        ({"kind": "FAILED, EX_NO_DATA_AVAILABLE", "symbol": "MSFT"}, {"Error": "FAILED, EX_NO_DATA_AVAILABLE"}, False),
    ],
)
def test_an_error_in_the_stream_ends_it_unless_it_is_for_one_symbol_or_account(
    fault: dict[str, str], said: dict[str, str], ends: bool
) -> None:
    blow = spoiler({"effect": "stream_error", **fault}, symbols={"MSFT"}).blow()
    assert blow is not None
    assert blow.ends is ends
    assert json.loads(blow.words).items() >= said.items()


# Spreads

STEPS = PriceIncrements(((None, D("0.01")),))
NEAR, FAR = date(2026, 12, 18), date(2027, 1, 15)


def expiration(expiry: date, *strikes: int) -> Expiration:
    made = tuple(
        Strike(D(s), Option("MSFT", expiry, Right.CALL, D(s)), Option("MSFT", expiry, Right.PUT, D(s))) for s in strikes
    )
    return Expiration(expiry, "regular", "PM", "MSFT", D(100), STEPS, made)


def made(name: str, *, interval: int = 1) -> list[tuple[str, list[str], list[int]]]:
    """Every spread of a type on a small board: side, legs, ratios."""
    small: Board = board(Equity("MSFT"), [expiration(NEAR, 90, 95, 100, 105)], [expiration(FAR, 90, 100, 110)])
    kind = BY_NAME[name.lower()]
    return [
        (spread.side, [_short(leg) for leg, _ in spread.legs], [ratio for _, ratio in spread.legs])
        for strikes in small.combinations(kind, interval)
        for spread in small.spreads(kind, strikes)
    ]


def _short(leg: object) -> str:
    return f"{leg.right}{leg.strike}{'' if leg.expiry == NEAR else ' far'}" if isinstance(leg, Option) else str(leg)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Single", ("Call", ["C90"], [1])),
        ("Straddle", ("Both", ["C90", "P90"], [1, 1])),
        ("Vertical", ("Call", ["C90", "C95"], [1, -1])),
        ("Strangle", ("Both", ["P90", "C95"], [1, 1])),
        ("RatioBack1x2", ("Call", ["C90", "C95"], [-1, 2])),
        ("RatioBack1x3", ("Call", ["C90", "C95"], [-1, 3])),
        ("RatioBack2x3", ("Call", ["C90", "C95"], [-2, 3])),
        ("Butterfly", ("Call", ["C90", "C95", "C100"], [1, -2, 1])),
        ("IronButterfly", ("Both", ["P90", "P95", "C95", "C100"], [1, -1, -1, 1])),
        ("Condor", ("Call", ["C90", "C95", "C100", "C105"], [1, -1, -1, 1])),
        ("IronCondor", ("Both", ["P90", "P95", "C100", "C105"], [1, -1, -1, 1])),
        ("Covered", ("Call", ["MSFT", "C90"], [100, -1])),
        ("Collar", ("Both", ["MSFT", "P90", "C95"], [100, 1, -1])),
        ("Combo", ("Both", ["C90", "P90"], [1, -1])),
        ("Calendar", ("Call", ["C90", "C90 far"], [-1, 1])),
        ("Diagonal", ("Call", ["C95", "C100 far"], [-1, 1])),
    ],
)
def test_each_spread_type_has_its_legs(name: str, first: tuple[str, list[str], list[int]]) -> None:
    assert next(each for each in made(name) if each[0] == first[0]) == first


def test_every_type_is_tried_above() -> None:
    assert len(TYPES) == 16


def test_puts_of_a_vertical_buy_the_higher_strike() -> None:
    assert made("Vertical")[1] == ("Put", ["P95", "P90"], [1, -1])


def test_a_calendar_needs_its_strike_in_both_expirations() -> None:
    assert {legs[0] for side, legs, _ in made("Calendar") if side == "Call"} == {"C90", "C100"}


def test_the_interval_skips_strikes() -> None:
    assert [legs for side, legs, _ in made("Butterfly") if side == "Call"] == [
        ["C90", "C95", "C100"],
        ["C95", "C100", "C105"],
    ]
    assert made("Butterfly", interval=2) == []
    assert [legs for side, legs, _ in made("Vertical", interval=3) if side == "Call"] == [["C90", "C105"]]
