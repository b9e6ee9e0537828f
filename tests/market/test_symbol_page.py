"""The symbol page at either broker: quote, figures, what the person has of it; addresses; a broker that is away."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from listed_soon import quarterly
from simulator_server import SimulatorServer, wait_until
from talking_broker import forget_flights

from brokers.domain.instruments import Equity, plain
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from brokers.registry import spec
from market.symbol import marks as symbol_marks
from market.watchlists.rows import change_of
from trading import orders
from trading.models import Order

AAPL = Equity("AAPL")


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def buy(account: Account, price: str | None, key: str, quantity: str = "2") -> Order:
    leg = Leg(AAPL, Action.BUY_TO_OPEN, Decimal(quantity))
    kind = OrderType.LIMIT if price else OrderType.MARKET
    limit = -Decimal(price) if price else None
    ticket = OrderTicket((leg,), kind, TimeInForce.DAY, limit)
    order, _ = orders.place(account=account, ticket=ticket, idempotency_key=key, source=Order.Source.API)
    return order


def page(client: Client, symbol: str, **query: str) -> Any:
    answer = client.get(f"/symbols/{quote(symbol, safe='')}", query)
    assert answer.status_code == 200, answer
    return answer


@pytest.mark.parametrize("given", ["AAPL", "$SPX", "/ES", "BTC/USD"])
def test_each_class_of_instrument_has_its_page(account: Account, trader: Client, given: str) -> None:
    symbol = str(quarterly()) if given == "/ES" else given
    answer = page(trader, symbol)
    text = answer.content.decode()
    assert answer.context["symbol"] == symbol
    assert answer.context["quote"].last or answer.context["quote"].bid
    assert f'data-connection="{account.connection_id}"' in text
    assert f'data-symbol="{symbol}"' in text
    assert ("Buy</a>" in text) == (
        type(answer.context["instrument"]) in spec(account.connection.broker).capabilities.classes
    )


def test_metrics_stand_where_the_broker_tells_them_and_are_asked_for_where_not(
    account: Account, trader: Client
) -> None:
    text = page(trader, "AAPL").content.decode()
    if spec(account.connection.broker).capabilities.has_metrics:
        assert re.search(r"<dt>IV rank</dt>\s*<dd>\d+\.\d</dd>", text)
        assert re.search(r"<dt>Earnings</dt>\s*<dd><time", text)
    else:
        assert 'data-estimate="iv_index" hidden' in text
        assert "IV rank" not in text


def test_the_change_is_since_the_close_before(account: Account, trader: Client) -> None:
    told = page(trader, "AAPL").context
    last, before = told["quote"].last, told["quote"].prev_close
    assert told["change"] == last - before
    assert told["share"] == (last - before) / before
    assert change_of(None) == (None, None)


def test_an_address_in_small_letters_leads_to_the_right_one(account: Account, trader: Client) -> None:
    assert trader.get("/symbols/aapl")["Location"] == "/symbols/AAPL"
    assert trader.get("/symbols/btc%2Fusd")["Location"] == "/symbols/BTC%2FUSD"
    assert trader.get("/symbols/no!symbol").status_code == 404
    unknown = trader.get("/symbols/ZZZZQ")
    assert unknown.status_code == 404
    assert "No such symbol" in unknown.content.decode()


def test_an_index_that_is_typed_like_a_share_leads_to_the_index(account: Account, trader: Client) -> None:
    """Else it could be bought and sold, at the index's price."""
    moved = trader.get("/symbols/SPX")
    assert (moved.status_code, moved["Location"]) == (302, "/symbols/%24SPX")
    assert "Buy</a>" not in trader.get(moved["Location"]).content.decode()


def test_orders_fills_and_holding_stand_on_the_chart(
    transactional_db: None, account: Account, trader: Client, sim: SimulatorServer
) -> None:
    sim.reset()
    sim.fills("immediate")
    bought = buy(account, None, "symbol-page-1", "3")

    def filled() -> bool:
        orders.refresh(account)
        return Order.objects.get(pk=bought.pk).filled_quantity == 3

    wait_until(filled)
    sim.fills("never")
    last = page(trader, "AAPL").context["quote"].last
    resting = buy(account, str(round(last * Decimal("0.97"), 2)), "symbol-page-2")
    forget_flights()
    cache.clear()
    part = trader.get(f"/symbol-marks/AAPL?account={account.pk}")
    levels = json.loads(re.search(r'data-levels="([^"]*)"', part.content.decode())[1].replace("&quot;", '"'))  # type: ignore[index]
    price = str(-Order.objects.get(pk=resting.pk).limit_price.normalize())
    assert (price, "Buy 2 limit") in [(level["price"], level["words"]) for level in levels["orders"]]
    assert {fill["side"] for fill in levels["fills"]} == {"buy"}
    own = {(int(fill.filled_at.timestamp() * 1000), plain(fill.quantity)) for fill in bought.fills.all()}
    assert own <= {(fill["at"], fill["words"].split()[1]) for fill in levels["fills"]}
    assert own
    assert abs(levels["fills"][0]["at"] / 1000 - timezone.now().timestamp()) < 120
    marks = part.context["marks"]
    assert marks.position is not None
    assert Decimal(levels["cost"]["price"]) == marks.position.average_open_price
    assert "Long" in levels["cost"]["words"]
    assert "Buy 2 AAPL" in part.content.decode()
    other = symbol_marks.marks_of(account, Equity("MSFT"), ask=False)
    assert (other.orders, other.fills) == ((), ())


def test_a_stranger_sees_nothing_of_it(account: Account, stranger: Client) -> None:
    for address in (f"/symbols/AAPL?account={account.pk}", f"/symbol-marks/AAPL?account={account.pk}"):
        assert stranger.get(address).status_code == 404
        assert Client().get(address).status_code == 302
    assert "connect a broker" in stranger.get("/symbols/AAPL").content.decode()


def test_a_broker_that_is_away_is_told_and_the_page_still_comes(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    sim.faults({"effect": "status", "status": 503, "method": "GET"})
    try:
        answer = page(trader, "AAPL")
        assert answer.context["problem"]
        assert "may be old or incomplete" in answer.content.decode()
        table = page(trader, "AAPL", table="1").context["bars"]
        assert table.problem or table.bars
    finally:
        sim.clear_faults()


@pytest.mark.parametrize("interval", ["1d", "1h", "nonsense"])
def test_figures_come_as_a_table_without_a_script(account: Account, trader: Client, interval: str) -> None:
    answer = page(trader, "AAPL", table="1", interval=interval)
    bars = answer.context["bars"]
    assert not bars.problem
    assert len(bars.bars) > 30
    assert bars.bars[0].at > bars.bars[-1].at
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars.bars)
    assert answer.content.decode().count("<tr>") >= len(bars.bars)
