"""Eighteen places on an order's way at which a process is killed, fails or stalls: patched in from here, by name.

The desk itself knows nothing of them. Each is just before or just after a call of a function that is there anyway.
"""

import importlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STALL = 2.5
"""Seconds: longer than this desk waits before it doubts a sender, and than an order may wait before it leaves."""
FAULTS = ("kill", "raise", "hang")


class Injected(Exception):
    """What a failpoint raises: nothing that the desk has an answer for."""


@dataclass(frozen=True)
class Point:
    """``where`` is ``module:name`` or ``module:Class.name``. ``after`` is the call, else before it.

    ``call`` counts which call it is, for what is called more than once. ``reconciler``: it strikes whoever looks the
    order up, after its sender was killed.
    """

    number: int
    what: str
    where: str
    after: bool = False
    call: int = 1
    reconciler: bool = False


POINTS = (
    Point(1, "before the key is looked at", "trading.orders:_with_key"),
    Point(2, "after the key was found free", "trading.orders:_with_key", after=True),
    Point(3, "before the broker's figures are asked for", "trading.safety.snapshots:take"),
    Point(4, "in the transaction, after the account's row was locked", "trading.protocol.sending:locked", after=True),
    Point(5, "in the transaction, after the row was written", "trading.models:Order.begin", after=True),
    Point(6, "after the commit", "trading.protocol.sending:send"),
    Point(7, "before the last look", "trading.protocol.sending:let_go"),
    Point(8, "after the last look, before anything is opened", "trading.protocol.sending:let_go", after=True),
    Point(9, "before a connection is made", "brokers.transport.sessions:_Watched.connect"),
    Point(10, "connected, before the first byte", "brokers.transport.sessions:_Watched.connect", after=True),
    Point(11, "after the request's first bytes", "brokers.transport.sessions:_Watched.send", after=True),
    Point(12, "after all of the request, before the answer", "brokers.transport.sessions:_Watched.getresponse"),
    Point(13, "after the answer, before it is read", "brokers.transport:Transport._read"),
    Point(14, "after it was read, before it is written down", "trading.protocol.sending:taken"),
    Point(15, "in the transaction of the answer", "trading.models:Order.change", after=True),
    Point(16, "before a sender that is gone is doubted", "trading.protocol.reconcile:doubt", reconciler=True),
    Point(17, "after the turn to look was taken", "trading.protocol.reconcile:claim", after=True, reconciler=True),
    Point(18, "before what a listing says is recorded", "trading.protocol.news:record", reconciler=True),
)


def arm(point: Point, fault: str) -> None:
    """From here on this process fails at that point, once."""
    owner, name = _place(point.where)
    real: Callable[..., Any] = vars(owner)[name]
    bound = getattr(real, "__func__", real)  # a class method's own function
    calls = 0

    def wrapped(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == point.call and not point.after:
            strike(fault)
        result = bound(*args, **named)
        if calls == point.call and point.after:
            strike(fault)
        return result

    setattr(owner, name, classmethod(wrapped) if isinstance(real, classmethod) else wrapped)


def _place(where: str) -> tuple[Any, str]:
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    if not classes or name in vars(owner):
        return owner, name
    setattr(owner, name, getattr(owner, name))  # inherited: this class gets one of its own
    return owner, name


def strike(fault: str) -> None:
    _note_hit()
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "raise":
        raise Injected("A failpoint struck.")
    time.sleep(STALL)


HITS = "HITS"
"""The environment's name for a file to which each strike adds a byte: a point that nobody passes proves nothing."""


def _note_hit() -> None:
    line = os.open(os.environ[HITS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, b".")
    os.close(line)
