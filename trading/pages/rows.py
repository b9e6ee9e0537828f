"""Orders as the list shows them: legs in words, the market now, how far away it is, groups together."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from django.db.models import Count

from brokers import registry
from brokers.domain.instruments import Instrument, contract_multiplier, parse_instrument, plain
from brokers.domain.market import Quote
from brokers.domain.orders import Action, Leg, OrderType
from brokers.live.hub import hub
from brokers.models import Account
from trading import tickets
from trading.analytics import AnalyticLeg, price_size
from trading.drafting.estimates import LegMarket, market_of, quotes_of
from trading.models import Order
from trading.pages.forms import TIMES_IN_FORCE

GROUP_WORDS = {"bracket": "Bracket", "oto": "One, then the other", "oco": "One cancels the other"}
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Row:
    """``mark`` is the middle of the market for the whole order, from the account's side (credit positive); of one leg
    unsigned. ``distance`` is how far the market must come for it to fill: 0 and below is at the market."""

    order: Order
    legs: tuple[str, ...]
    mark: Decimal | None
    distance: Decimal | None
    data: str
    can_change: bool

    @property
    def is_spread(self) -> bool:
        return len(self.legs) > 1

    @property
    def price_words(self) -> str:
        """«190.00», «1.25 cr», «stop 180.00», «180.00 stop, 179.50 limit»."""
        order = self.order
        limit = "" if order.limit_price is None else tickets.price_text(order.limit_price)
        if limit and self.is_spread and order.limit_price:
            limit += " cr" if order.limit_price > 0 else " db"
        stop = "" if order.stop_price is None else tickets.price_text(order.stop_price)
        if limit and stop:
            return f"{stop} stop, {limit}"
        return limit or (f"{stop} stop" if stop else "—")

    @property
    def mark_side(self) -> str:
        if self.mark is None or not self.is_spread or not self.mark:
            return ""
        return "cr" if self.mark > 0 else "db"

    @property
    def mark_size(self) -> Decimal | None:
        return None if self.mark is None else abs(self.mark)

    @property
    def time_words(self) -> str:
        words = {time.value: text for time, text in TIMES_IN_FORCE.items()}
        last = self.order.ticket.get("gtd_date")
        if last:
            return f"Till {last}"
        return words.get(self.order.time_in_force, self.order.time_in_force)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that stand together: a group's, or one. ``size``: how many orders the group has, other tabs' too."""

    key: str
    title: str
    rows: tuple[Row, ...]
    size: int = 1

    @property
    def words(self) -> str:
        """«3 orders sent as one»; where the list shows some of them, that there are more."""
        shown = len({row.order.group_index for row in self.rows})
        return f"{self.size} orders sent as one" if shown >= self.size else f"{shown} of {self.size} orders sent as one"

    @property
    def can_cancel(self) -> bool:
        """Whether there are several that can be cancelled at once."""
        return bool(self.title) and sum(row.order.can_cancel for row in self.rows) > 1


def blocks(orders: Sequence[Order], sizes: Mapping[UUID | None, int] | None = None) -> list[Block]:
    """In the order given, a group where its first member stands, its members in their own order. ``sizes`` of groups
    that may have more members than are given."""
    quotes = _quotes(orders)
    first = {order.group: at for at, order in reversed(list(enumerate(orders))) if order.group}
    ranked = sorted(
        enumerate(orders), key=lambda one: (first[one[1].group] if one[1].group else one[0], one[1].group_index)
    )
    made = []
    for key, members in groupby((order for _, order in ranked), key=lambda order: order.group or order.pk):
        rows = tuple(row_of(order, quotes.get(order.account_id, {})) for order in members)
        kind = rows[0].order.group_kind
        title = GROUP_WORDS.get(kind, "Sent as one") if rows[0].order.group else ""
        made.append(Block(str(key), title, rows, (sizes or {}).get(rows[0].order.group, len(rows))))
    return made


def sizes_of(orders: Iterable[Order]) -> dict[UUID | None, int]:
    """How many orders each group was sent as; one that took another's place has its number."""
    groups = {order.group for order in orders if order.group}
    if not groups:
        return {}
    found = (
        Order.objects.filter(group__in=groups)
        .order_by()
        .values("group")
        .annotate(n=Count("group_index", distinct=True))
    )
    return {row["group"]: row["n"] for row in found}


def row_of(order: Order, quotes: Mapping[Instrument, Quote]) -> Row:
    legs = legs_of(order)
    able = bool(registry.spec(order.account.connection.broker).capabilities.replaces)
    known = _markets(legs, quotes) if legs and order.is_open else ()
    mark = market_of(known).mid if known else None
    if mark is not None and len(known) == 1:
        mark = abs(mark)
    return Row(
        order=order,
        legs=tuple(tickets.act(leg) for leg in legs) or (order.description,),
        mark=mark,
        distance=_distance(order, legs, mark),
        data=_data(order, known),
        can_change=able and order.can_replace and bool(legs),
    )


def legs_of(order: Order) -> tuple[Leg, ...]:
    """Empty where the order was placed elsewhere and holds something that the desk has no words for."""
    try:
        return tuple(
            Leg(parse_instrument(leg["symbol"]), Action(leg["action"]), Decimal(leg["quantity"]))
            for leg in order.ticket["legs"]
        )
    except (KeyError, ValueError, ArithmeticError):
        return ()


def _quotes(orders: Iterable[Order]) -> dict[object, Mapping[Instrument, Quote]]:
    """The newest quotes of what still works, by account; asked for once for all of an account's orders."""
    wanted: dict[Account, set[Instrument]] = {}
    for order in orders:
        if order.is_open:
            wanted.setdefault(order.account, set()).update(leg.instrument for leg in legs_of(order))
    return {
        account.pk: quotes_of(account, found)
        if account.connection.is_connected
        else hub.latest(account.connection_id, found)
        for account, found in wanted.items()
    }


def _markets(legs: Sequence[Leg], quotes: Mapping[Instrument, Quote]) -> tuple[LegMarket, ...]:
    alone = len(legs) == 1
    return tuple(
        LegMarket(leg, ONE if alone else contract_multiplier(leg.instrument), quotes.get(leg.instrument), None)
        for leg in legs
    )


def _distance(order: Order, legs: Sequence[Leg], mark: Decimal | None) -> Decimal | None:
    """Of a limit: what it asks for beyond the middle of the market. Of a stop: from the market to it."""
    if mark is None:
        return None
    single = len(legs) == 1
    if order.order_type in (OrderType.STOP, OrderType.STOP_LIMIT) and order.stop_price is not None and single:
        away = order.stop_price - mark
        return away if legs[0].action.is_buy else -away
    if order.limit_price is None:
        return None
    net = -mark if single and legs[0].action.is_buy else mark
    return order.limit_price - net


def _data(order: Order, known: Sequence[LegMarket]) -> str:
    """For a script that keeps mark and distance live: JSON, decimals as text; "" where there is nothing to keep."""
    if not known or any(row.multiplier is None for row in known):
        return ""
    sizes = [AnalyticLeg(row.leg.instrument, row.leg.quantity, row.multiplier or ONE) for row in known]
    single = len(known) == 1
    is_stop = order.order_type in (OrderType.STOP, OrderType.STOP_LIMIT) and order.stop_price is not None and single
    return json.dumps(
        {
            "legs": [
                [str(row.leg.instrument), plain(-row.leg.action.sign * row.leg.quantity * (row.multiplier or ONE))]
                for row in known
            ],
            "unit": plain(price_size(sizes)),
            "limit": None if is_stop or order.limit_price is None else plain(order.limit_price),
            "stop": plain(order.stop_price) if is_stop and order.stop_price is not None else None,
            "buys": known[0].leg.action.is_buy if single else None,
        }
    )
