"""Recorded answers of tastytrade, whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from brokers.wire import Node, decode

PAYLOADS = Path(__file__).parents[2] / "payloads" / "tastytrade"


@pytest.fixture
def payload_text() -> Callable[[str], str]:
    return lambda name: (PAYLOADS / f"{name}.json").read_text()


@pytest.fixture
def payload(payload_text: Callable[[str], str]) -> Callable[[str], Node]:
    return lambda name: decode(payload_text(name))
