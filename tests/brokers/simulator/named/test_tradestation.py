"""Everything that TradeStation's wire reference names can be had from the simulator, one by one, over its real wire."""

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import TradeStation

from tests.brokers.simulator.named.rows import Table, check_names, rows_of, title_of
from tests.brokers.simulator.named.station_accounts import ACCOUNTS
from tests.brokers.simulator.named.station_http import HTTP
from tests.brokers.simulator.named.station_orders import ORDERS
from tests.brokers.simulator.named.station_stage import Stage
from tests.brokers.simulator.named.station_streams import STREAMS

TABLES = [*ORDERS, *HTTP, *STREAMS, *ACCOUNTS]


@pytest.fixture(scope="module")
def ts(running: SimulatorServer) -> TradeStation:
    return TradeStation(running)


@pytest.mark.parametrize("table", TABLES, ids=title_of)
def test_every_name_of_the_reference_has_its_way(table: Table[Stage]) -> None:
    check_names(table)


@pytest.mark.parametrize(("table", "name"), rows_of(TABLES), ids=title_of)
def test_it_can_be_produced(running: SimulatorServer, ts: TradeStation, table: Table[Stage], name: str) -> None:
    assert table.ways[name](Stage(running, ts), name) == name
