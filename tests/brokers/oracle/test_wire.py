"""Every order that a broker takes leaves as a second table says, byte for byte; and as lines written by hand say.

A ticket goes through the port; what would stand on the wire is compared. The tables are in ``second_<broker>.py``,
one for each broker of the registry, and share nothing with the codecs.
"""

import importlib
import json
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from brokers.domain.orders import OrderTicket
from brokers.errors import OrderRejected
from brokers.registry import BROKERS, spec

from .sabotage import MISTAKES
from .tickets import Tickets, parse_ticket
from .wire import broker_named, placed, wire

ACCOUNT = "11827365"
GOLDEN = Path(__file__).parent / "golden"
NIGHTLY = [pytest.mark.nightly, pytest.mark.timeout(900)]


def second(name: str) -> ModuleType:
    return importlib.import_module(f".second_{name}", __package__)


def by_key(body: Any) -> str:
    """A body to compare: numbers stay numbers and text stays text."""
    return json.dumps(body, sort_keys=True)


def compare(name: str, count: int) -> Counter[object]:
    """Place tickets and compare each; what was placed, counted. ``AssertionError`` at the first difference."""
    table, can, broker = second(name), spec(name).capabilities, broker_named(name)
    tickets, told = Tickets(count, can), Counter[object]()
    with wire(table.REFUSAL) as seen:
        for number in range(count):
            ticket, ref = tickets.draw(), f"ref-{number:x}"
            sent = placed(broker, seen, ACCOUNT, ticket, ref)
            assert (sent.method, sent.path) == ("POST", table.path(ACCOUNT))
            assert sent.headers["Content-Type"] == "application/json"
            body = table.check_reference(sent.body, ref)
            assert by_key(body) == by_key(table.expected(ticket)), ticket
            told.update([ticket.order_type, ticket.time_in_force, len(ticket.legs)])
            told.update((type(leg.instrument), leg.action) for leg in ticket.legs)
    return told


@pytest.mark.parametrize("count", [5_000, pytest.param(50_000, marks=NIGHTLY)])
@pytest.mark.parametrize("name", sorted(BROKERS))
def test_the_bytes_of_any_order_are_what_a_second_table_says(name: str, count: int) -> None:
    started, can = time.monotonic(), spec(name).capabilities
    told = compare(name, count)
    print(f"{name}: {count} orders compared in {time.monotonic() - started:.1f} s")
    everything = {*can.order_types, *can.times_in_force, *range(1, can.max_legs + 1)}
    assert everything <= told.keys()
    assert {kind for kind, _ in (each for each in told if isinstance(each, tuple))} == can.classes


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_a_preview_asks_about_just_what_a_placement_would_send(name: str) -> None:
    table, broker, tickets = second(name), broker_named(name), Tickets(1, spec(name).capabilities)
    with wire(table.REFUSAL) as seen:
        for _ in range(300):
            ticket = tickets.draw()
            body = table.check_reference(placed(broker, seen, ACCOUNT, ticket, "ref").body, "ref")
            seen.clear()
            with pytest.raises(OrderRejected):
                broker.preview_order(ACCOUNT, ticket)
            (asked,) = seen
            assert asked.path != table.path(ACCOUNT)
            assert {key: value for key, value in asked.body.items() if key != "source"} == body


# --- written by hand ----------------------------------------------------------------------------------------------


def golden(name: str) -> list[tuple[str, OrderTicket, Any]]:
    """Pairs of lines: an order, and below it its body."""
    lines = [line for line in (GOLDEN / f"{name}.txt").read_text().splitlines() if line and not line.startswith("#")]
    return [(order, parse_ticket(order), json.loads(body)) for order, body in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_orders_written_down_by_hand_leave_as_written(name: str) -> None:
    table, broker, pairs = second(name), broker_named(name), golden(name)
    assert len(pairs) >= 40
    with wire(table.REFUSAL) as seen:
        for order, ticket, body in pairs:
            sent = placed(broker, seen, ACCOUNT, ticket, "ref")
            assert by_key(table.check_reference(sent.body, "ref")) == by_key(body), order
            assert by_key(table.expected(ticket)) == by_key(body), f"the second table: {order}"


# --- it would be seen ---------------------------------------------------------------------------------------------


def test_each_broker_has_codecs_with_the_same_mistakes() -> None:
    assert MISTAKES.keys() == BROKERS.keys()
    assert len({tuple(mistakes) for mistakes in MISTAKES.values()}) == 1


@pytest.mark.parametrize("name", sorted(BROKERS))
@pytest.mark.parametrize("mistake", MISTAKES["tastytrade"])
def test_a_codec_with_a_mistake_is_seen_at_once(monkeypatch: pytest.MonkeyPatch, name: str, mistake: str) -> None:
    compare(name, 200)
    MISTAKES[name][mistake](monkeypatch)
    with pytest.raises(AssertionError):
        compare(name, 200)
