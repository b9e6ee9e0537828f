"""The websocket: sign-in, rights at each message, limits, and closing when a right is taken away."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.contrib.auth import logout
from django.utils import timezone
from hand_fed import tick, until

from brokers.live import revocation
from brokers.live.news import announce
from brokers.models import Connection
from brokers.port import StatusChange, StreamState

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_stranger_is_let_in_only_to_be_told_to_sign_in(open_socket):
    assert await (await open_socket()).closed_with() == 4401


async def test_a_person_subscribes_and_gets_answer_snapshot_and_quotes(open_socket, ann, upstreams):
    tab = await open_socket(ann)
    here = str(ann.connection.pk)
    answer = await tab.ask(action="subscribe", id=7, symbols=["SPY", "not a symbol"], connection=here)
    assert answer == {
        "type": "subscribed",
        "id": 7,
        "connection": here,
        "symbols": ["SPY"],
        "unknown": ["not a symbol"],
    }
    assert await tab.receive_json_from() == {"type": "snapshot", "seq": 0, "connection": here, "quotes": {}}
    stream = await upstreams.of(ann.connection.pk)
    stream.say(StatusChange("quotes", StreamState.LIVE), tick("SPY", bid="1.02"))
    quotes = await tab.frame("quotes")
    assert (quotes["seq"], quotes["quotes"]["SPY"]["bid"]) == (1, "1.02")
    answer = await tab.ask(action="unsubscribe", symbols=["SPY"], connection=here)
    while answer["type"] != "unsubscribed":
        answer = await tab.receive_json_from()
    assert (await tab.frame("snapshot"))["quotes"] == {}
    stream.say(tick("SPY", bid="1.03"))
    assert await tab.receive_nothing(0.2)


@pytest.mark.parametrize("selector", ["connection", "account", "feed", "none"])
async def test_a_connection_can_be_named_in_four_ways(open_socket, ann, bob, selector):
    named = {"connection": str(ann.connection.pk), "account": str(ann.account.pk), "feed": "tastytrade"}
    tab = await open_socket(ann)
    answer = await tab.ask(action="subscribe", symbols=[], **({selector: named[selector]} if selector in named else {}))
    assert (answer["type"], answer["connection"]) == ("subscribed", str(ann.connection.pk))


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
async def test_what_is_another_persons_is_answered_like_what_is_not_there(open_socket, ann, bob, upstreams, action):
    tab = await open_socket(bob)
    foreign = [{"connection": str(ann.connection.pk)}, {"account": str(ann.account.pk)}]
    missing = [{"connection": str(uuid4())}, {"account": str(uuid4())}, {"connection": "x"}, {"feed": "nobody"}]
    answers = [await tab.ask(action=action, symbols=["SPY"], **selector) for selector in foreign + missing]
    assert {json.dumps(answer) for answer in answers} == {
        '{"type": "error", "id": 1, "code": "not_found", "detail": "There is no such connection."}'
    }
    assert upstreams.opened == []


async def test_a_removed_connection_is_not_found(open_socket, ann):
    await Connection.objects.filter(pk=ann.connection.pk).aupdate(state=Connection.State.REMOVED)
    tab = await open_socket(ann)
    for selector in ({"connection": str(ann.connection.pk)}, {"account": str(ann.account.pk)}, {}):
        assert (await tab.ask(action="subscribe", symbols=["SPY"], **selector))["code"] == "not_found"


async def test_two_people_hear_only_their_own(open_socket, ann, bob, upstreams):
    at_ann, at_bob = await open_socket(ann), await open_socket(bob)
    for person, tab in ((ann, at_ann), (bob, at_bob)):
        await tab.ask(action="subscribe", symbols=["SPY"], connection=str(person.connection.pk))
    (await upstreams.of(ann.connection.pk)).say(tick("SPY", bid="1"))
    (await upstreams.of(bob.connection.pk)).say(tick("SPY", bid="2"))
    assert (await at_ann.frame("quotes"))["quotes"]["SPY"]["bid"] == "1"
    assert (await at_bob.frame("quotes"))["quotes"]["SPY"]["bid"] == "2"
    await sync_to_async(announce)(ann.user.pk, {"type": "orders", "orders": [{"id": "1"}]})
    assert await at_ann.frame("orders") == {"type": "orders", "orders": [{"id": "1"}]}
    assert await at_bob.receive_nothing(0.2)


async def test_news_can_be_announced_from_a_plain_thread_and_from_the_loop(open_socket, ann):
    tab = await open_socket(ann)
    await tab.ask(action="ping")
    await asyncio.to_thread(announce, ann.user.pk, {"type": "orders", "orders": []})
    await tab.frame("orders")
    announce(ann.user.pk, {"type": "portfolio", "account": "x", "what": "balance"})
    await tab.frame("portfolio")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid"),
        ("[1]", "invalid"),
        ("[" * 50_000, "invalid"),
        ('{"action": "subscribe", "symbols": "SPY"}', "invalid"),
        ('{"action": "subscribe", "symbols": [1]}', "invalid"),
        ('{"action": "subscribe", "symbols": [], "id": {}}', "invalid"),
        ('{"action": "subscribe", "symbols": [], "fields": "greeks"}', "invalid"),
        ('{"action": "subscribe", "symbols": [], "fields": []}', "invalid"),
        ('{"action": "subscribe", "symbols": [], "fields": ["colours"]}', "invalid"),
        ('{"action": "buy"}', "unknown_action"),
        ('{"action": "ping", "x": "' + "é" * 40_000 + '"}', "too_large"),
    ],
)
async def test_what_cannot_be_read_is_answered_in_words(open_socket, ann, text, code):
    tab = await open_socket(ann)
    await tab.send_text(text)
    answer = await tab.receive_json_from()
    assert (answer["type"], answer["code"]) == ("error", code)
    assert (await tab.ask(action="ping"))["type"] == "pong"


async def test_repeated_abuse_closes_the_socket(open_socket, ann):
    tab = await open_socket(ann)
    for _ in range(12):
        await tab.send_text("{")
    assert await tab.closed_with() == 1008


async def test_a_flood_of_messages_is_limited_then_closed(open_socket, ann):
    tab = await open_socket(ann)
    for _ in range(200):
        await tab.send_json_to({"action": "ping"})
    assert await tab.closed_with() == 1008


async def test_too_many_symbols_are_refused_and_too_many_tabs_closed(open_socket, make_hub, ann):
    hub = make_hub(symbols=2, tabs=1)
    tab = await open_socket(ann, hub)
    answer = await tab.ask(action="subscribe", symbols=["SPY", "QQQ", "TLT"])
    assert (answer["type"], answer["code"]) == ("error", "too_many_symbols")
    assert await (await open_socket(ann, hub)).closed_with() == 4429


async def test_what_all_tabs_of_a_person_watch_together_is_limited_and_said_so(open_socket, make_hub, ann, bob):
    hub = make_hub(symbols_of_person=2)
    first, second, his = [await open_socket(person, hub) for person in (ann, ann, bob)]
    assert (await first.ask(action="subscribe", symbols=["SPY", "QQQ"]))["type"] == "subscribed"
    answer = await second.ask(action="subscribe", id=5, symbols=["TLT"])
    assert (answer["type"], answer["id"], answer["code"]) == ("error", 5, "too_many_symbols")
    assert "2 symbols" in answer["detail"]
    assert (await his.ask(action="subscribe", symbols=["TLT", "SPY"]))["type"] == "subscribed"
    await first.disconnect()
    assert (await second.ask(action="subscribe", symbols=["TLT"]))["type"] == "subscribed"


async def test_the_message_of_old_is_served(open_socket, ann):
    """As programs that were written for a desk of one feed send it."""
    tab = await open_socket(ann)
    answer = await tab.ask(action="subscribe", feed="tastytrade", symbols=["AAPL", "SPY"])
    assert answer["type"] == "subscribed"
    assert answer["connection"] == str(ann.connection.pk)
    assert answer["symbols"] == ["AAPL", "SPY"]
    assert (await tab.receive_json_from())["type"] == "snapshot"
    await tab.send_json_to({"action": "subscribe", "feed": "tradestation", "symbols": ["AAPL"]})
    assert (await tab.frame("error"))["code"] == "not_found"


async def test_signing_out_closes_the_sockets_of_that_session_at_once(open_socket, ann, bob):
    revocation.connect()
    at_ann, at_bob = await open_socket(ann), await open_socket(bob)
    await at_ann.ask(action="subscribe", symbols=["SPY"])
    await at_bob.ask(action="ping")
    await database_sync_to_async(logout)(ann.request)
    assert await at_ann.closed_with() == 4401
    assert await at_bob.receive_nothing(0.1)


async def test_a_person_who_is_disabled_or_has_a_new_password_is_shut_out_at_once(open_socket, ann, bob):
    revocation.connect()
    at_ann, at_bob = await open_socket(ann), await open_socket(bob)
    await at_ann.ask(action="ping")
    await at_bob.ask(action="ping")
    ann.user.is_active = False
    await ann.user.asave()
    assert await at_ann.closed_with() == 4401
    bob.user.set_password("another-" + uuid4().hex)
    await bob.user.asave()
    assert await at_bob.closed_with() == 4401


async def test_a_session_that_was_deleted_or_ran_out_is_noticed_without_a_word(open_socket, make_hub, ann, bob):
    hub = make_hub(recheck=0.1)
    at_ann, at_bob = await open_socket(ann, hub), await open_socket(bob, hub)
    await database_sync_to_async(ann.request.session.delete)()
    assert await at_ann.closed_with() == 4401
    store = bob.request.session
    model = store.get_model_class()
    row = await model.objects.aget(session_key=store.session_key)
    row.expire_date = timezone.now() - timedelta(seconds=1)
    await row.asave()
    assert await at_bob.closed_with() == 4401


async def test_removing_a_connection_closes_its_sockets_and_its_feed(open_socket, ann, bob, upstreams):
    revocation.connect()
    at_ann, at_bob = await open_socket(ann), await open_socket(bob)
    for tab in (at_ann, at_bob):
        await tab.ask(action="subscribe", symbols=["SPY"])
    stream = await upstreams.of(ann.connection.pk)
    await asyncio.to_thread(revocation.end_connection, connection_id=ann.connection.pk)
    assert await at_ann.closed_with() == 4403
    await until(lambda: stream.closed)
    await at_bob.frame("status")
    assert await at_bob.receive_nothing(0.1)


async def test_a_connection_that_went_unannounced_is_noticed_too(open_socket, make_hub, ann):
    tab = await open_socket(ann, make_hub(recheck=0.1))
    await tab.ask(action="subscribe", symbols=["SPY"])
    await Connection.objects.filter(pk=ann.connection.pk).aupdate(state=Connection.State.REMOVED)
    assert await tab.closed_with() == 4403


async def test_a_tab_that_goes_away_leaves_nothing_behind(open_socket, ann, hub):
    tab = await open_socket(ann)
    await tab.ask(action="subscribe", symbols=["SPY"])
    await tab.disconnect()
    assert hub.tabs == {}
    assert not hub.feeds[ann.connection.pk].tabs
