"""What becomes of orders when the session ends, overnight and over a restart of the simulator."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from simulator_server import SimulatorServer, wait_until
from tradestation_wire import FRESH, TradeStation, open_accounts, order

from brokers.domain.instruments import Equity
from brokers.simulator.clock import Clock

BEFORE_THE_CLOSE = datetime(2026, 11, 20, 20, 58, tzinfo=timezone.utc)  # a Friday, 15:58 in New York


@pytest.fixture
def friday() -> Iterator[TradeStation]:
    with SimulatorServer(always_open=False, clock=Clock(BEFORE_THE_CLOSE)) as sim:
        open_accounts(sim)
        yield TradeStation(sim)


def jump(ts: TradeStation, seconds: float) -> None:
    """Put the clock forward, and get a token of the new time."""
    ts.sim.clock(jump=seconds)
    ts.session.headers["Authorization"] = f"Bearer {ts.refresh()['access_token']}"


def test_at_the_close_day_orders_expire_and_lasting_ones_are_queued_until_monday(friday: TradeStation) -> None:
    day, lasting = (friday.sent(order("KO", 1, limit="1.00", duration=each))[0] for each in ("DAY", "GTC"))
    wait_until(lambda: {friday.status(day), friday.status(lasting)} == {"ACK"})
    jump(friday, 180)
    wait_until(lambda: (friday.status(day), friday.status(lasting)) == ("EXP", "DON"))
    queued, expired = friday.order(lasting), friday.order(day)
    assert (queued["StatusDescription"], queued["Legs"][0]["QuantityRemaining"]) == ("Queued", "0")
    assert "ClosedDateTime" in queued
    assert expired["ClosedDateTime"] == "2026-11-20T21:00:00Z"
    assert friday.failure(order("KO", 1, limit="1.00")).endswith("No Day orders after 4:00PM Eastern")
    later = friday.sent(order("KO", 1, limit="1.00", duration="GTC"))[0]
    assert friday.status(later) == "DON"
    evening = friday.sent(order("KO", 1, limit="1.00", duration="DYP"))[0]
    wait_until(lambda: friday.status(evening) == "ACK")
    jump(friday, 65.6 * 3600)
    wait_until(lambda: (friday.status(lasting), friday.status(later)) == ("ACK", "ACK"))
    listed = {row["OrderID"] for row in friday.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]}
    assert listed == {lasting, later}
    gone = friday.get(f"/brokerage/accounts/{FRESH}/historicalorders", since="2026-11-20")["Orders"]
    assert {row["OrderID"] for row in gone} >= {day, evening}


def test_an_order_of_yesterday_is_not_open_to_be_cancelled(friday: TradeStation) -> None:
    number = friday.sent(order("KO", 1, limit="1.00"))[0]
    jump(friday, 180)
    wait_until(lambda: friday.status(number) == "EXP")
    answer = friday.call("DELETE", f"/orderexecution/orders/{number}", 400)
    assert answer["Message"] == "Not an open order."


def test_a_stop_that_was_hit_cannot_be_replaced_any_more(friday: TradeStation) -> None:
    def last() -> float:
        book = friday.sim.inside(lambda world: world.market.book(Equity("KO")))
        assert book is not None
        assert book.last is not None
        return float(book.last)

    friday.filled(order("KO", 10))
    stop, limit = f"{last() * 0.95:.2f}", f"{last() * 0.94:.2f}"
    number = friday.sent(order("KO", 10, "SELL", stop=stop, limit=limit))[0]
    wait_until(lambda: friday.status(number) == "ACK")
    friday.sim.fills("never")
    friday.sim.price("KO", f"{last() * 0.9:.2f}")
    wait_until(lambda: friday.sim.inside(lambda w: w.exchange.order("5WT00071", int(number)).triggered))
    answer = friday.call("PUT", f"/orderexecution/orders/{number}", 400, json={"LimitPrice": "1.00"})
    assert answer["Message"].endswith("too late: prior stop already triggered")


def test_a_restart_keeps_orders_their_words_and_used_confirm_ids(tmp_path: Path) -> None:
    body = order("KO", 1, limit="1.00", OrderConfirmID="mine", AdvancedOptions={"PegValue": "MID"})
    with SimulatorServer(state_file=tmp_path / "state.json") as sim:
        open_accounts(sim)
        ts = TradeStation(sim)
        number = ts.sent(body)[0]
        wait_until(lambda: ts.status(number) == "ACK")
        rotating = sim.control("clients", {"broker": "tradestation", "redirect_uris": ["http://localhost"]})
        grant = sim.control("grants", {"client_id": rotating["client_id"], "user": "demo"})["refresh_token"]
        sim.faults(tradestation_rotation=True)
        spent = (ts.client, ts.refresh_token)
        assert ts.refresh()["refresh_token"] != spent[1]
    with SimulatorServer(state_file=tmp_path / "state.json") as sim:
        again = TradeStation(sim)
        assert again.order(number)["AdvancedOptions"] == "PEGVAL=MID;"
        assert again.place(body)["Errors"][0]["Error"] == "FAILED"
        values = {"grant_type": "refresh_token", **rotating, "refresh_token": grant}
        url = f"{sim.url}/tradestation/signin/oauth/token"
        assert sim.http.post(url, data=values, timeout=30).status_code == 200
        values = {"client_id": spent[0].client_id, "client_secret": spent[0].client_secret, "refresh_token": spent[1]}
        answer = sim.http.post(url, data=values | {"grant_type": "refresh_token"}, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (403, "invalid_grant")
