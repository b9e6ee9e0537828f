"""Everything that tastytrade's wire reference names can be had from the simulator, one by one, over its real wire."""

import pytest
from simulator_server import SimulatorServer
from tasty_client import Tasty

from tests.brokers.simulator.named.rows import Table, check_names, rows_of, title_of
from tests.brokers.simulator.named.tasty_accounts import ACCOUNTS
from tests.brokers.simulator.named.tasty_dxlink import DXLINK
from tests.brokers.simulator.named.tasty_http import HTTP
from tests.brokers.simulator.named.tasty_market import MARKET
from tests.brokers.simulator.named.tasty_orders import ORDERS
from tests.brokers.simulator.named.tasty_stage import Stage
from tests.brokers.simulator.named.tasty_streamer import STREAMER

TABLES = [*ORDERS, *HTTP, *STREAMER, *DXLINK, *ACCOUNTS, *MARKET]


@pytest.fixture(scope="module")
def tasty(running: SimulatorServer) -> Tasty:
    return Tasty(running)


@pytest.mark.parametrize("table", TABLES, ids=title_of)
def test_every_name_of_the_reference_has_its_way(table: Table[Stage]) -> None:
    check_names(table)


@pytest.mark.parametrize(("table", "name"), rows_of(TABLES), ids=title_of)
def test_it_can_be_produced(running: SimulatorServer, tasty: Tasty, table: Table[Stage], name: str) -> None:
    assert table.ways[name](Stage(running, tasty), name) == name
