"""Positions as TradeStation writes them, and the filter by symbol (section 4.1, B4)."""

import hashlib
import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Future, FutureOption, Option
from brokers.simulator.exchange import SimPosition
from brokers.simulator.tradestation.answers import compact, day, decimal, moment
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.orders import NEW_YORK
from brokers.simulator.tradestation.symbols import asset_type, to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World

ZERO = Decimal(0)
DAY_TRADE_SHARE = Decimal(4)  # of the overnight margin of a future, a day trade asks this part


def position_json(position: SimPosition, world: "World") -> dict[str, Any]:
    """One row. Shorts have a negative quantity, cost and value; percent of the cost, three places."""
    instrument, quantity = position.instrument, position.quantity
    book = world.market.book(instrument)
    last = last_price(position, world)
    point = position.multiplier
    value = last * quantity * point
    price = position.average_open_price
    cost = price * quantity * point
    gain = value - cost
    marked = position.day_open_price if position.day_open_price is not None else price
    future = isinstance(instrument, Future | FutureOption)
    today = {
        "TodaysProfitLoss": decimal((last - marked) * quantity * point, 2),
        "MarkToMarketPrice": decimal(marked, 4),
    }
    return compact(
        {
            "AccountID": ts_account(world.exchange.accounts[position.account_number]),
            "AveragePrice": decimal(price, 6),
            "AssetType": asset_type(instrument, world.market),
            "Last": decimal(last),
            "Bid": decimal(book.bid) if book and book.bid is not None else "0",
            "Ask": decimal(book.ask) if book and book.ask is not None else "0",
            "ConversionRate": "1",
            **requirements(position, world),
            "ExpirationDate": expiration(position, world),
            "PositionID": position_id(position),
            "LongShort": "Long" if quantity > 0 else "Short",
            "Quantity": decimal(quantity),
            "Symbol": to_wire(instrument),
            "Timestamp": moment(position.created_at),
            **({} if future else today),
            "TotalCost": decimal(cost, 2),
            "MarketValue": decimal(value, 2),
            "UnrealizedProfitLoss": decimal(gain, 2),
            "UnrealizedProfitLossPercent": decimal(100 * gain / abs(cost), 3) if cost else "0",
            "UnrealizedProfitLossQty": decimal(gain / abs(quantity), 2) if quantity else "0",
        }
    )


def last_price(position: SimPosition, world: "World") -> Decimal:
    """The last trade; where there was none, what the position is marked at."""
    book = world.market.book(position.instrument)
    if book is not None and book.last is not None:
        return book.last
    return position.mark or position.average_open_price


def requirements(position: SimPosition, world: "World") -> dict[str, str]:
    """Dollars that a future ties up; nothing is told for the rest, whose margin is the account's as a whole."""
    if not isinstance(position.instrument, Future):
        return {"DayTradeRequirement": "0", "InitialRequirement": "0", "MaintenanceMargin": "0"}
    product = world.market.product(position.instrument.product)
    size = abs(position.quantity)
    initial = product.initial_margin * size if product else ZERO
    maintenance = product.maintenance_margin * size if product else ZERO
    return {
        "DayTradeRequirement": decimal(initial / DAY_TRADE_SHARE, 2),
        "InitialRequirement": decimal(initial, 2),
        "MaintenanceMargin": decimal(maintenance, 2),
    }


def expiration(position: SimPosition, world: "World") -> str | None:
    match position.instrument:
        case Option(_, expiry) | FutureOption(_, _, expiry):
            return day(expiry)
        case Future():
            ends: datetime = world.market.expires_at(position.instrument)
            return day(ends.astimezone(NEW_YORK))
    return None


def position_id(position: SimPosition) -> str:
    """Nine digits, the same as long as the position exists: a new one in the same symbol gets another."""
    opened = f"{position.account_number}|{position.instrument}|{position.created_at.isoformat()}"
    number = int.from_bytes(hashlib.blake2b(opened.encode(), digest_size=8).digest(), "big")
    return str(100_000_000 + number % 900_000_000)


class SymbolFilter:
    """``MSFT,MSFT *`` and the like: a comma list, ``*`` for any characters, ``**`` for a star itself."""

    def __init__(self, text: str) -> None:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        self.patterns = [re.compile(self._regex(part), re.IGNORECASE) for part in parts]

    @staticmethod
    def _regex(part: str) -> str:
        pieces = re.split(r"(\*\*|\*)", part)
        return "".join(r"\*" if each == "**" else ".*" if each == "*" else re.escape(each) for each in pieces)

    def __contains__(self, symbol: str) -> bool:
        return not self.patterns or any(pattern.fullmatch(symbol) for pattern in self.patterns)
