"""The account streamer over real connections: what it tells and when, what faults do to it, and rude clients."""

import contextlib
import json
import socket as plain_socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from simulator_server import SimulatorServer, equity_order
from tasty_client import Body, Socket, Tasty, option_leg, order, with_new_account

from brokers.simulator.exchange import SimFill
from brokers.simulator.world import World

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads" / "tastytrade"
QUIET = 0.6


@pytest.fixture
def tasty(running: SimulatorServer) -> Tasty:
    """On an account of its own; the market goes on from test to test."""
    running.faults(clear=True, streamer_patience=90.0, streamer_batches=False)
    return with_new_account(running, AAPL=25)


@pytest.fixture
def alerts(tasty: Tasty) -> Iterator[Socket]:
    """A connection, connected to the first account."""
    with connected(tasty) as socket:
        yield socket


@contextlib.contextmanager
def connected(tasty: Tasty) -> Iterator[Socket]:
    with Socket(f"{tasty.sim.ws}/streamer") as socket:
        answer = ask(socket, tasty, "connect", value=[tasty.number])
        assert answer["status"] == "ok"
        yield socket


def bearer(tasty: Tasty) -> str:
    return f"Bearer {tasty.sim.token(tasty.grant)}"


def ask(socket: Socket, tasty: Tasty, action: str, **more: object) -> Body:
    """The answer to a request, found by its number."""
    number = f"{action}-{time.monotonic_ns()}"
    socket.say({"action": action, "auth-token": bearer(tasty), "request-id": number, **more})
    return socket.hear(lambda m: m.get("request-id") == number)


def is_order(status: str, number: int | None = None) -> Callable[[Body], bool]:
    return lambda m: m.get("type") == "Order" and m["data"]["status"] == status and number in (None, m["data"]["id"])


def told(messages: list[Body], number: int) -> list[str]:
    """An order's statuses in the order in which they were told, repeats left out."""
    found = [m["data"]["status"] for m in messages if m.get("type") == "Order" and m["data"]["id"] == number]
    return list(dict.fromkeys(found))


# What is told


def test_an_orders_life_is_told_in_the_documented_order(tasty: Tasty, alerts: Socket) -> None:
    number = tasty.place(equity_order("F"))["id"]
    heard = alerts.hear_until(is_order("Filled", number))
    kinds = [m["type"] for m in heard]
    while "CurrentPosition" not in kinds or kinds.count("AccountBalance") < kinds.count("Order"):
        heard.append(alerts.hear(lambda m: True))
        kinds.append(heard[-1]["type"])
    heard += alerts.hear_all(QUIET)
    assert told(heard, number) == ["Received", "Routed", "In Flight", "Live", "Filled"]
    assert all(isinstance(m["timestamp"], int) for m in heard)


def test_a_fill_is_told_in_the_published_shape(tasty: Tasty, alerts: Socket) -> None:
    published = json.loads((PAYLOADS / "E-STREAM-ORDER.json").read_text())
    number = tasty.place(equity_order("F"))["id"]
    told_of = alerts.hear(is_order("Filled", number))
    assert published.keys() == told_of.keys()
    assert published["data"].keys() <= told_of["data"].keys()
    [leg], [fill] = told_of["data"]["legs"], told_of["data"]["legs"][0]["fills"]
    assert published["data"]["legs"][0].keys() == leg.keys()
    assert published["data"]["legs"][0]["fills"][0].keys() == fill.keys()
    assert {type(fill[name]) for name in ("ext-group-fill-id", "ext-exec-id", "fill-id", "fill-price")} == {str}


def test_a_rest_and_a_cancel_are_told(tasty: Tasty, alerts: Socket) -> None:
    number = tasty.place(equity_order("F", price="1.00"))["id"]
    heard = alerts.hear_until(is_order("Live", number))
    tasty.send("DELETE", f"/orders/{number}", None, 200)
    heard += alerts.hear_until(is_order("Cancelled", number))
    assert told(heard, number)[-3:] == ["Live", "Cancel Requested", "Cancelled"]


def test_a_replacement_is_told_from_both_sides(tasty: Tasty, alerts: Socket) -> None:
    old = tasty.place(equity_order("F", price="1.00"))["id"]
    alerts.hear(is_order("Live", old))
    new = tasty.send("PATCH", f"/orders/{old}", {"price": "1.10"}, 200)["data"]["id"]
    heard = alerts.hear_until(is_order("Live", new))
    assert told(heard, old) == ["Replace Requested", "Cancelled"]
    assert told(heard, new)[0] == "Contingent"
    assert told(heard, new)[-1] == "Live"
    ended = next(m["data"] for m in heard if m["type"] == "Order" and m["data"]["status"] == "Cancelled")
    assert (ended["edited"], ended["replacing-order-id"]) == (True, new)


def test_a_complex_order_is_told_with_its_orders(tasty: Tasty, alerts: Socket) -> None:
    exits = [
        equity_order("KO", 1, price="9999.00", action="Sell to Close"),
        {"order-type": "Stop", "time-in-force": "GTC", "stop-trigger": "1.00"}
        | {"legs": [{"instrument-type": "Equity", "symbol": "KO", "quantity": 1, "action": "Sell to Close"}]},
    ]
    body = {"type": "OTOCO", "trigger-order": equity_order("KO", 1, price="1.00"), "orders": exits}
    made = tasty.send("POST", "/complex-orders", body, 201)["data"]["complex-order"]
    heard = alerts.hear(lambda m: m.get("type") == "ComplexOrder" and m["data"]["id"] == made["id"])
    assert heard["data"]["type"] == "OTOCO"
    assert len(heard["data"]["orders"]) == 2


def test_a_spread_is_told_filled_before_all_its_fills_are_there(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.control("fills", {"mode": "legs", "interval": 0.5, "account": tasty.number})
    low, high = tasty.strikes()[:2]
    legs = (option_leg(high["put"], "Sell to Open"), option_leg(low["put"], "Buy to Open"))
    number = tasty.place(order(*legs, price="0.01"))["id"]
    first = alerts.hear(is_order("Filled", number))["data"]
    assert [len(leg["fills"]) for leg in first["legs"]] == [1, 0]
    again = alerts.hear(is_order("Filled", number))["data"]
    assert [len(leg["fills"]) for leg in again["legs"]] == [1, 1]
    assert {leg["remaining-quantity"] for leg in again["legs"]} == {0}


def test_an_order_of_a_thousand_fills_stays_within_a_frame(tasty: Tasty, alerts: Socket) -> None:
    def fill_often(world: World) -> None:
        made = next(iter(world.exchange.account(tasty.number).orders.values()))
        fill = SimFill("1", Decimal(1), Decimal("12.34"), world.clock.now())
        made.legs[0].fills = [replace(fill, fill_id=str(one)) for one in range(1000)]

    number = tasty.place(equity_order("F", 1000, price="0.50"))["id"]
    alerts.hear(is_order("Live", number))
    tasty.sim.inside(fill_often)
    tasty.send("DELETE", f"/orders/{number}", None, 200)
    told_of = alerts.hear(is_order("Cancel Requested", number))["data"]["legs"][0]["fills"]
    assert told_of[-1]["fill-id"] == "999"


def test_a_position_closed_is_told_flat_with_the_years_gain(tasty: Tasty, alerts: Socket) -> None:
    tasty.place(equity_order("AAPL", 25, action="Sell to Close"))
    flat = alerts.hear(lambda m: m.get("type") == "CurrentPosition" and m["data"]["symbol"] == "AAPL")["data"]
    assert (float(flat["quantity"]), flat["quantity-direction"]) == (0, "Zero")
    gain = alerts.hear(lambda m: m.get("type") == "UnderlyingYearGainSummary")["data"]
    assert (gain["symbol"], gain["instrument-type"], gain["account-number"]) == ("AAPL", "Equity", tasty.number)
    assert gain["year"] == tasty.sim.inside(lambda world: world.today().year)
    names = {"fees", "commissions", "yearly-realized-gain", "realized-lot-gain"}
    assert names | {f"{name}-effect" for name in names} <= gain.keys()
    assert gain["realized-lot-gain-effect"] in ("Credit", "Debit")


def test_a_deposit_is_told_as_a_transfer_with_the_balance(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.inside(lambda world: world.exchange.deposit(tasty.number, Decimal("250.00")))
    transfer = alerts.hear(lambda m: m.get("type") == "ExternalTransaction")["data"]
    assert (transfer["amount"], transfer["direction"], transfer["account-number"]) == ("250.0", "Deposit", tasty.number)
    alerts.hear(lambda m: m.get("type") == "AccountBalance")
    tasty.place(equity_order("F", price="1.00"))
    assert "ExternalTransaction" not in {m["type"] for m in alerts.hear_all(QUIET)}


def test_a_changed_permission_is_told(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.inside(lambda world: setattr(world.exchange.account(tasty.number), "option_level", 1))
    tasty.place(equity_order("F"))
    status = alerts.hear(lambda m: m.get("type") == "TradingStatus")["data"]
    assert status == tasty.mine("/trading-status")["data"]


def test_an_alert_is_told_to_its_owner_who_asked_for_alerts(tasty: Tasty, alerts: Socket) -> None:
    body = {"symbol": "SPY", "field": "Last", "operator": ">", "threshold": "9000.00"}
    alert = tasty.call("POST", "/quote-alerts", 201, json=body)["data"]
    with connected(Tasty(tasty.sim, "other")) as other, connected(tasty) as deaf:
        assert ask(other, Tasty(tasty.sim, "other"), "quote-alerts-subscribe")["status"] == "ok"
        assert ask(alerts, tasty, "quote-alerts-subscribe")["status"] == "ok"
        tasty.sim.price("SPY", "9999.00")
        data = alerts.hear(lambda m: m.get("type") == "QuoteAlert")["data"]
        assert data["alert-external-id"] == alert["alert-external-id"]
        assert {"triggered-at", "completed-at"} <= data.keys()
        assert not [m for each in (other, deaf) for m in each.hear_all(0.3) if m.get("type") == "QuoteAlert"]


def test_the_brokers_lists_come_to_those_who_ask_for_them(tasty: Tasty, alerts: Socket) -> None:
    lists = tasty.get("/public-watchlists")["data"]["items"]
    ask(alerts, tasty, "public-watchlists-subscribe")
    heard = [alerts.hear(lambda m: m.get("type") == "PublicWatchlists")["data"] for _ in lists]
    assert heard == lists


def test_the_legacy_messages_want_the_persons_own_id(tasty: Tasty, alerts: Socket) -> None:
    assert ask(alerts, tasty, "user-message-subscribe", value="U-demo")["status"] == "ok"
    assert ask(alerts, tasty, "user-message-subscribe", value="U-other")["message"] == "failed"
    assert ask(alerts, tasty, "user-message-subscribe")["message"] == "value missing or not valid"


def test_an_account_may_be_added_by_its_bare_name(tasty: Tasty, alerts: Socket) -> None:
    saver = with_new_account(tasty.sim)
    assert ask(alerts, tasty, "account-subscribe", value=saver.number)["status"] == "ok"
    number = saver.place(equity_order("KO", price="1.00"))["id"]
    alerts.hear(is_order("Live", number))


def test_a_token_that_is_none_opens_nothing(tasty: Tasty) -> None:
    with Socket(f"{tasty.sim.ws}/streamer") as socket:
        socket.say({"action": "connect", "value": [tasty.number], "auth-token": "Bearer nonsense", "request-id": 5})
        assert socket.hear(lambda m: m["request-id"] == 5)["message"] == "failed"
        assert ask(socket, tasty, "heartbeat")["status"] == "ok"


def test_a_token_that_has_ended_ends_the_connection_of_one_who_beats_with_it(tasty: Tasty) -> None:
    tasty.sim.faults(streamer_patience=2.0)
    with connected(tasty) as socket:
        stale = bearer(tasty)
        tasty.sim.clock(jump=1000)
        deadline = time.monotonic() + 30
        beat = {"action": "heartbeat", "auth-token": stale, "request-id": 1}
        with contextlib.suppress(Exception):
            while time.monotonic() < deadline:
                socket.say(beat)
                assert socket.hear(lambda m: m.get("action") == "heartbeat")["status"] == "ok"
                time.sleep(0.05)
        assert time.monotonic() < deadline


def test_a_client_that_beats_and_stops_is_dropped_and_one_that_never_beats_is_not(tasty: Tasty) -> None:
    tasty.sim.faults(streamer_patience=2.0)
    with connected(tasty) as quiet, connected(tasty) as beating:
        ask(beating, tasty, "heartbeat")
        assert beating.is_dropped()
        tasty.place(equity_order("F", price="1.00"))
        quiet.hear(lambda m: m.get("type") == "Order")


def test_other_accounts_stay_private(tasty: Tasty, alerts: Socket) -> None:
    stranger = Tasty(tasty.sim, "other")
    stranger.place(equity_order("F", price="1.00"))
    assert alerts.hear_all(QUIET) == []
    assert ask(alerts, tasty, "connect", value=stranger.grant.accounts)["message"] == "failed"
    stranger.place(equity_order("F", price="1.00"))
    assert alerts.hear_all(QUIET) == []


# Faults


def test_order_frames_can_be_lost(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "drop_order_frames", "account": tasty.number})
    tasty.place(equity_order("F"))
    expected = {"AccountBalance", "CurrentPosition", "OrderChain"}
    kinds: set[str] = set()
    while kinds < expected:
        kinds.add(alerts.hear(lambda m: True)["type"])
    assert kinds | {m["type"] for m in alerts.hear_all(QUIET)} == expected


def test_the_streamer_falls_silent_while_heartbeats_are_answered(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "streamer_silent"})
    tasty.place(equity_order("F", price="1.00"))
    assert ask(alerts, tasty, "heartbeat")["status"] == "ok"
    assert alerts.hear_all(QUIET) == []


def test_the_streamer_can_be_dropped(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "streamer_close", "times": 1})
    assert alerts.is_dropped()


def test_notifications_can_come_in_the_wrong_order_and_none_is_lost(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "reorder_frames", "symbol": "F", "after": 1, "times": 1})
    number = tasty.place(equity_order("F"))["id"]
    heard = alerts.hear_until(is_order("Filled", number))
    assert told(heard, number) == ["Received", "In Flight", "Routed", "Live", "Filled"]


def test_a_notification_held_back_comes_even_if_none_follows(tasty: Tasty, alerts: Socket) -> None:
    number = tasty.place(equity_order("F", price="1.00"))["id"]
    alerts.hear(is_order("Live", number))
    tasty.sim.faults({"effect": "reorder_frames", "symbol": "F", "after": 1, "times": 1})
    tasty.send("DELETE", f"/orders/{number}", None, 200)
    alerts.hear(is_order("Cancelled", number))


def test_notifications_of_unknown_types_come_between_the_others(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "unknown_frames", "times": 1})
    tasty.place(equity_order("F", price="1.00"))
    alerts.hear(lambda m: m.get("type") == "SomethingNew")
    alerts.hear(lambda m: m.get("type") == "Order")


def test_order_frames_can_come_twice(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults({"effect": "duplicate_order_frames", "times": 1})
    tasty.place(equity_order("F", price="1.00"))
    first = alerts.hear(lambda m: m.get("type") == "Order")
    assert alerts.hear(lambda m: m.get("type") == "Order") == first


def test_notifications_may_come_in_batches(tasty: Tasty, alerts: Socket) -> None:
    tasty.sim.faults(streamer_batches=True)
    number = tasty.place(equity_order("F"))["id"]
    batches: list[Body] = []
    while not any(is_order("Filled", number)(m) for batch in batches for m in batch["results"]):
        batches.append(alerts.hear(lambda m: "results" in m))
    assert ask(alerts, tasty, "heartbeat")["status"] == "ok"
    told_of = [m for batch in batches for m in batch["results"]]
    assert len(told_of) > len(batches)
    assert all({"type", "data", "timestamp"} == m.keys() for m in told_of)


# Rude clients


def test_garbage_is_answered_and_the_connection_goes_on(tasty: Tasty, alerts: Socket) -> None:
    for text in ("hello", "[]", "{", "[" * 20_000, '{"action": ["connect"]}', '{"action": {"a": 1}, "value": 1e999}'):
        alerts.raw.send(text)
        assert alerts.hear(lambda m: True)["status"] == "error"
    alerts.raw.send(b"\x00\xff")
    assert alerts.hear(lambda m: True)["status"] == "error"
    assert ask(alerts, tasty, "heartbeat")["status"] == "ok"


def test_a_request_above_the_limit_closes_the_connection(tasty: Tasty, alerts: Socket) -> None:
    alerts.raw.send(json.dumps({"action": "heartbeat", "source": "x" * 70_000}))
    assert alerts.is_dropped()
    assert alerts.raw.close_code == 1009


def test_subscriptions_before_connect_are_refused_and_connect_still_works(tasty: Tasty) -> None:
    with Socket(f"{tasty.sim.ws}/streamer") as socket:
        assert ask(socket, tasty, "public-watchlists-subscribe")["message"] == "connect-not-completed"
        assert ask(socket, tasty, "heartbeat")["status"] == "ok"
        assert ask(socket, tasty, "connect", value=[tasty.number])["status"] == "ok"


def test_half_open_and_deaf_clients_disturb_nobody(tasty: Tasty, alerts: Socket) -> None:
    address = ("127.0.0.1", tasty.sim.port)
    with plain_socket.create_connection(address) as half, plain_socket.create_connection(address) as raw:
        half.sendall(b"GET /tastytrade/streamer HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
        raw.sendall(b"\x00" * 1000)
        with connected(tasty) as gone:
            gone.raw.socket.close()
            number = tasty.place(equity_order("F"))["id"]
            alerts.hear(is_order("Filled", number))
    assert tasty.mine("/orders/live")["data"]["items"]


def test_a_reset_goes_on_telling_of_the_new_accounts(sim: SimulatorServer) -> None:
    tasty = Tasty(sim)
    with connected(tasty) as alerts:
        sim.reset()
        number = tasty.place(equity_order("F"))["id"]
        heard = alerts.hear_until(is_order("Filled", number)) + alerts.hear_all(QUIET)
    assert "ExternalTransaction" not in {m["type"] for m in heard}


def test_the_newsroom_closes_with_its_last_reader(tasty: Tasty) -> None:
    def listeners() -> int:
        return tasty.sim.inside(lambda world: len(world.event_listeners))

    before = listeners()
    with connected(tasty), connected(tasty):
        assert listeners() == before + 1
    deadline = time.monotonic() + 30
    while listeners() != before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
