"""What trades goes into the order and the books together; it is told of leg by leg, declared void, corrected."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.market import PriceIncrements
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.accounts import SimAccount, SimPosition, SimTransaction
from brokers.simulator.exchange.books.executions import execution
from brokers.simulator.exchange.books.ledger import book_trade
from brokers.simulator.exchange.floor.matching import Slice
from brokers.simulator.exchange.floor.plans import FillRule
from brokers.simulator.exchange.orders.orders import OrderRefused, SimFill, SimLeg, SimOrder
from brokers.simulator.market.market import Market

ZERO = Decimal(0)
KEPT = 50_000
OPPOSITE = {
    Action.BUY_TO_OPEN: Action.SELL_TO_CLOSE,
    Action.SELL_TO_OPEN: Action.BUY_TO_CLOSE,
    Action.BUY_TO_CLOSE: Action.SELL_TO_OPEN,
    Action.SELL_TO_CLOSE: Action.BUY_TO_OPEN,
    Action.BUY: Action.SELL,
    Action.SELL: Action.BUY,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an instrument stands on, and its tick grid."""

    underlying: Instrument
    increments: PriceIncrements | None


class Filling:
    """Books what trades. ``ids`` numbers fills and entries."""

    def __init__(self, market: Market, ids: Iterator[int]) -> None:
        self.market, self.ids = market, ids
        self._terms: dict[Instrument, Terms] = {}

    def terms(self, instrument: Instrument) -> Terms:
        """Kept, for listings are made anew each time they are asked for."""
        found = self._terms.get(instrument)
        if found is None:
            listing = self.market.listing(instrument)
            if listing is None:
                return Terms(instrument, None)
            if len(self._terms) > KEPT:
                self._terms.clear()
            found = self._terms[instrument] = Terms(listing.underlying or instrument, listing.increments)
        return found

    def fill(
        self, account: SimAccount, order: SimOrder, part: Slice, rule: FillRule, now: datetime
    ) -> list[SimPosition]:
        """Trade a part of an order, all legs at once; the answer is the positions it leaves."""
        order.last_fill_at = now
        positions = []
        for leg, price in zip(order.legs, part.prices, strict=True):
            fill = SimFill(str(next(self.ids)), part.units * leg.ratio, price, now)
            positions.append(self._book(account, order, leg, fill, now))
            if rule.mode == "legs" and leg is not order.legs[0]:
                leg.unreported.append(fill)
                order.report_at = now + timedelta(seconds=rule.interval)
            else:
                leg.fills.append(fill)
                leg.remaining -= fill.quantity
        return positions

    def report(self, order: SimOrder) -> None:
        """Tell of the fills that were held back."""
        order.report_at = None
        for leg in order.legs:
            leg.remaining -= sum((fill.quantity for fill in leg.unreported), ZERO)
            leg.fills.extend(leg.unreported)
            leg.unreported.clear()

    def bust(self, account: SimAccount, order: SimOrder, fill_id: str, now: datetime) -> SimPosition:
        """Declare a fill void: its trade and its fees are taken back."""
        leg, fill = _find(order, fill_id)
        position = self._take_back(account, order, leg, fill, now)
        fill.broken = True
        leg.remaining += fill.quantity
        return position

    def correct(self, account: SimAccount, order: SimOrder, fill_id: str, price: Decimal, now: datetime) -> SimPosition:
        """Give a fill another price, in the order and in the books; the fees stay what they were."""
        leg, fill = _find(order, fill_id)
        fees = _entry_of(account, fill_id).fees
        self._take_back(account, order, leg, fill, now)
        fill.price, fill.corrected = price, True
        return self._book(account, order, leg, fill, now, fees=fees, remark="Corrected")

    def _take_back(
        self, account: SimAccount, order: SimOrder, leg: SimLeg, fill: SimFill, now: datetime
    ) -> SimPosition:
        fees = {kind: -amount for kind, amount in _entry_of(account, fill.fill_id).fees.items()}
        return self._book(account, order, leg, fill, now, OPPOSITE[leg.leg.action], fees, "Broken")

    def _book(
        self,
        account: SimAccount,
        order: SimOrder,
        leg: SimLeg,
        fill: SimFill,
        at: datetime,
        action: Action | None = None,
        fees: dict[str, Decimal] | None = None,
        remark: str = "",
    ) -> SimPosition:
        trade = execution(
            *(account, self.market, leg.leg.instrument, action or leg.leg.action, fill.quantity, fill.price, at),
            before=leg.traded,
            order_id=order.order_id,
            fill_id=fill.fill_id,
            leg_count=len(order.legs),
        )
        if fees is not None:
            words, entry = f"{remark}: {leg.leg.instrument}, order {order.order_id}", _entry_of(account, fill.fill_id)
            trade = replace(trade, fees=fees, description=words, multiplier=entry.multiplier)
            trade = replace(trade, underlying=entry.underlying or trade.underlying)  # it may have ended since
        return book_trade(account, trade, self.ids)


def _find(order: SimOrder, fill_id: str) -> tuple[SimLeg, SimFill]:
    for leg in order.legs:
        for fill in leg.fills:
            if fill.fill_id == fill_id and not fill.broken:
                return leg, fill
    raise OrderRefused("unknown_fill", f"Order {order.order_id} has no fill {fill_id}.")


def _entry_of(account: SimAccount, fill_id: str) -> SimTransaction:
    return next(entry for entry in reversed(account.transactions) if entry.fill_id == fill_id)
