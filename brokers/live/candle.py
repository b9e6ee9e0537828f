"""The bar of the minute under way, out of the trades that a stream told; between two of them there may be more."""

from datetime import datetime
from decimal import Decimal

from brokers.live import frames


class Candle:
    """``volume``: what was traded since the bar began, as far as was told. ``changed``: since it was last taken to be
    told; ``fresh``: it had changed then."""

    __slots__ = ("_day_volume", "at", "changed", "close", "fresh", "high", "low", "open", "volume")

    def __init__(self) -> None:
        self.at: datetime | None = None
        self.open = self.high = self.low = self.close = self.volume = Decimal(0)
        self._day_volume: Decimal | None = None
        self.changed = self.fresh = False

    def take(self, price: Decimal | None, day_volume: Decimal | None, at: datetime) -> None:
        if price is None:
            return
        minute = at.replace(second=0, microsecond=0)
        if self.at is None or minute > self.at:
            self.at = minute
            self.open = self.high = self.low = price
            self.volume = Decimal(0)
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        if day_volume is not None:
            if self._day_volume is not None and day_volume > self._day_volume:
                self.volume += day_volume - self._day_volume
            self._day_volume = day_volume
        self.changed = True

    def text(self) -> str:
        """As JSON; null before the first trade."""
        if self.at is None:
            return "null"
        names = ("open", "high", "low", "close", "volume")
        figures = ",".join(f'"{name}":{frames.figure(getattr(self, name))}' for name in names)
        return f'{{"at":"{frames.moment(self.at)}",{figures}}}'
