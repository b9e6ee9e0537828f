"""Which values the switches of this wire may take."""

from typing import Any

from brokers.simulator.tradestation.limits import check_quotas

DUPLICATES = ("failed", "bad_request", "repeat", "accept")
FAILURES = ("errors", "orders", "bad_request")
CHOICES = {"tradestation_duplicates": DUPLICATES, "tradestation_failures": FAILURES}


def check_switch(name: str, value: Any) -> None:
    """Raises ``ValueError`` in words for a value that one of this wire's switches can't have."""
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of: {', '.join(CHOICES[name])}")
    if name == "tradestation_quotas":
        check_quotas(value)
