"""The cheapest way to send supplies to rooms: min-cost flow on a handful of nodes, in exact numbers."""

from collections.abc import Sequence
from decimal import Decimal

ZERO = Decimal(0)
Costs = Sequence[Sequence[Decimal | None]]
Flows = dict[tuple[int, int], Decimal]


def assign(supplies: Sequence[Decimal], rooms: Sequence[Decimal], costs: Costs) -> Flows:
    """How much of each supply goes to each room so that the whole costs least; ``costs[i][j]`` is per unit, None where
    it may not go. Supplies that find no room are left over."""
    flows: Flows = {}
    space = list(rooms)
    for source, supply in enumerate(supplies):
        left = supply
        while left > 0 and (path := _cheapest(source, flows, space, costs)):
            moved = min(left, space[path[-1]], *_held(path, flows))
            _send(path, moved, flows)
            space[path[-1]] -= moved
            left -= moved
    return flows


def _cheapest(source: int, flows: Flows, space: list[Decimal], costs: Costs) -> list[int] | None:
    """The cheapest path to a room with space: supply, room, supply, …, room; it goes back along flows that are."""
    to_supply: dict[int, tuple[Decimal, list[int]]] = {source: (ZERO, [source])}
    to_room: dict[int, tuple[Decimal, list[int]]] = {}
    fresh = [source]
    while fresh:
        reached = _forward(fresh, to_supply, to_room, costs)
        fresh = _backward(reached, to_supply, to_room, flows, costs)
    found = [to_room[room] for room in to_room if space[room] > 0]
    return min(found, key=lambda one: one[0])[1] if found else None


def _forward(
    fresh: list[int],
    to_supply: dict[int, tuple[Decimal, list[int]]],
    to_room: dict[int, tuple[Decimal, list[int]]],
    costs: Costs,
) -> set[int]:
    reached: set[int] = set()
    for supply in fresh:
        so_far, path = to_supply[supply]
        for room, cost in enumerate(costs[supply]):
            if cost is not None and (room not in to_room or so_far + cost < to_room[room][0]):
                to_room[room] = (so_far + cost, [*path, room])
                reached.add(room)
    return reached


def _backward(
    reached: set[int],
    to_supply: dict[int, tuple[Decimal, list[int]]],
    to_room: dict[int, tuple[Decimal, list[int]]],
    flows: Flows,
    costs: Costs,
) -> list[int]:
    fresh: list[int] = []
    for (supply, room), flow in flows.items():
        cost = costs[supply][room]
        if room in reached and flow > 0 and cost is not None:
            total = to_room[room][0] - cost
            if supply not in to_supply or total < to_supply[supply][0]:
                to_supply[supply] = (total, [*to_room[room][1], supply])
                fresh.append(supply)
    return fresh


def _held(path: list[int], flows: Flows) -> list[Decimal]:
    """What the path takes back from flows that are: each of its steps from a room to a supply."""
    return [flows[path[at + 1], path[at]] for at in range(1, len(path) - 1, 2)]


def _send(path: list[int], moved: Decimal, flows: Flows) -> None:
    for at in range(0, len(path) - 1, 2):
        pair = path[at], path[at + 1]
        flows[pair] = flows.get(pair, ZERO) + moved
        if at + 2 < len(path):
            flows[path[at + 2], path[at + 1]] -= moved
