"""A PostgreSQL with a migrated database to copy from, a broker in a process of its own, and the desk to be killed."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
import servers
from doomed.cluster import Cluster, Doomed, environment_for
from doomed.nursery import Child, Nursery

from trading.risk.bounds import OF_ALL
from trading.safety import limits

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
def nursery(swift_folder: Path) -> Iterator[Callable[[str], Nursery]]:
    """Asked for with a database's URL, for it is loaded for one PostgreSQL, and once for all tests."""
    loaded: list[Nursery] = []

    def load(url: str) -> Nursery:
        if not loaded:
            loaded.append(Nursery(environment_for(url, swift_folder)))
        return loaded[0]

    yield load
    for each in loaded:
        each.close()


@pytest.fixture(scope="session")
def cluster(swift_folder: Path, nursery: Callable[[str], Nursery]) -> Iterator[Cluster]:
    with servers.postgres(swift_folder) as url:
        made = Cluster(url, swift_folder, count())
        Doomed(environment_for(url, swift_folder), nursery(url)).do("migrate")
        yield made


@pytest.fixture
def doomed_desk(cluster: Cluster, nursery: Callable[[str], Nursery], tmp_path: Path) -> Iterator[Callable[[], Doomed]]:
    """Makes a fresh database, a fresh broker and the desk between them."""
    home, numbers = nursery(cluster.url), count()

    def make() -> Doomed:
        number = next(numbers)
        var = tmp_path / f"var{number}"
        var.mkdir()
        address = str(tmp_path / f"ledger{number}")
        environment = environment_for(cluster.copy(), var, LEDGER=address)
        wait_for_its_word(home.start("ledger", {"address": address}, environment))
        return Doomed(environment, home)

    yield make
    home.end_all()


def wait_for_its_word(broker: Child, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not (broker.out.exists() and broker.out.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    assert broker.out.read_text().strip() == "ready"


@pytest.fixture
def room_for_all(db: None) -> None:
    """More orders a second than an installation may send: where nothing else keeps the machine busy, they are sent."""
    wide = dict.fromkeys(OF_ALL, Decimal(10**6)) | {"installation_dollars_a_minute": Decimal(10**12)}
    limits.change(wide, by=None, reason="a test of something else")
