"""The frames that an order's changes make on streams (section 5.8): what the broker says twice, in between, or not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from brokers.simulator.exchange import Event, Exchange, SimOrder
from brokers.simulator.tradestation.answers import moment
from brokers.simulator.tradestation.order_words import DESCRIPTIONS
from brokers.simulator.tradestation.orders import order_json
from brokers.simulator.tradestation.rows import line

if TYPE_CHECKING:
    from brokers.simulator.world import World

Frame = dict[str, Any]
CANCELLED, FILLED, HIT, WORKING = "OUT", "FLL", "STP", "ACK"


class OrderFrames:
    """What was last said of each order, and the lines of the newest event: made once, however many streams tell it."""

    def __init__(self) -> None:
        self.said: dict[int, Frame] = {}
        self.event: Event | None = None
        self.lines: list[bytes] = []

    def snapshot(self, order: SimOrder, world: "World") -> bytes:
        """The order as it is."""
        frame = self.said[order.order_id] = frame_of(order, world)
        return line(frame)

    def of(self, event: Event, order: SimOrder, world: "World") -> list[bytes]:
        """The lines of an event; none when it shows nothing new."""
        if event is not self.event:
            frame = frame_of(order, world)
            self.lines = [line(each) for each in frames(self.said.get(order.order_id), frame, order)]
            self.said[order.order_id] = frame
            self.event = event
        return self.lines


def frame_of(order: SimOrder, world: "World") -> Frame:
    """The order as streams carry it: without the rate that only requests are told."""
    return {name: value for name, value in order_json(order, world).items() if name != "ConversionRate"}


_FRAMES: WeakKeyDictionary[Exchange, OrderFrames] = WeakKeyDictionary()


def frames_of(exchange: Exchange) -> OrderFrames:
    found = _FRAMES.get(exchange)
    if found is None:
        found = _FRAMES[exchange] = OrderFrames()
    return found


def frames(before: Mapping[str, Any] | None, now: Frame, order: SimOrder) -> list[Frame]:
    """From what was last said of an order to what is to be said now."""
    if before == now:
        return []
    found = _stop_hit(before, now, order)
    if now["Status"] == CANCELLED:
        unclosed = {name: value for name, value in now.items() if name != "ClosedDateTime"}
        return [*found, unclosed, now]
    if now["Status"] == FILLED and order.ticket.order_type.has_stop:
        working = {name: value for name, value in now.items() if name != "ClosedDateTime"}
        found.append(_as(working, WORKING))
    return [*found, now]


def _stop_hit(before: Mapping[str, Any] | None, now: Frame, order: SimOrder) -> list[Frame]:
    """That the level was reached, when it was filled before this could be said."""
    was = before["Status"] if before is not None else ""
    filled_at_once = now["Status"] in (FILLED, "FPR", WORKING) and any(leg.filled for leg in order.legs)
    told = was == HIT or (before is not None and any(leg["ExecQuantity"] != "0" for leg in before["Legs"]))
    if not (order.triggered and order.ticket.order_type.has_stop and filled_at_once) or told:
        return []
    at = order.triggered_at or order.updated_at
    hit = _as(now, HIT) | {"ClosedDateTime": moment(at), "FilledPrice": "0"}
    hit["Legs"] = [_unfilled(leg) for leg in now["Legs"]]
    return [hit]


def _unfilled(leg: Mapping[str, Any]) -> Frame:
    kept = {name: value for name, value in leg.items() if name != "ExecutionPrice"}
    return kept | {"ExecQuantity": "0", "QuantityRemaining": leg["QuantityOrdered"]}


def _as(frame: Frame, status: str) -> Frame:
    return frame | {"Status": status, "StatusDescription": DESCRIPTIONS[status]}
