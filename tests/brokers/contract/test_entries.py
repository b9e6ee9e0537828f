"""Every broker of the registry is under the contract."""

from any_broker import ENTRIES

from brokers.domain.orders import GroupKind, OrderType, TimeInForce
from brokers.port import Environment, Term
from brokers.registry import BROKERS


def test_every_broker_of_the_registry_has_an_entry_and_no_other() -> None:
    assert ENTRIES.keys() == BROKERS.keys()


def test_a_broker_says_of_itself_what_the_desk_relies_on() -> None:
    for name, spec in BROKERS.items():
        can = spec.capabilities
        assert spec.name == name
        assert spec.hosts.keys() == set(Environment)
        assert all(hosts.api.startswith("https://") for hosts in spec.hosts.values())
        assert spec.at_simulator is not None
        assert {OrderType.LIMIT} <= can.spread_types <= can.order_types <= set(OrderType)
        assert {TimeInForce.DAY} <= can.times_in_force <= set(TimeInForce)
        assert can.max_legs >= 1
        assert can.classes
        assert can.groups <= set(GroupKind)
        assert can.replaces <= set(Term)
        assert not spec.trade_scope or spec.trade_scope in spec.scopes
        assert set(spec.scope_words) == set(spec.scopes)
