"""The pages of what is done about orders: new terms, cancel all, deciding, groups, orders that a holding suggests."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from ledger_broker import AAPL, LedgerBroker, a_ticket, raiser

from brokers import registry
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import Ambiguous, OutcomeUnknown
from brokers.models import Account
from trading import orders, risk, tickets
from trading.drafting import reviewed
from trading.lifecycle import Asked, Status
from trading.models import CancelRun, Order, Replacement
from trading.pages import changing, holding_orders
from trading.risk import Finding

pytestmark = pytest.mark.django_db


def place(account: Account, key: str = "k", **ticket: Any) -> Order:
    return orders.place(account=account, ticket=a_ticket(**ticket), idempotency_key=key, source=Order.Source.WEB)[0]


def token_in(page: str) -> str:
    found = re.search(r'name="preview" value="([^"]+)"', page)
    assert found, page[:3000]
    return found[1]


def review_change(client: Client, order: Order, **typed: str) -> str:
    now = {"limit_price": "190.00", "time_in_force": "day"}
    answer = client.post(f"/orders/{order.pk}/replacement", now | typed)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


# --- new terms ---


def test_new_terms_go_from_form_to_review_to_the_broker_once(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    address = f"/orders/{order.pk}/replacement"
    form = trader_client.get(address).content.decode()
    assert 'value="190' in form
    page = review_change(trader_client, order, limit_price="189.50")
    assert re.search(r"Limit price</th>\s*<td class=\"num\">190\.00</td>\s*<td class=\"num\"><strong>189\.50", page)
    assert "Good for" not in page.split("<tbody>")[1].split("</tbody>")[0]
    assert "Replace SIM order" in page
    assert "replace" not in ledger_broker.calls
    sent = trader_client.post(address, {"preview": token_in(page)})
    again = trader_client.post(address, {"preview": token_in(page)})
    assert ledger_broker.calls.count("replace") == 1
    stands = Replacement.objects.get().successor
    assert stands is not None
    assert sent["Location"] == again["Location"] == f"/orders/{stands.pk}"
    story = trader_client.get(sent["Location"]).content.decode()
    assert f'href="/orders/{order.pk}"' in story
    assert "this one" in story


def test_a_tick_is_the_brokers(trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker) -> None:
    order = place(trading_account)
    for step, price in (("limit_price:up", "190.01"), ("limit_price:down", "189.99")):
        page = trader_client.post(
            f"/orders/{order.pk}/replacement", {"limit_price": "190", "time_in_force": "day", "step": step}
        )
        assert f'name="limit_price" value="{price}"' in page.content.decode()


@pytest.mark.parametrize("typed", ["0", "-1", "1e3", "", "ten", "NaN", "1,000"])
def test_what_is_no_price_stays_in_the_form_with_words(
    typed: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    answer = trader_client.post(f"/orders/{order.pk}/replacement", {"limit_price": typed, "time_in_force": "day"})
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()


def test_the_same_terms_are_not_sent(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    answer = trader_client.post(f"/orders/{order.pk}/replacement", {"limit_price": "190", "time_in_force": "day"})
    assert answer.status_code == 422
    assert "terms on which it works already" in answer.content.decode()


def test_a_review_of_terms_that_have_changed_meanwhile_sends_nothing(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.keeps_id = True
    order = place(trading_account)
    page = review_change(trader_client, order, limit_price="189.50")
    orders.replace(order, a_ticket(price="188.00"), idempotency_key="other", source=Order.Source.API)
    answer = trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page)}, follow=True)
    assert "has changed since you looked" in answer.content.decode()
    assert ledger_broker.calls.count("replace") == 1


def test_an_old_review_is_shown_again_and_not_sent(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(trading_account)
    page = review_change(trader_client, order, limit_price="189.50")
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=61))
    answer = trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page)})
    assert "look again" in answer.content.decode()
    assert "replace" not in ledger_broker.calls


def test_a_token_of_another_order_or_person_sends_nothing(
    trader_client: Client,
    stranger_client: Client,
    trading_account: Account,
    foreign_account: Account,
    ledger_broker: LedgerBroker,
) -> None:
    one, other = place(trading_account), place(trading_account, "k2")
    token = token_in(review_change(trader_client, one, limit_price="189.50"))
    trader_client.post(f"/orders/{other.pk}/replacement", {"preview": token})
    trader_client.post(f"/orders/{one.pk}/replacement", {"preview": token[:-2] + "xx"})
    assert stranger_client.post(f"/orders/{one.pk}/replacement", {"preview": token}).status_code == 404
    assert stranger_client.get(f"/orders/{one.pk}/replacement").status_code == 404
    assert "replace" not in ledger_broker.calls


def test_what_must_be_confirmed_is_asked_and_what_is_refused_has_no_button(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(trading_account)
    found = [Finding("limit_price", "PRICE_COLLAR", "Far from the market.", hard=False)]
    monkeypatch.setattr(risk, "check", lambda *_: found)
    page = review_change(trader_client, order, limit_price="150.00")
    assert 'value="PRICE_COLLAR"' in page
    unconfirmed = trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page)})
    assert "to be confirmed" in unconfirmed.content.decode()
    assert "replace" not in ledger_broker.calls
    page = unconfirmed.content.decode()
    trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page), "confirmed": "PRICE_COLLAR"})
    assert ledger_broker.calls.count("replace") == 1
    found[:] = [Finding("limit_price", "ORDER_QTY", "Too large.")]
    second = place_free(trading_account, monkeypatch)
    monkeypatch.setattr(risk, "check", lambda *_: found)
    page = review_change(trader_client, second, limit_price="150.00")
    assert "Replace SIM order" not in page
    assert "Too large." in page


def place_free(account: Account, monkeypatch: pytest.MonkeyPatch) -> Order:
    monkeypatch.setattr(risk, "check", lambda *_: [])
    return place(account, "free")


def test_a_lost_answer_is_said_on_the_page(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    ledger_broker.replace_before = raiser(OutcomeUnknown("No answer came."))
    page = review_change(trader_client, order, limit_price="189.50")
    story = trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page)}, follow=True)
    assert Replacement.objects.get().status == Asked.UNKNOWN
    text = story.content.decode()
    assert "replacement not confirmed" in text
    assert "may still fill on its old terms" in text
    assert trader_client.get(f"/orders/{order.pk}/replacement")["Location"] == f"/orders/{order.pk}"


def test_the_same_harness_catches_a_page_that_forgets_the_terms_it_was_reviewed_against(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test of terms that changed meanwhile: without the comparison the second change goes out."""
    ledger_broker.keeps_id = True
    order = place(trading_account)
    page = review_change(trader_client, order, limit_price="189.50")
    orders.replace(order, a_ticket(price="188.00"), idempotency_key="other", source=Order.Source.API)
    real_read = reviewed.read

    def forgetful(*asked: Any) -> reviewed.Reviewed:
        shown = real_read(*asked)
        now = changing.current_ticket(Order.objects.get(pk=order.pk))
        return replace(shown, content=shown.content | {"before": tickets.fingerprint(now)})

    monkeypatch.setattr(reviewed, "read", forgetful)
    trader_client.post(f"/orders/{order.pk}/replacement", {"preview": token_in(page)})
    assert ledger_broker.calls.count("replace") == 2


# --- cancels ---


def test_a_cancel_from_the_list_comes_back_to_the_list(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    given = {"tab": "working", "account": str(trading_account.pk)}
    answer = trader_client.post(f"/orders/{order.pk}/cancellation", given)
    assert answer["Location"] == f"/orders/?tab=working&account={trading_account.pk}"
    elsewhere = trader_client.post(f"/orders/{order.pk}/cancellation", {"tab": "https://evil.example"})
    assert elsewhere["Location"] == f"/orders/{order.pk}"


def test_cancel_all_counts_confirms_and_tells_what_became_of_each(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    placed = [place(trading_account, f"k{number}", price=f"18{number}.00") for number in range(3)]
    page = trader_client.get("/orders/cancelling").content.decode()
    assert "3 working orders" in page
    assert "Cancel these 3 orders" in page
    assert "cancel" not in ledger_broker.calls
    assert trader_client.post("/orders/cancelling", {"account": ""}).status_code == 200
    assert not CancelRun.objects.exists()
    answer = trader_client.post("/orders/cancelling", {"confirmed": "yes", "account": "", "underlying": ""})
    run = CancelRun.objects.get()
    assert answer["Location"] == f"/orders/cancelling/{run.pk}"
    assert ledger_broker.calls.count("cancel") == 3
    told = trader_client.get(answer["Location"]).content.decode()
    assert re.search(r'id="run-asked">3<', told)
    assert all(order.description in told for order in placed)


def test_cancel_all_of_an_underlying_leaves_the_others(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    place(trading_account)
    page = trader_client.get("/orders/cancelling?underlying=MSFT").content.decode()
    assert "0 working orders" in page
    trader_client.post("/orders/cancelling", {"confirmed": "yes", "underlying": "MSFT"})
    assert "cancel" not in ledger_broker.calls
    trader_client.post("/orders/cancelling", {"confirmed": "yes", "underlying": "aapl"})
    assert ledger_broker.calls.count("cancel") == 1


def test_strangers_see_and_cancel_nothing_of_others(
    trader_client: Client,
    stranger_client: Client,
    trading_account: Account,
    foreign_account: Account,
    ledger_broker: LedgerBroker,
) -> None:
    place(trading_account)
    trader_client.post("/orders/cancelling", {"confirmed": "yes", "underlying": "MSFT"})
    run = CancelRun.objects.get()
    assert stranger_client.get(f"/orders/cancelling/{run.pk}").status_code == 404
    assert stranger_client.get(f"/orders/cancelling?account={trading_account.pk}").status_code == 404
    assert "0 working orders" in stranger_client.get("/orders/cancelling").content.decode()
    stranger_client.post("/orders/cancelling", {"confirmed": "yes"})
    assert "cancel" not in ledger_broker.calls


# --- in doubt ---


@pytest.fixture
def doubtful(
    trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> tuple[Order, list[str]]:
    """Two of the broker's orders look like one whose answer was lost, and it echoes no references."""
    spec = registry.spec("tastytrade")
    silent = replace(spec, capabilities=replace(spec.capabilities, echoes_client_ref=False))
    monkeypatch.setitem(registry.BROKERS, "tastytrade", silent)
    monkeypatch.setattr(ledger_broker, "find_order", several)
    for _ in range(2):
        placed = ledger_broker.place_order(trading_account.number, a_ticket(), "").order
        ledger_broker.ledger[placed.broker_order_id] = replace(placed, client_ref=None)
    ledger_broker.before = raiser(OutcomeUnknown("No answer came."))
    order = place(trading_account)
    real, ahead = timezone.now, [0]
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=ahead[0]))
    for seconds in (5, 10):
        ahead[0] = seconds
        orders.look_up(trading_account, timezone.now())
    order.refresh_from_db()
    return order, sorted(ledger_broker.ledger)


def several(*_: Any, **__: Any) -> None:
    raise Ambiguous("The broker has several orders that look like this one.")


def test_candidates_stand_side_by_side_and_a_person_decides(
    doubtful: tuple[Order, list[str]], trader_client: Client, stranger_client: Client
) -> None:
    order, numbers = doubtful
    assert order.status == Status.NEEDS_EYES
    listed = trader_client.get("/orders/").content.decode()
    assert "1 order needs your decision" in listed
    address = f"/orders/{order.pk}/decision"
    page = trader_client.get(address).content.decode()
    assert all(f'value="{number}"' in page for number in numbers)
    assert trader_client.post(address, {}).status_code == 422
    assert trader_client.post(address, {"broker_order_id": "999"}).status_code == 422
    assert stranger_client.post(address, {"broker_order_id": numbers[0]}).status_code == 404
    order.refresh_from_db()
    assert order.status == Status.NEEDS_EYES
    answer = trader_client.post(address, {"broker_order_id": numbers[1]})
    assert answer["Location"] == f"/orders/{order.pk}"
    order.refresh_from_db()
    assert (order.broker_order_id, order.status) == (numbers[1], Status.ACCEPTED)
    assert trader_client.get(address)["Location"] == f"/orders/{order.pk}"


def test_none_of_them_is_a_decision_too(doubtful: tuple[Order, list[str]], trader_client: Client) -> None:
    order, _ = doubtful
    trader_client.post(f"/orders/{order.pk}/decision", {"broker_order_id": ""})
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED


# --- refused, and again ---


def test_a_denied_order_says_why_and_leads_to_a_filled_in_ticket(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk, "check", lambda *_: [Finding("quantity", "ORDER_QTY", "More than you allow.")])
    with pytest.raises(orders.Denied):
        place(trading_account)
    order = Order.objects.get()
    page = trader_client.get(f"/orders/{order.pk}").content.decode()
    assert page.count("More than you allow.") >= 1
    assert "ORDER_QTY" in page
    again = re.search(r'href="(/trade\?[^"]+)">Edit and send', page)
    assert again
    ticket = trader_client.get(again[1].replace("&amp;", "&")).content.decode()
    assert 'value="AAPL"' in ticket
    assert 'value="190"' in ticket


def test_the_price_that_a_broker_gave_a_marketable_limit_is_none_of_its_terms() -> None:
    asked = OrderTicket((Leg(AAPL, Action.BUY_TO_OPEN, Decimal(2)),), OrderType.MARKETABLE_LIMIT, TimeInForce.DAY)
    works = Order(order_type=asked.order_type.value, ticket=tickets.to_json(asked), limit_price=Decimal("-17.77"))
    assert changing.current_ticket(works) == asked
    assert tickets.describe_ticket(asked) == "Buy 2 AAPL at the market price, by a marketable limit"


# --- groups ---


def typed(account: Account, /, **changes: str) -> dict[str, str]:
    return {
        "account": str(account.pk),
        "symbol": "AAPL",
        "action": "buy_to_open",
        "quantity": "10",
        "order_type": "limit",
        "limit_price": "190.00",
        "time_in_force": "day",
        "group-kind": "bracket",
        "group-profit": "199.00",
        "group-stop": "180.00",
        "group-exit_time": "gtc",
    } | changes


def test_a_bracket_is_reviewed_and_sent_as_one(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = trader_client.post("/trade", typed(trading_account)).content.decode()
    assert "Then at a profit" in page
    assert "Then at a stop" in page
    assert "Send 3 SIM orders" in page
    assert not Order.objects.exists()
    sent = trader_client.post("/trade/group", {"preview": token_in(page)})
    again = trader_client.post("/trade/group", {"preview": token_in(page)})
    assert ledger_broker.calls.count("place_group") == 1
    assert sent["Location"] == again["Location"]
    placed = list(Order.objects.order_by("group_index"))
    assert [(order.order_type, order.time_in_force) for order in placed] == [
        ("limit", "day"),
        ("limit", "gtc"),
        ("stop", "gtc"),
    ]
    assert sent["Location"] == f"/orders/{placed[0].pk}"
    story = trader_client.get(sent["Location"]).content.decode()
    assert all(f'href="/orders/{order.pk}"' in story for order in placed[1:])
    listed = trader_client.get("/orders/").content.decode()
    assert "3 orders sent as one" in listed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"group-profit": ""}, "Give the price at which the profit is taken."),
        ({"group-stop": ""}, "Give the price at which the stop becomes active."),
        ({"group-stop": "191.00"}, "The stop must be below 190.00"),
        ({"group-profit": "189.00"}, "The profit must be above 190.00"),
        ({"group-kind": "oto"}, "with both it is a bracket"),
        ({"group-kind": "reverse"}, "Only an order that closes something can be followed by its reverse"),
        ({"group-kind": "nonsense"}, "nonsense"),
        ({"group-stop": "1e5"}, "plain"),
        ({"action": "sell_to_close"}, "This order closes something"),
        ({"action": "sell_to_open"}, "The profit must be below 190.00"),
    ],
)
def test_what_can_not_hang_together_is_said_at_the_panel(
    changes: dict[str, str], words: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = trader_client.post("/trade", typed(trading_account, **changes))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page or words == "plain"
    assert re.search(r"<details[^>]*group-panel[^>]* open", page, re.S)
    assert "errorlist" in page
    assert "place_group" not in ledger_broker.calls


def test_a_stop_beside_a_closing_limit_is_an_oco(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    given = typed(trading_account, action="sell_to_close", **{"group-kind": "oco", "group-profit": ""})
    page = trader_client.post("/trade", given).content.decode()
    assert "Send 2 SIM orders" in page
    trader_client.post("/trade/group", {"preview": token_in(page)})
    assert set(Order.objects.values_list("order_type", "action", "group_kind")) == {
        ("limit", "sell_to_close", "oco"),
        ("stop", "sell_to_close", "oco"),
    }


def test_what_was_typed_before_the_kind_was_changed_is_left_out(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    """The panel hides it, so nobody could take it out."""
    kept = {"group-kind": "oco", "group-profit": "what?", "group-opens_at": "1e9"}
    page = trader_client.post("/trade", typed(trading_account, action="sell_to_close", **kept)).content.decode()
    assert "Send 2 SIM orders" in page
    assert 'name="group-profit"' not in page


@pytest.mark.parametrize(
    ("changes", "then"),
    [
        ({"group-opens_at": ""}, ("limit", Decimal("190.00"))),
        ({"group-opens_at": "191.00"}, ("limit", Decimal("191.00"))),
        ({"group-opens_at": "", "order_type": "market"}, ("market", None)),
    ],
)
def test_an_order_that_closes_is_followed_by_its_reverse(
    changes: dict[str, str],
    then: tuple[str, Decimal | None],
    trader_client: Client,
    trading_account: Account,
    ledger_broker: LedgerBroker,
) -> None:
    given = typed(trading_account, action="sell_to_close", **{"group-kind": "reverse", "group-exit_time": "day"})
    page = trader_client.post("/trade", given | changes).content.decode()
    assert "When that has filled" in page
    trader_client.post("/trade/group", {"preview": token_in(page)})
    first, second = Order.objects.order_by("group_index")
    assert (first.group_kind, first.action, second.action) == ("oto", "sell_to_close", "sell_to_open")
    assert (second.order_type, second.limit_price, second.quantity) == (*then, first.quantity)


def test_the_panel_comes_back_as_it_was(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = trader_client.post("/trade", typed(trading_account)).content.decode()
    back = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.split('id="change"')[1]))
    ticket = trader_client.get("/trade", {name: value for name, value in back.items() if name != "preview"})
    text = ticket.content.decode()
    assert 'name="group-profit" value="199.00"' in text
    assert 'name="limit_price" value="190"' in text


def test_a_group_that_is_partly_over_says_that_there_are_more(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = trader_client.post("/trade", typed(trading_account)).content.decode()
    trader_client.post("/trade/group", {"preview": token_in(page)})
    Order.objects.filter(group_index=0).update(status="filled")
    listed = trader_client.get("/orders/").content.decode()
    assert "2 of 3 orders sent as one" in listed
    assert "2 orders sent as one" not in listed


def test_of_a_group_the_desk_estimates_the_buying_power_that_its_broker_does_not_tell(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ledger_broker.preview_group

    def silent(*given: Any) -> Any:
        nothing = {"buying_power_before": None, "buying_power_after": None, "buying_power_change": None}
        return replace(told(*given), **nothing)

    monkeypatch.setattr(ledger_broker, "preview_group", silent)
    page = trader_client.post("/trade", typed(trading_account)).content.decode()
    words = " ".join(strip_tags(page).split())
    assert "Buying power, estimated by the desk" in words
    assert "Effect on buying power −$1,900.00" in words
    assert "dry run" not in words


def test_nothing_attached_is_an_order_alone(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = trader_client.post("/trade", typed(trading_account, **{"group-kind": ""})).content.decode()
    assert "Send SIM order" in page


# --- from a holding ---


def test_a_holding_is_closed_at_the_middle_of_the_market(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.held = {AAPL: Decimal(25)}
    given = {"account": str(trading_account.pk), "symbol": "AAPL", "do": "close"}
    page = trader_client.post("/trade/holding", given).content.decode()
    assert re.search(r"Sell 25 AAPL at [\d.]+ or better", page), page[:4000]
    assert not Order.objects.exists()


def test_what_is_being_closed_already_is_not_closed_twice(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.held = {AAPL: Decimal(10)}
    place(trading_account, action=Action.SELL_TO_CLOSE)
    given = {"account": str(trading_account.pk), "symbol": "AAPL", "do": "close"}
    answer = trader_client.post("/trade/holding", given)
    assert answer.status_code == 302
    with pytest.raises(ValueError, match="is being closed by working orders already"):
        holding_orders.close(trading_account, ["AAPL"])


def test_a_holding_is_turned_around_by_two_orders_that_hang_together(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.held = {AAPL: Decimal(25)}
    given = {"account": str(trading_account.pk), "symbol": "AAPL", "do": "reverse"}
    page = trader_client.post("/trade/holding", given).content.decode()
    assert "Send 2 SIM orders" in page
    trader_client.post("/trade/group", {"preview": token_in(page)})
    placed = Order.objects.order_by("group_index").values_list("action", "quantity", "group_kind")
    assert list(placed) == [("sell_to_close", 25, "oto"), ("sell_to_open", 25, "oto")]


@pytest.mark.parametrize("do", ["", "nonsense", "roll_sideways"])
def test_nothing_else_is_made_of_a_holding(
    do: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    given = {"account": str(trading_account.pk), "symbol": "AAPL", "do": do}
    assert trader_client.post("/trade/holding", given).status_code == 404


def test_a_strangers_holding_is_not_there(
    stranger_client: Client, foreign_account: Account, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    given = {"account": str(trading_account.pk), "symbol": "AAPL", "do": "close"}
    assert stranger_client.post("/trade/holding", given).status_code == 404
