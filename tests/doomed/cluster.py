"""Databases to copy, and the desk that is killed: its processes between one of them and ledger_process.py."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from doomed.nursery import Nursery

TESTS = Path(__file__).resolve().parents[1]


@dataclass
class Cluster:
    """``url`` is of a database that holds the desk's tables and nothing else; its copies are the tests'."""

    url: str
    folder: Path
    numbers: Iterator[int]

    def named(self, name: str) -> str:
        return self.url.replace("/blotter?", f"/{name}?").replace("@/blotter", f"@/{name}")

    def run(self, statement: str) -> None:
        with psycopg.connect(self.named("postgres"), autocommit=True) as link:
            link.execute(statement)

    def asked(self, question: str) -> str:
        with psycopg.connect(self.named("postgres"), autocommit=True) as link:
            row = link.execute(question).fetchone()
            assert row is not None
            return str(row[0])

    @property
    def programs(self) -> Path:
        return Path(self.asked("SELECT setting FROM pg_config() WHERE name = 'BINDIR'"))

    @property
    def pg_ctl(self) -> list[str]:
        return [str(self.programs / "pg_ctl"), "-D", self.asked("SHOW data_directory")]

    def new(self) -> str:
        name = f"empty_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.named(name)

    def copy(self, of: str = "blotter") -> str:
        """A new database like another one; its URL."""
        name = f"copy_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {of}")
        return self.named(name)


def environment_for(url: str, folder: Path, **more: str) -> dict[str, str]:
    return (
        os.environ
        | {
            "TEST_DATABASE_URL": url,
            "VAR_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS))),
            "LOG_LEVEL": "CRITICAL",
        }
        | more
    )


@dataclass
class Doomed:
    """The desk's processes at one database, and the broker's."""

    environment: dict[str, str]
    nursery: Nursery

    def do(self, task: str, within: float = 850, /, **how: Any) -> dict[str, Any]:
        """One of the tasks. ``within`` seconds only guard against hanging, on a machine that does much else too."""
        child = self.nursery.start(task, how, self.environment)
        code = self.nursery.wait(child, within)
        told = child.err.read_text()
        assert code is not None, f"{task} was not through after {within} seconds: {told[-3000:]}"
        assert code == 0, told[-3000:]
        result: dict[str, Any] = json.loads(child.out.read_text().splitlines()[-1])
        print(task, how, result, told[-1500:])
        return result


def found_wrong(result: dict[str, Any]) -> dict[str, int]:
    """Whatever the comparison with the broker's ledger brought up."""
    names = ("doubled", "sent_twice", "lost", "invented", "external", "unsettled", "out_over_in", "excess")
    return {name: result[name] for name in names if result.get(name)}
