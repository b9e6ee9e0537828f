"""The brokers' recorded answers through the port: each call gives the values that were written down beside them.

And whatever is changed in an answer: what the broker adds is ignored; what is missing, no number or no known word is
an error that names its place, or is told as unknown; nothing is ever guessed.
"""

import json
import re
from collections.abc import Collection, Iterator
from copy import deepcopy
from typing import Any

import pytest
from any_broker import all_brokers

from brokers.errors import BrokerError, OutcomeUnknown, UnexpectedReply
from brokers.port import Broker

from .replay import PAYLOADS, Case, cases, payload, table

PLACING = {"place_order", "place_group"}
ACTING = {*PLACING, "cancel_order", "replace_order", "save_watchlist", "delete_watchlist"}
ALL = [case for name in all_brokers() for case in cases(name)]
READ = [case for case in ALL if "raises" not in case.given]
UNKNOWN: tuple[Any, ...] = (None, "", [], {}, False)
CALLS = {
    "get_accounts",
    "get_balance",
    "get_positions",
    "get_orders",
    "get_order",
    "get_quotes",
    "get_restrictions",
    "get_details",
    "get_chain",
    "search",
    "preview_order",
    "place_order",
    "cancel_order",
    "replace_order",
}


def named(case: Case) -> str:
    return f"{case.broker}-{case.name}"


# --- what they say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broker", all_brokers())
def test_every_call_that_each_broker_has_meets_a_recorded_answer(broker: str) -> None:
    recorded = {case.method for case in cases(broker)}
    assert recorded >= CALLS
    assert all(hasattr(Broker, method) for method in recorded)
    stored = {path.stem for path in (PAYLOADS / broker / "read").glob("*.json")}
    assert stored == {case.name for case in cases(broker) if "raises" not in case.given}


@pytest.mark.parametrize("case", READ, ids=named)
def test_a_recorded_answer_is_read_as_it_was_written_down(case: Case) -> None:
    assert case.call() == case.expected


@pytest.mark.parametrize("case", [case for case in ALL if "raises" in case.given], ids=named)
def test_a_recorded_refusal_comes_in_the_brokers_words(case: Case) -> None:
    with pytest.raises(BrokerError) as caught:
        case.call()
    assert type(caught.value).__name__ == case.given["raises"]
    assert caught.value.message
    assert caught.value.broker.lower() == case.broker


@pytest.mark.parametrize("case", [case for case in ALL if "sends" in case.given], ids=named)
def test_what_is_sent_is_the_published_request(case: Case) -> None:
    sent = case.sent()
    (acting,) = (each for each in sent if each.method != "GET")
    published = payload(case.broker, case.given["sends"])
    assert without(json.loads(acting.body or b""), case) == numbers(without(published, case))


def without(body: Any, case: Case) -> Any:
    """Without the keys that the desk adds to the published request."""
    if isinstance(body, dict):
        return {key: without(each, case) for key, each in body.items() if key not in case.given.get("but", ())}
    return [without(each, case) for each in body] if isinstance(body, list) else body


def numbers(body: Any) -> Any:
    """Numbers in text without zeros at the end, as the desk spells them."""
    if isinstance(body, dict):
        return {key: numbers(each) for key, each in body.items()}
    if isinstance(body, list):
        return [numbers(each) for each in body]
    if isinstance(body, str) and re.fullmatch(r"-?\d+\.\d+", body):
        return body.rstrip("0").rstrip(".")
    return body


# --- what becomes of changed ones ---------------------------------------------------------------------------------

Place = tuple[str | int, ...]


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in decoded JSON below the root."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*here, key)
        yield from places(child, (*here, key))


def at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def spelled(place: Place) -> str:
    """As an error names it: ``data.items[0].price``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return text.removeprefix(".")


def changed(case: Case, number: int, place: Place, new: Any) -> Any:
    """The answers with one place of one of them changed; ``...`` takes it away."""
    answers = deepcopy(case.answers)
    holder = at(answers[number][3], place[:-1])
    if new is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return answers


@pytest.mark.parametrize("case", READ, ids=named)
def test_what_a_broker_adds_anywhere_is_ignored(case: Case) -> None:
    answers = deepcopy(case.answers)
    for _, _, _, body in answers:
        objects = [body, *(at(body, place) for place in places(body))]
        for each in objects:
            if isinstance(each, dict):
                each["x-added-later"] = {"a": [1, None, "ä"]}
                each["AddedLater"] = "-1"
    assert case.call(answers) == case.call()


Difference = tuple[str, Any, Any]


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from differences(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif before != after:
        yield path, before, after


def told(case: Case, answers: Any) -> tuple[Any, BrokerError | None]:
    try:
        return case.call(answers), None
    except BrokerError as error:
        return None, error


def name_of(place: Place) -> str:
    """The key by which a broker's tolerance is written down."""
    return next((each for each in reversed(place) if isinstance(each, str)), "")


def faults(case: Case, junk: Any, allowed: Collection[str]) -> Iterator[tuple[Any, ...]]:
    """Where junk is taken for something, or refused without saying where; ``...`` is that the key is missing."""
    expected = case.call()
    for number, (method, _, _, body) in enumerate(case.answers):
        for place in places(body):
            old = at(body, place)
            is_no_change = (
                isinstance(place[-1], int) if junk is ... else type(junk) is type(old) and not isinstance(old, str)
            )
            if is_no_change or name_of(place) in allowed:
                continue
            value, error = told(case, changed(case, number, place, junk))
            wanted = UnexpectedReply if method == "GET" or case.method not in ACTING else OutcomeUnknown
            if error is None:
                wrong = [each for each in differences(expected, value) if junk is not ... or each[2] not in UNKNOWN]
                if wrong:
                    yield name_of(place), place, wrong
            elif not isinstance(error, wanted):
                yield name_of(place), place, error
            elif "evitating" in error.message or not is_at(error, place):
                yield name_of(place), place, error.message


def is_at(error: BrokerError, place: Place) -> bool:
    """Whether an error names the place, or one that it stands in or holds."""
    path = error.path if isinstance(error, UnexpectedReply) else ""
    where = spelled(place)
    return isinstance(error, OutcomeUnknown) or (bool(path) and (path.startswith(where) or where.startswith(path)))


FIXED = [case for case in READ if case.method not in PLACING]


@pytest.mark.parametrize("case", FIXED, ids=named)
def test_a_word_that_is_not_known_is_an_error_that_names_its_place(case: Case) -> None:
    """But where any word will do, which is written down with its reason."""
    assert list(faults(case, "Levitating", table(case.broker)["any_word"])) == []


@pytest.mark.parametrize("case", FIXED, ids=named)
@pytest.mark.parametrize("junk", [{"levitating": 1}, True], ids=["object", "true"])
def test_what_is_neither_number_nor_text_is_an_error_that_names_its_place(case: Case, junk: Any) -> None:
    assert list(faults(case, junk, table(case.broker)["any_thing"])) == []


@pytest.mark.parametrize("case", FIXED, ids=named)
def test_what_is_missing_is_an_error_that_names_its_place_or_unknown(case: Case) -> None:
    """But where something else stands for it, which is written down with its reason."""
    assert list(faults(case, ..., table(case.broker)["may_miss"])) == []


@pytest.mark.parametrize("case", [case for case in READ if case.method in PLACING], ids=named)
def test_an_order_that_was_accepted_stays_accepted_whatever_its_answer_says(case: Case) -> None:
    """It is told under its number, or its outcome is unknown: never refused, never unavailable."""
    ids = numbers_of(case.call())
    for number, (_, _, _, body) in enumerate(case.answers):
        for place in places(body):
            for junk in ("Levitating", {"levitating": 1}, [7], True, ...):
                value, error = told(case, changed(case, number, place, junk))
                assert error is None or isinstance(error, OutcomeUnknown), (place, junk, error)
                changes_the_number = name_of(place).lower() in ("id", "orderid", "complex-order-id")
                assert error is not None or changes_the_number or numbers_of(value) == ids, (place, junk)


def numbers_of(value: Any) -> list[str]:
    """The orders' numbers in what a placement gave."""
    members = value.get("orders", [value])
    return [each["order"]["broker_order_id"] for each in members]
