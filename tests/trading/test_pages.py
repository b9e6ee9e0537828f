"""The pages as plain forms: ticket, review, send, orders, cancel; what is typed wrongly; strangers."""

import re
import time
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from ledger_broker import CALL, LedgerBroker, a_ticket, open_account, raiser

from brokers.domain.orders import BrokerStatus, Notice
from brokers.errors import OrderRejected, OutcomeUnknown, Unavailable
from brokers.models import Account
from trading import orders
from trading.drafting import previews
from trading.models import Order

pytestmark = pytest.mark.django_db

BAD_NUMBERS = [
    "0", "-1", "1e400", "1e3", "NaN", "Infinity", "-0", "0x10", "１２", "١٢", "9" * 30, "1" * 100_000, "1,000",
    "1 000", "+5", "1.123456789", ".", "", "10\u200f", "ten", "1\x00", "0.000",
]  # fmt: skip


def typed(account: Account, /, **changes: str) -> dict[str, str]:
    return {
        "account": str(account.pk),
        "symbol": "AAPL",
        "action": "buy_to_open",
        "quantity": "10",
        "order_type": "limit",
        "limit_price": "190.00",
        "time_in_force": "day",
    } | changes


def token_in(page: str) -> str:
    found = re.search(r'name="preview" value="([^"]+)"', page)
    assert found, page[:3000]
    return found[1]


def review(client: Client, account: Account, **changes: str) -> str:
    answer = client.post("/trade", typed(account, **changes))
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def a_placed_order(account: Account, key: str = "k") -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.WEB)
    return order


def test_an_order_goes_from_ticket_to_review_to_its_page(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = review(trader_client, trading_account)
    assert "Buy 10 AAPL at 190.00 or better, good for today, in SIM account …0042." in page
    assert "Send SIM order" in page
    assert "$95,217.34" in page
    assert "$93,317.33" in page
    assert re.search(r'id="back"[^>]*autofocus', page)
    assert not Order.objects.exists()
    answer = trader_client.post("/trade/place", {"preview": token_in(page)})
    order = Order.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/orders/{order.pk}"
    assert order.preview is not None
    story = trader_client.get(answer["Location"]).content.decode()
    assert "Written down and on its way to the broker." in story
    assert str(order.broker_order_id) in story
    assert str(order.client_ref) in story


def test_a_second_click_and_a_reload_send_nothing(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    token = token_in(review(trader_client, trading_account))
    first = trader_client.post("/trade/place", {"preview": token})
    again = trader_client.post("/trade/place", {"preview": token})
    assert first["Location"] == again["Location"]
    assert len(ledger_broker.ledger) == 1


def test_two_reviews_of_the_same_ticket_are_two_orders(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    for _ in range(2):
        trader_client.post("/trade/place", {"preview": token_in(review(trader_client, trading_account))})
    assert len(ledger_broker.ledger) == 2


def test_an_option_is_described_as_traders_say_it(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = review(
        trader_client, trading_account, symbol=str(CALL), quantity="2", limit_price="1.05", action="sell_to_open"
    )
    assert "Sell 2 AAPL 18 Dec 26 190 C to open at 1.05 or better" in page
    assert "$210.00" in page


def test_a_review_older_than_a_minute_asks_again_and_stays_one_order(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_in(review(trader_client, trading_account))
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=61))
    page = trader_client.post("/trade/place", {"preview": token}).content.decode()
    assert "Nothing was sent: look again" in page
    assert not ledger_broker.ledger
    trader_client.post("/trade/place", {"preview": token_in(page)})
    trader_client.post("/trade/place", {"preview": token})
    assert len(ledger_broker.ledger) == 1


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "\x00", "é" * 50, "1" * 20_000])
def test_a_made_up_review_sends_nothing(
    token: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = trader_client.post("/trade/place", {"preview": token})
    assert answer.status_code == 302
    assert answer["Location"] == "/trade"
    assert not ledger_broker.ledger


def test_an_altered_review_sends_nothing(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    token = token_in(review(trader_client, trading_account))
    swapped = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    trader_client.post("/trade/place", {"preview": swapped})
    assert not ledger_broker.ledger


@pytest.mark.parametrize("text", BAD_NUMBERS, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize("field", ["quantity", "limit_price"])
def test_a_bad_number_is_refused_at_its_field_and_kept(
    field: str, text: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = trader_client.post("/trade", typed(trading_account, **{field: text}))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert 'value="AAPL"' in page
    if text.isalnum() and len(text) < 40:
        assert f'value="{text}"' in page
    assert not ledger_broker.calls


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("symbol", "NOSUCH"),
        ("symbol", "A\x00B"),
        ("symbol", "<script>"),
        ("symbol", "$VIX"),
        ("symbol", "/ESZ26"),
        ("symbol", "ＡＡＰＬ"),
        ("symbol", "A" * 5000),
        ("symbol", ""),
        ("action", "steal"),
        ("order_type", "trailing"),
        ("time_in_force", "fok"),
        ("limit_price", "190.005"),
        ("account", str(uuid.UUID(int=7))),
        ("account", "x\x00"),
        ("account", ""),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    field: str, text: str, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = trader_client.post("/trade", typed(trading_account, **{field: text}))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "<script>" not in page.replace("<script src", "").replace("<script type", "")
    assert not ledger_broker.ledger


def test_off_tick_names_the_prices_beside_it(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = trader_client.post("/trade", typed(trading_account, limit_price="190.005")).content.decode()
    assert "190.00 or 190.01" in page
    assert 'value="190.005"' in page


def test_a_market_order_forgets_the_price_that_was_typed_before(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    page = review(trader_client, trading_account, order_type="market")
    assert "Buy 10 AAPL at the market price" in page


def test_the_brokers_refusal_is_shown_with_what_was_typed(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    notice = Notice("margin_check_failed", "Your account does not have sufficient buying power.")
    ledger_broker.preview_fault = raiser(OrderRejected("Checks failed", broker_code="preflight", notices=(notice,)))
    answer = trader_client.post("/trade", typed(trading_account, quantity="77"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "sufficient buying power" in page
    assert "Nothing was sent." in page
    assert 'value="77"' in page


def test_a_broker_that_is_away_is_said_in_words(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.preview_fault = raiser(Unavailable("The broker cannot be reached."))
    page = trader_client.post("/trade", typed(trading_account)).content.decode()
    assert "cannot be reached" in page


def test_an_order_in_doubt_says_so(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer came."))
    answer = trader_client.post("/trade/place", {"preview": token_in(review(trader_client, trading_account))})
    page = trader_client.get(answer["Location"]).content.decode()
    assert "Unknown: checking" in page
    assert "never send it again by ourselves" in page
    ledger_broker.hidden |= set(ledger_broker.ledger)
    assert "Unknown: checking" in trader_client.get("/orders/").content.decode()
    ledger_broker.hidden.clear()
    orders.refresh(trading_account)
    assert "Unknown: checking" not in trader_client.get("/orders/").content.decode()


def test_a_rejected_order_offers_to_edit_it(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    token = token_in(review(trader_client, trading_account))
    ledger_broker.before = raiser(OrderRejected("You cannot buy that."))
    answer = trader_client.post("/trade/place", {"preview": token})
    page = trader_client.get(answer["Location"]).content.decode()
    assert "You cannot buy that." in page
    link = re.search(r'href="(/trade\?account=[^"]+symbol=[^"]+)"', page)
    assert link
    prefilled = trader_client.get(link[1].replace("&amp;", "&")).content.decode()
    assert 'value="190"' in prefilled


def test_the_ticket_is_prefilled_from_its_address(trader_client: Client, trading_account: Account) -> None:
    query = urlencode({"account": trading_account.pk, "symbol": str(CALL), "quantity": "3", "action": "sell_to_close"})
    page = trader_client.get(f"/trade?{query}").content.decode()
    assert f'value="{CALL}"' in page
    assert 'value="3"' in page
    assert '<option value="sell_to_close" selected>' in page


def test_nothing_connected_shows_one_sentence_and_one_button(db: None) -> None:
    client = Client()
    client.force_login(
        get_user_model().objects.create_user("new"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert "Connect a broker" in client.get("/trade").content.decode()


def test_an_option_is_chosen_from_the_chain_without_a_script(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = trader_client.post("/trade", typed(trading_account, symbol="aapl") | {"choose": "option"})
    assert answer.status_code == 302
    assert "csrf" not in answer["Location"]
    page = trader_client.get(answer["Location"]).content.decode()
    assert "Options on AAPL" in page
    link = re.search(r'data-option="AAPL  261218C00190000"\s+href="([^"]+)"', page)
    assert link
    ticket = trader_client.get(link[1].replace("&amp;", "&")).content.decode()
    assert 'value="AAPL  261218C00190000"' in ticket
    assert 'value="10"' in ticket


def test_a_chain_that_is_not_there_is_said_in_words(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    assert "Type the symbol" in trader_client.get("/trade/options").content.decode()
    assert "no options" in trader_client.get("/trade/options?symbol=MSFT").content.decode()


def test_tabs_part_working_today_and_history(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    working = a_placed_order(trading_account, "a")
    old = a_placed_order(trading_account, "b")
    ledger_broker.move(str(old.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    orders.refresh(trading_account)
    then = timezone.now() - timedelta(days=3)
    Order.objects.filter(pk=old.pk).update(created_at=then, ended_at=then)

    def on(tab: str) -> list[bool]:
        page = trader_client.get(f"/orders/?tab={tab}").content.decode()
        return [f"/orders/{order.pk}" in page for order in (working, old)]

    assert on("working") == [True, False]
    assert on("today") == [True, False]
    assert on("history") == [False, True]
    assert on("nonsense") == [True, False]


def test_the_list_takes_in_orders_placed_elsewhere_and_says_when_it_cannot(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.place_order("5WT00042", a_ticket("3"), "another-program")
    assert "placed elsewhere" in trader_client.get("/orders/").content.decode()
    trader_client.get("/orders/")
    assert ledger_broker.calls.count("list") == 1


def test_a_failed_listing_is_no_empty_list(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away."))
    assert "may be missing from this list" in trader_client.get("/orders/").content.decode()


def test_cancel_is_a_button_and_a_post(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = a_placed_order(trading_account)
    assert trader_client.get(f"/orders/{order.pk}/cancellation").status_code == 405
    page = trader_client.post(f"/orders/{order.pk}/cancellation", follow=True).content.decode()
    assert "Cancel requested" in page
    again = trader_client.post(f"/orders/{order.pk}/cancellation", follow=True)
    assert again.status_code == 200
    assert ledger_broker.calls.count("cancel") == 1


def test_fragments_hold_the_changing_part_alone(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = a_placed_order(trading_account)
    for address in (f"/orders/{order.pk}?fragment=1", "/orders/?fragment=1"):
        part = trader_client.get(address).content.decode()
        assert "<html" not in part
        assert str(order.pk) in part


# --- strangers ---


def test_a_stranger_sees_and_does_nothing(
    stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = a_placed_order(trading_account)
    missing = uuid.uuid4()
    for known, unknown in (
        (f"/orders/{order.pk}", f"/orders/{missing}"),
        (f"/orders/{order.pk}?fragment=1", f"/orders/{missing}?fragment=1"),
        (f"/orders/?account={trading_account.pk}", f"/orders/?account={missing}"),
        (f"/orders/?before={order.pk}", f"/orders/?before={missing}"),
        (f"/trade?account={trading_account.pk}", f"/trade?account={missing}"),
        (f"/trade/options?account={trading_account.pk}&symbol=AAPL", f"/trade/options?account={missing}&symbol=AAPL"),
        (f"/trade/figures?account={trading_account.pk}", f"/trade/figures?account={missing}"),
    ):
        assert [stranger_client.get(address).status_code for address in (known, unknown)] == [404, 404], known
    assert stranger_client.post(f"/orders/{order.pk}/cancellation").status_code == 404
    assert str(order.pk) not in stranger_client.get("/orders/?tab=today").content.decode()
    assert ledger_broker.calls.count("cancel") == 0


def test_a_stranger_cannot_trade_in_anothers_account(
    stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = stranger_client.post("/trade", typed(trading_account))
    assert answer.status_code == 422
    assert "You have no such account here." in answer.content.decode()
    assert "0042" not in answer.content.decode()


def test_a_stranger_cannot_use_anothers_review(
    trader_client: Client, stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    token = token_in(review(trader_client, trading_account))
    answer = stranger_client.post("/trade/place", {"preview": token})
    assert answer["Location"] == "/trade"
    assert not ledger_broker.ledger


def test_a_review_of_an_account_that_was_taken_away_is_not_found(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    other = open_account("another", "5WT00055")
    result = orders.preview(other, a_ticket())
    token = previews.sign(result, trading_account.connection.user_id, "k")
    assert trader_client.post("/trade/place", {"preview": token}).status_code == 404


def test_the_signed_out_are_sent_to_sign_in(trading_account: Account, ledger_broker: LedgerBroker) -> None:
    order = a_placed_order(trading_account)
    client = Client()
    addresses: list[tuple[str, Any]] = [
        ("get", "/trade"), ("post", "/trade"), ("post", "/trade/place"), ("get", "/trade/options"),
        ("get", "/trade/figures"), ("get", "/orders/"), ("get", f"/orders/{order.pk}"),
        ("post", f"/orders/{order.pk}/cancellation"),
    ]  # fmt: skip
    for method, address in addresses:
        answer = getattr(client, method)(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_sending_needs_the_forms_token(trading_account: Account, ledger_broker: LedgerBroker) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(trading_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/trade", typed(trading_account)).status_code == 403
    assert client.post("/trade/place", {"preview": "x"}).status_code == 403


def test_a_preview_that_was_made_for_a_program_is_not_sent_from_a_page(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    """It has no key of its own: two of them would meet under the empty one."""
    result = orders.preview(trading_account, a_ticket())
    token = previews.sign(result, trading_account.connection.user_id)
    answer = trader_client.post("/trade/place", {"preview": token})
    assert answer["Location"] == "/trade"
    assert not Order.objects.exists()


def test_a_preview_ages(trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = trading_account.connection.user_id
    token = previews.sign(orders.preview(trading_account, a_ticket()), user_id)
    assert previews.read(token, user_id).ticket == a_ticket()
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + previews.LIFE.total_seconds() + 1)
    with pytest.raises(previews.NoPreview, match="older than ten minutes"):
        previews.read(token, user_id)
