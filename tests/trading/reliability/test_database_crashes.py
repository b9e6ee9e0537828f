"""PostgreSQL crashes while orders are sent, or comes back from an older dump: nothing is sent twice or forgotten."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from doomed.cluster import Cluster, Doomed, found_wrong
from doomed.nursery import database_of

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[..., Doomed]


@pytest.mark.parametrize(
    ("how_many", "restarts"),
    [
        pytest.param(200, 3, marks=pytest.mark.nightly),
        pytest.param(5_000, 50, marks=[pytest.mark.nightly, pytest.mark.timeout(7_200)]),
    ],
)
def test_a_database_that_crashes_again_and_again_forgets_no_order(
    doomed_desk: Desk, cluster: Cluster, how_many: int, restarts: int
) -> None:
    how = {"how_many": how_many, "restarts": restarts, "pg_ctl": cluster.pg_ctl, "deaths": False}
    result = doomed_desk().do("submissions", 7_000, **how)
    assert found_wrong(result) == {}
    assert (result["rows"], result["restarts"]) == (how_many, restarts)


@pytest.mark.nightly
def test_a_database_that_forgets_what_it_committed_is_caught(doomed_desk: Desk, cluster: Cluster) -> None:
    """The desk itself refuses such a database; here its check is taken out."""
    desk = doomed_desk()
    name = database_of(desk.environment["TEST_DATABASE_URL"])
    cluster.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
    cluster.run("SELECT pg_reload_conf()")
    cluster.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    how = {"how_many": 100, "restarts": 3, "pg_ctl": cluster.pg_ctl, "deaths": False, "sabotage": "forgetful"}
    try:
        result = desk.do("submissions", **how)
    finally:
        cluster.run("ALTER SYSTEM RESET wal_writer_delay")
        cluster.run("SELECT pg_reload_conf()")
    assert result["doubled"] or result["lost"] or result["external"]


def restored(cluster: Cluster, dump: Path) -> str:
    """A database of its own made from a dump."""
    url = cluster.new()
    command = [str(cluster.programs / "pg_restore"), "--dbname", url, "--exit-on-error", str(dump)]
    subprocess.run(command, check=True, timeout=60)
    return url


def dumped(cluster: Cluster, url: str, dump: Path) -> Path:
    command = [str(cluster.programs / "pg_dump"), "--format=custom", "--file", str(dump), url]
    subprocess.run(command, check=True, timeout=60)
    return dump


def test_a_desk_that_was_set_back_in_time_sends_nothing_by_itself_and_finds_what_it_forgot(
    doomed_desk: Desk, cluster: Cluster, tmp_path: Path
) -> None:
    """Then, from the same dump, one that takes up what was on its way: it is caught."""
    desk = doomed_desk()
    url = desk.environment["TEST_DATABASE_URL"]
    assert desk.do("work", first=0, last=10) == {"sending": 3, "rows": 10}
    dump = dumped(cluster, url, tmp_path / "dump")
    ahead = desk.do("work", first=10, last=20)
    assert ahead["rows"] == 20
    desk.environment["TEST_DATABASE_URL"] = restored(cluster, dump)
    result = desk.do("wake")
    assert result["sent_by_itself"] == result["doubled"] == result["sent_twice"] == 0
    assert result["doubted"] == 3
    assert "sending" not in result["at_waking"]
    assert result["unsettled"] == result["invented"] == 0
    assert result["at_broker"] == result["statuses"]["accepted"] + result["external"], "what it forgot is external here"
    assert result["external"] >= 7
    desk.environment["TEST_DATABASE_URL"] = restored(cluster, dump)
    caught = desk.do("wake", sabotage="resume")
    assert caught["sent_by_itself"] == caught["doubled"] == 3
