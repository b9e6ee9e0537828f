"""From the ticket to the fill at the simulator, over its real wire."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import connections as databases
from django.test import Client
from django.utils import timezone
from hand_fed import until
from simulator_server import SimulatorServer, wait_until

from brokers.connections.accounts import stream_token_source
from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from brokers.port import StreamState
from trading import orders, receivers
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import news, watch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(simulated_account: Account) -> Client:
    client = Client()
    client.force_login(simulated_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def send(browser: Client, account: Account, **ticket: str) -> Order:
    given = {
        "account": str(account.pk), "action": "buy_to_open", "order_type": "limit", "time_in_force": "day",
        "quantity": "1",
    } | ticket  # fmt: skip
    page = browser.post("/trade", given).content.decode()
    found = re.search(r'name="preview" value="([^"]+)"', page)
    assert found, re.sub(r"\s+", " ", page[page.find('id="content"') :])[:3000]
    confirmed = re.findall(r'name="confirmed"\s+value="(\w+)"', page)
    answer = browser.post("/trade/place", {"preview": found[1], "confirmed": confirmed})
    return Order.objects.get(pk=answer["Location"].split("/")[-1])


def becomes(order: Order, account: Account) -> Callable[[Status], Order]:
    def wait(status: Status) -> Order:
        def look() -> bool:
            orders.refresh(account)
            order.refresh_from_db()
            return order.status == status

        wait_until(look, 30, 0.2)
        return order

    return wait


def test_a_share_order_is_filled(browser: Client, simulated_account: Account) -> None:
    order = send(browser, simulated_account, symbol="AAPL", order_type="market", quantity="3")
    filled = becomes(order, simulated_account)(Status.FILLED)
    assert filled.filled_quantity == 3
    assert filled.average_fill_price is not None
    assert filled.average_fill_price > 0
    assert sum(fill.quantity for fill in filled.fills.all()) == 3
    page = browser.get(f"/orders/{order.pk}").content.decode()
    assert "Filled" in page
    assert "filled at" in page


def test_an_option_order_works_and_is_cancelled(
    browser: Client, simulated: SimulatorServer, simulated_account: Account
) -> None:
    simulated.fills("never")
    page = browser.get("/trade/options", {"account": simulated_account.pk, "symbol": "SPY"}).content.decode()
    symbol = re.search(r'data-option="([^"]+)"', page)
    assert symbol, page
    order = send(browser, simulated_account, symbol=symbol[1], limit_price="0.05", time_in_force="gtc")
    assert order.limit_price == Decimal("-0.05")
    becomes(order, simulated_account)(Status.WORKING)
    browser.post(f"/orders/{order.pk}/cancellation")
    gone = becomes(order, simulated_account)(Status.CANCELLED)
    assert gone.filled_quantity == 0
    assert gone.ended_at is not None
    with pytest.raises(orders.NotCancellable):
        orders.cancel(gone)


def test_a_refusal_of_the_dry_run_is_shown_at_the_ticket(browser: Client, simulated_account: Account) -> None:
    given = {
        "account": str(simulated_account.pk), "symbol": "AAPL", "action": "buy_to_open", "order_type": "limit",
        "limit_price": "190.00", "time_in_force": "day", "quantity": "1000000",
    }  # fmt: skip
    answer = browser.post("/trade", given)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing was sent." in page
    assert 'value="1000000"' in page
    assert "buying power" in page


def test_unknown_symbols_and_steps_are_refused_by_what_the_broker_says(
    browser: Client, simulated_account: Account
) -> None:
    given = {
        "account": str(simulated_account.pk), "symbol": "ZZZZ", "action": "buy_to_open", "order_type": "limit",
        "limit_price": "1.005", "time_in_force": "day", "quantity": "1",
    }  # fmt: skip
    assert "The broker knows no ZZZZ." in browser.post("/trade", given).content.decode()
    assert "Prices go in steps" in browser.post("/trade", given | {"symbol": "AAPL"}).content.decode()


def test_an_order_that_another_program_placed_is_shown(
    browser: Client, simulated: SimulatorServer, simulated_account: Account
) -> None:
    simulated.fills("never")
    session = simulated.session()
    leg = {"instrument-type": "Equity", "symbol": "AAPL", "quantity": 2, "action": "Buy to Open"}
    body = {"time-in-force": "Day", "order-type": "Limit", "price": "1.00", "price-effect": "Debit", "legs": [leg]}
    answer = session.post(f"{simulated.api}/accounts/{simulated_account.number}/orders", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    page = browser.get("/orders/").content.decode()
    assert "placed elsewhere" in page
    assert "Buy 2 AAPL at 1.00 or better" in page
    orders.look_up(simulated_account, timezone.now())
    assert Order.objects.filter(is_external=True, status__in=[Status.ACCEPTED, Status.WORKING]).count() == 1


async def test_a_fill_that_was_told_while_the_account_stream_was_away_is_known_when_it_is_back(
    simulated: SimulatorServer, simulated_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the listing at once it would be known a minute later: the other looks are put off."""
    monkeypatch.setattr(news, "LOOKS", ())
    monkeypatch.setattr(receivers, "_moved", lambda *_: False)

    def place() -> Order:
        legs = (Leg(parse_instrument("AAPL"), Action.BUY_TO_OPEN, Decimal(1)),)
        ticket = OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, Decimal(-193))
        order, _ = orders.place(
            account=simulated_account, ticket=ticket, idempotency_key="key-1", source=Order.Source.API
        )
        return order

    simulated.fills("never")
    simulated.price("AAPL", "190")
    order = await sync_to_async(place)()
    assert order.is_open
    watching = asyncio.create_task(watch.watch_orders(pause=0.05))
    try:
        await until(lambda: account_state() is StreamState.LIVE)
        await asyncio.sleep(1)
        simulated.faults({"effect": "drop_order_frames"})
        simulated.fills("immediate")
        simulated.price("AAPL", "190")
        await asyncio.sleep(1)
        await order.arefresh_from_db()
        assert order.is_open, "it was told of the fill after all"
        simulated.faults({"effect": "streamer_close", "times": 1})
        for _ in range(300):
            await asyncio.sleep(0.1)
            await order.arefresh_from_db()
            if order.status == Status.FILLED:
                break
        assert order.status == Status.FILLED
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await watch.hub.close()
        await sync_to_async(databases.close_all)()


def account_state() -> StreamState | None:
    told = [feed.statuses.get("account") for feed in watch.hub.feeds.values()]
    return told[0].state if told and told[0] else None


def test_a_streams_threads_keep_no_database_connection(simulated_account: Account) -> None:
    """They live as long as the program: what they kept would be held for ever, and dead after a restart."""
    token = stream_token_source(simulated_account.connection)

    def ask() -> tuple[str, object]:
        return token(), databases["default"].connection

    with ThreadPoolExecutor(1) as pool:
        got, kept = pool.submit(ask).result()
    assert got
    assert kept is None
