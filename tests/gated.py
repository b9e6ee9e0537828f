"""A connection's gate for tests: with a clock that is moved by hand, in front of a broker at the simulator."""

from dataclasses import dataclass, field
from typing import Any

from any_broker import Desk

from brokers.port import Broker, Budget
from brokers.transport import ConnectionGate, GatedToken
from brokers.transport.ledger import Ledger, OwnLedger


@dataclass
class Hands:
    """A clock that moves when somebody moves it, or sleeps by it."""

    time: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def gate(
    clock: Hands,
    *budgets: Budget,
    connection: str = "mine",
    world: str = "broker:sim",
    ledger: Ledger | None = None,
    urgent: bool = False,
) -> ConnectionGate:
    ledger = OwnLedger() if ledger is None else ledger
    return ConnectionGate(connection, world, "The broker", budgets, ledger, urgent, now=clock, sleep=clock.sleep)


def gated(desk: Desk, clock: Hands, *, ledger: Ledger, connection: str = "mine", **how: Any) -> Broker:
    """A desk's broker behind a gate with the broker's own budgets."""
    made = gate(clock, *desk.spec.budgets, connection=connection, world=f"{desk.name}:sim", ledger=ledger, **how)
    return desk.spec.make_broker(desk.hosts, GatedToken(desk.token, made))
