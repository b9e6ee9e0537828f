"""The chain page at both brokers of the simulator: legs by buttons alone, the way to the ticket, rights."""

import html
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from any_broker import calm
from django.core.cache import cache
from django.test import Client
from listed_soon import monthly, quarterly
from simulator_server import SimulatorServer

from brokers import connections, registry
from brokers.domain.instruments import FutureOption, Option, Right, parse_instrument
from brokers.models import Account
from market.chain.board import Board
from market.chain.legs import PickedLeg
from market.chain.reading import Reading
from trading.drafting import held


@pytest.fixture(autouse=True)
def _nothing_kept(account: Account, sim: SimulatorServer) -> None:
    """Nor the broker's count of calls: each chain takes dozens."""
    cache.clear()
    calm(sim)


def page(client: Client, symbol: str = "SPY", **query: Any) -> Any:
    answer = client.get(f"/chains/{symbol}", query)
    assert answer.status_code == 200, (answer, answer.content[:300])
    return answer


def rows(answer: Any) -> list[Any]:
    board: Board = answer.context["board"]
    return [*board.below, *board.above]


def put_near(answer: Any, steps: int) -> Option:
    """The put so many strikes below the money."""
    board: Board = answer.context["board"]
    option = board.below[-1 - steps].put.option  # type: ignore[union-attr]
    assert isinstance(option, Option)
    return option


def after(client: Client, answer: Any, **change: Any) -> Any:
    """The page that a button leads to: its form as a browser without a script sends it."""
    form = re.search(r'<form id="chain-form".*?</form>', answer.content.decode(), re.S)
    assert form
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    query = [(name, html.unescape(value)) for name, value in hidden] + list(change.items())
    moved = client.get(answer.request["PATH_INFO"], query_of(query))
    assert moved.status_code == 302, moved.content[:300]
    return client.get(moved["Location"])


def query_of(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def legs(answer: Any) -> list[tuple[str, int]]:
    return [(str(row.picked.instrument), int(row.picked.quantity)) for row in answer.context["tray"].legs]


def test_the_chain_shows_strikes_around_the_money_with_prices_and_greeks(account: Account, trader: Client) -> None:
    answer = page(trader)
    reading: Reading = answer.context["reading"]
    board: Board = answer.context["board"]
    assert reading.spot is not None
    assert len(board.below) == len(board.above) == 10
    assert board.below[-1].strike <= reading.spot < board.above[0].strike
    for row in rows(answer):
        for side in (row.call, row.put):
            assert Decimal(side.bid.replace(",", "")) < Decimal(side.ask.replace(",", ""))
            assert all(cell.text != "—" for cell in side.cells), (row.strike, side.cells)
    deltas = [Decimal(row.call.cells[-1].text) for row in rows(answer)]
    assert deltas == sorted(deltas, reverse=True)
    assert Decimal("0.3") < deltas[len(deltas) // 2] < Decimal("0.7")


def test_expirations_are_tabs_with_days_kind_volatility_and_move(account: Account, trader: Client) -> None:
    answer = page(trader)
    tabs = [tab for tab, _, _ in answer.context["tabs"]]
    assert len(tabs) > 8
    assert [tab.days for tab in tabs] == sorted(tab.days for tab in tabs)
    known = [tab.term for tab in tabs if tab.term is not None and tab.days > 0]
    assert len(known) >= len(tabs) - 2
    assert [term.move for term in known] == sorted(term.move for term in known)
    by_broker = registry.spec(account.connection.broker).capabilities.has_metrics
    assert answer.context["reading"].terms.by_broker is by_broker
    words = "the broker's; moves: estimates" if by_broker else "estimates from mid prices"
    assert words in html.unescape(answer.content.decode())
    assert {tab.letter for tab in tabs} >= {"W", "M"}


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_another_expiration_other_columns_and_rows_are_links(account: Account, trader: Client) -> None:
    answer = page(trader)
    tab, address, shown = answer.context["tabs"][-1]
    assert not shown
    later = trader.get(address)
    assert later.context["expiration"].expiry == tab.expiry
    greeks = page(trader, view="greeks", strikes="8")
    assert len(rows(greeks)) == 8
    assert [cell.field for cell in rows(greeks)[0].put.mirrored] == ["delta", "volatility", "theta", "gamma", "vega"]
    assert len(rows(page(trader, strikes="all"))) == len(greeks.context["expiration"].strikes)


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_columns_and_rows_are_remembered(account: Account, trader: Client) -> None:
    page(trader, view="activity", strikes="12")
    again = page(trader, "AAPL")
    assert (again.context["state"].view, again.context["state"].count) == ("activity", "12")


def test_an_index_has_two_roots_and_says_which_settle_in_the_morning(account: Account, trader: Client) -> None:
    moved = trader.get("/chains/SPX")
    assert moved.status_code == 302
    answer = trader.get(moved["Location"])
    assert answer.context["reading"].underlying == parse_instrument("$SPX")
    tabs = [tab for tab, _, _ in answer.context["tabs"]]
    assert {tab.root for tab in tabs} == {"SPX", "SPXW"}
    assert {tab.settlement for tab in tabs if tab.root == "SPX"} == {"AM"}
    assert {tab.settlement for tab in tabs if tab.root == "SPXW"} == {"PM"}


def test_legs_are_made_by_buttons_without_a_script_and_a_reload_adds_none(account: Account, trader: Client) -> None:
    answer = page(trader)
    sold, bought = put_near(answer, 2), put_near(answer, 4)
    answer = after(trader, answer, sell=str(sold))
    answer = after(trader, answer, buy=str(bought))
    assert legs(answer) == [(str(sold), -1), (str(bought), 1)]
    again = trader.get(answer.request["PATH_INFO"] + "?" + answer.request["QUERY_STRING"])
    assert legs(again) == legs(answer)
    tray = answer.context["tray"]
    assert "put vertical" in tray.strategy.label
    assert tray.market.natural < tray.market.mid < tray.market.far
    assert f'data-leg="−1"><span class="visually-hidden">Sell {answer_strike(sold)} put' in answer.content.decode()
    width = (sold.strike - bought.strike) * 100
    assert tray.figures.max_profit - tray.figures.max_loss == width
    answer = after(trader, answer, sell=str(sold))
    assert legs(answer)[0] == (str(sold), -2)
    assert legs(after(trader, answer, drop=str(bought))) == [(str(sold), -2)]
    assert legs(after(trader, answer, clear="1")) == []


def answer_strike(option: Option) -> str:
    return f"{option.strike:,.0f}" if option.strike % 1 == 0 else f"{option.strike:,.2f}"


def test_the_ticket_opens_with_the_legs(account: Account, trader: Client) -> None:
    answer = page(trader)
    sold, bought = put_near(answer, 1), put_near(answer, 3)
    answer = after(trader, after(trader, answer, sell=str(sold)), buy=str(bought))
    href = answer.context["tray"].href
    ticket = trader.get(href)
    form = ticket.context["form"]
    assert [(str(row.instrument), row.action.value(), row.quantity.value()) for row in form.legs] == [
        (str(sold), "sell_to_open", "1"),
        (str(bought), "buy_to_open", "1"),
    ]
    assert form.chosen_account == account


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_what_is_held_is_marked_and_its_leg_closes(
    account: Account, trader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = put_near(page(trader), 2)
    monkeypatch.setattr(held, "quantities", lambda *_, **__: {option: Decimal(3)})
    answer = page(trader)
    [marked] = [row for row in rows(answer) if row.put.held]
    assert (marked.put.option, marked.put.held) == (option, 3)
    assert "You hold +3 of this put" in answer.content.decode()
    answer = after(trader, answer, sell=str(option))
    assert parse_qs(urlsplit(answer.context["tray"].href).query)["action"] == ["sell_to_close"]


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_options_on_a_future_have_their_chain_strategies_and_ticket(account: Account, trader: Client) -> None:
    future = str(quarterly())
    answer = page(trader, future)
    reading: Reading = answer.context["reading"]
    assert reading.underlying == parse_instrument(future)
    assert all(isinstance(row.call.option, FutureOption) for row in rows(answer))
    assert {tab.note for tab, _, _ in answer.context["tabs"]} == {""}
    assert all(cell.text != "—" for row in rows(answer) for cell in row.put.cells)
    answer = after(trader, answer, pick="iron_condor", pick_delta="0.25")
    tray = answer.context["tray"]
    assert tray.strategy.name == "iron condor"
    assert {row.market.multiplier for row in tray.legs} == {Decimal(50)}
    assert tray.figures is not None
    ticket = trader.get(tray.href)
    assert [str(row.instrument) for row in ticket.context["form"].legs] == [
        str(row.picked.instrument) for row in tray.legs
    ]


PICKED = {
    "vertical": ("put vertical", 2),
    "strangle": ("strangle", 2),
    "straddle": ("straddle", 2),
    "iron_condor": ("iron condor", 4),
    "butterfly": ("put butterfly", 3),
    "calendar": ("put calendar", 2),
    "diagonal": ("put diagonal", 2),
    "covered_call": ("covered call", 2),
}


def test_each_strategy_is_one_click(account: Account, trader: Client) -> None:
    start = page(trader)
    for pick, (name, count) in PICKED.items():
        answer = after(trader, start, pick=pick, pick_delta="0.30", pick_right="P")
        tray = answer.context["tray"]
        assert tray.strategy is not None, (pick, answer.content[:200])
        assert tray.strategy.name == name
        assert len(tray.legs) == count
        assert tray.market.mid is not None, pick


def test_a_strategy_stands_at_the_delta_that_was_wished_for(account: Account, trader: Client) -> None:
    start = page(trader, strikes="all")
    by_option = {row.call.option: row.call for row in rows(start)} | {row.put.option: row.put for row in rows(start)}
    answer = after(trader, start, pick="strangle", pick_delta="0.16")
    found = [by_option[row.picked.instrument].cells[-1].text for row in answer.context["tray"].legs]
    assert [abs(Decimal(text.replace("−", "-"))) for text in found] == [
        pytest.approx(Decimal("0.16"), abs=Decimal("0.03"))
    ] * 2


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_a_strategy_that_can_not_be_says_why(account: Account, trader: Client) -> None:
    answer = after(trader, page(trader), pick="vertical", pick_width="nonsense")
    assert "Choose a strategy, its width and its delta" in answer.content.decode()
    assert legs(answer) == []


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_legs_have_the_brokers_limit(account: Account, trader: Client) -> None:
    answer = page(trader)
    most = registry.spec(account.connection.broker).capabilities.max_legs
    for steps in range(most):
        answer = after(trader, answer, buy=str(put_near(answer, steps)))
    answer = after(trader, answer, buy=str(put_near(answer, most)))
    assert len(legs(answer)) == most
    assert f"at most {most} legs" in answer.content.decode()


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_a_part_of_the_page_is_given_to_the_script(account: Account, trader: Client) -> None:
    answer = page(trader)
    tray = page(trader, fragment="tray", sell=str(put_near(answer, 1)))
    text = tray.content.decode()
    assert text.strip().startswith('<section class="chain-tray"')
    assert legs(tray)[0][1] == -1
    whole = page(trader, fragment="1").content.decode()
    assert "<html" not in whole
    assert 'id="chain-form"' in whole


def test_a_stranger_meets_no_chain_of_another_persons_account(account: Account, trader: Client) -> None:
    stranger = Client()
    someone = account.connection.user.__class__.objects.create_user("somebody")
    stranger.force_login(someone)
    assert stranger.get(f"/chains/SPY?account={account.pk}").status_code == 302
    page(trader, account=str(account.pk))
    account.connection.user, before = someone, account.connection.user
    account.connection.save()
    other = Client(raise_request_exception=False)
    other.force_login(before)
    assert other.get(f"/chains/SPY?account={account.pk}").status_code in (302, 404)
    assert Client().get("/chains/SPY").status_code == 302


@pytest.mark.parametrize("address", ["/chains/SPY?account=1f0a8a3e-0000-4000-8000-000000000000", "/chains/?account=x"])
def test_an_account_that_is_not_there_is_not_found(account: Account, trader: Client, address: str) -> None:
    assert trader.get(address).status_code == 404


@pytest.mark.parametrize(("symbol", "status"), [("NOSUCH", 200), ("not%20one", 404), ("%2F%2F", 404)])
def test_what_has_no_chain_is_said_in_words(account: Account, trader: Client, symbol: str, status: int) -> None:
    answer = trader.get(f"/chains/{symbol}")
    assert answer.status_code in (status, 404)
    assert "No chain to show" in answer.content.decode()


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_an_option_or_a_small_letter_leads_to_its_chain(account: Account, trader: Client) -> None:
    option = put_near(page(trader), 0)
    moved = trader.get(f"/chains/{option}")
    assert moved.status_code == 302
    answer = trader.get(moved["Location"])
    assert answer.context["expiration"].expiry == option.expiry
    assert trader.get("/chains/spy")["Location"].startswith("/chains/SPY")


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_the_list_of_chains_offers_what_was_looked_at_and_takes_a_symbol(account: Account, trader: Client) -> None:
    page(trader, "AAPL")
    assert "AAPL" in trader.get("/chains/").content.decode()
    assert trader.get("/chains/", {"symbol": "aapl"})["Location"] == "/chains/AAPL"
    wrong = trader.get("/chains/", {"symbol": "not one"})
    assert wrong.status_code == 422
    assert "is not a symbol" in html.unescape(wrong.content.decode())


def test_a_broker_that_is_down_is_said_in_words(account: Account, trader: Client, sim: SimulatorServer) -> None:
    sim.faults({"effect": "status", "status": 503, "path": f"/{account.connection.broker}/*"})
    answer = trader.get("/chains/SPY")
    assert answer.status_code == 200
    assert "No chain to show" in answer.content.decode()
    assert trader.get("/chains/SPY?fragment=1").status_code == 422


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_without_quotes_the_chain_stands_with_dashes(
    account: Account, trader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(trader)
    cache.clear()
    broker = connections.broker_for(account.connection)
    monkeypatch.setattr(type(broker), "get_quotes", lambda self, instruments: {})
    answer = page(trader)
    sides = [side for row in rows(answer) for side in (row.call, row.put)]
    assert {side.bid for side in sides} == {"—"}
    assert {cell.text for side in sides for cell in side.cells} == {"—"}
    assert not any(side.no_bid for side in sides)
    answer = after(trader, answer, buy=str(put_near(answer, 1)))
    assert answer.context["tray"].mid == "—"


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_an_address_made_up_by_hand_breaks_nothing(account: Account, trader: Client) -> None:
    put = monthly("SPY", Right.PUT, "600")
    wild = {
        "expiry": "x" * 500,
        "view": "<b>",
        "strikes": "-1",
        "side": "both",
        "around": "NaN",
        "leg": ["1*<script>", f"-1*{put}", "", "9" * 400 + "*SPY"],
    }
    answer = page(trader, **wild)
    assert legs(answer) == [(str(put), -1)]
    assert "<script>alert" not in answer.content.decode()
    assert answer.context["state"].legs == (PickedLeg(put, Decimal(-1)),)
