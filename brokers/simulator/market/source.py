"""What derivatives need to know of the market they hang on: paths, fear, calendars."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, TypeAlias

from brokers.domain.instruments import Instrument
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.sessions import Calendar

Key: TypeAlias = Instrument | str


class State(Protocol):
    """One path as of its last quote. Prices in dollars or points; ``daily_volume`` is that of a usual day."""

    @property
    def at(self) -> datetime: ...
    @property
    def version(self) -> int: ...
    @property
    def fair(self) -> float: ...
    @property
    def prev_close(self) -> float: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def volume(self) -> int: ...
    @property
    def daily_volume(self) -> int: ...


class Source(Protocol):
    """The market as its derivatives see it. A path's key is its instrument, or the code of a futures product."""

    seed: int
    now: datetime
    always_open: bool
    listings: dict[Instrument, Listing]

    def state(self, key: Key) -> State: ...

    def level(self, key: Key, at: datetime) -> float:
        """The fair value of a path at any time: a share, an index, or the base price of a futures product."""

    def at_the_money_vol(self, key: Key, at: datetime) -> float:
        """The volatility at the money of a short option on it then, fear included; 0.25 is 25 %."""

    def closing_vols(self, key: Key, days: Sequence[date]) -> list[float]:
        """The same at the close of trading days of shares; quick."""

    def usual_vol(self, key: Key) -> float:
        """The volatility that the far end of its term structure tends to."""

    def home(self, key: Key) -> float:
        """The level that its path tends to."""

    def calendar(self, instrument: Instrument | None = None) -> Calendar: ...

    def closes(self, key: Key, last: date, count: int) -> list[float]:
        """The official closes of so many sessions up to and with a date, ascending."""

    def moved_at(self, key: Key) -> list[datetime]:
        """When somebody put its price elsewhere, ascending."""
