"""Faults: read from JSON, matched, counted."""

import json
from pathlib import Path

import pytest

from brokers.simulator.faults import EFFECTS, BadFault, Faults, read_fault


def names(faults: Faults, method: str = "POST", path: str = "/tastytrade/accounts/A1/orders", **more: str) -> list[str]:
    struck = faults.for_request(method, path, (more.get("account", "A1"),), {more.get("symbol", "AAPL")})
    return [fault.name for fault in struck]


def test_a_fault_strikes_what_it_names_and_nothing_else() -> None:
    faults = Faults()
    faults.add(
        [{"name": "f", "effect": "status", "method": "POST", "path": "*/orders", "account": "A1", "symbol": "AAPL"}]
    )
    assert names(faults) == ["f"]
    assert names(faults, method="GET") == []
    assert names(faults, path="/tastytrade/accounts/A1/positions") == []
    assert names(faults, account="A2") == []
    assert names(faults, symbol="SPY") == []


def test_after_lets_some_pass_and_times_ends_it() -> None:
    faults = Faults()
    faults.add([{"name": "f", "effect": "drop_answer", "after": 1, "times": 2}])
    assert [bool(names(faults)) for _ in range(5)] == [False, True, True, False, False]


def test_the_same_seed_throws_the_same_dice() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add([{"name": "f", "effect": "status", "probability": 0.5}])
        return [bool(names(faults)) for _ in range(60)]

    assert run(3) == run(3) != run(4)
    assert 10 < sum(run(3)) < 50


def test_a_fault_of_the_same_name_is_replaced() -> None:
    faults = Faults()
    faults.add([{"name": "f", "effect": "status"}, {"name": "g", "effect": "latency"}])
    faults.add([{"name": "f", "effect": "throttle", "retry_after": 7}])
    assert {each["name"]: each["effect"] for each in faults.in_force()} == {"g": "latency", "f": "throttle"}
    faults.remove(["g"])
    assert [each["name"] for each in faults.in_force()] == ["f"]


def test_every_effect_has_a_name_that_can_be_given() -> None:
    assert {read_fault({"effect": effect}).name for effect in EFFECTS} == set(EFFECTS)


@pytest.mark.parametrize(
    "bad",
    [
        {"effect": "explode"},
        {"effect": "status", "status": 200},
        {"effect": "status", "body": "xml"},
        {"effect": "status", "when": "later"},
        {"effect": "status", "probability": 2},
        {"effect": "status", "probability": "often"},
        {"effect": "latency", "seconds": -1},
        {"effect": "cut_body", "when": "before"},
        {"effect": "status", "colour": "red"},
        "status",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_whole(bad: object) -> None:
    faults = Faults()
    with pytest.raises(BadFault):
        faults.add([{"effect": "status"}, bad])  # type: ignore[list-item]
    assert faults.in_force() == []


def test_faults_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": [{"name": "f", "effect": "status"}]}))
    faults = Faults()
    faults.load(file)
    assert names(faults) == ["f"]
    file.write_text("{")
    with pytest.raises(BadFault, match="can't be used"):
        faults.load(file)
