"""The proxy that does harm does none to other tests: what it left open would be found in the midst of one of them."""

import contextlib
import gc
import socket
import sys

import pytest
from chaos_proxy import ChaosProxy


def test_a_proxy_that_ends_while_many_arrive_leaves_nothing_to_the_garbage_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[object] = []
    gc.collect()
    monkeypatch.setattr(sys, "unraisablehook", lambda what: found.append((what.object, what.exc_value)))
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        for _ in range(4):
            end_while_many_arrive(silent.getsockname()[1])
            gc.collect()
    assert found == []


def end_while_many_arrive(port: int) -> None:
    with contextlib.ExitStack() as clients, ChaosProxy(port) as proxy:
        for _ in range(60):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", proxy.port))
