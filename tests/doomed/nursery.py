"""The desk loaded once: each task, and each broker, is a process forked from there, at a database of its own.

``Nursery`` is the test's side; ``serve`` runs in ``python -m doomed``. Both speak in lines of JSON.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Task = Callable[..., dict[str, Any]]
READY = "ready"


@dataclass
class Child:
    pid: int
    out: Path
    err: Path


class Nursery:
    """Loads the desk for databases of one PostgreSQL. ``environment`` is any of theirs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "doomed"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        self._tasks = self._asked = 0
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == READY, "the desk could not be loaded"

    def start(self, task: str, how: Mapping[str, Any], environment: Mapping[str, str]) -> Child:
        """A process for the task; what it prints goes to files in its own folder."""
        self._tasks += 1
        out, err = (Path(environment["VAR_DIR"]) / f"{task}-{self._tasks}.{end}" for end in ("out", "err"))
        own = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        return Child(self._ask("start", task=task, how=how, environment=own, out=str(out), err=str(err)), out, err)

    def wait(self, child: Child, seconds: float) -> int | None:
        """Its exit code; None when its time is over."""
        until = time.monotonic() + seconds
        code: int | None = None
        while code is None and time.monotonic() < until:
            code = self._ask("poll", pid=child.pid)
        return code

    def end_all(self) -> None:
        """Kill whatever still runs, with all that it has forked."""
        self._ask("end_all")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def _ask(self, what: str, **more: Any) -> Any:
        """Answers are numbered as what is asked: a test that is interrupted may have left one unread."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        self._process.stdin.write(json.dumps([self._asked, what, more]) + "\n")
        self._process.stdin.flush()
        while True:
            number, answer = json.loads(self._process.stdout.readline())
            if number == self._asked:
                return answer


# --- over there ---


@dataclass
class Parent:
    tasks: Mapping[str, Task]
    alive: set[int] = field(default_factory=set)

    def start(self, task: str, how: dict[str, Any], environment: dict[str, str], out: str, err: str) -> int:
        if pid := os.fork():
            self.alive.add(pid)
            return pid
        code = 1
        try:
            os.setsid()
            _speak_into(out, err)
            _move_to(environment)
            os.write(1, (json.dumps(self.tasks[task](**how)) + "\n").encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def poll(self, pid: int) -> int | None:
        """The exit code of a child that has ended, or ends within half a second."""
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.alive.discard(pid)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None

    def end_all(self) -> None:
        for pid in list(self.alive):
            with suppress(ProcessLookupError):  # it has not come to be a group yet
                os.killpg(pid, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.alive.discard(pid)


def serve(tasks: Mapping[str, Task]) -> None:
    """Until nobody asks any more; then whatever still runs is killed."""
    parent = Parent(tasks)
    answers: dict[str, Callable[..., Any]] = {"start": parent.start, "poll": parent.poll, "end_all": parent.end_all}
    _say(READY)
    for line in iter(sys.stdin.readline, ""):
        number, what, more = json.loads(line)
        _say(json.dumps([number, answers[what](**more)]))
    parent.end_all()


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _speak_into(out: str, err: str) -> None:
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(path, flags | os.O_CREAT, 0o644)
        os.dup2(opened, number)
        os.close(opened)


def _move_to(environment: Mapping[str, str]) -> None:
    """The settings were read for another database and another folder; nothing of those was opened."""
    from django.conf import settings
    from django.db import connections

    os.environ.update(environment)
    connections.databases["default"]["NAME"] = database_of(os.environ["TEST_DATABASE_URL"])
    settings.VAR_DIR = Path(os.environ["VAR_DIR"])


def database_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
