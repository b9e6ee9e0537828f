"""A test that failed beside others is looked at once more, alone, unless it guards money, tokens or tenancy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = Path(__file__).parent / "second_look.py"
FAILS_ONCE = """
from pathlib import Path
def test_a_page_comes():
    seen = Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
FAILS = "def test_a_page_comes():\n    assert False\n"
PASSES = "def test_a_page_comes():\n    pass\n"


def looked(folder: Path, *options: str, **tests: str) -> subprocess.CompletedProcess[str]:
    """The outcome over a project with these tests, named like ``browser__page``, in as many files."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for name, text in tests.items():
        file = folder / "tests" / f"{name.replace('__', '/test_')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # starts in half the time
    command = [sys.executable, str(LOOK), "-q", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def is_final(outcome: subprocess.CompletedProcess[str]) -> bool:
    return outcome.returncode == 1 and " failed" in outcome.stdout and "second look" not in outcome.stdout


def test_what_fails_beside_others_and_passes_alone_is_told_by_name(tmp_path: Path) -> None:
    outcome = looked(tmp_path, "-p", "xdist", "-n", "2", browser__page=FAILS_ONCE, trading__order=PASSES)
    assert outcome.returncode == 0
    assert "FAILED BESIDE OTHERS AND PASSED ALONE" in outcome.stdout
    assert "tests/browser/test_page.py::test_a_page_comes" in outcome.stdout.rpartition("PASSED ALONE")[2]


def test_what_fails_alone_too_has_failed(tmp_path: Path) -> None:
    outcome = looked(tmp_path, browser__page=FAILS, trading__order=PASSES)
    assert "second look" in outcome.stdout
    assert outcome.returncode == 1


def test_nothing_more_is_run_where_all_pass(tmp_path: Path) -> None:
    outcome = looked(tmp_path, browser__page=PASSES)
    assert outcome.returncode == 0
    assert "second look" not in outcome.stdout


GUARDS = ["trading__order", "portfolio__sums", "browser/journeys__halt", "brokers/reliability__token_lives"]


@pytest.mark.parametrize("name", GUARDS)
def test_what_guards_money_tokens_or_tenancy_has_no_second_look(tmp_path: Path, name: str) -> None:
    assert is_final(looked(tmp_path, **{name: FAILS_ONCE}))


def test_one_guard_among_the_failed_is_enough(tmp_path: Path) -> None:
    assert is_final(looked(tmp_path, browser__page=FAILS_ONCE, trading__order=FAILS_ONCE))


def test_many_failures_are_no_starvation(tmp_path: Path) -> None:
    assert is_final(looked(tmp_path, **{f"browser__page{number}": FAILS_ONCE for number in range(5)}))


def test_a_test_that_can_not_be_read_has_failed(tmp_path: Path) -> None:
    assert looked(tmp_path, browser__page="def (:", trading__order=PASSES).returncode != 0
