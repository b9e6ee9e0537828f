"""Journeys have a desk to themselves: their faults, halts and orders are nobody else's."""

from collections.abc import Iterator

import pytest
from desk_process import DeskProcess


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    process = DeskProcess(tmp_path_factory.mktemp("journeys"))
    try:
        yield process.start()
    finally:
        process.kill()
