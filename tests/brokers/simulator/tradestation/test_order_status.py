"""Every status code can be shown: where no natural way leads to one, a fault puts it there."""

import re

import pytest
from simulator_server import SimulatorServer
from stream_reader import OpenStream
from tradestation_wire import FRESH, TradeStation, order

from brokers.simulator.tradestation.order_words import DESCRIPTIONS

PUBLISHED = re.findall(
    r"[A-Z]+",
    "PLA OPN DIS ACK DON STP CND OSO SUS CHG FPR UCN ECN LAT RJC RPD RSN RJR UCH FLL FLP CAN OUT TSC EXP SCN REJ BRO "
    "DOA COR BRC BRF ASS EXE REC STT OTHER CSN",
)


def test_every_published_code_has_its_words() -> None:
    assert set(PUBLISHED) == DESCRIPTIONS.keys()


@pytest.mark.parametrize("code", [*PUBLISHED, "NEW"])
def test_an_order_can_be_dressed_in_any_code(sim: SimulatorServer, ts: TradeStation, code: str) -> None:
    number = ts.sent(order(limit="1.00"))[0]
    sim.faults({"effect": "order_status", "kind": code, "account": FRESH})
    shown = ts.order(number)
    assert (shown["Status"], shown["StatusDescription"]) == (code, DESCRIPTIONS.get(code, code))
    sim.faults(clear=True)
    assert ts.order(number)["Status"] in ("OPN", "ACK", "DON")


def test_streams_show_the_code_too_and_only_on_the_symbol_meant(sim: SimulatorServer, ts: TradeStation) -> None:
    numbers = ts.sent(order("MSFT", limit="1.00")) + ts.sent(order("AAPL", limit="1.00"))
    sim.faults({"effect": "order_status", "kind": "RJC", "symbol": "MSFT"})
    with OpenStream(ts, f"brokerage/stream/accounts/{FRESH}/orders") as stream:
        found = {each["OrderID"]: each["Status"] for each in (stream.next(), stream.next())}
    assert found[numbers[0]] == "RJC"
    assert found[numbers[1]] in ("OPN", "ACK", "DON")


def test_a_code_that_cannot_be_is_refused(sim: SimulatorServer) -> None:
    with pytest.raises(AssertionError, match="status code"):
        sim.faults({"effect": "order_status", "kind": "late"})
