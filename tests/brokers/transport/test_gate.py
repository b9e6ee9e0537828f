"""The gate: what waits, what is refused before a byte leaves, what passes always, and what it says."""

import json

import pytest
from gated import Hands, gate

from brokers.errors import RateLimited, Unavailable
from brokers.port import Budget
from brokers.registry import BROKERS
from brokers.transport import gate as gates
from brokers.transport.book import concerned
from brokers.transport.gate import ConnectionGate, Heard
from brokers.transport.ledger import OwnLedger
from brokers.wire import Purpose, Request

READ = Request("GET", "/positions")
PREVIEW = Request("POST", "/orders/dry-run", purpose=Purpose.PREVIEW)
ORDER = Request("POST", "/orders", acts=True, purpose=Purpose.PLACE)
REPLACE = Request("PUT", "/orders/1", acts=True, purpose=Purpose.REPLACE)
CANCEL = Request("DELETE", "/orders/1", acts=True, purpose=Purpose.CANCEL)
WHOLE = Budget("everything", 10, 10)
WELL, ILL = Heard(200, {}), Heard(503, {})


def passes(made: ConnectionGate, request: Request) -> bool:
    try:
        made.admit(request, 10)
    except Unavailable:
        return False
    return True


def spend(made: ConnectionGate) -> None:
    """Ordinary calls until none is left, without letting time pass."""
    while True:
        try:
            made.admit(READ, 0)
        except RateLimited:
            return


def fail(made: ConnectionGate, times: int = 5, heard: Heard = ILL) -> None:
    for _ in range(times):
        made.settle(READ, heard)


# --- budgets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [READ, PREVIEW], ids=["read", "preview"])
def test_a_read_without_budget_waits_a_little_and_goes(request_: Request) -> None:
    clock = Hands()
    made = gate(clock, WHOLE)
    spend(made)
    made.admit(request_, 10)
    assert 1 <= sum(clock.slept) <= 1.5


def test_a_read_that_would_wait_long_is_told_when() -> None:
    clock = Hands()
    made = gate(clock, Budget("positions", 30, 300))
    spend(made)
    with pytest.raises(RateLimited) as caught:
        made.admit(READ, 10)
    assert clock.slept == []
    assert caught.value.retry_after == pytest.approx(10)
    assert "(positions)" in caught.value.message
    assert "Try again in 10 seconds." in caught.value.message


@pytest.mark.parametrize("request_", [ORDER, REPLACE], ids=["order", "replacement"])
def test_an_order_does_not_wait_and_says_that_nothing_was_sent(request_: Request) -> None:
    clock = Hands()
    made = gate(clock, WHOLE)
    spend(made)
    with pytest.raises(RateLimited, match="Nothing was sent"):
        made.admit(request_, 10)
    assert sum(clock.slept) <= gates.ORDERS_PATIENCE


def test_cancels_and_urgent_reads_use_the_kept_share() -> None:
    clock, ledger = Hands(), OwnLedger()
    spend(gate(clock, WHOLE, ledger=ledger))
    gate(clock, WHOLE, ledger=ledger).admit(CANCEL, 0)
    gate(clock, WHOLE, ledger=ledger, urgent=True).admit(READ, 0)
    assert clock.slept == []


def test_an_urgent_gate_makes_no_order_urgent() -> None:
    clock, ledger = Hands(), OwnLedger()
    spend(gate(clock, WHOLE, ledger=ledger))
    assert not passes(gate(clock, WHOLE, ledger=ledger, urgent=True), ORDER)


def test_connections_do_not_share_a_budget() -> None:
    clock, ledger = Hands(), OwnLedger()
    spend(gate(clock, WHOLE, ledger=ledger, connection="mine"))
    gate(clock, WHOLE, ledger=ledger, connection="yours").admit(ORDER, 0)


def test_a_call_counts_in_its_category_and_in_what_holds_for_all() -> None:
    positions = Budget("positions", 5, 10, ("GET /positions",))
    rest, whole = Budget("rest", 100, 10), Budget("everything", 3, 10, overall=True)
    assert concerned((positions, rest, whole), READ) == [positions, whole]
    assert concerned((positions, rest, whole), ORDER) == [rest, whole]
    made = gate(Hands(), positions, rest, whole)
    spend(made)
    assert [each.left for each in made.standing().calls] == [3, 100, 1]


def test_a_bare_429_halves_this_connections_budget_and_no_other() -> None:
    clock, ledger = Hands(), OwnLedger()
    mine, yours = (gate(clock, WHOLE, ledger=ledger, connection=name) for name in ("mine", "yours"))
    mine.settle(READ, Heard(429, {}))
    assert [each.limit for each in mine.standing().calls] == [5]
    assert [each.limit for each in yours.standing().calls] == [10]


def test_what_the_broker_tells_replaces_what_was_configured() -> None:
    clock = Hands()
    made = gate(clock, WHOLE)
    made.settle(READ, Heard(200, {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "40"}))
    (calls,) = made.standing().calls
    assert (calls.limit, calls.left, calls.is_told) == (100, 40, True)
    assert (calls.full_at.timestamp() - clock.time) == pytest.approx(6)


def test_a_budget_that_was_configured_anew_holds_at_once() -> None:
    clock, ledger = Hands(), OwnLedger()
    spend(gate(clock, WHOLE, ledger=ledger))
    gate(clock, Budget("everything", 20, 10), ledger=ledger).admit(READ, 0)


# --- the breaker ---------------------------------------------------------------------------------------------------


def test_while_it_is_open_reads_are_answered_at_once_with_the_time_of_the_next_try() -> None:
    clock = Hands(1_763_740_800.0)  # 11:00:00 in New York
    made = gate(clock)
    fail(made)
    with pytest.raises(Unavailable) as caught:
        made.admit(READ, 10)
    assert type(caught.value) is Unavailable
    assert caught.value.message == "The broker does not answer since 11:00:00; it is asked again at 11:00:05 ET."
    assert clock.slept == []


@pytest.mark.parametrize("request_", [ORDER, REPLACE], ids=["order", "replacement"])
def test_while_it_is_open_an_order_is_refused_as_unsent_even_when_a_probe_is_due(request_: Request) -> None:
    clock = Hands()
    made = gate(clock)
    fail(made)
    clock.move(60)
    with pytest.raises(Unavailable, match="Nothing was sent"):
        made.admit(request_, 10)


def test_while_it_is_open_cancels_and_look_ups_of_orders_in_doubt_pass() -> None:
    clock, ledger = Hands(), OwnLedger()
    made, urgent = gate(clock, ledger=ledger), gate(clock, ledger=ledger, urgent=True)
    fail(made)
    assert all(passes(made, CANCEL) and passes(urgent, READ) for _ in range(10))
    assert not passes(made, READ)


def test_one_probe_in_five_seconds_and_the_first_answer_closes_it() -> None:
    clock = Hands()
    made = gate(clock)
    fail(made)
    went = 0
    for _ in range(600):
        clock.move(0.1)
        if passes(made, READ):
            went += 1
            made.settle(READ, ILL)
    assert 11 <= went <= 12
    clock.move(5)
    assert passes(made, READ)
    made.settle(READ, Heard(404, {}))
    assert all(passes(made, READ) for _ in range(20))
    assert made.standing().silent_since is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_refusal_is_an_answer(status: int) -> None:
    made = gate(Hands())
    fail(made, 50, Heard(status, {}))
    assert passes(made, READ)


@pytest.mark.parametrize("heard", [Heard(None, {}), Heard(500, {}), Heard(408, {}), Heard(302, {})])
def test_no_answer_from_the_broker_itself_is_a_failure(heard: Heard) -> None:
    made = gate(Hands())
    fail(made, 5, heard)
    assert not passes(made, READ)


def test_time_outs_open_it_sooner_for_each_holds_somebody_up() -> None:
    made = gate(Hands())
    fail(made, 3, Heard(None, {}, slow=True))
    assert not passes(made, READ)


def test_one_connections_trouble_is_not_the_brokers() -> None:
    clock, ledger = Hands(), OwnLedger()
    fail(gate(clock, ledger=ledger, connection="mine"), 50)
    assert passes(gate(clock, ledger=ledger, connection="yours"), ORDER)


def test_a_broker_that_fails_for_several_is_spared_by_all_with_a_probe_each() -> None:
    clock, ledger = Hands(), OwnLedger()
    mine, yours, theirs = (gate(clock, ledger=ledger, connection=name) for name in ("mine", "yours", "theirs"))
    fail(mine, 5)
    fail(yours, 5)
    assert not passes(theirs, ORDER)
    assert passes(theirs, READ), "its own probe"
    assert not passes(theirs, READ)
    theirs.settle(READ, WELL)
    assert passes(theirs, ORDER)
    assert not passes(mine, ORDER), "its own failures are not forgotten by that"


def test_another_broker_is_not_concerned() -> None:
    clock, ledger = Hands(), OwnLedger()
    for name in ("mine", "yours"):
        fail(gate(clock, ledger=ledger, connection=name, world="one:sim"), 20)
    assert passes(gate(clock, ledger=ledger, connection="other", world="two:sim"), ORDER)


def test_while_failures_are_in_a_row_a_read_is_not_repeated() -> None:
    made = gate(Hands())
    assert made.admit(READ, 0)
    made.settle(READ, ILL)
    assert not made.admit(READ, 0)


def test_what_is_about_to_be_repeated_does_not_count_yet() -> None:
    made = gate(Hands())
    for _ in range(50):
        made.settle(READ, ILL, again=True)
    assert passes(made, READ)


def test_a_probe_that_finds_no_budget_is_not_used_up() -> None:
    clock = Hands()
    made = gate(clock, Budget("x", 1, 10))
    made.admit(READ, 0)
    fail(made)
    clock.move(6)
    with pytest.raises(RateLimited):
        made.admit(READ, 0)
    clock.move(5)
    assert passes(made, READ)


# --- the brokers' own budgets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BROKERS))
def test_every_call_of_a_broker_has_a_budget_and_orders_have_one_of_their_own(name: str) -> None:
    budgets = BROKERS[name].budgets
    assert len({budget.category for budget in budgets}) == len(budgets)
    assert concerned(budgets, Request("GET", "/whatever/comes"))
    sent = [
        concerned(budgets, Request(method, path))[0]
        for method, path in {
            "tastytrade": [
                ("POST", "/accounts/5WT00001/orders"),
                ("POST", "/accounts/5WT00001/complex-orders"),
                ("PUT", "/accounts/5WT00001/orders/12"),
                ("DELETE", "/accounts/5WT00001/orders/12"),
            ],
            "tradestation": [
                ("POST", "/orderexecution/orders"),
                ("POST", "/orderexecution/ordergroups"),
                ("PUT", "/orderexecution/orders/12"),
                ("DELETE", "/orderexecution/orders/12"),
            ],
        }[name]
    ]
    assert len(set(sent)) == 1
    looked_up = {
        "tastytrade": "/accounts/5WT00001/orders/live",
        "tradestation": "/brokerage/accounts/SIM1,SIM2/historicalorders",
    }[name]
    assert concerned(budgets, Request("GET", looked_up))[0].category not in ("other", sent[0].category)


def test_a_book_holds_figures_alone() -> None:
    ledger = OwnLedger()
    made = gate(Hands(), WHOLE, ledger=ledger)
    made.admit(Request("GET", "/accounts/5WT00001/positions", headers={"X": "secret"}), 0)
    assert set(json.loads(ledger.read("mine"))["buckets"]) == {"everything"}
    assert "5WT00001" not in ledger.read("mine")


# --- what is known of a book that was written a moment ago -----------------------------------------------------------


def spent_elsewhere(made: ConnectionGate) -> bool:
    """Another process spends all; whether this one's gate, which wrote last, heeds what stands there now."""
    made.admit(READ, 10)
    ledger, key = made.ledger, made.connection
    assert isinstance(ledger, OwnLedger)
    book = json.loads(ledger.read(key))
    for bucket in book["buckets"].values():
        bucket["left"] = 0
    ledger.write(key, json.dumps(book))
    return not passes(made, ORDER)


def test_what_another_process_wrote_counts_and_not_what_this_one_remembers() -> None:
    assert spent_elsewhere(gate(Hands(), WHOLE))


def test_the_same_look_catches_a_gate_that_goes_by_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConnectionGate, "_book", lambda gate, _: gates._written[gate.connection][1])
    made = gate(Hands(), WHOLE)
    made.ledger.change(made.connection, lambda _: ("", None))
    gates._written[made.connection] = "", gates.Book()
    assert not spent_elsewhere(made)


def test_a_remembered_book_is_the_one_that_its_text_says() -> None:
    made = gate(Hands(), WHOLE, Budget("orders", 5, 1, requests=("POST /orders",)))
    made.admit(ORDER, 10)
    made.settle(ORDER, Heard(429, {}))
    fail(made, 2)
    text, book = gates._written[made.connection]
    assert made.ledger.read(made.connection) == text
    assert gates.Book.read(text) == book
