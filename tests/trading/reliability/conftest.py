"""A PostgreSQL with a migrated database to copy from, a broker in a process of its own, and the desk to be killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import servers
from doomed_cluster import TESTS, Cluster, Doomed, environment_for
from ledger_process import START


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with servers.postgres(folder) as url:
        command = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
        subprocess.run(command, env=environment_for(url, folder), cwd=TESTS.parent, check=True, timeout=110)
        yield Cluster(url, folder, count())


@pytest.fixture
def doomed_desk(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], Doomed]]:
    """Makes a fresh database, a fresh broker and the desk between them."""
    brokers: list[subprocess.Popen[str]] = []

    def make(url: str = "") -> Doomed:
        number = len(brokers)
        var = tmp_path / f"var{number}"
        var.mkdir()
        address = str(tmp_path / f"ledger{number}")
        environment = environment_for(url or cluster.copy(), var, LEDGER=address)
        command = [sys.executable, "-c", START, address]
        broker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        brokers.append(broker)
        assert broker.stdout is not None
        assert broker.stdout.readline().strip() == "ready"
        return Doomed(environment, address)

    yield make
    for broker in brokers:
        broker.kill()
        broker.wait(10)
        assert broker.stdout is not None
        broker.stdout.close()
