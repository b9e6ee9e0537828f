"""The whole suite, and a second look at the few tests that failed beside others and may have been starved.

A browser, a stream or a server on a crowded machine can be too slow for the test that waits for it. So where at most
``FEW`` tests failed, and all of them in ``STARVED``, each is run once more, alone, and must pass. What guards money,
tokens and one person from another has no second look: one order doubled in a thousand runs is a fault.

Run as ``python tests/second_look.py [options of pytest]``; the status is pytest's.
"""

import json
import subprocess
import sys
from pathlib import Path

FEW = 4
STARVED = (
    "tests/brokers/contract/",
    "tests/brokers/live/",
    "tests/brokers/reliability/",
    "tests/brokers/simulator/",
    "tests/brokers/tastytrade/",
    "tests/brokers/tradestation/",
    "tests/browser/",
    "tests/market/",
)
"""Where real processes, sockets and Chromium are waited for."""
GUARDS = (
    "tests/brokers/reliability/test_killed_renewals.py",
    "tests/brokers/reliability/test_refused_tokens.py",
    "tests/brokers/reliability/test_token",
    "tests/browser/journeys/test_halt.py",
    "tests/browser/journeys/test_hasty_hands.py",
    "tests/browser/journeys/test_limits_obeyed.py",
    "tests/browser/journeys/test_lost_answers.py",
)
"""Tests of money, tokens or tenancy among them."""
TESTS_FAILED = 1
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def pytest(*options: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *options], check=False).returncode


def may_be_starved(test: str) -> bool:
    return test.startswith(STARVED) and not test.startswith(GUARDS)


def main(options: list[str]) -> int:
    LAST_FAILED.unlink(missing_ok=True)
    status = pytest(*options)
    if status != TESTS_FAILED or not LAST_FAILED.exists():
        return status
    failed = sorted(json.loads(LAST_FAILED.read_text()))
    if len(failed) > FEW or not all(map(may_be_starved, failed)):
        return status
    print(f"\nA second look, alone, at what failed beside others ({len(failed)}):", *failed, sep="\n  ", flush=True)
    status = pytest("-q", *failed)
    if status == 0:
        print("\nTHESE FAILED BESIDE OTHERS AND PASSED ALONE; see to it that they pass in both:", *failed, sep="\n  ")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
