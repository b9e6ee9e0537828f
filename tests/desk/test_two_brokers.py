"""Two brokers side by side for one person: each named, one that is away leaves the other undisturbed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from signing_in import BOTH, MARGIN_ACCOUNTS, connect, point_at
from simulator_server import SimulatorServer
from talking_broker import forget_flights

from brokers.models import Account, Connection
from brokers.transport import forget_sessions
from trading.models import Order

TITLES = {"tastytrade": "tastytrade SIM", "tradestation": "TradeStation SIM"}
OTHER = dict(zip(BOTH, reversed(BOTH), strict=True))
EITHER_AWAY = pytest.mark.parametrize("away", BOTH)


@pytest.fixture
def trader(sim: SimulatorServer, settings: Any, transactional_db: None) -> Iterator[Client]:
    """The demo person, who has connected both brokers in one sitting."""
    point_at(settings, sim, *BOTH)
    sim.reset()
    sim.fills("never")
    cache.clear()
    forget_flights()
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_user("trader"))
    for broker in BOTH:
        connect(client, sim, broker)
    yield client
    sim.clear_faults()
    forget_sessions()


def account_at(broker: str) -> Account:
    return Account.objects.select_related("connection").get(connection__broker=broker, number=MARGIN_ACCOUNTS[broker])


def page(trader: Client, address: str) -> str:
    answer = trader.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def order_form(broker: str, **changes: str) -> dict[str, str]:
    form = {"account": str(account_at(broker).pk), "symbol": "F", "action": "buy_to_open", "quantity": "1"}
    return form | {"order_type": "limit", "time_in_force": "day", "limit_price": "1.00"} | changes


def place(trader: Client, broker: str, **changes: str) -> Order:
    """Review and send; the order as the desk keeps it, and as the broker has taken it."""
    review = trader.post("/trade", order_form(broker, **changes))
    assert review.status_code == 200, review.content
    trader.post("/trade/place", {"preview": review.context["token"]})
    order = Order.objects.filter(account=account_at(broker)).latest("created_at")
    assert order.broker_order_id
    assert order.phase in ("submitting", "working")
    return order


def show_anew() -> None:
    """Nothing that was asked a moment ago answers the next question."""
    forget_flights()


def break_off(sim: SimulatorServer, broker: str) -> None:
    sim.faults({"effect": "status", "status": 503, "path": f"/{broker}/*"})


def test_each_broker_has_a_card_and_the_two_share_nothing(trader: Client) -> None:
    rows = {row.broker: row for row in Connection.objects.all()}
    assert set(rows) == set(BOTH)
    words = page(trader, "/connections/")
    for broker in BOTH:
        assert MARGIN_ACCOUNTS[broker] in words
    assert words.count(">Connected<") == 2


def test_the_switcher_and_the_overview_name_the_broker_of_each_account(trader: Client) -> None:
    overview = page(trader, "/portfolio/?account=all")
    assert "data-trouble" not in overview
    for broker in BOTH:
        account = account_at(broker)
        option = overview.partition(f'<option value="{account.pk}"')[2].partition("</option>")[0]
        assert account.connection.title in option
        assert f'id="account-{account.pk}"' in overview
    assert overview.count("data-account=") == Account.objects.count()


def test_positions_of_both_are_there_and_each_row_watches_its_own_connection(trader: Client) -> None:
    positions = page(trader, "/portfolio/positions?account=all")
    for row in Connection.objects.all():
        assert f'data-connection="{row.pk}"' in positions


def test_an_order_goes_to_the_broker_of_its_account_and_the_lists_say_which(
    trader: Client, sim: SimulatorServer
) -> None:
    for broker in BOTH:
        before = len(sim.ledger())
        order = place(trader, broker)
        acted = {entry["path"].split("/")[1] for entry in sim.ledger()[before:] if entry["order_id"]}
        assert acted == {broker}
        assert TITLES[broker] in page(trader, f"/orders/{order.pk}")
    listing = page(trader, "/orders/?tab=working")
    for broker in BOTH:
        assert f"· {account_at(broker).connection.title}" in listing


def test_the_review_says_at_which_broker(trader: Client) -> None:
    for broker in BOTH:
        review = trader.post("/trade", order_form(broker)).content.decode()
        assert TITLES[broker] in review.partition('class="sentence"')[2].partition("</dl>")[0]


@EITHER_AWAY
def test_a_broker_that_is_away_leaves_the_other_undisturbed(trader: Client, sim: SimulatorServer, away: str) -> None:
    page(trader, "/portfolio/?account=all")
    break_off(sim, away)
    show_anew()
    answer = trader.get("/portfolio/?account=all")
    assert [trouble.who for trouble in answer.context["troubles"]] == [TITLES[away]]
    stale = {book.account.connection.broker: book.balance.is_stale for book in answer.context["books"]}
    assert stale == {away: True, OTHER[away]: False}
    assert all(book.totals is not None for book in answer.context["books"]), "the last known stays"
    assert place(trader, OTHER[away])
    assert trader.post("/trade", order_form(away)).status_code == 422
    words = page(trader, "/connections/")
    assert words.count(">Connected<") + words.count(">Connected, not answering<") == 2, "no reason to connect again"
    assert words.count(">Connected<") >= 1, "the other one's card is as before"


@EITHER_AWAY
def test_a_dead_grant_at_one_broker_is_said_of_that_one_alone(trader: Client, sim: SimulatorServer, away: str) -> None:
    row = Connection.objects.get(broker=away)
    Connection.objects.filter(pk=row.pk).update(state=Connection.State.NEEDS_SIGN_IN, last_error="Connect again.")
    show_anew()
    answer = trader.get("/portfolio/?account=all")
    assert {trouble.who for trouble in answer.context["troubles"]} == {TITLES[away]}
    assert place(trader, OTHER[away])
    states = {other.broker: other.is_connected for other in Connection.objects.all()}
    assert states == {away: False, OTHER[away]: True}


@EITHER_AWAY
def test_disconnecting_one_leaves_the_other_and_a_default_account(trader: Client, away: str) -> None:
    row = Connection.objects.get(broker=away)
    assert trader.post(f"/connections/{row.pk}/disconnect").status_code == 302
    overview = page(trader, "/portfolio/?account=all")
    assert "data-trouble" not in overview
    assert overview.count("data-account=") == Account.objects.filter(connection__broker=OTHER[away]).count()
    assert Account.objects.filter(is_default=True).get().connection.broker == OTHER[away]


def test_a_connection_of_one_broker_is_not_renewed_with_the_sign_in_of_the_other(trader: Client) -> None:
    row = Connection.objects.get(broker=BOTH[0])
    assert trader.post(f"/connect/{BOTH[1]}/sim/start", {"reconnect": str(row.pk)}).status_code == 404


def test_live_and_sim_of_a_broker_stay_apart(trader: Client, sim: SimulatorServer, settings: Any) -> None:
    words = page(trader, "/connections/new")
    assert "Sign in at TradeStation SIM" in words
    assert "Sign in at TradeStation LIVE" not in words
    assert "TRADESTATION_CLIENT_ID" in words
    assert "client services" in words
    assert trader.post("/connect/tradestation/live/start")["Location"] == "/connections/new"
