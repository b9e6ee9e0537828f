"""What will happen to an account by itself, and in which order at one instant."""

from dataclasses import dataclass
from datetime import datetime

from brokers.domain.instruments import Instrument

OPTION_ENDS, FUTURE_ENDS, MARKED, MIDNIGHT = range(4)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that happens by itself; ``rank`` orders what happens at one instant."""

    at: datetime
    rank: int
    instrument: Instrument | None = None

    @property
    def order(self) -> tuple[datetime, int, str]:
        return self.at, self.rank, str(self.instrument)
