"""A PostgreSQL with a migrated database to copy from, a broker in a process of its own, and the desk to be killed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import servers
from doomed.cluster import TESTS, Cluster, Doomed, environment_for
from ledger_process import START

IN_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of a random name is made in it)
ENOUGH = 4 * 1024**3


@pytest.fixture(scope="session")
def swift_folder() -> Iterator[Path]:
    """In memory where there is room, for nothing dies here but processes. PostgreSQL, which is not root, walks in."""
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH
    with tempfile.TemporaryDirectory(prefix="blotter-", dir=IN_MEMORY if roomy else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "run").mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))  # else its path library warns
        yield folder


@pytest.fixture(scope="session")
def cluster(swift_folder: Path) -> Iterator[Cluster]:
    folder = swift_folder
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
